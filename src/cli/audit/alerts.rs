//! `vault audit alerts`.

use crate::cli::config;
use crate::cli::context::Context;
use crate::cli::render::Format;
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
  vault audit alerts --open mass_access-1234
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

    /// Open an incident for this one, by its id, or for all that are shown
    #[arg(long, value_name = "ID|all")]
    open: Option<String>,
}

/// Tells it.
pub fn run(args: &Args, cx: &mut Context) -> Result<Report> {
    let since = args.since.as_deref().map(|text| moment(text, cx.world.now())).transpose()?;
    let rules = config::load(&cx.world)?.rules();
    let mut alerts = cx.locked()?.alerts(&rules, since)?;
    let wanted = |alert: &Alert| args.rule.as_ref().is_none_or(|rule| alert.rule.word() == rule);
    alerts.retain(wanted);
    alerts.reverse();
    if let Some(which) = &args.open {
        return opened(which, alerts, cx);
    }
    cx.note_later("the log is believed here; `vault audit verify --unlock` checks it");
    if !alerts.is_empty() {
        cx.end_with(ErrorKind::Findings);
    }
    let brief = cx.format() == Format::Table;
    let rows = move |sink: &mut Sink<'_>| {
        alerts.iter().try_for_each(|alert| match brief {
            true => sink(&in_brief(alert)),
            false => sink(&cells(alert)),
        })
    };
    let columns = if brief { BRIEF } else { COLUMNS };
    Ok(Report::Table { columns: columns.into(), rows: Box::new(rows), empty: NONE })
}

/// Opens incidents for them.
fn opened(which: &str, mut alerts: Vec<Alert>, cx: &Context) -> Result<Report> {
    if which != "all" {
        alerts.retain(|alert| alert.id() == which);
        if alerts.is_empty() {
            let what =
                if is_id(which) { format!("no alert `{which}`") } else { "no such alert".into() };
            return Err(Error::new(ErrorKind::NotFound, what).hint("vault audit alerts"));
        }
    }
    let mut vault = cx.unlocked()?;
    let mut done = Vec::with_capacity(alerts.len());
    for alert in &alerts {
        let (number, is_new) = vault.open_alert(alert)?;
        if which != "all" && !is_new {
            let what = format!("there is an incident for `{which}` already: {number}");
            return Err(
                Error::new(ErrorKind::Conflict, what).hint(format!("vault incident show {number}"))
            );
        }
        done.push((alert.id(), number.to_string(), is_new));
    }
    let rows = move |sink: &mut Sink<'_>| {
        done.iter().try_for_each(|(id, number, is_new)| {
            sink(&[Cell::text(Some(id)), Cell::text(Some(number)), Cell::Flag(*is_new)])
        })
    };
    Ok(Report::Table { columns: OPENED.into(), rows: Box::new(rows), empty: NONE })
}

/// Whether it looks like an alert's id, and can be repeated.
fn is_id(text: &str) -> bool {
    let parts = text.split_once('-');
    parts.is_some_and(|(rule, number)| {
        Rule::ALL.iter().any(|known| known.word() == rule) && number.parse::<u64>().is_ok()
    })
}

fn moment(text: &str, now: Timestamp) -> Result<Timestamp> {
    let at = parse_when(text, now, false)?;
    match at > now {
        true => Err(Error::usage(format!("`--since` is in the future: {at}"))
            .hint("it says from when on: `--since 7d`")),
        false => Ok(at),
    }
}

/// For people: what does not follow from the rest.
fn in_brief(alert: &Alert) -> [Cell<'_>; 8] {
    [
        Cell::owned(alert.id()),
        Cell::text(Some(alert.rule.severity().word())),
        Cell::Time(alert.at),
        Cell::text(Some(&alert.user)),
        Cell::text(Some(&alert.host)),
        Cell::text(alert.name.as_deref()),
        Cell::owned(alert.what()),
        alert.incident.map_or(Cell::None, |number| Cell::owned(number.to_string())),
    ]
}

fn cells(alert: &Alert) -> [Cell<'_>; 14] {
    [
        Cell::owned(alert.id()),
        Cell::text(Some(alert.rule.word())),
        Cell::text(Some(alert.rule.severity().word())),
        Cell::Time(alert.at),
        Cell::text(Some(&alert.user)),
        Cell::text(Some(&alert.host)),
        Cell::text(alert.program.as_deref()),
        Cell::Int(i64::try_from(alert.count).unwrap_or(i64::MAX)),
        Cell::owned(alert.what()),
        Cell::text(alert.name.as_deref()),
        alert.incident.map_or(Cell::None, |number| Cell::owned(number.to_string())),
        Cell::Time(alert.until),
        Cell::Int(alert.first),
        Cell::Int(alert.last),
    ]
}

const NONE: &str = "no alerts: nothing in the log deserves a look";

const OPENED: &[Column] =
    &[Column { name: "id" }, Column { name: "incident" }, Column { name: "opened" }];

const BRIEF: &[Column] = &[
    Column { name: "id" },
    Column { name: "severity" },
    Column { name: "at" },
    Column { name: "user" },
    Column { name: "host" },
    Column { name: "name" },
    Column { name: "what" },
    Column { name: "incident" },
];

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
    Column { name: "incident" },
    Column { name: "until" },
    Column { name: "first" },
    Column { name: "last" },
];
