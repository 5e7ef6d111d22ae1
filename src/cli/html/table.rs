//! Tables, made of the same cells as every answer.

use super::Markup;
use crate::cli::report::Cell;
use crate::model::Timestamp;

/// A table with a heading for each column. A number among others gets a bar in a column of its own.
pub fn table(m: &mut Markup, heads: &[&str], rows: &[Vec<Cell<'_>>]) {
    m.element("table", &[], |m| {
        m.element("thead", &[], |m| {
            m.element("tr", &[], |m| head(m, heads, rows.first()));
        });
        m.element("tbody", &[], |m| {
            for row in rows {
                m.element("tr", &[], |m| row.iter().for_each(|cell| one(m, cell)));
            }
        });
    });
}

fn head(m: &mut Markup, heads: &[&str], first: Option<&Vec<Cell<'_>>>) {
    for (i, head) in heads.iter().enumerate() {
        match first.and_then(|row| row.get(i)) {
            Some(Cell::Int(_)) => _ = m.leaf("th", &[("class", "n")], head),
            Some(Cell::Bar { .. }) => {
                m.leaf("th", &[("class", "n")], head);
                m.leaf("th", &[], "");
            }
            _ => _ = m.leaf("th", &[], head),
        }
    }
}

fn one(m: &mut Markup, cell: &Cell<'_>) {
    match cell {
        Cell::Int(number) => _ = m.leaf("td", &[("class", "n")], &number.to_string()),
        Cell::Bar { count, most } => {
            m.leaf("td", &[("class", "n")], &count.to_string());
            m.element("td", &[("class", "b")], |m| bar(m, *count, *most));
        }
        Cell::Time(at) => _ = m.leaf("td", &[("class", "t")], &seconds(*at)),
        _ => _ = m.leaf("td", &[], &shown(cell)),
    }
}

/// A cell as text. Secrets are not for pages.
#[must_use]
pub fn shown(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Text(text) => text.as_ref().to_owned(),
        Cell::Int(number) | Cell::Bar { count: number, .. } => number.to_string(),
        Cell::Flag(flag) => if *flag { "yes" } else { "no" }.into(),
        Cell::Time(at) => seconds(*at),
        Cell::List(texts) => texts.join(", "),
        Cell::Map(pairs) => {
            let pair = |(key, cell): &(String, Cell<'_>)| format!("{key} {}", shown(cell));
            pairs.iter().map(pair).collect::<Vec<_>>().join(", ")
        }
        Cell::Rows(rows) => {
            let cells = rows.iter().flatten().map(|(_, cell)| shown(cell));
            cells.collect::<Vec<_>>().join(", ")
        }
        Cell::Secret(_) | Cell::Hidden => "••••••••".into(),
        Cell::None => String::new(),
    }
}

fn bar(m: &mut Markup, count: i64, most: i64) {
    let width = (count.max(0).saturating_mul(1000) / most.max(1)).min(1000).to_string();
    let frame = [("viewBox", "0 0 1000 40"), ("preserveAspectRatio", "none"), ("height", "10")];
    m.element("svg", &frame, |m| {
        m.empty("rect", &[("class", "bar"), ("width", &width), ("height", "40")]);
    });
}

/// To the second, in UTC.
pub(super) fn seconds(at: Timestamp) -> String {
    let text = at.to_string();
    match (text.get(..19), text.len()) {
        (Some(short), 24) => format!("{}Z", short.replace('T', " ")),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    #[test]
    fn cells_of_all_sorts_are_shown_and_no_secret_is() {
        let mut m = Markup::default();
        let row = vec![
            Cell::Text("<a>".into()),
            Cell::Bar { count: 1, most: 4 },
            Cell::Time(Timestamp(0)),
            Cell::List(vec!["a".into(), "b".into()]),
            Cell::Secret(Secret::from_bytes(b"hunter2")),
            Cell::None,
        ];
        table(&mut m, &["x"], &[row]);
        for part in ["&lt;a&gt;", "width=\"250\"", "1970-01-01 00:00:00Z", "a, b", "••••"] {
            assert!(m.0.contains(part), "{part}: {}", m.0);
        }
        assert!(!m.0.contains("hunter2"));
    }
}
