//! `vault key test`.

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::report::{Cell, Column, Report, Sink};
use crate::cli::unlock;
use crate::error::Result;
use crate::model::SlotLabel;
use clap_complete::engine::ArgValueCompleter;

/// Try which slots a key or passphrase opens
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault key test
  vault key test paper --key-file typed-from-the-sheet
  VAULT_KEY_FILE=/media/stick/vault.key vault key test backup

Tries what is given as for unlocking, or typed, on one slot or on all. It is entered in the log: what
opens as `unlock`, and `unlock_failed` when nothing does. Exit code 11 when nothing does.")]
pub struct Args {
    /// Only this slot
    #[arg(value_name = "LABEL", add = ArgValueCompleter::new(complete::slots))]
    label: Option<SlotLabel>,
}

/// Tries it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    // closed again: a descriptor of the vault's own must not be taken for an inherited one
    let types = cx.locked()?.slot_types()?;
    let key = unlock::any_key(cx, types)?;
    let tried = cx.locked()?.try_key(&key, args.label.as_ref(), &unlock::At::of(cx))?;
    let rows = move |sink: &mut Sink<'_>| {
        tried.iter().try_for_each(|slot| {
            sink(&[
                Cell::text(Some(&slot.label)),
                Cell::text(Some(&slot.kind)),
                Cell::Flag(slot.opens),
                Cell::Int(i64::try_from(slot.took.as_millis()).unwrap_or(i64::MAX)),
            ])
        })
    };
    Ok(Report::Table { columns: COLUMNS.into(), rows: Box::new(rows), empty: "no slots" })
}

const COLUMNS: &[Column] = &[
    Column { name: "label" },
    Column { name: "type" },
    Column { name: "opens" },
    Column { name: "milliseconds" },
];
