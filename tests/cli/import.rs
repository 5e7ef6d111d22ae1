//! `vault import`: all or nothing, and errors that say where without quoting what.

use super::support::{Sandbox, json};
use super::{refused, says};
use vault::kind;

const FORMAT: &[&str] = &["import", "--format", "jsonl"];

fn line(name: &str, rest: &str) -> String {
    format!("{{\"name\":\"{name}\",{rest}}}\n")
}

const PLAIN: &str = r#""type":"password","secrets":{"password":"hunter2"}"#;

#[test]
fn every_kind_by_every_name_is_imported() {
    let sandbox = Sandbox::new();
    let mut lines = String::new();
    let mut expected = Vec::new();
    for kind in kind::ALL {
        for alias in std::iter::once(&kind.name).chain(kind.aliases) {
            let (field, value) =
                kind.primary().map_or(("pin", "1234"), |field| (field.name, field.example));
            let line = serde_json::json!({
                "name": format!("all/{alias}"), "type": alias, "secrets": {field: value},
                "client": "acme", "tags": ["a", "b"], "notes": "n\n", "requires_2fa": true,
                "expires": "2040-01-31", "rotate_every": "90d", "description": null,
            });
            lines.push_str(&format!("{line}\n"));
            expected.push((format!("all/{alias}"), value));
        }
    }
    let file = sandbox.file("import.jsonl", &lines);
    let entries = sandbox.entries();
    let dry = sandbox.run(&[FORMAT, &["--dry-run", "--json", &file]].concat());
    assert_eq!(json(&dry.out)["read"], expected.len(), "{}", dry.err);
    assert_eq!(json(&dry.out)["imported"], 0);
    assert_eq!(sandbox.ok(&["cred", "list"], b""), b"");
    assert_eq!(sandbox.entries(), entries + 1, "only the list");
    let done = sandbox.run(&[FORMAT, &["--json", &file]].concat());
    assert_eq!(json(&done.out)["imported"], expected.len(), "{}", done.err);
    for (name, value) in &expected {
        assert_eq!(sandbox.ok(&["cred", "get", name], b""), value.as_bytes());
    }
    let shown = json(&sandbox.ok(&["cred", "show", "all/jwt", "--reveal", "--json"], b""));
    assert_eq!((&shown["secrets"]["notes"], &shown["client"]), (&"n\n".into(), &"acme".into()));
    assert_eq!(sandbox.run(&["doctor"]).code, 0);
}

#[test]
fn standard_input_and_bytes_that_are_no_text() {
    let sandbox = Sandbox::new();
    let text = line("x", r#""type":"password","secrets":{"password":{"base64":"AP8KCg=="}}"#);
    sandbox.ok(FORMAT, text.as_bytes());
    assert_eq!(sandbox.ok(&["cred", "get", "x"], b""), b"\x00\xff\n\n");
    sandbox.ok(&["import", "-"], line("y", PLAIN).as_bytes());
    // blank lines, a last line without an end, and nothing at all
    sandbox.ok(FORMAT, format!("\n  \n{}", line("z", PLAIN).trim()).as_bytes());
    sandbox.ok(FORMAT, b"");
    assert_eq!(sandbox.run(&["cred", "list"]).text().lines().count(), 3);
}

/// A line that is wrong after a good one, what is said of it, and the code.
const WRONG: &[(&str, &str, i32)] = &[
    ("Canary", "line 2, column ", 2),
    ("{\"name\":\"Canary\"", "line 2, column ", 2),
    ("[\"Canary\"]", "line 2, column ", 2),
    ("{\"name\":\"b\"}", "line 2: `secrets` is missing", 2),
    ("{\"type\":\"password\",\"secrets\":{\"password\":\"Canary\"}}", "`name` is missing", 2),
    ("{\"name\":\"b\",\"type\":\"Canary\"}", "line 2, column 28: an unknown type", 2),
    ("{\"name\":\"b\",\"Canary\":1}", "an unknown key", 2),
    ("{\"name\":\"b\",\"type\":\"password\"}", "`secrets` is missing or empty", 2),
    ("{\"name\":\"b\",\"type\":\"password\",\"secrets\":\"Canary\"}", "the wrong type", 2),
    (
        "{\"name\":\"b\",\"type\":\"password\",\"secrets\":{\"password\":\"\"}}",
        "an empty secret",
        2,
    ),
    (
        "{\"name\":\"b\",\"type\":\"password\",\"secrets\":{\"canary\":\"Canary\"}}",
        "a secret field that `password` does not have",
        2,
    ),
    (
        "{\"name\":\"b\",\"type\":\"password\",\"secrets\":{\"password\":{\"base64\":\"Canary!\"}}}",
        "no valid base64",
        2,
    ),
    ("{\"name\":\"b\",\"type\":\"password\",\"port\":70000}", "port", 2),
    ("{\"name\":\"b\",\"type\":\"password\",\"url\":\"https://u:Canary@x\"}", "line 2", 14),
    (
        "{\"name\":\"b\",\"type\":\"password\",\"expires\":\"Canary\",\"secrets\":{\"password\":\"p\"}}",
        "not a date",
        2,
    ),
    (
        "{\"name\":\"b\",\"type\":\"password\",\"fields\":{\"api_key\":\"Canary\"},\"secrets\":{\"password\":\"p\"}}",
        "sounds like a secret",
        14,
    ),
    (
        "{\"name\":\"a\",\"type\":\"password\",\"secrets\":{\"password\":\"Canary\"}}",
        "the name of line 1",
        13,
    ),
    (
        "{\"name\":\"taken\",\"type\":\"password\",\"secrets\":{\"password\":\"Canary\"}}",
        "`taken` already",
        13,
    ),
];

#[test]
fn one_wrong_line_and_nothing_is_imported() {
    let sandbox = Sandbox::new();
    sandbox.add("taken", b"value");
    for (wrong, message, code) in WRONG {
        let text = format!("{}{wrong}\n{}", line("a", PLAIN), line("c", PLAIN));
        let content = sandbox.content();
        let answer = sandbox.run_in(FORMAT, text.as_bytes());
        says(&answer, *code, message, "");
        assert!(!answer.all().contains("Canary"), "{wrong}: {}", answer.all());
        assert!(!answer.all().contains("hunter2"), "{wrong}: {}", answer.all());
        assert_eq!(sandbox.content(), content, "{wrong}");
        // a dry run finds the same
        let dry = sandbox.run_in(&[FORMAT, &["--dry-run"]].concat(), text.as_bytes());
        assert_eq!(dry.code, *code, "{wrong}: {}", dry.err);
        assert!(!dry.all().contains("Canary"), "{}", dry.all());
    }
}

#[test]
fn without_a_type_it_is_a_password() {
    let sandbox = Sandbox::new();
    sandbox.ok(FORMAT, line("x", r#""secrets":{"password":"hunter2"}"#).as_bytes());
    assert_eq!(json(&sandbox.ok(&["cred", "show", "x", "--json"], b""))["type"], "password");
    assert_eq!(sandbox.ok(&["cred", "get", "x"], b""), b"hunter2");
}

#[test]
fn files_that_cannot_be_read() {
    let sandbox = Sandbox::new();
    let nowhere = [FORMAT, &["nowhere.jsonl"]].concat();
    refused(&sandbox, &nowhere, b"", (10, "cannot read `nowhere.jsonl`: no such file", ""), 0);
    refused(&sandbox, &[FORMAT, &["."]].concat(), b"", (2, "`.` is a directory", ""), 0);
    let csv = ["import", "--format", "csv"];
    refused(&sandbox, &csv, b"", (2, "not a value it takes", "one of: jsonl"), 0);
}
