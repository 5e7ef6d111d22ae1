//! What is promised of a process that holds keys (T12), and of slots that somebody else has written (T20).

#![allow(
    clippy::pedantic,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::format_push_string,
    reason = "tests may, and clarity comes before speed"
)]

#[path = "../support/mod.rs"]
mod support;

mod derivation;
mod memory;
