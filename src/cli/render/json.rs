//! JSON, written as it comes. What leaves here is harmless on a terminal too: control and deceptive
//! characters are `\u` escapes.

use super::cell;
use super::out::Out;
use crate::cli::escape;
use crate::cli::report::{Cell, Column, Rows};
use crate::error::{Error, Result};
use crate::model::Secret;
use std::fmt::Write;

/// Every document begins with it.
const VERSION: &str = "{\"schema_version\":1";

/// A table: one object a line.
pub(super) fn table(out: &mut Out<'_>, columns: &[Column], rows: &mut Rows) -> Result<()> {
    out.text(VERSION);
    out.text(",\"items\":[");
    let mut any = false;
    let keys = keys(columns);
    rows(&mut |row| {
        out.text(if any { ",\n" } else { "\n" });
        any = true;
        for (key, cell) in keys.iter().zip(row) {
            out.text(key);
            one(out, cell);
        }
        out.text("}");
        out.check()
    })?;
    out.text(if any { "\n]}\n" } else { "]}\n" });
    Ok(())
}

/// A row as a document of its own, on one line.
pub(super) fn line(out: &mut Out<'_>, columns: &[Column], row: &[Cell<'_>]) {
    out.text(VERSION);
    for (column, cell) in columns.iter().zip(row) {
        out.text(",");
        pair(out, column.name, cell);
    }
    out.text("}\n");
}

/// What stands before each cell of a row: brace or comma, and the key. Column names are ours, and
/// plain.
fn keys(columns: &[Column]) -> Vec<String> {
    let before = |i| if i == 0 { '{' } else { ',' };
    let columns = columns.iter().enumerate();
    columns.map(|(i, column)| format!("{}\"{}\":", before(i), column.name)).collect()
}

/// One thing, after a `message` if there is one.
pub(super) fn item(out: &mut Out<'_>, message: Option<&str>, pairs: &[(&'static str, Cell<'_>)]) {
    out.text(VERSION);
    if let Some(message) = message {
        out.text(",\"message\":");
        string(out, message);
    }
    for (key, cell) in pairs {
        out.text(",");
        pair(out, key, cell);
    }
    out.text("}\n");
}

/// A secret that is the whole answer.
pub(super) fn value(out: &mut Out<'_>, secret: &Secret) {
    out.text(VERSION);
    if let Ok(text) = std::str::from_utf8(secret.expose()) {
        out.text(",\"value\":");
        string(out, text);
    } else {
        out.text(",\"value_base64\":\"");
        cell::base64(out, secret.expose());
        out.text("\"");
    }
    out.text("}\n");
}

/// Text that is the whole answer.
pub(super) fn text(out: &mut Out<'_>, text: &str) {
    out.text(VERSION);
    out.text(",\"text\":");
    string(out, text);
    out.text("}\n");
}

/// A failure.
pub(super) fn error(out: &mut Out<'_>, e: &Error) {
    out.text(VERSION);
    _ = write!(out, ",\"error\":{{\"code\":{},\"kind\":", e.kind().code());
    string(out, e.kind().word());
    out.text(",\"message\":");
    string(out, e.message());
    out.text(",\"hints\":");
    array(out, e.hints());
    out.text(",\"candidates\":");
    array(out, e.candidate_names());
    out.text("}}\n");
}

fn object<'a, 'c: 'a, K: AsRef<str>>(
    out: &mut Out<'_>,
    pairs: impl Iterator<Item = (K, &'a Cell<'c>)>,
) {
    for (i, (key, cell)) in pairs.enumerate() {
        out.text(if i > 0 { "," } else { "{" });
        pair(out, key.as_ref(), cell);
    }
    out.text("}");
}

fn pair(out: &mut Out<'_>, key: &str, cell: &Cell<'_>) {
    string(out, key);
    out.text(":");
    one(out, cell);
}

fn one(out: &mut Out<'_>, cell: &Cell<'_>) {
    match cell {
        Cell::Text(text) => string(out, text),
        Cell::Int(number) | Cell::Bar { count: number, .. } => _ = write!(out, "{number}"),
        Cell::Flag(flag) => out.text(if *flag { "true" } else { "false" }),
        Cell::Time(at) => {
            out.text("\"");
            cell::time(out, *at);
            out.text("\"");
        }
        Cell::List(items) => array(out, items),
        Cell::Map(pairs) if pairs.is_empty() => out.text("{}"),
        Cell::Map(pairs) => object(out, pairs.iter().map(|(key, cell)| (key, cell))),
        Cell::Rows(rows) => {
            out.text("[");
            for (i, row) in rows.iter().enumerate() {
                out.text(if i > 0 { ",\n" } else { "" });
                object(out, row.iter().map(|(key, cell)| (key, cell)));
            }
            out.text("]");
        }
        Cell::Secret(secret) => {
            if let Ok(text) = std::str::from_utf8(secret.expose()) {
                string(out, text);
            } else {
                out.text("{\"base64\":\"");
                cell::base64(out, secret.expose());
                out.text("\"}");
            }
        }
        Cell::Hidden | Cell::None => out.text("null"),
    }
}

fn array(out: &mut Out<'_>, items: &[impl AsRef<str>]) {
    out.text("[");
    for (i, item) in items.iter().enumerate() {
        out.text(if i > 0 { "," } else { "" });
        string(out, item.as_ref());
    }
    out.text("]");
}

/// A string with its quotes. Most text needs nothing and is passed on as it is.
fn string(out: &mut Out<'_>, text: &str) {
    let bytes = text.as_bytes();
    out.push(b"\"");
    match escape::is_printable_ascii(bytes) && !bytes.iter().any(|b| matches!(b, b'"' | b'\\')) {
        true => out.push(bytes),
        false => escaped(out, text),
    }
    out.push(b"\"");
}

fn escaped(out: &mut Out<'_>, text: &str) {
    let mut kept = 0;
    let special = |c: char| c == '"' || c == '\\' || escape::is_harmful(c);
    for (at, c) in text.char_indices().filter(|(_, c)| special(*c)) {
        out.text(&text[kept..at]);
        kept = at + c.len_utf8();
        match c {
            '"' => out.text("\\\""),
            '\\' => out.text("\\\\"),
            '\n' => out.text("\\n"),
            '\r' => out.text("\\r"),
            '\t' => out.text("\\t"),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.text(&text[kept..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_string_survives_and_is_harmless(text in any::<String>()) {
            let mut to = Vec::new();
            let mut out = Out::new(crate::cli::render::out::LARGE, &mut to);
            string(&mut out, &text);
            out.finish(Ok(())).unwrap();
            let written = String::from_utf8(to).unwrap();
            prop_assert!(!written.chars().any(escape::is_harmful));
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }
    }
}
