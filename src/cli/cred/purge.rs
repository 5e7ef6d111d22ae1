//! `vault cred purge`: the only thing that cannot be undone.

use super::expect::IfVersion;
use super::purge_old;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::report::{Cell, Report};
use crate::cli::usage::paste;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CredName, FieldName};
use crate::vault::{State, Vault};
use clap_complete::engine::ArgValueCompleter;

/// Destroy a credential, one of its versions, or what is old in the trash, for good
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault cred purge gitea-admin
  vault cred purge gitea-admin --yes
  vault cred purge gitea-admin --deleted
  vault cred purge gitea-admin --version 2
  vault cred purge --older-than 30d --yes

Entries about it stay in the audit log. Copies in backups stay too.")]
pub struct Args {
    /// Which credential, in the trash or not
    #[arg(required_unless_present = "older_than", add = ArgValueCompleter::new(complete::names))]
    name: Option<String>,

    /// Which secret field's version, if not the primary one's
    #[arg(requires = "version")]
    field: Option<FieldName>,

    /// Only this version of a secret; not the current one
    #[arg(long, value_name = "N")]
    version: Option<u32>,

    /// All that has been in the trash for longer than this: 30d
    #[arg(long, value_name = "SPAN", conflicts_with_all = ["name", "version", "deleted", "if_version"])]
    older_than: Option<String>,

    /// The one in the trash; needed when a live one has the same name
    #[arg(long)]
    deleted: bool,

    /// Do not ask
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    only_if: IfVersion,
}

/// Destroys it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    if let Some(span) = &args.older_than {
        return purge_old::run(span, args.yes, cx);
    }
    let name: CredName = args.name.as_deref().unwrap_or_default().parse()?;
    let mut vault = cx.unlocked()?;
    let live = there(&vault, &name, false)?;
    let trashed = there(&vault, &name, true)?;
    let deleted = match (live, trashed) {
        _ if args.deleted => true,
        (true, true) => return Err(two(&name)),
        (_, trashed) => trashed,
    };
    // what is not there fails without a question
    if !args.yes && if deleted { trashed } else { live } {
        ask(cx, &name, &args, deleted)?;
    }
    let expect = args.only_if.expect(args.field.as_ref());
    let subject = (&name, expect.as_ref());
    let Some(version) = args.version else {
        vault.purge(subject, deleted)?;
        return Ok(Report::Done {
            message: format!("destroyed `{name}` and all its versions"),
            item: vec![("name", Cell::owned(name.as_str()))],
        });
    };
    vault.purge_version(subject, args.field.as_ref(), version, deleted)?;
    Ok(Report::Done {
        message: format!("destroyed version {version} of `{name}`"),
        item: vec![("name", Cell::owned(name.as_str())), ("version", Cell::Int(version.into()))],
    })
}

fn there<S: State>(vault: &Vault<S>, name: &CredName, deleted: bool) -> Result<bool> {
    Ok(vault.names(name.as_str(), deleted, 1)? == [name.as_str()])
}

fn two(name: &CredName) -> Error {
    let trashed = paste(&["vault", "cred", "purge", name.as_str(), "--deleted"]);
    let live = paste(&["vault", "cred", "rm", name.as_str()]);
    let what = format!("there is a live credential named `{name}` and one in the trash");
    Error::new(ErrorKind::Conflict, what)
        .hint(format!("the one in the trash: `{trashed}`"))
        .hint(format!("the live one: first `{live}`, which then is the one that `--deleted` means"))
}

fn ask(cx: &Context, name: &CredName, args: &Args, deleted: bool) -> Result<()> {
    let version = args.version.map(|version| version.to_string());
    let Some(mut terminal) = cx.terminal() else {
        let mut command = vec!["vault", "cred", "purge", name.as_str()];
        command.extend(args.field.as_ref().map(FieldName::as_str));
        command.extend(version.iter().flat_map(|version| ["--version", version]));
        command.extend(["--yes"].into_iter().chain(deleted.then_some("--deleted")));
        return Err(nobody(&paste(&command)));
    };
    let what = version.map_or_else(|| "it".into(), |version| format!("version {version} of it"));
    let place = if deleted { ", which is in the trash" } else { "" };
    let question = format!("This cannot be undone. Type `{name}` to destroy {what}{place}");
    let typed = terminal.line(&question)?;
    match typed.trim() == name.as_str() {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Aborted, "that is not its name; nothing was changed")),
    }
}

/// The error when there is nobody to ask.
pub fn nobody(command: &str) -> Error {
    let what = "destroying needs a confirmation, and there is no terminal to ask on";
    Error::new(ErrorKind::Refused, what).hint(command)
}
