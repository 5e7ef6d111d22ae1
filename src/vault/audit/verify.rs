//! `audit verify`: the public chain always, the MACs when the keys are there. Entry n is checked
//! with the key of entry n only, never with some later one.

use super::{REKEY, evolve};
use crate::error::{Error, Result};
use crate::vault::anchor::check_checkpoints;
use crate::vault::check::{check_epoch, check_pin};
use crate::vault::crypto;
use crate::vault::keys::{Keys, MacKey};
use crate::vault::note::PublicKey;
use crate::vault::seal::{Found, Seal};
use crate::vault::store::anchor::PrunedRow;
use crate::vault::store::log::{Link, SegmentRow};
use crate::vault::store::{Db, VaultRow, log};
use crate::vault::tlv::Hash;
use crate::vault::view::LogVerdict;
use std::collections::HashMap;
use std::sync::mpsc::{SyncSender, sync_channel};
use zeroize::Zeroizing;

/// Names the first entry that is not as it was written.
pub(in crate::vault) fn bad_entry(seq: i64, why: &str) -> Error {
    Error::integrity(format!("the audit log was tampered with: entry {seq} {why}"))
        .hint(format!("vault audit show {seq}"))
}

/// Checks the whole log.
pub(in crate::vault) fn verify(
    db: &Db,
    vault: &VaultRow,
    keys: Option<&Keys>,
    found: &Found,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<LogVerdict> {
    let end = log::end(db, vault.vault_id)?;
    let segments = SegmentRow::all(db)?;
    let pruned = PrunedRow::load(db)?;
    let begun = Check::new(vault, keys, &segments, pruned.as_ref())?;
    let check = walk(db, begun, end.seq, found, progress)?;
    let verdict = check.finish(vault, end.seq, found, keys)?;
    let public = keys.map(|keys| PublicKey::of(keys, vault.vault_id));
    check_checkpoints(db, vault, public.as_ref(), end.seq)?;
    Ok(verdict)
}

/// Entries that travel to the checking thread together, and how many such batches may wait there.
const BATCH: usize = 256;
const AHEAD: usize = 8;

/// Reads the log here and checks it in a thread beside: half the time of one after the other.
fn walk<'a>(
    db: &Db,
    mut check: Check<'a>,
    last: i64,
    found: &Found,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Check<'a>> {
    std::thread::scope(|scope| {
        let (send, receive) = sync_channel::<Vec<Link>>(AHEAD);
        let checking = scope.spawn(move || {
            for link in receive.into_iter().flatten() {
                check.entry(&link, found)?;
            }
            Ok(check)
        });
        let read = read(db, &send, last, progress);
        drop(send);
        let checked = checking.join().map_err(|_| Error::internal("checking the log failed"))?;
        // A bad entry comes first: reading stops because of it.
        checked.and_then(|check| read.map(|()| check))
    })
}

fn read(
    db: &Db,
    to: &SyncSender<Vec<Link>>,
    last: i64,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<()> {
    let count = |n: i64| u64::try_from(n).unwrap_or_default();
    let gone = |_| Error::internal("the log is not checked any more");
    let mut batch = Vec::with_capacity(BATCH);
    Link::from(db, i64::MIN, |link| {
        let seq = link.seq;
        batch.push(link);
        if batch.len() == BATCH {
            to.send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH))).map_err(gone)?;
            progress(count(seq), count(last));
        }
        Ok(())
    })?;
    to.send(batch).map_err(gone)
}

/// Without a seal on the machine, a locked vault is all there is: it can be looked at, and attempts can
/// fail. An entry about anything else was not written by this program.
pub(in crate::vault) fn check_unsealed(link: &Link, counter: i64) -> Result<()> {
    match link.needs_no_key && link.counter == counter {
        true => Ok(()),
        false => Err(bad_entry(link.seq, "cannot have been written without a seal")),
    }
}

/// What is known while walking through the log.
struct Check<'a> {
    seq: i64,
    hash: Hash,
    counter: i64,
    /// Whether the entry before is that of a rekey.
    rekeyed: bool,
    /// The segment that this epoch began with: the keys of older ones are known to whoever had the old keys.
    oldest: i64,
    /// The next key of each segment; empty while locked.
    next: HashMap<i64, Zeroizing<[u8; 32]>>,
    segments: &'a [SegmentRow],
    /// What stands for the entries before the first.
    pruned: Option<&'a PrunedRow>,
    authenticated: bool,
    unsealed: Vec<i64>,
    gaps: Vec<String>,
}

impl<'a> Check<'a> {
    fn new(
        vault: &VaultRow,
        keys: Option<&Keys>,
        segments: &'a [SegmentRow],
        pruned: Option<&'a PrunedRow>,
    ) -> Result<Self> {
        let mut next = HashMap::new();
        if let Some(keys) = keys {
            pruned.map_or(Ok(()), |pruned| check_pruned(vault, keys, pruned))?;
            for segment in segments {
                next.insert(segment.id, next_key(vault, keys, segment, pruned)?);
            }
        }
        let (seq, hash, counter) = match pruned {
            Some(pruned) => (pruned.seq, pruned.hash, pruned.counter),
            None => (0, log::genesis(vault.vault_id), 0),
        };
        let over = |s: &&SegmentRow| s.cause == REKEY && s.first_seq <= seq;
        let oldest = segments.iter().filter(over).map(|s| s.id).max().unwrap_or_default();
        let unknown = pruned.filter(|_| keys.is_none());
        let gaps = unknown.map(|pruned| {
            format!("entries up to {} were pruned, which only the keys can confirm", pruned.seq)
        });
        Ok(Self {
            seq,
            hash,
            counter,
            rekeyed: false,
            oldest,
            next,
            segments,
            pruned,
            authenticated: keys.is_some(),
            unsealed: Vec::new(),
            gaps: gaps.into_iter().collect(),
        })
    }

    fn entry(&mut self, entry: &Link, found: &Found) -> Result<()> {
        if entry.seq != self.seq + 1 {
            return Err(bad_entry(self.seq + 1, "is missing"));
        }
        self.boundary(entry.seq)?;
        if entry.chain(&self.hash) != entry.hash {
            return Err(bad_entry(entry.seq, "was changed, or the one before it was"));
        }
        if entry.counter < self.counter {
            return Err(bad_entry(entry.seq, "counts the state backwards"));
        }
        match entry.segment {
            None => {
                check_unsealed(entry, self.counter)?;
                self.unsealed.push(entry.seq);
            }
            Some(segment) => self.mac(entry, segment)?,
        }
        (self.seq, self.hash, self.counter) = (entry.seq, entry.hash, entry.counter);
        self.rekeyed = entry.is_rekey;
        match found {
            Found::Present(seal) if seal.seq == entry.seq && seal.head != entry.hash => {
                Err(bad_entry(entry.seq, "is not the one this machine's seal remembers"))
            }
            _ => Ok(()),
        }
    }

    /// Where a segment begins, the log must be where the segment says.
    fn boundary(&mut self, seq: i64) -> Result<()> {
        let begins = |segment: &SegmentRow| segment.first_seq == seq && segment.cause == REKEY;
        if self.rekeyed && !self.segments.iter().any(begins) {
            return Err(bad_entry(seq, "does not begin the epoch of the rekey before it"));
        }
        for segment in self.segments.iter().filter(|segment| segment.first_seq == seq) {
            if segment.previous_hash != self.hash {
                return Err(bad_entry(seq, "does not begin its segment as recorded"));
            }
            if segment.cause == REKEY {
                self.epoch(segment)?;
                self.oldest = segment.id;
            } else if segment.cause != "init" {
                self.gaps.push(format!(
                    "segment {} begins at entry {seq} on {}: the seal was {}",
                    segment.id, segment.host, segment.cause
                ));
            }
        }
        Ok(())
    }

    /// A new epoch begins with the entry after that of its rekey, which may have been pruned.
    fn epoch(&self, segment: &SegmentRow) -> Result<()> {
        let seq = segment.first_seq;
        let is_first = self.pruned.is_some_and(|pruned| pruned.seq + 1 == seq);
        match self.rekeyed || is_first {
            true => Ok(()),
            false => Err(bad_entry(seq, "begins an epoch, and there was no rekey before it")),
        }
    }

    fn mac(&mut self, entry: &Link, segment: i64) -> Result<()> {
        let seq = entry.seq;
        if !self.segments.iter().any(|s| s.id == segment && s.first_seq <= seq) {
            return Err(bad_entry(seq, "names a segment that is not there"));
        }
        if segment < self.oldest {
            return Err(bad_entry(seq, "goes on with a segment of an epoch that is over"));
        }
        if !self.authenticated {
            return Ok(());
        }
        let key = self.next.get_mut(&segment).ok_or_else(|| bad_entry(seq, "has no key"))?;
        let this = MacKey::new(key);
        if !this.verify(&entry.hash, &entry.mac.unwrap_or_default()) {
            return Err(bad_entry(seq, "was not written by this program"));
        }
        *key = evolve(&this);
        Ok(())
    }

    fn finish(
        mut self,
        vault: &VaultRow,
        last: i64,
        found: &Found,
        keys: Option<&Keys>,
    ) -> Result<LogVerdict> {
        if let Some(segment) = self.segments.iter().find(|s| s.first_seq > last + 1) {
            return Err(bad_entry(
                last + 1,
                &format!("is missing: segment {} follows", segment.id),
            ));
        }
        let rekeys = self.segments.iter().filter(|segment| segment.cause == REKEY).count();
        if u32::try_from(rekeys).ok().and_then(|n| n.checked_add(1)) != Some(vault.epoch) {
            return Err(Error::integrity(format!(
                "the log knows of {rekeys} rekeys, and the vault is of epoch {}",
                vault.epoch
            ))
            .hint("restore the vault from a backup"));
        }
        if self.counter != vault.counter || vault.log_seq > last {
            return Err(bad_entry(last + 1, "is missing: the rows are newer than the log"));
        }
        let complete_to = match found {
            Found::Present(seal) => Some(self.compare(seal, vault, keys)?),
            Found::Missing => self.gap("there is no seal file on this machine"),
            Found::Damaged => self.gap("the seal file on this machine is damaged"),
        };
        if let (Some(first), Some(end)) = (self.unsealed.first(), self.unsealed.last()) {
            let text = format!(
                "{} entries between {first} and {end} were written without a seal",
                self.unsealed.len()
            );
            self.gaps.push(text);
        }
        let pruned_to = self.pruned.map(|pruned| pruned.seq);
        Ok(LogVerdict {
            entries: u64::try_from(self.seq - pruned_to.unwrap_or_default()).unwrap_or_default(),
            last,
            head: self.hash,
            authenticated: self.authenticated && self.unsealed.is_empty(),
            complete_to,
            pruned_to,
            gaps: self.gaps,
        })
    }

    fn gap(&mut self, text: &str) -> Option<i64> {
        self.gaps.push(text.to_owned());
        None
    }

    /// The end of the log against this machine's seal: nothing may be missing before it, and what
    /// is behind it must have been written with its key.
    fn compare(&self, seal: &Seal, vault: &VaultRow, keys: Option<&Keys>) -> Result<i64> {
        if seal.seq > self.seq {
            let (missing, last) = (self.seq + 1, seal.seq);
            let what = format!("entry {missing} is missing: the seal knows {last}");
            return Err(Error::integrity(format!("the audit log was tampered with: {what}"))
                .hint("see where it ends now: vault audit show --limit 5")
                .hint("what is missing stands in a sink or a backup, if you have one"));
        }
        if self.pruned.is_some_and(|p| p.seq == seal.seq && p.hash != seal.head) {
            return Err(bad_entry(seal.seq, "is not the one this machine's seal remembers"));
        }
        if seal.counter > vault.counter {
            return Err(Error::integrity("the vault's rows are older than this machine has seen")
                .hint("if you restored a backup on purpose: vault trust-state"));
        }
        match keys {
            Some(keys) => check_pin(vault, keys, seal)?,
            None => check_epoch(vault, seal)?,
        }
        Ok(seal.seq)
    }
}

/// Whether what stands for pruned entries was written by whoever has the keys.
pub(super) fn check_pruned(vault: &VaultRow, keys: &Keys, pruned: &PrunedRow) -> Result<()> {
    match keys.audit.verify(pruned.message(vault).as_bytes(), &pruned.row_tag) {
        true => Ok(()),
        false => Err(bad_entry(pruned.seq, "and those before it were pruned by somebody else")),
    }
}

/// The key of a segment's first entry that was not pruned.
pub(super) fn next_key(
    vault: &VaultRow,
    keys: &Keys,
    segment: &SegmentRow,
    pruned: Option<&PrunedRow>,
) -> Result<Zeroizing<[u8; 32]>> {
    let gone = pruned.and_then(|pruned| pruned.segments.get(&segment.id)).copied();
    let first = first_key(vault, keys, segment)?;
    Ok((0..gone.unwrap_or_default()).fold(first, |key, _| evolve(&MacKey::new(&key))))
}

fn first_key(vault: &VaultRow, keys: &Keys, segment: &SegmentRow) -> Result<Zeroizing<[u8; 32]>> {
    let damaged = || Error::integrity(format!("log segment {} is damaged or forged", segment.id));
    if !keys.audit.verify(segment.message(vault).as_bytes(), &segment.row_tag) {
        return Err(damaged());
    }
    let plain = crypto::decrypt(&keys.identity, &segment.sealed_key).map_err(|_| damaged())?;
    Ok(Zeroizing::new(<[u8; 32]>::try_from(&plain[..]).map_err(|_| damaged())?))
}
