//! `vault cred rotate`: new values in the place of old ones. At the services nothing is changed yet.

use super::expect::IfVersion;
use super::filter::FilterArgs;
use super::meta::{parse_expiry, secret_field};
use super::{add, rotate_many, set};
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::report::{Cell, Report};
use crate::cli::usage::paste;
use crate::cli::value::{self, Given, ValueArgs};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::{self, Kind, generate};
use crate::model::{CredName, FieldName, Metadata, Timestamp};
use crate::vault::{Change, Credential, Filter, State, Unlocked, Vault};
use clap_complete::engine::ArgValueCompleter;

/// Put a new value in the place of a secret; made up unless it is handed in
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault cred rotate gitea-admin
  vault cred rotate db/main password --generate=40 --reason 'ticket 42'
  vault cred rotate ci-token --stdin < token.txt
  vault cred rotate gitea-admin db/main
  vault cred rotate --due --client acme --yes

Only the vault is changed: what is to be done at the service is said. The old value stays, as the
version before. A file is not made up: hand it in. Names and filters together mean those of the names
that fit.")]
pub struct Args {
    /// Which credentials; with one of them, a second word may be its secret field
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(complete::names))]
    pub(super) names: Vec<String>,

    /// Which secret field, if not the primary one
    #[arg(long, value_name = "KEY", value_parser = secret_field)]
    pub(super) secret_field: Option<FieldName>,

    /// When the new value ends: 2027-01-31, or 90d from now; else it lasts as long as the old one
    #[arg(long, value_name = "WHEN")]
    pub(super) expires: Option<String>,

    /// Do not ask before several are rotated that a filter finds
    #[arg(long)]
    pub(super) yes: bool,

    #[command(flatten)]
    pub(super) only_if: IfVersion,

    #[command(flatten)]
    pub(super) filter: FilterArgs,

    #[command(flatten)]
    pub(super) value: ValueArgs,

    /// Ask for it on the terminal
    #[arg(long, group = "source", help_heading = value::HEADING)]
    pub(super) prompt: bool,
}

/// One rotation to do.
pub struct Order<'a> {
    /// The secret field, or the primary one.
    pub field: Option<&'a FieldName>,
    /// Where the value comes from; else it is made up.
    pub value: &'a ValueArgs,
    /// Ask for it on the terminal.
    pub prompt: bool,
    /// When the new value ends.
    pub expires: Option<&'a str>,
    /// What must still be so.
    pub only_if: &'a IfVersion,
}

/// What was done.
pub struct Rotated {
    /// Whose it is.
    pub name: String,
    /// Which secret field.
    pub field: FieldName,
    /// Which version it has now.
    pub version: u32,
    /// When the credential ends now.
    pub expires: Option<Timestamp>,
    /// What is to be done at the service.
    pub service: String,
    is_primary: bool,
}

impl Args {
    fn order<'a>(&'a self, field: Option<&'a FieldName>) -> Order<'a> {
        let Self { value, prompt, only_if, .. } = self;
        Order { field, value, prompt: *prompt, expires: self.expires.as_deref(), only_if }
    }
}

/// Rotates.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let filter = args.filter.filter(cx.world.now())?;
    // what is wrong with it is said before the vault is opened
    args.expires.as_deref().map(|when| parse_expiry(when, cx.world.now())).transpose()?;
    if args.names.is_empty() && filter.is_empty() {
        return Err(Error::usage("which credential?")
            .hint("name it: `vault cred rotate NAME`, or say which: `vault cred rotate --due`"));
    }
    let words: Vec<&str> = args.names.iter().map(String::as_str).collect();
    let (name, field) = match &words[..] {
        [name] if filter.is_empty() => (*name, args.secret_field.clone()),
        [name, second] if filter.is_empty() && args.secret_field.is_none() => {
            match second_word(&cx.locked()?, name, second)? {
                Some(field) => (*name, Some(field)),
                None => return many(&args, filter, cx),
            }
        }
        _ => return many(&args, filter, cx),
    };
    let given = set::early(&args.value, field.as_ref(), cx)?;
    let mut vault = cx.unlocked()?;
    let name: CredName = name.parse()?;
    let rotated = rotate(cx, &mut vault, &name, &args.order(field.as_ref()), given)?;
    Ok(done(cx, rotated))
}

fn many(args: &Args, filter: Filter, cx: &Context) -> Result<Report> {
    let value = &args.value;
    if value.stdin || value.file.is_some() || value.fd.is_some() || args.prompt {
        return Err(Error::usage("one value cannot be for several credentials")
            .hint("rotate one: `vault cred rotate NAME --stdin < FILE`")
            .hint("or let all be made: `--generate`"));
    }
    if args.only_if.any() {
        return Err(Error::usage("`--if-version` is for one credential")
            .hint("vault cred rotate NAME --if-version N"));
    }
    rotate_many::run(&args.order(args.secret_field.as_ref()), args, filter, cx)
}

/// Whether the second of two words is a secret field of the first, and not a credential. What is
/// neither may be the secret itself, and is not repeated.
fn second_word<S: State>(vault: &Vault<S>, first: &str, second: &str) -> Result<Option<FieldName>> {
    let outline = |text: &str| match text.parse::<CredName>() {
        Ok(name) => vault.outline(&name),
        Err(_) => Ok(None),
    };
    let Some((_, have)) = outline(first)? else {
        return match outline(second)? {
            Some(_) => Ok(None), // the verb says so, and leaves an entry
            None => {
                Err(Error::new(ErrorKind::NotFound, "neither word is the name of a credential")
                    .hint("vault cred list")
                    .hint(
                        "a secret is never given as an argument: `--stdin < FILE`, or `--prompt`",
                    ))
            }
        };
    };
    let field = have.iter().find(|field| field.as_str() == second);
    match (field, outline(second)?.is_some()) {
        (Some(field), false) => Ok(Some(field.clone())),
        (None, true) => Ok(None),
        (Some(_), true) => Err(Error::new(
            ErrorKind::Conflict,
            format!("`{second}` is a secret field of `{first}`, and a credential, too"),
        )
        .hint(format!(
            "the field: `{}`",
            paste(&["vault", "cred", "rotate", first, "--secret-field", second])
        ))
        .hint("the credentials: one after the other")),
        (None, false) => {
            let have: Vec<_> = have.iter().map(FieldName::as_str).collect();
            let what = format!("the second word is no credential and no secret field of `{first}`");
            Err(Error::new(ErrorKind::NotFound, what)
                .hint(format!("it has: {}", have.join(", ")))
                .hint("a secret is never given as an argument: `--stdin < FILE`, or `--prompt`"))
        }
    }
}

/// Rotates one credential.
///
/// # Errors
/// Not found (10), conflict (13) when it has moved, unsupported (4) for what cannot be made up,
/// integrity (15), I/O (18).
pub fn rotate(
    cx: &Context,
    vault: &mut Vault<Unlocked>,
    name: &CredName,
    order: &Order<'_>,
    given: Option<Given>,
) -> Result<Rotated> {
    let expect = order.only_if.expect(order.field);
    let now = vault.look_for("rotate", (name, expect.as_ref()))?; // before anything is typed in vain
    let kind = kind::find(&now.meta.kind)?;
    let have: Vec<_> = now.secrets.iter().map(|(field, _)| field).collect();
    let primary = set::primary(kind, &have)?;
    let field = order.field.unwrap_or(&primary).clone();
    if !have.contains(&&field) {
        return Err(no_such_field(&now, &have));
    }
    let given = match given {
        Some(given) => given,
        None => fresh(cx, order, kind, &now, &field)?,
    };
    add::heed(cx, kind, &now.meta, [(&field, &given)].into_iter())?;
    let secrets = vec![(field.clone(), given.secret)];
    let learnt = kind.learnt(&secrets, &now.meta);
    let clock = cx.world.now();
    let edit = |meta: &mut Metadata| {
        if let Some(learnt) = learnt {
            kind::take_over(learnt, kind::Said::default(), meta);
        }
        if let Some(when) = order.expires {
            meta.expires_at = parse_expiry(when, clock)?;
        }
        Ok(())
    };
    let expect = order.only_if.expect(Some(&field));
    let change = Change { edit: Some(Box::new(edit)), secrets };
    let after = vault.rotate((name, expect.as_ref()), change)?;
    let version = after.secrets.iter().find(|(other, _)| *other == field).map_or(0, |(_, n)| *n);
    Ok(Rotated {
        name: after.name,
        version,
        expires: after.meta.expires_at,
        service: kind.at_service(field.as_str(), &after.meta),
        is_primary: field == primary,
        field,
    })
}

/// A value that was not handed in: asked for, or made as its kind wants it.
fn fresh(
    cx: &Context,
    order: &Order<'_>,
    kind: &Kind,
    now: &Credential,
    field: &FieldName,
) -> Result<Given> {
    if order.prompt {
        return value::ask(cx, field);
    }
    if order.value.generate.is_none() && !generate::is_for_pairs(kind, field.as_str()) {
        refuse_file(now, field)?;
    }
    let made = match order.value.generate.is_some() {
        true => order.value.read(kind, field, cx),
        false => ValueArgs { generate: Some(None), ..ValueArgs::default() }.read(kind, field, cx),
    };
    let made = made.map_err(|e| match e.kind() {
        ErrorKind::Unsupported => e.hint("hand it in: `--stdin < FILE`, or `--prompt`"),
        _ => e,
    })?;
    made.ok_or_else(|| Error::internal("nothing was made"))
}

/// A random text in the place of a key store would help nobody.
fn refuse_file(now: &Credential, field: &FieldName) -> Result<()> {
    match now.media.iter().any(|(other, _)| other == field) {
        true => Err(Error::new(
            ErrorKind::Unsupported,
            format!("`{field}` of `{}` is a file, which cannot be made up", now.name),
        )
        .hint("hand it in: `--file PATH`; or put a text in its place: `--generate`")),
        false => Ok(()),
    }
}

fn no_such_field(now: &Credential, have: &[&FieldName]) -> Error {
    let have: Vec<_> = have.iter().map(|field| field.as_str()).collect();
    Error::new(ErrorKind::NotFound, format!("`{}` has no such secret field", now.name))
        .hint(format!("it has: {}", have.join(", ")))
}

/// Says what is to be done at the services, and where the old values are.
pub fn say_services<'r>(cx: &Context, rotated: impl Iterator<Item = &'r Rotated> + Clone) {
    let count = rotated.clone().count();
    if count == 0 {
        return;
    }
    cx.note_later("nothing was changed at the services:");
    for Rotated { name, service, .. } in rotated.take(MOST_SHOWN) {
        cx.note_later(format!("`{name}`: {service}"));
    }
    if count > MOST_SHOWN {
        let more = count - MOST_SHOWN;
        cx.note_later(format!("and {more} more; `--json` says it of each"));
    }
    cx.note_later("the old values stay: vault cred get NAME --version N, with the version before");
}

/// More would hide the rest.
pub(super) const MOST_SHOWN: usize = 10;

fn done(cx: &Context, rotated: Rotated) -> Report {
    let Rotated { name, field, version, expires, service, is_primary } = rotated;
    let before = version.saturating_sub(1);
    let number = before.to_string();
    let mut old = vec!["vault", "cred", "get", &name];
    old.extend((!is_primary).then_some(field.as_str()));
    old.extend(["--version", &number]);
    cx.note_later(format!("nothing was changed at the service: {service}"));
    cx.note_later(format!("the old value stays: {}", paste(&old)));
    Report::Done {
        message: format!("rotated `{name}`: version {version} of `{field}`"),
        item: vec![
            ("name", Cell::owned(name)),
            ("field", Cell::owned(field.to_string())),
            ("version", Cell::Int(version.into())),
            ("previous", Cell::Int(before.into())),
            ("expires", Cell::time(expires)),
            ("service", Cell::owned(service)),
        ],
    }
}
