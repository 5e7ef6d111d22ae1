//! Commands on the audit log.

mod alerts;
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
  vault audit alerts --since 7d
  vault audit verify"
    pub enum Command {
        Show(show::Args) leaf "show"
            "Show entries of the audit log, newest first, or one of them in full",
        Alerts(alerts::Args) leaf "alerts"
            "Tell what in the audit log deserves a look: guessing, mass reads, newcomers, canaries",
        Verify(verify::Args) leaf "verify"
            "Check that the audit log is intact, and up to where it is complete",
    }
}

/// Runs one of them.
pub fn run(command: Command, cx: &mut Context) -> Result<Report> {
    match command {
        Command::Show(args) => show::run(args, cx),
        Command::Alerts(args) => alerts::run(&args, cx),
        Command::Verify(args) => verify::run(args, cx),
    }
}
