//! Many at once, and an agent that is killed among them.

use crate::{Desk, signal};
use rustix::process::{Pid, Signal, kill_process};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[test]
fn a_thousand_at_once_are_all_served() {
    let desk = Desk::unlocked();
    let (done, since) = (AtomicUsize::new(0), Instant::now());
    std::thread::scope(|scope| {
        let mut children = Vec::new();
        for _ in 0..1000 {
            let mut get = desk.vault(&["cred", "get", "db/main"]);
            get.stdout(Stdio::piped()).stderr(Stdio::piped());
            children.push(get.spawn().unwrap());
        }
        for child in children {
            let done = &done;
            scope.spawn(move || {
                let answer = crate::support::Answer::from(child.wait_with_output().unwrap());
                assert_eq!(
                    (answer.code, &answer.out[..]),
                    (0, &b"the-value"[..]),
                    "{}",
                    answer.err
                );
                done.fetch_add(1, Ordering::SeqCst);
            });
        }
    });
    assert_eq!(done.load(Ordering::SeqCst), 1000);
    assert_eq!(desk.count("decrypt"), 1000);
    println!("1,000 of 1,000 served in {:.1} s, 1,000 entries", since.elapsed().as_secs_f64());
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
            let since = Instant::now();
            while values.load(Ordering::SeqCst) < before + 15 * (round + 1) {
                assert!(since.elapsed() < Duration::from_mins(1), "nobody is served");
                std::thread::sleep(Duration::from_millis(1));
            }
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
    let mut slow = desk.vault(&["cred", "add", "slow", "--stdin"]);
    let mut slow = slow.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let input = slow.stdin.take();
    let (pid, since) = (desk.pid(), Instant::now());
    let worker = loop {
        assert!(since.elapsed() < Duration::from_secs(20), "nobody is at work");
        if let [worker] = workers(pid)[..] {
            break worker;
        }
    };
    signal(pid, Signal::KILL);
    let answer = crate::support::Answer::from(slow.wait_with_output().unwrap());
    assert_eq!(answer.code, 18, "{}", answer.err);
    let stat = format!("/proc/{}/stat", worker.as_raw_nonzero());
    while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(since.elapsed() < Duration::from_secs(20), "it lives on, with the keys");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(input);
    assert_eq!(desk.run(&["cred", "show", "slow"]).code, 10);
}

/// Those who do the work of an agent at this moment.
fn workers(agent: i32) -> Vec<Pid> {
    let list = std::fs::read_to_string(format!("/proc/{agent}/task/{agent}/children")).unwrap();
    let numbers = list.split_whitespace().map(|number| number.parse().unwrap());
    numbers.filter_map(Pid::from_raw).collect()
}
