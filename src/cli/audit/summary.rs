//! What a report counts, in one pass over the log.

use super::tally::{Count, day, hour, weekday};
use crate::model::Timestamp;
use crate::vault::{Glimpse, READS};
use std::collections::{BTreeMap, HashMap, HashSet};

/// How many refusals and failures are told one by one.
pub(super) const TOLD: usize = 50;

/// Numbers for a report.
#[derive(Default)]
pub(super) struct Summary {
    all: Count,
    first: Option<Timestamp>,
    reads: i64,
    unlocks_failed: i64,
    days: BTreeMap<i64, Count>,
    hours: [[i64; 24]; 7],
    readers: HashMap<String, Reads>,
    read: HashMap<String, Reads>,
    programs: HashMap<String, i64>,
    failures: HashMap<(String, String), i64>,
    refusals: Vec<i64>,
}

/// How somebody read, or how something was read.
#[derive(Default)]
pub(super) struct Reads {
    pub(super) count: i64,
    pub(super) last: Timestamp,
    /// What was read by them, or who read it.
    pub(super) others: HashSet<String>,
}

impl Reads {
    fn add(&mut self, at: Timestamp, other: Option<&str>) {
        self.count += 1;
        self.last = self.last.max(at);
        if let Some(other) = other.filter(|other| !self.others.contains(*other)) {
            self.others.insert(other.to_owned());
        }
    }
}

impl Summary {
    /// Counts an entry; the newest comes first.
    pub(super) fn add(&mut self, entry: &Glimpse<'_>) {
        self.all.add(entry);
        self.first = Some(self.first.map_or(entry.at, |first| first.min(entry.at)));
        self.days.entry(day(entry.at)).or_default().add(entry);
        self.unlocks_failed += i64::from(entry.action == "unlock_failed");
        if let Some(count) = cell(&mut self.hours, entry.at) {
            *count += 1;
        }
        change(&mut self.programs, entry.program.unwrap_or_default(), |count| *count += 1);
        match entry.outcome {
            "ok" if READS.contains(&entry.action) => self.add_read(entry),
            "ok" => {}
            _ => self.add_failure(entry),
        }
    }

    fn add_read(&mut self, entry: &Glimpse<'_>) {
        self.reads += 1;
        change(&mut self.readers, entry.user, |reads| reads.add(entry.at, entry.name));
        if let Some(name) = entry.name {
            change(&mut self.read, name, |reads| reads.add(entry.at, Some(entry.user)));
        }
    }

    fn add_failure(&mut self, entry: &Glimpse<'_>) {
        if self.refusals.len() < TOLD {
            self.refusals.push(entry.seq);
        }
        let key = (entry.action.to_owned(), entry.outcome.to_owned());
        *self.failures.entry(key).or_default() += 1;
    }

    /// Numbers of all entries.
    pub(super) fn all(&self) -> Count {
        self.all
    }

    /// The times of the first entry and the last, if there are any.
    pub(super) fn span(&self) -> Option<(Timestamp, Timestamp)> {
        self.first.map(|first| (first, self.all.last))
    }

    /// How often a value was handed out.
    pub(super) fn reads(&self) -> i64 {
        self.reads
    }

    /// Of how many credentials.
    pub(super) fn credentials(&self) -> usize {
        self.read.len()
    }

    /// How often somebody had a wrong key.
    pub(super) fn unlocks_failed(&self) -> i64 {
        self.unlocks_failed
    }

    /// The days on which something happened.
    pub(super) fn days(&self) -> &BTreeMap<i64, Count> {
        &self.days
    }

    /// Entries by weekday from Monday, and hour.
    pub(super) fn hours(&self) -> &[[i64; 24]; 7] {
        &self.hours
    }

    /// Who reads most.
    pub(super) fn readers(&self) -> Vec<(&str, &Reads)> {
        most_reads(&self.readers)
    }

    /// What is read most.
    pub(super) fn read(&self) -> Vec<(&str, &Reads)> {
        most_reads(&self.read)
    }

    /// Which programs call most; no name for what is not known.
    pub(super) fn programs(&self) -> Vec<(&str, i64)> {
        let mut programs: Vec<_> =
            self.programs.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        programs.sort_by(|(a, m), (b, n)| n.cmp(m).then_with(|| a.cmp(b)));
        programs
    }

    /// What was refused or failed, by action and outcome, and how often.
    pub(super) fn failures(&self) -> Vec<(&str, &str, i64)> {
        let all = self.failures.iter();
        let mut all: Vec<_> = all.map(|((a, o), n)| (a.as_str(), o.as_str(), *n)).collect();
        all.sort_by(|(a, b, m), (c, d, n)| n.cmp(m).then_with(|| (a, b).cmp(&(c, d))));
        all
    }

    /// The numbers of the latest entries that were refused or failed.
    pub(super) fn refusals(&self) -> &[i64] {
        &self.refusals
    }
}

fn cell(hours: &mut [[i64; 24]; 7], at: Timestamp) -> Option<&mut i64> {
    let (weekday, hour) = (usize::try_from(weekday(at)), usize::try_from(hour(at)));
    hours.get_mut(weekday.ok()?)?.get_mut(hour.ok()?)
}

/// Changes the value of a name; most are known already, and are not copied.
fn change<V: Default>(map: &mut HashMap<String, V>, name: &str, work: impl FnOnce(&mut V)) {
    match map.get_mut(name) {
        Some(value) => work(value),
        None => work(map.entry(name.to_owned()).or_default()),
    }
}

fn most_reads(map: &HashMap<String, Reads>) -> Vec<(&str, &Reads)> {
    let mut all: Vec<_> = map.iter().map(|(name, reads)| (name.as_str(), reads)).collect();
    all.sort_by(|(a, m), (b, n)| n.count.cmp(&m.count).then_with(|| a.cmp(b)));
    all
}
