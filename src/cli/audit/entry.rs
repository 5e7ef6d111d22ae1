//! An entry of the log as an answer: the columns that people see, and all of them.

use crate::cli::report::{Cell, Column};
use crate::vault::Entry;

/// What people see, see [`COLUMNS`].
pub(super) fn cells(entry: &Entry) -> [Cell<'_>; 8] {
    [
        Cell::Int(entry.seq),
        Cell::Time(entry.at),
        Cell::text(Some(&entry.action)),
        Cell::text(Some(&entry.outcome)),
        Cell::text(entry.name.as_deref()),
        list(&entry.fields),
        Cell::text(Some(&entry.user)),
        Cell::text(entry.reason.as_deref()),
    ]
}

/// All of it, see [`EVERYTHING`].
pub(super) fn everything(entry: &Entry) -> [Cell<'_>; 21] {
    [
        Cell::Int(entry.seq),
        Cell::Time(entry.at),
        Cell::text(Some(&entry.action)),
        Cell::text(Some(&entry.outcome)),
        Cell::text(entry.name.as_deref()),
        list(&entry.fields),
        Cell::text(Some(&entry.user)),
        Cell::text(entry.reason.as_deref()),
        entry.credential.map_or(Cell::None, |id| Cell::owned(id.to_string())),
        Cell::owned(entry.id.to_string()),
        Cell::Int(entry.uid.into()),
        Cell::text(Some(&entry.host)),
        Cell::text(entry.tty.as_deref()),
        Cell::text(entry.remote.as_deref()),
        Cell::text(entry.program.as_deref()),
        Cell::text(entry.parent.as_deref()),
        Cell::text(Some(&entry.agent)),
        Cell::text(entry.incident.as_deref()),
        details(entry.details.as_deref()),
        entry.segment.map_or(Cell::None, Cell::Int),
        Cell::owned(data_encoding::HEXLOWER.encode(&entry.hash)),
    ]
}

fn list(texts: &[String]) -> Cell<'_> {
    match texts.is_empty() {
        true => Cell::None,
        false => Cell::List(texts.iter().map(|text| text.as_str().into()).collect()),
    }
}

/// The details as a map; a text that is no JSON object, which only damage can make, as it is.
fn details(text: Option<&str>) -> Cell<'_> {
    let Some(text) = text else { return Cell::None };
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text) {
        Ok(map) => Cell::Map(map.into_iter().map(|(key, value)| (key, plain(value))).collect()),
        Err(_) => Cell::text(Some(text)),
    }
}

fn plain(value: serde_json::Value) -> Cell<'static> {
    use serde_json::Value;
    match value {
        Value::Null => Cell::None,
        Value::Bool(flag) => Cell::Flag(flag),
        Value::Number(number) => match number.as_i64() {
            Some(int) => Cell::Int(int),
            None => Cell::owned(number.to_string()),
        },
        Value::String(text) => Cell::owned(text),
        Value::Array(values) => {
            let text =
                |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            Cell::List(values.into_iter().map(|value| text(value).into()).collect())
        }
        Value::Object(map) => Cell::Map(map.into_iter().map(|(k, v)| (k, plain(v))).collect()),
    }
}

/// The same cell without the entry it borrows from.
pub(super) fn own(cell: Cell<'_>) -> Cell<'static> {
    match cell {
        Cell::Text(text) => Cell::owned(text),
        Cell::List(texts) => {
            Cell::List(texts.into_iter().map(|text| text.into_owned().into()).collect())
        }
        Cell::Map(pairs) => Cell::Map(pairs.into_iter().map(|(k, v)| (k, own(v))).collect()),
        Cell::Rows(rows) => {
            let row = |row: Vec<_>| row.into_iter().map(|(key, cell)| (key, own(cell))).collect();
            Cell::Rows(rows.into_iter().map(row).collect())
        }
        Cell::Int(int) => Cell::Int(int),
        Cell::Bar { count, most } => Cell::Bar { count, most },
        Cell::Flag(flag) => Cell::Flag(flag),
        Cell::Time(at) => Cell::Time(at),
        Cell::Secret(secret) => Cell::Secret(secret),
        Cell::Hidden => Cell::Hidden,
        Cell::None => Cell::None,
    }
}

const fn column(name: &'static str) -> Column {
    Column { name }
}

/// What people see.
pub(super) const COLUMNS: &[Column] = &[
    column("seq"),
    column("at"),
    column("action"),
    column("outcome"),
    column("name"),
    column("fields"),
    column("user"),
    column("reason"),
];

/// JSON has every column.
pub(super) const EVERYTHING: &[Column] = &[
    column("seq"),
    column("at"),
    column("action"),
    column("outcome"),
    column("name"),
    column("fields"),
    column("user"),
    column("reason"),
    column("credential"),
    column("id"),
    column("uid"),
    column("host"),
    column("tty"),
    column("remote"),
    column("program"),
    column("parent"),
    column("agent"),
    column("incident"),
    column("details"),
    column("segment"),
    column("hash"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_keep_their_types() {
        let Cell::Map(map) = details(Some(r#"{"a":1,"b":[true,"x"],"c":null}"#)) else { panic!() };
        assert!(matches!(&map[0].1, Cell::Int(1)));
        assert!(matches!(&map[1].1, Cell::List(list) if list == &["true", "x"]));
        assert!(matches!(&map[2].1, Cell::None));
        assert!(matches!(details(Some("[")), Cell::Text(_)));
    }
}
