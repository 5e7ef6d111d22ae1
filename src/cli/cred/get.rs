//! `vault cred get`.

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::report::Report;
use crate::error::{Error, ErrorKind, Result};
use crate::model::FieldName;
use clap_complete::engine::ArgValueCompleter;

/// Print one secret, byte for byte
#[derive(clap::Args)]
#[command(after_help = "Examples:
  DB_PASS=$(vault cred get db/main) psql
  vault cred get web/tls private_key > key.pem
  vault cred get db/main --version 2
  vault cred get db/main --reason 'ticket 42'
  vault cred get")]
pub struct Args {
    /// Which credential; a beginning that fits only one name will do; without it, pick one
    #[arg(add = ArgValueCompleter::new(complete::names))]
    name: Option<String>,

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
    if args.name.is_none() && cx.terminal().is_none() {
        return Err(Error::usage("which credential? there is no terminal to pick it on")
            .hint("name it: vault cred get NAME; `vault cred list` has the names"));
    }
    let mut vault = cx.unlocked()?;
    let name = match &args.name {
        Some(name) => super::meant(cx, &vault, name, false)?,
        None => super::picked(cx, &vault, "", false)?.ok_or_else(nothing_there)?,
    };
    let secret = match args.version {
        Some(version) => vault.reveal_version(&name, args.field.as_ref(), version)?,
        None => vault.reveal(&name, args.field.as_ref())?,
    };
    vault.leave();
    Ok(Report::Value(secret))
}

fn nothing_there() -> Error {
    Error::new(ErrorKind::NotFound, "there is no credential yet").hint("vault cred add NAME")
}
