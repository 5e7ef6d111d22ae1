//! `vault audit report`.

use super::filter::AskArgs;
use super::page::{About, page};
use super::summary::Summary;
use crate::cli::context::Context;
use crate::cli::progress;
use crate::cli::report::{Cell, Report};
use crate::cli::save::Output;
use crate::error::{Error, ErrorKind, Result};
use crate::vault::{Entry, EntryFilter, LogVerdict, State, Vault};

/// Write a report on what the audit log tells, with charts, for those who were not there
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault audit report --html -o january.html --since 2027-01-01 --until 2027-02-01
  vault audit report --html --client acme --since 90d > acme.html
  vault audit report --html -o log.html --force --unlock

One file without scripts, that fetches nothing, prints well and can be kept. It says at its end whether
the log is intact; without the vault's keys that is only the public chain. When the log is not intact
the report is written all the same, and the exit code is 15. Times are those of UTC.")]
pub struct Args {
    /// As a page for browsers and printers; the only form there is by now
    #[arg(long, required = true)]
    html: bool,

    #[command(flatten)]
    output: Output,

    /// Unlock, to check the keyed marks too; done anyway when a key source is configured
    #[arg(long)]
    unlock: bool,

    #[command(flatten)]
    filter: AskArgs,
}

/// Writes it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let filter = args.filter.filter(cx.world.now())?;
    let file = args.output.checked()?;
    let (page, entries) = match args.unlock || cx.has_key_source() {
        true => written(cx, &mut cx.unlocked()?, filter)?,
        false => written(cx, &mut cx.locked()?, filter)?,
    };
    if entries == 0 {
        cx.note_later("no entries fit: the report says just that");
    }
    let Some(path) = file else { return Ok(Report::Text(page)) };
    args.output.save_bytes(path, page.as_bytes())?;
    let shown = path.display().to_string();
    Ok(Report::Done {
        message: format!("wrote the report to {shown}"),
        item: vec![("file", Cell::owned(shown)), ("entries", Cell::Int(entries))],
    })
}

/// The page, and on how many entries it is.
fn written<S: State>(
    cx: &Context,
    vault: &mut Vault<S>,
    filter: EntryFilter,
) -> Result<(String, i64)> {
    // what is written while this runs is not in it, so that the proof is about what is
    let last = vault.last_entry()?;
    let verdict = verify(cx, vault);
    if let Err(e) = &verdict {
        if e.kind() != ErrorKind::Integrity {
            return Err(Error::new(e.kind(), e.message()));
        }
        cx.warn(e.message());
        cx.end_with(ErrorKind::Integrity);
    }
    let filter = EntryFilter { up_to: Some(last), ..filter };
    let mut summary = Summary::default();
    vault.glimpses(&filter, &mut |entry| {
        summary.add(entry);
        Ok(())
    })?;
    let refusals = summary.refusals().iter().map(|seq| vault.entry(&seq.to_string()));
    let refusals = refusals.collect::<Result<Vec<Entry>>>()?;
    let about = About {
        file: vault.file().display().to_string(),
        made: cx.world.now(),
        verdict,
        filter,
        last,
    };
    Ok((page(&about, &summary, &refusals), summary.all().entries))
}

fn verify<S: State>(cx: &Context, vault: &mut Vault<S>) -> Result<LogVerdict> {
    let bar = progress::bar(cx, "entries checked");
    let verdict = vault.verify_log(&mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    verdict
}
