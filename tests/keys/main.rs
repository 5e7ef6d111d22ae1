//! What opens a vault: slots of every kind, added, tried, changed and removed with the real program, and
//! opened with stock `age`.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::format_push_string,
    reason = "helpers of tests may do what tests may, and clarity comes before speed"
)]

#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod kinds;
mod outside;
mod passwd;
mod removal;
mod sheet;

use std::path::Path;
use std::process::Command;
use support::{Answer, Sandbox, json};

/// An error as people see it: one line that says what is wrong, and a hint that holds `hint`.
#[track_caller]
fn says(answer: &Answer, code: i32, message: &str, hint: &str) {
    assert_eq!(answer.code, code, "{}", answer.err);
    let mut errors = answer.err.lines().filter_map(|line| line.strip_prefix("error: "));
    let line = errors.next().unwrap();
    assert!(line.contains(message), "no `{message}` in: {}", answer.err);
    assert_eq!(errors.next(), None, "{}", answer.err);
    let mut hints = answer.err.lines().filter_map(|line| line.strip_prefix("hint: "));
    assert!(hint.is_empty() || hints.any(|line| line.contains(hint)), "{}", answer.err);
}

/// Runs what must fail, without a terminal: nothing is changed, and the log says so when `logged`.
#[track_caller]
fn refused(sandbox: &Sandbox, args: &[&str], said: (i32, &str, &str), logged: bool) -> Answer {
    let (content, entries) = (sandbox.content(), sandbox.entries());
    let answer = Answer::of(&mut sandbox.detached(args));
    says(&answer, said.0, said.1, said.2);
    assert_eq!(sandbox.content(), content, "vault {args:?} changed something");
    assert_eq!(sandbox.entries(), entries + usize::from(logged), "entries after vault {args:?}");
    answer
}

/// The slots, as programs see them.
fn slots(sandbox: &Sandbox) -> Vec<serde_json::Value> {
    json(&sandbox.ok(&["key", "list", "--json"], b""))["items"].as_array().unwrap().clone()
}

fn labels(sandbox: &Sandbox) -> Vec<String> {
    slots(sandbox).iter().map(|slot| slot["label"].as_str().unwrap().to_owned()).collect()
}

fn types(sandbox: &Sandbox) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    slots(sandbox).iter().map(|slot| (text(&slot["label"]), text(&slot["type"]))).collect()
}

/// The age file of a slot, as it stands in the database.
fn sealed(sandbox: &Sandbox, label: &str) -> Vec<u8> {
    let db = rusqlite::Connection::open(sandbox.database()).unwrap();
    let sql = "SELECT sealed FROM slot WHERE label = ?1";
    db.query_row(sql, [label], |row| row.get(0)).unwrap()
}

/// A key pair of OpenSSH's own making: the path of the private key.
fn ssh_keygen(sandbox: &Sandbox, name: &str, args: &[&str]) -> String {
    let mut command = sandbox.command("ssh-keygen");
    let made = Answer::of(command.args(["-q", "-C", "", "-f", name]).args(args));
    assert_eq!(made.code, 0, "{}", made.err);
    sandbox.path(name).to_str().unwrap().to_owned()
}

/// What stock `age` finds in the slot with this identity file.
fn age(sandbox: &Sandbox, sealed: &[u8], identity: &Path) -> Answer {
    let mut age: Command = sandbox.command("age");
    Answer::fed(age.arg("-d").arg("-i").arg(identity), sealed)
}

/// Whether that is what a slot wraps.
fn is_content(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    text.starts_with("# vault v1 id=") && text.contains("\nAGE-SECRET-KEY-1")
}

/// A command that unlocks with a passphrase and not with the sandbox's key.
fn by_passphrase(sandbox: &Sandbox, file: &str, args: &[&str]) -> Answer {
    let mut command = sandbox.detached(args);
    Answer::of(command.env_remove("VAULT_KEY_FILE").env("VAULT_PASSPHRASE_FILE", file))
}

const PASSPHRASE: &str = "gravel ostrich penknife lullaby";
const ANOTHER: &str = "tumbler vicarage onion sextant";
