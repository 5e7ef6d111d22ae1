//! The log for other programs.

use super::support::{Sandbox, json, require};
use super::{refused, says};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// A log with more in it than letters.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.add("größe: \"1\", \u{202e}x", b"hunter2");
    sandbox.ok(&["cred", "add", "=1+1", "--stdin", "--reason", "@cmd|'/c calc'!A0"], b"hunter3");
    sandbox.ok(&["cred", "show", "=1+1"], b"");
    assert_eq!(sandbox.run(&["cred", "get", "none", "--reason=-1"]).code, 10);
    sandbox
}

fn lines(bytes: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(bytes).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A checker that has nothing but the lines and the format's description.
#[expect(clippy::too_many_lines, reason = "a list of columns")]
fn chain_of(lines: &[Value]) -> Result<(), String> {
    let uuid = |value: &Value| {
        let hex = value.as_str().unwrap().replace('-', "");
        data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap()
    };
    let mut hash = sha(&message("vault/log/v1", &[part(3, &uuid(&lines[0]["vault"]))]));
    for (line, seq) in lines.iter().zip(1..) {
        let text = |key: &str| match &line[key] {
            Value::String(text) => part(2, text.as_bytes()),
            Value::Null => part(0, b""),
            other => panic!("{key} is {other}"),
        };
        let int = |key: &str| match line[key].as_i64() {
            Some(number) => part(1, &number.to_be_bytes()),
            None => part(0, b""),
        };
        let id = |key: &str| match line[key].is_null() {
            true => part(0, b""),
            false => part(3, &uuid(&line[key])),
        };
        let at = chrono::DateTime::parse_from_rfc3339(line["at"].as_str().unwrap()).unwrap();
        let list: Vec<&str> =
            line["fields"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
        let fields =
            if list.is_empty() { part(0, b"") } else { part(2, list.join(",").as_bytes()) };
        // keys in order and no white space is how this library writes an object
        let details = match &line["details"] {
            Value::Null => part(0, b""),
            details => part(2, details.to_string().as_bytes()),
        };
        let mut bytes = message(
            "vault/entry/v1",
            &[
                part(1, &i64::to_be_bytes(seq)),
                id("id"),
                part(1, &at.timestamp_millis().to_be_bytes()),
                text("action"),
                text("outcome"),
                id("credential"),
                text("name"),
                fields,
                text("user"),
                int("uid"),
                text("host"),
                text("tty"),
                text("remote"),
                text("program"),
                text("parent"),
                text("agent"),
                text("incident"),
                text("reason"),
                details,
                int("counter"),
                int("segment"),
            ],
        );
        bytes.extend_from_slice(&hash);
        hash = sha(&bytes);
        if line["hash"] != data_encoding::HEXLOWER.encode(&hash) {
            return Err(format!("line {seq}"));
        }
    }
    Ok(())
}

fn part(kind: u8, bytes: &[u8]) -> (u8, Vec<u8>) {
    (kind, bytes.to_vec())
}

fn message(domain: &str, parts: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    let domain = (2, domain.as_bytes().to_vec());
    for (number, (kind, bytes)) in std::iter::once(&domain).chain(parts).enumerate() {
        out.extend_from_slice(&[u8::try_from(number).unwrap(), *kind]);
        out.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_be_bytes());
        out.extend_from_slice(bytes);
    }
    out
}

fn sha(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

#[test]
fn others_can_compute_the_chain_from_json_lines() {
    let sandbox = sandbox();
    let entries = sandbox.entries();
    let out = sandbox.ok(&["audit", "export", "--jsonl"], b"");
    let all = lines(&out);
    assert_eq!(all.len(), entries);
    assert_eq!(chain_of(&all), Ok(()));
    assert!(!out.iter().any(|b| *b < b' ' && *b != b'\n'));
    assert!(!String::from_utf8_lossy(&out).contains('\u{202e}'));
    for (line, secret) in all.iter().flat_map(|line| [(line, "hunter2"), (line, "hunter3")]) {
        assert!(!line.to_string().contains(secret));
    }
    // control: what was changed is found
    for (key, value) in [("name", "x".into()), ("uid", 9.into()), ("reason", Value::Null)] {
        let mut bad = all.clone();
        bad[2][key] = value;
        assert_eq!(chain_of(&bad), Err("line 3".into()), "{key}");
    }
    assert!(chain_of(&[&all[..1], &all[2..]].concat()).is_err());
}

#[test]
fn an_export_is_entered_before_it_leaves_and_is_not_in_itself() {
    let sandbox = sandbox();
    let entries = sandbox.entries();
    let filters = ["--action", "create", "--csv", "-o", "log.csv"];
    let done = json(&sandbox.ok(&[&["audit", "export", "--json"], &filters[..]].concat(), b""));
    assert_eq!((&done["entries"], &done["format"]), (&2.into(), &"csv".into()));
    let last = &sandbox.log(&["--limit", "1"])[0];
    assert_eq!((&last["action"], sandbox.entries()), (&"audit_export".into(), entries + 1));
    assert_eq!(last["details"]["entries"], "2");
    assert_eq!(last["details"]["format"], "csv");
    let about = fs::metadata(sandbox.path("log.csv")).unwrap();
    assert_eq!(about.permissions().mode() & 0o777, 0o600);
    let there = (13, "there is a file already: `log.csv`", "--force");
    refused(&sandbox, &["audit", "export", "-o", "log.csv"], b"", there, 0);
    sandbox.ok(&["audit", "export", "-o", "log.csv", "--force"], b"");
    assert_eq!(lines(&fs::read(sandbox.path("log.csv")).unwrap()).len(), entries + 1);
    // the newest two, oldest first
    let two = lines(&sandbox.ok(&["audit", "export", "--limit", "2"], b""));
    let seqs = two.iter().map(|line| line["seq"].as_u64().unwrap());
    assert_eq!(seqs.collect::<Vec<_>>(), [entries as u64 + 1, entries as u64 + 2]);
    let none = sandbox.run(&["audit", "export", "--actor", "nobody at all"]);
    assert_eq!((none.code, none.out.len()), (0, 0));
    assert!(none.err.contains("note: no entries that fit"), "{}", none.err);
    // what looks like a name of a file is none
    says(&sandbox.run(&["audit", "export", "log.jsonl"]), 2, "one argument too many", "--help");
}

#[test]
fn a_locked_export_needs_a_seal() {
    let sandbox = sandbox();
    let export = |extra: &[&str]| {
        let mut command = sandbox.vault(&[&["audit", "export"], extra].concat());
        super::Answer::of(command.env_remove("VAULT_KEY_FILE"))
    };
    let all = lines(&export(&[]).out);
    assert_eq!(chain_of(&all), Ok(()));
    fs::remove_dir_all(sandbox.path("state/vault")).unwrap();
    let answer = export(&[]);
    says(&answer, 12, "no seal on this machine", "vault audit export --unlock");
    assert!(answer.out.is_empty());
    assert_eq!(sandbox.run(&["audit", "export"]).code, 0);
}

#[test]
fn a_spreadsheet_computes_nothing() {
    let sandbox = sandbox();
    let plain = String::from_utf8(sandbox.ok(&["audit", "export", "--csv"], b"")).unwrap();
    assert!(plain.contains(",=1+1,") && plain.contains(",-1,"), "{plain}");
    assert_eq!(plain.matches("\r\n").count(), plain.matches('\n').count());
    assert!(plain.starts_with("vault,seq,id,at,"));
    let answer = sandbox.run(&["audit", "export", "--csv", "--spreadsheet-safe"]);
    let safe = answer.text();
    assert!(!safe.contains(",=1+1,") && safe.contains(",'=1+1,"), "{safe}");
    assert!(safe.contains(",'@cmd") && safe.contains(",'-1,"), "{safe}");
    assert!(answer.err.contains("an apostrophe stands before 4 cells"), "{}", answer.err);
    let wrong = (2, "--csv", "");
    refused(&sandbox, &["audit", "export", "--spreadsheet-safe"], b"", wrong, 0);
}

#[test]
fn a_csv_reader_gets_back_what_was_there() {
    if !require("python3") {
        return;
    }
    let sandbox = sandbox();
    sandbox.ok(&["audit", "export", "--csv", "-o", "log.csv"], b"");
    let script = "import csv, json, sys
print(json.dumps(list(csv.DictReader(open('log.csv', newline='', encoding='utf-8')))))";
    let answer = super::Answer::of(sandbox.command("python3").args(["-c", script]));
    let rows: Value = serde_json::from_slice(&answer.out).unwrap();
    assert_eq!(rows[1]["name"], "größe: \"1\", \u{202e}x");
    assert_eq!(rows[2]["reason"], "@cmd|'/c calc'!A0");
    assert_eq!(rows[2]["fields"], "password");
}

#[test]
fn cef_is_one_line_an_entry() {
    let sandbox = sandbox();
    let out = String::from_utf8(sandbox.ok(&["audit", "export", "--cef"], b"")).unwrap();
    assert_eq!(out.lines().count() + 1, sandbox.entries());
    for line in out.lines() {
        assert!(line.starts_with("CEF:0|vault|vault|"), "{line}");
        assert!(line.splitn(8, '|').nth(7).unwrap().starts_with("rt="), "{line}");
    }
    assert!(out.contains(" cs1Label=credential cs1=\\=1+1 "), "{out}");
}
