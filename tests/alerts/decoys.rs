//! A canary in the file, and at the command line, is like any other credential.

use crate::forge::{self, Owner};
use crate::support::{Sandbox, contains, files, json};
use rusqlite::Connection;
use rusqlite::types::Value;
use std::collections::BTreeSet;
use vault::model::Secret;

/// An ordinary credential and a canary, alike in everything that is visible.
fn pair() -> Sandbox {
    let sandbox = Sandbox::new();
    for (name, more) in [("app1", &[][..]), ("app2", &["--canary"])] {
        let args = ["cred", "add", name, "--stdin", "--username", "root", "--client", "acme"];
        sandbox.ok(&[&args, more].concat(), b"hunter22");
    }
    sandbox
}

fn canaries(sandbox: &Sandbox) -> Vec<String> {
    let out = sandbox.ok(&["cred", "list", "--canary", "--json"], b"");
    let items = json(&out)["items"].as_array().unwrap().clone();
    items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

/// Everything under the data and state directories.
fn bytes(sandbox: &Sandbox) -> Vec<u8> {
    let dirs = ["data", "state"].map(|dir| files(&sandbox.path(dir)));
    dirs.concat().iter().flat_map(|path| std::fs::read(path).unwrap()).collect()
}

fn lower(bytes: &[u8]) -> Vec<u8> {
    bytes.to_ascii_lowercase()
}

/// The type and length of every column, of what no clock or random number decides the value too.
fn shape(sandbox: &Sandbox, sql: &str) -> Vec<String> {
    let db = Connection::open(sandbox.database()).unwrap();
    let mut statement = db.prepare(sql).unwrap();
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut rows = statement.query([]).unwrap();
    let row = rows.next().unwrap().unwrap();
    let column = |(at, name): (usize, &String)| match row.get(at).unwrap() {
        Value::Text(text) => format!("{name} {text}"),
        // age puts a stanza of random length into each file
        Value::Blob(_) if name == "sealed" => "sealed".to_owned(),
        Value::Blob(blob) => format!("{name} {} bytes", blob.len()),
        Value::Integer(n) if n < 1_000_000 && name != "bucket" => format!("{name} {n}"),
        Value::Integer(_) => format!("{name} a number"),
        Value::Null | Value::Real(_) => format!("{name} null"),
    };
    let shape: Vec<String> = names.iter().enumerate().map(column).collect();
    assert!(rows.next().unwrap().is_none(), "{sql}");
    shape.into_iter().map(|line| line.replace("app2", "app1")).collect()
}

#[test]
fn nothing_in_the_file_tells_a_canary() {
    let sandbox = pair();
    for table in
        ["credential WHERE name", "secret WHERE credential = (SELECT id FROM credential WHERE name"]
    {
        let end = if table.starts_with("secret") { ")" } else { "" };
        let of = |name: &str| shape(&sandbox, &format!("SELECT * FROM {table} = '{name}'{end}"));
        assert_eq!(of("app1"), of("app2"), "{table}");
    }
    let entry = |name: &str| {
        let sql = format!(
            "SELECT action, outcome, name, fields, user_name, host, agent, incident, details
             FROM entry WHERE name = '{name}'"
        );
        shape(&sandbox, &sql)
    };
    assert_eq!(entry("app1"), entry("app2"));
    assert!(!contains(&lower(&bytes(&sandbox)), b"canary"));
    // the control: such a word is found where it is
    assert_eq!(canaries(&sandbox), ["app2"]);
    assert!(
        contains(&lower(&bytes(&sandbox)), b"canary"),
        "that somebody listed them is in the log"
    );
}

#[test]
fn only_the_list_that_was_asked_for_tells_a_canary() {
    let sandbox = pair();
    let keys = |name: &str| {
        let shown = json(&sandbox.ok(&["cred", "show", name, "--json", "--verify"], b""));
        shown.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>()
    };
    assert_eq!(keys("app1"), keys("app2"));
    for args in [
        &["cred", "list", "--json", "--verify"][..],
        &["cred", "show", "app2", "--json"],
        &["cred", "history", "app2", "--json"],
        &["cred", "check", "--json"],
        &["cred", "due", "--json"],
        &["status", "--check", "--json"],
        &["doctor", "--json"],
        &["audit", "show", "--json", "--limit", "0"],
    ] {
        let answer = sandbox.run(args);
        assert!(!contains(&lower(answer.all().as_bytes()), b"canary"), "{args:?}");
    }
    let answer = sandbox.run_in(&["cred", "add", "app3", "--stdin", "--canary"], b"hunter22");
    assert!(!contains(&lower(answer.all().as_bytes()), b"canary"), "{}", answer.all());
    let found = json(&sandbox.run(&["cred", "check", "--only", "reused", "--json"]).out);
    assert!(found.to_string().contains("app2"), "it is checked as others are: {found}");
}

#[test]
fn without_the_keys_nobody_is_told() {
    let sandbox = pair();
    let mut locked = sandbox.vault(&["cred", "list", "--canary", "--no-input"]);
    let answer = crate::support::Answer::of(locked.env_remove("VAULT_KEY_FILE"));
    assert_eq!((answer.code, answer.out.len()), (12, 0), "{}", answer.err);
    let answer = sandbox.run(&["cred", "list", "--canary", "--limit", "1"]);
    assert_eq!(answer.code, 2, "{}", answer.err);
    // whoever has the keys is told, and that is an alert
    let alerts = ["audit", "alerts", "--rule", "canary_list"];
    assert_eq!(sandbox.run(&alerts).code, 0);
    assert_eq!(canaries(&sandbox), ["app2"]);
    assert_eq!(sandbox.run(&alerts).code, 16);
}

#[test]
fn a_canary_stays_one_whatever_changes_of_it_and_a_clone_is_none() {
    let sandbox = pair();
    sandbox.ok(&["cred", "set", "app2", "--url", "https://example.com"], b"");
    sandbox.ok(&["cred", "set", "app2", "--stdin"], b"another one");
    sandbox.ok(&["cred", "rotate", "app2", "--quiet"], b"");
    sandbox.ok(&["cred", "rename", "app2", "backup"], b"");
    sandbox.ok(&["cred", "rm", "backup"], b"");
    assert!(canaries(&sandbox).is_empty(), "it is in the trash");
    let trash = json(&sandbox.ok(&["cred", "list", "--canary", "--deleted", "--json"], b""));
    assert_eq!(trash["items"][0]["name"], "backup");
    sandbox.ok(&["cred", "restore", "backup"], b"");
    sandbox.ok(&["cred", "purge", "backup", "--version", "1", "--yes"], b"");
    sandbox.ok(&["cred", "clone", "backup", "like-it", "--generate"], b"");
    assert_eq!(canaries(&sandbox), ["backup"]);
    assert_eq!(sandbox.run(&["doctor"]).code, 0);
}

/// Whether the row of a credential tagged with `key` as `kind` is taken for genuine.
fn retagged(kind: &str, mut owner: Owner, row_key: Option<forge::Hash>, sandbox: &Sandbox) -> i32 {
    let db = Connection::open(sandbox.database()).unwrap();
    owner.row = row_key.unwrap_or(owner.row);
    owner.tag_as(&db, "app1", kind);
    if row_key.is_none() {
        forge::fix_tree(&db);
        owner.sign_state(&db);
    }
    drop(db);
    sandbox.run(&["cred", "get", "app1"]).code
}

#[test]
fn nobody_without_the_keys_makes_a_canary_of_another() {
    let owner = |sandbox: &Sandbox| {
        let key = Secret::from_bytes(&std::fs::read(sandbox.path("key")).unwrap());
        Owner::open(&Connection::open(sandbox.database()).unwrap(), &key)
    };
    for kind in ["canary", "credential"] {
        let sandbox = pair();
        assert_eq!(retagged(kind, owner(&sandbox), Some([7; 32]), &sandbox), 15, "{kind}");
        // with the keys, but without signing the state: the tag is right, and not in the tree
        let sandbox = pair();
        let keys = owner(&sandbox);
        let own = keys.row;
        let code = retagged(kind, keys, Some(own), &sandbox);
        assert_eq!(code, if kind == "canary" { 15 } else { 0 }, "{kind}");
    }
    // the control: the owner of the keys can
    let sandbox = pair();
    assert_eq!(retagged("canary", owner(&sandbox), None, &sandbox), 0);
    assert_eq!(canaries(&sandbox), ["app1", "app2"]);
    // and another word is neither
    let sandbox = pair();
    assert_eq!(retagged("sparrow", owner(&sandbox), None, &sandbox), 15);
}
