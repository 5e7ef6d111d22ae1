//! The report as Markdown. Whatever people wrote is text there: no link, no image, no markup, also where
//! addresses become links by themselves.

use super::super::tables::Row;
use super::content::Content;
use super::page::{DO_NOT_RELY, HOW, capital, how_signed};
use crate::cli::escape;
use crate::cli::html::shown;
use crate::cli::report::Cell;
use std::fmt::Write;

/// The text.
pub fn text(content: &Content) -> String {
    let mut out = format!("# {}: {}\n\n", content.number, line(&content.title));
    facts(&mut out, content.facts.iter().map(|(key, cell)| (*key, cell)));
    if content.log.is_err() {
        _ = writeln!(out, "\n**{DO_NOT_RELY}**");
    }
    for (heading, said) in &content.texts {
        if let Some(said) = said {
            _ = write!(out, "\n## {}\n\n{}", capital(heading), quoted(said));
        }
    }
    if !content.references.is_empty() {
        out.push_str("\n## References\n\n");
        for reference in &content.references {
            _ = writeln!(out, "- {}", line(reference));
        }
    }
    steps(&mut out, &content.steps);
    part(&mut out, "Credentials", &content.credentials.0, "None is linked.");
    part(&mut out, "Timeline", &content.timeline, "Nothing happened.");
    proof(&mut out, content);
    part(
        &mut out,
        &line(&content.log_heading()),
        &content.entries,
        "Nothing was entered in that time.",
    );
    out
}

fn facts<'c>(out: &mut String, facts: impl Iterator<Item = (&'static str, &'c Cell<'static>)>) {
    for (key, cell) in facts.filter(|(_, cell)| !matches!(cell, Cell::None)) {
        _ = writeln!(out, "- **{}:** {}", capital(key), line(&shown(cell)));
    }
}

fn steps(out: &mut String, steps: &[Row]) {
    out.push_str("\n## Steps\n\n");
    for step in steps {
        let [(_, what), (_, done), (_, by)] = &step[..] else { continue };
        let what = line(&shown(what));
        _ = match done {
            Cell::None => writeln!(out, "- [ ] {what}"),
            done => writeln!(out, "- [x] {what} ({}, {})", line(&shown(done)), line(&shown(by))),
        };
    }
}

fn part(out: &mut String, heading: &str, rows: &[Row], empty: &str) {
    _ = writeln!(out, "\n## {heading}\n");
    let Some(first) = rows.first() else {
        _ = writeln!(out, "{empty}");
        return;
    };
    let heads: Vec<String> = first.iter().map(|(key, _)| capital(key)).collect();
    _ = writeln!(out, "| {} |\n|{}", heads.join(" | "), " --- |".repeat(heads.len()));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|(_, one)| cell(&shown(one))).collect();
        _ = writeln!(out, "| {} |", cells.join(" | "));
    }
}

fn proof(out: &mut String, content: &Content) {
    out.push_str("\n## Proof\n\n");
    match content.proof() {
        Ok(facts) => {
            for (key, fact) in facts {
                _ = writeln!(out, "- **{}:** {}", capital(key), line(&fact));
            }
            _ = writeln!(out, "\n{HOW}");
            if let Some((note, key)) = content.note() {
                // of our own making: there is no backtick in it
                _ = writeln!(out, "\n```\n{note}```\n\n{}", line(&how_signed(&key)));
            }
        }
        Err(why) => _ = writeln!(out, "**{DO_NOT_RELY}**\n\n{}", line(why)),
    }
}

/// A text of several lines.
fn quoted(text: &str) -> String {
    text.lines().map(|one| format!("> {}\n", line(one)).replace("> \n", ">\n")).collect()
}

/// Text on one line of its own.
fn line(text: &str) -> String {
    escaped(text, false)
}

/// Text in a table.
fn cell(text: &str) -> String {
    escaped(text, true)
}

/// What would become a link by itself stands as code; in all other text every sign that could be markup
/// is escaped.
fn escaped(text: &str, in_table: bool) -> String {
    let one_line = text.split(['\n', '\r']).collect::<Vec<_>>().join(" ");
    let text = escape::shown(&one_line);
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    if ["@", "://", "www.", "mailto:", "xmpp:"].iter().any(|sign| lower.contains(sign)) {
        return code(text, in_table);
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        // what is only markup at the beginning of a line: a list, numbered or not
        let begins = at == 0 || (at == digits && c == '.');
        if c.is_ascii_punctuation() && (begins || !HARMLESS.contains(c)) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Signs that begin nothing in the middle of a line.
const HARMLESS: &str = ",;'\"/?%:.-+=";

/// Text as code, in more backticks than it has itself. There is no way to write every text with a bar as
/// code in a table.
fn code(text: &str, in_table: bool) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let text = if in_table { text.replace('|', "¦") } else { text.to_owned() };
    format!("{fence} {text} {fence}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn markup_becomes_text() {
        for (text, expected) in [
            ("plain, 'quoted' text", "plain, 'quoted' text"),
            ("[x](y)", "\\[x\\]\\(y\\)"),
            ("![x](y)<b>&amp;", "\\!\\[x\\]\\(y\\)\\<b\\>\\&amp;"),
            ("# a\n- b\r\n1. c", "\\# a - b  1. c"),
            ("1. c 2. d", "1\\. c 2. d"),
            ("2026-11-20 12:30", "2026-11-20 12:30"),
            ("- a-b 12:30", "\\- a-b 12:30"),
            ("a|b\\", "a\\|b\\\\"),
            ("\u{1b}[2J", "\\\\u\\{1b\\}\\[2J"),
            ("see http://evil.example", "` see http://evil.example `"),
            ("`a@b` WWW.x", "`` `a@b` WWW.x ``"),
        ] {
            assert_eq!(line(text), expected, "{text:?}");
        }
        assert_eq!(cell("a|b@c"), "` a¦b@c `");
        assert_eq!(quoted("a\n\n# b\n"), "> a\n>\n> \\# b\n");
    }

    proptest! {
        #[test]
        fn no_text_begins_a_line_or_ends_a_cell(text in any::<String>()) {
            for shown in [line(&text), cell(&text)] {
                let (breaks, begins) = (['\n', '\r', '\t'], ['#', '-', '+', '*', '>', '|', '=', ' ']);
                prop_assert!(!shown.contains(breaks) && !shown.starts_with(begins));
            }
            let bars = cell(&text).replace("\\\\", "").replace("\\|", "");
            prop_assert!(!bars.contains('|'), "{}", bars);
        }
    }
}
