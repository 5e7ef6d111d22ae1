//! `vault cred purge`.

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::report::{Cell, Report};
use crate::cli::usage::paste;
use crate::error::{Error, ErrorKind, Result};
use crate::model::CredName;
use crate::vault::{State, Vault};
use clap_complete::engine::ArgValueCompleter;

/// Destroy a credential and all its versions, for good
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault cred purge gitea-admin
  vault cred purge gitea-admin --yes
  vault cred purge gitea-admin --deleted

Entries about it stay in the audit log. Copies in backups stay too.")]
pub struct Args {
    /// Which credential, in the trash or not
    #[arg(add = ArgValueCompleter::new(complete::names))]
    name: String,

    /// The one in the trash; needed when a live one has the same name
    #[arg(long)]
    deleted: bool,

    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Destroys it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let name: CredName = args.name.parse()?;
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
        ask(cx, &name, deleted)?;
    }
    vault.purge(&name, deleted)?;
    Ok(Report::Done {
        message: format!("destroyed `{name}` and all its versions"),
        item: vec![("name", Cell::owned(name.as_str()))],
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

fn ask(cx: &Context, name: &CredName, deleted: bool) -> Result<()> {
    let Some(mut terminal) = cx.terminal() else {
        let mut command = vec!["vault", "cred", "purge", name.as_str(), "--yes"];
        command.extend(deleted.then_some("--deleted"));
        let what = "destroying needs a confirmation, and there is no terminal to ask on";
        return Err(Error::new(ErrorKind::Refused, what).hint(paste(&command)));
    };
    let place = if deleted { ", which is in the trash" } else { "" };
    let question = format!("This cannot be undone. Type `{name}` to destroy it{place}:");
    let typed = terminal.line(&question)?;
    match typed.trim() == name.as_str() {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Aborted, "that is not its name; nothing was changed")),
    }
}
