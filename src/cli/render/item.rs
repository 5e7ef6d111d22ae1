//! One thing: keys to the left, values to the right.

use super::cell;
use super::out::Out;
use crate::cli::digest;
use crate::cli::escape::{self, Rule};
use crate::cli::report::Cell;
use std::borrow::Cow;
use unicode_width::UnicodeWidthStr;

/// For people: aligned, what is absent left out, longer values on lines of their own.
pub(super) fn table(out: &mut Out<'_>, pairs: &[(&'static str, Cell<'_>)]) {
    let pairs: Vec<(&str, &Cell<'_>)> = pairs.iter().map(|(key, cell)| (*key, cell)).collect();
    block(out, &pairs, 0);
}

/// For programs: a key, a tab and a value a line; the keys of a map after the map's own and a dot.
pub(super) fn plain(out: &mut Out<'_>, pairs: &[(&'static str, Cell<'_>)], rule: Rule) {
    for (key, cell) in pairs {
        plain_pair(out, key, cell, rule);
    }
}

fn plain_pair(out: &mut Out<'_>, path: &str, cell: &Cell<'_>, rule: Rule) {
    match cell {
        Cell::Map(pairs) => {
            for (key, cell) in pairs {
                plain_pair(out, &format!("{path}.{key}"), cell, rule);
            }
        }
        Cell::Rows(rows) => {
            for (i, row) in rows.iter().enumerate() {
                for (key, cell) in row {
                    plain_pair(out, &format!("{path}.{}.{key}", i + 1), cell, rule);
                }
            }
        }
        Cell::Text(_)
        | Cell::Int(_)
        | Cell::Bar { .. }
        | Cell::Flag(_)
        | Cell::Time(_)
        | Cell::List(_)
        | Cell::Secret(_)
        | Cell::Hidden
        | Cell::None => {
            cell::plain_text(out, path, rule);
            out.text("\t");
            cell::plain(out, cell, rule);
            out.text("\n");
        }
    }
}

fn block(out: &mut Out<'_>, pairs: &[(&str, &Cell<'_>)], indent: usize) {
    let pairs: Vec<(Cow<'_, str>, &Cell<'_>)> = pairs
        .iter()
        .filter(|(_, cell)| !is_absent(cell))
        .map(|(key, cell)| (escape::shown(key), *cell))
        .collect();
    let flat = pairs.iter().filter(|(_, cell)| !matches!(cell, Cell::Map(_) | Cell::Rows(_)));
    let column = flat.map(|(key, _)| key.width() + GAP).max().unwrap_or_default();
    for (key, cell) in &pairs {
        out.spaces(indent);
        out.text(key);
        if let Cell::Map(inner) = cell {
            out.text("\n");
            let inner: Vec<_> = inner.iter().map(|(key, cell)| (key.as_str(), cell)).collect();
            block(out, &inner, indent + GAP);
            continue;
        }
        if let Cell::Rows(inner) = cell {
            out.text("\n");
            rows(out, inner, indent + GAP);
            continue;
        }
        let mut before = column - key.width();
        for line in lines(cell) {
            out.spaces(if line.is_empty() { 0 } else { before });
            out.text(&line);
            out.text("\n");
            before = indent + column;
        }
    }
}

/// Lines with columns. The last one may have lines of its own.
fn rows(out: &mut Out<'_>, rows: &[Vec<(&'static str, Cell<'_>)>], indent: usize) {
    let shown: Vec<Vec<Vec<String>>> =
        rows.iter().map(|row| row.iter().map(|(_, cell)| lines(cell)).collect()).collect();
    let wide = shown.iter().map(Vec::len).max().unwrap_or_default();
    let width = |at: usize| {
        let cells = shown.iter().filter_map(|row| row.get(at)?.first());
        cells.map(|line| line.width()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..wide).map(width).collect();
    for row in &shown {
        let mut line = " ".repeat(indent);
        for (cell, width) in row.iter().zip(&widths) {
            let text = cell.first().map_or("", String::as_str);
            line.extend([text, &" ".repeat(width + GAP - text.width())]);
        }
        out.text(line.trim_end());
        out.text("\n");
        let before: usize =
            widths.iter().take(row.len().saturating_sub(1)).map(|width| width + GAP).sum();
        for more in row.last().iter().flat_map(|cell| cell.iter().skip(1)) {
            out.spaces(indent + before);
            out.text(more);
            out.text("\n");
        }
    }
}

/// The lines of a value, each escaped. Text keeps its own lines; a list that is long or has commas
/// of its own gets one line an item.
fn lines(cell: &Cell<'_>) -> Vec<String> {
    match cell {
        Cell::Text(text) => text_lines(text),
        Cell::Secret(secret) => match std::str::from_utf8(secret.expose()) {
            Ok(text) => text_lines(text),
            Err(_) => vec![escape::shown(&digest::summary(secret)).into_owned()],
        },
        Cell::List(items) => {
            let long = items.iter().map(|item| item.width() + 2).sum::<usize>() > LIST_WIDTH;
            match long || items.iter().any(|item| item.contains([',', '\n'])) {
                true => items.iter().flat_map(|item| text_lines(item)).collect(),
                false => vec![cell::shown(cell)],
            }
        }
        Cell::Int(_)
        | Cell::Bar { .. }
        | Cell::Flag(_)
        | Cell::Time(_)
        | Cell::Map(_)
        | Cell::Rows(_)
        | Cell::Hidden
        | Cell::None => {
            vec![cell::shown(cell)]
        }
    }
}

fn text_lines(text: &str) -> Vec<String> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.split('\n').map(|line| escape::shown(line).into_owned()).collect()
}

fn is_absent(cell: &Cell<'_>) -> bool {
    match cell {
        Cell::None => true,
        Cell::List(items) => items.is_empty(),
        Cell::Rows(rows) => rows.is_empty(),
        Cell::Map(pairs) => pairs.iter().all(|(_, cell)| is_absent(cell)),
        Cell::Text(_)
        | Cell::Int(_)
        | Cell::Bar { .. }
        | Cell::Flag(_)
        | Cell::Time(_)
        | Cell::Secret(_)
        | Cell::Hidden => false,
    }
}

const GAP: usize = 2;

/// A list that is wider than this is shown one item a line.
const LIST_WIDTH: usize = 60;
