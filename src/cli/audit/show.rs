//! `vault audit show`.

use super::entry::{self, COLUMNS, EVERYTHING, own};
use super::filter::{FILTERS, FilterArgs};
use super::follow;
use crate::cli::context::Context;
use crate::cli::render::Format;
use crate::cli::report::{Report, Rows, Sink};
use crate::error::Result;
use crate::vault::{Entry, EntryFilter, State, Vault};

/// Show entries of the audit log, newest first, or one of them in full
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault audit show
  vault audit show --cred db/main --action decrypt,copy --since 7d
  vault audit show --outcome refused --json
  vault audit show --client acme --program psql --search 'ticket 4711'
  vault audit show --follow --limit 5
  vault audit show 42")]
pub struct Args {
    /// One entry, by its number or UUID
    #[arg(conflicts_with_all = FILTERS, conflicts_with = "follow")]
    id: Option<String>,

    #[command(flatten)]
    filter: FilterArgs,

    /// Show the last ones, oldest first, and new ones as they come; Ctrl-C ends it
    #[arg(long, short, conflicts_with_all = ["offset", "until"])]
    follow: bool,

    /// At most so many; 0 for all
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u64,

    /// Leave out so many first
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    offset: u64,
}

/// Shows them.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let filter = EntryFilter {
        limit: Some(args.limit).filter(|limit| *limit > 0),
        offset: args.offset,
        ..args.filter.filter(cx.world.now())?
    };
    let mut vault = cx.locked()?;
    if let Some(id) = &args.id {
        let entry = vault.entry(id)?;
        let names = EVERYTHING.iter().map(|column| column.name);
        let cells = entry::everything(&entry).into_iter().map(own);
        return Ok(Report::Item(names.zip(cells).collect()));
    }
    let json = cx.format() == Format::Json;
    let columns = if json { EVERYTHING } else { COLUMNS };
    if args.follow {
        return Ok(follow::report(columns, vault, filter, json));
    }
    let rows = rows(vault, filter, json);
    Ok(Report::Table { columns: columns.into(), rows, empty: "no entries that fit" })
}

fn rows<S: State + 'static>(mut vault: Vault<S>, filter: EntryFilter, json: bool) -> Box<Rows> {
    Box::new(move |sink: &mut Sink<'_>| vault.entries(&filter, &mut |entry| row(entry, json, sink)))
}

/// Hands out one row: all of it for programs.
pub(super) fn row(entry: &Entry, json: bool, sink: &mut Sink<'_>) -> Result<()> {
    match json {
        true => sink(&entry::everything(entry)),
        false => sink(&entry::cells(entry)),
    }
}
