//! Which entries of the log are meant: the options that all questions to it share.

use crate::cli::complete;
use crate::cli::cred::named;
use crate::error::{Error, Result};
use crate::model::incident::IncidentNumber;
use crate::model::{Timestamp, parse_when};
use crate::vault::{ACTIONS, EntryFilter, Filter, OUTCOMES};
use clap::builder::PossibleValuesParser;
use clap_complete::engine::ArgValueCompleter;

/// What must fit.
#[derive(clap::Args)]
#[command(next_help_heading = "Which entries")]
pub struct FilterArgs {
    /// Only about this credential, by its name then or now
    #[arg(long, value_name = "NAME", add = ArgValueCompleter::new(complete::names))]
    cred: Option<String>,

    /// Only about credentials that are of this client now; purged ones are nobody's
    #[arg(long, value_name = "TEXT")]
    client: Option<String>,

    /// Only of this incident
    #[arg(long, value_name = "INCIDENT", add = ArgValueCompleter::new(complete::incidents))]
    incident: Option<IncidentNumber>,

    /// Only this action; may be given several times
    #[arg(long, value_name = "ACTION,…", value_delimiter = ',', hide_possible_values = true,
          value_parser = PossibleValuesParser::new(ACTIONS))]
    action: Vec<String>,

    /// Only with this outcome
    #[arg(long, value_name = "OUTCOME", value_parser = PossibleValuesParser::new(OUTCOMES))]
    outcome: Option<String>,

    /// Only by this user
    #[arg(long, value_name = "USER")]
    actor: Option<String>,

    /// Only on this machine
    #[arg(long, value_name = "HOST")]
    host: Option<String>,

    /// Only from this calling program, or handed to it
    #[arg(long, value_name = "NAME")]
    program: Option<String>,

    /// Only those with this text in a name, action, reason, program, machine, user, address or detail
    #[arg(long, value_name = "TEXT", value_parser = part)]
    search: Option<String>,

    /// Not before: 2027-01-31, or 7d ago
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,

    /// Not after
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
}

/// The same where reading the log is not logged, so that `--reason` can be another filter.
#[derive(clap::Args)]
pub struct AskArgs {
    #[command(flatten)]
    which: FilterArgs,

    // Has the id of the global option and so takes its place here.
    /// Only with this text in the reason that was given
    #[arg(id = "reason", long, value_name = "TEXT", value_parser = part)]
    reason: Option<String>,
}

impl AskArgs {
    /// What they say.
    ///
    /// # Errors
    /// As [`FilterArgs::filter`].
    pub fn filter(&self, now: Timestamp) -> Result<EntryFilter> {
        Ok(EntryFilter { reason: self.reason.clone(), ..self.which.filter(now)? })
    }
}

/// The ids of these options.
pub(super) const FILTERS: [&str; 12] = [
    "cred", "client", "incident", "action", "outcome", "actor", "host", "program", "reason",
    "search", "since", "until",
];

impl FilterArgs {
    /// What they say.
    ///
    /// # Errors
    /// Usage (2) for a moment that cannot be read, and for a time in which nothing can have happened.
    pub fn filter(&self, now: Timestamp) -> Result<EntryFilter> {
        let (since, until) = self.window(now)?;
        Ok(EntryFilter {
            cred: self.cred.clone(),
            client: self.client.clone(),
            incident: self.incident.map(|number| number.to_string()),
            actions: self.action.clone(),
            actor: self.actor.clone(),
            host: self.host.clone(),
            program: self.program.clone(),
            outcome: self.outcome.clone(),
            text: self.search.clone(),
            since,
            until,
            ..EntryFilter::default()
        })
    }

    fn window(&self, now: Timestamp) -> Result<(Option<Timestamp>, Option<Timestamp>)> {
        let since = self.since.as_deref().map(|text| since(text, now)).transpose()?;
        let until = self.until.as_deref().map(|text| when("--until", text, now)).transpose()?;
        match (since, until) {
            (Some(since), Some(until)) if since >= until => {
                Err(Error::usage("nothing lies between `--since` and `--until`")
                    .hint("a month: --since 2027-01-01 --until 2027-02-01"))
            }
            window => Ok(window),
        }
    }
}

/// From when on.
///
/// # Errors
/// Usage (2) for what is no moment, and for the future.
pub(super) fn since(text: &str, now: Timestamp) -> Result<Timestamp> {
    let at = when("--since", text, now)?;
    match at > now {
        true => Err(Error::usage("`--since` lies in the future: nothing is logged there yet")
            .hint("the last week: --since 7d")),
        false => Ok(at),
    }
}

pub(super) fn when(option: &str, text: &str, now: Timestamp) -> Result<Timestamp> {
    parse_when(text, now, false).map_err(|e| named(option, &e))
}

fn part(text: &str) -> Result<String> {
    match text.len() {
        1..=Filter::LONGEST_SEARCH => Ok(text.to_owned()),
        _ => Err(Error::usage(format!("takes 1 to {} bytes", Filter::LONGEST_SEARCH))),
    }
}
