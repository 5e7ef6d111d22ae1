//! `vault selftest io`: that it finds what is broken, that this program passes it, and that it leaves the
//! user's vault and disk alone.

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

mod support;

use std::fs;
use std::path::Path;
use support::{Answer, Sandbox, VAULT, json};
use vault::cli::selftest::deliveries::{Delivery, SAMPLES, never};
use vault::cli::selftest::io::{Outcome, Row, compare};
use vault::world::World;

fn tried(deliveries: &[Delivery]) -> Vec<Row> {
    compare(Path::new(VAULT), &World::real(), deliveries).unwrap()
}

fn through(line: &'static str) -> Delivery {
    Delivery { name: "tried", needs: (&["cred", "get"], ""), program: "", line, may_refuse: never }
}

#[test]
fn every_way_out_carries_every_value_or_says_that_it_cannot() {
    let sandbox = Sandbox::new();
    sandbox.add("mine", b"hunter2");
    let before = (sandbox.content(), sandbox.entries());
    let mut command = sandbox.vault(&["selftest", "io", "--json"]);
    let answer = Answer::of(command.env("VAULT_PASSPHRASE_COMMAND", "touch asked"));
    assert_eq!(answer.code, 0, "{}", answer.all());
    let rows = json(&answer.out)["items"].as_array().unwrap().clone();
    assert!(rows.len() > 10);
    for row in &rows {
        for sample in SAMPLES {
            assert_ne!(row[sample.name], "DIFFERENT", "{row}");
        }
    }
    let get = &rows[0];
    let kept = |name: &&str| get[*name] == "same";
    let names: Vec<&str> = SAMPLES.iter().map(|sample| sample.name).collect();
    assert!(names.iter().filter(|name| **name != "empty").all(kept), "{get}");
    assert_eq!(get["empty"], "refused");
    let env = rows.iter().find(|row| row["delivery"] == "run --env").unwrap();
    assert_eq!((&env["nul"], &env["mib"]), (&"refused".into(), &"refused".into()));
    assert_eq!((&env["newlines"], &env["shell"]), (&"same".into(), &"same".into()));
    // it has used nothing of ours, and left nothing behind
    assert_eq!((sandbox.content(), sandbox.entries()), before);
    assert!(!sandbox.path("asked").exists());
    assert_eq!(fs::read_dir(sandbox.path("tmp")).unwrap().count(), 0);
}

#[test]
fn what_a_broken_way_does_to_values_is_found() {
    let broken = [
        // what shells do to the ends of texts, and to zero bytes
        through("x=$(vault cred get $NAME); printf %s \"$x\""),
        through("x=`vault cred get $NAME`; echo $x"),
        through("vault cred get $NAME | tr -d '\\r'"),
        through("vault cred get $NAME | head -c 65536"),
        through("vault cred get $NAME; echo"),
        through("exit 5"),
    ];
    let rows = tried(&broken);
    let different = |row: &Row| row.differences().map(|(name, _)| name).collect::<Vec<_>>();
    let found: Vec<Vec<&str>> = rows.iter().map(different).collect();
    assert_eq!(found[0], ["pem", "nul", "bytes", "newlines"]);
    assert!(found[1].contains(&"shell") && found[1].contains(&"pem"), "{:?}", found[1]);
    assert_eq!(found[2], ["crlf", "bytes", "no_nul"]);
    assert_eq!(found[3], ["mib"]);
    let all: Vec<&str> = SAMPLES.iter().map(|s| s.name).filter(|name| *name != "empty").collect();
    assert_eq!(found[4], all);
    assert_eq!(found[5], all);
    // and nothing is found where nothing is wrong
    let whole = tried(&[through("vault cred get $NAME | cat")]);
    assert_eq!(different(&whole[0]), [""; 0]);
}

#[test]
fn a_refusal_counts_only_where_there_is_no_way() {
    let line = "printf 'error: no\\n' >&2; exit 2";
    let strict = Delivery { may_refuse: |value| value.contains(&0), ..through(line) };
    let absent = Delivery { needs: (&["no", "such"], ""), ..through(line) };
    let missing = Delivery { program: "no-such-program", ..through(line) };
    let rows = tried(&[strict, absent, missing]);
    let outcomes = rows[0].outcomes.as_ref().unwrap();
    let refused = |name: &str| {
        let at = SAMPLES.iter().position(|sample| sample.name == name).unwrap();
        outcomes[at] == Outcome::Refused("no".into())
    };
    assert!(refused("nul") && refused("bytes") && !refused("plain") && !refused("pem"));
    assert!(rows[1].outcomes.is_err());
    assert_eq!(rows[2].outcomes.as_ref().err().unwrap(), "`no-such-program` is not installed");
}
