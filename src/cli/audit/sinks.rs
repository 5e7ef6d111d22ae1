//! `vault audit sinks`.

use crate::cli::context::Context;
use crate::cli::report::{Cell, Column, Report, Sink};
use crate::error::{ErrorKind, Result};

/// Tell how far each configured sink is, having tried it
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault audit sinks
  vault audit sinks --json

A sink gets each entry of the log: a file, syslog, the journal or a program of yours. They are
configured in `[sink.NAME]`, which `vault help config` explains. Each gets what it has missed, or else
the last entry once more. Exit code 16 when one fails.")]
pub struct Args {}

/// Tells it.
pub fn run(_: Args, cx: &mut Context) -> Result<Report> {
    let sinks = cx.locked()?.sinks()?;
    if sinks.iter().any(|sink| sink.problem.is_some()) {
        cx.end_with(ErrorKind::Findings);
    }
    let rows = move |row: &mut Sink<'_>| {
        sinks.iter().try_for_each(|sink| {
            row(&[
                Cell::text(Some(&sink.name)),
                Cell::text(Some(sink.kind)),
                Cell::text(Some(if sink.must { "refuse" } else { "warn" })),
                sink.delivered_to.map_or(Cell::None, Cell::Int),
                Cell::Int(sink.behind),
                Cell::text(sink.problem.as_deref()),
            ])
        })
    };
    let empty = "no sinks are configured: `vault help config`";
    Ok(Report::Table { columns: COLUMNS.into(), rows: Box::new(rows), empty })
}

const COLUMNS: &[Column] = &[
    Column { name: "name" },
    Column { name: "type" },
    Column { name: "on_failure" },
    Column { name: "delivered_to" },
    Column { name: "behind" },
    Column { name: "problem" },
];
