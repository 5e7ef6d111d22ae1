//! `cred check`: what it finds, what it leaves alone, and what it tells the log.

use super::support::{Answer, Sandbox, contains, json};
use super::{refused, says};
use serde_json::Value;
use std::fs;

const STRONG: &[u8] = b"gravel ostrich penknife 7 umbrella";
const OTHER: &[u8] = b"walnut trombone cardigan 4 lantern";

fn check(sandbox: &Sandbox, args: &[&str]) -> (i32, Vec<Value>, String) {
    let answer = sandbox.run(&[&["cred", "check", "--json"], args].concat());
    let found = json(&answer.out)["items"].as_array().unwrap().clone();
    (answer.code, found, answer.err)
}

/// What was found, without its details.
fn found(sandbox: &Sandbox, args: &[&str]) -> String {
    let (code, found, _) = check(sandbox, args);
    assert_eq!(code, if found.is_empty() { 0 } else { 16 });
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let line =
        |flaw: &Value| ["name", "field", "check", "severity"].map(|key| word(&flaw[key])).join(" ");
    found.iter().map(line).collect::<Vec<_>>().join(", ")
}

fn add(sandbox: &Sandbox, name: &str, options: &[&str], value: &[u8]) {
    sandbox.ok(&[&["cred", "add", name, "--stdin"], options].concat(), value);
}

fn sha1(value: &[u8]) -> String {
    use sha1::{Digest, Sha1};
    data_encoding::HEXUPPER.encode(&Sha1::digest(value))
}

#[test]
fn nothing_to_find() {
    let sandbox = Sandbox::new();
    let answer = sandbox.run(&["cred", "check"]);
    assert_eq!((answer.code, answer.out.len()), (0, 0));
    assert!(answer.err.contains("nothing was checked"), "{}", answer.err);
    add(&sandbox, "x", &[], STRONG);
    let answer = sandbox.run(&["cred", "check"]);
    assert_eq!((answer.code, answer.out.len()), (0, 0));
    assert!(answer.err.starts_with("nothing found\n"), "{}", answer.err);
    assert!(answer.err.contains("1 values of 1 credentials looked at"), "{}", answer.err);
    assert_eq!(sandbox.run(&["cred", "check", "--quiet"]).err, "");
    let none = sandbox.run(&["cred", "check", "--client", "nobody"]);
    assert!(none.code == 0 && none.err.contains("nothing was checked"), "{}", none.err);
}

#[test]
fn weak_is_what_people_choose_badly() {
    let sandbox = Sandbox::new();
    add(&sandbox, "bad", &[], b"hunter2");
    add(&sandbox, "good", &[], STRONG);
    add(&sandbox, "key", &["--type", "api_key"], b"12345678");
    add(&sandbox, "pin", &["--type", "custom", "--secret-field", "door_pin"], b"1234");
    assert_eq!(found(&sandbox, &[]), "bad password weak high, pin door_pin weak high");
    let all = found(&sandbox, &["--min-score", "4", "--search", "bad"]);
    assert_eq!(all, "bad password weak high");
    assert_eq!(found(&sandbox, &["--min-score", "1", "--type", "password"]), "");
    let (_, flaws, _) = check(&sandbox, &["--search", "bad"]);
    assert!(flaws[0]["detail"].as_str().unwrap().contains("weak, about "), "{flaws:?}");
}

#[test]
fn reused_is_found_across_kinds_and_fields_but_not_in_notes() {
    let sandbox = Sandbox::new();
    let notes = sandbox.file("notes", "the same notes");
    add(&sandbox, "a", &["--notes-file", &notes, "--client", "acme"], STRONG);
    add(&sandbox, "b", &["--type", "api_key", "--notes-file", &notes, "--client", "acme"], STRONG);
    add(&sandbox, "c", &["--type", "ssh", "--secret-field", "password"], STRONG);
    sandbox.ok(&["cred", "set", "c", "passphrase", "--stdin"], OTHER);
    add(&sandbox, "d", &[], b"gravel ostrich penknife 7 umbrell");
    let expected = "a password reused high, b api_key reused high, c password reused high";
    assert_eq!(found(&sandbox, &[]), expected);
    let (_, flaws, _) = check(&sandbox, &[]);
    assert_eq!(flaws[0]["detail"], "the same as `b` api_key, `c` password");
    // only those that fit are compared
    assert_eq!(found(&sandbox, &["--search", "a"]).matches("reused").count(), 2);
    // what was is not what is
    sandbox.ok(&["cred", "set", "c", "password", "--stdin"], b"raincoat sparrow 9 fjord lemonade");
    sandbox.ok(&["cred", "rm", "b"], b"");
    assert_eq!(found(&sandbox, &[]), "");
    // two fields of one credential
    sandbox.ok(&["cred", "set", "c", "password", "--stdin"], OTHER);
    assert_eq!(found(&sandbox, &[]), "c passphrase reused high, c password reused high");
}

#[test]
fn many_that_are_the_same_are_not_all_named() {
    let sandbox = Sandbox::new();
    let line = |n| {
        let value = String::from_utf8_lossy(STRONG);
        format!("{{\"name\":\"n{n:03}\",\"secrets\":{{\"password\":\"{value}\"}}}}\n")
    };
    sandbox.ok(&["import"], (0..200).map(line).collect::<String>().as_bytes());
    let (code, flaws, err) = check(&sandbox, &["--only", "reused"]);
    assert_eq!((code, flaws.len()), (16, 200));
    let expected = "the same as `n000` password, `n001` password, `n002` password, 196 more";
    assert_eq!(flaws[199]["detail"], expected);
    assert!(err.contains("200 values of 200 credentials looked at, 200 findings"), "{err}");
}

#[test]
fn what_is_overdue_is_found_without_looking_at_values() {
    let sandbox = Sandbox::new();
    add(&sandbox, "a", &["--expires", "2020-02-29"], b"hunter2");
    add(&sandbox, "b", &["--rotate-every", "1s"], STRONG);
    std::thread::sleep(std::time::Duration::from_millis(1200));
    let only = ["--only", "expired,overdue,unused,never_rotated"];
    assert_eq!(found(&sandbox, &only), "a - expired high, b - overdue medium");
    let last = sandbox.log(&["--limit", "1"])[0].clone();
    assert_eq!((&last["action"], &last["details"]["values"]), (&"check".into(), &"0".into()));
    let expected = "a password weak high, a - expired high, b - overdue medium";
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.split(", ").map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&found(&sandbox, &[])), sorted(expected));
}

#[test]
fn what_is_old_is_found_by_the_clock() {
    if !super::support::require("faketime") {
        return;
    }
    let sandbox = Sandbox::new();
    let at = |when: &str, args: &[&str], input: &[u8]| {
        let mut command = sandbox.command("faketime");
        Answer::fed(command.arg(when).arg(super::support::VAULT).args(args), input)
    };
    for name in ["read", "changed", "old"] {
        let add = at("2020-01-01 12:00:00", &["cred", "add", name, "--stdin"], name.as_bytes());
        assert_eq!(add.code, 0, "{}", add.err);
    }
    add(&sandbox, "new", &[], STRONG);
    sandbox.ok(&["cred", "set", "changed", "--stdin"], OTHER);
    sandbox.ok(&["cred", "get", "read"], b"");
    let only = ["--only", "never_rotated,unused"];
    let expected = "changed - unused low, old - never_rotated low, old - unused low, \
                    read - never_rotated low";
    assert_eq!(found(&sandbox, &only), expected);
}

#[test]
fn leaked_is_looked_up_in_a_list() {
    let sandbox = Sandbox::new();
    add(&sandbox, "bad", &[], b"hunter2");
    add(&sandbox, "good", &[], STRONG);
    let hash = sha1(b"hunter2");
    let whole = sandbox.file("list", format!("{}:1\r\n{hash}:17043\r\n", "0".repeat(40)));
    let plain = sandbox.file("plain", format!("{}\n", hash.to_lowercase()));
    let range = sandbox.file(&format!("{}.txt", &hash[..5]), format!("{}:17043\n", &hash[5..]));
    fs::create_dir(sandbox.path("ranges")).unwrap();
    for value in [&b"hunter2"[..], STRONG] {
        let (name, rest) = (sha1(value)[..5].to_owned(), sha1(value)[5..].to_owned());
        let count = if value == STRONG { 0 } else { 17043 };
        fs::write(sandbox.path("ranges").join(name), format!("{rest}:{count}\n")).unwrap();
    }
    let ranges = sandbox.path("ranges");
    for (list, count) in [(&whole, "17043 times"), (&plain, "once"), (&range, "17043 times")] {
        let (code, flaws, err) = check(&sandbox, &["--only", "leaked", "--hibp", list]);
        assert_eq!((code, flaws.len()), (16, 1), "{list}: {err}");
        assert_eq!(flaws[0]["name"], "bad");
        assert_eq!(flaws[0]["severity"], "critical");
        assert_eq!(flaws[0]["detail"], format!("{count} in the list"));
        // a range says nothing of other values, and that is said
        assert_eq!(err.contains("warning: 1 values fall into ranges"), list == &range, "{err}");
    }
    let all = found(&sandbox, &["--hibp", ranges.to_str().unwrap()]);
    assert_eq!(all, "bad password leaked critical, bad password weak high");
}

#[test]
fn options_of_a_check_that_are_wrong() {
    let sandbox = Sandbox::new();
    add(&sandbox, "x", &[], b"hunter2");
    let ntlm = sandbox.file("ntlm", "8846F7EAEE8FB117AD06BDD830B7586C:3\n");
    let text = sandbox.file("text", "Canary\n");
    for (args, code, message, hint) in [
        (&["--only", "strong"][..], 2, "`--only", "weak"),
        (&["--min-score", "0"], 2, "`--min-score", ""),
        (&["--min-score", "5"], 2, "`--min-score", ""),
        (&["--only", "leaked"], 2, "nothing says what has leaked", "--hibp FILE"),
        (&["--hibp", "nowhere"], 10, "cannot read `nowhere`", ""),
        (&["--hibp", "/dev/null"], 2, "neither a regular file nor a directory", ""),
        (&["--hibp", &ntlm], 4, "NTLM hashes, which are not supported", "SHA-1"),
        (&["--hibp", &text], 2, "no list of SHA-1 hashes", "HASH:COUNT"),
    ] {
        let args = [&["cred", "check"], args].concat();
        let answer = refused(&sandbox, &args, b"", (code, message, hint), 0);
        assert!(!answer.all().contains("Canary"));
    }
}

#[test]
fn one_entry_tells_of_it_and_no_value_is_in_anything() {
    let sandbox = Sandbox::new();
    add(&sandbox, "x", &["--client", "acme"], b"hunter2-Canary");
    add(&sandbox, "y", &["--client", "acme"], b"hunter2-Canary");
    let before = sandbox.entries();
    let answer = sandbox.run(&["cred", "check", "--client", "acme", "--json"]);
    assert_eq!((answer.code, sandbox.entries()), (16, before + 1));
    let hash = sha1(b"hunter2-Canary");
    for needle in [&b"Canary"[..], hash.as_bytes(), hash.to_lowercase().as_bytes()] {
        assert!(!contains(answer.all().as_bytes(), needle), "{}", answer.all());
        assert!(!contains(&fs::read(sandbox.database()).unwrap(), needle));
    }
    let last = sandbox.log(&["--limit", "1"])[0].clone();
    assert_eq!((&last["action"], &last["outcome"]), (&"check".into(), &"ok".into()));
    assert_eq!(
        (&last["details"]["list"], &last["details"]["values"]),
        (&"client".into(), &"2".into())
    );
    assert_eq!(last["name"], Value::Null);
    // it is no read: what nobody uses stays unused
    let unused = json(&sandbox.ok(&["cred", "list", "--unused", "--json"], b""));
    assert_eq!(unused["items"].as_array().unwrap().len(), 2);
    assert_eq!(json(&sandbox.ok(&["audit", "verify", "--json"], b""))["intact"], true);
}

#[test]
fn a_check_needs_a_key_and_believes_nothing_that_was_changed() {
    let sandbox = Sandbox::new();
    add(&sandbox, "x", &[], STRONG);
    add(&sandbox, "y", &[], OTHER);
    assert_eq!(sandbox.run(&["cred", "check"]).code, 0);
    if super::support::require("setsid") {
        let mut locked = sandbox.detached(&["cred", "check"]);
        assert_eq!(Answer::of(locked.env_remove("VAULT_KEY_FILE")).code, 12);
    }
    let db = rusqlite::Connection::open(sandbox.database()).unwrap();
    // one value in the place of another: the ciphertext is genuine, but not here
    let swap = "UPDATE secret SET sealed = (SELECT sealed FROM secret AS other
                WHERE other.credential <> secret.credential)";
    db.execute(swap, []).unwrap();
    drop(db);
    says(&sandbox.run(&["cred", "check"]), 15, "was changed from outside", "backup");
    assert_eq!(sandbox.run(&["cred", "check", "--only", "unused"]).code, 0);
    let last = sandbox.log(&["--action", "check", "--outcome", "refused"])[0].clone();
    assert_eq!(last["details"]["error"], "integrity");
}
