//! Commands on the audit log.

mod entry;
mod filter;
mod follow;
mod page;
mod report;
mod show;
mod stats;
mod summary;
mod tally;
mod verify;

use super::context::Context;
use super::tree::commands;
use crate::cli::report::Report;
use crate::error::Result;

commands! {
    /// See who touched what, when and why, and prove it
    @after_help "Examples:
  vault audit show --cred db/main --since 7d
  vault audit stats --by actor --since 30d
  vault audit report --html -o january.html --since 2027-01-01
  vault audit verify"
    pub enum Command {
        Show(Box<show::Args>) eager "show"
            "Show entries of the audit log, newest first, or one of them in full",
        Stats(Box<stats::Args>) eager "stats"
            "Count entries: by action, user, credential, client, program, machine or time",
        Report(Box<report::Args>) eager "report"
            "Write a report on what the log tells, with charts and a proof",
        Verify(verify::Args) leaf "verify"
            "Check that the audit log is intact, and up to where it is complete",
    }
}

/// Runs one of them.
pub fn run(command: Command, cx: &mut Context) -> Result<Report> {
    match command {
        Command::Show(args) => show::run(*args, cx),
        Command::Stats(args) => stats::run(*args, cx),
        Command::Report(args) => report::run(*args, cx),
        Command::Verify(args) => verify::run(args, cx),
    }
}
