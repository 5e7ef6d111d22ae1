//! Commands on incidents.

mod blast;
mod people;
mod rotate;
mod rotate_report;
mod tables;
mod window;

use super::context::Context;
use super::report::Report;
use super::tree::commands;
use crate::error::Result;

commands! {
    /// Write down what happened, which credentials it exposes, and what was done about it
    @after_help "Examples:
  vault incident blast INC-7
  vault incident rotate INC-7"
    pub enum Command {
        Blast(blast::Args) leaf "blast"
            "Find out how far an incident reaches: the same values elsewhere, and who used what",
        Rotate(Box<rotate::Args>) leaf "rotate"
            "Put new values in the place of all that an incident exposes",
    }
}

/// Runs one of them.
pub fn run(command: Command, cx: &mut Context) -> Result<Report> {
    match command {
        Command::Blast(args) => blast::run(args, cx),
        Command::Rotate(args) => rotate::run(*args, cx),
    }
}
