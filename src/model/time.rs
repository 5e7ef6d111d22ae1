//! Moments and durations, and how people write them.

use crate::error::{Error, Result};
use chrono::{DateTime, NaiveDate, SecondsFormat, TimeZone, Utc};
use std::fmt;

/// A moment: milliseconds since 1970-01-01T00:00:00Z, shown as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The last that RFC 3339 can write.
    pub const LAST: Self = Self(253_402_300_799_999);

    /// Its hour of the day, in UTC: 0 to 23.
    #[must_use]
    pub fn hour(self) -> usize {
        usize::try_from(self.0.div_euclid(3_600_000).rem_euclid(24)).unwrap_or_default()
    }

    /// Its day, in UTC: `2027-01-31`.
    #[must_use]
    pub fn day(self) -> String {
        self.to_string().chars().take_while(|c| *c != 'T').collect()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Utc.timestamp_millis_opt(self.0).single() {
            Some(at) => f.write_str(&at.to_rfc3339_opts(SecondsFormat::Millis, true)),
            None => write!(f, "{}ms", self.0),
        }
    }
}

const FORMS: &str = "write a date (2027-01-31), a time (2027-01-31T12:00:00Z) or a span (90d)";

/// Reads a duration in seconds: a whole number and one of `s m h d w y`. Zero is refused, and so is
/// anything over 100 years.
///
/// # Errors
/// Usage, naming the accepted forms.
pub fn parse_duration(text: &str) -> Result<i64> {
    let wrong = || {
        Error::usage("not a duration")
            .hint("write a number and a unit: 45s, 30m, 12h, 90d, 4w or 1y")
    };
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        'y' => 365 * 86_400,
        _ => return Err(wrong()),
    };
    let digits = &text[..text.len() - 1];
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let count: i64 = digits.parse().map_err(|_| wrong())?;
    match count.checked_mul(seconds) {
        Some(total) if (1..=100 * 365 * 86_400).contains(&total) => Ok(total),
        _ => Err(wrong().hint("between one second and 100 years")),
    }
}

/// Reads a moment: RFC 3339, a date (midnight UTC), or a duration from `now` into the future
/// (`ahead`) or into the past.
///
/// # Errors
/// Usage, naming the accepted forms.
pub fn parse_when(text: &str, now: Timestamp, ahead: bool) -> Result<Timestamp> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(Timestamp(at.timestamp_millis()));
    }
    // with a sign, a year would be taken that RFC 3339 cannot write
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    if let Some(day) = day.filter(|_| text.starts_with(|c: char| c.is_ascii_digit())) {
        let midnight = day.and_hms_opt(0, 0, 0).map(|at| at.and_utc().timestamp_millis());
        return midnight.map(Timestamp).ok_or_else(|| Error::usage("not a date").hint(FORMS));
    }
    match parse_duration(text) {
        Ok(span) => Ok(Timestamp(now.0.saturating_add(if ahead { span } else { -span } * 1000))),
        Err(_) => Err(Error::usage("not a date or duration").hint(FORMS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    #[test]
    fn the_three_forms() {
        let at = |text| parse_when(text, NOW, true).map(|t| t.to_string()).ok();
        assert_eq!(at("2027-01-31").as_deref(), Some("2027-01-31T00:00:00.000Z"));
        assert_eq!(at("2027-01-31T12:00:00+01:00").as_deref(), Some("2027-01-31T11:00:00.000Z"));
        assert_eq!(parse_when("1d", NOW, true).unwrap().0 - NOW.0, 86_400_000);
        assert_eq!(NOW.0 - parse_when("1d", NOW, false).unwrap().0, 86_400_000);
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            "",
            "2027-13-01",
            "2027-02-30",
            "soon",
            "-5d",
            "0d",
            "5",
            "9999y",
            "5é",
            "d",
            "+12027-01-31",
            "-0001-01-31",
            "12027-01-31",
        ] {
            assert!(parse_when(bad, NOW, true).is_err(), "{bad:?}");
        }
    }
}
