//! Text as TOML writes it, so that it is read back as it was, and harmless to look at on the way.

use crate::cli::escape;
use std::fmt::Write as _;

/// A string with its quotes: as it is where that is possible, of several lines if it has several.
pub(super) fn quoted(text: &str) -> String {
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
pub(super) fn remark(mark: &str, text: &str) -> String {
    let mut lines = String::new();
    for line in text.split('\n') {
        lines.extend([mark, &escape::shown(line), "\n"]);
    }
    lines
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
