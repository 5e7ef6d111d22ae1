//! `vault cred rename`.

use super::expect::IfVersion;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::report::{Cell, Report};
use crate::error::Result;
use crate::model::CredName;
use clap_complete::engine::ArgValueCompleter;

/// Give a credential another name
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault cred rename gitea-admin git/admin")]
pub struct Args {
    /// Which credential
    #[arg(add = ArgValueCompleter::new(complete::names))]
    name: String,

    /// What to call it from now on
    new_name: CredName,

    #[command(flatten)]
    only_if: IfVersion,
}

/// Renames it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let mut vault = cx.unlocked()?;
    let name: CredName = args.name.parse()?;
    vault.rename((&name, args.only_if.expect(None).as_ref()), &args.new_name)?;
    Ok(Report::Done {
        message: format!("renamed `{name}` to `{}`", args.new_name),
        item: vec![
            ("name", Cell::owned(args.new_name.as_str())),
            ("old_name", Cell::owned(name.as_str())),
        ],
    })
}
