//! New credentials like old ones: what is taken over, what is not, and what the log says of it.

use super::support::pty::Pty;
use super::support::{Sandbox, json, require};
use super::{refused, says};

fn with_one() -> Sandbox {
    let sandbox = Sandbox::new();
    let add = ["cred", "add", "db/main", "--stdin", "--username", "app", "--host", "a.example"];
    let more =
        ["--tag", "eu", "--expires", "2099-01-01", "--rotate-every", "90d", "--requires-vpn"];
    sandbox.ok(&[&add[..], &more].concat(), b"hunter2");
    sandbox.ok(&["cred", "set", "db/main", "totp", "--stdin"], b"JBSWY3DPEHPK3PXP");
    sandbox
}

fn shown(sandbox: &Sandbox, name: &str) -> serde_json::Value {
    json(&sandbox.ok(&["cred", "show", name, "--json"], b""))
}

#[test]
fn metadata_is_copied_and_changed_by_options() {
    let sandbox = with_one();
    let clone = ["cred", "clone", "db/main", "db/two", "--stdin", "--host", "b.example"];
    let more = ["--tag", "new", "--remove-tag", "eu", "--no-requires-vpn"];
    let answer = sandbox.run_in(&[&clone[..], &more].concat(), b"other");
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert_eq!(answer.err, "cloned `db/main` as `db/two`\nnote: not in `db/two`: `totp`\n");
    let new = shown(&sandbox, "db/two");
    assert_eq!((&new["username"], &new["host"]), (&"app".into(), &"b.example".into()));
    assert_eq!((&new["tags"], &new["rotate_every"]), (&serde_json::json!(["new"]), &"90d".into()));
    assert!(new["expires"].is_null() && new["requires_vpn"].is_null(), "{new}");
    assert_eq!(new["versions"], serde_json::json!({"password": 1}));
    assert_eq!(sandbox.ok(&["cred", "get", "db/two"], b""), b"other");
    // without the secrets, none was opened
    assert!(sandbox.log(&["--action", "decrypt"]).iter().all(|entry| entry["name"] != "db/main"));
    let old = shown(&sandbox, "db/main");
    assert_eq!((&old["host"], &old["tags"]), (&"a.example".into(), &serde_json::json!(["eu"])));
}

#[test]
fn secrets_are_copied_only_on_demand_and_logged_at_both_ends() {
    let sandbox = with_one();
    sandbox.file("blob", b"\0\xff\n");
    sandbox.ok(&["cred", "set", "db/main", "notes", "--file", "blob"], b"");
    let clone = ["cred", "copy-from", "db/main", "db/two", "--with-secrets", "--expires", "90d"];
    sandbox.ok(&clone, b"");
    let log = sandbox.log(&["--limit", "2"]);
    assert_eq!((&log[0]["action"], &log[0]["name"]), (&"create".into(), &"db/two".into()));
    assert_eq!((&log[1]["action"], &log[1]["name"]), (&"decrypt".into(), &"db/main".into()));
    for field in ["password", "totp", "notes"] {
        let get = |name| sandbox.ok(&["cred", "get", name, field], b"");
        assert_eq!(get("db/two"), get("db/main"), "{field}");
    }
    let new = shown(&sandbox, "db/two");
    assert_eq!(new["media"]["notes"], "application/octet-stream");
    assert!(!new["expires"].is_null(), "{new}");
    assert_eq!(sandbox.run(&["doctor"]).code, 0);
}

#[test]
fn the_value_is_made_or_asked_for_as_in_add() {
    let sandbox = with_one();
    sandbox.ok(&["cred", "clone", "db/main", "made", "--generate=40"], b"");
    assert_eq!(sandbox.ok(&["cred", "get", "made"], b"").len(), 40);
    let add = ["cred", "add", "open", "--type", "custom", "--secret-field", "pin", "--stdin"];
    sandbox.ok(&add, b"1234");
    sandbox.ok(&["cred", "clone", "open", "open2", "--stdin"], b"5678");
    assert_eq!(sandbox.ok(&["cred", "get", "open2", "pin"], b""), b"5678");
    if !require("setsid") {
        return;
    }
    let mut terminal = Pty::vault(&sandbox, &["cred", "clone", "open", "open3"], &[]);
    for question in ["Value of pin: ", "Value of pin again: "] {
        terminal.expect(question);
        terminal.send("90-canary\r");
    }
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(!screen.contains("canary"), "{screen}");
    assert_eq!(sandbox.ok(&["cred", "get", "open3"], b""), b"90-canary");
}

#[test]
fn what_cannot_be_cloned() {
    let sandbox = with_one();
    sandbox.add("db/two", b"x");
    let run = |args: &[&'static str]| [&["cred", "clone"], args].concat();
    let taken = (13, "there is a credential named `db/two` already", "vault cred set db/two");
    refused(&sandbox, &run(&["db/main", "db/two", "--with-secrets"]), b"", taken, 0);
    let none = (10, "no credential named `nowhere`", "");
    refused(&sandbox, &run(&["nowhere", "new", "--stdin"]), b"x", none, 1);
    let both = (2, "cannot be together", "");
    refused(&sandbox, &run(&["db/main", "new", "--with-secrets", "--stdin"]), b"x", both, 0);
    let port = (2, "port", "");
    refused(&sandbox, &run(&["db/main", "new", "--port", "0", "--stdin"]), b"x", port, 0);
    let empty = (2, "the value is empty", "");
    refused(&sandbox, &run(&["db/main", "new", "--stdin"]), b"", empty, 0);
    let mut alone = sandbox.detached(&["cred", "clone", "db/main", "new"]);
    let answer = super::Answer::of(&mut alone);
    says(&answer, 2, "no value for `password`, and no terminal", "--stdin");
}
