//! Many at once, and an agent that is killed among them.

use crate::support::Answer;
use crate::support::waiting::{come, room_for, runs, soon};
use crate::{Desk, signal};
use rustix::process::{Pid, Signal, kill_process};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long a client waits for its turn: on a machine that needs longer for all of them, some are not served.
const TURN: Duration = Duration::from_mins(1);

#[test]
fn a_thousand_at_once_are_all_served() {
    if !room_for(4000) {
        return;
    }
    let desk = Desk::unlocked();
    let (done, since) = (AtomicUsize::new(0), Instant::now());
    std::thread::scope(|scope| {
        let mut children = Vec::new();
        for _ in 0..1000 {
            let mut get = desk.detached(&["cred", "get", "db/main"]);
            children.push(get.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
        }
        for child in children {
            let done = &done;
            scope.spawn(move || {
                let answer = Answer::from(child.wait_with_output().unwrap());
                if answer.code == 12 && since.elapsed() >= TURN {
                    return;
                }
                assert_eq!((answer.code, &*answer.text()), (0, "the-value"), "{}", answer.err);
                done.fetch_add(1, Ordering::SeqCst);
            });
        }
    });
    let (served, took) = (done.load(Ordering::SeqCst), since.elapsed());
    assert!(served == 1000 || served > 0 && took >= TURN, "{served} in {took:?}");
    assert_eq!(desk.count("decrypt"), served);
    println!("{served} of 1,000 served in {:.1} s, as many entries", took.as_secs_f64());
}

/// Each asks until there is no agent any more, which is killed as soon as some have been answered.
#[test]
fn a_killed_agent_loses_no_entry() {
    let (values, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let desk = Desk::locked();
    for round in 0..4 {
        desk.unlock(&[]);
        let (pid, before) = (desk.pid(), values.load(Ordering::SeqCst));
        let ask = || {
            while desk.run(&["--no-input", "cred", "get", "db/main"]).out == b"the-value" {
                values.fetch_add(1, Ordering::SeqCst);
            }
            failed.fetch_add(1, Ordering::SeqCst);
        };
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(ask);
            }
            soon("what is served", || values.load(Ordering::SeqCst) >= before + 15 * (round + 1));
            // now and then some of those who do its work go first
            for worker in workers(pid).into_iter().step_by(2).filter(|_| round % 2 == 1) {
                let _ = kill_process(worker, Signal::KILL); // it may have ended
            }
            signal(pid, Signal::KILL);
        });
    }
    let (values, failed) = (values.into_inner(), failed.into_inner());
    let entries = desk.count("decrypt");
    assert!(entries >= values, "{values} values, {entries} entries");
    println!("4 agents killed: {values} values, {entries} entries, {failed} without");
}

/// What carries out a command has the keys, and must not outlive who can lock.
#[test]
fn what_a_killed_agent_has_begun_ends_with_it() {
    let desk = Desk::unlocked();
    let slow = desk.slow();
    let worker = come("somebody at work", || match workers(desk.pid())[..] {
        [worker] => Some(worker),
        _ => None,
    });
    signal(desk.pid(), Signal::KILL);
    let answer = slow.end();
    assert_eq!(answer.code, 18, "{}", answer.err);
    soon("the end of what has the keys", || !runs(worker.as_raw_nonzero()));
    assert_eq!(desk.run(&["cred", "show", "slow"]).code, 10);
}

/// Those who do the work of an agent at this moment.
fn workers(agent: i32) -> Vec<Pid> {
    let list = std::fs::read_to_string(format!("/proc/{agent}/task/{agent}/children")).unwrap();
    let numbers = list.split_whitespace().map(|number| number.parse().unwrap());
    numbers.filter_map(Pid::from_raw).collect()
}
