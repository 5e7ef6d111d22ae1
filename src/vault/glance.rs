//! The look that every unlock takes at what was entered since the one before: nearly always there is
//! nothing to see, and one statement tells. Knows what is worth a second look; not what comes of it.

use super::alerts::{Alert, MINUTE, PRIMING, Rule, Rules, evaluate};
use super::audit::watch::{is_read, says_more, says_something};
use super::audit::{Actor, Log};
use super::store::Db;
use super::store::watch::{self as rows, Seen};
use super::tx::Core;
use crate::error::Result;
use crate::model::{Timestamp, counted};
use std::fmt::Write;
use uuid::Uuid;

/// At the first unlocked transaction of a run: looks at what was entered since the one before. What
/// cannot be looked at is found by whoever verifies the log, not here.
pub(super) fn at_unlock(core: &Core, log: &mut Log, is_unlocked: bool) {
    let end = log.seq();
    let Some(seal) = log.seal().filter(|_| is_unlocked) else { return };
    let Some(sentry) = core.bell.sentry_once() else { return };
    let watched = seal.watched;
    if !(1..end).contains(&watched) {
        seal.watched = end;
        return;
    }
    if !sentry.is_heard() {
        return;
    }
    seal.watched = end;
    let (rules, now, me) = (&sentry.rules(), core.world.now(), core.actor());
    let tail = Tail { db: &core.db, rules, watched, end, now, me };
    if let Ok(found) = tail.look() {
        seal.watched = found.upto;
        found.said.into_iter().for_each(|text| core.warnings.push(text));
    }
}

/// The entries after `watched`, up to `end`, which is the last.
struct Tail<'a> {
    db: &'a Db,
    rules: &'a Rules,
    watched: i64,
    end: i64,
    now: Timestamp,
    /// Who unlocks.
    me: &'a Actor,
}

/// What came of a look at them.
struct Watched {
    /// Up to where that need not be done again.
    upto: i64,
    /// What to tell the person.
    said: Option<String>,
}

enum Glance {
    Boring,
    /// There may be many reads in a short time, and there may be more: it need not be looked at yet.
    Later,
    /// There may be many reads in a short time, which began with this entry; and nothing else.
    Burst {
        begin: i64,
    },
    Odd,
}

impl Tail<'_> {
    fn look(&self) -> Result<Watched> {
        let (watched, end) = (self.watched, self.end);
        let prime = match self.glance()? {
            Glance::Boring => return Ok(Watched { upto: end, said: None }),
            Glance::Later => return Ok(Watched { upto: watched, said: None }),
            Glance::Burst { begin } => begin,
            Glance::Odd => watched.saturating_sub(PRIMING),
        };
        let mut found = evaluate(self.db, self.rules, watched + 1, prime)?;
        found.retain(|alert| alert.noticed > watched);
        let untold =
            found.iter().filter(|alert| self.is_fresh(alert)).map(|alert| alert.noticed - 1);
        let upto = untold.min().unwrap_or(end).max(watched);
        found.retain(|alert| !self.is_fresh(alert) && !self.was_told(alert));
        Ok(Watched { upto, said: sentence(&found) })
    }

    /// Whoever touched a canary may be the one who unlocks now: nothing is said of it for a while.
    fn is_fresh(&self, alert: &Alert) -> bool {
        let is_secret = matches!(alert.rule, Rule::Canary | Rule::CanaryList);
        is_secret && self.now.0.saturating_sub(alert.at.0) < SILENCE
    }

    /// Whoever reads what has expired is told so then.
    fn was_told(&self, alert: &Alert) -> bool {
        let who = (&alert.user, &alert.host, &alert.program);
        alert.rule == Rule::ExpiredRead && who == (&self.me.user, &self.me.host, &self.me.program)
    }

    fn glance(&self) -> Result<Glance> {
        let limit = i64::try_from(self.rules.mass_access).unwrap_or(i64::MAX);
        let back = self.end.saturating_sub(limit - 1);
        let mut before: Option<Before> = None;
        let (mut odd, mut newest, mut crowded, mut wider) = (false, self.now, false, false);
        rows::tail(self.db, self.watched, back, |entry, long_ago| {
            if let Some(before) = before.as_ref().filter(|_| entry.seq > self.watched && !odd) {
                odd = self.is_odd(before, entry)?;
                // a value of the same credential once more makes nothing a mass
                wider |= is_read(entry) && before.credential != entry.credential()?;
            }
            match &mut before {
                Some(before) if before.is(entry) => before.hour = entry.at.hour(),
                _ => before = Some(Before::of(entry)),
            }
            if let Some(before) = &mut before {
                before.credential = entry.credential()?;
            }
            newest = entry.at;
            let span = long_ago.map(|at| entry.at.0.saturating_sub(at.0));
            crowded = limit > 0 && span.is_some_and(|span| span <= self.rules.mass_window);
            Ok(())
        })?;
        match (odd, crowded && wider) {
            (true, _) => Ok(Glance::Odd),
            (false, false) => Ok(Glance::Boring),
            (false, true) => self.burst(newest),
        }
    }

    /// In a long burst, a look at each entry would be a look at all of them, each time: it is taken
    /// when there is a tenth of them more, or when it seems to be over.
    fn burst(&self, newest: Timestamp) -> Result<Glance> {
        let since = Timestamp(newest.0.saturating_sub(2 * self.rules.mass_window));
        let begin = rows::first_since(self.db, since)?.unwrap_or(self.end);
        let is_little = self.end - self.watched < STEP.max((self.end - begin) / 10);
        let goes_on = self.now.0.saturating_sub(newest.0) < MINUTE;
        Ok(if is_little && goes_on { Glance::Later } else { Glance::Burst { begin } })
    }

    /// Whether an entry after `before` deserves a second look.
    fn is_odd(&self, before: &Before, entry: &Seen<'_>) -> Result<bool> {
        let (rules, me) = (self.rules, self.me);
        let apart = (before.hour + 24 - entry.at.hour()) % 24;
        let other_hour = !matches!(apart, 0 | 1 | 23) || before.user != entry.user;
        let is_mine = (entry.user, entry.host, entry.program)
            == (&*me.user, &*me.host, me.program.as_deref());
        let is_odd = entry.action == "unlock_failed"
            || (rules.unusual_hours && other_hour)
            || entry.details.is_some_and(if is_mine { says_more } else { says_something });
        match is_odd || before.is(entry) || !rules.new_actor {
            true => Ok(is_odd),
            false => rows::knows(self.db, entry, entry.seq).map(|known| !known),
        }
    }
}

/// What matters of the entry before.
struct Before {
    user: String,
    host: String,
    program: Option<String>,
    hour: usize,
    credential: Option<Uuid>,
}

impl Before {
    fn of(entry: &Seen<'_>) -> Self {
        Self {
            user: entry.user.to_owned(),
            host: entry.host.to_owned(),
            program: entry.program.map(str::to_owned),
            hour: entry.at.hour(),
            credential: None,
        }
    }

    fn is(&self, entry: &Seen<'_>) -> bool {
        self.user == entry.user
            && self.host == entry.host
            && self.program.as_deref() == entry.program
    }
}

/// One line for a person, with what to paste.
fn sentence(found: &[Alert]) -> Option<String> {
    let since = found.iter().map(|alert| alert.at).min()?;
    let mut rules: Vec<Rule> = found.iter().map(|alert| alert.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    let words: Vec<&str> = rules.into_iter().map(Rule::word).collect();
    let mut text = format!("{} since the last unlock: ", counted(found.len(), "alert"));
    let _ = write!(text, "{}; see: vault audit alerts --since {since}", words.join(", "));
    Some(text)
}

/// How many entries of a burst are looked at together at least.
const STEP: i64 = 10;
/// How long nothing is said of a canary at unlocks.
const SILENCE: i64 = 60 * MINUTE;
