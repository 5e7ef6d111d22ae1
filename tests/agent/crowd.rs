//! Many at once, and an agent that is killed among them.

use crate::{Desk, signal};
use rustix::process::Signal;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

#[test]
fn a_thousand_at_once_are_all_served() {
    let desk = Desk::unlocked();
    let (done, since) = (AtomicUsize::new(0), Instant::now());
    std::thread::scope(|scope| {
        let mut children = Vec::new();
        for _ in 0..1000 {
            let mut get = desk.vault(&["cred", "get", "db/main"]);
            get.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
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

#[test]
fn a_killed_agent_loses_no_entry() {
    let (mut values, mut failed) = (0, 0);
    let desk = Desk::locked();
    for round in 0..4 {
        desk.unlock(&[]);
        let pid = desk.pid();
        std::thread::scope(|scope| {
            let gets: Vec<_> = (0..50)
                .map(|_| scope.spawn(|| desk.run(&["--no-input", "cred", "get", "db/main"])))
                .collect();
            std::thread::sleep(std::time::Duration::from_millis(150 + 100 * round));
            let list = format!("/proc/{pid}/task/{pid}/children");
            let workers = std::fs::read_to_string(list).unwrap();
            signal(pid, Signal::KILL);
            // and every other one of those who do its work
            for worker in workers.split_whitespace().step_by(2) {
                let worker = rustix::process::Pid::from_raw(worker.parse().unwrap()).unwrap();
                let _ = rustix::process::kill_process(worker, Signal::KILL); // it may have ended
            }
            for get in gets {
                let answer = get.join().unwrap();
                match &answer.out[..] {
                    b"the-value" => values += 1,
                    b"" => failed += 1,
                    other => panic!("torn: {other:?}"),
                }
            }
        });
    }
    let entries = desk.count("decrypt");
    assert!(entries >= values, "{values} values, {entries} entries");
    assert!(
        values > 0 && failed > 0,
        "the agent was killed too early or too late: {values} {failed}"
    );
    println!("200 gets, killed among them: {values} values, {entries} entries, {failed} without");
}
