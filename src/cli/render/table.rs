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

/// Texts are hard to read in narrower columns.
const LEGIBLE: usize = 8;

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
    /// How wide columns must be that leave whole what people copy or compare (names in the first one,
    /// moments, numbers, bars) and let others be read.
    whole: Vec<usize>,
    /// The rows, as long as they are few.
    cells: Vec<Vec<String>>,
}

impl Seen {
    fn look(heads: &[String], rows: &mut Rows) -> Result<Self> {
        let widths: Vec<usize> = heads.iter().map(|head| head.width()).collect();
        let mut seen = Self { count: 0, whole: widths.clone(), widths, cells: Vec::new() };
        rows(&mut |row| {
            let cells: Vec<String> = row.iter().map(cell::shown).collect();
            for (width, cell) in seen.widths.iter_mut().zip(&cells) {
                *width = (*width).max(cell.width());
            }
            for (i, (least, cell)) in seen.whole.iter_mut().zip(row).enumerate() {
                let whole =
                    i == 0 || matches!(cell, Cell::Time(_) | Cell::Int(_) | Cell::Bar { .. });
                let width = cells[i].width();
                *least = (*least).max(if whole { width } else { width.min(LEGIBLE) });
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
    for (column, least) in table.column_iter_mut().zip(leasts(heads, seen.whole, width.into())) {
        let least = u16::try_from(least + GAP).unwrap_or(u16::MAX);
        column.set_padding((0, 2));
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
    }
    for (i, text) in table.lines().enumerate() {
        bold(out, text.trim_end(), style.color && i == 0);
        out.text("\n");
    }
}

/// How wide each column is at least: what is best left whole is, as far as there is room.
fn leasts(heads: &[String], whole: Vec<usize>, width: usize) -> Vec<usize> {
    let fits = |all: &[usize]| all.iter().map(|least| least + GAP).sum::<usize>() <= width;
    let heads: Vec<usize> = heads.iter().map(|head| head.width()).collect();
    let mut unnamed = whole.clone();
    unnamed.iter_mut().zip(&heads).take(1).for_each(|(least, head)| *least = *head);
    [whole, unnamed].into_iter().find(|all| fits(all)).unwrap_or(heads)
}

/// One line, padded by hand; the last column is not. After a cell that is wider than its column, the
/// others go back to their places as soon as there is room.
pub(super) fn line(out: &mut Out<'_>, cells: &[String], widths: &[usize], emphasised: bool) {
    let (mut at, mut place) = (0_usize, 0_usize);
    for (cell, width) in cells.iter().zip(widths).filter(|(_, width)| **width > 0) {
        if !cell.is_empty() {
            let gap = place.saturating_sub(at).max(if at > 0 { GAP } else { 0 });
            out.spaces(gap);
            bold(out, cell, emphasised);
            at += gap + cell.width();
        }
        place += width + GAP;
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
