//! `vault cred get`.

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::report::Report;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{FieldName, Reference};
use crate::vault::{Errand, Mode, Want, What};
use clap_complete::engine::ArgValueCompleter;

/// Print one secret, byte for byte
#[derive(clap::Args)]
#[command(after_help = "Examples:
  DB_PASS=$(vault cred get db/main) psql
  vault cred get web/tls private_key > key.pem
  vault cred get db/main --version 2
  vault cred get 'vault://db/main/password?version=2'
  vault cred get db/main --reason 'ticket 42'
  vault cred get")]
pub struct Args {
    /// Which credential; a beginning that fits only one name will do; or a reference, `vault://NAME/FIELD`;
    /// without it, pick one
    #[arg(add = ArgValueCompleter::new(complete::names_or_references))]
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
    if let Some(text) = args.name.as_deref().filter(|text| Reference::is_meant(text)) {
        return referred(text, &args, cx);
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

/// What a reference names, which may be public too, or a one-time code.
fn referred(text: &str, args: &Args, cx: &Context) -> Result<Report> {
    let reference: Reference = text.parse()?;
    if args.field.is_some() || args.version.is_some() {
        return Err(Error::usage("a reference says itself which field and which version it means")
            .hint("vault cred get 'vault://NAME/FIELD?version=N'"));
    }
    let want = Want { what: What::Reference(reference), mode: Mode::Caller };
    let mut vault = cx.unlocked()?;
    let handed = vault.deliver(&[want], &Errand { action: "decrypt", command: None })?;
    vault.leave();
    let one = handed.into_iter().next();
    one.map(|one| Report::Value(one.value)).ok_or_else(|| Error::internal("nothing was handed out"))
}

fn nothing_there() -> Error {
    Error::new(ErrorKind::NotFound, "there is no credential yet").hint("vault cred add NAME")
}
