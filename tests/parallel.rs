//! Many processes at one vault: all succeed, none is told that it is busy, no change is lost, and
//! the log has no gap.

#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails by panicking, says what it skips, and has surroundings of its own"
)]

mod support;

use std::collections::BTreeMap;
use std::fs::File;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use support::{Answer, Sandbox, VAULT, files};
use vault::model::{CredName, Secret};

const PROCESSES: usize = 50;
/// How many commands each runs, one after the other.
const OPERATIONS: usize = 100;

#[test]
fn fifty_at_once_lose_nothing() {
    let sandbox = Sandbox::fast();
    // what they do would be told as mass access and as reading what was in the trash: it is
    std::fs::create_dir_all(sandbox.path("home/.config/vault")).unwrap();
    sandbox.file("home/.config/vault/config.toml", "[alerts]\nmass_access = 0\nrestored = 0\n");
    sandbox.ok(&["init"], b"");
    sandbox.add("shared", b"0");
    let slowest = Mutex::new(Duration::ZERO);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for process in 0..PROCESSES {
            let (sandbox, slowest) = (&sandbox, &slowest);
            scope.spawn(move || {
                let took = session(sandbox, process);
                let mut slowest = slowest.lock().unwrap();
                *slowest = took.max(*slowest);
            });
        }
    });
    eprintln!(
        "{} commands in {:.1?}, the slowest {:.2?}",
        PROCESSES * OPERATIONS,
        start.elapsed(),
        slowest.into_inner().unwrap()
    );
    check(&sandbox);
}

#[test]
fn incidents_that_are_opened_at_once_get_numbers_of_their_own() {
    let sandbox = Sandbox::fast();
    sandbox.ok(&["init"], b"");
    sandbox.add("shared", b"0");
    std::thread::scope(|scope| {
        for process in 0..8 {
            let (sandbox, title) = (&sandbox, format!("from {process}"));
            scope.spawn(move || {
                for _ in 0..4 {
                    let open = ["incident", "open", &title, "--cred", "shared", "--json"];
                    let number = support::json(&sandbox.ok(&open, b""))["number"].clone();
                    sandbox.ok(&["incident", "note", number.as_str().unwrap(), &title], b"");
                }
            });
        }
    });
    let listed = support::json(&sandbox.ok(&["incident", "list", "--json", "--unlock"], b""));
    let mut numbers = Vec::new();
    for one in listed["items"].as_array().unwrap() {
        let number = one["number"].as_str().unwrap();
        let shown = support::json(&sandbox.ok(&["incident", "show", number, "--json"], b""));
        // the note is in the incident that its process was told of
        assert_eq!(shown["timeline"][2]["text"], shown["title"], "{shown}");
        numbers.push(number.to_owned());
    }
    let expected: Vec<String> = (1..=32).rev().map(|n| format!("INC-{n}")).collect();
    assert_eq!(numbers, expected);
    sandbox.whole().unwrap();
}

/// What one of them does; how long the slowest command took.
fn session(sandbox: &Sandbox, process: usize) -> Duration {
    let mut slowest = Duration::ZERO;
    for operation in 0..OPERATIONS {
        let start = Instant::now();
        step(sandbox, process, operation);
        slowest = slowest.max(start.elapsed());
    }
    slowest
}

/// Ten steps on a credential of its own, on one that all share, and on one that comes and goes.
fn step(sandbox: &Sandbox, process: usize, operation: usize) {
    let (round, value) = (operation / 10, format!("{process}-{}", operation / 10));
    let (own, extra) = (format!("own/{process}"), format!("extra/{process}/{round}"));
    let value = value.as_bytes();
    match operation % 10 {
        0 if round == 0 => run(sandbox, &["cred", "add", &own, "--stdin"], value, b""),
        0 => run(sandbox, &["cred", "set", &own, "password", "--stdin"], value, b""),
        1 => run(sandbox, &["cred", "get", &own], b"", value),
        2 => run(sandbox, &["cred", "set", "shared", "password", "--stdin"], value, b""),
        3 => look(sandbox, &["cred", "show", "shared", "--json"]),
        4 => run(sandbox, &["cred", "add", &extra, "--stdin"], value, b""),
        5 => run(sandbox, &["cred", "rm", &extra], b"", b""),
        6 => look(sandbox, &["cred", "list", "--json"]),
        7 => run(sandbox, &["cred", "restore", &extra], b"", b""),
        8 => run(sandbox, &["cred", "get", &extra], b"", value),
        _ => look(sandbox, &["cred", "get", "shared"]),
    }
}

/// Runs a command, which must succeed without a complaint and give `expected`.
fn run(sandbox: &Sandbox, args: &[&str], input: &[u8], expected: &[u8]) {
    let answer = sandbox.run_in(args, input);
    assert_eq!((answer.code, &answer.out[..]), (0, expected), "{args:?}: {}", answer.err);
    assert!(!answer.err.contains("warning"), "{args:?}: {}", answer.err);
}

/// Runs a command whose answer depends on what the others have done.
fn look(sandbox: &Sandbox, args: &[&str]) {
    let answer = sandbox.run(args);
    assert_eq!((answer.code, &*answer.err), (0, ""), "{args:?}");
    assert!(!answer.out.is_empty());
}

/// Every change is there, in the rows as in the log.
fn check(sandbox: &Sandbox) {
    let rounds = OPERATIONS / 10;
    let seen = sandbox.seen().unwrap();
    for process in 0..PROCESSES {
        let last = format!("{process}-{}", rounds - 1);
        assert_eq!(seen.holding.value(&format!("own/{process}")), Some(last.as_bytes()));
        for round in 0..rounds {
            let value = format!("{process}-{round}");
            let name = format!("extra/{process}/{round}");
            assert_eq!(seen.holding.value(&name), Some(value.as_bytes()));
        }
    }
    assert_eq!(seen.holding.names().count(), 1 + PROCESSES * (1 + rounds));
    // every set of the shared one made a version of its own
    let mut vault = sandbox.open().unwrap();
    let shared: CredName = "shared".parse().unwrap();
    let versions = vault.show(&shared, false).unwrap().secrets[0].1;
    assert_eq!(versions as usize, 1 + PROCESSES * rounds);
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for (action, _) in &seen.holding.changes {
        *counted.entry(action).or_default() += 1;
    }
    let sets = PROCESSES * rounds;
    let expected = [
        ("create", 1 + PROCESSES + sets),
        ("delete", sets),
        ("init", 1),
        ("restore", sets),
        ("update", sets + PROCESSES * (rounds - 1)),
    ];
    assert_eq!(counted, expected.into());
    assert_eq!(seen.decrypts, 3 * sets);
}

#[test]
fn who_finds_the_lock_taken_waits_for_it() {
    let sandbox = Sandbox::fast();
    sandbox.ok(&["init"], b"");
    sandbox.add("a", b"x");
    let lock = File::open(sandbox.path("data/vault/vault.db.lock")).unwrap();
    lock.lock().unwrap();
    let waiting: Vec<_> = (0..3)
        .map(|_| sandbox.vault(&["cred", "get", "a"]).stdout(Stdio::piped()).spawn().unwrap())
        .collect();
    std::thread::sleep(Duration::from_millis(700));
    let mut waiting = waiting;
    assert!(waiting.iter_mut().all(|child| child.try_wait().unwrap().is_none()));
    lock.unlock().unwrap();
    for child in waiting {
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(0), &b"x"[..]));
    }
    sandbox.whole().unwrap();
}

#[test]
fn the_lock_dies_with_its_holder() {
    let sandbox = Sandbox::fast();
    sandbox.ok(&["init"], b"");
    sandbox.add("a", b"x");
    // an import takes its turn before it reads, and waits here for input that does not come
    let mut child =
        sandbox.vault(&["import", "--format", "jsonl"]).stdin(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(sandbox.ok(&["cred", "get", "a"], b""), b"x");
    sandbox.whole().unwrap();
}

/// Whoever makes the vault, the key file that is there afterwards opens it.
#[test]
fn one_of_many_that_make_the_same_vault_makes_it_and_its_key_stays() {
    for _ in 0..10 {
        let sandbox = Sandbox::bare();
        let makers: Vec<_> = (0..8)
            .map(|_| {
                let mut init = sandbox.vault(&["init", "--key-file", "key"]);
                init.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        let answers: Vec<Answer> =
            makers.into_iter().map(|maker| maker.wait_with_output().unwrap().into()).collect();
        let mut codes: Vec<_> = answers.iter().map(|answer| answer.code).collect();
        codes.sort_unstable();
        assert_eq!(codes, [0, 13, 13, 13, 13, 13, 13, 13], "{answers:?}");
        let drafts = files(sandbox.root()).into_iter().filter(|file| {
            let name = file.file_name().unwrap().to_string_lossy();
            name.contains(".new-")
        });
        assert_eq!(drafts.count(), 0);
        let key = std::fs::read(sandbox.path("key")).unwrap();
        assert!(vault::vault::parse_identity(&Secret::from_bytes(&key)).is_ok());
        sandbox.ok(&["cred", "add", "a", "--stdin", "--key-file", "key"], b"hunter2");
        assert_eq!(sandbox.ok(&["cred", "get", "a", "--key-file", "key"], b""), b"hunter2");
    }
}

/// What feeds an import may itself use the vault.
#[test]
fn an_import_does_not_hold_the_vault_while_it_reads_a_pipe() {
    let sandbox = Sandbox::new();
    sandbox.add("first", b"value");
    let feed = "{ \"$0\" cred get first >/dev/null && \
                printf '{\"name\":\"second\",\"type\":\"password\",\"secrets\":{\"password\":\"x\"}}\\n'; } \
                | \"$0\" import --format jsonl";
    let mut command = sandbox.command("sh");
    let answer = Answer::of(command.args(["-c", feed, VAULT]));
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert_eq!(sandbox.ok(&["cred", "get", "second"], b""), b"x");
}
