//! `status`, the dashboard, and what `audit verify` leaves for it.

use super::support::{Answer, Sandbox, json};
use serde_json::Value;
use std::fs;

fn status(sandbox: &Sandbox) -> Value {
    json(&Answer::of(sandbox.vault(&["status", "--json"]).env_remove("VAULT_KEY_FILE")).out)
}

fn add(sandbox: &Sandbox, name: &str, options: &[&str]) {
    sandbox.ok(&[&["cred", "add", name, "--stdin"], options].concat(), b"hunter2");
}

#[test]
fn it_counts_what_needs_care_without_a_key_and_without_an_entry() {
    let sandbox = Sandbox::new();
    add(&sandbox, "a", &["--expires", "2020-02-29"]);
    add(&sandbox, "b", &["--expires", "10d", "--rotate-every", "20d"]);
    add(&sandbox, "c", &["--rotate-every", "1s", "--type", "api_key"]);
    add(&sandbox, "d", &["--rotate-every", "25d"]);
    add(&sandbox, "e", &["--expires", "90d"]);
    add(&sandbox, "gone", &["--expires", "2020-02-29"]);
    sandbox.ok(&["cred", "rm", "gone"], b"");
    std::thread::sleep(std::time::Duration::from_millis(1200));
    let entries = sandbox.entries();
    let told = status(&sandbox);
    for (key, expected) in [
        ("credentials", 5),
        ("in_trash", 1),
        ("expired", 1),
        ("expiring", 1),
        ("overdue", 2),
        ("due_soon", 2),
        ("never_rotated", 5),
        ("unused", 0),
    ] {
        assert_eq!(told[key], expected, "{key}: {told}");
    }
    assert_eq!(told["types"], serde_json::json!({"api_key": 1, "password": 4}));
    assert_eq!((&told["weak"], &told["reused"]), (&Value::Null, &Value::Null));
    assert_eq!((&told["last_action"], &told["last_verified"]), (&"delete".into(), &Value::Null));
    assert_eq!(sandbox.entries(), entries);
}

#[test]
fn bars_are_for_people_and_for_comparing() {
    let sandbox = Sandbox::new();
    for name in ["a", "b"] {
        add(&sandbox, name, &[]);
    }
    let table = |sandbox: &Sandbox| {
        String::from_utf8(sandbox.ok(&["status", "--format", "table"], b"")).unwrap()
    };
    assert!(!table(&sandbox).contains('█'), "{}", table(&sandbox));
    add(&sandbox, "k", &["--type", "api_key"]);
    let long = format!("  password  2  {}\n", "█".repeat(16));
    let half = format!("  api_key   1  {}\n", "█".repeat(8));
    let shown = table(&sandbox);
    assert!(shown.contains(&long) && shown.contains(&half), "{shown}");
    let plain = String::from_utf8(sandbox.ok(&["status"], b"")).unwrap();
    assert!(plain.contains("types.password\t2\n") && !plain.contains('█'), "{plain}");
}

#[test]
fn what_nobody_reads_for_a_quarter_is_unused() {
    if !super::support::require("faketime") {
        return;
    }
    let sandbox = Sandbox::new();
    for name in ["read", "idle"] {
        let mut old = sandbox.command("faketime");
        let args = ["2020-01-01 12:00:00", super::support::VAULT, "cred", "add", name, "--stdin"];
        assert_eq!(Answer::fed(old.args(args), name.as_bytes()).code, 0);
    }
    add(&sandbox, "new", &[]);
    assert_eq!(status(&sandbox)["unused"], 2);
    sandbox.ok(&["cred", "get", "read"], b"");
    assert_eq!(status(&sandbox)["unused"], 1);
    // what it counts is what a check names
    let found = sandbox.run(&["cred", "check", "--only", "unused", "--json"]);
    assert_eq!(json(&found.out)["items"].as_array().unwrap().len(), 1);
}

#[test]
fn weak_and_reused_are_counted_on_request() {
    let sandbox = Sandbox::new();
    for name in ["a", "b"] {
        add(&sandbox, name, &[]);
    }
    sandbox.ok(&["cred", "add", "c", "--stdin"], b"gravel ostrich penknife 7 umbrella");
    let told = json(&sandbox.ok(&["status", "--check", "--json"], b""));
    assert_eq!((&told["weak"], &told["reused"]), (&2.into(), &2.into()), "{told}");
    assert_eq!(told["last_action"], "check");
    if super::support::require("setsid") {
        let mut locked = sandbox.detached(&["status", "--check"]);
        assert_eq!(Answer::of(locked.env_remove("VAULT_KEY_FILE")).code, 12);
    }
}

#[test]
fn a_verified_log_says_when_and_how() {
    let sandbox = Sandbox::new();
    add(&sandbox, "a", &[]);
    let verify = |keyed: bool| {
        let mut command = sandbox.vault(&["audit", "verify", "--json"]);
        if !keyed {
            command.env_remove("VAULT_KEY_FILE");
        }
        let answer = Answer::of(&mut command);
        assert_eq!(answer.code, 0, "{}", answer.err);
        assert!(!answer.err.contains("warning"), "{}", answer.err);
    };
    for keyed in [false, true, false] {
        let entries = sandbox.entries();
        verify(keyed);
        assert_eq!(sandbox.entries(), entries + 1);
        let told = status(&sandbox);
        assert_eq!(told["last_verified"]["authenticated"], keyed, "{told}");
        assert_eq!(told["last_verified"]["at"], told["last_entry"], "{told}");
        assert_eq!(told["last_action"], "verify");
    }
    add(&sandbox, "b", &[]);
    assert_ne!(status(&sandbox)["last_verified"]["at"], status(&sandbox)["last_entry"]);
    verify(true);
}

#[test]
fn what_cannot_be_entered_is_verified_all_the_same() {
    let sandbox = Sandbox::new();
    add(&sandbox, "a", &[]);
    // without a seal there is nothing to enter it under
    fs::remove_dir_all(sandbox.path("state/vault")).unwrap();
    let entries = sandbox.entries();
    for keyed in [true, false] {
        let mut command = sandbox.vault(&["audit", "verify", "--json"]);
        if !keyed {
            command.env_remove("VAULT_KEY_FILE");
        }
        let answer = Answer::of(&mut command);
        assert_eq!((answer.code, sandbox.entries()), (0, entries), "{}", answer.err);
    }
    assert_eq!(status(&sandbox)["last_verified"], Value::Null);
    // and a log that is not intact is not called so
    sandbox.ok(&["cred", "get", "a"], b"");
    let db = rusqlite::Connection::open(sandbox.database()).unwrap();
    db.execute("UPDATE entry SET reason = 'none' WHERE seq = 2", []).unwrap();
    drop(db);
    assert_eq!(sandbox.run(&["audit", "verify"]).code, 15);
    assert_eq!(status(&sandbox)["last_verified"], Value::Null);
}
