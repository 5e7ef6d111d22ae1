//! What is checked against the keys before anything is believed.

use super::keys::Keys;
use super::seal::{Found, Seal};
use super::store::vault::SlotRow;
use super::store::{CredentialRow, VaultRow};
use super::tlv::{Hash, sha256};
use super::tx::Tx;
use super::{audit, state};
use crate::error::{Error, Result};
use uuid::Uuid;

/// Checks the vault's own row against the keys, and the keys against this machine's pin.
pub(super) fn check_vault(vault: &VaultRow, keys: &Keys, found: &Found) -> Result<()> {
    if !keys.state.verify(vault.message().as_bytes(), &vault.mac) {
        return Err(Error::integrity("the vault's state was changed from outside")
            .hint("restore the vault from a backup"));
    }
    match found {
        Found::Present(seal) => check_pin(vault, keys, seal),
        Found::Missing | Found::Damaged => Ok(()),
    }
}

/// Checks that the vault is the one this machine's seal is of.
pub(super) fn check_pin(vault: &VaultRow, keys: &Keys, seal: &Seal) -> Result<()> {
    if seal.knows(&audit::pin(keys, vault.vault_id), vault.epoch) {
        return Ok(());
    }
    check_epoch(vault, seal)?;
    Err(Error::integrity("this is not the vault that this machine knows by its name")
        .hint("find out who replaced the file; restore your own from a backup"))
}

/// Checks that the vault is of the epoch that this machine knows, or of the one it has begun itself.
pub(super) fn check_epoch(vault: &VaultRow, seal: &Seal) -> Result<()> {
    let (known, found) = (seal.epoch, vault.epoch);
    if found < known {
        let what = format!(
            "the vault is from before it was rekeyed: epoch {found}, and this machine has seen {known}"
        );
        return Err(Error::integrity(what)
            .hint("an older copy was put back; if you did it on purpose: vault trust-state"));
    }
    if found > known && !seal.is_followed_by(found) {
        let what = format!("the vault was rekeyed elsewhere: epoch {known} -> {found}");
        return Err(Error::integrity(what)
            .hint("if you did that, on another machine: vault trust-state")
            .hint("if not, whoever did it had your keys: go on from a copy that you trust"));
    }
    Ok(())
}

/// What a person compares to know a vault again: 160 bits of what only its keys can compute, in
/// eight groups of four.
pub(super) fn fingerprint(keys: &Keys, vault_id: Uuid) -> String {
    fingerprint_of(&audit::pin(keys, vault_id))
}

/// The same from the pin, which a seal file has.
pub(super) fn fingerprint_of(pin: &Hash) -> String {
    let hash = sha256(&[b"vault/fingerprint/v1", &pin[..]].concat());
    let text = data_encoding::BASE32_NOPAD.encode(&hash[..20]).to_lowercase();
    let groups: Vec<_> = text.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
    groups.join("-")
}

/// Checks the slots against the keys: an added, removed or exchanged one is as bad as a changed row.
pub(super) fn check_slots(vault: &VaultRow, keys: &Keys, slots: &[SlotRow]) -> Result<()> {
    let genuine =
        slots.iter().all(|slot| keys.row.verify(slot.message(vault).as_bytes(), &slot.row_tag));
    match genuine && slots_hash(slots) == vault.slots {
        true => Ok(()),
        false => Err(Error::integrity("the vault's key slots were changed from outside")
            .hint("restore the vault from a backup")),
    }
}

/// The hash over all slots, which must come in order of id.
pub(super) fn slots_hash(slots: &[SlotRow]) -> Hash {
    let mut all = b"vault/slots/v1".to_vec();
    for slot in slots {
        all.extend_from_slice(slot.id.as_bytes());
        all.extend_from_slice(&slot.row_tag);
    }
    sha256(&all)
}

/// Checks a credential's row tag and its place in the state tree.
pub(super) fn check_credential(tx: &Tx<'_>, keys: &Keys, row: &mut CredentialRow) -> Result<()> {
    check_tag(row, tx.vault(), keys)?;
    state::check_member(tx.db(), tx.vault(), row.id, &row.row_tag)
}

/// Checks a credential's row tag, which tells as well whether it is a canary.
pub(super) fn check_tag(row: &mut CredentialRow, vault: &VaultRow, keys: &Keys) -> Result<()> {
    let is_genuine =
        |row: &CredentialRow| keys.row.verify(row.message(vault).as_bytes(), &row.row_tag);
    // Ordinary ones first: they are many, and are not to pay for the others.
    row.is_canary = false;
    if is_genuine(row) {
        return Ok(());
    }
    row.is_canary = true;
    match is_genuine(row) {
        true => Ok(()),
        false => {
            Err(Error::integrity(format!("credential `{}` was changed from outside", row.name))
                .hint("restore the vault from a backup; `vault doctor` names what is wrong"))
        }
    }
}
