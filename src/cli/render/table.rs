//! Many things of one shape: plain rows, and tables for people. Short tables fit themselves to the
//! terminal; long ones are measured first and streamed then, so that memory stays flat.

use super::out::Out;
use super::{BOLD, RESET, Style, cell};
use crate::cli::escape::Rule;
use crate::cli::report::{Cell, Column, Rows};
use crate::error::Result;
use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width};
use std::collections::BTreeSet;
use unicode_width::UnicodeWidthStr;

/// Tables of more rows than this are streamed.
const SHORT: usize = 500;

/// Wider tables are not fitted to the terminal: the crate that does it counts in 16 bits.
const MOST: usize = 1 << 15;

/// How wide a day is.
const DAY: usize = "2027-01-31".len();

/// Longer words may be broken.
const LONG: usize = 24;

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
    /// The longest piece of each column that has no space in it.
    words: Vec<usize>,
    /// Which columns have cells with anything in them.
    filled: BTreeSet<usize>,
    /// Which have moments in them: these break between day and hour, and nowhere else.
    times: BTreeSet<usize>,
    /// The rows, as long as they are few.
    cells: Vec<Vec<String>>,
}

impl Seen {
    fn look(heads: &[String], rows: &mut Rows) -> Result<Self> {
        let widths: Vec<usize> = heads.iter().map(|head| head.width()).collect();
        let (filled, times) = (BTreeSet::new(), BTreeSet::new());
        let words = widths.clone();
        let mut seen = Self { count: 0, widths, words, filled, times, cells: Vec::new() };
        rows(&mut |row| {
            seen.count += 1;
            let cells: Vec<String> = row.iter().map(cell::shown).collect();
            for (i, (text, cell)) in cells.iter().zip(row).enumerate() {
                seen.measure(i, text, cell);
            }
            match seen.count <= SHORT {
                true => seen.cells.push(cells),
                false => seen.cells = Vec::new(),
            }
            Ok(())
        })?;
        Ok(seen)
    }

    fn measure(&mut self, i: usize, text: &str, cell: &Cell<'_>) {
        self.widths[i] = self.widths[i].max(text.width());
        if self.count > SHORT || text.is_empty() {
            return;
        }
        self.filled.insert(i);
        if matches!(cell, Cell::Time(_)) {
            self.times.insert(i);
        }
        let word = text.split(' ').map(UnicodeWidthStr::width).max().unwrap_or(0);
        self.words[i] = self.words[i].max(word);
    }
}

/// Lets long cells wrap so that the table fits the terminal, and leaves columns out that have nothing
/// in them. Headings never wrap.
fn arranged(out: &mut Out<'_>, heads: &[String], seen: Seen, style: &Style) {
    let room = style.width.map_or(usize::MAX, |width| width + GAP);
    let total = taken(&seen.widths);
    if total <= room || total >= MOST {
        line(out, heads, &seen.widths, style.color);
        return seen.cells.iter().for_each(|cells| line(out, cells, &seen.widths, false));
    }
    let some: Vec<usize> = seen.filled.iter().copied().collect();
    let heads: Vec<&str> = some.iter().map(|i| heads[*i].as_str()).collect();
    let widths = fitted(&seen, &some, &heads, room);
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(heads).set_width(u16::try_from(room).unwrap_or(u16::MAX));
    for cells in &seen.cells {
        table.add_row(some.iter().zip(&widths).map(|(i, width)| {
            let breaks = seen.times.contains(i) && *width < seen.widths[*i];
            if breaks { cells[*i].replacen('T', " ", 1) } else { cells[*i].clone() }
        }));
    }
    for (column, width) in table.column_iter_mut().zip(widths) {
        column.set_padding((0, 2));
        let width = u16::try_from(width + GAP).unwrap_or(u16::MAX);
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
    }
    for (i, text) in table.lines().enumerate() {
        bold(out, text.trim_end(), style.color && i == 0);
        out.text("\n");
    }
}

/// How wide the columns `some` get in too little room: first they wrap between words, then moments
/// after the day, then anything anywhere.
fn fitted(seen: &Seen, some: &[usize], heads: &[&str], room: usize) -> Vec<usize> {
    let each = |width: &dyn Fn(usize, usize) -> usize| -> Vec<usize> {
        some.iter().zip(heads).map(|(i, head)| width(*i, head.width())).collect()
    };
    let or_day = |i: usize, head: usize, width: usize| {
        if seen.times.contains(&i) { DAY.max(head) } else { width }
    };
    let word = |i: usize, head: usize| seen.words[i].min(LONG).max(head);
    let natural = each(&|i, _| seen.widths[i]);
    let days = each(&|i, head| or_day(i, head, seen.widths[i]));
    let tries = [
        (natural, each(&word)),
        (days.clone(), each(&|i, head| or_day(i, head, word(i, head)))),
        (days, each(&|i, head| or_day(i, head, head))),
    ];
    let mut widths = Vec::new();
    for (most, least) in tries {
        widths = shaved(most, &least, room);
        if taken(&widths) <= room {
            break;
        }
    }
    widths
}

/// Takes from the widest until they fit, but never goes below what is the least for each.
fn shaved(mut widths: Vec<usize>, least: &[usize], room: usize) -> Vec<usize> {
    while taken(&widths) > room {
        let slack = widths.iter_mut().zip(least).filter(|(width, least)| **width > **least);
        match slack.max_by_key(|(width, _)| **width) {
            Some((widest, _)) => *widest -= 1,
            None => break,
        }
    }
    widths
}

fn taken(widths: &[usize]) -> usize {
    widths.iter().map(|width| width + GAP).sum()
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
