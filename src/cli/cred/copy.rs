//! `vault cred copy`.

use super::meant;
use crate::cli::clipboard::ClipboardArgs;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::report::{Cell, Report};
use crate::error::Result;
use crate::model::FieldName;
use clap_complete::engine::ArgValueCompleter;

/// Copy one secret to the clipboard, for a while
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault cred copy gitea-admin
  vault cred copy db/main password --clear-after 15s
  vault cred copy db/main --osc52

After 45 seconds the clipboard is cleared, but only if it still holds the secret; programs that keep a
history of it are asked to leave the secret out. With --osc52, as over SSH, the terminal is asked to
copy, and later to clear its clipboard whatever it holds then, as terminals do not tell; it must stay
open until then. In tmux that needs `set -g set-clipboard on`.")]
pub struct Args {
    /// Which credential; a beginning that fits only one name will do
    #[arg(add = ArgValueCompleter::new(complete::names))]
    name: String,

    /// Which secret field, if not the primary one
    field: Option<FieldName>,

    /// An older version of it; `vault cred history` lists them
    #[arg(long, value_name = "N")]
    version: Option<u32>,

    #[command(flatten)]
    clipboard: ClipboardArgs,
}

/// Copies it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let clipboard = args.clipboard.open(cx)?;
    let mut vault = cx.unlocked()?;
    let name = meant(cx, &vault, &args.name, false)?;
    let (field, value) = vault.copy(&name, args.field.as_ref(), args.version, clipboard.to())?;
    vault.leave();
    let mut item =
        vec![("name", Cell::owned(name.as_str())), ("field", Cell::owned(field.as_str()))];
    item.extend(clipboard.item());
    let how = clipboard.put(&value, cx)?;
    Ok(Report::Done { message: format!("copied `{field}` of `{name}` {how}"), item })
}
