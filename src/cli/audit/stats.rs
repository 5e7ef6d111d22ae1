//! `vault audit stats`.

use super::filter::FilterArgs;
use super::tally::{By, Count, Tally, date};
use crate::cli::context::Context;
use crate::cli::report::{Cell, Column, Report, Sink};
use crate::error::Result;
use std::collections::HashMap;

/// Count entries of the audit log: by action, user, credential, client, program, machine or time
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault audit stats
  vault audit stats --by actor --action decrypt,copy --since 30d
  vault audit stats --by cred --outcome refused --limit 5
  vault audit stats --by hour --actor ann
  vault audit stats --by day --since 2027-01-01 --until 2027-02-01 --json

Days and hours are those of UTC. Entries about no credential, or from no known program, are counted
in a line without a name.")]
pub struct Args {
    /// What to count by
    #[arg(long, value_name = "WHAT", value_enum, default_value = "action")]
    by: By,

    #[command(flatten)]
    filter: FilterArgs,

    /// At most so many lines, 0 for all; 20 unless by day or hour
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// Counts them.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let filter = args.filter.filter(cx.world.now())?;
    let mut vault = cx.locked()?;
    let clients = if args.by == By::Client { vault.clients()? } else { HashMap::default() };
    let mut tally = Tally::default();
    vault.glimpses(&filter, &mut |entry| {
        tally.add(args.by, entry, &clients);
        Ok(())
    })?;
    let mut lines = lines(args.by, tally);
    shorten(&mut lines, &args, cx);
    Ok(report(args.by, lines))
}

type Line = (Option<String>, Count);

fn lines(by: By, tally: Tally) -> Vec<Line> {
    if !by.is_time() {
        return tally.ranked();
    }
    let times = tally.in_time();
    match by {
        _ if times.is_empty() => Vec::new(),
        // of the hours none is left out: nothing at night says something
        By::Hour => (0..24)
            .map(|hour| (Some(format!("{hour:02}")), times.get(&hour).copied().unwrap_or_default()))
            .collect(),
        _ => times.into_iter().map(|(day, count)| (Some(date(day)), count)).collect(),
    }
}

/// Keeps the greatest, or the latest days.
fn shorten(lines: &mut Vec<Line>, args: &Args, cx: &Context) {
    let usual = if args.by.is_time() { 0 } else { 20 };
    let limit = args.limit.unwrap_or(usual);
    let more = lines.len().saturating_sub(limit);
    if limit == 0 || more == 0 {
        return;
    }
    match args.by.is_time() {
        true => drop(lines.drain(..more)),
        false => lines.truncate(limit),
    }
    cx.note_later(format!("and {more} more; all of them: --limit 0"));
}

fn report(by: By, lines: Vec<Line>) -> Report {
    let most = lines.iter().map(|(_, count)| count.entries).max().unwrap_or_default();
    let names = [by.name(), "entries", "refused", "failed", "last"];
    let rows = Box::new(move |sink: &mut Sink<'_>| {
        lines.iter().try_for_each(|(name, count)| {
            let some = count.entries > 0;
            sink(&[
                Cell::text(name.as_deref()),
                Cell::Bar { count: count.entries, most },
                Cell::Int(count.refused),
                Cell::Int(count.failed),
                Cell::time(some.then_some(count.last)),
            ])
        })
    });
    let columns = names.map(|name| Column { name }).to_vec();
    Report::Table { columns: columns.into(), rows, empty: "no entries that fit" }
}
