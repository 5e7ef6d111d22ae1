//! `vault key list`.

use crate::cli::context::Context;
use crate::cli::render::Format;
use crate::cli::report::{Cell, Column, Report, Sink};
use crate::error::Result;
use crate::vault::Slot;

/// List the slots: label, type, age and last use
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault key list
  vault key list --unlock
  vault key list --json

What opens the vault, without what opens it. The last use, and how often values were read through a
slot, are told from the log, as far back as it goes. Locked, the slots are shown as they stand in the
file; unlocked, they are checked, and public keys are shown.")]
pub struct Args {
    /// Unlock, to check the slots and show public keys; done anyway when a key source is configured
    #[arg(long)]
    unlock: bool,
}

/// Lists them.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let slots = if args.unlock || cx.has_key_source() {
        cx.unlocked()?.slots()?
    } else {
        cx.note_later("the slots are shown as they stand; `--unlock` checks them");
        cx.locked()?.slots()?
    };
    let (columns, cells): (_, fn(&Slot) -> Vec<Cell<'_>>) = match cx.format() {
        Format::Table => (BRIEF, brief),
        Format::Plain | Format::Json => (COLUMNS, cells),
    };
    let rows = move |sink: &mut Sink<'_>| slots.iter().try_for_each(|slot| sink(&cells(slot)));
    Ok(Report::Table { columns: columns.into(), rows: Box::new(rows), empty: "no slots" })
}

/// What fits a terminal.
fn brief(slot: &Slot) -> Vec<Cell<'_>> {
    let current = if slot.is_current { " (used now)" } else { "" };
    let by = slot.uses.last.as_ref().map(|(_, user, host)| format!("{user} on {host}"));
    vec![
        Cell::owned(format!("{}{current}", slot.label)),
        Cell::text(Some(&slot.kind)),
        // the day will do: with its hour a line is too wide for 80 columns
        Cell::owned(slot.created_at.to_string().chars().take(DAY).collect::<String>()),
        Cell::time(slot.uses.last.as_ref().map(|last| last.0)),
        by.map_or(Cell::None, Cell::owned),
        count(slot.uses.reads),
        slot.recipient.as_deref().map_or(Cell::None, |text| Cell::owned(abbreviated(text))),
    ]
}

/// All of it.
fn cells(slot: &Slot) -> Vec<Cell<'_>> {
    let last = slot.uses.last.as_ref();
    vec![
        Cell::text(Some(&slot.label)),
        Cell::text(Some(&slot.kind)),
        Cell::Time(slot.created_at),
        Cell::time(last.map(|last| last.0)),
        Cell::text(last.map(|last| last.1.as_str())),
        Cell::text(last.map(|last| last.2.as_str())),
        count(slot.uses.reads),
        Cell::time(slot.uses.last_read),
        count(slot.uses.credentials),
        Cell::text(slot.recipient.as_deref()),
        Cell::Flag(slot.is_current),
    ]
}

/// A number for an answer.
pub fn count(number: u64) -> Cell<'static> {
    Cell::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

/// The beginning and the end of a long public key.
fn abbreviated(key: &str) -> String {
    let (kind, data) = key.split_once(' ').unwrap_or(("", key));
    let chars: Vec<char> = data.chars().collect();
    if chars.len() <= 24 {
        return key.to_owned();
    }
    let end: String = chars[chars.len() - 12..].iter().collect();
    let start: String = chars[..8].iter().collect();
    format!("{kind} {start}…{end}").trim_start().to_owned()
}

/// `2026-11-22`
const DAY: usize = 10;

const BRIEF: &[Column] = &[
    Column { name: "label" },
    Column { name: "type" },
    Column { name: "created" },
    Column { name: "last_used_at" },
    Column { name: "last_used_by" },
    Column { name: "reads" },
    Column { name: "recipient" },
];

const COLUMNS: &[Column] = &[
    Column { name: "label" },
    Column { name: "type" },
    Column { name: "created_at" },
    Column { name: "last_used_at" },
    Column { name: "last_user" },
    Column { name: "last_host" },
    Column { name: "reads" },
    Column { name: "last_read_at" },
    Column { name: "credentials_read" },
    Column { name: "recipient" },
    Column { name: "current" },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_keys_keep_their_ends() {
        let long = format!("ssh-ed25519 AAAAC3Nz{}lastTwelve12", "x".repeat(50));
        assert_eq!(abbreviated(&long), "ssh-ed25519 AAAAC3Nz…lastTwelve12");
        assert_eq!(abbreviated("age1short"), "age1short");
        assert_eq!(abbreviated(&"é".repeat(40)), format!("{}…{}", "é".repeat(8), "é".repeat(12)));
    }
}
