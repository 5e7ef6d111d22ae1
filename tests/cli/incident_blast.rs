//! `vault incident blast`: who else is concerned, and who used what.

use super::support::{Sandbox, json};
use super::{refused, says};
use serde_json::{Value, json as value};
use std::rc::Rc;
use vault::model::incident::{
    Exposure, IncidentMeta, IncidentNumber, IncidentTexts, IncidentType, Severity,
};
use vault::model::{Secret, Timestamp};
use vault::vault::{Key, NewIncident, Place, Purpose, Unlocked, Vault};
use vault::world::World;

/// The vault of a sandbox, opened by its key file.
pub(crate) fn opened(sandbox: &Sandbox) -> Vault<Unlocked> {
    let place = Place { file: sandbox.database(), state_dir: sandbox.path("state/vault") };
    let key = Key::Identity(Secret::from_bytes(&std::fs::read(sandbox.path("key")).unwrap()));
    let vault = Vault::open(&place, Rc::new(World::real()), Purpose::default()).unwrap();
    vault.unlock(&key).unwrap()
}

/// Opens an incident that exposes these, as of `occurred_at`.
pub(crate) fn incident(
    sandbox: &Sandbox,
    title: &str,
    occurred_at: Option<Timestamp>,
    links: &[&str],
) -> IncidentNumber {
    let texts = IncidentTexts {
        description: Some("the-sealed-description".into()),
        findings: Some("the-sealed-findings".into()),
        todos: IncidentType::CredentialLeak.template(),
        ..IncidentTexts::default()
    };
    let meta = IncidentMeta {
        title: title.into(),
        kind: IncidentType::CredentialLeak,
        severity: Severity::High,
        client: Some("acme".into()),
        service: None,
        infra: None,
        owner: None,
        occurred_at,
        detected_at: None,
    };
    let links = links.iter().map(|name| (name.parse().unwrap(), Exposure::Exposed)).collect();
    let new = NewIncident { meta, texts, source: "person".into(), links };
    opened(sandbox).open_incident(&new).unwrap()
}

/// Three with one value between two of them, and one that has nothing to do with it.
fn house() -> Sandbox {
    let sandbox = Sandbox::new();
    let add = |args: &[&str], secret: &[u8]| {
        _ = sandbox.ok(&[&["cred", "add", "--stdin"], args].concat(), secret);
    };
    add(&["db/main", "--client", "acme", "--host", "db1", "--tag", "prod"], b"the-leaked-value");
    add(&["db/copy", "--client", "acme", "--owner", "bob"], b"the-leaked-value");
    add(&["db/old", "--host", "db1"], b"the-leaked-value");
    _ = sandbox.ok(&["cred", "set", "db/old", "--stdin"], b"another-value");
    add(&["mail", "--client", "other"], b"nobody-else-has-it");
    sandbox
}

fn names(rows: &Value) -> Vec<&str> {
    rows.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect()
}

#[test]
fn others_with_the_same_value_and_of_the_same_sort_are_told_apart() {
    let sandbox = house();
    incident(&sandbox, "Leak", None, &["db/main"]);
    let out = sandbox.ok(&["incident", "blast", "INC-1", "--json"], b"");
    let blast = json(&out);
    assert_eq!(blast["incident"], "INC-1");
    assert_eq!(names(&blast["credentials"]), ["db/main"]);
    assert_eq!(blast["credentials"][0]["state"], "open");
    assert_eq!(names(&blast["same_values"]), ["db/copy", "db/old"]);
    let [copy, old] = [0, 1].map(|n| &blast["same_values"][n]);
    assert_eq!((&copy["version"], &copy["current"]), (&value!(1), &value!(true)));
    assert_eq!((&old["version"], &old["current"]), (&value!(1), &value!(false)));
    assert_eq!(copy["same_as"][0]["name"], "db/main");
    let near = blast["in_common"].as_array().unwrap();
    let near: Vec<_> =
        near.iter().map(|one| (&one["what"], &one["value"], &one["names"])).collect();
    let expected = [("client", "acme", "db/copy"), ("host", "db1", "db/old")];
    let expected = expected.map(|(what, of, name)| (value!(what), value!(of), value!([name])));
    assert_eq!(near, expected.each_ref().map(|(what, of, names)| (what, of, names)));
    assert_eq!(
        blast["next"],
        value!([
            "vault incident link INC-1 db/copy db/old --exposure exposed",
            "vault incident rotate INC-1"
        ])
    );
    for secret in ["the-leaked-value", "another-value", "nobody-else-has-it"] {
        assert!(!String::from_utf8_lossy(&out).contains(secret));
    }
    // it is in the log, as a check of this incident, and in the timeline
    let check = &sandbox.log(&["--action", "check"])[0];
    assert_eq!(
        (&check["incident"], &check["details"]["list"]),
        (&value!("INC-1"), &value!("incident"))
    );
    let shown = json(&sandbox.ok(&["audit", "show", "--incident", "1", "--json"], b""));
    assert_eq!(shown["items"][0]["details"]["event"], "blast");
}

#[test]
fn every_use_in_the_time_is_told_with_who_and_which_version() {
    let sandbox = house();
    let earlier = || Some(Timestamp(World::real().now().0));
    _ = sandbox.ok(&["cred", "get", "db/main"], b"");
    std::thread::sleep(std::time::Duration::from_millis(20));
    let occurred = earlier();
    _ = sandbox.ok(&["cred", "get", "db/main", "--reason", "nightly job"], b"");
    _ = sandbox.ok(&["cred", "set", "db/main", "--stdin"], b"a-newer-value");
    _ = sandbox.ok(&["cred", "get", "db/main"], b"");
    _ = sandbox.ok(&["cred", "get", "db/main", "--version", "1"], b"");
    _ = sandbox.ok(&["cred", "get", "mail"], b"");
    incident(&sandbox, "Leak", occurred, &["db/main"]);
    let mut command = sandbox.vault(&["incident", "blast", "inc-1", "--json"]);
    let blast = json(&super::Answer::of(&mut command).out);
    let uses = blast["uses"].as_array().unwrap();
    let told: Vec<_> =
        uses.iter().map(|one| (&one["action"], &one["versions"]["password"])).collect();
    let decrypt = value!("decrypt");
    assert_eq!(told, [(&decrypt, &value!(1)), (&decrypt, &value!(2)), (&decrypt, &value!(1))]);
    assert_eq!(uses[0]["reason"], "nightly job");
    let people = blast["used_by"].as_array().unwrap();
    assert_eq!((people.len(), &people[0]["count"]), (1, &value!(3)));
    for key in ["user", "host", "program", "first", "last"] {
        assert!(people[0][key].is_string(), "{key}: {}", people[0]);
    }
    // what was before it is told when it is asked for, and what came after is not
    let since = ["incident", "blast", "INC-1", "--since", "1d", "--json"];
    assert_eq!(json(&sandbox.ok(&since, b""))["uses"].as_array().unwrap().len(), 4);
    let past = ["incident", "blast", "INC-1", "--since", "2d", "--until", "1d", "--json"];
    assert_eq!(json(&sandbox.ok(&past, b""))["uses"], value!([]));
    let text = sandbox.ok(&["incident", "blast", "INC-1", "--all", "--format", "table"], b"");
    let text = String::from_utf8(text).unwrap();
    for part in ["3 times", "password version 2", "log", "intact"] {
        assert!(text.contains(part), "no {part}: {text}");
    }
}

#[test]
fn large_groups_are_counted_and_not_listed() {
    let sandbox = Sandbox::new();
    let line = |n| {
        format!(
            "{{\"name\":\"n{n}\",\"client\":\"acme\",\"tags\":[\"x\"],\"secrets\":{{\"password\":\"secret-{n}\"}}}}\n"
        )
    };
    sandbox.ok(&["import"], (0..27).map(line).collect::<String>().as_bytes());
    incident(&sandbox, "Leak", None, &["n0"]);
    let blast = json(&sandbox.ok(&["incident", "blast", "1", "--json"], b""));
    let client = &blast["in_common"][0];
    assert_eq!((&client["count"], &client["names"]), (&value!(26), &value!([])));
    assert_eq!(client["list"], "vault cred list --client=acme");
    let answer = sandbox.run(&["incident", "blast", "1", "--format", "table"]);
    assert!(
        answer.text().contains("`vault cred list --client=acme` lists them"),
        "{}",
        answer.text()
    );
    assert!(answer.err.contains("no other credential holds"), "{}", answer.err);
}

#[test]
fn what_cannot_be_looked_at_is_refused() {
    let sandbox = house();
    incident(&sandbox, "Leak", None, &["db/main"]);
    let blast = |args: &[&'static str]| [&["incident", "blast"], args].concat();
    refused(&sandbox, &blast(&["INC-9"]), b"", (10, "no incident INC-9", "vault incident list"), 1);
    for (args, message) in [
        (&["INC-1", "--since", "2099-01-01"][..], "`--since` lies in the future"),
        (&["INC-1", "--until", "2099-01-01"], "`--until` lies in the future"),
        (&["INC-1", "--since", "1d", "--until", "2d"], "nothing lies between"),
        (&["INC-1", "--since", "soon"], "`--since`: not a date"),
    ] {
        refused(&sandbox, &blast(args), b"", (2, message, ""), 0);
    }
    // only the incident tells that nothing can lie there
    says(&sandbox.run(&blast(&["INC-1", "--until", "1d"])), 2, "nothing lies between", "--since");
    for number in ["x", "0", "-1", "INC-"] {
        assert_eq!(sandbox.run(&["incident", "blast", "--", number]).code, 2, "{number}");
    }
    opened(&sandbox).remove_incident(IncidentNumber(1)).unwrap();
    says(&sandbox.run(&blast(&["INC-1"])), 10, "no incident INC-1", "vault incident restore INC-1");
}

/// Who used what is only told of a log that is as it was written.
#[test]
fn a_log_that_was_changed_is_not_told_as_true() {
    let sandbox = house();
    _ = sandbox.ok(&["cred", "get", "db/main"], b"");
    incident(&sandbox, "Leak", None, &["db/main"]);
    let db = rusqlite::Connection::open(sandbox.database()).unwrap();
    let forge = "UPDATE entry SET user_name = 'mallory' WHERE action = 'decrypt'";
    assert_eq!(db.execute(forge, []).unwrap(), 1);
    let answer = sandbox.run(&["incident", "blast", "INC-1", "--since", "1d"]);
    says(&answer, 15, "the audit log was tampered with", "vault audit show");
    assert!(answer.out.is_empty());
}

#[test]
fn the_program_that_a_value_went_to_is_told() {
    let sandbox = house();
    incident(&sandbox, "Leak", None, &["db/main"]);
    let from = ["-e", "X=vault://db%2Fmain", "-e", "Y=vault://db%2Fmain?version=1"];
    _ = sandbox.ok(&[&["run"], &from[..], &["--", "/usr/bin/true", "mine"]].concat(), b"");
    _ = sandbox.ok(&["run", "--stdin", "vault://db%2Fmain", "--", "cat"], b"");
    let blast = json(&sandbox.ok(&["incident", "blast", "INC-1", "--json"], b""));
    let uses = blast["uses"].as_array().unwrap();
    let told: Vec<_> = uses.iter().map(|one| [&one["command"], &one["mode"]]).collect();
    let [to_true, to_cat] = [["true", "env"], ["cat", "stdin"]].map(|pair| value!(pair));
    assert_eq!(value!(told), value!([to_true, to_true, to_cat]));
    let people = blast["used_by"].as_array().unwrap();
    let told: Vec<_> = people.iter().map(|one| (&one["command"], &one["count"])).collect();
    assert_eq!(told, [(&value!("true"), &value!(2)), (&value!("cat"), &value!(1))]);
    let text = sandbox.ok(&["incident", "blast", "INC-1", "--all", "--format", "table"], b"");
    let text = String::from_utf8(text).unwrap();
    for part in ["to true", "true by env", "cat by stdin"] {
        assert!(text.contains(part), "no {part}: {text}");
    }
    // and asked for in the log
    let shown = json(&sandbox.ok(&["audit", "show", "--program", "cat", "--json"], b""));
    let shown = shown["items"].as_array().unwrap();
    assert_eq!((shown.len(), &shown[0]["details"]["mode"]), (1, &value!("stdin")));
    let none = json(&sandbox.ok(&["audit", "show", "--program", "c_t", "--json"], b""));
    assert_eq!(none["items"], value!([]));
}
