//! `vault status`.

use super::context::Context;
use super::report::{Cell, Report};
use crate::error::Result;
use crate::vault::Status;

/// Tell where the vault is and how it stands, without unlocking
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault status
  vault status --json")]
pub struct Args {}

/// Tells it.
pub fn run(_args: Args, cx: &mut Context) -> Result<Report> {
    let mut vault = cx.locked()?;
    let status = vault.status()?;
    match status.seal {
        "missing" => {
            cx.warn("there is no seal file for this vault here; the next unlocking makes one");
        }
        "damaged" => cx.warn("the seal file is damaged; see `vault doctor`"),
        "ahead" => {
            cx.warn(
                "the vault file is older than its seal; `vault trust-state` accepts a restored one",
            );
        }
        _ => {}
    }
    Ok(Report::Item(item(status)))
}

fn item(status: Status) -> Vec<(&'static str, Cell<'static>)> {
    let slots = status.slots.into_iter().map(|(label, kind, at)| {
        let slot =
            vec![("type".to_owned(), Cell::owned(kind)), ("created".to_owned(), Cell::Time(at))];
        (label, Cell::Map(slot))
    });
    let kinds = status.kinds.into_iter().map(|(kind, n)| (kind, count(n)));
    vec![
        ("file", Cell::owned(status.file.display().to_string())),
        ("bytes", count(status.bytes)),
        ("vault_id", Cell::owned(status.vault_id.to_string())),
        ("epoch", Cell::Int(status.epoch.into())),
        ("created", Cell::Time(status.created_at)),
        ("changes", Cell::Int(status.counter)),
        ("credentials", count(status.live)),
        ("in_trash", count(status.trashed)),
        ("expired", count(status.expired)),
        ("expiring", count(status.expiring)),
        ("types", Cell::Map(kinds.collect())),
        ("entries", Cell::Int(status.entries)),
        ("last_entry", Cell::time(status.last_entry_at)),
        ("slots", Cell::Map(slots.collect())),
        ("seal", Cell::owned(status.seal)),
    ]
}

fn count(n: u64) -> Cell<'static> {
    Cell::Int(i64::try_from(n).unwrap_or(i64::MAX))
}
