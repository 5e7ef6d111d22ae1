//! A vault gets new keys: what it holds stays, what opened it does not, and whoever interferes is
//! noticed.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::format_push_string,
    reason = "tests may, and clarity comes before speed"
)]

mod between;
#[path = "../forge/mod.rs"]
#[allow(dead_code, clippy::pedantic, reason = "each test program uses its own part of this")]
mod forge;
mod kills;
mod machines;
mod remains;
mod slots;
#[path = "../support/mod.rs"]
mod support;
mod tampered;

use serde_json::Value as Json;
use std::fs;
use support::{Answer, Sandbox, contains, json};

const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// A vault with something of everything that has keys in it.
fn rich() -> Sandbox {
    let s = Sandbox::new();
    for value in ["one", "two", "three", "four"] {
        let verb = if value == "one" { "add" } else { "set" };
        let field: &[&str] = if value == "one" { &[] } else { &["password"] };
        s.ok(&[&["cred", verb, "alpha"], field, &["--stdin"]].concat(), value.as_bytes());
    }
    s.ok(&["cred", "set", "alpha", "notes", "--stdin"], b"a note\nof two lines\n");
    s.ok(&["cred", "set", "alpha", "totp", "--stdin"], SEED.as_bytes());
    s.ok(&["cred", "purge", "alpha", "--version", "2", "--yes"], b"");
    s.add("big", &vec![7; 200_000]);
    s.add("old", b"in the trash");
    s.ok(&["cred", "rm", "old"], b"");
    s.add("gone", b"purged");
    s.ok(&["cred", "purge", "gone", "--yes"], b"");
    s.ok(&["cred", "add", "decoy", "--stdin", "--canary"], b"nobody needs this");
    s.ok(&["incident", "open", "Odd logins", "--cred", "alpha", "--stdin"], b"what happened");
    s.ok(&["incident", "note", "1", "--stdin"], b"what was seen");
    s.ok(&["incident", "open", "Another"], b"");
    s.ok(&["incident", "contain", "2"], b"");
    s.ok(&["audit", "checkpoint", "-o", "head.note"], b"");
    s
}

/// Everything that can be read, as it is read.
fn readings(s: &Sandbox) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut read = |args: &[&str]| all.push((args.join(" "), s.ok(args, b"")));
    for version in ["1", "3", "4"] {
        read(&["cred", "get", "alpha", "--version", version]);
    }
    read(&["cred", "get", "alpha", "notes"]);
    read(&["cred", "get", "alpha", "totp"]);
    read(&["cred", "totp", "alpha", "--at", "2030-01-01T00:00:00Z"]);
    read(&["cred", "get", "big"]);
    read(&["cred", "list", "--json"]);
    read(&["cred", "list", "--deleted", "--json"]);
    read(&["cred", "history", "alpha", "--json"]);
    read(&["incident", "list", "--json"]);
    read(&["incident", "show", "1", "--json"]);
    read(&["incident", "show", "2", "--json"]);
    all
}

/// `doctor` is content, and the log is authentic, complete and without gaps.
fn sound(s: &Sandbox) {
    let answer = s.run(&["doctor"]);
    assert_eq!(answer.code, 0, "{}", answer.all());
    let doctor = String::from_utf8(answer.out).unwrap();
    let is_sound = |line: &str| line.starts_with("ok") || line.contains("only one slot");
    assert!(doctor.lines().all(is_sound), "{doctor}");
    let told = json(&s.ok(&["audit", "verify", "--json"], b""));
    assert_eq!((&told["authenticated"], &told["gaps"]), (&true.into(), &Json::Array(vec![])));
    assert_eq!(told["complete_to"], told["last"], "{told}");
}

fn rekey(s: &Sandbox) -> Json {
    json(&s.ok(&["rekey", "--yes", "--json"], b""))
}

fn column(s: &Sandbox, sql: &str) -> Vec<Vec<u8>> {
    let db = rusqlite::Connection::open(s.database()).unwrap();
    let mut statement = db.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Every ciphertext and every tag.
fn sealed(s: &Sandbox) -> Vec<Vec<u8>> {
    column(
        s,
        "SELECT sealed FROM secret WHERE purged_at IS NULL
         UNION ALL SELECT sealed FROM slot
         UNION ALL SELECT recipient FROM slot WHERE recipient IS NOT NULL
         UNION ALL SELECT sealed_key FROM segment
         UNION ALL SELECT sealed FROM incident
         UNION ALL SELECT sealed FROM incident_event WHERE sealed IS NOT NULL",
    )
}

fn tags(s: &Sandbox) -> Vec<Vec<u8>> {
    let tables =
        "secret slot credential tombstone segment incident incident_event incident_link pruned";
    let all = tables.split_whitespace().map(|table| format!("SELECT row_tag FROM {table}"));
    column(s, &all.collect::<Vec<_>>().join(" UNION ALL "))
}

#[test]
fn everything_reads_as_before_and_nothing_is_sealed_as_before() {
    let s = rich();
    let (read, ciphertexts, old_tags) = (readings(&s), sealed(&s), tags(&s));
    assert!(ciphertexts.len() > 10 && old_tags.len() > 15);
    let before = json(&s.ok(&["status", "--json"], b""));
    let told = rekey(&s);
    assert_eq!((&told["epoch"], &told["clean"]), (&2.into(), &true.into()), "{told}");
    assert_eq!(told["slots"][0]["fate"], "proven");
    let after = json(&s.ok(&["status", "--json"], b""));
    assert_eq!(after["epoch"], 2);
    assert_eq!(after["changes"].as_i64(), before["changes"].as_i64().map(|n| n + 1));
    let now: Vec<Vec<u8>> = sealed(&s).into_iter().chain(tags(&s)).collect();
    assert_eq!(now.len(), ciphertexts.len() + old_tags.len() + 2, "and a segment more");
    assert!(ciphertexts.iter().chain(&old_tags).all(|old| !now.contains(old)));
    assert_eq!(readings(&s), read);
    sound(&s);
    // what can be changed and used can be so as before, and once more
    s.ok(&["cred", "set", "alpha", "password", "--stdin"], b"five");
    s.ok(&["cred", "rollback", "alpha", "--to", "1"], b"");
    s.ok(&["cred", "restore", "old"], b"");
    assert_eq!(s.ok(&["cred", "get", "old"], b""), b"in the trash");
    assert_eq!(rekey(&s)["epoch"], 3);
    assert_eq!(s.ok(&["cred", "get", "alpha"], b""), b"one");
    sound(&s);
}

#[test]
fn a_canary_still_rings_and_the_log_tells_of_the_rekey() {
    let s = rich();
    rekey(&s);
    let opened = s.run(&["cred", "get", "decoy"]);
    assert_eq!(opened.code, 0, "{}", opened.err);
    let incidents = String::from_utf8(s.ok(&["incident", "list"], b"")).unwrap();
    assert!(incidents.contains("the canary decoy was opened"), "{incidents}");
    let log = s.log(&[]);
    let at = log.iter().position(|entry| entry["action"] == "rekey").unwrap();
    let (entry, next) = (&log[at], &log[at - 1]);
    assert_eq!((&entry["outcome"], &entry["segment"]), (&"ok".into(), &1.into()));
    assert_eq!(entry["details"]["epoch"], "2");
    assert!(entry["details"]["proven"].is_string(), "{entry}");
    assert_eq!((&next["action"], &next["segment"]), (&"segment".into(), &2.into()));
    assert_eq!(next["details"]["cause"], "rekey");
    // the note of the old epoch is still compared with the log, though its signature says nothing now
    let told = json(&s.ok(&["audit", "verify", "--json", "--anchor", "head.note"], b""));
    assert!(told["anchored_to"].is_i64(), "{told}");
    sound(&s);
}

#[test]
fn old_keys_do_not_open_it_and_an_old_copy_is_noticed() {
    let s = rich();
    let old = s.copy();
    let identity = |s: &Sandbox| -> age::x25519::Identity {
        let key: age::x25519::Identity = {
            let text = fs::read_to_string(s.path("key")).unwrap();
            text.lines().find(|line| line.starts_with("AGE-")).unwrap().parse().unwrap()
        };
        let slot = column(s, "SELECT sealed FROM slot").remove(0);
        let plain = String::from_utf8(age::decrypt(&key, &slot).unwrap()).unwrap();
        plain.lines().nth(2).unwrap().parse().unwrap()
    };
    let before = identity(&s);
    let opens = |s: &Sandbox, with: &age::x25519::Identity| {
        let values = column(s, "SELECT sealed FROM secret WHERE purged_at IS NULL");
        values.iter().filter(|value| age::decrypt(with, value).is_ok()).count()
    };
    assert!(opens(&s, &before) > 5, "the control: they open what was there");
    let status = json(&s.ok(&["status", "--json"], b""));
    rekey(&s);
    assert_eq!(opens(&s, &before), 0);
    assert!(opens(&s, &identity(&s)) > 5);
    // the old file, put back beside the seal of today
    for suffix in ["", "-wal"] {
        let name = format!("data/vault/vault.db{suffix}");
        fs::copy(old.path(&name), s.path(&name)).unwrap();
    }
    _ = fs::remove_file(s.path("data/vault/vault.db-shm"));
    for args in [&["cred", "get", "alpha"][..], &["audit", "verify", "--unlock"]] {
        let refused = s.run(args);
        assert_eq!(refused.code, 15, "{}", refused.err);
        assert!(refused.err.contains("before it was rekeyed: epoch 1"), "{}", refused.err);
    }
    let mut locked = s.vault(&["cred", "list"]);
    let locked = Answer::of(locked.env_remove("VAULT_KEY_FILE"));
    assert_eq!(locked.code, 15, "{}", locked.err);
    // unless its owner says that he did it
    let pin = status["fingerprint"].as_str().unwrap();
    let trusted = s.run(&["trust-state", "--yes", "--pin", pin]);
    assert_eq!(trusted.code, 0, "{}", trusted.err);
    assert!(trusted.err.contains("let in again, until the next `vault rekey`"), "{}", trusted.err);
    assert_eq!(s.ok(&["cred", "get", "alpha"], b""), b"four");
    assert_eq!(json(&s.ok(&["status", "--json"], b""))["epoch"], 1);
    let told = json(&s.ok(&["audit", "verify", "--json"], b""));
    assert_eq!((&told["authenticated"], told["gaps"].as_array().unwrap().len()), (&true.into(), 1));
}

#[test]
fn a_dry_run_changes_nothing_and_shows_the_work() {
    let s = rich();
    let (content, entries) = (s.content(), s.entries());
    let told = json(&s.ok(&["rekey", "--dry-run", "--json"], b""));
    assert_eq!((s.content(), s.entries()), (content, entries));
    assert_eq!(told["slots"][0]["fate"], "unlocks");
    assert!(told["values"].as_i64() > Some(7) && told["bytes"].as_i64() > Some(200_000), "{told}");
}

#[test]
fn a_vault_with_another_fingerprint_keeps_its_keys() {
    let s = Sandbox::new();
    let content = s.content();
    for args in [&["rekey", "--dry-run"][..], &["rekey", "--yes"]] {
        let told = s.run(&[args, &["--pin", &"aaaa".repeat(8)]].concat());
        assert!(told.code == 15 && told.err.contains("fingerprint"), "{args:?}: {}", told.err);
    }
    assert_eq!(s.content(), content);
    s.ok(&["rekey", "--yes", "--pin", &fingerprint(&s)], b"");
}

fn fingerprint(s: &Sandbox) -> String {
    json(&s.ok(&["status", "--json"], b""))["fingerprint"].as_str().unwrap().to_owned()
}

#[test]
fn without_a_yes_or_a_key_nothing_happens() {
    let s = rich();
    let content = s.content();
    let asked = Answer::of(&mut s.detached(&["rekey"]));
    assert_eq!(asked.code, 14, "{}", asked.err);
    assert!(asked.err.contains("vault rekey --yes"), "{}", asked.err);
    let mut locked = s.detached(&["rekey", "--yes"]);
    assert_eq!(Answer::of(locked.env_remove("VAULT_KEY_FILE")).code, 12);
    for wrong in [&["--slot", "x"][..], &["--untested", "a", "--drop", "a"]] {
        // said before the vault is opened: it need not be there
        let bare = Sandbox::bare();
        assert_eq!(bare.run(&[&["rekey"], wrong].concat()).code, 2);
    }
    assert_eq!(s.run(&["rekey", "--drop", "nobody", "--yes"]).code, 10);
    assert_eq!(s.content(), content);
}

#[test]
fn the_log_can_be_pruned_over_a_rekey() {
    let s = rich();
    rekey(&s);
    s.ok(&["cred", "get", "alpha"], b"");
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let refused = s.run(&["audit", "prune", "--before", "1s", "--yes"]);
    assert_eq!(refused.code, 14, "the checkpoint of the old epoch covers nothing: {}", refused.err);
    support::waiting::conclusive("what is older than a second", || {
        s.ok(&["audit", "checkpoint"], b"");
        let since = std::time::Instant::now();
        let pruned = s.run(&["audit", "prune", "--before", "1s", "--yes"]);
        // the checkpoint's own entry, which it does not cover, may be as old by now
        let late = pruned.code == 14 && since.elapsed().as_millis() > 900;
        (!late).then(|| assert_eq!(pruned.code, 0, "{}", pruned.err))
    });
    sound(&s);
    rekey(&s);
    sound(&s);
    assert!(!contains(&fs::read(s.database()).unwrap(), b"what happened"));
}
