//! Versions on the command line: history, old values, rollback, `--keep`, `--if-version`, purging one.

use super::support::pty::Pty;
use super::support::{Answer, Sandbox, json, require};
use super::{refused, says};
use std::process::Stdio;

/// A vault with `x`, whose password has had these values.
fn with(values: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.add("x", values[0].as_bytes());
    for value in &values[1..] {
        sandbox.ok(&["cred", "set", "x", "password", "--stdin"], value.as_bytes());
    }
    sandbox
}

fn history(sandbox: &Sandbox, args: &[&str]) -> Vec<serde_json::Value> {
    let out = sandbox.ok(&[&["cred", "history", "--json"], args].concat(), b"");
    json(&out)["items"].as_array().unwrap().clone()
}

#[test]
fn the_history_says_when_who_how_and_why() {
    let sandbox = with(&["one"]);
    sandbox.ok(&["cred", "set", "x", "--stdin", "--reason", "ticket 42"], b"two");
    sandbox.ok(&["cred", "rotate", "x"], b"");
    sandbox.ok(&["cred", "rollback", "x", "--to", "1"], b"");
    sandbox.ok(&["cred", "set", "x", "totp", "--stdin"], b"JBSWY3DPEHPK3PXP");
    let all = history(&sandbox, &["x"]);
    assert_eq!(all.len(), 5);
    let password = history(&sandbox, &["x", "password"]);
    let column = |key: &str| password.iter().map(|v| v[key].clone()).collect::<Vec<_>>();
    assert_eq!(column("version"), [4, 3, 2, 1]);
    assert_eq!(column("origin"), ["rollback", "rotate", "set", "set"]);
    assert_eq!(column("reason")[2], "ticket 42");
    assert_eq!(column("current"), [true, false, false, false]);
    assert!(column("author").iter().all(|author| author.as_str().is_some_and(|a| !a.is_empty())));
    assert!(column("created").iter().all(|at| at.as_str().unwrap().ends_with('Z')));
    assert_eq!(column("verified"), [true, true, true, true]);
    let plain = String::from_utf8(sandbox.ok(&["cred", "history", "x"], b"")).unwrap();
    assert!(!plain.contains("one") && !plain.contains("JBSW"), "{plain}");
    assert_eq!(sandbox.log(&["--limit", "1"])[0]["action"], "view");
}

#[test]
fn the_history_needs_no_key_and_says_that_it_is_not_checked() {
    let sandbox = with(&["one", "two"]);
    let locked = |args: &[&str]| Answer::of(sandbox.vault(args).env_remove("VAULT_KEY_FILE"));
    let answer = locked(&["cred", "history", "x", "--json"]);
    assert!(answer.err.contains("not verified while locked"), "{}", answer.err);
    let items = json(&answer.out)["items"].clone();
    assert_eq!((items.as_array().unwrap().len(), &items[0]["verified"]), (2, &false.into()));
    sandbox.ok(&["cred", "rm", "x"], b"");
    says(&locked(&["cred", "history", "x"]), 10, "no credential named `x`", "vault cred restore");
    assert_eq!(history(&sandbox, &["x", "--deleted"]).len(), 2);
}

#[test]
fn an_old_value_comes_out_byte_for_byte() {
    let sandbox = with(&["one\n\n", "two"]);
    assert_eq!(sandbox.ok(&["cred", "get", "x", "--version", "1"], b""), b"one\n\n");
    assert_eq!(sandbox.ok(&["cred", "get", "x", "password", "--version", "2"], b""), b"two");
    let entry = &sandbox.log(&["--limit", "1"])[0];
    assert_eq!((&entry["action"], &entry["details"]["version"]), (&"decrypt".into(), &"2".into()));
    for wrong in ["0", "3", "4294967295"] {
        let wrong = ["cred", "get", "x", "--version", wrong];
        refused(&sandbox, &wrong, b"", (10, "has no version", "it has versions 1 to 2"), 1);
    }
    for wrong in ["-1", "one", "4294967296", ""] {
        let wrong = sandbox.run(&["cred", "get", "x", &format!("--version={wrong}")]);
        says(&wrong, 2, "`--version <N>`", "vault cred get --help");
    }
    sandbox.ok(&["cred", "purge", "x", "--version", "1", "--yes"], b"");
    let gone = ["cred", "get", "x", "--version", "1"];
    refused(&sandbox, &gone, b"", (10, "was purged on 20", "vault cred history"), 1);
}

#[test]
fn a_rollback_writes_a_new_version() {
    let sandbox = with(&["one", "two"]);
    let done = json(&sandbox.ok(&["cred", "rollback", "x", "--to", "1", "--json"], b""));
    assert_eq!((&done["version"], &done["to"]), (&3.into(), &1.into()));
    assert_eq!(sandbox.ok(&["cred", "get", "x"], b""), b"one");
    let current = ["cred", "rollback", "x", "--to", "3"];
    refused(&sandbox, &current, b"", (13, "is the current one already", ""), 1);
    let none = ["cred", "rollback", "x", "--to", "9"];
    refused(&sandbox, &none, b"", (10, "has no version 9", "it has versions 1 to 3"), 1);
    let none = ["cred", "rollback", "x", "totp", "--to", "1"];
    refused(&sandbox, &none, b"", (10, "secret field `totp`", "it has: password"), 1);
    says(&sandbox.run(&["cred", "rollback", "x"]), 2, "`--to <N>` is missing", "");
}

/// What a token says of its end is heeded when it is the current one again.
#[test]
fn a_rollback_brings_back_the_expiry_that_the_value_states() {
    let token = |exp: u64| {
        let part = |json: String| data_encoding::BASE64URL_NOPAD.encode(json.as_bytes());
        let (head, claims) =
            (part("{\"alg\":\"HS256\"}".into()), part(format!("{{\"exp\":{exp}}}")));
        format!("{head}.{claims}.c2lnbmF0dXJl")
    };
    let sandbox = Sandbox::new();
    let (old, new) = (token(2_000_000_000), token(2_100_000_000));
    sandbox.ok(&["cred", "add", "t", "--type", "jwt", "--stdin"], old.as_bytes());
    let expires = || json(&sandbox.ok(&["cred", "show", "t", "--json"], b""))["expires"].clone();
    assert_eq!(expires(), "2033-05-18T03:33:20.000Z");
    sandbox.ok(&["cred", "rotate", "t", "--stdin"], new.as_bytes());
    assert_eq!(expires(), "2036-07-18T13:20:00.000Z");
    sandbox.ok(&["cred", "rollback", "t", "--to", "1"], b"");
    assert_eq!(expires(), "2033-05-18T03:33:20.000Z");
}

#[test]
fn only_so_many_versions_are_kept() {
    let sandbox = with(&["1", "2", "3"]);
    sandbox.ok(&["cred", "set", "x", "--keep", "2"], b"");
    let kept = || history(&sandbox, &["x"]).iter().filter(|v| v["purged"].is_null()).count();
    assert_eq!(kept(), 2);
    let entry = &sandbox.log(&["--action", "update", "--limit", "1"])[0];
    assert_eq!(entry["details"]["purged"], "password 1");
    sandbox.ok(&["cred", "set", "x", "--stdin"], b"4");
    assert_eq!(kept(), 2);
    let shown = json(&sandbox.ok(&["cred", "show", "x", "--json"], b""));
    assert_eq!(shown["keep"], 2);
    sandbox.ok(&["cred", "set", "x", "--keep", ""], b"");
    sandbox.ok(&["cred", "set", "x", "--stdin"], b"5");
    assert_eq!(kept(), 3);
    sandbox.ok(&["cred", "add", "y", "--generate", "--keep", "1"], b"");
    for wrong in ["0", "1001", "-1", "two", "1.5", "99999999999"] {
        let wrong = sandbox.run(&["cred", "set", "x", &format!("--keep={wrong}")]);
        says(&wrong, 2, "`--keep`: not a number of versions", "from 1 to 1000");
    }
}

#[test]
fn a_change_can_depend_on_the_version() {
    let sandbox = with(&["one", "two"]);
    let stale = ["--if-version", "1"];
    let moved = (13, "`password` of `x` is at version 2, not 1", "vault cred history");
    for args in [
        &["cred", "set", "x", "--stdin"][..],
        &["cred", "set", "x", "--owner", "me"],
        &["cred", "rotate", "x"],
        &["cred", "rotate", "x", "password", "--stdin"],
        &["cred", "rollback", "x", "--to", "1"],
        &["cred", "rename", "x", "y"],
        &["cred", "rm", "x"],
        &["cred", "purge", "x", "--yes"],
        &["cred", "purge", "x", "--version", "1", "--yes"],
    ] {
        refused(&sandbox, &[args, &stale].concat(), b"value", moved, 1);
    }
    sandbox.ok(&["cred", "set", "x", "--owner", "me", "--if-version", "2"], b"");
    sandbox.ok(&["cred", "set", "x", "totp", "--stdin", "--if-version", "0"], b"JBSWY3DPEHPK3PXP");
    sandbox.ok(&["cred", "rotate", "x", "--if-version", "2"], b"");
    sandbox.ok(&["cred", "rm", "x", "--if-version", "3"], b"");
    let restore = ["cred", "restore", "x", "--if-version", "2"];
    refused(&sandbox, &restore, b"", (13, "is at version 3, not 2", ""), 1);
    sandbox.ok(&["cred", "restore", "x", "--if-version", "3"], b"");
}

/// Of those who start from the same version, one wins, and the others are told.
#[test]
fn of_many_at_once_exactly_one_wins() {
    let sandbox = with(&["one"]);
    for round in 1..=3 {
        let version = round.to_string();
        let args = ["cred", "rotate", "x", "--if-version", &version];
        let start = |_| {
            let mut command = sandbox.vault(&args);
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        };
        let children: Vec<_> = (0..6).map(start).collect();
        let mut codes: Vec<_> =
            children.into_iter().map(|mut child| child.wait().unwrap().code().unwrap()).collect();
        codes.sort_unstable();
        assert_eq!(codes, [0, 13, 13, 13, 13, 13]);
    }
    assert_eq!(history(&sandbox, &["x"]).len(), 4);
    sandbox.whole().unwrap();
}

#[test]
fn the_current_version_is_not_purged() {
    let sandbox = with(&["one", "two"]);
    let current = ["cred", "purge", "x", "--version", "2", "--yes"];
    refused(&sandbox, &current, b"", (14, "is the current one", "vault cred set"), 1);
    let nobody = ["--no-input", "cred", "purge", "x", "password", "--version", "1"];
    let hint = "vault cred purge x password --version 1 --yes";
    refused(&sandbox, &nobody, b"", (14, "needs a confirmation", hint), 0);
    says(&sandbox.run(&["cred", "purge", "x", "password"]), 2, "`--version <N>` is missing", "");
    sandbox.ok(&["cred", "purge", "x", "--version", "1", "--yes"], b"");
    let again = ["cred", "purge", "x", "--version", "1", "--yes"];
    refused(&sandbox, &again, b"", (10, "was purged on 20", "vault cred history"), 1);
    let entry = &sandbox.log(&["--action", "purge", "--limit", "9"])[0];
    assert_eq!(entry["outcome"], "failed");
}

#[test]
fn a_version_is_destroyed_when_the_name_is_typed_back() {
    if !require("setsid") {
        return;
    }
    let sandbox = with(&["one", "two"]);
    for (typed, code, left) in [("y", 3, 2), ("x", 0, 1)] {
        let mut purge = Pty::vault(&sandbox, &["cred", "purge", "x", "--version", "1"], &[]);
        purge.expect("Type `x` to destroy version 1 of it");
        purge.send(format!("{typed}\r"));
        let (ended, screen) = purge.end();
        assert_eq!(ended, code, "{screen}");
        let kept = history(&sandbox, &["x"]).iter().filter(|v| v["purged"].is_null()).count();
        assert_eq!(kept, left);
    }
}
