//! `vault doctor` on keys: how many open the vault, and whether the one that is configured does.

use super::support::{Answer, Sandbox, json};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

/// The findings on keys: level and message. The run ends with `code`.
#[track_caller]
fn keys(answer: &Answer, code: i32) -> Vec<(String, String)> {
    assert_eq!(answer.code, code, "{}", answer.err);
    let told = json(&answer.out);
    let text = |cell: &Value| cell.as_str().unwrap().to_owned();
    let items = told["items"].as_array().unwrap().iter().filter(|item| item["check"] == "keys");
    items.map(|item| (text(&item["level"]), text(&item["message"]))).collect()
}

#[test]
fn a_single_slot_is_worth_a_warning() {
    let sandbox = Sandbox::new();
    let found = keys(&sandbox.run(&["doctor", "--json"]), 0);
    let [(level, message)] = &found[..] else { panic!("{found:?}") };
    assert_eq!(level, "warning");
    assert!(
        message.contains("(key_file)") && message.contains("key add paper --recovery"),
        "{message}"
    );
    let mut locked = sandbox.vault(&["doctor", "--json"]);
    assert_eq!(keys(&Answer::of(locked.env_remove("VAULT_KEY_FILE")), 0), found);
}

/// The rest is looked at all the same.
#[test]
fn a_configured_key_that_does_not_do_is_a_problem() {
    let sandbox = Sandbox::new();
    let other = Sandbox::new();
    fs::copy(other.path("key"), sandbox.path("other")).unwrap();
    for (key, mode, message) in [
        ("key", 0o640, "others can read"),
        ("other", 0o600, "does not open this vault"),
        ("nowhere", 0, "no such file"),
    ] {
        if mode != 0 {
            fs::set_permissions(sandbox.path(key), Permissions::from_mode(mode)).unwrap();
        }
        let answer = sandbox.run(&["doctor", "--json", "--key-file", key]);
        let found = keys(&answer, 16);
        assert_eq!(found[0].0, "problem", "{found:?}");
        assert!(found[0].1.contains(message), "{found:?}");
        assert!(answer.text().contains("SQLite finds it whole"), "{}", answer.text());
    }
}

#[test]
fn a_key_beside_the_vault_is_worth_a_warning() {
    let sandbox = Sandbox::new();
    fs::copy(sandbox.path("key"), sandbox.path("data/vault/key")).unwrap();
    let found = keys(&sandbox.run(&["doctor", "--json", "--key-file", "data/vault/key"]), 0);
    assert!(found.iter().any(|(_, message)| message.contains("beside the vault")), "{found:?}");
    let found = keys(&sandbox.run(&["doctor", "--json"]), 0);
    assert!(!found.iter().any(|(_, message)| message.contains("beside the vault")), "{found:?}");
}
