//! A seal and a log that are not at the same place: the log may have gone on without this machine, but
//! it must not have gone back.

use super::{REKEY, evolve, pin, verify};
use crate::error::{Error, ErrorKind, Result};
use crate::vault::check::{check_epoch, check_pin};
use crate::vault::keys::{Keys, MacKey};
use crate::vault::seal::Seal;
use crate::vault::store::anchor::PrunedRow;
use crate::vault::store::log::{Link, LogEnd, SegmentRow};
use crate::vault::store::{Db, VaultRow, log};
use crate::vault::tlv::Hash;
use zeroize::Zeroizing;

/// Checks that the database is not behind the seal, and takes the seal over the entries that a
/// crash or another machine put behind it.
pub(super) fn catch_up(
    db: &Db,
    vault: &VaultRow,
    keys: Option<&Keys>,
    mut seal: Seal,
    end: &LogEnd,
) -> Result<Seal> {
    if seal.vault_id != vault.vault_id {
        return Err(rolled_back("this machine's seal belongs to another state of the vault"));
    }
    let mut crossing = Crossing::of(db, vault, keys, &seal)?;
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
    if seal.seq == end.seq && crossing.is_none() {
        return Ok(seal);
    }
    Link::from(db, seal.seq + 1, |entry| {
        if entry.seq != seal.seq + 1 || entry.chain(&seal.head) != entry.hash {
            return Err(verify::bad_entry(entry.seq, "does not follow the one before it"));
        }
        if crossing.as_ref().is_some_and(|crossing| crossing.first_seq == entry.seq) {
            crossing.take().into_iter().for_each(|crossing| crossing.cross(vault, &mut seal));
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
    match crossing {
        None => Ok(seal),
        Some(_) => Err(rolled_back("the log does not have the rekey that this machine began")),
    }
}

/// Where the epoch begins that this machine made: it was committed, and the seal was not written any more.
struct Crossing {
    segment: i64,
    first_seq: i64,
    key: Zeroizing<[u8; 32]>,
    pin: Hash,
}

impl Crossing {
    /// None when the seal is of the vault's epoch.
    fn of(db: &Db, vault: &VaultRow, keys: Option<&Keys>, seal: &Seal) -> Result<Option<Self>> {
        if seal.epoch == vault.epoch {
            return Ok(None);
        }
        check_epoch(vault, seal)?;
        let Some(keys) = keys else {
            let what = "the vault was rekeyed, and was not unlocked here since";
            return Err(Error::new(ErrorKind::Locked, what)
                .hint("unlock it once: vault audit verify --unlock"));
        };
        check_pin(vault, keys, seal)?;
        let begun = |segment: &SegmentRow| segment.cause == REKEY && segment.first_seq > seal.seq;
        let segment = SegmentRow::all(db)?.into_iter().rfind(begun);
        let segment = segment.ok_or_else(|| rolled_back("the log has no segment of this epoch"))?;
        let pruned = PrunedRow::load(db)?;
        Ok(Some(Self {
            key: verify::next_key(vault, keys, &segment, pruned.as_ref())?,
            segment: segment.id,
            first_seq: segment.first_seq,
            pin: pin(keys, vault.vault_id),
        }))
    }

    /// Takes the seal into the new epoch.
    fn cross(self, vault: &VaultRow, seal: &mut Seal) {
        seal.epoch = vault.epoch;
        seal.segment = self.segment;
        seal.key = self.key;
        seal.pin = self.pin;
        seal.next_pin = [0; 32];
    }
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
