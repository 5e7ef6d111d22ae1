//! A seal and a log that are not at the same place: the log may have gone on without this machine, but
//! it must not have gone back.

use super::{evolve, verify};
use crate::error::{Error, ErrorKind, Result};
use crate::vault::keys::{Keys, MacKey};
use crate::vault::seal::Seal;
use crate::vault::store::anchor::PrunedRow;
use crate::vault::store::log::{Link, LogEnd, SegmentRow};
use crate::vault::store::{Db, VaultRow, log};

/// Checks that the database is not behind the seal, and takes the seal over the entries that a
/// crash or another machine put behind it.
pub(super) fn catch_up(
    db: &Db,
    vault: &VaultRow,
    keys: Option<&Keys>,
    mut seal: Seal,
    end: &LogEnd,
) -> Result<Seal> {
    if seal.vault_id != vault.vault_id || seal.epoch != vault.epoch {
        return Err(rolled_back("this machine's seal belongs to another state of the vault"));
    }
    let mut known = match seal.seq {
        seq if seq == end.seq => Some(end.hash),
        seq => log::hash_at(db, seq)?,
    };
    if known.is_none() && seal.seq < end.seq {
        seal = over_pruned(db, vault, keys, seal)?;
        known = Some(seal.head);
    }
    if known != Some(seal.head) || seal.counter > vault.counter {
        return Err(rolled_back(&format!(
            "the vault is older than what this machine has seen (entry {}, state {})",
            seal.seq, seal.counter
        )));
    }
    if seal.seq == end.seq {
        return Ok(seal);
    }
    Link::from(db, seal.seq + 1, |entry| {
        if entry.seq != seal.seq + 1 || entry.chain(&seal.head) != entry.hash {
            return Err(verify::bad_entry(entry.seq, "does not follow the one before it"));
        }
        if entry.segment.is_none() {
            verify::check_unsealed(&entry, entry.counter)?;
        }
        if entry.segment == Some(seal.segment) {
            let key = MacKey::new(&seal.key);
            if !key.verify(&entry.hash, &entry.mac.unwrap_or_default()) {
                return Err(verify::bad_entry(entry.seq, "was not written by this program"));
            }
            seal.key = evolve(&key);
        }
        seal.seq = entry.seq;
        seal.head = entry.hash;
        Ok(())
    })?;
    Ok(seal)
}

/// Takes the seal over entries that were pruned on another machine, or just before a crash.
fn over_pruned(db: &Db, vault: &VaultRow, keys: Option<&Keys>, mut seal: Seal) -> Result<Seal> {
    let missing = || rolled_back(&format!("entry {} is missing from the log", seal.seq));
    let pruned =
        PrunedRow::load(db)?.filter(|pruned| pruned.seq >= seal.seq).ok_or_else(missing)?;
    if pruned.seq == seal.seq {
        return if pruned.hash == seal.head { Ok(seal) } else { Err(missing()) };
    }
    let Some(keys) = keys else {
        return Err(Error::new(
            ErrorKind::Locked,
            "the log was pruned since it was used here last",
        )
        .hint("unlock it once: vault audit verify --unlock"));
    };
    verify::check_pruned(vault, keys, &pruned)?;
    let segments = SegmentRow::all(db)?;
    let own = segments.iter().find(|segment| segment.id == seal.segment).ok_or_else(missing)?;
    seal.key = verify::next_key(vault, keys, own, Some(&pruned))?;
    (seal.seq, seal.head) = (pruned.seq, pruned.hash);
    Ok(seal)
}

fn rolled_back(why: &str) -> Error {
    Error::integrity(format!("{why}: it was rolled back or replaced"))
        .hint("if you restored a backup on purpose: vault trust-state")
}
