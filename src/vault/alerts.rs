//! Alerts: what in the log deserves a look, asked for, and at every unlock. Knows the rules and whom they
//! are told to; the evaluator is `audit::watch`, the thresholds come from outside.

use super::audit::Draft;
use super::audit::watch::Evaluator;
use super::canary::Touched;
use super::incident::{self, Opening};
use super::keys::Keys;
use super::private::Keyring;
use super::store::watch as rows;
use super::store::{CredentialRow, Db, IncidentRow};
use super::tx::Tx;
use super::{State, Unlocked, Vault, check, state};
use crate::error::Result;
use crate::model::Timestamp;
use crate::model::incident::{
    Exposure, IncidentMeta, IncidentNumber, IncidentTexts, IncidentType, Severity,
};
use uuid::Uuid;

/// Whoever looks after a vault from outside: has the thresholds, and is told when a canary is touched.
pub trait Sentry {
    /// The thresholds.
    fn rules(&self) -> Rules;

    /// Whether anybody hears what is said at this unlock. What nobody hears is kept for a later one.
    fn is_heard(&self) -> bool;

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

    /// How bad it is.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::Canary => Severity::Critical,
            Self::FailedUnlocks | Self::MassAccess => Severity::High,
            Self::NewActor | Self::RestoredRead | Self::CanaryList => Severity::Medium,
            Self::UnusualHours | Self::ExpiredRead => Severity::Low,
        }
    }

    /// What sort of incident it makes.
    fn kind(self) -> IncidentType {
        match self {
            Self::FailedUnlocks => IncidentType::BruteForce,
            Self::MassAccess => IncidentType::DataBreach,
            Self::ExpiredRead | Self::RestoredRead => IncidentType::Other,
            Self::NewActor | Self::UnusualHours | Self::Canary | Self::CanaryList => {
                IncidentType::UnauthorizedAccess
            }
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
    /// The incident that was opened for it.
    pub incident: Option<IncidentNumber>,
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

    /// What an incident says that was opened for it.
    fn source(&self) -> String {
        format!("alert:{}", self.id())
    }

    /// What it is about, for the description of an incident.
    fn story(&self) -> String {
        let Self { user, host, first, last, at, until, .. } = self;
        let program = self.program.as_deref().unwrap_or("an unknown program");
        let what = self.what();
        format!("{what}: {user} on {host} by {program}, entries {first} to {last}, {at} to {until}")
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
            let mut found = evaluate(db, rules, from, from.saturating_sub(PRIMING))?;
            found.retain(|alert| since.is_none_or(|since| alert.until >= since));
            for alert in &mut found {
                let opened = IncidentRow::from_source(db, &alert.source())?;
                alert.incident = alert.incident.or(opened);
            }
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

impl Vault<Unlocked> {
    /// Opens an incident for an alert, unless there is one: which it is, and whether it is new. Logged
    /// as `incident_open`.
    ///
    /// # Errors
    /// Integrity (15), I/O (18).
    pub fn open_alert(&mut self, alert: &Alert) -> Result<(IncidentNumber, bool)> {
        let keys = &self.state.keys;
        let done = Tx::begin(&mut self.core, self.state.with()).and_then(|tx| {
            let opened = incident::opened_from(&tx, keys, &alert.source())?;
            if let Some(number) = alert.incident.or(opened) {
                return Ok((number, false));
            }
            let number = open(&tx, keys, alert)?;
            tx.commit()?;
            Ok((number, true))
        });
        done.inspect_err(|e| self.note_failure(Draft::new("incident_open"), e))
    }
}

fn open(tx: &Tx<'_>, keys: &Keys, alert: &Alert) -> Result<IncidentNumber> {
    let kind = alert.rule.kind();
    let title = match &alert.name {
        Some(name) => format!("{name}: {}", alert.what()),
        None => alert.what(),
    };
    let meta = IncidentMeta {
        title,
        kind,
        severity: alert.rule.severity(),
        client: None,
        service: None,
        infra: None,
        owner: None,
        occurred_at: Some(alert.at),
        detected_at: Some(tx.now()),
    };
    let description = Some(alert.story());
    let texts = IncidentTexts { description, todos: kind.template(), ..IncidentTexts::default() };
    let mut row = match alert.credential {
        Some(id) => CredentialRow::by_id(tx.db(), id, state::bucket(id))?,
        None => None,
    };
    if let Some(row) = &mut row {
        check::check_credential(tx, keys, row)?;
    }
    let links = row.iter().map(|row| (row, Exposure::Unknown)).collect();
    let source = &alert.source();
    incident::open_in(tx, keys, Opening { meta: &meta, texts: &texts, source, links, detail: None })
}

/// The alerts that the entries from `from` on are part of; what is usual is learnt from entry `prime` on.
pub(super) fn evaluate(db: &Db, rules: &Rules, from: i64, prime: i64) -> Result<Vec<Alert>> {
    let Some(begin) = rows::begin(db)? else { return Ok(Vec::new()) };
    let prime = prime.max(1);
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

/// How many entries before the first one that is asked for are looked at to know what is usual.
pub(super) const PRIMING: i64 = 5_000;

pub(super) const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;
