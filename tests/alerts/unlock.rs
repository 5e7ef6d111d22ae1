//! What is said at an unlock, and what is not; and the command that tells more.

use crate::support::{Answer, Sandbox, VAULT, json, require};
use std::cell::{Cell, RefCell};
use std::process::Stdio;
use std::rc::Rc;
use vault::model::{Metadata, Secret, Timestamp};
use vault::vault::*;
use vault::world::World;

/// 2026-03-02T09:00:00Z.
const START: i64 = 1_772_442_000_000;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A vault under a clock of our own, looked after by somebody who remembers what he was told.
struct Desk {
    dir: tempfile::TempDir,
    key: Vec<u8>,
    watch: Rc<Watch>,
}

struct Watch {
    rules: Rules,
    is_deaf: Cell<bool>,
    touched: RefCell<Vec<String>>,
}

impl Sentry for Watch {
    fn rules(&self) -> Rules {
        self.rules.clone()
    }

    fn is_heard(&self) -> bool {
        !self.is_deaf.get()
    }

    fn touched(&self, touched: &Touched) {
        self.touched.borrow_mut().push(touched.name.clone());
    }
}

impl Desk {
    fn new(rules: Rules) -> Self {
        let key = new_key_file(Timestamp(START)).expose().to_vec();
        let watch = Rc::new(Watch { rules, is_deaf: Cell::default(), touched: RefCell::default() });
        let desk = Self { dir: tempfile::tempdir().unwrap(), key, watch };
        let key = Key::Identity(Secret::from_bytes(&desk.key));
        Vault::init(&desk.place(), world(START), &key, "key").unwrap();
        desk
    }

    fn place(&self) -> Place {
        Place { file: self.dir.path().join("v.db"), state_dir: self.dir.path().join("state") }
    }

    fn locked(&self, at: i64) -> Vault<Locked> {
        let mut vault = Vault::open(&self.place(), world(at), Purpose::default()).unwrap();
        vault.guard(Rc::clone(&self.watch) as Rc<dyn Sentry>);
        vault
    }

    fn unlocked(&self, at: i64) -> Vault<Unlocked> {
        self.locked(at).unlock(&Key::Identity(Secret::from_bytes(&self.key))).unwrap()
    }

    fn add(&self, at: i64, name: &str) {
        self.unlocked(at).add(new(name)).unwrap();
    }

    /// Reads `name`; what was said.
    fn get(&self, at: i64, name: &str) -> Vec<String> {
        let mut vault = self.unlocked(at);
        vault.reveal(&name.parse().unwrap(), None).unwrap();
        let said = vault.take_warnings();
        said.into_iter().filter(|text| text.contains("alert")).collect()
    }

    fn fail(&self, at: i64) {
        let wrong = Key::Identity(new_key_file(Timestamp(START)));
        assert!(self.locked(at).unlock(&wrong).is_err());
    }
}

fn world(at: i64) -> Rc<World> {
    Rc::new(World::fake(&[], Some(Timestamp(at))))
}

fn new(name: &str) -> NewCredential {
    let mut meta = Metadata::default();
    "password".clone_into(&mut meta.kind);
    let secrets = vec![("password".parse().unwrap(), Secret::from_bytes(b"this is no seed!"))];
    NewCredential { name: name.parse().unwrap(), meta, secrets }
}

#[test]
fn failed_unlocks_are_said_once() {
    let desk = Desk::new(Rules::default());
    desk.add(START, "a");
    (0..4).for_each(|n| desk.fail(START + n));
    assert!(desk.get(START + MINUTE, "a").is_empty(), "four are not enough");
    (0..5).for_each(|n| desk.fail(START + HOUR + n));
    let said = desk.get(START + HOUR + MINUTE, "a");
    assert_eq!(said.len(), 1, "{said:?}");
    let expected = "1 alert since the last unlock: failed_unlocks; see: vault audit alerts --since \
                    2026-03-02T10:00:00.000Z";
    assert_eq!(said, [expected]);
    assert!(desk.get(START + HOUR + 2 * MINUTE, "a").is_empty(), "it was said");
    // the command that is named tells more
    let mut vault = desk.locked(START + DAY);
    let found = vault.alerts(&Rules::default(), Some(Timestamp(START + HOUR))).unwrap();
    assert_eq!((found.len(), found[0].count), (1, 5));
}

/// A script that throws away what is said must not use up what a person is to hear.
#[test]
fn what_nobody_hears_is_said_later() {
    let desk = Desk::new(Rules::default());
    desk.watch.is_deaf.set(true);
    desk.add(START, "a");
    (0..5).for_each(|n| desk.fail(START + HOUR + n));
    assert!(desk.get(START + HOUR + MINUTE, "a").is_empty(), "nobody is there");
    desk.watch.is_deaf.set(false);
    let said = desk.get(START + HOUR + 2 * MINUTE, "a");
    assert!(said.len() == 1 && said[0].contains("failed_unlocks"), "{said:?}");
    assert!(desk.get(START + HOUR + 3 * MINUTE, "a").is_empty(), "it was said");
}

#[test]
fn quiet_commands_and_those_without_errors_do_not_use_it_up() {
    let sandbox = Sandbox::new();
    sandbox.add("a", b"hunter22");
    sandbox.file("wrong", vault::vault::new_key_file(Timestamp(START)).expose());
    for _ in 0..5 {
        assert_eq!(sandbox.run(&["cred", "get", "a", "--key-file", "wrong"]).code, 11);
    }
    assert_eq!(sandbox.run(&["cred", "get", "a", "--quiet"]).err, "");
    let mut deaf = sandbox.vault(&["cred", "get", "a"]);
    deaf.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(deaf.status().unwrap().success());
    let said = sandbox.run(&["cred", "get", "a"]).err;
    assert!(said.contains("1 alert since the last unlock: failed_unlocks"), "{said}");
    assert_eq!(sandbox.run(&["cred", "get", "a"]).err, "", "it was said");
}

/// Whoever reads it is told at once. It is somebody else's reading that is said at an unlock.
#[test]
fn an_expired_secret_that_somebody_else_read_is_said_at_the_next_unlock() {
    if !require("timeout") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("a", b"hunter22");
    sandbox.add("b", b"hunter22");
    sandbox.ok(&["cred", "set", "a", "--expires", "2001-02-03"], b"");
    let alerts = |name: &str| {
        let said = sandbox.run(&["cred", "get", name]).err;
        said.lines().filter(|line| line.contains("alert")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(alerts("a").is_empty() && alerts("a").is_empty(), "the reader was told");
    // another program wants it then
    let other = |name: &str| {
        Answer::of(sandbox.command("timeout").args(["60", VAULT, "cred", "get", name])).code
    };
    assert_eq!(other("b"), 0);
    assert!(alerts("b").is_empty(), "that has not expired");
    sandbox.ok(&["cred", "set", "b", "--expires", "2001-02-03"], b"");
    assert_eq!(other("b"), 0);
    let said = alerts("b");
    assert!(
        said.len() == 1 && said[0].contains("1 alert since the last unlock: expired_read"),
        "{said:?}"
    );
    assert!(alerts("b").is_empty(), "it goes on, and was said");
}

#[test]
fn what_came_out_of_the_trash_is_watched_for_a_while() {
    let desk = Desk::new(Rules { unusual_hours: false, ..Rules::default() });
    desk.add(START, "a");
    let name = "a".parse().unwrap();
    desk.unlocked(START).remove(&name).unwrap();
    desk.unlocked(START + HOUR).restore(&name).unwrap();
    desk.get(START + 2 * HOUR, "a");
    let said = desk.get(START + 2 * HOUR, "a");
    assert!(said.len() == 1 && said[0].contains("restored_read"), "{said:?}");
    desk.get(START + 40 * DAY, "a");
    assert!(desk.get(START + 40 * DAY, "a").is_empty(), "that is long ago");
    let shown = desk.unlocked(START + 40 * DAY).show(&name, false).unwrap();
    assert_eq!(shown.restored_at, Some(Timestamp(START + HOUR)));
}

#[test]
fn mass_access_one_by_one_is_noticed() {
    let rules = Rules { mass_access: 4, mass_window: 5 * MINUTE, ..Rules::default() };
    let desk = Desk::new(rules);
    for name in ["a", "b", "c", "d"] {
        desk.add(START, name);
    }
    for (n, name) in ["a", "b", "c", "a", "b", "c"].into_iter().enumerate() {
        let at = START + HOUR + i64::try_from(n).unwrap();
        assert!(desk.get(at, name).is_empty());
    }
    assert!(desk.get(START + 2 * HOUR, "a").is_empty(), "three, however often");
    for (n, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
        desk.get(START + 3 * HOUR + i64::try_from(n).unwrap(), name);
    }
    let said = desk.get(START + 4 * HOUR, "a");
    assert!(said.len() == 1 && said[0].contains("mass_access"), "{said:?}");
}

#[test]
fn a_canary_is_not_said_to_whoever_touched_it() {
    let desk = Desk::new(Rules { unusual_hours: false, ..Rules::default() });
    desk.add(START, "a");
    desk.unlocked(START).add_canary(new("b")).unwrap();
    assert!(desk.get(START + HOUR, "b").is_empty());
    assert_eq!(*desk.watch.touched.borrow(), ["b"]);
    assert!(desk.get(START + HOUR + MINUTE, "a").is_empty());
    assert!(desk.get(START + 2 * HOUR - 1, "a").is_empty(), "the thief may still be here");
    let said = desk.get(START + 2 * HOUR, "a");
    assert!(
        said.len() == 1 && said[0].contains("alert since the last unlock: canary;"),
        "{said:?}"
    );
    assert!(desk.get(START + 2 * HOUR + MINUTE, "a").is_empty());
    assert_eq!(*desk.watch.touched.borrow(), ["b"], "an ordinary one rings nowhere");
}

/// What is undone rings nobody: the value was not handed out.
#[test]
fn a_canary_that_was_not_handed_out_does_not_ring() {
    let desk = Desk::new(Rules::default());
    desk.unlocked(START).add_canary(new("b")).unwrap();
    let mut vault = desk.unlocked(START);
    // no seed is in the field, so that no code comes out
    let (name, field) = ("b".parse().unwrap(), "password".parse().unwrap());
    assert!(vault.code(&name, Some(&field), None, To::Caller).is_err());
    assert!(desk.watch.touched.borrow().is_empty());
    vault.reveal(&name, None).unwrap();
    assert_eq!(*desk.watch.touched.borrow(), ["b"]);
}

#[test]
fn at_the_command_line() {
    let sandbox = Sandbox::new();
    sandbox.add("a", b"hunter22");
    let none = sandbox.run(&["audit", "alerts"]);
    assert_eq!((none.code, none.out.len()), (0, 0));
    assert!(none.err.contains("no alerts"), "{}", none.err);
    sandbox.file("wrong", vault::vault::new_key_file(Timestamp(START)).expose());
    for _ in 0..6 {
        assert_eq!(sandbox.run(&["cred", "get", "a", "--key-file", "wrong"]).code, 11);
    }
    let said = sandbox.run(&["cred", "get", "a"]);
    assert!(said.err.contains("1 alert since the last unlock: failed_unlocks"), "{}", said.err);
    sandbox.file("config.toml", "[alerts]\nfailed_unlocks = 7\n");
    let mut strict = sandbox.vault(&["audit", "alerts"]);
    strict.env("VAULT_CONFIG_FILE", sandbox.path("config.toml")).env_remove("VAULT_KEY_FILE");
    assert_eq!(Answer::of(&mut strict).code, 0, "as configured, and locked");

    let answer = sandbox.run(&["audit", "alerts", "--json", "--since", "1h"]);
    assert_eq!(answer.code, 16, "{}", answer.err);
    let found = json(&answer.out);
    let alert = &found["items"][0];
    let id = alert["id"].as_str().unwrap();
    assert!(id.starts_with("failed_unlocks-"), "{alert}");
    assert_eq!((&alert["count"], &alert["severity"]), (&6.into(), &"high".into()));
    assert_eq!(alert["what"], "6 unlocks failed");
    assert_eq!(sandbox.run(&["audit", "alerts", "--rule", "mass_access"]).code, 0);
    let future = sandbox.run(&["audit", "alerts", "--since", "2999-01-01"]);
    assert_eq!(future.code, 2, "{}", future.err);
    assert!(future.err.contains("`--since` lies in the future"), "{}", future.err);
    let nothing = sandbox.run(&["audit", "alerts", "--since", "soon"]);
    assert!(nothing.err.contains("`--since`: not a date"), "{}", nothing.err);
    // people get what fits a terminal: who, by what, and the id in one piece
    let table = sandbox.run(&["audit", "alerts", "--format", "table"]).text();
    let line = table.lines().nth(1).unwrap();
    assert!(line.starts_with("failed_unlocks-") && line.contains("6 unlocks failed ("), "{table}");
    assert_eq!(sandbox.run(&["audit", "alerts", "--rule", "nonsense"]).code, 2);

    for wrong in ["mass_access-1", "hunter2", "failed_unlocks-x"] {
        let answer = sandbox.run(&["audit", "alerts", "--open", wrong]);
        assert_eq!(answer.code, 10, "{}", answer.err);
        assert_eq!(answer.err.contains(wrong), wrong == "mass_access-1", "{}", answer.err);
    }
    let opened = json(&sandbox.ok(&["audit", "alerts", "--open", id, "--json"], b""));
    assert_eq!(
        (&opened["items"][0]["incident"], &opened["items"][0]["opened"]),
        (&"INC-1".into(), &true.into())
    );
    let twice = sandbox.run(&["audit", "alerts", "--open", id]);
    assert_eq!(twice.code, 13);
    assert!(twice.err.contains("INC-1"), "{}", twice.err);
    let all = json(&sandbox.ok(&["audit", "alerts", "--open", "all", "--json"], b""));
    assert_eq!(all["items"][0]["opened"], false);
    let shown = json(&sandbox.run(&["audit", "alerts", "--json"]).out);
    assert_eq!(shown["items"][0]["incident"], "INC-1");
    assert_eq!(sandbox.run(&["doctor"]).code, 0);
}

/// Times that somebody wrote into the file keep nobody from unlocking.
#[test]
fn times_out_of_bounds_stop_nothing() {
    for at in [i64::MIN, i64::MAX] {
        let desk = Desk::new(Rules { mass_access: 2, ..Rules::default() });
        for name in ["a", "b"] {
            desk.add(START, name);
        }
        for name in ["a", "b"] {
            desk.get(START + MINUTE, name);
        }
        let db = rusqlite::Connection::open(desk.place().file).unwrap();
        let details = "'{\"restored\":\"100y\",\"overdue\":\"expiry\"}'";
        for details in ["details", details] {
            db.execute_batch(&format!("UPDATE entry SET at = {at}, details = {details}")).unwrap();
            desk.get(START + 2 * MINUTE, "a");
            desk.locked(START).alerts(&Rules::default(), None).unwrap();
        }
    }
}
