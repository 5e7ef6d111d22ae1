//! Alerts: what in the log deserves a look, asked for, and at every unlock. Knows the rules and whom they
//! are told to; the evaluator is `audit::watch`, the thresholds come from outside.

use super::audit::Log;
use super::audit::watch::{Evaluator, says_something};
use super::canary::Touched;
use super::store::Db;
use super::store::watch::{self as rows, Seen};
use super::tx::Core;
use super::{State, Vault};
use crate::error::Result;
use crate::model::Timestamp;
use std::fmt::Write;
use uuid::Uuid;

/// Whoever looks after a vault from outside: has the thresholds, and is told when a canary is touched.
pub trait Sentry {
    /// The thresholds.
    fn rules(&self) -> Rules;

    /// A canary was opened; the value is not handed out yet. Must neither fail nor wait nor say
    /// anything: whoever opened it is not to notice.
    fn touched(&self, touched: &Touched);
}

/// What deserves a look. Spans are in milliseconds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rules {
    /// So many failed unlocks; 0 for never.
    pub failed_unlocks: usize,
    /// Within this span.
    pub failed_window: i64,
    /// Values of so many credentials handed out to one user; 0 for never.
    pub mass_access: usize,
    /// Within this span.
    pub mass_window: i64,
    /// A user, host and program that the log did not know together.
    pub new_actor: bool,
    /// Use at an hour at which the user never worked.
    pub unusual_hours: bool,
    /// For so long from the beginning of a log, nobody is new and no hour unusual.
    pub learning: i64,
    /// A value of an expired credential was handed out.
    pub expired: bool,
    /// A value of a credential was handed out that was in the trash so long ago or less; 0 for never.
    pub restored: i64,
    /// Users who may read much, at any hour.
    pub ignore_users: Vec<String>,
    /// Programs that may.
    pub ignore_programs: Vec<String>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            failed_unlocks: 5,
            failed_window: 10 * MINUTE,
            mass_access: 50,
            mass_window: 5 * MINUTE,
            new_actor: true,
            unusual_hours: true,
            learning: 7 * DAY,
            expired: true,
            restored: 30 * DAY,
            ignore_users: Vec::new(),
            ignore_programs: Vec::new(),
        }
    }
}

impl Rules {
    pub(super) fn ignores(&self, user: &str, program: Option<&str>) -> bool {
        self.ignore_users.iter().any(|name| name == user)
            || self.ignore_programs.iter().any(|name| Some(name.as_str()) == program)
    }
}

/// Which rule an alert is by. The words are frozen: incidents keep them.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Rule {
    /// Many failed unlocks in a short time.
    FailedUnlocks,
    /// Many credentials read in a short time.
    MassAccess,
    /// A user, host and program that were never seen together.
    NewActor,
    /// An hour at which this user never worked.
    UnusualHours,
    /// A value of an expired credential was read.
    ExpiredRead,
    /// A value of a credential was read that was in the trash of late.
    RestoredRead,
    /// A canary was opened.
    Canary,
    /// Somebody had the canaries listed.
    CanaryList,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::FailedUnlocks,
        Self::MassAccess,
        Self::NewActor,
        Self::UnusualHours,
        Self::ExpiredRead,
        Self::RestoredRead,
        Self::Canary,
        Self::CanaryList,
    ];

    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::FailedUnlocks => "failed_unlocks",
            Self::MassAccess => "mass_access",
            Self::NewActor => "new_actor",
            Self::UnusualHours => "unusual_hours",
            Self::ExpiredRead => "expired_read",
            Self::RestoredRead => "restored_read",
            Self::Canary => "canary",
            Self::CanaryList => "canary_list",
        }
    }

    /// How bad it is, in the words of incidents.
    #[must_use]
    pub fn severity(self) -> &'static str {
        match self {
            Self::Canary => "critical",
            Self::FailedUnlocks | Self::MassAccess => "high",
            Self::NewActor | Self::RestoredRead | Self::CanaryList => "medium",
            Self::UnusualHours | Self::ExpiredRead => "low",
        }
    }
}

/// Something that deserves a look. What belongs together is one alert.
#[derive(Clone, Debug)]
pub struct Alert {
    /// By which rule.
    pub rule: Rule,
    /// The entry it begins with; with the rule, its name.
    pub first: i64,
    /// The last entry of it.
    pub last: i64,
    /// The entry by which it became one.
    pub noticed: i64,
    /// When it began.
    pub at: Timestamp,
    /// When it was last added to.
    pub until: Timestamp,
    /// The user's login name.
    pub user: String,
    /// The machine.
    pub host: String,
    /// The program.
    pub program: Option<String>,
    /// How many entries, or for mass access credentials, it is about.
    pub count: usize,
    /// The credential it is about, if it is one.
    pub credential: Option<Uuid>,
    /// Its name as it was.
    pub name: Option<String>,
}

impl Alert {
    /// Its name: the rule and the number of the first entry.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}-{}", self.rule.word(), self.first)
    }

    /// What it is about, in a sentence.
    #[must_use]
    pub fn what(&self) -> String {
        let times = if self.count == 1 { "once".into() } else { format!("{} times", self.count) };
        match self.rule {
            Rule::FailedUnlocks => format!("{} unlocks failed", self.count),
            Rule::MassAccess => format!("values of {} credentials were read", self.count),
            Rule::NewActor => "the first use by this user, on this host, by this program".into(),
            Rule::UnusualHours => {
                format!("used at {:02}:00 UTC, when this user never worked", self.at.hour())
            }
            Rule::ExpiredRead => format!("read {times} although it has expired"),
            Rule::RestoredRead => format!("read {times} after it came out of the trash"),
            Rule::Canary => format!("a canary was opened {times}"),
            Rule::CanaryList => format!("the canaries were listed {times}"),
        }
    }

    pub(super) fn grow(&mut self, last: i64, until: Timestamp, by: usize) {
        (self.last, self.until) = (last, until);
        self.count += by;
    }
}

impl<S: State> Vault<S> {
    /// What deserves a look, oldest first; with `since`, what went on then or later, judged by the
    /// entries before. Works locked, as reading the log does, and is not logged either.
    ///
    /// # Errors
    /// Integrity (15), I/O (18).
    pub fn alerts(&mut self, rules: &Rules, since: Option<Timestamp>) -> Result<Vec<Alert>> {
        let db = &self.core.db;
        db.begin_read()?;
        let found = (|| {
            let from = match since {
                Some(since) => rows::first_since(db, since)?,
                None => Some(1),
            };
            let Some(from) = from else { return Ok(Vec::new()) };
            let mut found = evaluate(db, rules, from)?;
            found.retain(|alert| since.is_none_or(|since| alert.until >= since));
            Ok(found)
        })();
        db.roll_back();
        found
    }

    /// Has somebody look after the vault.
    pub fn guard(&mut self, sentry: std::rc::Rc<dyn Sentry>) {
        self.core.bell.guard(sentry);
    }
}

/// The alerts that the entries from `from` on are part of.
fn evaluate(db: &Db, rules: &Rules, from: i64) -> Result<Vec<Alert>> {
    let Some(begin) = rows::begin(db)? else { return Ok(Vec::new()) };
    let prime = from.saturating_sub(PRIMING).max(1);
    let mut evaluator = Evaluator::new(rules, begin);
    rows::each(db, prime, |entry| {
        // whoever is new before that is of no interest
        let is_known = || Ok(entry.seq < from || (prime > 1 && rows::knows(db, entry, prime)?));
        evaluator.entry(entry, is_known)
    })?;
    let mut found = evaluator.finish();
    found.retain(|alert| alert.last >= from);
    Ok(found)
}

/// At the first unlocked transaction of a run: looks at what was entered since the one before. What
/// cannot be looked at is found by whoever verifies the log, not here.
pub(super) fn at_unlock(core: &Core, log: &mut Log, is_unlocked: bool) {
    let (end, now) = (log.seq(), core.world.now());
    let Some(seal) = log.seal().filter(|_| is_unlocked) else { return };
    let Some(sentry) = core.bell.sentry_once() else { return };
    let watched = std::mem::replace(&mut seal.watched, end);
    if (1..end).contains(&watched)
        && let Ok(found) = look(&core.db, &sentry.rules(), watched, end, now)
    {
        seal.watched = found.upto;
        found.said.into_iter().for_each(|text| core.warnings.push(text));
    }
}

/// What came of a look at the entries since the last unlock.
struct Watched {
    /// Up to where that need not be done again.
    upto: i64,
    /// What to tell the person.
    said: Option<String>,
}

/// Looks at the entries after `watched`, up to `end`, which is the last. Nearly always there is nothing
/// to see, and one statement tells.
fn look(db: &Db, rules: &Rules, watched: i64, end: i64, now: Timestamp) -> Result<Watched> {
    let upto = match glance(db, rules, watched, end, now)? {
        Glance::Boring => return Ok(Watched { upto: end, said: None }),
        Glance::Later => return Ok(Watched { upto: watched, said: None }),
        Glance::Odd => end,
    };
    let mut found = evaluate(db, rules, watched + 1)?;
    found.retain(|alert| alert.noticed > watched);
    // Whoever touched a canary may be the one who unlocks now: nothing is said of it for a while.
    let fresh = |alert: &Alert| {
        let is_secret = matches!(alert.rule, Rule::Canary | Rule::CanaryList);
        is_secret && now.0.saturating_sub(alert.at.0) < SILENCE
    };
    let untold = found.iter().filter(|alert| fresh(alert)).map(|alert| alert.noticed - 1).min();
    found.retain(|alert| !fresh(alert));
    Ok(Watched { upto: untold.unwrap_or(upto).max(watched), said: sentence(&found) })
}

enum Glance {
    Boring,
    /// There may be many reads in a short time, and there may be more: it need not be looked at yet.
    Later,
    Odd,
}

fn glance(db: &Db, rules: &Rules, watched: i64, end: i64, now: Timestamp) -> Result<Glance> {
    let limit = i64::try_from(rules.mass_access).unwrap_or(i64::MAX);
    let back = end.saturating_sub(limit - 1);
    let mut before: Option<Before> = None;
    let (mut odd, mut newest, mut burst) = (false, now, false);
    rows::tail(db, watched, back, |entry, long_ago| {
        if let Some(before) = before.as_ref().filter(|_| entry.seq > watched && !odd) {
            odd = before.is_odd(db, rules, entry)?;
        }
        match &mut before {
            Some(before) if before.is(entry) => before.hour = entry.at.hour(),
            _ => before = Some(Before::of(entry)),
        }
        newest = entry.at;
        let span = long_ago.map(|at| entry.at.0.saturating_sub(at.0));
        burst = limit > 0 && span.is_some_and(|span| span <= rules.mass_window);
        Ok(())
    })?;
    // In a long burst a look at each entry would be a look at all of them, each time.
    let goes_on = end - watched < STEP && now.0.saturating_sub(newest.0) < MINUTE;
    Ok(match burst {
        false if !odd => Glance::Boring,
        true if !odd && goes_on => Glance::Later,
        true | false => Glance::Odd,
    })
}

/// What matters of the entry before.
struct Before {
    user: String,
    host: String,
    program: Option<String>,
    hour: usize,
}

impl Before {
    fn of(entry: &Seen<'_>) -> Self {
        Self {
            user: entry.user.to_owned(),
            host: entry.host.to_owned(),
            program: entry.program.map(str::to_owned),
            hour: entry.at.hour(),
        }
    }

    fn is(&self, entry: &Seen<'_>) -> bool {
        self.user == entry.user
            && self.host == entry.host
            && self.program.as_deref() == entry.program
    }

    /// Whether an entry after this one deserves a second look.
    fn is_odd(&self, db: &Db, rules: &Rules, entry: &Seen<'_>) -> Result<bool> {
        let apart = (self.hour + 24 - entry.at.hour()) % 24;
        let other_hour = !matches!(apart, 0 | 1 | 23) || self.user != entry.user;
        let is_odd = entry.action == "unlock_failed"
            || (rules.unusual_hours && other_hour)
            || entry.details.is_some_and(says_something);
        match is_odd || self.is(entry) || !rules.new_actor {
            true => Ok(is_odd),
            false => rows::knows(db, entry, entry.seq).map(|known| !known),
        }
    }
}

/// One line for a person, with what to paste.
fn sentence(found: &[Alert]) -> Option<String> {
    let since = found.iter().map(|alert| alert.at).min()?;
    let mut rules: Vec<Rule> = found.iter().map(|alert| alert.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    let words: Vec<&str> = rules.into_iter().map(Rule::word).collect();
    let alerts = if found.len() == 1 { "alert" } else { "alerts" };
    let mut text = format!("{} {alerts} since the last unlock: ", found.len());
    let _ = write!(text, "{}; see: vault audit alerts --since {since}", words.join(", "));
    Some(text)
}

/// How many entries before the first one that is asked for are looked at to know what is usual.
const PRIMING: i64 = 5_000;
/// In a burst of entries, how many are looked at together.
const STEP: i64 = 10;
/// How long nothing is said of a canary at unlocks.
const SILENCE: i64 = 60 * MINUTE;

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;
