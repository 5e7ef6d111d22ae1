//! `vault cred purge`.

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::report::{Cell, Report};
use crate::cli::usage::paste;
use crate::error::{Error, ErrorKind, Result};
use crate::model::CredName;
use crate::vault::{Locked, Match, Vault};
use clap_complete::engine::ArgValueCompleter;

/// Destroy a credential and all its versions, for good
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault cred purge gitea-admin
  vault cred purge gitea-admin --yes

Entries about it stay in the audit log. Copies in backups stay too.")]
pub struct Args {
    /// Which credential, in the trash or not
    #[arg(add = ArgValueCompleter::new(complete::names))]
    name: String,

    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Destroys it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let name = find(&mut cx.locked()?, &args.name)?;
    if !args.yes {
        ask(cx, &name)?;
    }
    let mut vault = cx.unlocked()?;
    vault.purge(&name)?;
    Ok(Report::Done {
        message: format!("destroyed `{name}` and all its versions"),
        item: vec![("name", Cell::owned(name.as_str()))],
    })
}

/// A live one first; else one in the trash.
fn find(vault: &mut Vault<Locked>, text: &str) -> Result<CredName> {
    match vault.resolve(text, Match::Exact, false) {
        Err(e) if e.kind() == ErrorKind::NotFound => {
            vault.resolve(text, Match::Exact, true).map_err(|_| e)
        }
        found => found,
    }
}

fn ask(cx: &Context, name: &CredName) -> Result<()> {
    let Some(mut terminal) = cx.terminal() else {
        let what = "destroying needs a confirmation, and there is no terminal to ask on";
        return Err(Error::new(ErrorKind::Refused, what).hint(paste(&[
            "vault",
            "cred",
            "purge",
            name.as_str(),
            "--yes",
        ])));
    };
    let typed = terminal.line(&format!("This cannot be undone. Type `{name}` to destroy it:"))?;
    match typed.trim() == name.as_str() {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Aborted, "that is not its name; nothing was changed")),
    }
}
