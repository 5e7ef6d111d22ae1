//! `vault cred purge --older-than`: empties the trash of what is old.

use super::purge::nobody;
use crate::cli::context::Context;
use crate::cli::progress;
use crate::cli::report::{Cell, Column, Report, Sink};
use crate::cli::usage::paste;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Timestamp, counted, parse_duration};
use crate::vault::Trashed;

/// Destroys what has been in the trash for longer than `span`, each by itself.
///
/// # Errors
/// Usage (2) for a bad span; refused (14) and aborted (3) when nobody agrees. What one fails at is in
/// the answer, and the run ends with 17.
pub(super) fn run(span: &str, yes: bool, cx: &Context) -> Result<Report> {
    let seconds = parse_duration(span).map_err(|e| {
        let error = Error::usage(format!("`--older-than`: {}", e.message()));
        e.hints().iter().fold(error, |error, hint| error.hint(hint.as_str()))
    })?;
    let limit = Timestamp(cx.world.now().0 - seconds * 1000);
    let mut vault = cx.unlocked()?;
    let old = vault.trashed_until(limit)?;
    if !old.is_empty() && !yes {
        ask(cx, old.len(), span)?;
    }
    let mut items: Vec<(Trashed, Result<()>)> = Vec::with_capacity(old.len());
    let bar = progress::bar_of(cx, "credentials destroyed", old.len());
    vault.empty_trash(&old, &mut |item, outcome| {
        items.push((item.clone(), outcome));
        bar.inc(1);
    });
    bar.finish_and_clear();
    let failed = items.iter().filter(|(_, outcome)| outcome.is_err()).count();
    if failed > 0 {
        cx.warn(&format!("{failed} of {} were not destroyed", items.len()));
        cx.end_with(ErrorKind::Partial);
    }
    let rows = move |sink: &mut Sink<'_>| {
        items.iter().try_for_each(|(item, outcome)| sink(&cells(item, outcome)))
    };
    let empty = "nothing has been in the trash for that long";
    Ok(Report::Table { columns: COLUMNS.into(), rows: Box::new(rows), empty })
}

/// Lets the number be typed back.
fn ask(cx: &Context, count: usize, span: &str) -> Result<()> {
    let Some(mut terminal) = cx.terminal() else {
        return Err(nobody(&paste(&["vault", "cred", "purge", "--older-than", span, "--yes"])));
    };
    let many = counted(count, "credential");
    let question = format!("This cannot be undone. Type `{count}` to destroy {many}");
    match terminal.line(&question)?.trim() == count.to_string() {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Aborted, "that is not the number; nothing was changed")),
    }
}

fn cells<'i>(item: &'i Trashed, outcome: &'i Result<()>) -> [Cell<'i>; 5] {
    let (word, error) = match outcome {
        Ok(()) => ("destroyed", None),
        Err(e) => ("failed", Some(e.message())),
    };
    [
        Cell::text(Some(item.name.as_str())),
        Cell::owned(item.id.to_string()),
        Cell::Time(item.deleted_at),
        Cell::text(Some(word)),
        Cell::text(error),
    ]
}

const COLUMNS: &[Column] = &[
    Column { name: "name" },
    Column { name: "id" },
    Column { name: "deleted" },
    Column { name: "outcome" },
    Column { name: "error" },
];
