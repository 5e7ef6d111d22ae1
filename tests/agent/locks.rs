//! The keys are dropped when they must be, and the log tells why.

use crate::support::waiting::{conclusive, room_for, runs, soon};
use crate::support::{Answer, require, unable};
use crate::{Desk, Slow, signal};
use rustix::process::Signal;
use std::fs;
use std::time::{Duration, Instant};

#[test]
fn when_it_was_not_used_for_a_while_and_not_before() {
    let desk = Desk::locked();
    conclusive("use", || {
        desk.unlock(&["--idle", "3s"]);
        for _ in 0..3 {
            let before = Instant::now();
            std::thread::sleep(Duration::from_millis(1500));
            let is_locked = desk.is_locked();
            // counted in whole seconds: the last use may have been one earlier than it seems
            if before.elapsed() >= Duration::from_secs(2) {
                return None;
            }
            assert!(!is_locked, "use is not seen");
        }
        Some(())
    });
    soon("the lock", || desk.standing().is_null());
    assert!(desk.is_locked());
    assert_eq!(desk.cause_of_lock(), "idle");
}

/// A command that is being carried out when the time of its agent is up.
fn left_open(desk: &Desk) -> Slow {
    let slow = conclusive("a command within the time", || {
        let begun = Instant::now();
        desk.unlock(&["--idle", "3s"]);
        let slow = desk.slow();
        if begun.elapsed() >= Duration::from_secs(2) {
            signal(slow.pid(), Signal::KILL);
            slow.end();
            return None;
        }
        Some(slow)
    });
    soon("the end of its time", || desk.standing()["state"] == "locked");
    slow
}

/// However it ended: the client goes as soon as it has the answer, or before.
#[test]
fn a_command_that_was_given_up_was_use() {
    let desk = Desk::locked();
    conclusive("use", || {
        let begun = Instant::now();
        desk.unlock(&["--idle", "12s"]);
        let slow = desk.slow();
        std::thread::sleep(Duration::from_secs(7));
        signal(slow.pid(), Signal::KILL);
        slow.end();
        if begun.elapsed() >= Duration::from_secs(11) {
            // the time was up before it was given up
            return None;
        }
        let given_up = Instant::now();
        std::thread::sleep(Duration::from_secs(7));
        let is_locked = desk.is_locked();
        (given_up.elapsed() < Duration::from_secs(11))
            .then(|| assert!(!is_locked, "use is not seen"))
    });
}

/// Somebody left a question open and went home. Nobody else is served, and he loses nothing.
#[test]
fn although_a_command_is_left_open() {
    let desk = Desk::locked();
    let slow = left_open(&desk);
    assert!(desk.is_locked());
    let told = desk.run(&["--no-input", "run", "-e", "X=vault://db/main", "--", "true"]);
    assert_eq!(told.code, 125, "{}", told.err);
    assert_eq!(desk.count("lock"), 0, "somebody uses it still");
    let answer = slow.finish();
    assert_eq!(answer.code, 0, "{}", answer.all());
    soon("the lock", || desk.standing().is_null());
    assert_eq!(desk.cause_of_lock(), "idle");
    assert_eq!(desk.run(&["cred", "show", "slow"]).code, 0);
}

/// What is left open is begun anew by whoever has a key, with the same command still there.
#[test]
fn unlocking_again_goes_on_with_what_is_left_open() {
    let desk = Desk::locked();
    let slow = left_open(&desk);
    let pid = desk.pid();
    desk.unlock(&[]);
    assert_eq!(desk.pid(), pid);
    assert!(!desk.is_locked());
    assert_eq!(slow.finish().code, 0);
    assert_eq!(desk.ok(&["cred", "get", "slow"]), b"x and so on");
}

/// To ask how it stands is no use.
#[test]
fn looking_keeps_nothing_unlocked() {
    let desk = Desk::locked();
    desk.unlock(&["--idle", "2s"]);
    soon("the lock: looking keeps it unlocked, or", || desk.standing().is_null());
}

#[test]
fn when_the_time_is_up_although_it_is_used() {
    let desk = Desk::locked();
    desk.unlock(&["--max", "3s"]);
    assert_eq!(desk.cause_of_lock(), "max");
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
    soon("the end of the agent", || !runs(pid));
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
    soon("its end", || !runs(pid));
    assert!(desk.is_locked());
}

/// Keys that nobody can reach are held for nobody.
#[test]
fn when_its_socket_has_gone() {
    let desk = Desk::unlocked();
    let pid = desk.pid();
    fs::remove_file(desk.socket()).unwrap();
    soon("its end", || !runs(pid));
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
    if !room_for(1000) {
        return;
    }
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

/// What a line of an ordinary user gives where `/proc` hides all processes but those that he could look into. An
/// agent refuses debuggers, and is hidden from him, too.
fn where_agents_are_hidden(desk: &Desk, line: &str) -> Option<Answer> {
    if !rustix::process::geteuid().is_root() {
        unable("only the superuser can mount");
        return None;
    }
    desk.sandbox.program();
    let user = desk.sandbox.ordinary()?.join(" ");
    let hidden = |line: &str| {
        let line = format!("mount -t proc -o hidepid=2 proc /proc && exec {user} sh -c '{line}'");
        let command = desk.sandbox.command("unshare");
        Answer::of(&mut desk.dress(command, &["-m", "sh", "-c", &line]))
    };
    if hidden("! test -e /proc/1").code != 0 {
        unable("processes cannot be hidden here");
        return None;
    }
    Some(hidden(line))
}

#[test]
fn although_the_agent_is_hidden_and_does_not_hear() {
    let desk = Desk::locked();
    let line = r#"./vault --key-file key unlock -q
        pid=$(./vault status --json | grep -o "\"pid\": *[0-9]*" | tr -dc 0-9)
        kill -STOP $pid && echo $pid && ./vault lock"#;
    let Some(answer) = where_agents_are_hidden(&desk, line) else { return };
    assert_eq!(answer.code, 0, "{}", answer.all());
    let pid = String::from_utf8(answer.out).unwrap();
    soon("its end", || !runs(pid.trim()));
}

#[test]
fn although_the_agent_of_a_service_is_hidden_it_gets_the_keys() {
    if !require("systemd-socket-activate") {
        return;
    }
    let desk = Desk::locked();
    let line = r"./vault --key-file key unlock -q
        socket=$PWD/$(ls run/vault/agent-*)
        ./vault lock -q
        timeout 60 systemd-socket-activate -l $socket -E HOME -E XDG_DATA_HOME -E XDG_STATE_HOME -E XDG_RUNTIME_DIR \
            $PWD/vault unlock --foreground >log 2>&1 &
        for _ in $(seq 1000); do test -S $socket && break; sleep 0.01; done
        ./vault --key-file key unlock && ./vault --no-input cred get db/main && ./vault lock -q";
    let Some(answer) = where_agents_are_hidden(&desk, line) else { return };
    assert_eq!((answer.code, &answer.out[..]), (0, &b"the-value"[..]), "{}", answer.all());
    assert!(answer.err.contains("which was waiting for them, has the keys"), "{}", answer.err);
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
    let slow = desk.slow();
    desk.ok(&["lock"]);
    let answer = slow.end();
    assert_eq!(answer.code, 18, "{}", answer.err);
    assert!(answer.err.contains("the agent ended before"), "{}", answer.err);
    assert_eq!(desk.run(&["cred", "show", "slow"]).code, 10);
}
