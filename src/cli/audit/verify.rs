//! `vault audit verify`.

use super::anchors;
use crate::cli::context::Context;
use crate::cli::progress;
use crate::cli::report::{Cell, Report};
use crate::error::Result;
use crate::vault::{Anchor, Anchored, LogVerdict, PublicKey, State, Vault};
use std::path::PathBuf;

/// Check that the audit log is intact, and up to where it is complete
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault audit verify --unlock
  vault audit verify --key-file ~/vault.key --json
  vault audit verify --unlock --anchor head.note
  tail -n 1 /mnt/log/vault.jsonl | vault audit verify --anchor -

Without the vault's keys only the public chain is checked, which somebody who can write the file
could have made anew. That the log was found intact is entered in it, where `vault status` finds it.
Exit code 15 when the log was tampered with.")]
pub struct Args {
    /// Unlock, to check the keyed marks too; done anyway when a key source is configured
    #[arg(long)]
    unlock: bool,

    /// Compare with heads that were kept elsewhere: notes of checkpoints, or lines of an export or a
    /// sink; `-` for standard input
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    anchor: Option<PathBuf>,

    /// What to check the notes' signatures with while locked; `vault audit checkpoint` tells it
    #[arg(long, value_name = "KEY", requires = "anchor")]
    public_key: Option<String>,
}

/// Checks it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let anchors = args.anchor.as_deref().map(anchors::read).transpose()?;
    let public = args.public_key.as_deref().map(PublicKey::parse).transpose()?;
    let elsewhere = Elsewhere { anchors: anchors.as_deref(), public: public.as_ref() };
    let (verdict, anchored) = if args.unlock || cx.has_key_source() {
        verify(cx, &mut cx.unlocked()?, &elsewhere)?
    } else {
        let mut vault = cx.locked()?;
        cx.note("only the public chain is checked while locked; `--unlock` checks all");
        verify(cx, &mut vault, &elsewhere)?
    };
    for gap in &verdict.gaps {
        cx.warn(gap);
    }
    let mut item = item(verdict);
    if let Some(anchored) = anchored {
        item.extend(about(&anchored, cx));
    }
    Ok(Report::Item(item))
}

/// What was kept elsewhere.
struct Elsewhere<'a> {
    anchors: Option<&'a [Anchor]>,
    public: Option<&'a PublicKey>,
}

fn about(anchored: &Anchored, cx: &Context) -> [(&'static str, Cell<'static>); 2] {
    if anchored.pruned > 0 {
        cx.warn(&format!(
            "anchors older than what was pruned, of which nothing can be said: {}",
            anchored.pruned
        ));
    }
    if anchored.unchecked > 0 {
        let count = anchored.unchecked;
        cx.warn(&format!("signatures not checked, add --unlock or --public-key: {count}"));
    }
    let signed = i64::try_from(anchored.signed).unwrap_or(i64::MAX);
    [
        ("anchored_to", anchored.to.map_or(Cell::None, Cell::Int)),
        ("signatures_checked", Cell::Int(signed)),
    ]
}

fn verify<S: State>(
    cx: &Context,
    vault: &mut Vault<S>,
    elsewhere: &Elsewhere<'_>,
) -> Result<(LogVerdict, Option<Anchored>)> {
    let bar = progress::bar(cx, "entries checked");
    let verdict = vault.verify_log(&mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let verdict = verdict?;
    let anchored = elsewhere.anchors.map(|anchors| vault.compare(anchors, elsewhere.public));
    let anchored = anchored.transpose()?;
    if let Err(e) = vault.enter_verified(&verdict) {
        cx.warn(&format!("that the log was verified is not in it: {}", e.message()));
    }
    Ok((verdict, anchored))
}

fn item(verdict: LogVerdict) -> Vec<(&'static str, Cell<'static>)> {
    vec![
        ("intact", Cell::Flag(true)),
        ("entries", Cell::Int(i64::try_from(verdict.entries).unwrap_or(i64::MAX))),
        ("last", Cell::Int(verdict.last)),
        ("head", Cell::owned(data_encoding::HEXLOWER.encode(&verdict.head))),
        ("authenticated", Cell::Flag(verdict.authenticated)),
        ("complete_to", verdict.complete_to.map_or(Cell::None, Cell::Int)),
        ("pruned_to", verdict.pruned_to.map_or(Cell::None, Cell::Int)),
        ("gaps", Cell::List(verdict.gaps.into_iter().map(Into::into).collect())),
    ]
}
