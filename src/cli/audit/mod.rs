//! Commands on the audit log.

mod entry;
mod filter;
mod follow;
mod show;
mod verify;

use super::context::Context;
use super::report::Report;
use super::tree::commands;
use crate::error::Result;

commands! {
    /// See who touched what, when and why, and prove it
    @after_help "Examples:
  vault audit show --cred db/main --since 7d
  vault audit verify"
    pub enum Command {
        Show(Box<show::Args>) eager "show"
            "Show entries of the audit log, newest first, or one of them in full",
        Verify(verify::Args) leaf "verify"
            "Check that the audit log is intact, and up to where it is complete",
    }
}

/// Runs one of them.
pub fn run(command: Command, cx: &mut Context) -> Result<Report> {
    match command {
        Command::Show(args) => show::run(*args, cx),
        Command::Verify(args) => verify::run(args, cx),
    }
}
