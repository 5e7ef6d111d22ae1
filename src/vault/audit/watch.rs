//! The evaluator of alerts: it is shown entries, oldest first, and tells which deserve a look. Knows
//! the log's words; not where entries come from, nor who is told.

use crate::error::Result;
use crate::model::{Timestamp, parse_when};
use crate::vault::alerts::{Alert, Rule, Rules};
use crate::vault::store::overview::READS;
use crate::vault::store::watch::Seen;
use std::collections::{HashMap, HashSet, VecDeque};
use uuid::Uuid;

/// From when on it is known at which hours somebody works: so many entries over such a time.
const HABIT: u32 = 200;
const HABIT_SPAN: i64 = 14 * DAY;
/// How long a silence ends an episode: of unusual hours, and of what is about one credential.
const PAUSE: i64 = 3_600_000;
const DAY: i64 = 86_400_000;

/// What is known while going through the log.
pub(in crate::vault) struct Evaluator<'r> {
    rules: &'r Rules,
    /// Until then nothing is new or unusual.
    learning_until: i64,
    /// By user, host and program, joined.
    actors: HashMap<String, Actor>,
    key: String,
    /// Of each user on each host.
    reads: Table<Window>,
    /// Of each user.
    hours: Table<Hours>,
    failures: Failures,
    open: HashMap<(Rule, Uuid, String), usize>,
    /// The details that were found to say nothing last: most entries have the same.
    dull: String,
    alerts: Vec<Alert>,
}

/// Rows that are found by a text once, and then by their number.
struct Table<T> {
    numbers: HashMap<String, usize>,
    rows: Vec<T>,
}

impl<T> Table<T> {
    fn new() -> Self {
        Self { numbers: HashMap::new(), rows: Vec::new() }
    }

    fn number(&mut self, key: String, row: T) -> usize {
        let rows = &mut self.rows;
        *self.numbers.entry(key).or_insert_with(|| {
            rows.push(row);
            rows.len() - 1
        })
    }
}

#[derive(Clone, Copy)]
struct Actor {
    reads: usize,
    hours: usize,
    /// Whether the lists of the configuration leave it out.
    ignored: bool,
}

/// What somebody has read of late.
#[derive(Default)]
struct Window {
    reads: VecDeque<(i64, i64, Uuid)>,
    counts: HashMap<Uuid, u32>,
    /// The alert under way, and all that was read in it.
    episode: Option<(usize, HashSet<Uuid>)>,
}

/// When somebody works.
struct Hours {
    count: u32,
    since: i64,
    until: i64,
    by_hour: [u32; 24],
    /// Whether there may be an alert about it under way.
    is_odd: bool,
}

/// Failed unlocks of late.
#[derive(Default)]
struct Failures {
    window: VecDeque<(i64, i64)>,
    episode: Option<usize>,
}

impl<'r> Evaluator<'r> {
    /// One for a log that begins then.
    pub(in crate::vault) fn new(rules: &'r Rules, begin: Timestamp) -> Self {
        Self {
            rules,
            learning_until: begin.0.saturating_add(rules.learning),
            actors: HashMap::new(),
            key: String::new(),
            reads: Table::new(),
            hours: Table::new(),
            failures: Failures::default(),
            open: HashMap::new(),
            dull: String::new(),
            alerts: Vec::new(),
        }
    }

    /// Looks at the next entry. `is_known` tells of an actor that is new here whether older entries
    /// know it.
    pub(in crate::vault) fn entry(
        &mut self,
        entry: &Seen<'_>,
        is_known: impl FnOnce() -> Result<bool>,
    ) -> Result<()> {
        let actor = self.actor(entry, is_known)?;
        if entry.action == "unlock_failed" {
            self.failed_unlock(entry);
        }
        let is_read = is_read(entry);
        if is_read && !actor.ignored && self.rules.mass_access > 0 {
            self.read(entry, actor)?;
        }
        if self.rules.unusual_hours {
            self.hour(entry, actor);
        }
        let tells = entry.is_ok
            && (is_read || entry.action == "view" || entry.action.starts_with("incident_"));
        match entry.details.filter(|details| tells && *details != self.dull) {
            Some(details) => self.details(entry, details, is_read),
            None => Ok(()),
        }
    }

    /// What was found, oldest first.
    pub(in crate::vault) fn finish(self) -> Vec<Alert> {
        self.alerts
    }

    fn actor(
        &mut self,
        entry: &Seen<'_>,
        is_known: impl FnOnce() -> Result<bool>,
    ) -> Result<Actor> {
        self.key.clear();
        for part in [entry.user, "\0", entry.host, "\0", entry.program.unwrap_or_default()] {
            self.key.push_str(part);
        }
        if let Some(actor) = self.actors.get(&self.key) {
            return Ok(*actor);
        }
        let hours = Hours {
            count: 0,
            since: entry.at.0,
            until: entry.at.0,
            by_hour: [0; 24],
            is_odd: false,
        };
        let actor = Actor {
            reads: self.reads.number([entry.user, "\0", entry.host].concat(), Window::default()),
            hours: self.hours.number(entry.user.to_owned(), hours),
            ignored: self.rules.ignores(entry.user, entry.program),
        };
        let is_new = self.rules.new_actor && !actor.ignored && entry.at.0 >= self.learning_until;
        self.actors.insert(self.key.clone(), actor);
        if is_new && !is_known()? {
            self.push(Rule::NewActor, entry, entry.seq, entry.at, 1);
        }
        Ok(actor)
    }

    fn push(
        &mut self,
        rule: Rule,
        entry: &Seen<'_>,
        first: i64,
        at: Timestamp,
        count: usize,
    ) -> usize {
        self.alerts.push(Alert {
            rule,
            first,
            last: entry.seq,
            noticed: entry.seq,
            at,
            until: entry.at,
            user: entry.user.to_owned(),
            host: entry.host.to_owned(),
            program: entry.program.map(str::to_owned),
            count,
            credential: None,
            name: None,
            incident: None,
        });
        self.alerts.len() - 1
    }

    fn failed_unlock(&mut self, entry: &Seen<'_>) {
        let (limit, span) = (self.rules.failed_unlocks, self.rules.failed_window);
        let Failures { window, episode } = &mut self.failures;
        if window.back().is_some_and(|(at, _)| entry.at.0.saturating_sub(*at) > span) {
            *episode = None;
        }
        if let Some(at) = *episode {
            window.push_back((entry.at.0, entry.seq));
            return self.alerts[at].grow(entry.seq, entry.at, 1);
        }
        while window.front().is_some_and(|(at, _)| entry.at.0.saturating_sub(*at) > span) {
            window.pop_front();
        }
        window.push_back((entry.at.0, entry.seq));
        if limit > 0 && window.len() >= limit {
            let (at, seq) = window.front().copied().unwrap_or((entry.at.0, entry.seq));
            let count = window.len();
            window.clear();
            window.push_back((entry.at.0, entry.seq));
            let at = self.push(Rule::FailedUnlocks, entry, seq, Timestamp(at), count);
            self.failures.episode = Some(at);
        }
    }

    /// Counts which credentials somebody has read of late.
    fn read(&mut self, entry: &Seen<'_>, actor: Actor) -> Result<()> {
        let Some(credential) = entry.credential()? else { return Ok(()) };
        let (limit, span) = (self.rules.mass_access, self.rules.mass_window);
        let mut window = std::mem::take(&mut self.reads.rows[actor.reads]);
        window.add(entry, credential, span);
        let distinct = window.counts.len();
        match &mut window.episode {
            Some((at, all)) if distinct * 2 > limit => {
                let more = usize::from(all.insert(credential));
                self.alerts[*at].grow(entry.seq, entry.at, more);
            }
            Some(_) | None if distinct < limit => window.episode = None,
            Some(_) | None => {
                let (at, seq, _) = window.reads[0];
                let alert = self.push(Rule::MassAccess, entry, seq, Timestamp(at), distinct);
                window.episode = Some((alert, window.counts.keys().copied().collect()));
            }
        }
        self.reads.rows[actor.reads] = window;
        Ok(())
    }

    fn hour(&mut self, entry: &Seen<'_>, actor: Actor) {
        let hour = entry.at.hour();
        let hours = &mut self.hours.rows[actor.hours];
        let is_habit =
            hours.count >= HABIT && hours.until.saturating_sub(hours.since) >= HABIT_SPAN;
        let near = [hour + 23, hour, hour + 1].map(|hour| hours.by_hour[hour % 24]);
        hours.until = hours.until.max(entry.at.0);
        hours.count = hours.count.saturating_add(1);
        hours.by_hour[hour] = hours.by_hour[hour].saturating_add(1);
        let unusual = is_habit && near == [0; 3] && entry.at.0 >= self.learning_until;
        if !actor.ignored && (unusual || hours.is_odd) {
            let goes_on = self.episode(Rule::UnusualHours, entry, None, unusual).is_some();
            self.hours.rows[actor.hours].is_odd = goes_on;
        }
    }

    fn details(&mut self, entry: &Seen<'_>, details: &str, is_read: bool) -> Result<()> {
        let mut found = Vec::new();
        if is_read {
            let expired = self.rules.expired && details.contains("\"overdue\":\"expiry\"");
            found.extend(expired.then_some(Rule::ExpiredRead));
            found.extend(self.was_restored(entry, details).then_some(Rule::RestoredRead));
        }
        if entry.action.starts_with("incident_") && details.contains("\"canary\":") {
            found.push(Rule::Canary);
        }
        if entry.action == "view" && lists_canaries(details) {
            found.push(Rule::CanaryList);
        }
        // what says nothing, whatever the action
        if !says_something(details) {
            details.clone_into(&mut self.dull);
        }
        for rule in found {
            let about = entry.credential()?;
            let name = entry.name()?.map(str::to_owned);
            let at = self.episode(rule, entry, about, true);
            if let Some(alert) = at.and_then(|at| self.alerts.get_mut(at)) {
                (alert.credential, alert.name) = (about, name.or(alert.name.take()));
                alert.incident = entry.incident()?.and_then(|text| text.parse().ok());
            }
        }
        Ok(())
    }

    fn was_restored(&self, entry: &Seen<'_>, details: &str) -> bool {
        let text = details.split_once("\"restored\":\"").and_then(|(_, rest)| rest.split_once('"'));
        let at = text.and_then(|(text, _)| parse_when(text, entry.at, false).ok());
        at.is_some_and(|at| entry.at.0.saturating_sub(at.0) <= self.rules.restored)
    }

    /// Adds the entry to the episode under way, or begins one if this is a reason to.
    fn episode(
        &mut self,
        rule: Rule,
        entry: &Seen<'_>,
        about: Option<Uuid>,
        begins: bool,
    ) -> Option<usize> {
        let pause = if about.is_some() { DAY } else { PAUSE };
        let key = (rule, about.unwrap_or_default(), entry.user.to_owned());
        let under_way = self.open.get(&key).copied();
        let goes_on = |at: &usize| entry.at.0.saturating_sub(self.alerts[*at].until.0) <= pause;
        if let Some(at) = under_way.filter(goes_on) {
            self.alerts[at].grow(entry.seq, entry.at, 1);
            return Some(at);
        }
        if !begins {
            self.open.remove(&key);
            return None;
        }
        let at = self.push(rule, entry, entry.seq, entry.at, 1);
        self.open.insert(key, at);
        Some(at)
    }
}

impl Window {
    fn add(&mut self, entry: &Seen<'_>, credential: Uuid, span: i64) {
        let is_old = |at: i64| entry.at.0.saturating_sub(at) > span;
        while let Some((_, _, old)) = self.reads.pop_front_if(|(at, ..)| is_old(*at)) {
            if let Some(count) = self.counts.get_mut(&old) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(&old);
                }
            }
        }
        self.reads.push_back((entry.at.0, entry.seq, credential));
        *self.counts.entry(credential).or_default() += 1;
    }
}

/// Whether a value was handed out.
pub(in crate::vault) fn is_read(entry: &Seen<'_>) -> bool {
    entry.is_ok && READS.contains(&entry.action)
}

fn lists_canaries(details: &str) -> bool {
    let list = details.split_once("\"list\":\"").and_then(|(_, rest)| rest.split_once('"'));
    list.is_some_and(|(list, _)| list.split(',').any(|word| word == "canary"))
}

/// Whether an entry says what only the evaluator can judge.
pub(in crate::vault) fn says_something(details: &str) -> bool {
    details.contains("\"overdue\":") || says_more(details)
}

/// The same but for what its reader was told at once: that the secret has expired.
pub(in crate::vault) fn says_more(details: &str) -> bool {
    details.contains("\"restored\":") || details.contains("canary")
}
