//! `vault incident link`.

use super::words::{self, filled};
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::cred::{FilterArgs, meant};
use crate::cli::report::{Cell, Report};
use crate::error::{Error, Result};
use crate::model::CredName;
use crate::model::incident::{Exposure, IncidentNumber};
use crate::vault::{Filter, LinkChange, Unlocked, Vault};
use clap_complete::engine::ArgValueCompleter;

/// Say which credentials an incident has to do with, and how exposed they are
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault incident link INC-7 db/main vpn/alice --exposure exposed
  vault incident link INC-7 --client acme --tag laptop
  vault incident link INC-7 vpn/alice --verified
  vault incident link INC-7 old/ftp --waive 'the service is switched off'

A new link is `unknown` unless the exposure is given. Names and filters together mean those of both.")]
pub struct Args {
    /// Which incident: INC-7, or 7
    #[arg(value_name = "INCIDENT", add = ArgValueCompleter::new(complete::incidents))]
    number: IncidentNumber,

    /// Which credentials; beginnings that fit only one name will do
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(complete::names))]
    names: Vec<String>,

    /// How exposed they are
    #[arg(long, value_name = "EXPOSURE", value_parser = words::exposures())]
    exposure: Option<Exposure>,

    /// The new value was seen to work, and the old one not to; refused before it is rotated
    #[arg(long)]
    verified: bool,

    /// Nothing is to be done about them, for this reason; the reason is sealed
    #[arg(long, value_name = "REASON", value_parser = filled)]
    waive: Option<String>,

    #[command(flatten)]
    filter: FilterArgs,
}

/// Links them.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let (number, filter) = (args.number, args.filter.filter(cx.world.now())?);
    if args.names.is_empty() && filter.is_empty() {
        return Err(Error::usage("no credential is named")
            .hint(format!("vault incident link {number} NAME"))
            .hint(format!("or all that fit: vault incident link {number} --client CLIENT")));
    }
    let mut vault = cx.unlocked()?;
    let mut names = fitting(&mut vault, filter)?;
    for text in &args.names {
        names.push(meant(cx, &vault, text, false)?);
    }
    names.sort();
    names.dedup();
    let said = [
        args.exposure.map(Exposure::word),
        args.verified.then_some("verified"),
        args.waive.as_ref().map(|_| "waived"),
    ];
    let said: Vec<&str> = said.into_iter().flatten().collect();
    let said = if said.is_empty() { String::new() } else { format!(": {}", said.join(", ")) };
    let change = LinkChange { exposure: args.exposure, verified: args.verified, waive: args.waive };
    let changed = vault.link_incident(number, &names, &change)?;
    let message = match changed {
        0 if names.is_empty() => "no credentials, or none that fit: nothing was linked".into(),
        0 => format!("nothing to change: {number} has these links already"),
        1 => format!("linked 1 credential to {number}{said}"),
        _ => format!("linked {changed} credentials to {number}{said}"),
    };
    let names = names.iter().map(|name| name.to_string().into()).collect();
    Ok(Report::Done {
        message,
        item: vec![
            ("number", Cell::owned(number.to_string())),
            ("credentials", Cell::List(names)),
            ("changed", Cell::Int(i64::try_from(changed).unwrap_or(i64::MAX))),
        ],
    })
}

/// Those that a filter finds; none if there is no filter.
fn fitting(vault: &mut Vault<Unlocked>, filter: Filter) -> Result<Vec<CredName>> {
    let mut names = Vec::new();
    if !filter.is_empty() {
        vault.list(&Filter { brief: true, ..filter }, &mut |row| {
            names.push(row.name()?.parse()?);
            Ok(())
        })?;
    }
    Ok(names)
}
