//! Incidents: opened, worked on and closed; what is wrong is said, and changes nothing.

use super::support::{Answer, Sandbox, json};
use super::{refused, says};
use serde_json::{Value, json as value};

/// A vault with three credentials, and an incident that concerns one of them.
pub(super) fn with_one() -> Sandbox {
    let sandbox = Sandbox::new();
    for (name, client) in [("vpn/alice", "acme"), ("db/main", "acme"), ("mail", "globex")] {
        sandbox.ok(&["cred", "add", name, "--stdin", "--client", client], b"hunter2");
    }
    let open = ["incident", "open", "Laptop stolen", "--type", "lost_device", "--severity", "high"];
    let more = ["--client", "acme", "--cred", "vpn/alice", "--description", "in the train"];
    sandbox.ok(&[&open[..], &more].concat(), b"");
    sandbox
}

pub(super) fn shown(sandbox: &Sandbox, number: &str) -> Value {
    json(&sandbox.ok(&["incident", "show", number, "--json"], b""))
}

/// The same, without a key.
fn locked(sandbox: &Sandbox, args: &[&str]) -> Answer {
    Answer::of(sandbox.vault(args).env_remove("VAULT_KEY_FILE"))
}

/// One key of each of several things.
pub(super) fn each(things: &Value, key: &str) -> Vec<String> {
    let text = |thing: &Value| thing[key].as_str().unwrap_or_default().to_owned();
    things.as_array().unwrap().iter().map(text).collect()
}

pub(super) fn step<'s>(incident: &'s Value, key: &str) -> &'s Value {
    incident["steps"].as_array().unwrap().iter().find(|step| step["key"] == key).unwrap()
}

#[test]
fn an_incident_from_its_opening_to_its_end() {
    let sandbox = with_one();
    let opened = shown(&sandbox, "INC-1");
    assert_eq!(opened["status"], "investigating");
    assert_eq!(opened["description"], "in the train");
    assert_eq!(opened["next"], value!(["contain"]));
    assert_eq!(opened["credentials"][0]["name"], "vpn/alice");
    assert_eq!(opened["credentials"][0]["exposure"], "unknown");
    assert_eq!(opened["verified"], true);
    assert!(each(&opened["steps"], "key").contains(&"wipe".to_owned()), "{opened}");
    let link = ["incident", "link", "1", "vpn", "--exposure", "exposed"];
    sandbox.ok(&link, b"");
    let again = sandbox.run(&link);
    assert_eq!((again.code, again.err.contains("nothing to change")), (0, true), "{}", again.err);
    sandbox.ok(&["incident", "note", "inc-1", "--stdin", "--at", "1h"], b"first line\nsecond\n\n");
    let contained = sandbox.run(&["incident", "contain", "INC-1", "--note", "wiped"]);
    assert!(contained.err.contains("INC-1 is contained\n"), "{}", contained.err);
    assert!(contained.err.contains("vault incident resolve INC-1"), "{}", contained.err);
    let open = (14, "INC-1 has an exposed credential: `vpn/alice`", "--waive REASON");
    refused(&sandbox, &["incident", "resolve", "INC-1"], b"", open, 1);
    sandbox.ok(&["cred", "rotate", "vpn/alice"], b"");
    sandbox.ok(&["incident", "link", "INC-1", "vpn/alice", "--verified"], b"");
    sandbox.ok(&["incident", "monitor", "INC-1"], b"");
    let resolve = ["incident", "resolve", "INC-1", "--outcome", "no_impact", "--json"];
    let resolved = json(&sandbox.ok(&resolve, b""));
    assert_eq!(resolved["status"], "resolved");
    assert_eq!(
        (&resolved["outcome"], &resolved["next"]),
        (&"no_impact".into(), &value!(["reopen"]))
    );
    let now = shown(&sandbox, "1");
    assert_eq!(now["outcome"], "no_impact");
    assert!(now["resolved"].is_string() && now["contained"].is_string(), "{now}");
    let kinds = each(&now["timeline"], "event");
    let expected = ["open", "link", "exposure", "note", "contain", "verify", "monitor", "resolve"];
    assert_eq!(kinds, expected);
    assert_eq!(now["timeline"][3]["text"], "first line\nsecond");
    assert!(now["timeline"][3]["happened"].is_string());
    assert_eq!(now["timeline"][4]["text"], "wiped");
    sandbox.ok(&["incident", "reopen", "INC-1"], b"");
    assert_eq!(shown(&sandbox, "1")["status"], "investigating");
    // every change stands in the log, under its incident
    let logged = sandbox.log(&["--limit", "0"]);
    let steps = logged.iter().filter(|entry| entry["incident"] == "INC-1");
    assert!(steps.filter(|entry| entry["action"] == "incident_reopen").count() == 1);
    sandbox.ok(&["audit", "verify"], b"");
    sandbox.ok(&["doctor"], b"");
}

#[test]
fn opening_tells_the_number_the_steps_and_what_comes_next() {
    let sandbox = with_one();
    let open = ["incident", "open", "Leak", "--type", "credential_leak", "--cred", "db"];
    let answer = sandbox.run(&open);
    assert_eq!((answer.code, &*answer.out), (0, &b""[..]), "{}", answer.err);
    for line in [
        "opened INC-2: Leak",
        "note: `db` is `db/main`",
        "note: to do: remove the secret from where it leaked, its history included",
        "note: when it cannot get worse: `vault incident contain INC-2`",
    ] {
        assert!(answer.err.lines().any(|said| said == line), "no `{line}` in {}", answer.err);
    }
    let told = json(&sandbox.ok(&[&open[..], &["--json", "--exposure", "exposed"]].concat(), b""));
    assert_eq!((&told["number"], &told["status"]), (&"INC-3".into(), &"investigating".into()));
    assert_eq!(told["credentials"], value!(["db/main"]));
    assert_eq!(step(&told, "remove")["done"], false);
    assert_eq!(shown(&sandbox, "3")["credentials"][0]["exposure"], "exposed");
}

#[test]
fn locked_what_is_sealed_is_left_out() {
    let sandbox = with_one();
    sandbox.ok(&["incident", "note", "1", "sealed-canary"], b"");
    let answer = locked(&sandbox, &["incident", "show", "INC-1", "--json"]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(answer.err.contains("`--unlock` shows them"), "{}", answer.err);
    let shown = json(&answer.out);
    assert_eq!((&shown["title"], &shown["severity"]), (&"Laptop stolen".into(), &"high".into()));
    assert!(shown["description"].is_null() && shown["steps"] == value!([]), "{shown}");
    assert_eq!(shown["verified"], false);
    let note = shown["timeline"].as_array().unwrap().last().unwrap();
    assert_eq!((&note["text"], &note["has_text"]), (&Value::Null, &true.into()));
    assert!(!answer.all().contains("canary"));
    let people = locked(&sandbox, &["incident", "show", "1", "--format", "table"]);
    assert!(people.text().contains("(sealed)"), "{}", people.text());
    assert!(!people.text().contains("root  person"), "{}", people.text());
    for table in ["table", "plain"] {
        let listed = locked(&sandbox, &["incident", "list", "--format", table]);
        assert!(listed.text().contains("Laptop stolen"), "{}", listed.text());
        // nobody deals with it
        assert!(!listed.text().contains("OWNER"), "{}", listed.text());
    }
    let no_key = locked(&sandbox, &["incident", "show", "1", "--unlock", "--no-input"]);
    says(&no_key, 12, "", "");
    let credential = locked(&sandbox, &["cred", "show", "vpn/alice", "--json"]);
    assert_eq!(json(&credential.out)["incidents"], value!(["INC-1 (unknown)"]));
    let status = locked(&sandbox, &["status", "--json"]);
    assert_eq!(json(&status.out)["open_incidents"], value!({"high": 1}));
}

#[test]
fn what_a_credential_and_the_status_know_of_incidents() {
    let sandbox = with_one();
    let incidents =
        |name| json(&sandbox.ok(&["cred", "show", name, "--json"], b""))["incidents"].clone();
    assert_eq!(incidents("vpn/alice"), value!(["INC-1 (unknown)"]));
    assert!(incidents("mail").is_null());
    sandbox.ok(&["incident", "open", "Leak", "--severity", "critical", "--cred", "mail"], b"");
    sandbox.ok(&["incident", "link", "2", "vpn/alice", "--exposure", "exposed"], b"");
    assert_eq!(incidents("vpn/alice"), value!(["INC-1 (unknown)", "INC-2 (exposed)"]));
    let open = || json(&sandbox.ok(&["status", "--json"], b""))["open_incidents"].clone();
    assert_eq!(open(), value!({"critical": 1, "high": 1}));
    sandbox.ok(&["incident", "rm", "INC-2"], b"");
    sandbox.ok(&["incident", "unlink", "INC-1", "vpn/alice", "--note", "it was not on it"], b"");
    assert_eq!(open(), value!({"high": 1}));
    assert!(incidents("vpn/alice").is_null());
}

#[test]
fn lists_are_narrowed_and_the_newest_comes_first() {
    let sandbox = with_one();
    let open =
        |title, more: &[&str]| sandbox.ok(&[&["incident", "open", title], more].concat(), b"");
    open("Guessing", &["--type", "brute_force", "--infra", "vpn1", "--owner", "bob"]);
    open("Phishing", &["--type", "phishing", "--service", "mail", "--cred", "mail"]);
    sandbox.ok(&["incident", "contain", "2"], b"");
    sandbox.ok(&["incident", "resolve", "2"], b"");
    sandbox.ok(&["incident", "rm", "3"], b"");
    let numbers = |filter: &[&str]| {
        let args = [&["incident", "list", "--json"], filter].concat();
        let answers = [locked(&sandbox, &args), sandbox.run(&[&args[..], &["--unlock"]].concat())];
        let [locked, checked] = answers.map(|answer| json(&answer.out)["items"].clone());
        assert_eq!(each(&locked, "number"), each(&checked, "number"));
        let verified =
            |items: &Value| items.as_array().unwrap().iter().all(|i| i["verified"] == true);
        assert!(verified(&checked) && (locked == value!([]) || !verified(&locked)));
        each(&locked, "number").join(" ")
    };
    assert_eq!(numbers(&[]), "INC-2 INC-1");
    for (filter, expected) in [
        (&["--open"][..], "INC-1"),
        (&["--closed"], "INC-2"),
        (&["--status", "resolved"], "INC-2"),
        (&["--type", "lost_device"], "INC-1"),
        (&["--severity", "medium"], "INC-2"),
        (&["--client", "acme"], "INC-1"),
        (&["--infra", "vpn1"], "INC-2"),
        (&["--owner", "bob"], "INC-2"),
        (&["--service", "mail"], ""),
        (&["--cred", "vpn/alice"], "INC-1"),
        (&["--cred", "vpn"], ""),
        (&["--search", "LAPTOP"], "INC-1"),
        (&["--search", "train"], ""),
        (&["--deleted"], "INC-3"),
        (&["--deleted", "--service", "mail"], "INC-3"),
    ] {
        assert_eq!(numbers(filter), expected, "{filter:?}");
    }
    let none = sandbox.run(&["incident", "list", "--client", "nobody"]);
    assert_eq!((none.code, none.err.as_str()), (0, "no incidents, or none that fit\n"));
    sandbox.ok(&["incident", "restore", "3"], b"");
    assert_eq!(numbers(&["--search", "phish"]), "INC-3");
}

#[test]
fn steps_are_ticked_off_by_hand_and_by_themselves() {
    let sandbox = with_one();
    let edit = |args: &[&str]| sandbox.run(&[&["incident", "edit", "INC-1"], args].concat());
    assert_eq!(edit(&["--done", "wipe", "--done", "2", "--step", "call the insurance"]).code, 0);
    let now = shown(&sandbox, "1");
    for key in ["wipe", "slots"] {
        assert_eq!(
            (&step(&now, key)["done"], &step(&now, key)["how"]),
            (&true.into(), &"by_hand".into())
        );
        assert!(step(&now, key)["by"].is_string() && step(&now, key)["at"].is_string());
    }
    assert_eq!(
        (&step(&now, "")["text"], &step(&now, "")["done"]),
        (&"call the insurance".into(), &false.into())
    );
    for key in ["rotate", "contain", "gather"] {
        assert_eq!(step(&now, key)["done"], false, "{key}");
    }
    assert!(edit(&["--done", "1"]).err.contains("nothing changed in INC-1"));
    assert_eq!(edit(&["--undo", "1"]).code, 0);
    assert_eq!(step(&shown(&sandbox, "1"), "wipe")["done"], false);
    sandbox.ok(&["cred", "rotate", "vpn/alice"], b"");
    sandbox.ok(&["incident", "contain", "1"], b"");
    assert_eq!(step(&shown(&sandbox, "1"), "rotate")["done"], false, "nobody has tested it");
    sandbox.ok(&["incident", "link", "1", "vpn/alice", "--verified"], b"");
    let now = shown(&sandbox, "1");
    for key in ["rotate", "contain"] {
        assert_eq!(
            (&step(&now, key)["done"], &step(&now, key)["how"]),
            (&true.into(), &"by_itself".into())
        );
    }
    says(&edit(&["--undo", "contain"]), 14, "step `contain` was not ticked off by hand", "");
    sandbox.ok(&["incident", "reopen", "1"], b"");
    assert_eq!(step(&shown(&sandbox, "1"), "contain")["done"], false);
    // another credential: not all are rotated any more
    sandbox.ok(&["incident", "link", "1", "db/main"], b"");
    assert_eq!(step(&shown(&sandbox, "1"), "rotate")["done"], false);
    // another type brings its own steps
    assert_eq!(edit(&["--type", "credential_leak"]).code, 0);
    assert_eq!(step(&shown(&sandbox, "1"), "remove")["done"], false);
    says(&edit(&["--done", "99"]), 10, "INC-1 has no step `99`", "vault incident show INC-1");
    says(&edit(&["--done", "nonsense"]), 10, "INC-1 has no step `nonsense`", "");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_field_is_changed_by_options_and_cleared_by_nothing() {
    let sandbox = with_one();
    let edit = |args: &[&str], input: &[u8]| {
        let args = [&["incident", "edit", "INC-1", "--json"], args].concat();
        json(&sandbox.ok(&args, input))["changed"].clone()
    };
    let all = [
        "--title",
        "Laptop lost",
        "--type",
        "other",
        "--severity",
        "low",
        "--client",
        "globex",
        "--service",
        "s",
        "--infra",
        "i",
        "--owner",
        "o",
        "--occurred",
        "2026-01-02",
        "--detected",
        "2026-01-03T04:05:06Z",
        "--description",
        "d",
        "--remediation",
        "r",
        "--reference",
        "one",
        "--reference",
        "two",
        "--stdin=findings",
    ];
    let changed = edit(&all, b"several\nlines\n");
    let expected = value!([
        "title",
        "type",
        "severity",
        "client",
        "service",
        "infra",
        "owner",
        "occurred_at",
        "detected_at",
        "description",
        "findings",
        "remediation",
        "references",
        "steps"
    ]);
    assert_eq!(changed, expected);
    let now = shown(&sandbox, "1");
    for (key, expected) in [
        ("title", "Laptop lost"),
        ("type", "other"),
        ("severity", "low"),
        ("client", "globex"),
        ("service", "s"),
        ("infra", "i"),
        ("owner", "o"),
        ("occurred", "2026-01-02T00:00:00.000Z"),
        ("detected", "2026-01-03T04:05:06.000Z"),
        ("description", "d"),
        ("findings", "several\nlines"),
        ("remediation", "r"),
    ] {
        assert_eq!(now[key], expected, "{key}");
    }
    assert_eq!(now["references"], value!(["one", "two"]));
    let cleared = edit(&["--client", "", "--occurred", "", "--findings", ""], b"");
    assert_eq!(cleared, value!(["client", "occurred_at", "findings"]));
    let now = shown(&sandbox, "1");
    assert!(["client", "occurred", "findings"].iter().all(|key| now[*key].is_null()), "{now}");
    assert_eq!(edit(&["--owner", "o"], b""), value!([]));
}

#[test]
fn several_exposed_credentials_are_all_named() {
    let sandbox = with_one();
    sandbox.ok(&["incident", "link", "1", "--client", "acme", "--exposure", "exposed"], b"");
    sandbox.ok(&["incident", "contain", "1"], b"");
    let open = (14, "INC-1 has 2 exposed credentials", "`db/main`: not rotated");
    refused(&sandbox, &["incident", "resolve", "1"], b"", open, 1);
    let told = sandbox.run(&["incident", "resolve", "1", "--json"]);
    let error = json(told.err.as_bytes())["error"].clone();
    assert_eq!(error["candidates"], value!(["db/main", "vpn/alice"]));
    sandbox.ok(&["incident", "link", "1", "db/main", "--exposure", "not_exposed"], b"");
    sandbox.ok(&["incident", "link", "1", "vpn/alice", "--waive", "the account is closed"], b"");
    let now = shown(&sandbox, "1");
    assert_eq!(each(&now["credentials"], "state"), ["not_exposed", "waived"]);
    sandbox.ok(&["incident", "resolve", "1"], b"");
}

#[test]
fn what_only_deceives_is_shown_escaped() {
    let sandbox = Sandbox::new();
    let title = "safe\u{202e}exe.txt";
    sandbox
        .ok(&["incident", "open", title, "--owner", "a\u{200b}b"], "x\u{1b}[2J\u{202e}".as_bytes());
    sandbox.ok(&["incident", "note", "1", "--stdin"], "boo\u{1b}[2J\u{9b}1m".as_bytes());
    for format in ["table", "plain", "json"] {
        for args in [&["incident", "list"][..], &["incident", "show", "1"]] {
            let answer = sandbox.run(&[args, &["--format", format]].concat());
            let text = answer.text();
            assert!(answer.code == 0 && text.contains("safe"), "{text}");
            // a pipe gets the text as it is, but nothing that drives a terminal
            assert!(!text.contains(['\u{1b}', '\u{9b}']), "{args:?} {format}: {text:?}");
        }
    }
    assert_eq!(shown(&sandbox, "1")["title"], title);
    assert_eq!(shown(&sandbox, "1")["timeline"][1]["text"], "boo\u{1b}[2J\u{9b}1m");
}

#[test]
fn completion_knows_numbers_with_titles_and_words() {
    let sandbox = with_one();
    sandbox.ok(&["incident", "open", "Gone"], b"");
    sandbox.ok(&["incident", "rm", "2"], b"");
    let offered = |words: &[&str]| {
        let ask = ["__complete", "zsh", "--", "vault", "incident"];
        Answer::of(&mut sandbox.vault(&[&ask[..], words].concat())).text()
    };
    assert_eq!(offered(&["show", ""]), "words\nINC-1\tLaptop stolen\n");
    assert_eq!(offered(&["note", "inc-"]), "words\ninc-1\tLaptop stolen\n");
    assert_eq!(offered(&["link", "1"]), "words\n1\tLaptop stolen\n");
    assert_eq!(offered(&["restore", ""]), "words\nINC-2\tGone\n");
    assert_eq!(offered(&["show", "INC-9"]), "words\n");
    assert_eq!(offered(&["link", "1", "vp"]), "words\nvpn/alice\n");
    assert_eq!(offered(&["open", "x", "--cred", "ma"]), "words\nmail\n");
    let severities = offered(&["open", "x", "--severity", ""]);
    assert!(severities.contains("critical\tto be dealt with now\n"), "{severities}");
    assert!(offered(&["list", "--type", "lost"]).contains("lost_device\t"));
    assert!(offered(&["link", "1", "--exposure", "not"]).contains("not_exposed\t"));
}
