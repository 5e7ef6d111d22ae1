//! An entry of the log as other programs take it: one line of JSON, CSV or CEF. Knows entries, and not
//! where they go.

pub mod cef;
pub mod csv;

use super::escape;
use crate::vault::Record;
use data_encoding::HEXLOWER;
use std::fmt::Write;

/// One JSON object in one line, with everything that the chain is computed from (FORMAT.md, "Log
/// elsewhere"). Control and deceptive characters are `\u` escapes.
#[must_use]
pub fn json(record: &Record<'_>) -> String {
    let mut line = String::with_capacity(1024);
    for (key, value) in fields(record) {
        line.push(if line.is_empty() { '{' } else { ',' });
        _ = write!(line, "\"{key}\":");
        match value {
            Value::Int(number) => _ = write!(line, "{number}"),
            Value::Text(text) => string(&mut line, &text),
            Value::List(texts) => list(&mut line, texts),
            Value::Object(text) => object(&mut line, text),
            Value::None => line.push_str("null"),
        }
    }
    line.push('}');
    line
}

/// The same in ASCII, for channels that are not safe for more.
#[must_use]
pub fn ascii_json(record: &Record<'_>) -> String {
    let line = json(record);
    if line.is_ascii() {
        return line;
    }
    let mut ascii = String::with_capacity(line.len() + 64);
    line.chars().for_each(|c| match c.is_ascii() {
        true => ascii.push(c),
        false => code(&mut ascii, c),
    });
    ascii
}

/// A value of an entry.
pub(super) enum Value<'a> {
    Int(i64),
    Text(std::borrow::Cow<'a, str>),
    List(&'a [String]),
    /// A JSON object, as text.
    Object(&'a str),
    None,
}

/// The keys and values of an entry, in order.
pub(super) fn fields<'a>(record: &Record<'a>) -> [(&'static str, Value<'a>); 24] {
    let Record { vault, entry, counter, mac } = *record;
    let text = |text: &'a str| Value::Text(text.into());
    let opt = |text: &'a Option<String>| {
        text.as_deref().map_or(Value::None, |text| Value::Text(text.into()))
    };
    let own = |text: String| Value::Text(text.into());
    [
        ("vault", own(vault.to_string())),
        ("seq", Value::Int(entry.seq)),
        ("id", own(entry.id.to_string())),
        ("at", own(entry.at.to_string())),
        ("action", text(&entry.action)),
        ("outcome", text(&entry.outcome)),
        ("credential", entry.credential.map_or(Value::None, |id| own(id.to_string()))),
        ("name", opt(&entry.name)),
        ("fields", Value::List(&entry.fields)),
        ("user", text(&entry.user)),
        ("uid", Value::Int(entry.uid.into())),
        ("host", text(&entry.host)),
        ("tty", opt(&entry.tty)),
        ("remote", opt(&entry.remote)),
        ("program", opt(&entry.program)),
        ("parent", opt(&entry.parent)),
        ("agent", text(&entry.agent)),
        ("incident", opt(&entry.incident)),
        ("reason", opt(&entry.reason)),
        ("details", entry.details.as_deref().map_or(Value::None, Value::Object)),
        ("counter", Value::Int(counter)),
        ("segment", entry.segment.map_or(Value::None, Value::Int)),
        ("hash", own(HEXLOWER.encode(&entry.hash))),
        ("mac", mac.map_or(Value::None, |mac| own(HEXLOWER.encode(&mac)))),
    ]
}

fn list(line: &mut String, texts: &[String]) {
    line.push('[');
    for (i, text) in texts.iter().enumerate() {
        line.push_str(if i > 0 { "," } else { "" });
        string(line, text);
    }
    line.push(']');
}

/// Strings by their keys; a text that is not that, which only damage can make, as it is.
fn object(line: &mut String, text: &str) {
    let Ok(map) = serde_json::from_str::<std::collections::BTreeMap<String, String>>(text) else {
        return string(line, text);
    };
    line.push('{');
    for (i, (key, value)) in map.iter().enumerate() {
        line.push_str(if i > 0 { "," } else { "" });
        string(line, key);
        line.push(':');
        string(line, value);
    }
    line.push('}');
}

fn string(line: &mut String, text: &str) {
    line.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => line.extend(['\\', c]),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            c if escape::is_harmful(c) => code(line, c),
            c => line.push(c),
        }
    }
    line.push('"');
}

fn code(line: &mut String, c: char) {
    let mut units = [0; 2];
    for unit in c.encode_utf16(&mut units) {
        _ = write!(line, "\\u{unit:04x}");
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::vault::Entry;
    use uuid::Uuid;

    /// An entry full of what deceives those who read it.
    pub(in crate::cli) fn hostile() -> Entry {
        Entry {
            seq: 7,
            id: Uuid::from_bytes([1; 16]),
            at: Timestamp(1_800_000_000_123),
            action: "decrypt".into(),
            outcome: "refused".into(),
            credential: None,
            name: Some("a|b=c\\d \"é\" \u{202e}".into()),
            fields: vec!["password".into(), "notes".into()],
            user: "=HYPERLINK(1)".into(),
            uid: 1000,
            host: "two words".into(),
            tty: None,
            remote: Some("203.0.113.7".into()),
            program: Some("x\ny\u{1b}[31m".into()),
            parent: None,
            agent: "vault/1".into(),
            incident: None,
            reason: Some("-1]".into()),
            details: Some(r#"{"a":"1","b":"\u001b"}"#.into()),
            segment: Some(1),
            hash: [0xab; 32],
        }
    }

    pub(in crate::cli) fn record(entry: &Entry) -> Record<'_> {
        Record { vault: Uuid::from_bytes([2; 16]), entry, counter: 3, mac: Some([0xcd; 32]) }
    }

    #[test]
    fn a_line_is_json_again_and_harmless() {
        let entry = hostile();
        for line in [json(&record(&entry)), ascii_json(&record(&entry))] {
            assert!(!line.chars().any(escape::is_harmful), "{line}");
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!(value["name"], entry.name.as_deref().unwrap());
            assert_eq!(value["program"], "x\ny\u{1b}[31m");
            assert_eq!(value["fields"][1], "notes");
            assert_eq!(value["details"]["b"], "\u{1b}");
            assert_eq!((&value["uid"], &value["tty"]), (&1000.into(), &serde_json::Value::Null));
            assert_eq!(value["mac"], "cd".repeat(32));
        }
        assert!(ascii_json(&record(&entry)).is_ascii() && !json(&record(&entry)).is_ascii());
        let damaged = Entry { details: Some("[1]".into()), ..hostile() };
        assert!(json(&record(&damaged)).contains(r#""details":"[1]""#));
    }
}
