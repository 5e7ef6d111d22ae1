//! `vault cred set`.

use super::expect::IfVersion;
use super::meta::MetaArgs;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::report::{Cell, Report};
use crate::cli::usage::{paste, secret_in_arguments};
use crate::cli::value::{self, Given, ValueArgs};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::{self, Kind, checks};
use crate::model::{Attr, FieldName, Label, Metadata, Timestamp};
use crate::vault::{Change, Credential, Locked, Match, Vault};
use clap_complete::engine::ArgValueCompleter;

/// Change a credential: its metadata, or a secret, which gets a new version
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault cred set gitea-admin --url https://git2.example.com --remove-tag old
  vault cred set gitea-admin --description ''
  vault cred set db/main password --generate=40
  vault cred set ci-token --stdin < token.txt

An empty value clears. The secret itself is never an argument: it is asked for, read or made.")]
pub struct Args {
    /// Which credential
    #[arg(add = ArgValueCompleter::new(complete::names))]
    name: String,

    /// Which secret field; the primary one if only a source is given
    #[arg(value_name = "FIELD", value_parser = field)]
    secret: Option<FieldName>,

    #[command(flatten)]
    only_if: IfVersion,

    #[command(flatten)]
    meta: MetaArgs,

    #[command(flatten)]
    clear: ClearArgs,

    #[command(flatten)]
    value: ValueArgs,
}

/// What to take away.
#[derive(clap::Args)]
#[command(next_help_heading = "Metadata")]
pub(super) struct ClearArgs {
    /// Works without a VPN after all
    #[arg(long, conflicts_with = "requires_vpn")]
    no_requires_vpn: bool,
    /// Asks for no second factor after all
    #[arg(long, conflicts_with = "requires_2fa")]
    no_requires_2fa: bool,
    /// Take a tag away; may be given several times
    #[arg(long, value_name = "TAG")]
    remove_tag: Vec<Label>,
    /// Take a public field away; may be given several times
    #[arg(long, value_name = "KEY")]
    remove_field: Vec<FieldName>,
}

/// Changes it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let secret_too = args.secret.is_some() || args.value.given();
    let clear_too = args.meta.any() || args.clear.any();
    if !secret_too && !clear_too && args.meta.notes_file.is_none() {
        return Err(Error::usage("nothing to change")
            .hint("give a metadata option, or the name of a secret field"));
    }
    refuse_public(args.secret.as_ref())?;
    // what is wrong with the options is said before the vault is opened, and so before any entry
    args.meta.apply(&mut Metadata::default(), cx.world.now())?;
    let early = early(&args.value, args.secret.as_ref(), cx)?;
    let notes = args.meta.notes()?;
    if let Some(field) = &args.secret {
        refuse_strange(&cx.locked()?, &args, field)?;
    }
    let mut vault = cx.unlocked()?;
    let name = vault.resolve(&args.name, Match::Exact, false)?;
    let expect = args.only_if.expect(args.secret.as_ref());
    let now = vault.look((&name, expect.as_ref()))?; // before anything is typed in vain
    let kind = kind::find(&now.meta.kind)?;
    let mut meta = now.meta.clone();
    edit(&args, cx.world.now(), &mut meta)?;
    let mut secrets = Vec::new();
    if secret_too {
        let have: Vec<_> = now.secrets.iter().map(|(field, _)| field).collect();
        let field = match args.secret.clone() {
            Some(field) if fits(kind, &have, &field) => field,
            Some(_) => return Err(no_such_field(kind, &now.name)),
            None => primary(kind, &have)?,
        };
        let given = match early {
            Some(given) => given,
            None => late(cx, &args.value, kind, &field)?,
        };
        value::weigh(cx, &field, &given);
        checks::refuse(field.as_str(), given.secret.expose())?;
        let warnings = value::doubts(kind, &field, &given, &meta);
        value::heed(cx, &warnings, given.typed)?;
        secrets.push((field, given.secret));
    }
    let learnt = kind.learnt(&secrets, &meta);
    secrets.extend(notes);
    let fields: Vec<_> = secrets.iter().map(|(field, _)| field.clone()).collect();
    let clock = cx.world.now();
    let change = Change {
        edit: Some(Box::new(|meta| {
            edit(&args, clock, meta)?;
            if let Some(fresh) = learnt {
                kind::take_over(fresh, args.meta.said(), meta);
            }
            Ok(())
        })),
        secrets,
    };
    let changed = vault.set((&name, expect.as_ref()), change)?;
    Ok(done(&now, &fields, if changed { "changed" } else { "nothing to change in" }))
}

/// Applies what the options say to the metadata.
fn edit(args: &Args, now: Timestamp, meta: &mut Metadata) -> Result<()> {
    args.clear.apply(meta)?;
    args.meta.apply(meta, now)
}

/// What is handed in by a descriptor or a file is read before the vault is opened. What is made needs
/// the kind, so comes later; only the wish is looked at.
///
/// # Errors
/// Those of [`ValueArgs::read`].
pub(super) fn early(
    value: &ValueArgs,
    field: Option<&FieldName>,
    cx: &Context,
) -> Result<Option<Given>> {
    if value.generate.is_some() {
        return value.wished(cx).map(|_| None);
    }
    let any = kind::find("custom")?;
    let field = field.map_or_else(|| "value".parse(), |field| Ok(field.clone()))?;
    value.read(any, &field, cx)
}

fn late(cx: &Context, value: &ValueArgs, kind: &Kind, field: &FieldName) -> Result<Given> {
    match value.read(kind, field, cx)? {
        Some(made) => Ok(made),
        None => value::ask(cx, field),
    }
}

/// The secret field that is meant when none is named: the kind's first that is there, or any that is
/// there, or the kind's first.
///
/// # Errors
/// Usage (2) when an open kind has none.
pub(super) fn primary(kind: &Kind, have: &[&FieldName]) -> Result<FieldName> {
    let has = |name: &str| have.iter().any(|field| field.as_str() == name);
    let listed = || kind.secret_fields().map(|field| field.name);
    let kept = listed().find(|name| has(name));
    let first = || have.iter().map(|field| field.as_str()).find(|name| !kind::is_common(name));
    let name = kept.or_else(first).or_else(|| listed().next());
    name.ok_or_else(|| Error::usage("which secret field?"))?.parse()
}

/// Whether `field` can be a secret field of a credential of `kind` that has `have`.
pub(super) fn fits(kind: &Kind, have: &[&FieldName], field: &FieldName) -> bool {
    kind.open || kind.secret_field(field.as_str()).is_some() || have.contains(&field)
}

/// What stands in the place of a field may be the secret itself: that is found out before anybody is
/// asked for anything, and never repeated.
fn refuse_strange(vault: &Vault<Locked>, args: &Args, field: &FieldName) -> Result<()> {
    let name = vault.resolve(&args.name, Match::Exact, false)?;
    let Some((kind, have)) = vault.outline(&name)? else {
        return Ok(()); // the verb says so, and leaves an entry
    };
    let kind = kind::find(&kind)?;
    if fits(kind, &have.iter().collect::<Vec<_>>(), field) {
        return Ok(());
    }
    match args.value.given() {
        true => Err(no_such_field(kind, name.as_str())),
        false => Err(not_an_argument().hint(has(kind))),
    }
}

fn no_such_field(kind: &Kind, name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("`{name}` has no such secret field")).hint(has(kind))
}

fn has(kind: &Kind) -> String {
    let known = kind.secret_fields().map(|field| field.name).collect::<Vec<_>>();
    format!("`{}` has: {}", kind.name, known.join(", "))
}

fn not_an_argument() -> Error {
    secret_in_arguments("vault cred set NAME")
}

/// The name of a field. What cannot be one is most likely the secret.
fn field(text: &str) -> Result<FieldName> {
    text.parse().map_err(|_| not_an_argument())
}

fn refuse_public(field: Option<&FieldName>) -> Result<()> {
    let Some(field) = field.map(FieldName::as_str) else {
        return Ok(());
    };
    let public = Attr::ALL.into_iter().any(|attr| attr.name() == field) || field == "port";
    match public {
        true => Err(Error::usage(format!("`{field}` is no secret field"))
            .hint(format!("{} --{field} …", paste(&["vault", "cred", "set", "NAME"])))),
        false => Ok(()),
    }
}

fn done(now: &Credential, secrets: &[FieldName], what: &str) -> Report {
    let names = secrets.iter().map(|field| field.to_string().into()).collect();
    Report::Done {
        message: format!("{what} `{}`", now.name),
        item: vec![("name", Cell::owned(now.name.as_str())), ("secrets", Cell::List(names))],
    }
}

fn nothing_to_remove(what: &str, name: &str) -> Error {
    let message = match kind::repeatable(name) {
        true => format!("no {what} `{name}`"),
        false => format!("no such {what}"),
    };
    Error::new(ErrorKind::NotFound, message)
}

impl ClearArgs {
    fn any(&self) -> bool {
        self.no_requires_vpn
            || self.no_requires_2fa
            || !self.remove_tag.is_empty()
            || !self.remove_field.is_empty()
    }

    pub(super) fn apply(&self, meta: &mut Metadata) -> Result<()> {
        meta.requires_vpn &= !self.no_requires_vpn;
        meta.requires_2fa &= !self.no_requires_2fa;
        for tag in &self.remove_tag {
            if !meta.tags.remove(tag) {
                return Err(nothing_to_remove("tag", tag.as_str()));
            }
        }
        for field in &self.remove_field {
            if meta.fields.remove(field).is_none() {
                return Err(nothing_to_remove("public field", field.as_str()));
            }
        }
        Ok(())
    }
}
