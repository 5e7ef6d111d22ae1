//! `whose`: whose secret a leaked text is, who has read it, and what the log tells of the question.

use super::support::pty::Pty;
use super::support::{Answer, Sandbox, contains, files, json, require};
use super::{refused, says, tells};
use serde_json::Value;
use std::fs;

const OLD: &[u8] = b"gravel ostrich Canary 7 umbrella";
const NEW: &[u8] = b"walnut trombone Canary 4 lantern";
const DSN: &[u8] = b"postgres://app:penknife-Canary@db.example.com/main";

/// `db` with two versions, the older one read twice and the newer one once; `dsn`; and `gone` in the
/// trash.
fn stocked() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.add("db", OLD);
    sandbox.ok(&["cred", "get", "db"], b"");
    sandbox.ok(&["cred", "set", "db", "--stdin"], NEW);
    sandbox.ok(&["cred", "get", "db"], b"");
    sandbox.ok(&["cred", "get", "db", "--version", "1"], b"");
    sandbox.ok(&["cred", "add", "dsn", "--type", "dsn", "--stdin", "--client", "acme"], DSN);
    sandbox.add("gone", b"cardigan-Canary");
    sandbox.ok(&["cred", "rm", "gone"], b"");
    sandbox
}

fn whose(sandbox: &Sandbox, args: &[&str], text: &[u8]) -> Vec<Value> {
    let answer = sandbox.run_in(&[&["whose", "--json"], args].concat(), text);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(!answer.all().contains("Canary"), "{}", answer.all());
    json(&answer.out)["items"].as_array().unwrap().clone()
}

/// What fits, without who has read it.
fn found(sandbox: &Sandbox, args: &[&str], text: &[u8]) -> String {
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let keys = ["name", "field", "version", "current", "match", "encoding"];
    let line = |hit: &Value| keys.map(|key| word(&hit[key])).join(" ");
    whose(sandbox, args, text).iter().map(line).collect::<Vec<_>>().join(", ")
}

fn unknown(sandbox: &Sandbox, args: &[&str], text: &[u8]) -> Answer {
    let args = [&["whose"], args].concat();
    let answer = sandbox.run_in(&args, text);
    says(&answer, 10, "no value that is or was in the vault fits this text", "");
    let for_programs = sandbox.run_in(&[&["--json"], &args[..]].concat(), text);
    tells(&for_programs, 10, "not_found", "no value");
    assert_eq!(answer.out.len() + for_programs.out.len(), 0);
    answer
}

#[test]
fn what_is_and_what_was_and_what_is_in_the_trash() {
    let sandbox = stocked();
    assert_eq!(found(&sandbox, &[], NEW), "db password 2 true exact plain");
    assert_eq!(found(&sandbox, &[], OLD), "db password 1 false exact plain");
    let quoted = [b"\"", OLD, b"\"\r\n"].concat();
    assert_eq!(found(&sandbox, &[], &quoted), "db password 1 false exact plain");
    let hits = whose(&sandbox, &[], b"cardigan-Canary\n");
    assert_eq!((&hits[0]["name"], &hits[0]["current"]), (&"gone".into(), &true.into()));
    assert!(hits[0]["deleted"].is_string() && hits[0]["replaced"].is_null(), "{hits:?}");
    let file = sandbox.file("leak", NEW);
    assert_eq!(found(&sandbox, &["--file", &file], b""), "db password 2 true exact plain");
    let encoded = data_encoding::BASE64.encode(NEW);
    assert_eq!(found(&sandbox, &[], encoded.as_bytes()), "db password 2 true exact base64");
}

#[test]
fn in_a_text_and_as_a_part_of_a_value() {
    let sandbox = stocked();
    let env = [b"A=1\nOLD='", OLD, b"'\nNEW=", NEW, b"\n"].concat();
    let both = "db password 2 true inside plain, db password 1 false inside plain";
    assert_eq!(found(&sandbox, &[], &env), both);
    let part = "dsn connection_string 1 true part plain";
    assert_eq!(found(&sandbox, &[], b"penknife-Canary"), part);
    let yaml = format!("password: {}\n", data_encoding::BASE64.encode(OLD));
    assert_eq!(found(&sandbox, &[], yaml.as_bytes()), "db password 1 false inside base64");
    // a stored key ends with a newline, and a pasted one does not
    sandbox.ok(&["cred", "add", "key", "--stdin", "--exact"], b"c3hort7\n");
    assert_eq!(found(&sandbox, &[], b"c3hort7"), "key password 1 true exact plain");
    assert!(unknown(&sandbox, &[], b"c3hort").err.contains("so short a text"));
}

#[test]
fn who_has_read_it_since() {
    let sandbox = stocked();
    let (old, new) = (whose(&sandbox, &[], OLD), whose(&sandbox, &[], NEW));
    assert_eq!((old.len(), new.len()), (1, 1), "one reader each: {old:?} {new:?}");
    assert_eq!((&old[0]["reads"], &new[0]["reads"]), (&2.into(), &1.into()));
    let read = sandbox.log(&["--action", "decrypt", "--cred", "db"]);
    for key in ["user", "host", "program"] {
        assert_eq!(old[0][key], read[0][key], "{key}");
    }
    // the newest entry comes first: version 1 by its number, the second version, the first one
    assert_eq!((&old[0]["first_read"], &old[0]["last_read"]), (&read[2]["at"], &read[0]["at"]));
    assert_eq!((&new[0]["first_read"], &new[0]["last_read"]), (&read[1]["at"], &read[1]["at"]));
    assert_eq!(whose(&sandbox, &[], DSN)[0]["reads"], 0);
    // neither the question, nor a code made of a seed, nor another field counts
    sandbox.ok(&["cred", "set", "db", "totp", "--stdin"], b"JBSWY3DPEHPK3PXPJBSWY3DP");
    sandbox.ok(&["cred", "totp", "db"], b"");
    let seed = whose(&sandbox, &[], b"JBSWY3DPEHPK3PXPJBSWY3DP");
    assert_eq!((&seed[0]["field"], &seed[0]["reads"]), (&"totp".into(), &0.into()));
    sandbox.ok(&["cred", "show", "db", "--reveal"], b"");
    assert_eq!(whose(&sandbox, &[], b"JBSWY3DPEHPK3PXPJBSWY3DP")[0]["reads"], 1);
    assert_eq!(whose(&sandbox, &[], NEW)[0]["reads"], 2);
    assert_eq!(whose(&sandbox, &[], OLD)[0]["reads"], 2);
}

#[test]
fn for_people_it_says_what_to_do() {
    let sandbox = stocked();
    let answer = sandbox.run_in(&["whose"], NEW);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(answer.text().starts_with("db\tpassword\t2\tcurrent\texact\t"), "{}", answer.text());
    let open = "vault incident open Leak --type credential_leak --cred db";
    assert!(answer.err.contains(&format!("{open} --exposure exposed\n")), "{}", answer.err);
    assert!(answer.err.contains("vault cred rotate db\n"), "{}", answer.err);
    assert!(answer.err.contains("1 of 4 values fit\n"), "{}", answer.err);
    let older = sandbox.run_in(&["whose"], OLD);
    assert!(older.text().contains("\tolder\t"), "{}", older.text());
    assert!(older.err.contains("none of these values is in use"), "{}", older.err);
    assert!(older.err.contains(&format!("{open}\n")), "{}", older.err);
    assert!(!older.err.contains("vault cred rotate"), "{}", older.err);
    let gone = sandbox.run_in(&["whose"], b"cardigan-Canary");
    assert!(gone.text().contains("\tcurrent, in the trash\texact\t"), "{}", gone.text());
    assert_eq!(sandbox.run_in(&["whose", "--quiet"], NEW).err, "");
}

#[test]
fn unknown_is_said_when_all_was_looked_at() {
    let sandbox = stocked();
    let answer = unknown(&sandbox, &[], b"something else that leaked");
    assert!(answer.err.contains("the trash included: 4\n"), "{}", answer.err);
    assert!(!answer.err.contains("purged"), "{}", answer.err);
    sandbox.ok(&["cred", "purge", "db", "--version", "1", "--yes"], b"");
    let purged = unknown(&sandbox, &[], OLD);
    assert!(purged.err.contains("purged values, which nobody knows: 1\n"), "{}", purged.err);
    let answer = sandbox.run_in(&["whose"], NEW);
    assert!(answer.err.contains("note: purged values, which nobody knows: 1\n"), "{}", answer.err);
    sandbox.ok(&["cred", "purge", "gone", "--yes"], b"");
    unknown(&sandbox, &[], b"cardigan-Canary");
    let none = Sandbox::new();
    unknown(&none, &[], b"anything at all");
}

#[test]
fn a_filter_narrows_it_and_says_so() {
    let sandbox = stocked();
    let dsn = "dsn connection_string 1 true exact plain";
    assert_eq!(found(&sandbox, &["--client", "acme"], DSN), dsn);
    assert_eq!(found(&sandbox, &["--cred", "dsn", "--cred", "db"], DSN), dsn);
    let answer = unknown(&sandbox, &["--cred", "db"], DSN);
    assert!(answer.err.contains("leave the filters out"), "{}", answer.err);
    unknown(&sandbox, &["--client", "nobody"], DSN);
    let gone = "gone password 1 true exact plain";
    assert_eq!(found(&sandbox, &["--cred", "gone"], b"cardigan-Canary"), gone);
    let missing = ["whose", "--cred", "dbx", "--no-input"];
    refused(&sandbox, &missing, DSN, (10, "no credential named `dbx`", "did you mean `db`"), 1);
}

#[test]
fn one_entry_tells_of_it_and_nothing_of_the_text_is_in_it() {
    let sandbox = stocked();
    let before = sandbox.entries();
    for (args, text, list, values) in [
        (&["whose"][..], NEW, "whose", "4"),
        (&["whose"], &b"Canary that nobody knows"[..], "whose", "4"),
        (&["whose", "--client", "acme"], DSN, "whose,client", "1"),
    ] {
        sandbox.run_in(args, text);
        let last = sandbox.log(&["--limit", "1"])[0].clone();
        assert_eq!((&last["action"], &last["outcome"]), (&"check".into(), &"ok".into()));
        assert_eq!(last["details"]["list"], list);
        assert_eq!(last["details"]["values"], values);
        assert_eq!(last["name"], Value::Null);
    }
    assert_eq!(sandbox.entries(), before + 3);
    let held = |needle: &[u8]| {
        files(sandbox.root()).iter().any(|file| contains(&fs::read(file).unwrap(), needle))
    };
    assert!(!held(b"Canary") && held(b"whose,client"), "the search is blind");
    // it is no read: what nobody uses stays unused
    let unused = json(&sandbox.ok(&["cred", "list", "--unused", "--json"], b""));
    assert_eq!(unused["items"].as_array().unwrap().len(), 1);
    assert_eq!(json(&sandbox.ok(&["audit", "verify", "--json"], b""))["intact"], true);
}

#[test]
fn texts_and_options_that_are_wrong() {
    let sandbox = stocked();
    let large = vec![b'x'; (1 << 20) + 1];
    let file = sandbox.file("large", &large);
    let hand_in = "vault whose < FILE";
    for (args, input, code, message, hint) in [
        (&["whose"][..], &b""[..], 2, "the text is empty", hand_in),
        (&["whose"], b" \r\n", 2, "the text is empty", hand_in),
        (&["whose"], &large, 2, "standard input has more than 1 MiB", ""),
        (&["whose", "--file", &file], b"", 2, "has more than 1 MiB", ""),
        (&["whose", "--file", "nowhere"], b"", 10, "cannot read `nowhere`", ""),
        (&["whose", "--file", "data"], b"", 2, "neither a regular file nor a pipe", ""),
        (&["whose", "Canary"], b"", 2, "never given as an argument", hand_in),
        (&["whose", "--secret", "Canary"], b"", 2, "never given as an argument", hand_in),
        (&["whose", "--type", "Canary"], NEW, 2, "unknown type", ""),
        (&["whose", "--unused", "Canary"], NEW, 2, "`--unused`", ""),
    ] {
        let answer = refused(&sandbox, args, input, (code, message, hint), 0);
        assert!(!answer.all().contains("Canary"), "{}", answer.all());
    }
    let largest = [&large[..(1 << 20) - NEW.len()], NEW].concat();
    assert_eq!(found(&sandbox, &["--cred", "db"], &largest), "db password 2 true inside plain");
}

#[test]
fn a_person_is_asked_and_what_is_typed_does_not_show() {
    if !require("setsid") {
        return;
    }
    let sandbox = stocked();
    let mut asked = Pty::vault(&sandbox, &["whose"], &[]);
    asked.expect("Leaked text");
    asked.send([NEW, b"\r"].concat());
    let (code, screen) = asked.end();
    assert!(code == 0 && screen.contains("exact") && !screen.contains("Canary"), "{screen}");
    let (code, screen) = Pty::vault(&sandbox, &["whose", "--no-input"], &[]).end();
    assert!(code == 2 && screen.contains("no terminal to ask on"), "{screen}");
}

/// A value that was changed is no value that is unknown, wherever it stands.
#[test]
fn what_was_changed_from_outside_is_not_called_unknown() {
    let of_db = "credential = (SELECT id FROM credential WHERE name = 'db')";
    for change in [
        format!("UPDATE secret SET author = 'eve' WHERE {of_db} AND version = 1"),
        format!("DELETE FROM secret WHERE {of_db} AND version = 1"),
        format!("UPDATE secret SET sealed = x'', purged_at = 1 WHERE {of_db} AND version = 1"),
        format!(
            "UPDATE secret SET sealed = (SELECT sealed FROM secret AS other WHERE {of_db} AND
             version = 2) WHERE {of_db} AND version = 1"
        ),
        "UPDATE secret SET author = 'eve' WHERE credential IN
         (SELECT id FROM credential WHERE deleted_at IS NOT NULL)"
            .to_owned(),
        "DELETE FROM credential WHERE name = 'gone'".to_owned(),
        "UPDATE credential SET client = 'x' WHERE name = 'dsn'".to_owned(),
    ] {
        let sandbox = stocked();
        unknown(&sandbox, &[], b"something else that leaked");
        let db = rusqlite::Connection::open(sandbox.database()).unwrap();
        assert_eq!(db.execute(&change, []).unwrap(), 1, "{change}");
        drop(db);
        let answer = sandbox.run_in(&["whose"], b"something else that leaked");
        says(&answer, 15, "", "backup");
        assert_eq!(sandbox.run_in(&["whose"], NEW).code, 15, "{change}");
        let last = sandbox.log(&["--action", "check", "--outcome", "refused"])[0].clone();
        assert_eq!(last["details"]["error"], "integrity", "{change}");
    }
}

#[test]
fn it_needs_a_key() {
    if !require("setsid") {
        return;
    }
    let sandbox = stocked();
    let mut locked = sandbox.detached(&["whose"]);
    let answer = Answer::fed(locked.env_remove("VAULT_KEY_FILE"), NEW);
    assert_eq!((answer.code, answer.out.len()), (12, 0), "{}", answer.err);
}
