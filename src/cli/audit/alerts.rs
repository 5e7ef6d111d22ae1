//! `vault audit alerts`.

use crate::cli::config;
use crate::cli::context::Context;
use crate::cli::report::{Cell, Column, Report, Sink};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Timestamp, parse_when};
use crate::vault::{Alert, Rule};
use clap::builder::PossibleValuesParser;

/// Tell what in the audit log deserves a look: guessing, mass reads, newcomers, canaries
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault audit alerts
  vault audit alerts --since 7d --rule mass_access
  vault audit alerts --since 2027-01-31 --json
  0 7 * * * vault audit alerts --since 1d --quiet || mail-the-team

Rules: failed_unlocks, mass_access, new_actor, unusual_hours, expired_read, restored_read, canary,
canary_list. `vault help config` has their thresholds. Hours are counted in UTC. What belongs together is
one alert. With `--since`, what is usual is learnt from the 5,000 entries before.
Exit code 16 when there are any.")]
pub struct Args {
    /// Only what went on since then: a date, a time, or how long ago (7d)
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,

    /// Only by this rule
    #[arg(long, value_name = "RULE", hide_possible_values = true,
          value_parser = PossibleValuesParser::new(Rule::ALL.map(Rule::word)))]
    rule: Option<String>,
}

/// Tells it.
pub fn run(args: &Args, cx: &mut Context) -> Result<Report> {
    let since = args.since.as_deref().map(|text| moment(text, cx.world.now())).transpose()?;
    let rules = config::load(&cx.world)?.rules();
    let mut alerts = cx.locked()?.alerts(&rules, since)?;
    cx.note("the log is believed here; `vault audit verify --unlock` checks it");
    let wanted = |alert: &Alert| args.rule.as_ref().is_none_or(|rule| alert.rule.word() == rule);
    alerts.retain(wanted);
    alerts.reverse();
    if !alerts.is_empty() {
        cx.end_with(ErrorKind::Findings);
    }
    let rows = move |sink: &mut Sink<'_>| alerts.iter().try_for_each(|alert| sink(&cells(alert)));
    let empty = "no alerts: nothing in the log deserves a look";
    Ok(Report::Table { columns: COLUMNS.into(), rows: Box::new(rows), empty })
}

fn moment(text: &str, now: Timestamp) -> Result<Timestamp> {
    let at = parse_when(text, now, false)?;
    match at > now {
        true => Err(Error::usage(format!("`--since` is in the future: {at}"))
            .hint("it says from when on: `--since 7d`")),
        false => Ok(at),
    }
}

fn cells(alert: &Alert) -> [Cell<'_>; 13] {
    [
        Cell::owned(alert.id()),
        Cell::text(Some(alert.rule.word())),
        Cell::text(Some(alert.rule.severity())),
        Cell::Time(alert.at),
        Cell::text(Some(&alert.user)),
        Cell::text(Some(&alert.host)),
        Cell::text(alert.program.as_deref()),
        Cell::Int(i64::try_from(alert.count).unwrap_or(i64::MAX)),
        Cell::owned(alert.what()),
        Cell::text(alert.name.as_deref()),
        Cell::Time(alert.until),
        Cell::Int(alert.first),
        Cell::Int(alert.last),
    ]
}

const COLUMNS: &[Column] = &[
    Column { name: "id" },
    Column { name: "rule" },
    Column { name: "severity" },
    Column { name: "at" },
    Column { name: "user" },
    Column { name: "host" },
    Column { name: "program" },
    Column { name: "count" },
    Column { name: "what" },
    Column { name: "name" },
    Column { name: "until" },
    Column { name: "first" },
    Column { name: "last" },
];
