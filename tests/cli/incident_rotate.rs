//! `vault incident rotate`: all that an incident exposes gets new values, and what cannot be is named.

use super::incident_blast::{incident, opened};
use super::support::{Sandbox, json, require};
use super::{Answer, says};
use serde_json::{Value, json as value};
use vault::model::incident::{Exposure, IncidentNumber};
use vault::vault::{LinkChange, LinkState};

const SEED: &[u8] = b"GEZDGNBVGY3TQOJQ";

fn outcomes(items: &Value) -> Vec<(String, String, String)> {
    let text = |cell: &Value| cell.as_str().unwrap_or("-").to_owned();
    let items = items["items"].as_array().unwrap().iter();
    items.map(|item| (text(&item["name"]), text(&item["field"]), text(&item["outcome"]))).collect()
}

fn rows(rows: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    rows.iter().map(|(a, b, c)| ((*a).into(), (*b).into(), (*c).into())).collect()
}

fn state(sandbox: &Sandbox, name: &str) -> LinkState {
    let incident = opened(sandbox).incident(IncidentNumber(1)).unwrap();
    incident.links.into_iter().find(|link| link.name == name).unwrap().state
}

/// Two that can be rotated, one of them in part, and an incident that exposes both.
fn house() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.add("a", b"old-a");
    sandbox.add("b", b"old-b");
    _ = sandbox.ok(&["cred", "set", "b", "totp", "--stdin"], SEED);
    sandbox.add("c", b"old-c");
    incident(&sandbox, "Leak", None, &["a", "b"]);
    sandbox
}

#[test]
fn all_that_is_exposed_gets_new_values_and_what_is_left_is_said() {
    let sandbox = house();
    let answer = sandbox.run(&["incident", "rotate", "INC-1", "--yes", "--json"]);
    assert_eq!(answer.code, 17, "{}", answer.err);
    let done = json(&answer.out);
    let expected =
        [("a", "password", "rotated"), ("b", "password", "rotated"), ("b", "totp", "by_hand")];
    assert_eq!(outcomes(&done), rows(&expected));
    let by_hand = &done["items"][2]["commands"];
    assert_eq!(by_hand[1], "vault cred rotate b --secret-field totp --stdin < FILE");
    assert!(answer.err.contains("nothing was changed at the services"), "{}", answer.err);
    assert!(answer.err.contains("vault incident link INC-1 a --verified"), "{}", answer.err);
    for (name, old) in [("a", "old-a"), ("b", "old-b")] {
        assert_ne!(sandbox.ok(&["cred", "get", name], b""), old.as_bytes());
        assert_eq!(sandbox.ok(&["cred", "get", name, "--version", "1"], b""), old.as_bytes());
    }
    assert_eq!(sandbox.ok(&["cred", "get", "c"], b""), b"old-c", "it is not linked");
    assert!(matches!(state(&sandbox, "a"), LinkState::Rotated(_)));
    assert_eq!(state(&sandbox, "b"), LinkState::Partly(vec!["totp".into()]));
    // the log and the timeline name the incident
    let entries = sandbox.log(&["--action", "rotate"]);
    assert!(entries.len() == 2 && entries.iter().all(|entry| entry["incident"] == "INC-1"));
    let events = opened(&sandbox).incident(IncidentNumber(1)).unwrap().events;
    let events: Vec<_> = events.iter().filter(|event| event.kind == "rotate").collect();
    let told: Vec<_> = events.iter().filter_map(|event| event.detail.as_deref()).collect();
    assert_eq!(told, ["password: version 2", "password: version 2"]);
    // what is left is left, until somebody does it
    let again = sandbox.run(&["incident", "rotate", "INC-1", "--json"]);
    assert_eq!((again.code, outcomes(&json(&again.out))), (17, rows(&[("b", "totp", "by_hand")])));
    _ = sandbox
        .ok(&["cred", "rotate", "b", "--secret-field", "totp", "--stdin"], b"MFRGGZDFMZTWQ2LK");
    let done = sandbox.run(&["incident", "rotate", "INC-1"]);
    assert_eq!((done.code, done.out.len()), (0, 0));
    assert!(done.err.contains("nothing to rotate"), "{}", done.err);
}

#[test]
fn a_dry_run_changes_nothing_and_names_choose() {
    let sandbox = house();
    let (content, entries) = (sandbox.content(), sandbox.log(&["--action", "rotate"]).len());
    let dry = json(&sandbox.ok(&["incident", "rotate", "INC-1", "--dry-run", "--json"], b""));
    let expected = [
        ("a", "password", "would_rotate"),
        ("b", "password", "would_rotate"),
        ("b", "totp", "by_hand"),
    ];
    assert_eq!(outcomes(&dry), rows(&expected));
    assert_eq!((sandbox.content(), sandbox.log(&["--action", "rotate"]).len()), (content, entries));
    let one = ["incident", "rotate", "INC-1", "a", "--generate=hex:20", "--json"];
    assert_eq!(outcomes(&json(&sandbox.ok(&one, b""))), rows(&[("a", "password", "rotated")]));
    assert_eq!(sandbox.ok(&["cred", "get", "a"], b"").len(), 40);
    assert_eq!(sandbox.ok(&["cred", "get", "b"], b""), b"old-b");
    let again = json(&sandbox.ok(&["incident", "rotate", "INC-1", "a", "--json"], b""));
    assert_eq!(outcomes(&again), rows(&[("a", "-", "settled")]));
    assert!(
        sandbox.ok(&["cred", "get", "a", "--version", "2"], b"").len() == 40,
        "not rotated twice"
    );
}

#[test]
fn several_are_rotated_only_when_somebody_agrees() {
    if !require("setsid") {
        return;
    }
    let sandbox = house();
    let answer = Answer::of(&mut sandbox.detached(&["incident", "rotate", "INC-1"]));
    says(&answer, 14, "needs a confirmation", "--yes");
    assert_eq!(sandbox.ok(&["cred", "get", "a"], b""), b"old-a");
    assert!(answer.err.contains("`a` needs new values"), "{}", answer.err);
}

#[test]
fn what_was_waived_or_is_gone_or_not_exposed_is_not_rotated() {
    let sandbox = house();
    let number = incident(&sandbox, "Second", None, &["a", "b", "c"]);
    let mut vault = opened(&sandbox);
    let change = LinkChange { exposure: Some(Exposure::NotExposed), ..LinkChange::default() };
    vault.link_incident(number, &["a".parse().unwrap()], &change).unwrap();
    let change = LinkChange { waive: Some("closed".into()), ..LinkChange::default() };
    vault.link_incident(number, &["b".parse().unwrap()], &change).unwrap();
    drop(vault);
    _ = sandbox.ok(&["cred", "rm", "c"], b"");
    let answer = sandbox.run(&["incident", "rotate", "INC-2", "--yes", "--json"]);
    assert_eq!(answer.code, 17);
    let done = json(&answer.out);
    assert_eq!(outcomes(&done), rows(&[("c", "-", "by_hand")]));
    let waive = "vault incident link INC-2 c --waive REASON";
    assert_eq!(done["items"][0]["commands"], value!(["vault cred restore c", waive]));
    assert_eq!(sandbox.ok(&["cred", "get", "a"], b""), b"old-a");
}

#[test]
fn files_and_what_others_issue_are_left_to_people() {
    let sandbox = Sandbox::new();
    let file = sandbox.file("store.p12", b"\x30\x82\x00\xff");
    _ = sandbox.ok(&["cred", "add", "f", "--file", &file], b"");
    let dsn = b"postgres://app:hunter2hunter2@db.example.com/main";
    _ = sandbox.ok(&["cred", "add", "d", "--type", "dsn", "--stdin"], dsn);
    _ = sandbox.ok(&["cred", "add", "k", "--type", "ssh", "--generate"], b"");
    _ = sandbox.ok(&["cred", "set", "k", "passphrase", "--stdin"], b"goes-with-the-key");
    incident(&sandbox, "Leak", None, &["f", "d", "k"]);
    // a policy of characters is not for a key pair
    let answer = sandbox.run(&["incident", "rotate", "INC-1", "--yes", "--json"]);
    assert_eq!(answer.code, 17, "{}", answer.err);
    let expected = [
        ("d", "connection_string", "by_hand"),
        ("f", "password", "by_hand"),
        ("k", "private_key", "rotated"),
        ("k", "passphrase", "by_hand"),
    ];
    let done = outcomes(&json(&answer.out));
    for row in rows(&expected) {
        assert!(done.contains(&row), "{row:?}: {done:?}");
    }
    assert_eq!(sandbox.ok(&["cred", "get", "f"], b""), b"\x30\x82\x00\xff");
    assert_eq!(sandbox.ok(&["cred", "get", "k", "passphrase"], b""), b"goes-with-the-key");
    assert!(!answer.all().contains("hunter2") && !answer.all().contains("PRIVATE KEY"));
}

#[test]
fn what_is_not_linked_is_not_rotated() {
    let sandbox = house();
    let rotate = |args: &[&'static str]| [&["incident", "rotate"], args].concat();
    for (args, code, message, hint) in [
        (&["INC-9", "--yes"][..], 10, "no incident INC-9", "vault incident list"),
        (&["INC-1", "a", "c"], 10, "`c` is not linked to INC-1", "vault incident link INC-1"),
        (&["INC-1", "--generate=nonsense"], 2, "nonsense", ""),
    ] {
        let content = sandbox.content();
        let answer = sandbox.run(&rotate(args));
        says(&answer, code, message, hint);
        assert_eq!(sandbox.content(), content);
    }
    assert_eq!(sandbox.ok(&["cred", "get", "a"], b""), b"old-a");
}
