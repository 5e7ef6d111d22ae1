//! `vault incident restore`.

use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::report::{Cell, Report};
use crate::error::Result;
use crate::model::incident::IncidentNumber;
use clap_complete::engine::ArgValueCompleter;

/// Bring an incident back from the trash
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault incident restore INC-7")]
pub struct Args {
    /// Which incident; `vault incident list --deleted` names them
    #[arg(value_name = "INCIDENT", add = ArgValueCompleter::new(complete::trashed_incidents))]
    number: IncidentNumber,
}

/// Brings it back.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let number = args.number;
    cx.unlocked()?.restore_incident(number)?;
    Ok(Report::Done {
        message: format!("restored {number}"),
        item: vec![("number", Cell::owned(number.to_string()))],
    })
}
