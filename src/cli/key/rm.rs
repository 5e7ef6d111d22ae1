//! `vault key rm`.

use super::list::count;
use crate::cli::agent;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::report::{Cell, Report};
use crate::cli::unlock;
use crate::cli::usage::paste;
use crate::error::Result;
use crate::model::{SlotLabel, counted};
use crate::vault::{RemovedSlot, SlotUses};
use clap_complete::engine::ArgValueCompleter;

/// Remove a way to unlock, and tell what it has read
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault key rm laptop
  vault key rm laptop --yes --reason 'laptop stolen'
  vault key rm laptop --yes --json

The last slot cannot be removed. What is removed does not open this file any more. It still opens old
copies of it, backups among them, and whoever had it may have kept the vault's keys: `vault rekey` makes
new ones, and what it could read is safe again only when it is rotated at the services.")]
pub struct Args {
    /// Which slot
    #[arg(value_name = "LABEL", add = ArgValueCompleter::new(complete::slots))]
    label: SlotLabel,

    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Removes it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    // one that is not there is refused below, and entered in the log
    let is_there = |cx: &Context| -> Result<bool> {
        let labels = cx.locked()?.slot_labels()?;
        Ok(labels.iter().any(|(label, _)| label == args.label.as_str()))
    };
    if !args.yes && is_there(cx)? {
        let label = args.label.as_str();
        let hint = paste(&["vault", "key", "rm", label, "--yes"]);
        cx.confirm(&format!("Remove the slot `{label}`?"), &hint)?;
    }
    let (mut vault, _) = unlock::with_its_key(cx)?;
    let removed = agent::lock_after(cx, vault.remove_slot(&args.label))?;
    explain(cx, &removed);
    Ok(done(removed))
}

/// What it means, and what it does not.
fn explain(cx: &Context, removed: &RemovedSlot) {
    let slot = &removed.slot;
    if slot.is_current {
        cx.note_later("it is the one that was used just now: it does not open the vault any more");
    }
    for twin in &removed.twins {
        let rm = paste(&["vault", "key", "rm", twin]);
        cx.warn(&format!("the same key still opens the vault, by the slot `{twin}`: {rm}"));
    }
    let all = counted(removed.could_read, "credential");
    cx.note_later(format!("it could read the secrets of {all}"));
    cx.note_later(was_read(&slot.uses));
    if slot.uses.reads > 0 {
        let slot = format!("\"slot\":{}", serde_json::Value::from(slot.label.as_str()));
        let all = paste(&["vault", "audit", "show", "--search", &slot]);
        cx.note_later(format!("all of it: {all}"));
    }
    cx.note_later(
        "it still opens old copies of the file: `vault rekey`, then rotate what it could read",
    );
}

/// What the log tells of values that were handed out.
fn was_read(uses: &SlotUses) -> String {
    let SlotUses { reads, credentials, names, .. } = uses;
    let Some(last) = uses.last_read else {
        return "by the log nothing was read with it".to_owned();
    };
    let rest = credentials.saturating_sub(u64::try_from(names.len()).unwrap_or(u64::MAX));
    let more = if rest > 0 { format!(", and {rest} more") } else { String::new() };
    let names = names.join(", ");
    format!(
        "by the log it read values of {}, {}, last at {last}: {names}{more}",
        counted(*credentials, "credential"),
        counted(*reads, "time")
    )
}

fn done(removed: RemovedSlot) -> Report {
    let RemovedSlot { slot, could_read, left, twins } = removed;
    let names = slot.uses.names.into_iter().map(Into::into).collect();
    Report::Done {
        message: format!("removed the slot `{}`; {left} left", slot.label),
        item: vec![
            ("label", Cell::owned(slot.label)),
            ("type", Cell::owned(slot.kind)),
            ("slots_left", count(u64::try_from(left).unwrap_or(u64::MAX))),
            ("was_current", Cell::Flag(slot.is_current)),
            ("credentials_it_could_read", count(could_read)),
            ("credentials_read", count(slot.uses.credentials)),
            ("reads", count(slot.uses.reads)),
            ("last_read_at", Cell::time(slot.uses.last_read)),
            ("names", Cell::List(names)),
            ("same_key", Cell::List(twins.into_iter().map(Into::into).collect())),
        ],
    }
}
