//! Use without a person: every way to a key as the manual shows it, what containers and service managers
//! mount, and that nothing waits for somebody who is not there.

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

mod booted;
mod mounts;
mod recipes;
mod silent;
