//! What is left of a slot that was removed: a report of what it read, and nothing in the file.

use super::support::{Sandbox, contains};
use super::*;
use std::fs;

/// Whether something of these bytes is in the database or its write-ahead log.
fn is_on_disk(sandbox: &Sandbox, sealed: &[u8]) -> bool {
    let tail = &sealed[sealed.len() - 48..];
    let files = support::files(&sandbox.path("data"));
    files.iter().any(|file| contains(&fs::read(file).unwrap(), tail))
}

#[test]
fn the_report_is_what_the_log_says() {
    let sandbox = Sandbox::new();
    for name in ["a", "b", "c"] {
        sandbox.add(name, b"value");
    }
    sandbox.ok(&["key", "add", "other", "--new-key-file", "other"], b"");
    for name in ["a", "b", "b"] {
        sandbox.ok(&["--key-file", "other", "cred", "get", name], b"");
    }
    // what others read is not its
    sandbox.ok(&["cred", "get", "c"], b"");
    let listed = slots(&sandbox);
    assert_eq!((&listed[1]["reads"], &listed[0]["reads"]), (&3.into(), &1.into()));
    assert_eq!(listed[1]["credentials_read"], 2);
    let answer = sandbox.run(&["key", "rm", "other", "--yes"]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    for line in [
        "removed the slot `other`; 1 left",
        "could read the secrets of 3 credentials",
        "values of 2 credentials, 3 times",
        ": b, a",
        "old copies of the file: `vault rekey`",
    ] {
        assert!(answer.err.contains(line), "no `{line}` in {}", answer.err);
    }
    // and the command that it gives shows just that
    let all = sandbox.log(&["--search", "\"slot\":\"other\""]);
    let reads = all.iter().filter(|entry| entry["action"] == "decrypt");
    assert_eq!(reads.count(), 3);
    let removed = &sandbox.log(&["--action", "key_remove"])[0];
    assert_eq!(removed["details"]["label"], "other");

    // another slot of that name starts anew
    sandbox.ok(&["key", "add", "other", "--new-key-file", "other"], b"");
    let out = json(&sandbox.ok(&["--json", "key", "rm", "other", "--yes"], b""));
    assert_eq!((&out["reads"], &out["credentials_it_could_read"]), (&0.into(), &3.into()));
    assert_eq!(out["last_read_at"], serde_json::Value::Null);
}

/// Who removes one slot of a key that has two has taken nothing away.
#[test]
fn a_key_with_two_slots_is_told() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let added = sandbox.run(&["key", "add", "one", "--new-key-file", "other"]);
    assert!(added.code == 0 && !added.err.contains("the same key"), "{}", added.err);
    sandbox.file("phrase", PASSPHRASE);
    let with = ["--with-passphrase", "--new-passphrase-file", "phrase"];
    sandbox.ok(&[&["key", "add", "half", "--new-key-file", "other"], &with[..]].concat(), b"");
    let added = sandbox.run(&["key", "add", "two", "--new-key-file", "other"]);
    assert_eq!(added.code, 0, "{}", added.err);
    let told = "warning: the same key opens the slot `one`: to take it away, remove both";
    assert!(added.err.contains(told) && !added.err.contains("half"), "{}", added.err);
    let removed = sandbox.run(&["key", "rm", "one", "--yes"]);
    assert!(removed.err.contains("still opens the vault, by the slot `two`: vault key rm two"));
    let get = ["--key-file", "other", "cred", "get", "x"];
    assert_eq!(sandbox.run(&get).out, b"hunter2");
    let out = json(&sandbox.ok(&["--json", "key", "rm", "half", "--yes"], b""));
    assert_eq!(out["same_key"], serde_json::json!(["two"]));
    let removed = sandbox.run(&["key", "rm", "two", "--yes"]);
    assert!(removed.code == 0 && !removed.err.contains("the same key"), "{}", removed.err);
    says(&sandbox.run(&get), 11, "does not open this vault", "");
}

#[test]
fn nothing_of_it_stays_in_the_file_but_old_copies_open() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    sandbox.ok(&["key", "add", "other", "--new-key-file", "other"], b"");
    let old = sealed(&sandbox, "other");
    assert!(is_on_disk(&sandbox, &old));
    fs::create_dir(sandbox.path("backup")).unwrap();
    for file in support::files(&sandbox.path("data/vault")) {
        fs::copy(&file, sandbox.path("backup").join(file.file_name().unwrap())).unwrap();
    }
    sandbox.ok(&["key", "rm", "other", "--yes"], b"");
    assert!(!is_on_disk(&sandbox, &old));
    let get = ["--key-file", "other", "cred", "get", "x"];
    says(&sandbox.run(&get), 11, "does not open this vault", "");
    let mut copy = sandbox.vault(&get);
    let copy = copy.env("VAULT_FILE", sandbox.path("backup/vault.db"));
    let copy = Answer::of(copy.env("XDG_STATE_HOME", sandbox.path("elsewhere")));
    assert_eq!(copy.out, b"hunter2", "{}", copy.err);
}

#[test]
fn the_last_one_stays_and_the_one_used_now_may_go() {
    let sandbox = Sandbox::new();
    let rm = ["key", "rm", "key file", "--yes"];
    refused(&sandbox, &rm, (14, "is the last slot", "vault key add"), true);
    let nobody = ["key", "rm", "nobody", "--yes"];
    refused(&sandbox, &nobody, (10, "no slot `nobody`", "vault key list"), true);
    sandbox.ok(&["key", "add", "other", "--new-key-file", "other"], b"");
    let answer = sandbox.run(&rm);
    assert!(answer.err.contains("the one that was used just now"), "{}", answer.err);
    says(&sandbox.run(&["key", "test"]), 11, "does not open", "");
    sandbox.ok(&["--key-file", "other", "audit", "verify"], b"");
}

/// Nor when a sink that must hear of it does not: it is done all the same.
#[test]
fn nothing_of_it_stays_when_a_sink_fails_afterwards() {
    let sandbox = Sandbox::new();
    sandbox.ok(&["key", "add", "other", "--new-key-file", "other"], b"");
    let old = sealed(&sandbox, "other");
    let take = sandbox.path("take");
    sandbox.script("take", "#!/bin/sh\ncat >/dev/null; exit 3\n");
    fs::create_dir_all(sandbox.path("home/.config/vault")).unwrap();
    let command = format!("type = 'command'\ncommand = ['{}']\n", take.display());
    let config = format!("[sink.s]\n{command}on_failure = 'refuse'\n");
    sandbox.file("home/.config/vault/config.toml", config);
    let answer = sandbox.run(&["key", "rm", "other", "--yes"]);
    says(&answer, 18, "it is done and entered", "");
    assert!(!is_on_disk(&sandbox, &old));
}
