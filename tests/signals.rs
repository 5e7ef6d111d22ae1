//! Signals that are noted. They are those of the whole process, so this is the only test in its program.

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

use rustix::process::{Signal, getpid, kill_process};
use std::time::{Duration, Instant};
use vault::sys::Signals;

fn raise(signal: Signal, is_noted: impl Fn() -> bool) {
    kill_process(getpid(), signal).unwrap();
    let since = Instant::now();
    while !is_noted() {
        // another thread may have got it
        assert!(since.elapsed() < Duration::from_mins(1), "{signal:?} is not noted");
        std::thread::yield_now();
    }
}

#[test]
fn a_request_to_end_is_noted_and_an_interrupt_is_for_others() {
    support::hear_signals();
    let signals = Signals::noted();
    assert!(!signals.came());
    raise(Signal::INT, || signals.came());
    assert!(!signals.told_to_end());
    raise(Signal::TERM, || signals.told_to_end());
    // what is begun while they are noted learns of it, and forgets it for nobody
    let within = Signals::noted();
    assert!(within.told_to_end() && within.came());
    drop(within);
    assert!(signals.told_to_end());
    drop(signals);
    let later = Signals::noted();
    assert!(!later.told_to_end() && !later.came());
}
