//! Cells as text: how numbers, moments, lists and secrets are written for people and in plain rows.

use super::out::Out;
use crate::cli::escape::{self, Rule};
use crate::cli::report::Cell;
use crate::model::{Secret, Timestamp};
use data_encoding::BASE64;
use std::fmt::Write;
use zeroize::Zeroizing;

/// What stands for a secret that was not asked for.
pub(super) const DOTS: &str = "••••••••";

/// A cell as one line for people, escaped; nothing for an empty cell.
pub(super) fn shown(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Text(text) => escape::shown(text).into_owned(),
        Cell::Int(number) => number.to_string(),
        Cell::Bar { count, most } => bar(*count, *most),
        Cell::Flag(flag) => if *flag { "yes" } else { "no" }.into(),
        Cell::Time(at) => seconds(*at),
        Cell::List(items) => {
            let items: Vec<_> = items.iter().map(|item| escape::shown(item)).collect();
            items.join(", ")
        }
        Cell::Map(pairs) => {
            let pair = |(key, cell): &(String, Cell<'_>)| {
                format!("{} {}", escape::shown(key), shown(cell))
            };
            pairs.iter().map(pair).collect::<Vec<_>>().join(", ")
        }
        Cell::Rows(rows) => {
            let row = |row: &Vec<(&str, Cell<'_>)>| {
                row.iter().map(|(_, cell)| shown(cell)).collect::<Vec<_>>().join(" ")
            };
            rows.iter().map(row).collect::<Vec<_>>().join(", ")
        }
        Cell::Secret(secret) => secret_text(secret, |text| escape::shown(text).into_owned()),
        Cell::Hidden => DOTS.into(),
        Cell::None => String::new(),
    }
}

/// The text of a secret, or its Base64 form when it is not text.
pub(super) fn secret_text(secret: &Secret, of: impl FnOnce(&str) -> String) -> String {
    match std::str::from_utf8(secret.expose()) {
        Ok(text) => of(text),
        Err(_) => format!("base64:{}", BASE64.encode(secret.expose())),
    }
}

/// A number and its bar, in eighths of a character. Numbers of one block line up.
fn bar(count: i64, most: i64) -> String {
    let eighths = count.max(0).saturating_mul(8 * BAR) / most.max(1);
    let whole = usize::try_from((eighths / 8).min(BAR)).unwrap_or_default();
    let part = usize::try_from(eighths % 8).unwrap_or_default();
    let part = if eighths < 8 * BAR { PARTS[part] } else { "" };
    let digits = most.to_string().len();
    format!("{count:>digits$}  {}{part}", "█".repeat(whole)).trim_end().to_owned()
}

/// The longest bar, in characters.
const BAR: i64 = 16;

/// So many eighths of a character.
const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// A moment for people: to the second.
pub(super) fn seconds(at: Timestamp) -> String {
    let mut text = String::with_capacity(24);
    each_time_byte(at, |bytes| text.push_str(bytes));
    if text.len() == 24 && text.ends_with('Z') {
        text.replace_range(19..23, "");
    }
    text
}

/// One plain cell.
pub(super) fn plain(out: &mut Out<'_>, cell: &Cell<'_>, rule: Rule) {
    match cell {
        Cell::Text(text) => plain_text(out, text, rule),
        Cell::Int(number) | Cell::Bar { count: number, .. } => _ = write!(out, "{number}"),
        Cell::Flag(flag) => out.text(if *flag { "true" } else { "false" }),
        Cell::Time(at) => time(out, *at),
        Cell::List(items) => {
            for (i, item) in items.iter().enumerate() {
                out.text(if i > 0 { "," } else { "" });
                plain_text(out, item, rule);
            }
        }
        Cell::Map(pairs) => {
            for (i, (key, cell)) in pairs.iter().enumerate() {
                out.text(if i > 0 { "," } else { "" });
                plain_text(out, key, rule);
                out.text("=");
                plain(out, cell, rule);
            }
        }
        Cell::Rows(rows) => {
            for (i, cell) in rows.iter().flatten().map(|(_, cell)| cell).enumerate() {
                out.text(if i > 0 { "," } else { "" });
                plain(out, cell, rule);
            }
        }
        Cell::Secret(secret) => {
            if let Ok(text) = std::str::from_utf8(secret.expose()) {
                plain_text(out, text, rule);
            } else {
                out.text("base64:");
                base64(out, secret.expose());
            }
        }
        Cell::Hidden => out.text(DOTS),
        Cell::None => {}
    }
}

/// Text in a plain cell: always on one line, never with a tab.
#[inline]
pub(super) fn plain_text(out: &mut Out<'_>, text: &str, rule: Rule) {
    let bytes = text.as_bytes();
    if escape::is_printable_ascii(bytes) && !bytes.contains(&b'\\') {
        return out.push(bytes);
    }
    escape::each_piece(text, rule, &mut |piece| out.text(piece));
}

/// Base64 of any length, without a copy of the whole.
pub(super) fn base64(out: &mut Out<'_>, bytes: &[u8]) {
    let mut text = Zeroizing::new([0_u8; 1024]);
    for chunk in bytes.chunks(768) {
        let text = &mut text[..BASE64.encode_len(chunk.len())];
        BASE64.encode_mut(chunk, text);
        out.push(text);
    }
}

/// A moment for programs, as [`Timestamp`] is displayed.
pub(super) fn time(out: &mut Out<'_>, at: Timestamp) {
    each_time_byte(at, |text| out.text(text));
}

/// RFC 3339 by arithmetic on days and milliseconds: a list has a hundred thousand of them, and the
/// general formatter takes longer than the rest of the row. Years beyond four digits go there.
fn each_time_byte(at: Timestamp, mut put: impl FnMut(&str)) {
    let (day, ms) = (at.0.div_euclid(86_400_000), at.0.rem_euclid(86_400_000));
    let (year, month, date) = civil(day);
    if !(0..=9999).contains(&year) {
        return put(&at.to_string());
    }
    let mut text = *b"0000-00-00T00:00:00.000Z";
    digits(&mut text[0..4], year);
    digits(&mut text[5..7], month);
    digits(&mut text[8..10], date);
    digits(&mut text[11..13], ms / 3_600_000);
    digits(&mut text[14..16], ms / 60_000 % 60);
    digits(&mut text[17..19], ms / 1000 % 60);
    digits(&mut text[20..23], ms % 1000);
    put(std::str::from_utf8(&text).unwrap_or_default());
}

/// Year, month and day of the Gregorian calendar, from days since 1970-01-01. Years begin in March
/// here, so that the leap day is the last.
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let (era, day_of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let date = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, date)
}

fn digits(field: &mut [u8], mut value: i64) {
    for digit in field.iter_mut().rev() {
        *digit = b"0123456789"[usize::try_from(value % 10).unwrap_or_default()];
        value /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn people_see_seconds() {
        assert_eq!(seconds(Timestamp(1_800_000_000_123)), "2027-01-15T08:00:00Z");
        assert_eq!(shown(&Cell::List(vec!["a".into(), "b\u{1b}".into()])), "a, b\\u{1b}");
        assert_eq!(shown(&Cell::Secret(Secret::from_bytes(b"\xff\x00"))), "base64:/wA=");
    }

    #[test]
    fn bars_are_as_long_as_their_numbers_are_great() {
        assert_eq!(bar(200, 200), format!("200  {}", "█".repeat(16)));
        assert_eq!(bar(100, 200), format!("100  {}", "█".repeat(8)));
        assert_eq!(bar(1, 200), "  1");
        assert_eq!(bar(2, 200), "  2  ▏");
        assert_eq!(bar(0, 0), "0");
        assert_eq!(bar(i64::MAX, 1).chars().filter(|c| *c == '█').count(), 16);
    }

    proptest! {
        #[test]
        fn times_are_the_same_as_displayed(ms in -70_000_000_000_000_i64..300_000_000_000_000) {
            let mut text = String::new();
            each_time_byte(Timestamp(ms), |piece| text.push_str(piece));
            prop_assert_eq!(text, Timestamp(ms).to_string());
        }
    }
}
