//! `vault rekey`.

mod fates;

use super::agent;
use super::complete;
use super::context::Context;
use super::plugins;
use super::progress;
use super::report::{Cell, Report};
use super::unlock;
use super::usage::paste;
use crate::error::Result;
use crate::model::counted;
use crate::vault::{Fate, Kept, RekeyWork, Rekeyed, Wrap};
use clap_complete::engine::ArgValueCompleter;
use fates::{Choice, Said};

/// Give the vault new keys: everything is sealed anew, and old keys open it no more
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault rekey --dry-run
  vault rekey
  vault rekey --slot laptop=~/.ssh/id_ed25519 --untested 'recovery sheet' --drop 'old phone'
  vault --key-file vault.key rekey --slot home=passphrase.txt --yes

Everything is checked first. All of it is done in one transaction: whatever happens, the vault has
either its old keys or its new ones.

Each slot is made again, for the same passphrase or key. The one that unlocks now is proven to open
the new vault; so are those whose key is given by --slot. What is kept with --untested is made again
for the key it was made for, which need not be at hand. Which one that is only the vault says: if
somebody else had its keys, prove a slot or drop it.

What this does not undo: old copies and backups of the file stay readable with the old keys. If
somebody has one, rotate what it held: `vault incident open`, `vault incident rotate`.")]
pub struct Args {
    /// Show the work and what is missing, change nothing
    #[arg(long)]
    dry_run: bool,

    /// Do not ask for a confirmation
    #[arg(long)]
    yes: bool,

    /// The key of another slot: a key file, a private SSH key, or a file with the passphrase
    #[arg(long = "slot", value_name = "LABEL=FILE")]
    slots: Vec<String>,

    /// Keep this slot without its key
    #[arg(long, value_name = "LABEL", add = ArgValueCompleter::new(complete::slots))]
    untested: Vec<String>,

    /// Let this slot go
    #[arg(long, value_name = "LABEL", add = ArgValueCompleter::new(complete::slots))]
    drop: Vec<String>,
}

/// Rekeys it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let said = Said::of(args.slots, args.untested, args.drop)?;
    let (mut vault, proof) = unlock::proving(cx)?;
    let choices = said.choose(vault.slots_to_remake()?, proof.label())?;
    let work = vault.rekey_work()?;
    if args.dry_run {
        if choices.iter().any(|(_, _, choice)| *choice == Choice::Open) {
            cx.note_later("what is open is asked for, or said with --slot, --untested or --drop");
        }
        return Ok(shown(&choices, work));
    }
    let fates = fates::settle(cx, &mut vault, choices, proof)?;
    let gone = fates.iter().filter(|(_, fate)| matches!(fate, Fate::Dropped));
    let gone: Vec<String> = gone.map(|(label, _)| label.clone()).collect();
    if !args.yes {
        let question = format!(
            "Seal {} anew under new keys? Old copies stay readable with the old ones.",
            counted(work.values, "value")
        );
        cx.confirm(&question, &paste(&["vault", "rekey", "--yes"]))?;
    }
    let rekeyed = progress::of_many(cx, "values sealed anew", |progress| {
        vault.rekey(fates, &|recipient| by_plugin(cx, recipient), progress)
    });
    let rekeyed = agent::lock_after(cx, rekeyed)?;
    say_what_it_does_not_undo(cx, &rekeyed);
    Ok(done(rekeyed, gone))
}

fn by_plugin(cx: &Context, recipient: &str) -> Result<Wrap> {
    plugins::wrap(cx, recipient)
        .map_err(|e| e.hint("or leave its slot out, and add it again afterwards: `--drop LABEL`"))
}

fn say_what_it_does_not_undo(cx: &Context, rekeyed: &Rekeyed) {
    cx.note_later(
        "old copies and backups of the file stay readable with the old keys; if somebody may have \
         one, rotate what it held: vault incident open, vault incident rotate",
    );
    let place = match rekeyed.slots.iter().any(|slot| slot.kind == "recovery") {
        true => "on the recovery sheet (its key still opens the vault), and into VAULT_FINGERPRINT",
        false => "into VAULT_FINGERPRINT where you have set it",
    };
    cx.note_later(format!(
        "the fingerprint is new: write it {place}; notes are signed with a new key, too"
    ));
    let untested = rekeyed.slots.iter().filter(|slot| slot.kept == Kept::Untested);
    for slot in untested {
        cx.note_later(format!(
            "the slot `{}` was made again for its key, which was not at hand: try it when it is",
            slot.label
        ));
    }
    if !rekeyed.is_clean {
        cx.warn(
            "another process is reading, or the disk failed: what the old keys sealed leaves the \
             disk with the next checkpoint",
        );
    }
}

fn done(rekeyed: Rekeyed, gone: Vec<String>) -> Report {
    let Rekeyed { epoch, values, fingerprint, public_key, slots, is_clean } = rekeyed;
    let slots = slots.into_iter().map(|slot| {
        let kept = if slot.kept == Kept::Proven { "proven" } else { "untested" };
        row(slot.label, slot.kind, kept)
    });
    Report::Done {
        message: format!(
            "the vault has new keys (epoch {epoch}); its fingerprint is {fingerprint}"
        ),
        item: vec![
            ("epoch", Cell::Int(i64::from(epoch))),
            ("values", integer(values)),
            ("fingerprint", Cell::owned(fingerprint)),
            ("public_key", Cell::owned(public_key.text())),
            ("slots", Cell::Rows(slots.collect())),
            ("dropped", Cell::List(gone.into_iter().map(Into::into).collect())),
            ("clean", Cell::Flag(is_clean)),
        ],
    }
}

/// What would be done.
fn shown(choices: &[(String, String, Choice)], work: RekeyWork) -> Report {
    let RekeyWork { values, bytes, time } = work;
    let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
    let slots =
        choices.iter().map(|(label, kind, choice)| row(label.clone(), kind.clone(), choice.word()));
    Report::Item(vec![
        ("values", integer(values)),
        ("bytes", integer(bytes)),
        ("seconds", integer(seconds)),
        ("slots", Cell::Rows(slots.collect())),
    ])
}

fn row(label: String, kind: String, fate: &'static str) -> Vec<(&'static str, Cell<'static>)> {
    vec![
        ("label", Cell::owned(label)),
        ("type", Cell::owned(kind)),
        ("fate", Cell::text(Some(fate))),
    ]
}

fn integer(count: u64) -> Cell<'static> {
    Cell::Int(i64::try_from(count).unwrap_or(i64::MAX))
}
