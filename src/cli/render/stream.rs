//! Rows without an end: each is written when it comes.

use super::out::Out;
use super::table::{heading, line, plain_line};
use super::{Style, cell, json as document};
use crate::cli::escape::Rule;
use crate::cli::report::{Column, Rows};
use crate::error::Result;

/// Lines for people, with a heading. Columns have the widths that are given.
pub(super) fn table(
    out: &mut Out<'_>,
    columns: &[Column],
    widths: &[usize],
    rows: &mut Rows,
    style: &Style,
) -> Result<()> {
    let heads: Vec<String> = columns.iter().map(|column| heading(column.name)).collect();
    // the last column is not padded
    let widths: Vec<usize> = (0..heads.len()).map(|i| *widths.get(i).unwrap_or(&1)).collect();
    line(out, &heads, &widths, style.color);
    out.flush()?;
    rows(&mut |row| {
        let cells: Vec<String> = row.iter().map(cell::shown).collect();
        line(out, &cells, &widths, false);
        out.flush()
    })
}

/// A document a line.
pub(super) fn json(out: &mut Out<'_>, columns: &[Column], rows: &mut Rows) -> Result<()> {
    rows(&mut |row| {
        document::line(out, columns, row);
        out.flush()
    })
}

/// One line a row, no heading.
pub(super) fn plain(out: &mut Out<'_>, rows: &mut Rows, rule: Rule) -> Result<()> {
    rows(&mut |row| {
        plain_line(out, row, rule);
        out.flush()
    })
}
