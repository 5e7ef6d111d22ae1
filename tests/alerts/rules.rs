//! Each rule, with what is just not enough for it. The log is written here, entry by entry: reading it
//! believes it, and says so.

use crate::support::Sandbox;
use rusqlite::{Connection, params};
use std::rc::Rc;
use vault::model::Timestamp;
use vault::vault::{Alert, Place, Purpose, Rule, Rules, Vault};
use vault::world::World;

/// 2026-03-02T09:00:00Z.
const START: i64 = 1_772_442_000_000;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// After the time in which nobody is new.
const LATER: i64 = START + 60 * DAY;

/// A vault whose log holds what a test puts there.
struct Log {
    sandbox: Sandbox,
    db: Connection,
    next: i64,
}

#[derive(Clone, Copy)]
struct Line<'a> {
    action: &'a str,
    outcome: &'a str,
    credential: Option<u16>,
    user: &'a str,
    host: &'a str,
    program: Option<&'a str>,
    details: Option<&'a str>,
}

const READ: Line<'_> = Line {
    action: "decrypt",
    outcome: "ok",
    credential: Some(1),
    user: "alice",
    host: "desk",
    program: Some("make"),
    details: Some(r#"{"slot":"key file"}"#),
};

const FAILED: Line<'_> =
    Line { action: "unlock_failed", outcome: "failed", credential: None, ..READ };

impl Log {
    /// One that began long ago, and in which `alice` reads with `make` at nine.
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let db = Connection::open(sandbox.database()).unwrap();
        db.execute_batch("PRAGMA synchronous = OFF; DELETE FROM entry;").unwrap();
        let mut log = Self { sandbox, db, next: 1 };
        log.add(START, READ);
        log
    }

    fn add(&mut self, at: i64, line: Line<'_>) {
        let id = line.credential.map(|n| [[0; 14].as_slice(), &n.to_be_bytes()].concat());
        let name = line.credential.map(|n| format!("c{n}"));
        let sql =
            "INSERT INTO entry (seq, id, at, action, outcome, credential, name, user_name, uid,
                     host, program, agent, details, counter, hash)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9, ?10, 'vault/0', ?11, 1, ?12)";
        let values = params![
            self.next,
            [0_u8; 16],
            at,
            line.action,
            line.outcome,
            id,
            name,
            line.user,
            line.host,
            line.program,
            line.details,
            [0_u8; 32]
        ];
        self.db.execute(sql, values).unwrap();
        self.next += 1;
    }

    /// The names of `count` credentials that are read, a millisecond apart.
    fn burst(&mut self, at: i64, credentials: std::ops::Range<u16>, line: Line<'_>) {
        for (n, ms) in credentials.zip(0..) {
            self.add(at + ms, Line { credential: Some(n), ..line });
        }
    }

    fn alerts(&self, rules: &Rules, since: Option<i64>) -> Vec<Alert> {
        let place =
            Place { file: self.sandbox.database(), state_dir: self.sandbox.path("state/vault") };
        let world = Rc::new(World::fake(&[], Some(Timestamp(LATER + 300 * DAY))));
        let mut vault = Vault::open(&place, world, Purpose::default()).unwrap();
        vault.alerts(rules, since.map(Timestamp)).unwrap()
    }

    /// The ids, oldest first.
    fn ids(&self) -> Vec<String> {
        self.alerts(&Rules::default(), None).iter().map(Alert::id).collect()
    }
}

#[test]
fn failed_unlocks_and_one_too_few_or_too_slow() {
    let mut log = Log::new();
    (0..4).for_each(|n| log.add(LATER + n * MINUTE, FAILED));
    assert!(log.ids().is_empty(), "four are not five");
    (0..5).for_each(|n| log.add(LATER + HOUR + n * 3 * MINUTE, FAILED));
    assert!(log.ids().is_empty(), "nor are five in twelve minutes");
    (0..10).for_each(|n| log.add(LATER + DAY + n * 30_000, FAILED));
    log.add(LATER + 2 * DAY, FAILED);
    let found = log.alerts(&Rules::default(), None);
    let [alert] = &found[..] else { panic!("ten in a row are one alert: {found:?}") };
    assert_eq!((alert.id().as_str(), alert.count), ("failed_unlocks-11", 10));
    assert_eq!(
        (alert.last, alert.at, alert.until),
        (20, Timestamp(LATER + DAY), Timestamp(LATER + DAY + 9 * 30_000))
    );
    let never = Rules { failed_unlocks: 0, ..Rules::default() };
    assert!(log.alerts(&never, None).is_empty());
    let strict = Rules { failed_unlocks: 4, ..Rules::default() };
    assert_eq!(log.alerts(&strict, None).len(), 3);
}

#[test]
fn mass_access_and_one_credential_too_few() {
    let mut log = Log::new();
    log.burst(LATER, 0..49, READ);
    log.burst(LATER + MINUTE, 0..49, READ);
    log.burst(LATER + 2 * MINUTE, 100..200, Line { action: "view", ..READ });
    log.burst(LATER + 2 * MINUTE, 100..200, Line { outcome: "refused", ..READ });
    assert!(log.ids().is_empty(), "49 credentials, however often; and looking is not reading");
    let first = log.next;
    log.burst(LATER + DAY, 0..120, READ);
    log.burst(LATER + DAY + MINUTE, 0..120, READ);
    let found = log.alerts(&Rules::default(), None);
    let [alert] = &found[..] else { panic!("one burst is one alert: {found:?}") };
    assert_eq!((alert.id(), alert.count), (format!("mass_access-{first}"), 120));
    assert_eq!(alert.last, log.next - 1);
    let rules = Rules { ignore_programs: vec!["make".into()], ..Rules::default() };
    assert!(log.alerts(&rules, None).is_empty());
    let rules = Rules { ignore_users: vec!["alice".into()], ..Rules::default() };
    assert!(log.alerts(&rules, None).is_empty());
    assert_eq!(log.alerts(&Rules { mass_access: 121, ..Rules::default() }, None).len(), 0);
}

#[test]
fn a_burst_counts_for_one_user_on_one_host() {
    let mut log = Log::new();
    for (user, from) in [("alice", 0), ("bob", 25)] {
        log.add(START + DAY, Line { user, ..READ });
        log.burst(LATER, from..from + 30, Line { user, ..READ });
    }
    assert!(log.ids().is_empty(), "thirty each");
    log.burst(LATER + MINUTE, 30..50, READ);
    assert_eq!(log.alerts(&Rules::default(), None)[0].user, "alice");
}

#[test]
fn newcomers_but_not_while_the_log_is_young() {
    let mut log = Log::new();
    log.add(START + 6 * DAY, Line { user: "bob", ..READ });
    log.add(START + 6 * DAY, Line { host: "lap", ..READ });
    assert!(log.ids().is_empty(), "everybody is new in a new log");
    log.add(LATER, Line { user: "bob", ..READ });
    log.add(LATER, Line { host: "lap", ..READ });
    assert!(log.ids().is_empty(), "they are known");
    for line in [
        Line { user: "eve", ..READ },
        Line { host: "far", ..READ },
        Line { program: Some("nc"), ..READ },
        Line { program: None, ..READ },
        Line { user: "bob", host: "lap", ..READ },
    ] {
        (0..2).for_each(|_| log.add(LATER + MINUTE, line));
    }
    let expected = [6, 8, 10, 12, 14].map(|seq| format!("new_actor-{seq}"));
    assert_eq!(log.ids(), expected, "each once");
    assert!(log.alerts(&Rules { new_actor: false, ..Rules::default() }, None).is_empty());
    assert!(log.alerts(&Rules { learning: 400 * DAY, ..Rules::default() }, None).is_empty());
}

#[test]
fn who_is_known_from_long_before_is_not_new() {
    let mut log = Log::new();
    log.add(START + 8 * DAY, Line { user: "bob", ..READ });
    for n in 0..5_100 {
        log.add(START + 9 * DAY + n * MINUTE, Line { action: "view", ..READ });
    }
    let since = START + 30 * DAY;
    log.add(since, Line { user: "bob", ..READ });
    log.add(since, Line { user: "eve", ..READ });
    let found = log.alerts(&Rules { unusual_hours: false, ..Rules::default() }, Some(since));
    let users: Vec<_> = found.iter().map(|alert| (alert.rule, alert.user.as_str())).collect();
    assert_eq!(users, [(Rule::NewActor, "eve")], "bob stands before what is looked at");
}

/// `count` entries of alice, from nine to five, over so many days.
fn habits(log: &mut Log, count: i64, days: i64) {
    for n in 0..count {
        let day = n * days / (count - 1);
        log.add(START + day * DAY + (n % 9) * HOUR, Line { action: "view", ..READ });
    }
}

#[test]
fn unusual_hours_once_the_usual_ones_are_known() {
    // nine to five and their neighbours: from eight to six
    for (count, days, hour, expected) in [
        (199, 20, 18, 1),
        (198, 20, 18, 0),
        (250, 13, 18, 0),
        (250, 20, 9, 0),
        (250, 20, 0, 0),
        (250, 20, -1, 0),
        (250, 20, -2, 1),
        (250, 20, 10, 1),
    ] {
        let mut log = Log::new();
        habits(&mut log, count, days);
        log.add(LATER + hour * HOUR, READ);
        let found = log.alerts(&Rules::default(), None);
        assert_eq!(found.len(), expected, "{count} over {days} days, {hour}: {found:?}");
        assert!(found.iter().all(|alert| alert.rule == Rule::UnusualHours));
    }
    let mut log = Log::new();
    habits(&mut log, 250, 20);
    log.add(LATER + 12 * HOUR, Line { user: "bob", ..READ });
    assert_eq!(log.ids(), ["new_actor-252"], "bob has no habits yet");
    (0..5).for_each(|n| log.add(LATER + DAY + 12 * HOUR + n * MINUTE, READ));
    let found = log.alerts(&Rules { new_actor: false, ..Rules::default() }, None);
    assert_eq!((found.len(), found[0].count), (1, 5), "a night is one alert");
}

#[test]
fn what_has_expired_or_was_in_the_trash() {
    let expired = Line { details: Some(r#"{"overdue":"expiry","slot":"k"}"#), ..READ };
    let mut log = Log::new();
    log.add(LATER, Line { details: Some(r#"{"note":"\"overdue\":\"expiry\""}"#), ..READ });
    log.add(LATER, Line { action: "view", ..expired });
    log.add(LATER, Line { outcome: "failed", ..expired });
    assert!(log.ids().is_empty(), "said by somebody else, looked at, or not handed out");
    (0..3).for_each(|n| log.add(LATER + n * HOUR, expired));
    log.add(LATER + 3 * HOUR, Line { credential: Some(2), ..expired });
    let found = log.alerts(&Rules::default(), None);
    let told: Vec<_> =
        found.iter().map(|alert| (alert.name.clone().unwrap(), alert.count)).collect();
    assert_eq!(told, [("c1".to_owned(), 3), ("c2".to_owned(), 1)]);
    assert!(log.alerts(&Rules { expired: false, ..Rules::default() }, None).is_empty());

    let mut log = Log::new();
    let at = |ago: i64| format!(r#"{{"restored":"{}"}}"#, Timestamp(LATER - ago));
    let (old, fresh) = (at(30 * DAY + 1), at(30 * DAY));
    log.add(LATER, Line { details: Some(&old), ..READ });
    assert!(log.ids().is_empty(), "that was long ago");
    log.add(LATER, Line { details: Some(&fresh), ..READ });
    assert_eq!(log.ids(), ["restored_read-3"]);
    assert!(log.alerts(&Rules { restored: 0, ..Rules::default() }, None).is_empty());
}

#[test]
fn since_cuts_off_what_ended_before() {
    let mut log = Log::new();
    let expired = Line { details: Some(r#"{"overdue":"expiry"}"#), ..READ };
    log.add(LATER, expired);
    log.add(LATER + 10 * DAY, expired);
    log.add(LATER + 10 * DAY + HOUR, expired);
    let ids = |since| {
        let found = log.alerts(&Rules::default(), Some(since));
        found.iter().map(Alert::id).collect::<Vec<_>>()
    };
    assert_eq!(ids(START).len(), 2);
    assert_eq!(ids(LATER + 1), ["expired_read-3"]);
    assert_eq!(
        ids(LATER + 10 * DAY + 1),
        ["expired_read-3"],
        "it was still going on, and keeps its name"
    );
    assert!(ids(LATER + 11 * DAY).is_empty());
}
