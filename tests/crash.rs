//! The program is killed, or its system calls fail, at every point where it changes something.
//! Whatever the point: what was reported is there, what was not is not, no secret was handed out
//! without its entry, and the same command can simply be run again.
//!
//! The points are found with strace, by counting the system calls of an undisturbed run. By default
//! some calls that fail in much the same way are left out; `VAULT_TEST_CRASH=full` leaves out none.

#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails by panicking, says what it skips, and has surroundings of its own"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use support::commands::{ADD, COMMANDS, SECRET, SET};
use support::oracle::{Case, Outcome, base, judge, noted};
use support::{Answer, Sandbox, VAULT, require, required, unable};

/// How long a disturbed command may take.
const DEADLINE: Duration = Duration::from_mins(1);
/// How many disturbed runs there are at least.
const POINTS: usize = 2_000;
/// The calls before which the program is killed.
const KILLED: &[&str] = &[
    "pwrite64",
    "write",
    "fsync",
    "fdatasync",
    "ftruncate",
    "unlink",
    "unlinkat",
    "rename",
    "renameat2",
    "link",
    "linkat",
    "openat",
    "mkdir",
    "flock",
    "fcntl",
    "mmap",
    "munmap",
    "close",
];
/// The calls that fail.
const FAILING: &[&str] = &[
    "pwrite64",
    "write",
    "fsync",
    "fdatasync",
    "ftruncate",
    "unlink",
    "unlinkat",
    "rename",
    "renameat2",
    "link",
    "linkat",
    "openat",
    "mkdir",
    "flock",
    "fcntl",
    "pread64",
];
/// How they fail.
const ERRORS: &[&str] = &["error=EIO", "error=ENOSPC", "error=EDQUOT", "error=EINTR"];
/// Nothing was written, and no error: the shortest of short writes.
const NOTHING: &str = "retval=0";

/// One disturbed run: the nth call of a sort, and what becomes of it.
#[derive(Clone, Debug)]
struct Point {
    call: String,
    nth: usize,
    fault: String,
    /// Whether all further calls fail as well: a disk that is full, or broken, stays so.
    lasting: bool,
}

#[test]
fn killed_or_failing_anywhere_nothing_is_lost_torn_or_unrecorded() {
    if !(require("strace") && can_trace()) {
        return;
    }
    let cases = cases();
    let work: Vec<(usize, Point)> = cases
        .iter()
        .enumerate()
        .flat_map(|(at, case)| points(case).into_iter().map(move |point| (at, point)))
        .collect();
    let (ran, wrong) = run_all(&cases, &work);
    let fired: usize = ran.values().map(|(fired, _)| fired).sum();
    for (title, (fired, planned)) in &ran {
        eprintln!("{title}: {fired} of {planned} points");
    }
    eprintln!("{fired} of {} points in all, {} wrong", work.len(), wrong.len());
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    // A run differs by a call or two from the one that was counted.
    assert!(fired * 100 >= work.len() * 97, "only {fired} of {} took place", work.len());
    assert!(fired >= POINTS || !required(), "only {fired} points");
}

#[test]
fn a_disturbance_that_does_not_take_place_is_noticed() {
    if !(require("strace") && can_trace()) {
        return;
    }
    let case = Case::new("get", &["cred", "get", "alpha"], b"", &base());
    let point =
        Point { call: "fsync".into(), nth: 9_999, fault: "signal=KILL".into(), lasting: false };
    assert!(!disturb(&case, &point, &case.base.copy()).fired);
    let point = Point { nth: 1, ..point };
    assert!(disturb(&case, &point, &case.base.copy()).fired);
}

/// The negative controls: what must never happen is made to happen, and the judge sees it.
#[test]
fn the_judge_sees_what_it_is_there_to_see() {
    let case = Case::new("add", ADD, b"the-secret-of-delta", &base());
    let done = || Outcome {
        code: Some(0),
        out: Vec::new(),
        err: String::new(),
        fired: true,
        hung: false,
        lasting: false,
    };
    let after = || {
        let sandbox = case.base.copy();
        sandbox.ok(case.args, case.input);
        sandbox
    };
    assert_eq!(judge(&case, &done(), &after()), Ok(()));

    let lost = judge(&case, &done(), &case.base.copy());
    assert!(lost.unwrap_err().contains("lost"));

    let failed = Outcome { code: Some(18), ..done() };
    assert!(judge(&case, &failed, &after()).unwrap_err().contains("reported as failed"));

    let hung = Outcome { hung: true, ..done() };
    assert!(judge(&case, &hung, &after()).is_err());

    let unrecorded = after();
    unlogged(&unrecorded);
    assert!(judge(&case, &done(), &unrecorded).is_err());

    let cut = after();
    drop_last_frame(&cut);
    assert!(judge(&case, &done(), &cut).is_err());

    let forgetful = after();
    drop_last_frame(&forgetful);
    fs::remove_dir_all(forgetful.path("state")).unwrap();
    copy_dir(&case.base.path("state"), &forgetful.path("state"));
    assert!(judge(&case, &done(), &forgetful).unwrap_err().contains("lost"));
}

#[test]
fn the_judge_sees_a_secret_without_an_entry() {
    let case = Case::new("get", &["cred", "get", "alpha"], b"", &base());
    let released = Outcome {
        code: None,
        out: SECRET.to_vec(),
        err: String::new(),
        fired: true,
        hung: false,
        lasting: false,
    };
    assert!(judge(&case, &released, &case.base.copy()).unwrap_err().contains("without an entry"));
    let sandbox = case.base.copy();
    sandbox.ok(case.args, b"");
    assert_eq!(judge(&case, &released, &sandbox), Ok(()));
}

/// Removes the last entry of the log behind the program's back.
fn unlogged(sandbox: &Sandbox) {
    let db = rusqlite::Connection::open(sandbox.database()).unwrap();
    db.execute("DELETE FROM entry WHERE seq = (SELECT max(seq) FROM entry)", []).unwrap();
}

/// Cuts the commit off the write-ahead log.
fn drop_last_frame(sandbox: &Sandbox) {
    let wal = File::options().write(true).open(sandbox.path("data/vault/vault.db-wal")).unwrap();
    wal.set_len(wal.metadata().unwrap().len() - 24 - 4096).unwrap();
}

fn copy_dir(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(copied.success());
}

fn can_trace() -> bool {
    let traced = Command::new("strace").args(["-f", "-qq", "-o", "/dev/null", "true"]).status();
    traced.is_ok_and(|status| status.success()) || unable("strace may not trace here")
}

/// The same, with a write-ahead log that the next commit moves into the database.
fn full_log() -> Sandbox {
    let length = |sandbox: &Sandbox| {
        fs::metadata(sandbox.path("data/vault/vault.db-wal")).map_or(0, |about| about.len())
    };
    let mut sandbox = base();
    for _ in 0..1_000 {
        let next = sandbox.copy();
        next.ok(&["cred", "get", "beta"], b"");
        if length(&next) < length(&sandbox) {
            return sandbox;
        }
        sandbox = next;
    }
    panic!("the write-ahead log only grows");
}

fn cases() -> Vec<Case> {
    let (base, full_log) = (base(), full_log());
    let commands = COMMANDS.iter();
    let mut cases: Vec<Case> =
        commands.map(|(title, args, input)| Case::new(title, args, input, &base)).collect();
    cases.push(Case::new("set, emptying the log", SET, b"a new secret", &full_log));
    cases.push(Case::new("get, emptying the log", &["cred", "get", "alpha"], b"", &full_log));
    let (noted, prune) = noted(&base);
    cases.push(Case::new("prune", prune, b"", &noted));
    cases.push(Case::init());
    cases
}

/// Every way to disturb a command, as far as the run is to be thorough.
fn points(case: &Case) -> Vec<Point> {
    let full = std::env::var_os("VAULT_TEST_CRASH").is_some_and(|value| value == "full");
    let (counted, releases) = count_calls(case);
    let mut points = Vec::new();
    for (call, count) in counted {
        for nth in 1..=count {
            let may_fail = !(call == "fcntl" && releases.contains(&nth));
            for (fault, lasting) in faults(&call, nth, may_fail, full) {
                points.push(Point { call: call.clone(), nth, fault: fault.to_owned(), lasting });
            }
        }
    }
    points
}

/// What may become of one call, and whether it stays so for all that follow. Of calls that are many
/// and much alike, only some are taken, or one error each, unless it is to be `full`.
fn faults(call: &str, nth: usize, may_fail: bool, full: bool) -> Vec<(&'static str, bool)> {
    let one_in = |n: usize| full || nth.is_multiple_of(n);
    let quiet = matches!(call, "fcntl" | "mmap" | "munmap" | "close");
    let many = matches!(call, "openat" | "fcntl" | "pread64" | "pwrite64");
    let mut faults = Vec::new();
    if KILLED.contains(&call) && (!quiet || one_in(2)) {
        faults.push(("signal=KILL", false));
    }
    if FAILING.contains(&call) && may_fail && (!quiet || one_in(2)) {
        let turn = if quiet { nth / 2 } else { nth };
        let errors = ERRORS.iter().enumerate();
        let errors = errors.filter(|(at, _)| full || !many || (turn + at) % ERRORS.len() == 0);
        faults.extend(errors.map(|(_, error)| (*error, false)));
    }
    match call {
        "write" => faults.push((NOTHING, false)),
        "pwrite64" if one_in(3) => faults.extend([(NOTHING, false), ("error=ENOSPC", true)]),
        "fsync" | "ftruncate" => faults.push(("error=EIO", true)),
        _ => {}
    }
    faults
}

/// How often an undisturbed run makes each call; the most that one thread makes, because that is
/// how strace counts. And which of the calls of `fcntl` give a lock back: no kernel refuses that, and
/// SQLite, which still counts the lock as taken, would wait ten seconds for itself.
fn count_calls(case: &Case) -> (BTreeMap<String, usize>, BTreeSet<usize>) {
    let sandbox = case.base.copy();
    let calls: Vec<&str> = KILLED.iter().chain(FAILING).copied().collect();
    let trace = sandbox.path("trace");
    let mut command = strace(&sandbox, &[format!("trace={}", calls.join(","))]);
    let answer = Answer::fed(command.arg(VAULT).args(case.args), case.input);
    assert_eq!(answer.code, 0, "{}: {}", case.title, answer.err);
    let mut releases = BTreeSet::new();
    let mut threads: BTreeMap<(String, String), usize> = BTreeMap::new();
    for line in fs::read_to_string(trace).unwrap().lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((call, _)) = rest.trim_start().split_once('(') else { continue };
        let count = threads.entry((call.to_owned(), thread.to_owned())).or_default();
        *count += 1;
        if rest.contains("F_UNLCK") {
            releases.insert(*count);
        }
    }
    let mut most = BTreeMap::new();
    for ((call, _), count) in threads {
        let entry = most.entry(call).or_default();
        *entry = count.max(*entry);
    }
    most.retain(|call, _| calls.contains(&call.as_str()));
    (most, releases)
}

/// strace with its expressions; it writes to `trace` in the sandbox.
fn strace(sandbox: &Sandbox, expressions: &[String]) -> Command {
    let mut command = sandbox.command("strace");
    command.args(["-f", "-qq", "-o", "trace"]);
    for expression in expressions {
        command.args(["-e", expression]);
    }
    command
}

/// Per command: how many disturbances took place, of how many; and what went wrong.
type Tally = (BTreeMap<&'static str, (usize, usize)>, Vec<String>);

fn run_all(cases: &[Case], work: &[(usize, Point)]) -> Tally {
    let next = AtomicUsize::new(0);
    let tally: Mutex<Tally> = Mutex::default();
    // tracer and traced take turns, so that one more than there are cores keeps them busy
    let threads = std::thread::available_parallelism().map_or(2, usize::from) + 1;
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((at, point)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (fired, verdict) = try_point(&cases[*at], point);
                    let mut tally = tally.lock().unwrap();
                    let ran = tally.0.entry(cases[*at].title).or_default();
                    *ran = (ran.0 + usize::from(fired), ran.1 + 1);
                    if let Err(why) = verdict {
                        tally.1.push(format!("{}: {point:?}: {why}", cases[*at].title));
                    }
                }
            });
        }
    });
    tally.into_inner().unwrap()
}

fn try_point(case: &Case, point: &Point) -> (bool, Result<(), String>) {
    let sandbox = case.base.copy();
    let outcome = disturb(case, point, &sandbox);
    let verdict = judge(case, &outcome, &sandbox)
        .map_err(|why| format!("{why}; code {:?}, stderr: {}", outcome.code, outcome.err.trim()));
    (outcome.fired, verdict)
}

/// Runs the command with the disturbance. Output goes to files: nothing can block.
fn disturb(case: &Case, point: &Point, sandbox: &Sandbox) -> Outcome {
    let Point { call, nth, fault, lasting } = point;
    let inject = format!("inject={call}:{fault}:when={nth}{}", if *lasting { "+" } else { "" });
    fs::write(sandbox.path("stdin"), case.input).unwrap();
    let mut command = strace(sandbox, &[format!("trace={call}"), inject]);
    command
        .arg(VAULT)
        .args(case.args)
        .stdin(File::open(sandbox.path("stdin")).unwrap())
        .stdout(File::create(sandbox.path("stdout")).unwrap())
        .stderr(File::create(sandbox.path("stderr")).unwrap());
    let status = wait(command);
    let read = |name: &str| fs::read(sandbox.path(name)).unwrap_or_default();
    let killed = status.and_then(|status| status.signal()) == Some(9);
    Outcome {
        code: status.filter(|_| !killed).map(code),
        out: read("stdout"),
        err: String::from_utf8_lossy(&read("stderr")).into_owned(),
        fired: killed || String::from_utf8_lossy(&read("trace")).contains("(INJECTED)"),
        hung: status.is_none(),
        lasting: *lasting,
    }
}

fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

/// How it ended; none if it had to be stopped.
fn wait(mut command: Command) -> Option<ExitStatus> {
    let mut child = command.spawn().unwrap();
    let start = Instant::now();
    while start.elapsed() < DEADLINE {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    _ = child.kill(); // what it traces dies with it
    _ = child.wait();
    None
}
