//! Checkpoints, and a log that is compared with heads that were kept elsewhere.

use super::support::{Answer, Sandbox, files, json};
use super::{refused, says, tells};
use serde_json::Value;
use std::fs;

/// A vault with a few entries, and a note about them in `head.note`.
fn noted() -> (Sandbox, Value) {
    let sandbox = Sandbox::new();
    sandbox.add("a", b"hunter2");
    let note = json(&sandbox.ok(&["audit", "checkpoint", "--json", "-o", "head.note"], b""));
    (sandbox, note)
}

fn verified(sandbox: &Sandbox, args: &[&str], input: &[u8]) -> Value {
    json(&sandbox.ok(&[&["audit", "verify", "--json", "--anchor"], args].concat(), input))
}

fn locked(sandbox: &Sandbox, args: &[&str]) -> Answer {
    Answer::of(sandbox.vault(args).env_remove("VAULT_KEY_FILE"))
}

#[test]
fn a_note_anchors_the_log_up_to_its_entry() {
    let (sandbox, note) = noted();
    assert_eq!(note["last"], 2);
    let written = fs::read_to_string(sandbox.path("head.note")).unwrap();
    assert_eq!(note["note"], written.as_str());
    assert_eq!(sandbox.log(&["--limit", "1"])[0]["details"]["last"], "2");
    for args in [&["head.note"][..], &["-"]] {
        let told = verified(&sandbox, args, written.as_bytes());
        assert_eq!((&told["anchored_to"], &told["signatures_checked"]), (&2.into(), &1.into()));
    }
    // several, in one file, with a witness's signature that is not ours
    sandbox.add("b", b"hunter3");
    let other = sandbox.ok(&["audit", "checkpoint"], b"");
    let other = String::from_utf8(other).unwrap() + "— witness.example AAAA\n";
    let told = verified(&sandbox, &["-"], format!("{written}\n\n{other}").as_bytes());
    assert_eq!((&told["anchored_to"], &told["signatures_checked"]), (&6.into(), &2.into()));
    let list = json(&sandbox.ok(&["audit", "checkpoint", "--list", "--json"], b""));
    let lasts = list["items"].as_array().unwrap().iter().map(|note| &note["last"]);
    assert_eq!(lasts.collect::<Vec<_>>(), [2, 6]);
    assert_eq!(list["items"][0]["note"], written.as_str());
    // nothing was anchored where nothing was asked
    let told = json(&sandbox.ok(&["audit", "verify", "--json"], b""));
    assert_eq!(told.get("anchored_to"), None);
}

#[test]
fn while_locked_the_public_key_checks_notes() {
    let (sandbox, note) = noted();
    let args = ["audit", "verify", "--json", "--anchor", "head.note"];
    let answer = locked(&sandbox, &args);
    assert!(answer.err.contains("signatures not checked"), "{}", answer.err);
    let told = json(&answer.out);
    assert_eq!((&told["anchored_to"], &told["signatures_checked"]), (&2.into(), &0.into()));
    let key = note["public_key"].as_str().unwrap();
    let told = json(&locked(&sandbox, &[&args[..], &["--public-key", key]].concat()).out);
    assert_eq!(told["signatures_checked"], 1);
    // somebody else's key
    let (_, other) = noted();
    let other = other["public_key"].as_str().unwrap();
    let answer = locked(&sandbox, &[&args[1..], &["--public-key", other]].concat());
    assert_eq!(answer.code, 2, "{}", answer.all());
    let answer = locked(&sandbox, &[&args[..], &["--public-key", other]].concat());
    tells(&answer, 15, "integrity", "line 1 was not signed by this vault");
    for bad in ["", "vault", &key[..key.len() - 2], "vault/00+00+00"] {
        let answer = locked(&sandbox, &[&args[..], &["--public-key", bad]].concat());
        tells(&answer, 2, "usage", "not the public key of a vault");
    }
}

#[test]
fn lines_of_an_export_are_anchors() {
    let (sandbox, _) = noted();
    let lines = sandbox.ok(&["audit", "export"], b"");
    let told = verified(&sandbox, &["-"], &lines);
    assert_eq!((&told["anchored_to"], &told["signatures_checked"]), (&3.into(), &0.into()));
    let first = String::from_utf8(lines).unwrap().lines().next().unwrap().to_owned();
    let value: Value = serde_json::from_str(&first).unwrap();
    // the two that matter are enough
    let bare = format!("{{\"seq\":1,\"hash\":{}}}", value["hash"]);
    assert_eq!(verified(&sandbox, &["-"], bare.as_bytes())["anchored_to"], 1);
}

#[test]
fn what_is_no_anchor_is_named_by_its_line() {
    let (sandbox, _) = noted();
    let note = fs::read_to_string(sandbox.path("head.note")).unwrap();
    for (text, line) in [
        (format!("{note}\nnonsense\n"), 10),
        ("{\"seq\":1}\n".into(), 1),
        ("\n\n{\"seq\":0,\"hash\":\"00\"}\n".into(), 3),
        ("{\"seq\":1,\"hash\":\"zz\"}".into(), 1),
        ("{\n".into(), 1),
        (note.replacen("epoch 1", "epoch one", 1), 1),
        (note.replacen("— ", "- ", 1), 1),
        (note.lines().take(6).collect::<Vec<_>>().join("\n"), 1),
        (format!("{{{}", "x".repeat(2 << 20)), 1),
    ] {
        let message = format!("line {line} of `bad` is no anchor");
        sandbox.file("bad", text);
        let args = ["audit", "verify", "--anchor", "bad"];
        refused(&sandbox, &args, b"", (2, &message, "vault audit checkpoint"), 0);
    }
    let empty = (2, "there is no anchor", "vault audit checkpoint -o");
    refused(&sandbox, &["audit", "verify", "--anchor", "-"], b"", empty, 0);
    let missing = (10, "cannot read `none`", "");
    refused(&sandbox, &["audit", "verify", "--anchor", "none"], b"", missing, 0);
}

#[test]
fn an_anchor_that_does_not_fit_is_tampering() {
    let (sandbox, _) = noted();
    let (other, _) = noted();
    let args = ["audit", "verify", "--anchor", "bad"];
    let note = fs::read_to_string(other.path("head.note")).unwrap();
    let whose = note.lines().next().unwrap().strip_prefix("vault/").unwrap().to_owned();
    sandbox.file("bad", &note);
    says(&sandbox.run(&args), 15, &format!("line 1 is of vault {whose}"), "vault status");
    // signed by this vault, and changed afterwards
    let own = fs::read_to_string(sandbox.path("head.note")).unwrap();
    sandbox.file("bad", own.replacen("\n2\n", "\n1\n", 1));
    says(&sandbox.run(&args), 15, "line 1 was not signed by this vault", "find out");
    let hash = "00".repeat(32);
    sandbox.file("bad", format!("{{\"seq\":2,\"hash\":\"{hash}\"}}"));
    says(&sandbox.run(&args), 15, "entry 2 is not the one that the anchor in line 1", "show 2");
    sandbox.file("bad", format!("\n{{\"seq\":999,\"hash\":\"{hash}\"}}"));
    says(&sandbox.run(&args), 15, "is missing: the anchor in line 2 knows entry 999", "");
}

/// What the seal cannot show, because it was put back as well.
#[test]
fn an_anchor_shows_that_everything_was_put_back() {
    let sandbox = Sandbox::new();
    sandbox.add("a", b"hunter2");
    let kept: Vec<_> = ["data", "state"]
        .iter()
        .flat_map(|dir| files(&sandbox.path(dir)))
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    sandbox.ok(&["cred", "get", "a"], b"");
    sandbox.ok(&["audit", "checkpoint", "-o", "head.note"], b"");
    for (path, bytes) in kept {
        fs::write(path, bytes).unwrap();
    }
    // without it nothing is amiss
    assert_eq!(sandbox.run(&["audit", "verify"]).code, 0);
    let answer = sandbox.run(&["audit", "verify", "--anchor", "head.note"]);
    // entry 3 is there again: it says that the log was verified, and not what the note knows
    says(&answer, 15, "entry 3 is not the one that the anchor in line 1 knows", "");
}

#[test]
fn a_checkpoint_needs_an_intact_log_and_leaves_files_alone() {
    let (sandbox, _) = noted();
    let there = (13, "`head.note` is there already", "--force");
    refused(&sandbox, &["audit", "checkpoint", "-o", "head.note"], b"", there, 0);
    sandbox.ok(&["audit", "checkpoint", "-o", "head.note", "--force"], b"");
    refused(
        &sandbox,
        &["audit", "checkpoint", "-o", "."],
        b"",
        (2, "is not a regular file", "name a new file"),
        0,
    );
    let nowhere = sandbox.run(&["audit", "checkpoint", "-o", "none/x"]);
    assert_eq!(nowhere.code, 18, "{}", nowhere.err);
    let db = rusqlite::Connection::open(sandbox.database()).unwrap();
    db.execute("UPDATE entry SET reason = 'none' WHERE seq = 2", []).unwrap();
    drop(db);
    says(&sandbox.run(&["audit", "checkpoint"]), 15, "entry 2 was changed", "show 2");
    assert_eq!(sandbox.log(&["--limit", "1"])[0]["outcome"], "refused");
}
