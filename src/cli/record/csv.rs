//! Comma-separated values (RFC 4180), one entry a record.

use super::{Value, fields};
use crate::vault::Record;

/// The names of the columns.
#[must_use]
pub fn head(record: &Record<'_>) -> String {
    fields(record).map(|(key, _)| key).join(",")
}

/// An entry. For a spreadsheet, a cell that one would take for a formula gets an apostrophe in front;
/// `changed` counts them.
#[must_use]
pub fn line(record: &Record<'_>, spreadsheet: bool, changed: &mut u64) -> String {
    let cells = fields(record).map(|(_, value)| {
        let mut text = text(value);
        if spreadsheet && is_formula(&text) {
            text.insert(0, '\'');
            *changed += 1;
        }
        quoted(text)
    });
    cells.join(",")
}

fn text(value: Value<'_>) -> String {
    match value {
        Value::Int(number) => number.to_string(),
        Value::Text(text) => text.into_owned(),
        Value::List(texts) => texts.join(","),
        Value::Object(text) => text.to_owned(),
        Value::None => String::new(),
    }
}

/// What spreadsheets compute instead of showing.
fn is_formula(text: &str) -> bool {
    text.trim_start_matches(' ')
        .starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

fn quoted(text: String) -> String {
    match text.contains([',', '"', '\n', '\r']) || text.starts_with(' ') || text.ends_with(' ') {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{hostile, record};
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let entry = hostile();
        let (line, head) = (line(&record(&entry), false, &mut 0), head(&record(&entry)));
        assert!(head.starts_with("vault,seq,id,at,action,") && head.ends_with(",hash,mac"));
        assert!(line.contains(",=HYPERLINK(1),1000,two words,,203.0.113.7,"), "{line}");
        assert!(line.contains("\"a|b=c\\d \"\"é\"\" \u{202e}\",\"password,notes\""), "{line}");
        assert!(line.contains(",\"x\ny\u{1b}[31m\","), "{line}");
    }

    #[test]
    fn formulas_are_defused_and_counted() {
        let (entry, mut changed) = (hostile(), 0);
        let line = line(&record(&entry), true, &mut changed);
        assert!(line.contains(",'=HYPERLINK(1),") && line.contains(",'-1],"), "{line}");
        assert_eq!(changed, 2);
        for cell in ["=1", "+1", "-1", "@x", "\tx", " =1", "＝1"] {
            assert!(is_formula(cell), "{cell:?}");
        }
        assert!(!is_formula("a=1") && !is_formula("") && !is_formula("'=1"));
    }
}
