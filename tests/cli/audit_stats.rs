//! Counting entries: by everything there is to count by.

use super::audit_show::{Forged, PLAIN, forge};
use super::says;
use super::support::{Sandbox, json};
use serde_json::{Value, json};

fn stats(sandbox: &Sandbox, args: &[&str]) -> Vec<Value> {
    let out = sandbox.ok(&[&["audit", "stats", "--json"], args].concat(), b"");
    json(&out)["items"].as_array().unwrap().clone()
}

/// What is counted, and how often.
fn counts(sandbox: &Sandbox, by: &str, args: &[&str]) -> Vec<(Value, i64)> {
    let items = stats(sandbox, &[&["--by", by], args].concat());
    items.iter().map(|item| (item[by].clone(), item["entries"].as_i64().unwrap())).collect()
}

/// Entries of 14 November 2023, 22:13 UTC, and of later days.
fn busy() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.ok(&["cred", "add", "db/main", "--client", "acme", "--stdin"], b"hunter2");
    let day = 86_400_000;
    forge(
        &sandbox,
        &[
            PLAIN,
            Forged { user: "bob", ..PLAIN },
            Forged { user: "bob", outcome: "refused", at: PLAIN.at + 2 * day, ..PLAIN },
            Forged { user: "bob", outcome: "failed", action: "copy", program: None, ..PLAIN },
            Forged { user: "ci", cred: Some("gone"), at: PLAIN.at + 2 * day + 7_200_000, ..PLAIN },
        ],
    );
    sandbox
}

/// Only the forged ones.
const OLD: [&str; 2] = ["--until", "2024-01-01"];

#[test]
fn it_counts_by_everything() {
    let sandbox = busy();
    for (by, expected) in [
        ("action", json!([["decrypt", 4], ["copy", 1]])),
        ("actor", json!([["bob", 3], ["ann", 1], ["ci", 1]])),
        ("cred", json!([["db/main", 4], ["gone", 1]])),
        ("client", json!([["acme", 4], [null, 1]])),
        ("program", json!([["psql", 4], [null, 1]])),
        ("host", json!([["ops1", 5]])),
        ("day", json!([["2023-11-14", 3], ["2023-11-16", 1], ["2023-11-17", 1]])),
    ] {
        assert_eq!(json!(counts(&sandbox, by, &OLD)), expected, "{by}");
    }
    let hours = counts(&sandbox, "hour", &OLD);
    assert_eq!(hours.len(), 24, "an hour without entries says something, too");
    assert_eq!((&hours[22], &hours[0]), (&("22".into(), 4), &("00".into(), 1)));
    assert_eq!(hours.iter().map(|(_, count)| count).sum::<i64>(), 5);
}

#[test]
fn what_was_refused_or_failed_is_counted_apart() {
    let sandbox = busy();
    let bob = &stats(&sandbox, &["--by", "actor", "--until", "2024-01-01"])[0];
    assert_eq!((&bob["refused"], &bob["failed"]), (&1.into(), &1.into()));
    assert_eq!(bob["last"], "2023-11-16T22:13:20.000Z");
}

#[test]
fn it_counts_what_fits_and_as_many_as_wanted() {
    let sandbox = busy();
    let args = ["--outcome", "ok", "--search", "DB/", OLD[0], OLD[1]];
    assert_eq!(counts(&sandbox, "actor", &args), [("ann".into(), 1), ("bob".into(), 1)]);
    let answer = sandbox.run(&["audit", "stats", "--by", "actor", "--limit", "1"]);
    assert_eq!(answer.text().lines().count(), 1);
    assert!(answer.err.contains("and 3 more; all of them: --limit 0"), "{}", answer.err);
    // of days the latest are kept
    let days = counts(&sandbox, "day", &["--limit", "1", OLD[0], OLD[1]]);
    assert_eq!(days, [("2023-11-17".into(), 1)]);
    let none = sandbox.run(&["audit", "stats", "--actor", "nobody"]);
    assert_eq!((none.code, none.out.len()), (0, 0));
    assert!(none.err.contains("no entries that fit"), "{}", none.err);
    assert!(counts(&sandbox, "hour", &["--actor", "nobody"]).is_empty());
    says(&sandbox.run(&["audit", "stats", "--by", "moon"]), 2, "`--by", "one of: action");
}

#[test]
fn people_see_bars() {
    let sandbox = busy();
    let args = ["audit", "stats", "--by", "actor", "--format", "table", OLD[0], OLD[1]];
    let table = String::from_utf8(sandbox.ok(&args, b"")).unwrap();
    assert!(table.contains(&format!("bob    3  {}  1 ", "█".repeat(16))), "{table}");
    assert!(table.contains("ann    1  █████▎  "), "{table}");
    // and it is no work of the log's to be counted
    let entries = sandbox.entries();
    sandbox.ok(&["audit", "stats"], b"");
    assert_eq!(sandbox.entries(), entries);
}
