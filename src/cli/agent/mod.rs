//! The agent: a process that holds the keys of an unlocked vault for a while, and carries out commands for
//! other processes of the same user. It never hands out keys, and never carries out what changes them.

mod client;
mod deputy;
mod enter;
mod held;
mod left;
mod place;
mod renew;
mod request;
mod serve;
mod start;
mod status;
mod wire;
mod worker;

pub mod lock;
pub mod unlock;

pub use client::Outcome;
pub use deputy::Deputy;
pub use lock::{lock_after, lock_if_there};
pub use start::answer;
pub use status::standing;

use super::context::Context;
use crate::error::Result;
use crate::model::Secret;
use request::Verb;

/// Has the agent carry out the command, if there is one.
///
/// # Errors
/// I/O (18) when it ended in between.
pub fn carry_out(cx: &Context) -> Result<Outcome> {
    client::ask(Verb::Run, cx, &[])
}

/// Has the agent find the values for a program that is started here, if there is one. `texts` are files
/// that were read for that already.
///
/// # Errors
/// I/O (18) when it ended in between.
pub fn values(cx: &Context, texts: &[Secret]) -> Result<Outcome> {
    match cx.may_use_agent() {
        true => client::ask(Verb::Values, cx, texts),
        false => Ok(Outcome::Nothing),
    }
}
