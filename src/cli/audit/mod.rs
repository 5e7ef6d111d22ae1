//! Commands on the audit log.

mod show;
mod verify;

use super::context::Context;
use super::report::Report;
use crate::error::Result;

/// See who touched what, when and why, and prove it
#[derive(clap::Subcommand)]
#[command(after_help = "Examples:
  vault audit show --cred db/main --since 7d
  vault audit verify")]
pub enum Command {
    Show(show::Args),
    Verify(verify::Args),
}

/// Runs one of them.
pub fn run(command: Command, cx: &mut Context) -> Result<Report> {
    match command {
        Command::Show(args) => show::run(args, cx),
        Command::Verify(args) => verify::run(args, cx),
    }
}
