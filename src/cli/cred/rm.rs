//! `vault cred rm`.

use super::expect::IfVersion;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::report::{Cell, Report};
use crate::cli::usage::paste;
use crate::error::Result;
use crate::model::CredName;
use clap_complete::engine::ArgValueCompleter;

/// Move a credential to the trash
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault cred rm gitea-admin
  vault cred list --deleted
  vault cred restore gitea-admin")]
pub struct Args {
    /// Which credential
    #[arg(add = ArgValueCompleter::new(complete::names))]
    name: String,

    #[command(flatten)]
    only_if: IfVersion,
}

/// Moves it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let mut vault = cx.unlocked()?;
    let name: CredName = args.name.parse()?;
    vault.remove((&name, args.only_if.expect(None).as_ref()))?;
    let back = paste(&["vault", "cred", "restore", name.as_str()]);
    Ok(Report::Done {
        message: format!("moved `{name}` to the trash; `{back}` brings it back"),
        item: vec![("name", Cell::owned(name.as_str()))],
    })
}
