//! `vault incident rm`.

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::report::{Cell, Report};
use crate::error::Result;
use crate::model::incident::IncidentNumber;
use clap_complete::engine::ArgValueCompleter;

/// Move an incident to the trash
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault incident rm INC-7
  vault incident list --deleted
  vault incident restore INC-7

Its number is not used again, and what the log says of it stays.")]
pub struct Args {
    /// Which incident: INC-7, or 7
    #[arg(value_name = "INCIDENT", add = ArgValueCompleter::new(complete::incidents))]
    number: IncidentNumber,
}

/// Moves it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let number = args.number;
    cx.unlocked()?.remove_incident(number)?;
    Ok(Report::Done {
        message: format!(
            "moved {number} to the trash; `vault incident restore {number}` brings it back"
        ),
        item: vec![("number", Cell::owned(number.to_string()))],
    })
}
