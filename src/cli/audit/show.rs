//! `vault audit show`.

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render::Format;
use crate::cli::report::{Cell, Column, Report, Rows, Sink};
use crate::error::Result;
use crate::model::parse_when;
use crate::vault::{ACTIONS, Entry, EntryFilter, OUTCOMES, State, Vault};
use clap::builder::PossibleValuesParser;
use clap_complete::engine::ArgValueCompleter;

/// Show entries of the audit log, newest first, or one of them in full
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault audit show
  vault audit show --cred db/main --action decrypt --since 7d
  vault audit show --outcome refused --json
  vault audit show 42")]
pub struct Args {
    /// One entry, by its number or UUID
    id: Option<String>,

    /// Only about this credential, by its name then or now
    #[arg(long, value_name = "NAME", conflicts_with = "id",
          add = ArgValueCompleter::new(complete::names))]
    cred: Option<String>,

    /// Only this action
    #[arg(long, value_name = "ACTION", conflicts_with = "id", hide_possible_values = true,
          value_parser = PossibleValuesParser::new(ACTIONS))]
    action: Option<String>,

    /// Only by this user
    #[arg(long, value_name = "USER", conflicts_with = "id")]
    actor: Option<String>,

    /// Only with this outcome
    #[arg(long, value_name = "OUTCOME", conflicts_with = "id",
          value_parser = PossibleValuesParser::new(OUTCOMES))]
    outcome: Option<String>,

    /// Not before: 2027-01-31, or 7d ago
    #[arg(long, value_name = "WHEN", conflicts_with = "id")]
    since: Option<String>,

    /// Not after
    #[arg(long, value_name = "WHEN", conflicts_with = "id")]
    until: Option<String>,

    /// At most so many; 0 for all
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u64,

    /// Leave out so many first
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    offset: u64,
}

/// Shows them.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let filter = filter(&args, cx)?;
    let mut vault = cx.locked()?;
    if let Some(id) = &args.id {
        let entry = vault.entry(id)?;
        let names = EVERYTHING.iter().map(|column| column.name);
        return Ok(Report::Item(names.zip(everything(&entry).into_iter().map(own)).collect()));
    }
    let json = cx.format() == Format::Json;
    let columns = if json { EVERYTHING } else { COLUMNS };
    let rows = rows(cx, vault, filter);
    Ok(Report::Table { columns: columns.into(), rows, empty: "no entries that fit" })
}

fn rows<S: State + 'static>(cx: &Context, mut vault: Vault<S>, filter: EntryFilter) -> Box<Rows> {
    let json = cx.format() == Format::Json;
    Box::new(move |sink: &mut Sink<'_>| {
        vault.entries(&filter, &mut |entry| match json {
            true => sink(&everything(entry)),
            false => sink(&cells(entry)),
        })
    })
}

fn cells(entry: &Entry) -> [Cell<'_>; 8] {
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

fn everything(entry: &Entry) -> [Cell<'_>; 21] {
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

fn own(cell: Cell<'_>) -> Cell<'static> {
    match cell {
        Cell::Text(text) => Cell::owned(text),
        Cell::List(texts) => {
            Cell::List(texts.into_iter().map(|text| text.into_owned().into()).collect())
        }
        Cell::Map(pairs) => Cell::Map(pairs.into_iter().map(|(k, v)| (k, own(v))).collect()),
        Cell::Rows(rows) => {
            let row = |row: Vec<(_, Cell<'_>)>| row.into_iter().map(|(k, v)| (k, own(v))).collect();
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

fn filter(args: &Args, cx: &Context) -> Result<EntryFilter> {
    let when = |text: &Option<String>| {
        text.as_deref().map(|text| parse_when(text, cx.world.now(), false)).transpose()
    };
    Ok(EntryFilter {
        cred: args.cred.clone(),
        action: args.action.clone(),
        actor: args.actor.clone(),
        outcome: args.outcome.clone(),
        since: when(&args.since)?,
        until: when(&args.until)?,
        limit: Some(args.limit).filter(|limit| *limit > 0),
        offset: args.offset,
    })
}

const fn column(name: &'static str) -> Column {
    Column { name }
}

const COLUMNS: &[Column] = &[
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
const EVERYTHING: &[Column] = &[
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
