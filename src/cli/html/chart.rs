//! Charts: pictures in the page itself, each with its numbers in words for those who hover or listen.

use super::Markup;

/// A column of a chart.
pub struct Column {
    /// What it stands for.
    pub label: String,
    /// How many there are.
    pub count: i64,
    /// How many of these were refused or failed.
    pub bad: i64,
}

const WIDTH: i64 = 960;
const HEIGHT: i64 = 200;
/// For the numbers on the left, and for the labels below.
const LEFT: i64 = 52;
const BELOW: i64 = 22;

/// Columns side by side, in the order of time.
pub fn columns(m: &mut Markup, about: &str, all: &[Column]) {
    let most = all.iter().map(|column| column.count).max().unwrap_or_default().max(1);
    let number = i64::try_from(all.len()).unwrap_or(1).max(1);
    figure(m, about, HEIGHT + BELOW, |m| {
        grid(m, most);
        for (i, column) in (0..).zip(all) {
            // in hundredths, so that a year of days has room
            let at = LEFT * 100 + (WIDTH - LEFT) * 100 * i / number;
            let wide = ((WIDTH - LEFT) * 100 / number * 8 / 10).max(40);
            one(m, column, (at, wide), most);
        }
        for i in marks(all.len()) {
            let at = LEFT + (WIDTH - LEFT) * i64::try_from(i).unwrap_or_default() / number;
            let label = all.get(i).map_or("", |column| column.label.as_str());
            text(m, (at, HEIGHT + 15), "start", label);
        }
    });
}

fn one(m: &mut Markup, column: &Column, (at, wide): (i64, i64), most: i64) {
    let Column { label, count, bad } = column;
    m.element("g", &[], |m| {
        m.leaf("title", &[], &format!("{label}: {count}, {bad} of them refused or failed"));
        for (class, number) in [("bar", *count), ("bad", *bad)] {
            if number > 0 {
                let high = (number * (HEIGHT - 10) / most).max(1);
                let place = (at, (HEIGHT - high) * 100);
                rect(m, class, place, (wide, high * 100), None);
            }
        }
    });
}

/// A field of shades: a row for each of `rows`, a column for each of `columns`, both labelled.
pub fn heat(m: &mut Markup, about: &str, rows: &[&str], columns: &[String], counts: &[Vec<i64>]) {
    let most = counts.iter().flatten().copied().max().unwrap_or_default().max(1);
    let number = i64::try_from(columns.len()).unwrap_or(1).max(1);
    let (wide, high) = ((WIDTH - LEFT) / number, 24);
    let below = high * i64::try_from(rows.len()).unwrap_or_default();
    figure(m, about, below + BELOW, |m| {
        for ((y, row), counts) in (0..).map(|n| n * high).zip(rows).zip(counts) {
            text(m, (LEFT - 8, y + 15), "end", row);
            for ((x, column), count) in (0..).map(|n| LEFT + n * wide).zip(columns).zip(counts) {
                let class = if *count > 0 { "bar" } else { "none" };
                m.element("g", &[], |m| {
                    m.leaf("title", &[], &format!("{row} {column}: {count}"));
                    let size = ((wide - 2) * 100, (high - 2) * 100);
                    rect(m, class, (x * 100, y * 100), size, shade(*count, most));
                });
            }
        }
        for (x, column) in (0..).map(|n| LEFT + n * wide).zip(columns) {
            text(m, (x + wide / 2, below + 13), "middle", column);
        }
    });
}

/// From faint to full. Even a single one among many can be seen.
fn shade(count: i64, most: i64) -> Option<String> {
    (count > 0).then(|| format!("0.{:02}", (18 + 81 * count / most).min(99)))
}

fn figure(m: &mut Markup, about: &str, height: i64, inside: impl FnOnce(&mut Markup)) {
    m.element("figure", &[], |m| {
        let frame = format!("0 0 {WIDTH} {height}");
        m.element("svg", &[("viewBox", &frame), ("role", "img"), ("aria-label", about)], inside);
        m.leaf("figcaption", &[], about);
    });
}

/// Lines at nothing, half and all of `most`.
fn grid(m: &mut Markup, most: i64) {
    for (high, number) in [(0, 0), ((HEIGHT - 10) / 2, most / 2), (HEIGHT - 10, most)] {
        let y = (HEIGHT - high).to_string();
        let (from, to) = (LEFT.to_string(), WIDTH.to_string());
        m.empty("line", &[("class", "axis"), ("x1", &from), ("x2", &to), ("y1", &y), ("y2", &y)]);
        if number > 0 || high == 0 {
            text(m, (LEFT - 8, HEIGHT - high + 4), "end", &number.to_string());
        }
    }
}

/// Which of so many columns have room for a label.
fn marks(count: usize) -> impl Iterator<Item = usize> {
    (0..count).step_by(count.div_ceil(8).max(1))
}

/// A rectangle, its place and size in hundredths.
fn rect(m: &mut Markup, class: &str, at: (i64, i64), size: (i64, i64), shade: Option<String>) {
    let [x, y, wide, high] = [at.0, at.1, size.0, size.1].map(hundredths);
    let mut attrs =
        vec![("class", class), ("x", &*x), ("y", &*y), ("width", &*wide), ("height", &*high)];
    attrs.extend(shade.as_deref().map(|shade| ("fill-opacity", shade)));
    m.empty("rect", &attrs);
}

fn text(m: &mut Markup, (x, y): (i64, i64), anchor: &str, text: &str) {
    let (x, y) = (x.to_string(), y.to_string());
    m.leaf("text", &[("x", &x), ("y", &y), ("text-anchor", anchor)], text);
}

fn hundredths(number: i64) -> String {
    format!("{}.{:02}", number / 100, number % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_fills_and_a_single_one_is_seen() {
        assert_eq!(shade(1000, 1000).as_deref(), Some("0.99"));
        assert_eq!(shade(1, 1_000_000).as_deref(), Some("0.18"));
        assert_eq!(shade(0, 9), None);
    }

    #[test]
    fn as_many_labels_as_have_room() {
        assert_eq!(marks(0).count(), 0);
        assert_eq!(marks(5).count(), 5);
        assert!(marks(366).count() <= 8);
    }
}
