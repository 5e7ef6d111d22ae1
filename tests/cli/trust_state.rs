//! `vault trust-state`: what is shown before an older state is accepted, and what is left of it.

use super::support::pty::Pty;
use super::support::{Answer, Sandbox, files, json, require};
use super::{refused, says};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::PathBuf;

type Kept = Vec<(PathBuf, Vec<u8>)>;

/// A copy of the database.
fn keep(sandbox: &Sandbox) -> Kept {
    let paths = files(&sandbox.path("data")).into_iter();
    paths.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn put_back(kept: Kept) {
    for (path, bytes) in kept {
        fs::write(path, bytes).unwrap();
    }
}

/// A vault put back to before two changes and a read.
fn rolled_back() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.add("a", b"1");
    let kept = keep(&sandbox);
    sandbox.add("b", b"2");
    sandbox.add("c", b"3");
    sandbox.ok(&["cred", "get", "a"], b"");
    put_back(kept);
    sandbox
}

fn seal(sandbox: &Sandbox) -> PathBuf {
    let found = files(&sandbox.path("state")).into_iter().find(|path| path.ends_with("seal"));
    found.unwrap()
}

#[test]
fn what_is_given_up_is_shown_and_stays_in_the_log() {
    let sandbox = rolled_back();
    assert_eq!(sandbox.run(&["cred", "get", "a"]).code, 15);
    let answer = sandbox.run(&["trust-state", "--yes", "--json", "--reason", "from the backup"]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    let told = json(&answer.out);
    for (key, expected) in [
        ("sealed", 4),
        ("found", 2),
        ("sealed_entry", 5),
        ("found_entry", 2),
        ("sealed_epoch", 1),
        ("found_epoch", 1),
        ("lost_changes", 2),
        ("lost_entries", 3),
    ] {
        assert_eq!(told[key], expected, "{key}: {told}");
    }
    assert!(told["sealed_at"].as_str() > told["found_at"].as_str(), "{told}");
    assert!(answer.err.contains("this machine has seen state 4, entry 5"), "{}", answer.err);
    assert!(answer.err.contains("at least 2 changes and 3 entries of the log"), "{}", answer.err);
    assert!(answer.err.contains("taken away since then open it again"), "{}", answer.err);
    let log = sandbox.log(&["--action", "trust_state"]);
    let entry = &log[0];
    assert_eq!(entry["reason"], "from the backup");
    for (key, expected) in
        [("sealed", "4"), ("found", "2"), ("sealed_entry", "5"), ("found_entry", "2")]
    {
        assert_eq!(entry["details"][key], expected, "{entry}");
    }
    assert_eq!(sandbox.ok(&["cred", "get", "a"], b""), b"1");
    // once accepted there is no more to accept
    let hint = "vault status";
    refused(&sandbox, &["trust-state", "--yes"], b"", (13, "nothing to accept", hint), 0);
}

#[test]
fn it_asks_with_both_states_in_the_question() {
    if !require("setsid") {
        return;
    }
    let sandbox = rolled_back();
    let content = sandbox.content();
    let mut terminal = Pty::vault(&sandbox, &["trust-state"], &[]);
    terminal.expect("at least 2 changes");
    terminal.expect("from state 4 back to 2?");
    terminal.send("\r");
    assert_eq!(terminal.end().0, 3);
    assert_eq!(sandbox.content(), content);
    let answer = Answer::of(&mut sandbox.detached(&["trust-state"]));
    says(&answer, 14, "needs a confirmation", "vault trust-state --yes");
    assert_eq!(sandbox.content(), content);
    let mut terminal = Pty::vault(&sandbox, &["trust-state"], &[]);
    terminal.expect("back to 2?");
    terminal.send("y\r");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
}

/// What is accepted is what was shown, or nothing.
#[test]
fn a_file_exchanged_while_it_asks_is_not_accepted() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    let oldest = keep(&sandbox);
    sandbox.add("a", b"1");
    let older = keep(&sandbox);
    sandbox.add("b", b"2");
    put_back(older);
    let mut terminal = Pty::vault(&sandbox, &["trust-state"], &[]);
    terminal.expect("from state 3 back to 2?");
    put_back(oldest);
    terminal.send("y\r");
    let (code, screen) = terminal.end();
    assert!(code == 13 || code == 15, "{code}: {screen}");
    assert_eq!(sandbox.run(&["cred", "list", "--verify"]).code, 15);
}

#[test]
fn a_vault_that_is_as_it_was_leaves_nothing_to_accept() {
    let sandbox = Sandbox::new();
    sandbox.add("a", b"1");
    let hint = "vault status";
    refused(&sandbox, &["trust-state", "--yes"], b"", (13, "nothing to accept", hint), 0);
    // control: without its seal there is
    fs::remove_file(seal(&sandbox)).unwrap();
    let answer = sandbox.run(&["trust-state", "--yes"]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(answer.err.contains("no usable seal"), "{}", answer.err);
}

#[test]
fn another_vault_of_ones_own_in_the_same_place_is_accepted_by_name() {
    let sandbox = Sandbox::new();
    let old = json(&sandbox.ok(&["status", "--json"], b""))["vault_id"].clone();
    sandbox.ok(&["--vault", "other.db", "init"], b"");
    let db = rusqlite::Connection::open(sandbox.path("other.db")).unwrap();
    db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    drop(db);
    for path in files(&sandbox.path("data")) {
        fs::remove_file(path).unwrap();
    }
    fs::copy(sandbox.path("other.db"), sandbox.database()).unwrap();
    let answer = sandbox.run(&["cred", "list"]);
    says(&answer, 15, "not the vault that was there before", "vault trust-state");
    let told = json(&sandbox.ok(&["trust-state", "--yes", "--json"], b""));
    assert_eq!(told["instead_of"], old, "{told}");
    assert_eq!(sandbox.log(&["--action", "trust_state"])[0]["details"]["instead_of"], old);
    sandbox.ok(&["cred", "list", "--verify"], b"");
}

/// A seal of an earlier epoch: the vault was rekeyed, and this machine was not told by whom. Its new
/// fingerprint must be said, although the key is one's own.
#[test]
fn other_keys_than_this_machine_knows_need_their_fingerprint() {
    let sandbox = Sandbox::new();
    sandbox.add("a", b"1");
    let fingerprint = json(&sandbox.ok(&["status", "--json"], b""))["fingerprint"].clone();
    let path = seal(&sandbox);
    let mut bytes = fs::read(&path).unwrap();
    bytes[24..28].copy_from_slice(&0_u32.to_be_bytes()); // the epoch
    bytes[116..148].copy_from_slice(&[7; 32]); // the pin
    let sum = Sha256::digest(&bytes[..192]);
    bytes[192..].copy_from_slice(&sum);
    fs::write(&path, &bytes).unwrap();
    let answer = sandbox.run(&["cred", "get", "a"]);
    says(&answer, 15, "rekeyed elsewhere: epoch 0 -> 1", "vault trust-state");
    let answer = sandbox.run(&["--no-input", "trust-state", "--yes"]);
    assert_eq!(answer.code, 14, "{}", answer.err);
    let shown = answer.err.rsplit("; its fingerprint is ").next().unwrap().lines().next().unwrap();
    assert_eq!(shown, fingerprint, "{}", answer.err);
    let told = sandbox.ok(&["trust-state", "--yes", "--json", "--pin", shown], b"");
    assert_eq!(json(&told)["sealed_epoch"], 0);
    let entry = &sandbox.log(&["--action", "trust_state"])[0];
    assert_eq!(
        (&entry["details"]["sealed_epoch"], &entry["details"]["found_epoch"]),
        (&"0".into(), &"1".into())
    );
    assert_eq!(sandbox.ok(&["cred", "get", "a"], b""), b"1");
}

#[test]
fn without_a_way_to_a_key_it_says_so_at_once() {
    let sandbox = rolled_back();
    let mut locked = sandbox.vault(&["--no-input", "trust-state", "--yes"]);
    let answer = Answer::of(locked.env_remove("VAULT_KEY_FILE"));
    says(&answer, 12, "opens only with a key file", "--key-file FILE");
}

/// A passphrase can be mistyped as often as elsewhere, also where each attempt leaves an entry.
#[test]
fn a_wrong_passphrase_can_be_typed_again() {
    if !require("setsid") {
        return;
    }
    let base = Sandbox::new();
    base.file("pass", "gravel ostrich penknife lullaby");
    base.ok(&["key", "add", "typed", "--new-passphrase-file", "pass"], b"");
    let kept = keep(&base);
    base.add("a", b"1");
    put_back(kept);
    let unsealed = base.copy();
    fs::remove_file(seal(&unsealed)).unwrap();
    for sandbox in [base, unsealed] {
        let type_at = |passphrases: &[&str]| {
            let mut terminal = Pty::vault(&sandbox, &["trust-state"], &[("VAULT_KEY_FILE", "")]);
            terminal.expect("Did you restore");
            terminal.send("y\r");
            for typed in passphrases {
                terminal.expect("Passphrase for");
                terminal.send(format!("{typed}\r"));
            }
            terminal.end()
        };
        let (code, screen) = type_at(&["one", "two", "three"]);
        assert!(code == 11 && screen.contains("That is not it"), "{code}: {screen}");
        let (code, screen) = type_at(&["one", "two", "gravel ostrich penknife lullaby"]);
        assert_eq!(code, 0, "{screen}");
        sandbox.ok(&["cred", "list", "--verify"], b"");
    }
}

/// Killed anywhere, it leaves the state in doubt or accepted, and the next attempt ends it.
#[test]
fn killed_anywhere_it_is_in_doubt_or_accepted() {
    if !require("strace") {
        return;
    }
    let trace = |sandbox: &Sandbox, expression: &str| {
        let mut command = sandbox.command("strace");
        command.args(["-f", "-qq", "-o", "trace", "-e", expression, super::support::VAULT]);
        command.args(["trust-state", "--yes"]);
        Answer::of(&mut command)
    };
    let base = rolled_back();
    if trace(&base.copy(), "trace=fsync").code != 0 {
        super::support::unable("strace may not trace here");
        return;
    }
    let (mut killed, mut accepted) = (0, 0);
    for call in ["fsync", "fdatasync", "pwrite64", "rename", "mkdir", "ftruncate"] {
        for nth in 1..100 {
            let sandbox = base.copy();
            let answer = trace(&sandbox, &format!("inject={call}:signal=KILL:when={nth}"));
            if answer.code == 0 {
                break; // there are no more of these calls
            }
            killed += 1;
            let got = sandbox.run(&["cred", "get", "a"]);
            if got.code == 15 {
                let again = sandbox.run(&["trust-state", "--yes"]);
                assert_eq!(again.code, 0, "{call} {nth}: {}", again.err);
            } else {
                accepted += 1;
            }
            assert_eq!(sandbox.ok(&["cred", "get", "a"], b""), b"1", "{call} {nth}");
            sandbox.ok(&["audit", "verify", "--unlock"], b"");
        }
    }
    assert!(killed > 5 && accepted > 0 && accepted < killed, "{accepted} of {killed}");
}
