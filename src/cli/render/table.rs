//! Many things of one shape: plain rows, and tables for people. Short tables fit themselves to the
//! terminal; long ones are measured first and streamed then, so that memory stays flat.

use super::out::Out;
use super::{BOLD, RESET, Style, cell};
use crate::cli::escape::Rule;
use crate::cli::report::{Cell, Column, Rows};
use crate::error::Result;
use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width};
use unicode_width::UnicodeWidthStr;

/// Tables of more rows than this are streamed.
const SHORT: usize = 500;

/// Wider tables are not fitted to the terminal: the crate that does it counts in 16 bits.
const MOST: usize = 1 << 15;

/// Spaces between columns.
const GAP: usize = 2;

/// One line a row, no heading. Says whether there were rows.
pub(super) fn plain(out: &mut Out<'_>, rows: &mut Rows, rule: Rule) -> Result<bool> {
    let mut any = false;
    rows(&mut |row| {
        any = true;
        plain_line(out, row, rule);
        out.check()
    })?;
    Ok(any)
}

/// One row of it.
pub(super) fn plain_line(out: &mut Out<'_>, row: &[Cell<'_>], rule: Rule) {
    for (i, cell) in row.iter().enumerate() {
        if i > 0 {
            out.push(b"\t");
        }
        cell::plain(out, cell, rule);
    }
    out.push(b"\n");
}

/// A table for people. Says whether there were rows.
pub(super) fn table(
    out: &mut Out<'_>,
    columns: &[Column],
    rows: &mut Rows,
    style: &Style,
) -> Result<bool> {
    let heads: Vec<String> = columns.iter().map(|column| heading(column.name)).collect();
    let seen = Seen::look(&heads, rows)?;
    match seen.count {
        0 => return Ok(false),
        1..=SHORT => arranged(out, &heads, seen, style),
        _ => {
            line(out, &heads, &seen.widths, style.color);
            rows(&mut |row| {
                let cells: Vec<String> = row.iter().map(cell::shown).collect();
                line(out, &cells, &seen.widths, false);
                out.check()
            })?;
        }
    }
    Ok(true)
}

/// What a first pass over the rows tells.
struct Seen {
    count: usize,
    widths: Vec<usize>,
    /// The rows, as long as they are few.
    cells: Vec<Vec<String>>,
}

impl Seen {
    fn look(heads: &[String], rows: &mut Rows) -> Result<Self> {
        let widths = heads.iter().map(|head| head.width()).collect();
        let mut seen = Self { count: 0, widths, cells: Vec::new() };
        rows(&mut |row| {
            let cells: Vec<String> = row.iter().map(cell::shown).collect();
            for (width, cell) in seen.widths.iter_mut().zip(&cells) {
                *width = (*width).max(cell.width());
            }
            seen.count += 1;
            match seen.count <= SHORT {
                true => seen.cells.push(cells),
                false => seen.cells = Vec::new(),
            }
            Ok(())
        })?;
        Ok(seen)
    }
}

/// Lets long cells wrap so that the table fits the terminal. Headings never wrap.
fn arranged(out: &mut Out<'_>, heads: &[String], seen: Seen, style: &Style) {
    let total: usize = seen.widths.iter().map(|width| width + GAP).sum();
    let width = match style.width {
        Some(width) if total > width + GAP && total < MOST => {
            u16::try_from(width).unwrap_or(u16::MAX)
        }
        _ => {
            line(out, heads, &seen.widths, style.color);
            return seen.cells.iter().for_each(|cells| line(out, cells, &seen.widths, false));
        }
    };
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    let least = least(heads, &seen.cells, usize::from(width));
    table.set_width(width).set_header(heads).add_rows(seen.cells);
    for (column, least) in table.column_iter_mut().zip(least) {
        let least = u16::try_from(least).unwrap_or(u16::MAX);
        column.set_padding((0, 2));
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
    }
    for (i, text) in table.lines().enumerate() {
        bold(out, text.trim_end(), style.color && i == 0);
        out.text("\n");
    }
}

/// How wide each column is at least: as its heading, and as its longest word in as many columns as can
/// be, so that hardly a word is broken.
fn least(heads: &[String], rows: &[Vec<String>], width: usize) -> Vec<usize> {
    let mut least: Vec<usize> = heads.iter().map(|head| head.width() + GAP).collect();
    let word = |text: &String| text.split(' ').map(UnicodeWidthStr::width).max().unwrap_or(0);
    let longest = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(word).max();
    let mut wanted: Vec<(usize, usize)> =
        (0..heads.len()).map(|at| (longest(at).unwrap_or(0) + GAP, at)).collect();
    wanted.sort_unstable();
    for (wanted, at) in wanted {
        let total = least.iter().sum::<usize>() - least[at] + wanted;
        if wanted > least[at] && total <= width {
            least[at] = wanted;
        }
    }
    least
}

/// One line, padded by hand; the last column is not.
pub(super) fn line(out: &mut Out<'_>, cells: &[String], widths: &[usize], emphasised: bool) {
    let mut pending = 0;
    for (cell, width) in cells.iter().zip(widths).filter(|(_, width)| **width > 0) {
        if !cell.is_empty() {
            out.spaces(pending);
            pending = 0;
            bold(out, cell, emphasised);
        }
        pending += width.saturating_sub(cell.width()) + GAP;
    }
    out.text("\n");
}

fn bold(out: &mut Out<'_>, text: &str, really: bool) {
    out.text(if really { BOLD } else { "" });
    out.text(text);
    out.text(if really { RESET } else { "" });
}

pub(super) fn heading(name: &str) -> String {
    name.replace('_', " ").to_uppercase()
}
