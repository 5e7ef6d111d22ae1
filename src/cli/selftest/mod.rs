//! Tests of the program by itself, on the user's machine, on a vault that is thrown away.

pub mod deliveries;
pub mod io;
mod stage;

use super::context::Context;
use super::report::Report;
use super::tree::commands;
use crate::error::Result;

commands! {
    /// Try on this machine whether the program does what it promises
    @after_help "Examples:
  vault selftest io"
    pub enum Command {
        Io(io::Args) leaf "io"
            "Send difficult values through every way out of the vault, and compare what arrives",
    }
}

/// Runs one of them.
///
/// # Errors
/// Those of the test itself; what it finds is an answer.
pub fn run(command: Command, cx: &mut Context) -> Result<Report> {
    match command {
        Command::Io(args) => io::run(args, cx),
    }
}
