//! Counting entries. It is done here, in one pass: the database would sort them first.

use crate::model::Timestamp;
use crate::vault::Glimpse;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// What is counted of one sort of entries.
#[derive(Clone, Copy, Default)]
pub(super) struct Count {
    /// All of them.
    pub(super) entries: i64,
    /// Those that were refused.
    pub(super) refused: i64,
    /// Those that failed.
    pub(super) failed: i64,
    /// The time of the latest.
    pub(super) last: Timestamp,
}

impl Count {
    /// Adds an entry.
    pub(super) fn add(&mut self, entry: &Glimpse<'_>) {
        self.entries += 1;
        match entry.outcome {
            "ok" => {}
            "refused" => self.refused += 1,
            _ => self.failed += 1,
        }
        self.last = self.last.max(entry.at);
    }
}

/// What entries are told apart by.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(super) enum By {
    Action,
    Actor,
    Cred,
    Client,
    Program,
    Host,
    Day,
    Hour,
}

impl By {
    /// The word for it, which heads the column.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Actor => "actor",
            Self::Cred => "cred",
            Self::Client => "client",
            Self::Program => "program",
            Self::Host => "host",
            Self::Day => "day",
            Self::Hour => "hour",
        }
    }

    /// Whether it is a time, which has an order of its own.
    pub(super) fn is_time(self) -> bool {
        matches!(self, Self::Day | Self::Hour)
    }
}

/// Entries, counted by something. What has none of it is counted without a name.
#[derive(Default)]
pub(super) struct Tally {
    names: HashMap<String, Count>,
    nameless: Count,
    times: BTreeMap<i64, Count>,
}

impl Tally {
    /// Counts an entry.
    pub(super) fn add(&mut self, by: By, entry: &Glimpse<'_>, clients: &HashMap<Uuid, String>) {
        match by {
            By::Action => self.name(Some(entry.action), entry),
            By::Actor => self.name(Some(entry.user), entry),
            By::Cred => self.name(entry.name, entry),
            By::Client => {
                let client = entry.credential.and_then(|id| clients.get(&id));
                self.name(client.map(String::as_str), entry);
            }
            By::Program => self.name(entry.program, entry),
            By::Host => self.name(Some(entry.host), entry),
            By::Day => self.times.entry(day(entry.at)).or_default().add(entry),
            By::Hour => self.times.entry(hour(entry.at)).or_default().add(entry),
        }
    }

    /// The names and their numbers, the greatest first; without a name last.
    pub(super) fn ranked(self) -> Vec<(Option<String>, Count)> {
        let nameless = (self.nameless.entries > 0).then_some((None, self.nameless));
        let mut named: Vec<_> = self.names.into_iter().collect();
        named.sort_by(|(a, m), (b, n)| n.entries.cmp(&m.entries).then_with(|| a.cmp(b)));
        named.into_iter().map(|(name, count)| (Some(name), count)).chain(nameless).collect()
    }

    /// The times and their numbers, in order.
    pub(super) fn in_time(self) -> BTreeMap<i64, Count> {
        self.times
    }

    fn name(&mut self, name: Option<&str>, entry: &Glimpse<'_>) {
        let Some(name) = name else { return self.nameless.add(entry) };
        // most names are known already, and are not copied
        match self.names.get_mut(name) {
            Some(count) => count.add(entry),
            None => self.names.entry(name.to_owned()).or_default().add(entry),
        }
    }
}

const DAY: i64 = 86_400_000;

/// Its day, in UTC, from 1970-01-01.
pub(super) fn day(at: Timestamp) -> i64 {
    at.0.div_euclid(DAY)
}

/// How such a day is written.
pub(super) fn date(day: i64) -> String {
    Timestamp(day.saturating_mul(DAY)).day()
}

/// Its hour of the day, in UTC.
pub(super) fn hour(at: Timestamp) -> i64 {
    at.0.rem_euclid(DAY) / 3_600_000
}

/// Its day of the week, from Monday.
pub(super) fn weekday(at: Timestamp) -> i64 {
    (day(at) + 3).rem_euclid(7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::parse_when;

    #[test]
    fn days_hours_and_weekdays() {
        let at = |text| parse_when(text, Timestamp(0), false).unwrap();
        for (text, weekday_, hour_) in [
            ("1970-01-01T00:00:00Z", 3, 0),
            ("2027-01-31T23:59:59Z", 6, 23),
            ("2027-02-01T00:00:00Z", 0, 0),
            ("1969-12-31T23:00:00Z", 2, 23),
        ] {
            assert_eq!((weekday(at(text)), hour(at(text))), (weekday_, hour_), "{text}");
            assert_eq!(date(day(at(text))), text[..10], "{text}");
        }
    }
}
