//! Text as TOML writes it, so that it is read back as it was, and harmless to look at on the way; and
//! values read back. No message quotes them.

use crate::cli::escape;
use crate::error::{Error, Result};
use crate::model::Secret;
use std::fmt::Write as _;
use toml::{Table, Value};

/// A string with its quotes: as it is where that is possible, of several lines if it has several.
#[must_use]
pub fn quoted(text: &str) -> String {
    let lines = text.contains('\n');
    let plain = |c: char| !escape::is_harmful(c) || c == '\t' || c == '\n';
    match (lines, text.chars().all(plain)) {
        (false, true) if text.contains(['"', '\\']) && !text.contains('\'') => format!("'{text}'"),
        (true, true) if !text.contains("'''") && !text.ends_with('\'') => {
            format!("'''\n{text}'''")
        }
        (false, _) => format!("\"{}\"", escaped(text, false)),
        (true, _) => format!("\"\"\"\n{}\"\"\"", escaped(text, true)),
    }
}

/// Lines of a remark, each behind `mark`.
#[must_use]
pub fn remark(mark: &str, text: &str) -> String {
    let mut lines = String::new();
    for line in text.split('\n') {
        lines.extend([mark, &escape::shown(line), "\n"]);
    }
    lines
}

/// The table that `text` is. No message quotes a line of it.
///
/// # Errors
/// Usage (2), naming the line.
pub fn parse(text: &Secret) -> Result<Table> {
    let text = std::str::from_utf8(text.expose())
        .map_err(|_| Error::usage("the text is not valid UTF-8"))?;
    toml::from_str(text).map_err(|wrong: toml::de::Error| {
        let before = wrong.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        // the parser's messages are fixed words; how it shows itself would quote the line
        Error::usage(format!("line {line}: {}", wrong.message()))
            .hint("text stands in quotes: key = \"value\"")
    })
}

/// Text, or what it should be.
///
/// # Errors
/// Usage (2).
pub fn text(value: &Value) -> Result<&str> {
    value.as_str().ok_or_else(|| wants("text, in quotes"))
}

/// Yes or no.
///
/// # Errors
/// Usage (2).
pub fn flag(value: &Value) -> Result<bool> {
    value.as_bool().ok_or_else(|| wants("true or false"))
}

/// Several values.
///
/// # Errors
/// Usage (2).
pub fn list(value: &Value) -> Result<&Vec<Value>> {
    value.as_array().ok_or_else(|| wants("a list: [\"one\", \"two\"]"))
}

/// The error for a value of another sort.
#[must_use]
pub fn wants(what: &str) -> Error {
    Error::usage(format!("needs {what}"))
}

fn escaped(text: &str, lines: bool) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' if lines => out.push('\n'),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if escape::is_harmful(c) => {
                // writing to a string does not fail
                let _ = write!(out, "\\U{:08X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> String {
        let table: toml::Table = toml::from_str(text).unwrap();
        table["x"].as_str().unwrap().to_owned()
    }

    #[test]
    fn text_is_readable_where_it_can_be() {
        assert_eq!(quoted("hunter2"), "\"hunter2\"");
        assert_eq!(quoted(r#"a\b"c"#), r#"'a\b"c'"#);
        assert_eq!(quoted(r#"it's "x""#), r#""it's \"x\"""#);
        assert_eq!(quoted("-----BEGIN\nx\n"), "'''\n-----BEGIN\nx\n'''");
        assert_eq!(quoted("a\u{1b}[2J\u{202e}"), r#""a\U0000001B[2J\U0000202E""#);
        assert_eq!(remark("# ", "a\u{1b}\nb"), "# a\\u{1b}\n# b\n");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(text in any::<String>()) {
            prop_assert_eq!(read(&format!("x = {}\n", quoted(&text))), text);
        }

        #[test]
        fn quotes_and_line_ends_are_read_back(text in "[\"'\\\\\n\r\t a]{0,12}") {
            prop_assert_eq!(read(&format!("x = {}\n", quoted(&text))), text);
        }
    }
}
