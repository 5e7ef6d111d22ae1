//! `vault cred rotate` for several: one after the other, each in a transaction of its own. What one
//! fails at does not stop the others.

use super::rotate::{Args, MOST_SHOWN, Order, Rotated, rotate, say_services};
use crate::cli::context::Context;
use crate::cli::progress;
use crate::cli::render::Format;
use crate::cli::report::{Cell, Column, Report, Sink};
use crate::error::{Error, ErrorKind, Result};
use crate::model::CredName;
use crate::vault::{Filter, Unlocked, Vault};
use std::collections::BTreeSet;

/// What became of one of them.
struct Item {
    name: String,
    outcome: Outcome,
}

enum Outcome {
    Rotated(Rotated),
    /// It was named, and the filter leaves it out.
    LeftOut,
    Failed(Error),
}

/// Rotates all that are named, or that the filter finds, or both.
///
/// # Errors
/// Those of finding them; refused (14) and aborted (3) when nobody agrees. Not those of a rotation:
/// they are in the answer, and the run ends with 17.
pub(super) fn run(order: &Order<'_>, args: &Args, filter: Filter, cx: &Context) -> Result<Report> {
    let mut vault = cx.unlocked()?;
    let (names, left_out) = chosen(&mut vault, &args.names, filter)?;
    // whoever has named them knows how many they are
    if args.names.is_empty() && names.len() > 1 && !args.yes {
        agree(cx, &names)?;
    }
    let left_out = left_out.into_iter().map(|name| Item { name, outcome: Outcome::LeftOut });
    let mut items: Vec<Item> = left_out.collect();
    let bar = progress::bar_of(cx, "credentials rotated", names.len());
    for text in names {
        let name = text.parse::<CredName>();
        let outcome = match name.and_then(|name| rotate(cx, &mut vault, &name, order, None)) {
            Ok(rotated) => Outcome::Rotated(rotated),
            Err(e) => Outcome::Failed(e),
        };
        items.push(Item { name: text, outcome });
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(report(cx, items))
}

/// Who is meant, in order and once each; and who is named but does not fit.
fn chosen(
    vault: &mut Vault<Unlocked>,
    named: &[String],
    filter: Filter,
) -> Result<(Vec<String>, Vec<String>)> {
    let named: BTreeSet<String> = named.iter().cloned().collect();
    if filter.is_empty() {
        return Ok((named.into_iter().collect(), Vec::new()));
    }
    let mut fitting = Vec::new();
    vault.list(&Filter { brief: true, ..filter }, &mut |row| {
        fitting.push(row.name()?.to_owned());
        Ok(())
    })?;
    if named.is_empty() {
        return Ok((fitting, Vec::new()));
    }
    let fitting: BTreeSet<String> = fitting.into_iter().collect();
    // what is not there at all is no matter of the filter: its rotation will fail
    let is_there = |name: &String| {
        name.parse::<CredName>()
            .is_ok_and(|name| vault.outline(&name).is_ok_and(|outline| outline.is_some()))
    };
    Ok(named.into_iter().partition(|name| fitting.contains(name) || !is_there(name)))
}

fn agree(cx: &Context, names: &[String]) -> Result<()> {
    for name in names.iter().take(MOST_SHOWN) {
        cx.note(&format!("`{name}` fits"));
    }
    if names.len() > MOST_SHOWN {
        cx.note(&format!("and {} more", names.len() - MOST_SHOWN));
    }
    cx.confirm(
        &format!("Rotate {} credentials?", names.len()),
        "say so with the command: --yes; see which they are: `vault cred list` with the same filter",
    )
}

fn report(cx: &Context, items: Vec<Item>) -> Report {
    let rotated = items.iter().filter_map(|item| match &item.outcome {
        Outcome::Rotated(rotated) => Some(rotated),
        Outcome::LeftOut | Outcome::Failed(_) => None,
    });
    say_services(cx, rotated);
    let failed = items.iter().filter(|item| matches!(item.outcome, Outcome::Failed(_))).count();
    if failed > 0 {
        cx.warn(&format!("{failed} of {} were not rotated", items.len()));
        cx.end_with(ErrorKind::Partial);
    }
    let all = cx.format() == Format::Json;
    let rows = Box::new(move |sink: &mut Sink<'_>| {
        items.iter().try_for_each(|item| match all {
            true => sink(&everything(item)),
            false => sink(&cells(item)),
        })
    });
    let columns = if all { EVERYTHING } else { COLUMNS };
    Report::Table {
        columns: columns.into(),
        rows,
        empty: "no credentials, or none that fit: nothing was rotated",
    }
}

fn cells(item: &Item) -> [Cell<'_>; 5] {
    let name = Cell::text(Some(&item.name));
    match &item.outcome {
        Outcome::Rotated(Rotated { field, version, .. }) => [
            name,
            Cell::text(Some(field.as_str())),
            Cell::Int(i64::from(*version)),
            Cell::text(Some("rotated")),
            Cell::None,
        ],
        Outcome::LeftOut => {
            [name, Cell::None, Cell::None, Cell::text(Some("left_out")), Cell::None]
        }
        Outcome::Failed(e) => [
            name,
            Cell::None,
            Cell::None,
            Cell::text(Some("failed")),
            Cell::text(Some(e.message())),
        ],
    }
}

fn everything(item: &Item) -> [Cell<'_>; 8] {
    let [name, field, version, outcome, error] = cells(item);
    let (kind, expires, service) = match &item.outcome {
        Outcome::Rotated(rotated) => {
            (Cell::None, Cell::time(rotated.expires), Cell::text(Some(&rotated.service)))
        }
        Outcome::LeftOut => (Cell::None, Cell::None, Cell::None),
        Outcome::Failed(e) => (Cell::text(Some(e.kind().word())), Cell::None, Cell::None),
    };
    [name, field, version, outcome, error, kind, expires, service]
}

const fn column(name: &'static str) -> Column {
    Column { name }
}

const COLUMNS: &[Column] =
    &[column("name"), column("field"), column("version"), column("outcome"), column("error")];

/// JSON has every column.
const EVERYTHING: &[Column] = &[
    column("name"),
    column("field"),
    column("version"),
    column("outcome"),
    column("error"),
    column("kind"),
    column("expires"),
    column("service"),
];
