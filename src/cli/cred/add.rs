//! `vault cred add`.

use super::meta::{MetaArgs, secret_field};
use crate::cli::config;
use crate::cli::context::Context;
use crate::cli::report::{Cell, Report};
use crate::cli::usage::paste;
use crate::cli::value::{self, Given, ValueArgs};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::{self, Kind, checks, generate};
use crate::model::{CredName, FieldName, Metadata, Secret};
use crate::vault::NewCredential;
use clap_complete::engine::ArgValueCandidates;

/// Keep a new credential
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault cred add gitea-admin --username admin --url https://git.example.com --client acme
  vault cred add ci-token --type api_key --stdin < token.txt
  vault cred add db/main --generate=32 --username app --host db.example.com --port 5432
  vault cred add web1 --type ssh --generate --username root --host web1.example.com
  vault cred add web/tls --type custom --secret-field store --file store.p12
  vault cred add radius --type custom --secret-field shared --field realm=example.com
  vault cred add aws/root-backup --generate --username root --canary

The secret itself is never an argument: it is asked for, read or made.")]
pub struct Args {
    /// What to call it
    name: CredName,

    /// What sort of credential it is
    #[arg(long = "type", value_name = "KIND", default_value = "password",
          add = ArgValueCandidates::new(super::kinds))]
    kind: String,

    #[command(flatten)]
    meta: MetaArgs,

    /// A secret field to fill; may be given several times
    #[arg(long, value_name = "KEY", value_parser = secret_field,
          help_heading = value::HEADING)]
    secret_field: Vec<FieldName>,

    #[command(flatten)]
    value: ValueArgs,

    /// Make it a canary: a decoy that looks like any other; when it is used, an incident is opened and the
    /// hook of the configuration file is started
    #[arg(long)]
    canary: bool,
}

/// Stores it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let kind = kind::find(&args.kind)?;
    if args.canary {
        config::load(&cx.world)?; // it has the hook, and nobody would hear that it is wrong
    }
    let mut meta = Metadata::default();
    kind.name.clone_into(&mut meta.kind);
    args.meta.apply(&mut meta, cx.world.now())?;
    let mut fields = fields(kind, &args.secret_field, args.value.given())?;
    if let (true, Some(field)) = (args.secret_field.is_empty(), made_for(kind, &args, cx)?) {
        fields = vec![field];
    }
    let mut given = match fields.first() {
        Some(first) => args.value.read(kind, first, cx)?.into_iter().collect::<Vec<_>>(),
        None => Vec::new(),
    };
    if let (true, Some(given)) = (fits_itself(kind, &args), given.first()) {
        let field = kind.field_for(given.secret.expose()).map(|field| field.name.parse());
        fields = field.into_iter().collect::<Result<_>>()?;
    }
    let notes = args.meta.notes()?;
    let mut vault = cx.unlocked()?;
    if given.is_empty() && vault.names(args.name.as_str(), false, 1)? == [args.name.as_str()] {
        return Err(taken(&args.name)); // before somebody types a secret in vain
    }
    for field in &fields[given.len()..] {
        given.push(value::ask(cx, field)?);
    }
    heed(cx, kind, &meta, fields.iter().zip(&given))?;
    let mut secrets: Vec<_> = fields.into_iter().zip(given.into_iter().map(|g| g.secret)).collect();
    if let Some(learn) = kind.learn {
        learn(&secrets, &mut meta);
    }
    secrets.extend(notes);
    let report = done(&args.name, &meta, &secrets);
    let new = NewCredential { name: args.name, meta, secrets };
    match args.canary {
        true => vault.add_canary(new)?,
        false => vault.add(new)?,
    }
    Ok(report)
}

/// The secret fields to fill: those named and those the kind demands, or else its primary one.
pub(super) fn fields(kind: &Kind, named: &[FieldName], handed_in: bool) -> Result<Vec<FieldName>> {
    let mut fields: Vec<FieldName> = Vec::new();
    let secret = || kind.fields.iter().filter(|field| field.secret && field.name != "notes");
    for field in secret().filter(|field| field.required) {
        fields.push(field.name.parse()?);
    }
    for field in named {
        known(kind, field)?;
        match fields.contains(field) {
            true if named.iter().filter(|other| *other == field).count() > 1 => {
                return Err(Error::usage(format!("`--secret-field {field}` is given twice")));
            }
            true => {}
            false => fields.push(field.clone()),
        }
    }
    if fields.is_empty() {
        let Some(primary) = secret().next() else {
            return Err(Error::usage(format!("`{}` needs a secret field", kind.name))
                .hint("name it: `--secret-field KEY`"));
        };
        fields.push(primary.name.parse()?);
    }
    match handed_in && fields.len() > 1 {
        true => Err(Error::usage("one value is handed in, and there are several secret fields")
            .hint("add the others later: `vault cred set NAME FIELD --stdin < FILE`")),
        false => Ok(fields),
    }
}

/// The field that a value goes into when it is made up.
fn made_for(kind: &Kind, args: &Args, cx: &Context) -> Result<Option<FieldName>> {
    if args.value.generate.is_none() {
        return Ok(None);
    }
    let field = generate::field_for(kind, args.value.wished(cx)?.as_ref());
    field.map(|field| field.name.parse()).transpose()
}

/// Whether the value that is handed in may choose its field.
fn fits_itself(kind: &Kind, args: &Args) -> bool {
    let demanded = kind.secret_fields().any(|field| field.required);
    args.secret_field.is_empty() && args.value.generate.is_none() && !demanded
}

fn known(kind: &Kind, field: &FieldName) -> Result<()> {
    if field.as_str() == "notes" {
        return Err(Error::usage("notes come from a file").hint("--notes-file FILE"));
    }
    let fits = kind.open || kind.secret_field(field.as_str()).is_some();
    let names = || kind.fields.iter().filter(|f| f.secret).map(|f| f.name).collect::<Vec<_>>();
    let missing = match kind::repeatable(field.as_str()) {
        true => format!("secret field `{field}`"),
        false => "such secret field".to_owned(),
    };
    match fits {
        true => Ok(()),
        false => Err(Error::usage(format!("`{}` has no {missing}", kind.name))
            .hint(format!("it has: {}", names().join(", ")))
            .hint("any field can be had with `--type custom`")),
    }
}

/// Looks at the values: what can never be of use is refused, and what looks wrong is said.
///
/// # Errors
/// Usage (2), see [`checks::refuse`]; aborted (3) at no.
pub(super) fn heed<'g>(
    cx: &Context,
    kind: &Kind,
    meta: &Metadata,
    given: impl Iterator<Item = (&'g FieldName, &'g Given)>,
) -> Result<()> {
    let mut warnings = Vec::new();
    let mut typed = false;
    for (field, given) in given {
        value::weigh(cx, field, given);
        checks::refuse(field.as_str(), given.secret.expose())?;
        warnings.extend(value::doubts(kind, field, given, meta));
        typed |= given.typed;
    }
    value::heed(cx, &warnings, typed)
}

pub(super) fn taken(name: &CredName) -> Error {
    Error::new(ErrorKind::Conflict, format!("there is a credential named `{name}` already"))
        .hint(format!("change it: `{}`", paste(&["vault", "cred", "set", name.as_str()])))
}

fn done(name: &CredName, meta: &Metadata, secrets: &[(FieldName, Secret)]) -> Report {
    let names = secrets.iter().map(|(field, _)| field.to_string().into()).collect();
    Report::Done {
        message: format!("added `{name}`"),
        item: vec![
            ("name", Cell::owned(name.as_str())),
            ("type", Cell::owned(meta.kind.as_str())),
            ("secrets", Cell::List(names)),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Field;

    const fn field(name: &'static str, secret: bool, required: bool) -> Field {
        Field {
            name,
            secret,
            required,
            env: None,
            about: "",
            example: "x",
            check: None,
            service: "",
        }
    }

    static FIELDS: [Field; 4] = [
        field("password", true, true),
        field("totp", true, false),
        field("url", false, true),
        field("realm", false, true),
    ];

    fn kind(fields: &'static [Field], open: bool) -> Kind {
        Kind { name: "test", aliases: &[], about: "", fields, open, learn: None }
    }

    fn names(kind: &Kind, named: &[&str], handed_in: bool) -> Result<Vec<String>> {
        let named: Vec<_> = named.iter().map(|name| name.parse().unwrap()).collect();
        Ok(fields(kind, &named, handed_in)?.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn which_fields_are_filled() {
        let closed = kind(&FIELDS, false);
        assert_eq!(names(&closed, &[], true).unwrap(), ["password"]);
        assert_eq!(names(&closed, &["totp"], false).unwrap(), ["password", "totp"]);
        assert_eq!(names(&closed, &["password"], true).unwrap(), ["password"]);
        assert!(names(&closed, &["totp"], true).is_err());
        assert!(names(&closed, &["other"], false).is_err());
        assert!(names(&closed, &["totp", "totp"], false).is_err());
        let open = kind(&[], true);
        assert_eq!(names(&open, &["other"], true).unwrap(), ["other"]);
        assert!(names(&open, &[], true).is_err());
        let either = kind(&FIELDS[1..2], false);
        assert_eq!(names(&either, &[], true).unwrap(), ["totp"]);
    }
}
