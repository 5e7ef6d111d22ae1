//! The only file that writes answers to standard output: one match on shape and format. It knows
//! nothing of vaults.

mod cell;
mod item;
mod json;
mod out;
mod stream;
mod table;

use crate::cli::escape::{self, Rule};
use crate::cli::report::{Column, Lines, Report, Rows};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
pub use out::Heard;
use out::{LARGE, Out, SMALL};
use std::fmt::Write as _;
use std::io::Write;

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs: one document with a `schema_version`.
    Json,
    /// For shell pipelines: one line a row, cells separated by tabs, no heading.
    Plain,
}

/// What is known of the place the answer goes to.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "four independent facts, none excludes another")]
pub struct Style {
    /// Standard output is a terminal.
    pub terminal: bool,
    /// Columns of the terminal; `None` means that lines may be as long as they like.
    pub width: Option<usize>,
    /// Headings and the words `error`, `hint` and `warning` are coloured.
    pub color: bool,
    /// Nothing but data and errors.
    pub quiet: bool,
    /// Secrets go to a terminal whatever they contain.
    pub raw: bool,
}

/// Writes an answer: data to `out`, remarks to `err`. A reader of `out` that has gone ends it
/// quietly.
///
/// # Errors
/// Those of the rows; I/O; refused when a secret could drive the terminal.
pub fn report(
    report: Report,
    format: Format,
    out: &mut dyn Write,
    err: &mut dyn Write,
    style: &Style,
) -> Result<()> {
    let many = matches!(report, Report::Table { .. } | Report::Lines { .. });
    let size = if many { LARGE } else { SMALL };
    let mut out = Out::new(size, out);
    let outcome = match report {
        Report::Table { columns, mut rows, empty } => {
            any_table(&mut out, &columns, &mut *rows, format, style).map(|any| {
                if !any && format != Format::Json {
                    remark(empty, err, style);
                }
            })
        }
        Report::Stream { columns, widths, mut rows } => match format {
            Format::Table => stream::table(&mut out, columns, widths, &mut *rows, style),
            Format::Json => stream::json(&mut out, columns, &mut *rows),
            Format::Plain => stream::plain(&mut out, &mut *rows, cell_rule(style)),
        },
        Report::Item(pairs) => {
            match format {
                Format::Table => item::table(&mut out, &pairs),
                Format::Json => json::item(&mut out, None, &pairs),
                Format::Plain => item::plain(&mut out, &pairs, cell_rule(style)),
            }
            Ok(())
        }
        Report::Value(secret) => value(&mut out, &secret, format, style),
        Report::Answer(secret) => answer(&mut out, &secret, style),
        Report::Done { message, item } => {
            match format {
                Format::Json => json::item(&mut out, Some(&message), &item),
                Format::Table | Format::Plain => remark(&message, err, style),
            }
            Ok(())
        }
        Report::Lines { lines: mut each, are_json } => match format {
            Format::Json => json::lines(&mut out, &mut *each, are_json),
            Format::Table | Format::Plain => lines(&mut out, &mut *each, style),
        },
        Report::Nothing => Ok(()),
        Report::Text(text) => {
            plain_text(&mut out, &text, format);
            Ok(())
        }
    };
    out.finish(outcome)
}

/// Writes a failure to `err`, as text or as a JSON document.
pub fn error(e: &Error, json: bool, err: &mut dyn Write) {
    if !json {
        return colored_error(e, false, err);
    }
    let mut out = Out::new(SMALL, err);
    json::error(&mut out, e);
    // nobody is left to hear that standard error is gone
    _ = out.finish(Ok(()));
}

/// Writes a failure to `err` as text, its leading words coloured if so desired.
pub fn colored_error(e: &Error, color: bool, err: &mut dyn Write) {
    let mut out = Out::new(SMALL, err);
    labelled(&mut out, "error", RED, color, e.message());
    let names = e.candidate_names();
    for name in names.iter().take(MOST_CANDIDATES) {
        _ = writeln!(out, "  {}", escape::shown(name));
    }
    if names.len() > MOST_CANDIDATES {
        _ = writeln!(out, "  and {} more", names.len() - MOST_CANDIDATES);
    }
    for hint in e.hints() {
        labelled(&mut out, "hint", CYAN, color, hint);
    }
    _ = out.finish(Ok(()));
}

/// Writes a warning to `err`, unless it is to be quiet.
pub fn warning(message: &str, err: &mut dyn Write, style: &Style) {
    if !style.quiet {
        let mut out = Out::new(SMALL, err);
        labelled(&mut out, "warning", YELLOW, style.color, message);
        _ = out.finish(Ok(()));
    }
}

/// Writes a table and says whether it had rows.
fn any_table(
    out: &mut Out<'_>,
    columns: &[Column],
    rows: &mut Rows,
    format: Format,
    style: &Style,
) -> Result<bool> {
    match format {
        Format::Table => table::table(out, columns, rows, style),
        Format::Json => json::table(out, columns, rows).map(|()| true),
        Format::Plain => table::plain(out, rows, cell_rule(style)),
    }
}

/// The bytes of a secret. Those that could drive a terminal are kept from it.
fn value(out: &mut Out<'_>, secret: &Secret, format: Format, style: &Style) -> Result<()> {
    if format == Format::Json {
        json::value(out, secret);
        return Ok(());
    }
    let bytes = secret.expose();
    if style.terminal && !style.raw && !escape::is_tame(bytes) {
        let message = "the value holds control characters that could drive the terminal";
        return Err(Error::new(ErrorKind::Refused, message)
            .hint("send it to a pipe or file: … | cat -v, or add --raw"));
    }
    out.push(bytes);
    if style.terminal && !bytes.ends_with(b"\n") {
        out.text("\n");
    }
    Ok(())
}

/// The bytes of an answer that a protocol has the form of, kept from a terminal that they could drive.
fn answer(out: &mut Out<'_>, answer: &Secret, style: &Style) -> Result<()> {
    if style.terminal && !escape::is_tame(answer.expose()) {
        let message = "the answer holds control characters that could drive the terminal";
        return Err(
            Error::new(ErrorKind::Refused, message).hint("send it to a pipe or file: … | cat -v")
        );
    }
    out.push(answer.expose());
    Ok(())
}

/// Lines as they are, but for a terminal, which they could drive.
fn lines(out: &mut Out<'_>, each: &mut Lines, style: &Style) -> Result<()> {
    each(&mut |line| {
        match style.terminal {
            true => out.text(&escape::shown(line.trim_end_matches('\r'))),
            false => out.text(line),
        }
        out.text("\n");
        out.check()
    })
}

/// Text of this program, which is trusted and ends with a line feed.
fn plain_text(out: &mut Out<'_>, text: &str, format: Format) {
    if format == Format::Json {
        return json::text(out, text);
    }
    out.text(text);
    if !text.ends_with('\n') {
        out.text("\n");
    }
}

fn cell_rule(style: &Style) -> Rule {
    if style.terminal { Rule::ShownCell } else { Rule::Cell }
}

fn remark(message: &str, err: &mut dyn Write, style: &Style) {
    if !style.quiet && !message.is_empty() {
        // the answer stands even when nobody hears the remark
        _ = writeln!(err, "{}", escape::shown(message));
    }
}

fn labelled(out: &mut Out<'_>, word: &str, color: &str, colored: bool, message: &str) {
    let (on, off) = if colored { (color, RESET) } else { ("", "") };
    _ = writeln!(out, "{on}{word}:{off} {}", escape::shown(message));
}

/// More would hide the error they belong to.
const MOST_CANDIDATES: usize = 10;

const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[1;33m";
const CYAN: &str = "\x1b[36m";
const BOLD: &str = "\x1b[1m";
const RESET: &str = "\x1b[0m";

#[cfg(test)]
mod tests;
