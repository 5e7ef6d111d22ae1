//! Many at once, and an agent that is killed among them.

use crate::support::Answer;
use crate::support::waiting::{room_for, soon};
use crate::{Desk, signal};
use rustix::process::Signal;
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

#[test]
fn a_killed_agent_loses_no_entry() {
    let mut values = 0;
    let desk = Desk::locked();
    for round in 0..4 {
        desk.unlock(&[]);
        let (pid, served) = (desk.pid(), AtomicUsize::new(0));
        // each goes on until there is nobody to ask: so many are being served whenever that happens
        let until_it_fails = || {
            loop {
                match &desk.run(&["--no-input", "cred", "get", "db/main"]).out[..] {
                    b"the-value" => _ = served.fetch_add(1, Ordering::SeqCst),
                    b"" => break,
                    other => panic!("torn: {other:?}"),
                }
            }
        };
        std::thread::scope(|scope| {
            (0..24).for_each(|_| _ = scope.spawn(until_it_fails));
            soon("what is served", || served.load(Ordering::SeqCst) >= 10 + 5 * round);
            let list = format!("/proc/{pid}/task/{pid}/children");
            let workers = std::fs::read_to_string(list).unwrap();
            signal(pid, Signal::KILL);
            // and every other one of those who do its work
            for worker in workers.split_whitespace().step_by(2) {
                let worker = rustix::process::Pid::from_raw(worker.parse().unwrap()).unwrap();
                let _ = rustix::process::kill_process(worker, Signal::KILL); // it may have ended
            }
        });
        values += served.into_inner();
    }
    let entries = desk.count("decrypt");
    assert!(entries >= values, "{values} values, {entries} entries");
    println!("killed 4 times among 24 clients: {values} values, {entries} entries");
}
