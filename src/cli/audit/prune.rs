//! `vault audit prune`.

use super::filter;
use crate::cli::context::Context;
use crate::cli::cred::purge;
use crate::cli::progress;
use crate::cli::report::{Cell, Report};
use crate::cli::usage::paste;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Timestamp;
use crate::vault::Prunable;

/// Destroy old entries that a checkpoint covers; the rest stays verifiable
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault audit checkpoint -o head.note
  vault audit export -o log.jsonl
  vault audit prune --before 2y
  vault audit prune --before 2026-01-01 --yes

The whole log is verified first. A signed row stands for what was pruned, so that what is left can
be verified on. `vault cred list --unused` and the like know only what is left.")]
pub struct Args {
    /// Up to the first entry that was not written before: 2027-01-31, or 2y ago
    #[arg(long, value_name = "WHEN")]
    before: String,

    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Prunes it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let before = past(&args.before, cx.world.now())?;
    let mut vault = cx.unlocked()?;
    let Some(what) = vault.prunable(before)? else {
        return Ok(done("nothing is that old".to_owned(), Prunable { entries: 0, last: 0 }));
    };
    if !args.yes {
        ask(cx, &args.before, what)?;
    }
    let bar = progress::bar(cx, "entries checked");
    vault.prune(before, what, &mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    let message = format!("destroyed {} entries, up to entry {}", what.entries, what.last);
    Ok(done(message, what))
}

fn done(message: String, Prunable { entries, last }: Prunable) -> Report {
    let last = if entries > 0 { Cell::Int(last) } else { Cell::None };
    Report::Done { message, item: vec![("entries", Cell::Int(entries)), ("last", last)] }
}

fn past(text: &str, now: Timestamp) -> Result<Timestamp> {
    let before = filter::when("--before", text, now)?;
    match before > now {
        true => Err(Error::usage("what is to come cannot be pruned")
            .hint("give a date in the past, or how long ago: --before 2y")),
        false => Ok(before),
    }
}

fn ask(cx: &Context, before: &str, what: Prunable) -> Result<()> {
    let Some(mut terminal) = cx.terminal() else {
        return Err(purge::nobody(&paste(&[
            "vault", "audit", "prune", "--before", before, "--yes",
        ])));
    };
    let count = what.entries.to_string();
    let question = format!(
        "This cannot be undone. Type `{count}` to destroy so many entries, up to entry {}",
        what.last
    );
    match terminal.line(&question)?.trim() == count {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Aborted, "that is not the number; nothing was changed")),
    }
}
