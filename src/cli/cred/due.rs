//! `vault cred due`.

use super::filter::AllFilterArgs;
use super::meta::named;
use crate::cli::context::Context;
use crate::cli::report::{Cell, Column, Report, Sink};
use crate::error::{ErrorKind, Result};
use crate::model::{Duty, Timestamp, parse_duration};
use crate::vault::{Filter, Listed};

/// List what has expired or should be rotated, and what soon will, without unlocking
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault cred due
  vault cred due --within 7d --client acme
  vault cred due --json
  0 7 * * * vault cred due --quiet || mail-the-team

Exit code 16 when something is overdue. Rotations are counted from the last one, or else from when
the credential was stored.")]
pub struct Args {
    /// How far to look ahead
    #[arg(long, value_name = "SPAN", default_value = "30d")]
    within: String,

    #[command(flatten)]
    filter: AllFilterArgs,
}

/// Something to be done.
struct Task {
    name: String,
    kind: String,
    client: Option<String>,
    duty: Duty,
    at: Timestamp,
}

/// Lists it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let now = cx.world.now();
    let span = parse_duration(&args.within).map_err(|e| named("--within", &e))?;
    let horizon = Timestamp(now.0 + span * 1000);
    let filter = args.filter.filter(now)?;
    // who asks for `--due` besides wants what is overdue only
    let filter = Filter { due_by: filter.due_by.or(Some(horizon)), ..filter };
    let mut tasks = Vec::new();
    cx.locked()?.list(&filter, &mut |row| collect(row, filter.due_by, &mut tasks))?;
    tasks.sort_by(|a, b| (a.at, &a.name).cmp(&(b.at, &b.name)));
    if tasks.iter().any(|task| task.at <= now) {
        cx.end_with(ErrorKind::Findings);
    }
    let rows = move |sink: &mut Sink<'_>| tasks.iter().try_for_each(|task| sink(&task.cells(now)));
    let empty = "nothing is due, or nothing that fits";
    Ok(Report::Table { columns: COLUMNS.into(), rows: Box::new(rows), empty })
}

fn collect(row: &Listed<'_>, by: Option<Timestamp>, tasks: &mut Vec<Task>) -> Result<()> {
    for (duty, at) in row.duties()?.filter(|(_, at)| Some(*at) <= by) {
        tasks.push(Task {
            name: row.name()?.to_owned(),
            kind: row.kind()?.to_owned(),
            client: row.attr(crate::model::Attr::Client)?.map(str::to_owned),
            duty,
            at,
        });
    }
    Ok(())
}

impl Task {
    fn cells(&self, now: Timestamp) -> [Cell<'_>; 6] {
        [
            Cell::text(Some(&self.name)),
            Cell::text(Some(self.duty.words(self.at <= now))),
            Cell::Time(self.at),
            Cell::Int(self.at.0.saturating_sub(now.0).saturating_add(DAY / 2).div_euclid(DAY)),
            Cell::text(Some(&self.kind)),
            Cell::text(self.client.as_deref()),
        ]
    }
}

/// In milliseconds.
const DAY: i64 = 86_400_000;

const COLUMNS: &[Column] = &[
    Column { name: "name" },
    Column { name: "what" },
    Column { name: "at" },
    Column { name: "days" },
    Column { name: "type" },
    Column { name: "client" },
];
