//! `vault key passwd`.

use super::passphrase::NewPassphrase;
use crate::cli::agent;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::plugins;
use crate::cli::report::{Cell, Report};
use crate::cli::unlock::{self, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Secret, SlotLabel};
use crate::vault::{Key, Unlocked, Vault, Wrap};
use clap_complete::engine::ArgValueCompleter;
use std::path::PathBuf;

/// Change the passphrase of a slot
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault key passwd
  vault key passwd desk --reason 'somebody looked over my shoulder'
  vault --key-file backup.key key passwd desk
  VAULT_PASSPHRASE_FILE=old vault key passwd --new-passphrase-file new

Without a label it is the one slot that has a passphrase. Any key of the vault lets you change it: so a
forgotten passphrase is replaced. The new one is proven to open before the old one goes. This file does
not open with the old one any more; old copies of it do, and the vault's keys stay the same: if somebody
may have used the old one, `vault rekey`, and rotate.")]
pub struct Args {
    /// Which slot
    #[arg(value_name = "LABEL", add = ArgValueCompleter::new(complete::slots))]
    label: Option<SlotLabel>,

    /// The key that a two-factor slot takes besides, if it is not what you unlock with
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    identity: Option<PathBuf>,

    #[command(flatten)]
    new: NewPassphrase,
}

/// Changes it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    args.new.ensure_source(cx)?;
    let given = args.new.given(cx)?;
    let identity = args.identity.map(|path| unlock::key(cx, &Source::KeyFile(path))).transpose()?;
    let (mut vault, used) = unlock::with_its_key(cx)?;
    let label = args.label.map_or_else(|| the_only_one(&vault), Ok)?;
    let (kind, recipient) = vault.slot_recipient(&label)?;
    if kind != "passphrase" && kind != "two_factor" {
        let what = format!("the slot `{label}` has no passphrase: its type is {kind}");
        return Err(Error::usage(what).hint("see which have one: vault key list"));
    }
    if identity.is_some() && recipient.is_none() {
        let what = format!("the slot `{label}` takes no key besides its passphrase");
        return Err(Error::usage(what).hint("leave out --identity"));
    }
    let is_other = identity.is_none() && recipient.is_some();
    // whose passphrase is asked for is said before somebody makes one up
    let second =
        recipient.map(|text| second(cx, &text, identity.unwrap_or(used), &label)).transpose()?;
    let secret = args.new.or_ask(given, &format!("New passphrase for the slot `{label}`"), cx)?;
    let (wrap, proof) = wrap_and_proof(second, secret);
    let slot = vault.changed_slot(&label, &wrap, &proof).map_err(|e| match e.kind() {
        ErrorKind::WrongKey if is_other => {
            e.hint("the key that goes with it, if it is another one: --identity FILE")
        }
        _ => e,
    })?;
    agent::lock_after(cx, vault.store_slot(&slot))?;
    cx.note_later("old copies of the file still open with the old passphrase; see `vault rekey`");
    Ok(Report::Done {
        message: format!("changed the passphrase of the slot `{label}`"),
        item: vec![("label", Cell::owned(label.into_string())), ("type", Cell::owned(kind))],
    })
}

/// The slot that is meant when none is named.
fn the_only_one(vault: &Vault<Unlocked>) -> Result<SlotLabel> {
    let mut all = vault.slot_labels()?;
    all.retain(|(_, kind)| kind == "passphrase" || kind == "two_factor");
    match &mut all[..] {
        [(label, _)] => label.parse(),
        [] => Err(Error::new(ErrorKind::NotFound, "no slot of this vault has a passphrase")
            .hint("add one: vault key add LABEL --passphrase")),
        several => Err(Error::new(ErrorKind::Conflict, "several slots have a passphrase")
            .candidates(several.iter().map(|(label, _)| label.clone()).collect())
            .hint("name one: vault key passwd LABEL")),
    }
}

/// The key of a two-factor slot: whom it is for, and what opens it.
fn second(cx: &Context, recipient: &str, key: Key, label: &SlotLabel) -> Result<(Wrap, Key)> {
    let key = match key {
        Key::Both(key, _) => *key,
        Key::Passphrase(_) => {
            let what =
                format!("the slot `{label}` takes a key besides, which must be there to prove it");
            return Err(Error::usage(what).hint("name it: --identity FILE"));
        }
        key => key,
    };
    Ok((plugins::wrap(cx, recipient)?, key))
}

fn wrap_and_proof(second: Option<(Wrap, Key)>, secret: Secret) -> (Wrap, Key) {
    let copy = Secret::from_bytes(secret.expose());
    match second {
        Some((wrap, key)) => (wrap.and_passphrase(copy), Key::Both(Box::new(key), secret)),
        None => (Wrap::passphrase(copy), Key::Passphrase(secret)),
    }
}
