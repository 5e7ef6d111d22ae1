//! `vault cred history`.

use super::meant;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render::Format;
use crate::cli::report::{Cell, Column, Report, Sink};
use crate::error::Result;
use crate::model::FieldName;
use crate::vault::{State, Vault, Version};
use clap_complete::engine::ArgValueCompleter;

/// Show the versions of a credential: when, by whom, how and why
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault cred history db/main
  vault cred history db/main password --json
  vault cred get db/main --version 2
  vault cred rollback db/main --to 2")]
pub struct Args {
    /// Which credential; a beginning that fits only one name will do
    #[arg(add = ArgValueCompleter::new(complete::names))]
    name: String,

    /// Only this secret field
    field: Option<FieldName>,

    /// Unlock, and check against the vault's keys what is shown
    #[arg(long)]
    verify: bool,

    /// One in the trash
    #[arg(long)]
    deleted: bool,
}

/// Shows them.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let versions = if args.verify || cx.has_key_source() {
        history(cx, cx.unlocked()?, &args)?
    } else {
        let versions = history(cx, cx.locked()?, &args)?;
        cx.note("not verified while locked; `--verify` unlocks");
        versions
    };
    let all = cx.format() == Format::Json;
    let rows = Box::new(move |sink: &mut Sink<'_>| {
        versions.iter().try_for_each(|version| match all {
            true => sink(&everything(version)),
            false => sink(&cells(version)),
        })
    });
    let columns = if all { EVERYTHING } else { COLUMNS };
    Ok(Report::Table { columns: columns.into(), rows, empty: "no versions" })
}

fn history<S: State>(cx: &Context, mut vault: Vault<S>, args: &Args) -> Result<Vec<Version>> {
    let name = meant(cx, &vault, &args.name, args.deleted)?;
    vault.history(&name, args.field.as_ref(), args.deleted)
}

fn cells(version: &Version) -> [Cell<'_>; 7] {
    [
        Cell::Text(version.field.as_str().into()),
        Cell::Int(version.version.into()),
        Cell::Time(version.created_at),
        Cell::text(Some(&version.author)),
        Cell::text(Some(&version.origin)),
        Cell::text(version.reason.as_deref()),
        state(version),
    ]
}

fn state(version: &Version) -> Cell<'_> {
    match version.purged_at {
        Some(at) => Cell::owned(format!("purged {}", at.day())),
        None if version.is_current => Cell::text(Some("current")),
        None => Cell::None,
    }
}

fn everything(version: &Version) -> [Cell<'_>; 10] {
    let [field, number, created, author, origin, reason, _] = cells(version);
    [
        field,
        number,
        created,
        author,
        origin,
        reason,
        Cell::text(version.media.as_deref()),
        Cell::Flag(version.is_current),
        Cell::time(version.purged_at),
        Cell::Flag(version.verified),
    ]
}

const fn column(name: &'static str) -> Column {
    Column { name }
}

const COLUMNS: &[Column] = &[
    column("field"),
    column("version"),
    column("created"),
    column("author"),
    column("origin"),
    column("reason"),
    column("state"),
];

/// JSON has every column.
const EVERYTHING: &[Column] = &[
    column("field"),
    column("version"),
    column("created"),
    column("author"),
    column("origin"),
    column("reason"),
    column("media"),
    column("current"),
    column("purged"),
    column("verified"),
];
