//! One test for each exit code that can occur so far, with wording; 1 would be a fault, 17 and 19
//! belong to commands that are still to come.

use super::support::pty::Pty;
use super::support::{Answer, Sandbox, require};
use super::{refused, says, tells};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;

#[test]
fn code_0_is_success() {
    let sandbox = Sandbox::new();
    sandbox.add("db/main", b"hunter2");
    let answer = sandbox.run(&["cred", "get", "db/main"]);
    assert_eq!((answer.code, answer.out.as_slice(), answer.err.as_str()), (0, &b"hunter2"[..], ""));
}

#[test]
fn code_2_is_usage() {
    let sandbox = Sandbox::new();
    let wrong = ["cred", "list", "--limit", "many"];
    refused(&sandbox, &wrong, b"", (2, "`--limit <N>`", "vault cred list --help"), 0);
    let nothing = sandbox.run(&[]);
    assert_eq!(nothing.code, 2);
    assert!(nothing.out.is_empty() && nothing.err.contains("Usage: vault"), "{}", nothing.err);
    tells(&sandbox.run(&["--json"]), 2, "usage", "needs a command");
}

#[test]
fn code_3_is_a_no_at_a_question() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let content = sandbox.content();
    let mut terminal = Pty::vault(&sandbox, &["cred", "purge", "x"], &[]);
    terminal.expect("to destroy it");
    terminal.send("y\r");
    let (code, screen) = terminal.end();
    assert_eq!(code, 3, "{screen}");
    assert!(screen.contains("error: that is not its name; nothing was changed"), "{screen}");
    assert_eq!(sandbox.content(), content);
}

#[test]
fn code_4_is_not_possible_here() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.database(), b"no database at all, but long enough to be looked at").unwrap();
    _ = fs::remove_file(sandbox.path("data/vault/vault.db-wal"));
    let answer = sandbox.run(&["cred", "list"]);
    says(&answer, 4, "is not a vault", "--vault FILE");
    tells(&sandbox.run(&["cred", "list", "--json"]), 4, "unsupported", "is not a vault");
}

#[test]
fn code_10_is_no_such_thing() {
    let sandbox = Sandbox::new();
    let wrong = (10, "no credential named `x`", "vault cred list");
    refused(&sandbox, &["cred", "get", "x"], b"", wrong, 1);
    sandbox.add("x", b"hunter2");
    let wrong = (10, "secret field `totp`", "");
    refused(&sandbox, &["cred", "get", "x", "totp"], b"", wrong, 1);
    let wrong = (10, "the log has no entry `999`", "vault audit show");
    refused(&sandbox, &["audit", "show", "999"], b"", wrong, 0);
}

#[test]
fn code_11_is_a_wrong_key() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let other = Sandbox::new();
    let key = other.path("key");
    let args = ["cred", "get", "x", "--key-file", key.to_str().unwrap()];
    refused(&sandbox, &args, b"", (11, "does not open this vault", ""), 1);
    assert_eq!(sandbox.log(&["--limit", "1"])[0]["action"], "unlock_failed");
}

#[test]
fn code_12_is_no_way_to_unlock() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let run = |args: &[&str]| Answer::of(sandbox.detached(args).env_remove("VAULT_KEY_FILE"));
    says(&run(&["cred", "get", "x"]), 12, "opens only with a key file", "--key-file FILE");
    tells(&run(&["cred", "get", "x", "--json"]), 12, "locked", "only with a key file");
}

#[test]
fn code_13_is_a_conflict() {
    let sandbox = Sandbox::new();
    sandbox.add("db/main", b"hunter2");
    sandbox.add("db/other", b"hunter2");
    let add = ["cred", "add", "db/main", "--stdin"];
    refused(&sandbox, &add, b"x", (13, "`db/main` already", "vault cred set"), 1);
    let rename = ["cred", "rename", "db/main", "db/other"];
    refused(&sandbox, &rename, b"", (13, "`db/other` already", "another name"), 1);
}

#[test]
fn code_14_is_refused_by_policy() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let purge = ["--no-input", "cred", "purge", "x"];
    refused(&sandbox, &purge, b"", (14, "needs a confirmation", "vault cred purge x --yes"), 0);
    fs::set_permissions(sandbox.database(), Permissions::from_mode(0o644)).unwrap();
    let answer = sandbox.run(&["cred", "get", "x"]);
    says(&answer, 14, "can be read or written by others", "chmod 600");
    tells(&sandbox.run(&["cred", "get", "x", "--json"]), 14, "refused", "by others");
}

#[test]
fn code_15_is_tampering() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    tamper(&sandbox);
    let answer = sandbox.run(&["cred", "get", "x"]);
    says(&answer, 15, "", "");
    assert!(answer.out.is_empty());
    tells(&sandbox.run(&["cred", "get", "x", "--json"]), 15, "integrity", "");
}

#[test]
fn code_16_is_a_finding() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    assert_eq!(sandbox.run(&["doctor"]).code, 0);
    tamper(&sandbox);
    let answer = sandbox.run(&["doctor"]);
    assert_eq!(answer.code, 16, "{}", answer.all());
    assert!(answer.text().lines().any(|line| line.starts_with("problem\trows\t")));
}

#[test]
fn code_18_is_a_failed_write() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let Ok(full) = File::options().write(true).open("/dev/full") else { return };
    let run = |args: &[&str]| {
        let output = sandbox.vault(args).stdout(full.try_clone().unwrap()).output();
        Answer::from(output.unwrap())
    };
    says(&run(&["cred", "get", "x"]), 18, "no space left on the device", "");
    tells(&run(&["cred", "list", "--json"]), 18, "io", "no space left on the device");
    says(&run(&["--help"]), 18, "no space left on the device", "");
}

/// What somebody does who can write the file, but has no key.
fn tamper(sandbox: &Sandbox) {
    let db = rusqlite::Connection::open(sandbox.database()).unwrap();
    db.execute("UPDATE credential SET url = 'https://evil.example'", []).unwrap();
}
