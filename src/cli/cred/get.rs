//! `vault cred get`.

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::report::Report;
use crate::error::Result;
use crate::model::FieldName;
use clap_complete::engine::ArgValueCompleter;

/// Print one secret, byte for byte
#[derive(clap::Args)]
#[command(after_help = "Examples:
  DB_PASS=$(vault cred get db/main) psql
  vault cred get web/tls private_key > key.pem
  vault cred get db/main --version 2
  vault cred get db/main --reason 'ticket 42'")]
pub struct Args {
    /// Which credential; a beginning that fits only one name will do
    #[arg(add = ArgValueCompleter::new(complete::names))]
    name: String,

    /// Which secret field, if not the primary one
    field: Option<FieldName>,

    /// Which version, if not the current one; `vault cred history` lists them
    #[arg(long, value_name = "N")]
    version: Option<u32>,

    /// Show it on the terminal even if it could drive it
    #[arg(long)]
    raw: bool,
}

/// Hands it out.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    cx.show_raw(args.raw);
    let mut vault = cx.unlocked()?;
    let name = super::meant(cx, &vault, &args.name, false)?;
    let secret = match args.version {
        Some(version) => vault.reveal_version(&name, args.field.as_ref(), version)?,
        None => vault.reveal(&name, args.field.as_ref())?,
    };
    vault.leave();
    Ok(Report::Value(secret))
}
