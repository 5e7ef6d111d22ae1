//! `vault run` with real programs: what they get, byte for byte, and what they do not; how they end; what
//! is refused before anything is started.

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

#[path = "../support/mod.rs"]
mod support;

mod crash;
mod ending;
mod refused;
mod surroundings;
mod terminal;
mod values;

use support::Sandbox;
use support::waiting::soon as wait_for;

/// A sandbox with the password `hunter2` called `x`, and a 2-line one with odd bytes called `db/main`.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2-hunter2");
    sandbox.add("db/main", b"first line\nsecond 'line'");
    sandbox
}
