//! `vault incident contain`, `monitor`, `resolve` and `reopen`: the steps of the workflow.

use super::words::{self, filled, past};
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::report::{Cell, Report};
use crate::error::Result;
use crate::model::incident::{IncidentNumber, IncidentOutcome, Step};
use crate::vault::Note;
use clap_complete::engine::ArgValueCompleter;

/// What every step takes.
#[derive(clap::Args)]
struct StepArgs {
    /// Which incident: INC-7, or 7
    #[arg(value_name = "INCIDENT", add = ArgValueCompleter::new(complete::incidents))]
    number: IncidentNumber,

    /// A note for the timeline; sealed
    #[arg(long, value_name = "TEXT", value_parser = filled)]
    note: Option<String>,

    /// When it was done, if not now: 2026-11-20T08:30:00Z, or 2h ago
    #[arg(long, value_name = "WHEN")]
    at: Option<String>,
}

/// Say that an incident cannot get worse any more
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault incident contain INC-7
  vault incident contain INC-7 --at 2h --note 'device wiped from afar'")]
pub struct Contain {
    #[command(flatten)]
    step: StepArgs,
}

/// Say that an incident is dealt with, and watched whether it comes again
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault incident monitor INC-7 --note 'watched until the end of the month'")]
pub struct Monitor {
    #[command(flatten)]
    step: StepArgs,
}

/// Close an incident; refused while a linked credential is exposed
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault incident resolve INC-7
  vault incident resolve INC-7 --outcome no_impact --note 'nobody used it'

Every linked credential must be rotated and verified, waived with a reason, or not exposed:
  vault incident rotate INC-7
  vault incident link INC-7 db/main --verified
  vault incident link INC-7 old/ftp --waive 'the service is switched off'")]
pub struct Resolve {
    #[command(flatten)]
    step: StepArgs,

    /// What it turned out to be
    #[arg(long, value_name = "OUTCOME", value_parser = words::outcomes())]
    outcome: Option<IncidentOutcome>,
}

/// Look into an incident again
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault incident reopen INC-7 --note 'logins from the same address again'")]
pub struct Reopen {
    #[command(flatten)]
    step: StepArgs,
}

/// Takes it to `contained`.
pub fn contain(args: Contain, cx: &mut Context) -> Result<Report> {
    take(Step::Contain, args.step, None, cx)
}

/// Takes it to `monitoring`.
pub fn monitor(args: Monitor, cx: &mut Context) -> Result<Report> {
    take(Step::Monitor, args.step, None, cx)
}

/// Takes it to `resolved`.
pub fn resolve(args: Resolve, cx: &mut Context) -> Result<Report> {
    take(Step::Resolve, args.step, args.outcome, cx)
}

/// Takes it back to `investigating`.
pub fn reopen(args: Reopen, cx: &mut Context) -> Result<Report> {
    take(Step::Reopen, args.step, None, cx)
}

fn take(
    step: Step,
    args: StepArgs,
    outcome: Option<IncidentOutcome>,
    cx: &Context,
) -> Result<Report> {
    let number = args.number;
    let happened_at = args.at.as_deref().map(|at| past("--at", at, cx)).transpose()?.flatten();
    let note = Note { text: args.note, happened_at };
    let status = cx.unlocked()?.step_incident(number, step, outcome, &note)?;
    for next in status.steps() {
        cx.note_later(format!("next, {}: `vault incident {} {number}`", next.about(), next.word()));
    }
    let next = status.steps().map(|step| step.word().into()).collect();
    Ok(Report::Done {
        message: format!("{number} is {}", status.word()),
        item: vec![
            ("number", Cell::owned(number.to_string())),
            ("status", Cell::text(Some(status.word()))),
            ("outcome", Cell::text(outcome.map(IncidentOutcome::word))),
            ("next", Cell::List(next)),
        ],
    })
}
