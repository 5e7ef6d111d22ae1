//! Commands on the audit log.

mod anchors;
mod checkpoint;
mod export;
mod prune;
mod show;
mod sinks;
mod verify;

use super::context::Context;
use super::report::Report;
use super::tree::commands;
use crate::error::Result;

commands! {
    /// See who touched what, when and why, and prove it
    @after_help "Examples:
  vault audit show --cred db/main --since 7d
  vault audit verify
  vault audit checkpoint -o head.note"
    pub enum Command {
        Show(show::Args) leaf "show"
            "Show entries of the audit log, newest first, or one of them in full",
        Verify(verify::Args) leaf "verify"
            "Check that the audit log is intact, and up to where it is complete",
        Checkpoint(checkpoint::Args) leaf "checkpoint"
            "Sign where the log is now, for keeping elsewhere",
        Export(export::Args) leaf "export"
            "Hand the log to other programs: JSON Lines, CSV or CEF, oldest first",
        Sinks(sinks::Args) leaf "sinks"
            "Tell how far each configured sink is, having tried it",
        Prune(prune::Args) leaf "prune"
            "Destroy old entries that a checkpoint covers; the rest stays verifiable",
    }
}

/// Runs one of them.
pub fn run(command: Command, cx: &mut Context) -> Result<Report> {
    match command {
        Command::Show(args) => show::run(args, cx),
        Command::Verify(args) => verify::run(args, cx),
        Command::Checkpoint(args) => checkpoint::run(args, cx),
        Command::Export(args) => export::run(args, cx),
        Command::Sinks(args) => sinks::run(args, cx),
        Command::Prune(args) => prune::run(args, cx),
    }
}
