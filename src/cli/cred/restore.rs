//! `vault cred restore`.

use super::expect::IfVersion;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::report::{Cell, Report};
use crate::error::Result;
use crate::model::CredName;
use clap_complete::engine::ArgValueCompleter;

/// Bring a credential back from the trash
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault cred restore gitea-admin")]
pub struct Args {
    /// Which credential; `vault cred list --deleted` names them
    #[arg(add = ArgValueCompleter::new(complete::trashed_names))]
    name: String,

    #[command(flatten)]
    only_if: IfVersion,
}

/// Brings it back.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let mut vault = cx.unlocked()?;
    let name: CredName = args.name.parse()?;
    vault.restore((&name, args.only_if.expect(None).as_ref()))?;
    Ok(Report::Done {
        message: format!("restored `{name}`"),
        item: vec![("name", Cell::owned(name.as_str()))],
    })
}
