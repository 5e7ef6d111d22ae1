//! `vault audit verify`.

use crate::cli::context::Context;
use crate::cli::progress;
use crate::cli::report::{Cell, Report};
use crate::error::Result;
use crate::vault::{LogVerdict, State, Vault};

/// Check that the audit log is intact, and up to where it is complete
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault audit verify --unlock
  vault audit verify --key-file ~/vault.key --json

Without the vault's keys only the public chain is checked, which somebody who can write the file
could have made anew. That the log was found intact is entered in it, where `vault status` finds it.
Exit code 15 when the log was tampered with.")]
pub struct Args {
    /// Unlock, to check the keyed marks too; done anyway when a key source is configured
    #[arg(long)]
    unlock: bool,
}

/// Checks it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let verdict = if args.unlock || cx.has_key_source() {
        verify(cx, &mut cx.unlocked()?)?
    } else {
        let mut vault = cx.locked()?;
        cx.note("only the public chain is checked while locked; `--unlock` checks all");
        verify(cx, &mut vault)?
    };
    for gap in &verdict.gaps {
        cx.warn(gap);
    }
    Ok(Report::Item(item(verdict)))
}

fn verify<S: State>(cx: &Context, vault: &mut Vault<S>) -> Result<LogVerdict> {
    let bar = progress::bar(cx, "entries checked");
    let verdict = vault.verify_log(&mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let verdict = verdict?;
    if let Err(e) = vault.enter_verified(&verdict) {
        cx.warn(&format!("that the log was verified is not in it: {}", e.message()));
    }
    Ok(verdict)
}

fn item(verdict: LogVerdict) -> Vec<(&'static str, Cell<'static>)> {
    vec![
        ("intact", Cell::Flag(true)),
        ("entries", Cell::Int(i64::try_from(verdict.entries).unwrap_or(i64::MAX))),
        ("last", Cell::Int(verdict.last)),
        ("head", Cell::owned(data_encoding::HEXLOWER.encode(&verdict.head))),
        ("authenticated", Cell::Flag(verdict.authenticated)),
        ("complete_to", verdict.complete_to.map_or(Cell::None, Cell::Int)),
        ("gaps", Cell::List(verdict.gaps.into_iter().map(Into::into).collect())),
    ]
}
