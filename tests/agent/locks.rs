//! The keys are dropped when they must be, and the log tells why.

use crate::support::Answer;
use crate::{Desk, signal};
use rustix::process::Signal;
use std::fs;
use std::io::Write;
use std::process::{Child, ChildStdin, Stdio};
use std::time::{Duration, Instant};

#[test]
fn when_it_was_not_used_for_a_while_and_not_before() {
    let desk = Desk::locked();
    desk.unlock(&["--idle", "10s"]);
    for _ in 0..3 {
        std::thread::sleep(Duration::from_secs(4));
        assert!(!desk.is_locked(), "use is not seen");
    }
    wait_until_it_goes(&desk);
    assert_eq!(desk.cause_of_lock(), "idle");
}

/// Without using it.
fn wait_until_it_goes(desk: &Desk) {
    let since = Instant::now();
    while !desk.standing().is_null() {
        assert!(since.elapsed() < Duration::from_secs(40), "kept unlocked");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// A command that waits for its input.
fn slow(desk: &Desk) -> (Child, ChildStdin) {
    let mut slow = desk.vault(&["cred", "add", "slow", "--stdin"]);
    let mut slow = slow.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let input = slow.stdin.take().unwrap();
    (slow, input)
}

/// However it ended: the client goes as soon as it has the answer, or before.
#[test]
fn a_command_that_was_given_up_was_use() {
    let desk = Desk::locked();
    desk.unlock(&["--idle", "12s"]);
    let (mut slow, _open) = slow(&desk);
    std::thread::sleep(Duration::from_secs(7));
    signal(i32::try_from(slow.id()).unwrap(), Signal::KILL);
    slow.wait().unwrap();
    std::thread::sleep(Duration::from_secs(7));
    assert!(!desk.is_locked(), "use is not seen");
}

/// Somebody left a question open and went home. Nobody else is served, and he loses nothing.
#[test]
fn although_a_command_is_left_open() {
    let desk = Desk::locked();
    desk.unlock(&["--idle", "3s"]);
    let (slow, mut input) = slow(&desk);
    let since = Instant::now();
    while desk.standing()["state"] != "locked" {
        assert!(since.elapsed() < Duration::from_secs(30), "kept unlocked");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(desk.is_locked());
    let told = desk.vault(&["--no-input", "run", "-e", "X=vault://db/main", "--", "true"]).output();
    assert_eq!(told.unwrap().status.code(), Some(125));
    assert_eq!(desk.count("lock"), 0, "somebody uses it still");
    input.write_all(b"finished in the end").unwrap();
    drop(input);
    let answer = Answer::from(slow.wait_with_output().unwrap());
    assert_eq!(answer.code, 0, "{}", answer.all());
    wait_until_it_goes(&desk);
    assert_eq!(desk.cause_of_lock(), "idle");
    assert_eq!(desk.run(&["cred", "show", "slow"]).code, 0);
}

/// What is left open is begun anew by whoever has a key, with the same command still there.
#[test]
fn unlocking_again_goes_on_with_what_is_left_open() {
    let desk = Desk::locked();
    desk.unlock(&["--idle", "2s"]);
    let (slow, mut input) = slow(&desk);
    let since = Instant::now();
    while desk.standing()["state"] != "locked" {
        assert!(since.elapsed() < Duration::from_secs(30), "kept unlocked");
        std::thread::sleep(Duration::from_millis(200));
    }
    let pid = desk.pid();
    desk.unlock(&[]);
    assert_eq!(desk.pid(), pid);
    assert!(!desk.is_locked());
    input.write_all(b"finished in the end").unwrap();
    drop(input);
    assert_eq!(Answer::from(slow.wait_with_output().unwrap()).code, 0);
    assert_eq!(desk.ok(&["cred", "get", "slow"]), b"finished in the end");
}

/// To ask how it stands is no use.
#[test]
fn looking_keeps_nothing_unlocked() {
    let desk = Desk::locked();
    desk.unlock(&["--idle", "2s"]);
    wait_until_it_goes(&desk);
}

#[test]
fn when_the_time_is_up_although_it_is_used() {
    let desk = Desk::locked();
    desk.unlock(&["--max", "3s"]);
    let since = Instant::now();
    assert_eq!(desk.cause_of_lock(), "max");
    assert!(since.elapsed() < Duration::from_secs(20));
}

#[test]
fn when_it_is_told_to_end() {
    for one in [Signal::TERM, Signal::INT, Signal::HUP] {
        let desk = Desk::unlocked();
        signal(desk.pid(), one);
        assert_eq!(desk.cause_of_lock(), "signal");
        assert_eq!(fs::read_dir(desk.sandbox.path("run/vault")).unwrap().count(), 0);
    }
}

#[test]
fn when_somebody_asks_and_then_there_is_none() {
    let desk = Desk::unlocked();
    let pid = desk.pid();
    desk.ok(&["lock", "--reason", "going home"]);
    assert!(!std::path::Path::new(&format!("/proc/{pid}/exe")).exists());
    let entry = &desk.log()[0];
    assert_eq!((&entry["action"], &entry["reason"]), (&"lock".into(), &"going home".into()));
    assert_eq!(desk.cause_of_lock(), "asked");
    let again = desk.run(&["lock"]);
    assert_eq!(again.code, 0);
    assert!(again.err.contains("no agent"), "{}", again.all());
}

#[test]
fn when_another_file_is_in_the_place_of_the_vault() {
    let desk = Desk::unlocked();
    let file = desk.sandbox.database();
    let copy = desk.sandbox.path("copy.db");
    let pid = desk.pid(); // it may notice, and be gone, at once
    fs::copy(&file, &copy).unwrap();
    fs::rename(&copy, &file).unwrap();
    let since = Instant::now();
    while std::path::Path::new(&format!("/proc/{pid}/exe")).exists() {
        assert!(since.elapsed() < Duration::from_secs(20), "it does not notice");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(desk.is_locked());
}

/// Keys that nobody can reach are held for nobody.
#[test]
fn when_its_socket_has_gone() {
    let desk = Desk::unlocked();
    let pid = desk.pid();
    fs::remove_file(desk.socket()).unwrap();
    let since = Instant::now();
    while std::path::Path::new(&format!("/proc/{pid}/exe")).exists() {
        assert!(since.elapsed() < Duration::from_secs(20), "it does not notice");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(desk.cause_of_lock(), "replaced");
}

/// Slots that are no longer those of the vault: the slot was renamed from outside, which is noticed twice,
/// but here it stands for a key that was removed elsewhere.
#[test]
fn when_the_slot_has_gone() {
    let desk = Desk::unlocked();
    let db = rusqlite::Connection::open(desk.sandbox.database()).unwrap();
    db.execute("UPDATE slot SET label = 'another'", []).unwrap();
    drop(db);
    let answer = desk.run(&["--no-input", "cred", "get", "db/main"]);
    assert_eq!(answer.code, 12, "{}", answer.all());
    assert!(answer.err.contains("have changed since"), "{}", answer.err);
    assert_eq!(desk.cause_of_lock(), "keys_changed");
}

#[test]
fn unlocking_again_begins_anew() {
    let desk = Desk::locked();
    desk.unlock(&["--max", "1h"]);
    let (pid, first) = (desk.pid(), desk.standing());
    desk.unlock(&["--max", "2h", "--idle", "9m"]);
    let second = desk.standing();
    assert_eq!(desk.pid(), pid);
    assert_eq!((first["max"].as_i64(), second["max"].as_i64()), (Some(3600), Some(7200)));
    assert_eq!(second["idle"].as_i64(), Some(540));
    assert!(!desk.is_locked());
    assert_eq!(desk.count("unlock"), 2);
}

/// One agent, whoever comes first.
#[test]
fn all_who_unlock_at_once_succeed() {
    let desk = Desk::locked();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| desk.unlock(&[]));
        }
    });
    assert_eq!(desk.count("unlock"), 8);
    assert_eq!(fs::read_dir(desk.sandbox.path("run/vault")).unwrap().count(), 1);
    assert!(!desk.is_locked());
    desk.ok(&["lock"]);
    assert!(desk.is_locked());
}

/// Whoever says nothing takes time, and keeps nobody from locking.
#[test]
fn when_somebody_asks_in_a_crowd() {
    let desk = Desk::unlocked();
    let call = || std::os::unix::net::UnixStream::connect(desk.socket()).unwrap();
    let mut silent: Vec<_> = (0..300).map(|_| call()).collect();
    desk.ok(&["lock"]);
    silent.clear();
    assert!(desk.is_locked());
    assert_eq!(desk.cause_of_lock(), "signal");
}

/// One that was stopped hears nothing, and still has the keys.
#[test]
fn although_the_agent_does_not_hear() {
    let desk = Desk::unlocked();
    let pid = desk.pid();
    signal(pid, Signal::STOP);
    let answer = desk.run(&["lock"]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(answer.err.contains("did not answer and was killed"), "{}", answer.err);
    let (since, stat) = (Instant::now(), format!("/proc/{pid}/stat"));
    while fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(since.elapsed() < Duration::from_secs(20), "it is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(desk.is_locked());
    desk.unlock(&[]);
    assert!(!desk.is_locked());
}

#[test]
fn times_are_looked_at_before_the_vault_is() {
    let desk = Desk::locked();
    for bad in [&["--idle", "0s"][..], &["--max", "31d"], &["--idle", "soon"]] {
        let answer = desk.run(&[&["unlock"], bad].concat());
        assert_eq!(answer.code, 2, "{}", answer.err);
    }
    assert_eq!(desk.count("unlock"), 0);
}

/// Somebody who waits at a question is not left with a command that nobody carries out.
#[test]
fn locking_ends_what_is_being_carried_out() {
    let desk = Desk::unlocked();
    let mut slow = desk.detached(&["cred", "add", "slow", "--stdin"]);
    slow.stdin(Stdio::piped()).stderr(Stdio::piped());
    let child = slow.spawn().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    desk.ok(&["lock"]);
    let answer = Answer::from(child.wait_with_output().unwrap());
    assert_eq!(answer.code, 18, "{}", answer.err);
    assert!(answer.err.contains("the agent ended before"), "{}", answer.err);
    assert_eq!(desk.run(&["cred", "show", "slow"]).code, 10);
}
