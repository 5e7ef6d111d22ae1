//! What `vault incident rotate` says it has done, and what is left.

use super::rotate::{Item, Outcome};
use super::tables::text;
use crate::cli::context::Context;
use crate::cli::cred::rotate::{Rotated, say_services};
use crate::cli::render::Format;
use crate::cli::report::{Cell, Column, Report, Sink};
use crate::cli::usage::paste;
use crate::error::ErrorKind;
use crate::model::incident::IncidentNumber;

/// The answer, what is to be done next, and the exit code.
pub fn report(cx: &Context, number: IncidentNumber, items: Vec<Item>) -> Report {
    say_services(cx, rotated(&items));
    say_next(cx, number, &items);
    let dry = items.iter().any(|item| matches!(item.outcome, Outcome::Planned));
    if items.iter().any(Item::is_left) && !dry {
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
    let empty = "nothing to rotate: all linked credentials have new values, or need none";
    Report::Table { columns: columns.into(), rows, empty }
}

fn rotated(items: &[Item]) -> impl Iterator<Item = &Rotated> + Clone {
    items.iter().filter_map(|item| match &item.outcome {
        Outcome::Rotated(rotated) => Some(rotated),
        Outcome::Planned | Outcome::ByHand(..) | Outcome::Settled(_) | Outcome::Failed(_) => None,
    })
}

fn say_next(cx: &Context, number: IncidentNumber, items: &[Item]) {
    let left = items.iter().filter(|item| item.is_left()).count();
    if left > 0 {
        cx.warn(&format!("{left} of {} are left to be done", items.len()));
    }
    let mut names: Vec<&str> = rotated(items).map(|rotated| rotated.name.as_str()).collect();
    names.dedup();
    names.retain(|name| !items.iter().any(|item| item.name == *name && item.is_left()));
    if names.is_empty() {
        return;
    }
    let (number, most) = (number.to_string(), names.len().min(MOST_NAMED));
    let words = [&["vault", "incident", "link", &number], &names[..most], &["--verified"]].concat();
    cx.note_later(format!("when the new values work, and the old ones do not: {}", paste(&words)));
}

/// More do not fit a line to paste.
const MOST_NAMED: usize = 25;

impl Item {
    /// Whether somebody must still do something about it.
    fn is_left(&self) -> bool {
        matches!(self.outcome, Outcome::ByHand(..) | Outcome::Failed(_))
    }
}

fn cells(item: &Item) -> [Cell<'_>; 5] {
    let [name, field, version, outcome, error, ..] = everything(item);
    let error = match &item.outcome {
        Outcome::ByHand(why, commands) => {
            let command = commands.last().map_or("", String::as_str);
            Cell::owned(format!("{why}: {command}"))
        }
        Outcome::Planned | Outcome::Rotated(_) | Outcome::Settled(_) | Outcome::Failed(_) => error,
    };
    [name, field, version, outcome, error]
}

fn everything(item: &Item) -> [Cell<'_>; 9] {
    let name = Cell::text(Some(&item.name));
    let field = item.field.as_ref().map_or(Cell::None, |field| Cell::text(Some(field.as_str())));
    let row = |outcome: &'static str, why: Option<&str>| {
        [Cell::None, Cell::Text(outcome.into()), text(why)]
    };
    let ([version, outcome, error], kind, commands, rotated) = match &item.outcome {
        Outcome::Planned => (row("would_rotate", None), None, None, None),
        Outcome::Rotated(rotated) => {
            let version = Cell::Int(rotated.version.into());
            ([version, Cell::Text("rotated".into()), Cell::None], None, None, Some(rotated))
        }
        Outcome::ByHand(why, commands) => (row("by_hand", Some(why)), None, Some(commands), None),
        Outcome::Settled(why) => (row("settled", Some(why)), None, None, None),
        Outcome::Failed(e) => (row("failed", Some(e.message())), Some(e.kind().word()), None, None),
    };
    let commands = commands.map_or(&[][..], |commands| &commands[..]);
    let commands = Cell::List(commands.iter().map(|command| command.as_str().into()).collect());
    let expires = Cell::time(rotated.and_then(|rotated| rotated.expires));
    let service = Cell::text(rotated.map(|rotated| rotated.service.as_str()));
    [name, field, version, outcome, error, text(kind), commands, expires, service]
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
    column("commands"),
    column("expires"),
    column("service"),
];
