//! Giving up old entries, and what is left.

use super::support::pty::Pty;
use super::support::{Answer, Sandbox, contains, json, require};
use super::{refused, says};
use serde_json::Value;
use std::fs;
use std::thread::sleep;
use std::time::Duration;

/// A word that stands in entries that are to go.
const REASON: &str = "because-of-the-canary";

/// A log with three entries, and a checkpoint after them.
fn old() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.add("a", b"hunter2");
    sandbox.ok(&["cred", "get", "a", "--reason", REASON], b"");
    sandbox.ok(&["audit", "checkpoint", "-o", "head.note"], b"");
    sandbox
}

/// When the newest entry was written: all others were before, however long the machine takes from here on.
fn newest(sandbox: &Sandbox) -> String {
    sandbox.log(&["--limit", "1"])[0]["at"].as_str().unwrap().to_owned()
}

fn prune(sandbox: &Sandbox, before: &str) {
    sandbox.ok(&["audit", "prune", "--before", before, "--yes"], b"");
}

fn verify(sandbox: &Sandbox) -> Value {
    json(&sandbox.ok(&["audit", "verify", "--json"], b""))
}

fn sql(sandbox: &Sandbox, statements: &str) {
    let db = rusqlite::Connection::open(sandbox.database()).unwrap();
    db.execute_batch(statements).unwrap();
}

#[test]
fn what_is_left_stays_verifiable_and_what_went_is_gone() {
    let sandbox = old();
    prune(&sandbox, &newest(&sandbox));
    let told = verify(&sandbox);
    assert_eq!((&told["pruned_to"], &told["entries"]), (&3.into(), &2.into()), "{told}");
    assert_eq!((&told["authenticated"], &told["complete_to"]), (&true.into(), &5.into()));
    assert_eq!(told["gaps"], Value::Array(Vec::new()));
    let last = &sandbox.log(&["--action", "audit_prune"])[0];
    assert_eq!((&last["details"]["last"], &last["details"]["entries"]), (&"3".into(), &"3".into()));
    for suffix in ["", "-wal"] {
        let file = fs::read(sandbox.path(&format!("data/vault/vault.db{suffix}"))).unwrap();
        assert!(!contains(&file, REASON.as_bytes()), "{suffix}");
    }
    says(
        &sandbox.run(&["audit", "show", "2"]),
        10,
        "entry 2 was pruned: the log begins with 4",
        "",
    );
    says(&sandbox.run(&["audit", "show", "99"]), 10, "the log has no entry `99`", "");
    let status = json(&sandbox.ok(&["status", "--json"], b""));
    assert_eq!((&status["pruned_to"], &status["entries"]), (&3.into(), &3.into()), "{status}");
    sandbox.ok(&["doctor"], b"");
    assert_eq!(sandbox.ok(&["cred", "get", "a"], b""), b"hunter2");
    // the note is of the last that went, and that is still known
    let told = json(&sandbox.ok(&["audit", "verify", "--json", "--anchor", "head.note"], b""));
    assert_eq!(told["anchored_to"], 3);
    // and once more, behind a new checkpoint
    sandbox.ok(&["audit", "checkpoint"], b"");
    prune(&sandbox, &newest(&sandbox));
    let told = verify(&sandbox);
    assert!(told["pruned_to"].as_i64() > Some(3) && told["authenticated"] == true, "{told}");
    let old = sandbox.run(&["audit", "verify", "--json", "--anchor", "head.note"]);
    assert!(old.err.contains("older than what was pruned"), "{}", old.err);
    assert_eq!((old.code, &json(&old.out)["anchored_to"]), (0, &Value::Null));
}

#[test]
fn locked_nobody_vouches_for_what_went() {
    let sandbox = old();
    prune(&sandbox, &newest(&sandbox));
    let mut locked = sandbox.vault(&["audit", "verify", "--json"]);
    let answer = Answer::of(locked.env_remove("VAULT_KEY_FILE"));
    let told = json(&answer.out);
    assert_eq!((answer.code, &told["authenticated"]), (0, &false.into()), "{told}");
    let gap = "entries up to 3 were pruned, which only the keys can confirm";
    assert!(told["gaps"][0] == gap && answer.err.contains(gap), "{told}");
}

#[test]
fn nothing_goes_that_no_checkpoint_covers() {
    let sandbox = Sandbox::new();
    sandbox.add("a", b"hunter2");
    sleep(Duration::from_millis(1_100));
    let args = ["audit", "prune", "--before", "1s", "--yes"];
    refused(
        &sandbox,
        &args,
        b"",
        (14, "no checkpoint covers entry 2", "vault audit checkpoint"),
        1,
    );
    // one that was signed before is not enough
    sandbox.ok(&["audit", "checkpoint"], b"");
    sleep(Duration::from_millis(1_100));
    says(&sandbox.run(&args), 14, "no checkpoint covers entry", "vault audit checkpoint");
    // one that nobody signed counts for nothing
    sql(
        &sandbox,
        "INSERT INTO checkpoint SELECT seq, 1, hash, counter, at, zeroblob(64)
        FROM entry ORDER BY seq DESC LIMIT 1",
    );
    says(&sandbox.run(&args), 15, "was changed from outside", "");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let sandbox = old();
    for (when, message) in
        [("2999-01-01", "what is to come cannot be pruned"), ("soon", "not a date or duration")]
    {
        let args = ["audit", "prune", "--before", when, "--yes"];
        refused(&sandbox, &args, b"", (2, message, ""), 0);
    }
    let entries = sandbox.entries();
    let answer = sandbox.run(&["audit", "prune", "--before", "9y"]);
    assert!(answer.code == 0 && answer.err.contains("nothing is that old"), "{}", answer.err);
    assert_eq!(sandbox.entries(), entries);
}

#[test]
fn the_number_is_typed_back() {
    let sandbox = old();
    if !require("setsid") {
        return;
    }
    let before = newest(&sandbox);
    let prune = ["audit", "prune", "--before", &before];
    let answer = Answer::of(&mut sandbox.detached(&prune));
    says(&answer, 14, "needs a confirmation", &format!("vault {} --yes", prune.join(" ")));
    for (typed, code) in [("4\r", 3), ("y\r", 3), ("3\r", 0)] {
        let mut pty = Pty::vault(&sandbox, &prune, &[]);
        pty.expect("Type `3` to destroy so many entries, up to entry 3");
        pty.send(typed);
        let (ended, screen) = pty.end();
        assert_eq!(ended, code, "{screen}");
        assert_eq!(verify(&sandbox)["pruned_to"].is_null(), code != 0);
    }
}

/// A log that somebody else pruned. Controls: the same by the program is accepted, above.
#[test]
fn who_has_no_keys_cannot_prune() {
    let base = old();
    let row = "INSERT INTO pruned SELECT 1, seq, hash, counter, at,
               x'00000000000000010000000000000003', zeroblob(32) FROM entry WHERE seq = 3;";
    for (title, attack, locked) in [
        ("no row", "DELETE FROM entry WHERE seq <= 3".to_owned(), 15),
        ("a forged row", format!("{row} DELETE FROM entry WHERE seq <= 3"), 0),
    ] {
        let sandbox = base.copy();
        sql(&sandbox, &attack);
        assert_eq!(sandbox.run(&["audit", "verify"]).code, 15, "{title}");
        assert_eq!(sandbox.run(&["audit", "checkpoint"]).code, 15, "{title}");
        let mut command = sandbox.vault(&["audit", "verify"]);
        let answer = Answer::of(command.env_remove("VAULT_KEY_FILE"));
        assert_eq!(answer.code, locked, "{title}");
        assert!(locked != 0 || answer.err.contains("only the keys can confirm"), "{title}");
    }
    let sandbox = base.copy();
    prune(&sandbox, &newest(&sandbox));
    for change in [
        "DELETE FROM pruned",
        "UPDATE pruned SET seq = 2",
        "UPDATE pruned SET hash = zeroblob(32)",
        "UPDATE pruned SET counter = 0",
        "UPDATE pruned SET pruned_at = 1",
        "UPDATE pruned SET segments = x''",
        "UPDATE pruned SET segments = x'00'",
        "UPDATE pruned SET row_tag = zeroblob(32)",
        "DELETE FROM checkpoint",
        "UPDATE checkpoint SET at = 1",
        "DELETE FROM entry WHERE seq = 4",
    ] {
        let sandbox = sandbox.copy();
        sql(&sandbox, change);
        assert_eq!(sandbox.run(&["audit", "verify"]).code, 15, "{change}");
    }
    assert_eq!(sandbox.run(&["audit", "verify"]).code, 0);
    // numbers that are none, for those who have no keys to check the row with
    for seq in [i64::MIN, -1, i64::MAX] {
        let sandbox = sandbox.copy();
        sql(&sandbox, &format!("UPDATE pruned SET seq = {seq}"));
        for args in [&["status"][..], &["audit", "show", "2"], &["audit", "verify"]] {
            let mut command = sandbox.vault(args);
            let answer = Answer::of(command.env_remove("VAULT_KEY_FILE"));
            says(&answer, 15, "what stands for the pruned entries is damaged", "backup");
        }
    }
}

/// A machine whose seal is older than what was pruned elsewhere.
#[test]
fn a_seal_that_is_behind_is_taken_over_what_was_pruned() {
    let sandbox = Sandbox::new();
    sandbox.add("a", b"hunter2");
    let seal = super::support::files(&sandbox.path("state"));
    let kept: Vec<_> = seal.iter().map(|path| (path, fs::read(path).unwrap())).collect();
    sandbox.ok(&["cred", "get", "a"], b"");
    sandbox.ok(&["audit", "checkpoint"], b"");
    prune(&sandbox, &newest(&sandbox));
    for (path, bytes) in &kept {
        fs::write(path, bytes).unwrap();
    }
    let mut show = sandbox.vault(&["cred", "show", "a"]);
    let answer = Answer::of(show.env_remove("VAULT_KEY_FILE"));
    says(&answer, 12, "the log was pruned since it was used here last", "verify --unlock");
    assert_eq!(sandbox.ok(&["cred", "get", "a"], b""), b"hunter2");
    assert_eq!(verify(&sandbox)["authenticated"], true);
    let mut show = sandbox.vault(&["cred", "show", "a"]);
    assert_eq!(Answer::of(show.env_remove("VAULT_KEY_FILE")).code, 0);
    // control: with a forged row it is not
    sql(&sandbox, "UPDATE pruned SET segments = x''");
    for (path, bytes) in &kept {
        fs::write(path, bytes).unwrap();
    }
    assert_eq!(sandbox.run(&["cred", "get", "a"]).code, 15);
}

/// Whoever asks what was done hears how far back the log can tell.
#[test]
fn what_went_is_missed_where_it_is_asked_for() {
    let sandbox = old();
    let before = newest(&sandbox);
    let open = ["incident", "open", "Leak", "--type", "credential_leak", "--cred", "a"];
    sandbox.ok(&[&open[..], &["--severity", "low", "--occurred", "1h"]].concat(), b"");
    let whose = |sandbox: &Sandbox| sandbox.run_in(&["whose"], b"hunter2");
    let told = |sandbox: &Sandbox| {
        let blast = sandbox.run(&["incident", "blast", "INC-1", "--json"]);
        let report = sandbox.ok(&["incident", "report", "INC-1", "--format", "md"], b"");
        let report = String::from_utf8(report).unwrap();
        [blast.text(), blast.err, report, whose(sandbox).err].map(|text| text.contains("pruned"))
    };
    assert_eq!(told(&sandbox), [false; 4], "the control");
    prune(&sandbox, &before);
    assert_eq!(told(&sandbox), [true; 4]);
}
