//! Making slots again for a new epoch: whom each is for is known, or was shown.

use super::ByPlugin;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use crate::vault::keys::Keys;
use crate::vault::slot::{self, Key, SlotAbout, Wrap};
use crate::vault::store::{SlotRow, VaultRow};

/// A key, and the slot that it opens.
pub struct Proof {
    label: String,
    key: Key,
}

impl Proof {
    pub(super) fn of(label: &str, key: Key) -> Self {
        Self { label: label.to_owned(), key }
    }

    /// The slot that it opens.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }
}

/// What becomes of a slot.
pub enum Fate {
    /// It is made again, and opened with its key before anything is committed.
    Proven(Proof),
    /// It is made again for whom it was made; its key is not at hand.
    Untested,
    /// It goes.
    Dropped,
}

/// How a slot was made again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kept {
    /// It was opened.
    Proven,
    /// It was not.
    Untested,
}

/// A slot that was made again.
#[derive(Clone, Debug)]
pub struct Remade {
    /// What it is called.
    pub label: String,
    /// Its type.
    pub kind: String,
    /// How.
    pub kept: Kept,
}

/// See [`crate::vault::Vault::prove`].
pub(super) fn prove(slots: &[SlotRow], vault: &VaultRow, label: &str, key: Key) -> Result<Proof> {
    let wrong = || {
        let what = format!("the {} does not open the slot `{label}`", slot::word(&key));
        Error::new(ErrorKind::WrongKey, what)
    };
    let mut such = slots.iter().filter(|slot| slot.label == label).peekable();
    if such.peek().is_none() {
        return Err(no_such(label));
    }
    for slot in such.filter(|slot| key.fits(&slot.kind)) {
        if let Some(plain) = slot::open(&key, slot)? {
            slot::read_content(&plain, vault.vault_id, vault.epoch)?;
            return Ok(Proof::of(label, key));
        }
    }
    Err(wrong())
}

/// All slots that stay, with `content`, made for the vault that `after` will be; each that can be opened
/// was.
pub(super) fn remake(
    old: &[SlotRow],
    mut fates: Vec<(String, Fate)>,
    by_plugin: &ByPlugin<'_>,
    (from, to): (&Keys, &Keys),
    (after, content): (&VaultRow, &Secret),
) -> Result<Vec<(SlotRow, Remade)>> {
    let mut made = Vec::new();
    for row in old {
        let at = fates.iter().position(|(label, _)| *label == row.label);
        let (_, fate) = at.map(|at| fates.swap_remove(at)).ok_or_else(|| undecided(&row.label))?;
        let key = match &fate {
            Fate::Dropped => continue,
            Fate::Proven(proof) if proof.label == row.label => Some(&proof.key),
            Fate::Proven(_) => return Err(Error::internal("a proof of another slot")),
            Fate::Untested => None,
        };
        let wrap = whom_for(row, key, from, by_plugin)?;
        let about = SlotAbout { id: row.id, label: &row.label, created_at: row.created_at };
        let slot = slot::make(about, &wrap, content, after, to)?;
        if let Some(key) = key {
            slot::prove(key, &slot, content)
                .map_err(|e| e.hint("or leave it out; nothing was changed: `--drop LABEL`"))?;
        }
        let kept = if key.is_some() { Kept::Proven } else { Kept::Untested };
        made.push((slot, Remade { label: row.label.clone(), kind: row.kind.clone(), kept }));
    }
    if let Some((label, _)) = fates.first() {
        return Err(no_such(label));
    }
    match made.iter().any(|(_, about)| about.kept == Kept::Proven) {
        true => Ok(made),
        false => Err(Error::new(ErrorKind::Refused, "no slot would be left that is known to open")
            .hint("give the key of one of them: `--slot LABEL=FILE`")),
    }
}

/// Whom the slot is made for: its recipient, its passphrase, or both.
fn whom_for(
    row: &SlotRow,
    key: Option<&Key>,
    from: &Keys,
    by_plugin: &ByPlugin<'_>,
) -> Result<Wrap> {
    let passphrase = match key {
        Some(Key::Passphrase(secret) | Key::Both(_, secret)) => {
            Some(Secret::from_bytes(secret.expose()))
        }
        Some(Key::Identity(_) | Key::Ssh(_) | Key::Plugin(_)) | None => None,
    };
    if takes_passphrase(&row.kind) && passphrase.is_none() {
        let what = format!("the slot `{}` cannot be made again without its passphrase", row.label);
        return Err(Error::usage(what)
            .hint("give it: `--slot LABEL=FILE`; or leave it out: `--drop LABEL`"));
    }
    let recipient = match slot::recipient_of(row, from)? {
        Some(text) if Wrap::is_plugins(&text) => Some(by_plugin(&text)?),
        Some(text) => Some(Wrap::again(&row.kind, &text)?),
        None => None,
    };
    match (recipient, passphrase) {
        (Some(recipient), Some(passphrase)) => Ok(recipient.and_passphrase(passphrase)),
        (Some(recipient), None) => Ok(recipient),
        (None, Some(passphrase)) => Ok(Wrap::passphrase(passphrase)),
        (None, None) => Err(Error::integrity(format!("slot `{}` is damaged", row.label))),
    }
}

/// Whether a slot of this type is partly made of a passphrase, which is kept nowhere.
fn takes_passphrase(kind: &str) -> bool {
    matches!(kind, "passphrase" | "two_factor")
}

/// Whether these are still the slots that were looked at.
pub(super) fn are_same(before: &[SlotRow], now: &[SlotRow]) -> bool {
    before.len() == now.len()
        && before.iter().zip(now).all(|(a, b)| a.id == b.id && a.row_tag == b.row_tag)
}

fn undecided(label: &str) -> Error {
    Error::usage(format!("nothing is said about the slot `{label}`"))
        .hint("give its key: `--slot LABEL=FILE`; or `--untested LABEL`, or `--drop LABEL`")
}

fn no_such(label: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no slot `{label}`"))
        .hint("see which there are: vault rekey --dry-run")
}
