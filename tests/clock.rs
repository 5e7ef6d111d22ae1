//! A clock that is wrong, or jumps: everything works, the log keeps its order, and a clock that went
//! back is worth a warning, not an alarm.

#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails by panicking, says what it skips, and has surroundings of its own"
)]

mod support;

use std::path::Path;
use support::{Answer, Sandbox, json, missing};

const FAKETIME: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1",
    "/usr/lib64/faketime/libfaketime.so.1",
];

/// What the clock shows, and whether that is before the entry written last.
const CLOCKS: &[(&str, bool)] = &[
    ("-10d", true),
    ("@1970-01-01 00:00:01", true),
    ("@2038-01-19 03:14:08", false),
    ("-1y", true),
    ("+10y", false),
    ("@1990-06-01 12:00:00", true),
];

fn library() -> Option<&'static str> {
    let found = FAKETIME.iter().copied().find(|path| Path::new(path).exists());
    if found.is_none() {
        missing("libfaketime is not installed");
    }
    found
}

fn at(sandbox: &Sandbox, library: &str, clock: &str, args: &[&str], input: &[u8]) -> Answer {
    let mut command = sandbox.vault(args);
    command.env("LD_PRELOAD", library).env("FAKETIME", clock).env("TZ", "UTC");
    Answer::fed(&mut command, input)
}

/// A machine whose clock is behind reads through a slot that was made on another: it is told all the same.
#[test]
fn what_a_slot_has_read_is_told_by_the_log_and_not_by_the_clock() {
    let Some(library) = library() else { return };
    let sandbox = Sandbox::fast();
    sandbox.ok(&["init"], b"");
    sandbox.add("a", b"first");
    for expected in [2, 1] {
        sandbox.ok(&["key", "add", "other", "--new-key-file", "other"], b"");
        let get = ["--key-file", "other", "cred", "get", "a"];
        for _ in 0..expected {
            let got = at(&sandbox, library, "-1d", &get, b"");
            assert_eq!(got.code, 0, "{}", got.err);
        }
        let out = json(&sandbox.ok(&["--json", "key", "rm", "other", "--yes"], b""));
        assert_eq!(out["reads"], expected, "{out}");
    }
}

#[test]
fn a_clock_that_jumps_is_worth_a_warning() {
    let Some(library) = library() else { return };
    let sandbox = Sandbox::fast();
    sandbox.ok(&["init"], b"");
    sandbox.add("a", b"first");
    for (round, (clock, back)) in CLOCKS.iter().enumerate() {
        let (name, value) = (format!("c{round}"), format!("value {round}"));
        let jump = at(&sandbox, library, clock, &["cred", "get", "a"], b"");
        assert_eq!((jump.code, &jump.out[..]), (0, &b"first"[..]), "{clock}: {}", jump.err);
        assert_eq!(jump.err.contains("warning: the clock shows"), *back, "{clock}: {}", jump.err);
        let add = &["cred", "add", &name, "--stdin"];
        let set = &["cred", "set", &name, "password", "--stdin"];
        for (args, input) in [(&add[..], b"before".as_slice()), (&set[..], value.as_bytes())] {
            let answer = at(&sandbox, library, clock, args, input);
            assert_eq!(answer.code, 0, "{clock}: {}", answer.err);
        }
        for args in [&["audit", "verify"][..], &["doctor"], &["status"], &["audit", "show"]] {
            let answer = at(&sandbox, library, clock, args, b"");
            assert_eq!(answer.code, 0, "{clock}: {args:?}: {}", answer.err);
        }
    }
    let seen = sandbox.seen().unwrap();
    for round in 0..CLOCKS.len() {
        let value = format!("value {round}");
        assert_eq!(seen.holding.value(&format!("c{round}")), Some(value.as_bytes()));
    }
}

#[test]
fn a_vault_can_be_made_at_any_time() {
    let Some(library) = library() else { return };
    for (clock, _) in CLOCKS {
        let sandbox = Sandbox::fast();
        for args in [&["init"][..], &["cred", "add", "a", "--generate"], &["cred", "get", "a"]] {
            let answer = at(&sandbox, library, clock, args, b"");
            assert_eq!(answer.code, 0, "{clock}: {args:?}: {}", answer.err);
        }
        sandbox.whole().unwrap();
    }
}
