//! `vault incident unlink`.

use super::words::filled;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::report::{Cell, Report};
use crate::error::Result;
use crate::model::CredName;
use crate::model::incident::IncidentNumber;
use crate::vault::Note;
use clap_complete::engine::ArgValueCompleter;

/// Take credentials off an incident
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault incident unlink INC-7 db/main
  vault incident unlink INC-7 db/main --note 'it was never on that laptop'

The timeline keeps that they were linked.")]
pub struct Args {
    /// Which incident: INC-7, or 7
    #[arg(value_name = "INCIDENT", add = ArgValueCompleter::new(complete::incidents))]
    number: IncidentNumber,

    /// Which credentials
    #[arg(value_name = "NAME", required = true, add = ArgValueCompleter::new(complete::names))]
    names: Vec<CredName>,

    /// A note for the timeline; sealed
    #[arg(long, value_name = "TEXT", value_parser = filled)]
    note: Option<String>,
}

/// Takes them off.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let (number, mut names) = (args.number, args.names);
    names.sort();
    names.dedup();
    let note = Note { text: args.note, happened_at: None };
    cx.unlocked()?.unlink_incident(number, &names, &note)?;
    let message = match &names[..] {
        [name] => format!("took `{name}` off {number}"),
        _ => format!("took {} credentials off {number}", names.len()),
    };
    let names = names.iter().map(|name| name.to_string().into()).collect();
    Ok(Report::Done {
        message,
        item: vec![("number", Cell::owned(number.to_string())), ("credentials", Cell::List(names))],
    })
}
