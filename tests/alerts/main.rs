//! Canaries and alerts: a decoy that nothing but the keys can tell from others, and what in the log
//! deserves a look. Each rule has a control just below it.

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

#[path = "../forge/mod.rs"]
#[allow(dead_code, reason = "a toolkit for several test programs")]
mod forge;
#[path = "../support/mod.rs"]
mod support;

mod decoys;
mod hook;
mod rules;
mod unlock;
