//! `vault key add`.

use super::new::NewKey;
use super::recovery;
use crate::cli::context::Context;
use crate::cli::report::{Cell, Report};
use crate::cli::unlock;
use crate::error::Result;
use crate::model::SlotLabel;

/// Add a way to unlock, proven to work before it is stored
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault key add desk
  vault key add backup --new-key-file /media/stick/vault.key
  vault key add laptop --ssh ~/.ssh/id_ed25519
  vault key add deploy --recipient 'ssh-ed25519 AAAA…' --identity ~/.ssh/deploy
  vault key add token --recipient age1yubikey1… --identity identity.txt
  vault key add two --new-key-file ~/vault.key --with-passphrase
  vault key add paper --recovery | lp
  vault key add ci --new-passphrase-file /run/secrets/ci

The vault is unlocked with a key that is given or typed now. The new slot is opened once before it is
stored, so a public key alone is not enough. An SSH agent cannot be used: it signs and cannot decrypt.
With --recovery the sheet goes to standard output, once, and the slot is stored when it has arrived; on
a terminal you are asked whether you have it on paper.")]
pub struct Args {
    /// What to call it: 1 to 64 bytes
    #[arg(value_name = "LABEL")]
    label: SlotLabel,

    #[command(flatten)]
    new: NewKey,
}

/// Adds it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    if args.new.is_recovery() {
        recovery::ensure_place(cx)?;
    }
    args.new.check(cx)?;
    // before anybody is asked for anything. Closed again: a descriptor of the vault's own must not be taken
    // for an inherited one
    cx.locked()?.ensure_free_slot(&args.label)?;
    let (half, given) = args.new.read(cx)?;
    let (mut vault, _) = unlock::with_its_key(cx)?;
    vault.ensure_free_slot(&args.label)?;
    let (wrap, proof) = args.new.wrap_and_proof(half, given, cx)?;
    let slot = vault.new_slot(&args.label, &wrap, &proof)?;
    if args.new.is_recovery() {
        return recovery::add(cx, &mut vault, &slot, &proof);
    }
    let kind = slot.kind().to_owned();
    let twins = vault.slots_for_same(&wrap)?;
    vault.store_slot(&slot)?;
    for twin in twins {
        cx.warn(&format!("the same key opens the slot `{twin}`: to take it away, remove both"));
    }
    let label = args.label.into_string();
    Ok(Report::Done {
        message: format!("added the slot `{label}`, having opened it once"),
        item: vec![("label", Cell::owned(label)), ("type", Cell::owned(kind))],
    })
}
