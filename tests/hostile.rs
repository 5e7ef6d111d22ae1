//! What a hostile file, a race or a leftover must not achieve: each test is a hole that once was there.

#![allow(
    clippy::pedantic,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests may, and clarity comes before speed"
)]

mod support;

use rusqlite::Connection;
use std::fs;
use support::{Answer, Sandbox};

/// Changes the database behind the program's back.
fn attack(sandbox: &Sandbox, sql: &str) {
    Connection::open(sandbox.database()).unwrap().execute_batch(sql).unwrap();
}

/// An entry that nobody wrote, with the given number, action and counter; its hash is copied.
fn forged(seq: i64, action: &str) -> String {
    format!(
        "INSERT INTO entry SELECT {seq}, randomblob(16), at, '{action}', 'ok', credential, name,
         fields, 'mallory', uid, host, tty, remote, program, parent, agent, incident, reason,
         details, counter, NULL, hash, NULL FROM entry ORDER BY seq DESC LIMIT 1"
    )
}

#[test]
fn a_deleted_credential_is_not_replaced_by_one_that_begins_like_it() {
    let sandbox = Sandbox::new();
    sandbox.add("prod", b"SECRET-NEW");
    sandbox.add("prod-old", b"SECRET-OLD");
    attack(&sandbox, "DELETE FROM credential WHERE name = 'prod'");
    for args in [&["cred", "get", "prod"][..], &["cred", "show", "prod", "--reveal"]] {
        let answer = sandbox.run(args);
        assert_eq!(answer.code, 15, "{}", answer.err);
        assert!(answer.out.is_empty());
    }
}

#[test]
fn entries_before_the_first_are_found() {
    let sandbox = Sandbox::new();
    sandbox.add("a", b"x");
    attack(&sandbox, &forged(-7, "decrypt"));
    let answer = sandbox.run(&["audit", "verify"]);
    assert_eq!(answer.code, 15, "{}", answer.err);
}

#[test]
fn impossible_numbers_are_an_error_and_no_panic() {
    for seq in [i64::MAX, i64::MAX - 1] {
        let sandbox = Sandbox::new();
        sandbox.add("a", b"x");
        attack(&sandbox, &forged(seq, "view"));
        fs::remove_dir_all(sandbox.path("state/vault")).unwrap();
        for args in [&["cred", "get", "a"][..], &["cred", "list"], &["audit", "verify"]] {
            let answer = sandbox.run(args);
            assert_eq!(answer.code, 15, "{seq} {args:?}: {}", answer.err);
            assert!(answer.out.is_empty(), "{seq} {args:?}");
        }
    }
}

#[test]
fn only_a_locked_vault_writes_unsealed_entries_and_only_of_its_sort() {
    let sandbox = Sandbox::new();
    sandbox.add("a", b"x");
    let last: i64 = Connection::open(sandbox.database())
        .unwrap()
        .query_row("SELECT max(seq) FROM entry", [], |row| row.get(0))
        .unwrap();
    attack(&sandbox, &forged(last + 1, "decrypt"));
    assert_eq!(sandbox.run(&["cred", "get", "a"]).code, 15);
    assert_eq!(sandbox.run(&["audit", "verify"]).code, 15);
}

#[test]
fn a_wrong_key_is_logged_wherever_it_is_tried() {
    let sandbox = Sandbox::new();
    let other = Sandbox::new();
    let key = fs::read_to_string(other.path("key")).unwrap();
    // so that there is something to accept
    fs::remove_dir_all(sandbox.path("state/vault")).unwrap();
    let mut command = sandbox.vault(&["trust-state", "--yes"]);
    let answer = Answer::of(command.env_remove("VAULT_KEY_FILE").env("VAULT_KEY", key));
    assert_eq!(answer.code, 11, "{}", answer.err);
    let log = sandbox.ok(&["audit", "show", "--action", "unlock_failed", "--json"], b"");
    assert!(String::from_utf8(log).unwrap().contains("\"unlock_failed\""));
}

#[test]
fn what_is_no_name_does_not_enter_the_log() {
    let sandbox = Sandbox::new();
    sandbox.add("known", b"x");
    sandbox.ok(&["cred", "rm", "known"], b"");
    for name in ["hunter2-typed-in-the-wrong-place", "known"] {
        assert_eq!(sandbox.run(&["cred", "get", name]).code, 10);
    }
    let log = String::from_utf8(sandbox.ok(&["audit", "show", "--json"], b"")).unwrap();
    assert!(!log.contains("hunter2"));
    let failed = sandbox.ok(&["audit", "show", "--outcome", "failed", "--cred", "known"], b"");
    assert!(String::from_utf8(failed).unwrap().contains("known"), "a name of old is one");
}

#[test]
fn many_inits_at_once_make_one_vault_that_works() {
    for _ in 0..5 {
        let sandbox = Sandbox::new();
        let codes: Vec<i32> = std::thread::scope(|scope| {
            let run = || sandbox.run(&["--vault", "race.db", "init"]).code;
            let all: Vec<_> = (0..6).map(|_| scope.spawn(run)).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{codes:?}");
        assert!(codes.iter().all(|code| [0, 13].contains(code)), "{codes:?}");
        sandbox.ok(&["--vault", "race.db", "cred", "add", "a", "--stdin"], b"x");
        assert_eq!(sandbox.ok(&["--vault", "race.db", "cred", "get", "a"], b""), b"x");
    }
}

#[test]
fn what_an_old_vault_left_is_not_taken_for_the_new_ones() {
    let sandbox = Sandbox::new();
    sandbox.add("a", b"x");
    fs::remove_file(sandbox.database()).unwrap();
    let answer = sandbox.run(&["init"]);
    assert_eq!(answer.code, 13, "{}", answer.err);
    assert!(answer.err.contains("vault.db-wal"), "{}", answer.err);
    assert!(!sandbox.database().exists());
}

#[test]
fn init_removes_only_what_is_its_own() {
    let sandbox = Sandbox::bare();
    let backup = sandbox.path("data/vault/vault.db.new-backup");
    fs::create_dir_all(backup.parent().unwrap()).unwrap();
    fs::set_permissions(
        backup.parent().unwrap(),
        std::os::unix::fs::PermissionsExt::from_mode(0o700),
    )
    .unwrap();
    fs::write(&backup, "precious").unwrap();
    let draft = backup.with_file_name(format!("vault.db.new-{:032x}-wal", 7));
    fs::write(&draft, "rubbish").unwrap();
    sandbox.ok(&["init", "--key-file", "k"], b"");
    assert_eq!(fs::read(&backup).unwrap(), b"precious");
    assert!(!draft.exists());
}

#[test]
fn a_clock_before_the_epoch_is_no_reason_to_panic() {
    let lib = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
    if !fs::exists(lib).unwrap() {
        support::missing("libfaketime is not installed");
        return;
    }
    let sandbox = Sandbox::new();
    let mut command = sandbox.vault(&["cred", "list"]);
    let answer = Answer::of(command.env("LD_PRELOAD", lib).env("FAKETIME", "@1960-01-01 00:00:00"));
    assert_eq!(answer.code, 0, "{}", answer.err);
}
