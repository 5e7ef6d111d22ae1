//! Commands on the audit log.

mod alerts;
mod anchors;
mod checkpoint;
mod entry;
mod export;
mod filter;
mod follow;
mod page;
mod prune;
mod report;
mod show;
mod sinks;
mod stats;
mod summary;
mod tally;
mod verify;

pub(super) use checkpoint::item as checkpoint_item;

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
  vault audit alerts --since 7d
  vault audit verify
  vault audit checkpoint -o head.note"
    pub enum Command {
        Show(Box<show::Args>) eager "show"
            "Show entries of the audit log, newest first, or one of them in full",
        Stats(Box<stats::Args>) eager "stats"
            "Count entries: by action, user, credential, client, program, machine or time",
        Report(Box<report::Args>) eager "report"
            "Write a report on what the log tells, with charts and a proof",
        Alerts(alerts::Args) leaf "alerts"
            "Tell what in the audit log deserves a look: guessing, mass reads, newcomers, canaries",
        Verify(verify::Args) leaf "verify"
            "Check that the audit log is intact, and up to where it is complete",
        Checkpoint(checkpoint::Args) leaf "checkpoint"
            "Sign where the log is now, for keeping elsewhere",
        Export(Box<export::Args>) leaf "export"
            "Hand the log to other programs: JSON Lines, CSV or CEF, oldest first",
        Sinks(sinks::Args) leaf "sinks"
            "Tell how far each configured sink is, having tried it",
        Prune(prune::Args) leaf "prune"
            "Destroy old entries that a checkpoint covers; the rest stays verifiable",
    }
}

impl Command {
    /// Whether it may need the keys, so that an agent is asked.
    pub fn is_for_agent(&self) -> bool {
        match self {
            Self::Show(_) | Self::Stats(_) | Self::Sinks(_) => false,
            Self::Report(_)
            | Self::Alerts(_)
            | Self::Verify(_)
            | Self::Checkpoint(_)
            | Self::Export(_)
            | Self::Prune(_) => true,
        }
    }
}

/// Runs one of them.
pub fn run(command: Command, cx: &mut Context) -> Result<Report> {
    match command {
        Command::Show(args) => show::run(*args, cx),
        Command::Stats(args) => stats::run(*args, cx),
        Command::Report(args) => report::run(*args, cx),
        Command::Alerts(args) => alerts::run(&args, cx),
        Command::Verify(args) => verify::run(args, cx),
        Command::Checkpoint(args) => checkpoint::run(args, cx),
        Command::Export(args) => export::run(*args, cx),
        Command::Sinks(args) => sinks::run(args, cx),
        Command::Prune(args) => prune::run(args, cx),
    }
}
