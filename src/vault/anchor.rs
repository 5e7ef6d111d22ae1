//! The verbs on heads of the log that are kept elsewhere: signing one, and comparing the log with
//! them.

use super::audit::verify::bad_entry;
use super::audit::{Draft, REKEY};
use super::note::{Checkpoint, Head, PublicKey};
use super::private::Keyring;
use super::store::anchor::{self as rows, PrunedRow};
use super::store::log::SegmentRow;
use super::store::{Db, VaultRow, log};
use super::tx::Tx;
use super::view::{Anchor, Anchored};
use super::{State, Unlocked, Vault};
use crate::error::{Error, Result};

impl Vault<Unlocked> {
    /// Checks the whole log, signs its head and stores the note. The note is about the head before
    /// the entry that says so, which is `audit_checkpoint`.
    ///
    /// # Errors
    /// Integrity (15) if the log is not intact, I/O (18).
    pub fn checkpoint(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<Checkpoint> {
        let done = self.sign_head(progress);
        if let Err(e) = &done {
            self.note_failure(Draft::new("audit_checkpoint"), e);
        }
        done
    }

    fn sign_head(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<Checkpoint> {
        let keys = &self.state.keys;
        let tx = Tx::begin(&mut self.core, self.state.with())?;
        let verdict = tx.verify_log(keys, progress)?;
        let head = Head {
            vault: tx.vault().vault_id,
            epoch: tx.vault().epoch,
            seq: verdict.last,
            hash: verdict.head,
            counter: tx.vault().counter,
            at: tx.now(),
        };
        let note = Checkpoint::sign(head, keys);
        rows::insert_checkpoint(tx.db(), &note)?;
        let draft = Draft::new("audit_checkpoint").detail("last", note.head.seq.to_string());
        let _ = tx.append(draft)?;
        tx.commit()?;
        Ok(note)
    }

    /// What checks this vault's notes.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey::of(&self.state.keys, self.core.vault.vault_id)
    }

    /// The stored checkpoints, oldest first.
    ///
    /// # Errors
    /// Integrity (15) for one that this vault did not sign, I/O (18).
    pub fn checkpoints(&mut self) -> Result<Vec<Checkpoint>> {
        let (public, vault) = (self.public_key(), &self.core.vault);
        let mut all = Vec::new();
        rows::checkpoints(&self.core.db, vault.vault_id, i64::MIN, |note| {
            check_signature(&note, vault, &public)?;
            all.push(note);
            Ok(())
        })?;
        Ok(all)
    }
}

impl<S: State> Vault<S> {
    /// Compares the log, which has been verified, with heads that were kept elsewhere. Signatures are
    /// checked with the vault's own key when unlocked, and else with `public`.
    ///
    /// # Errors
    /// Integrity (15) naming the entry, or whose the anchor is; I/O (18).
    pub fn compare(&mut self, anchors: &[Anchor], public: Option<&PublicKey>) -> Result<Anchored> {
        let own = self.state.with().map(|with| PublicKey::of(with.keys, self.core.vault.vault_id));
        self.core.db.begin_read()?;
        let compared = VaultRow::load(&self.core.db).and_then(|vault| {
            let pruned = PrunedRow::load(&self.core.db)?;
            let end = log::end(&self.core.db, vault.vault_id)?.seq;
            let known = Known { db: &self.core.db, vault, pruned, end, own, public };
            let mut anchored = Anchored::default();
            anchors.iter().try_for_each(|anchor| known.compare(anchor, &mut anchored))?;
            Ok(anchored)
        });
        self.core.db.roll_back();
        compared
    }
}

/// What an anchor is compared with.
struct Known<'a> {
    db: &'a Db,
    vault: VaultRow,
    pruned: Option<PrunedRow>,
    end: i64,
    own: Option<PublicKey>,
    public: Option<&'a PublicKey>,
}

impl Known<'_> {
    fn compare(&self, anchor: &Anchor, anchored: &mut Anchored) -> Result<()> {
        let Anchor { line, seq, .. } = anchor;
        if let Some(other) = anchor.vault.filter(|vault| *vault != self.vault.vault_id) {
            let own = self.vault.vault_id;
            let what = format!("the anchor in line {line} is of vault {other}, and this is {own}");
            return Err(Error::integrity(what).hint("which vault this is: vault status"));
        }
        self.signature(anchor, anchored)?;
        if *seq > self.end {
            let why = format!("is missing: the anchor in line {line} knows entry {seq}");
            return Err(bad_entry(self.end + 1, &why));
        }
        let hash = match &self.pruned {
            Some(pruned) if pruned.seq > *seq => {
                anchored.pruned += 1;
                return Ok(());
            }
            Some(pruned) if pruned.seq == *seq => Some(pruned.hash),
            Some(_) | None => log::hash_at(self.db, *seq)?,
        };
        if hash != Some(anchor.hash) {
            let why = format!("is not the one that the anchor in line {line} knows");
            return Err(bad_entry(*seq, &why));
        }
        anchored.to = anchored.to.max(Some(*seq));
        Ok(())
    }

    fn signature(&self, anchor: &Anchor, anchored: &mut Anchored) -> Result<()> {
        let Some(note) = &anchor.note else { return Ok(()) };
        let own = self.own.as_ref().filter(|_| note.head.epoch == self.vault.epoch);
        let Some(key) = own.or(self.public) else {
            anchored.unchecked += 1;
            return Ok(());
        };
        if !note.is_signed_by(key) {
            let what = format!("the anchor in line {} was not signed by this vault", anchor.line);
            return Err(Error::integrity(what).hint("find out who changed it, or whose it is"));
        }
        anchored.signed += 1;
        Ok(())
    }
}

/// Whether the vault signed a stored note; one of an epoch that is over cannot be checked any more.
fn check_signature(note: &Checkpoint, vault: &VaultRow, public: &PublicKey) -> Result<()> {
    if note.head.epoch != vault.epoch || note.is_signed_by(public) {
        return Ok(());
    }
    let what = format!("the checkpoint at entry {} was changed from outside", note.head.seq);
    Err(Error::integrity(what).hint("vault audit verify --unlock"))
}

/// The epoch that an entry is of, so that nobody says that it was another one, whose key is gone.
fn epoch_at(segments: &[SegmentRow], seq: i64) -> u32 {
    let begun = |segment: &&SegmentRow| segment.cause == REKEY && segment.first_seq <= seq;
    u32::try_from(segments.iter().filter(begun).count()).map_or(0, |n| n.saturating_add(1))
}

/// The stored checkpoints against the log, which is intact: each is at its entry, signed if that can
/// be told, and none is gone that the log knows of.
pub(super) fn check_checkpoints(
    db: &Db,
    vault: &VaultRow,
    public: Option<&PublicKey>,
    end: i64,
) -> Result<()> {
    let (pruned, segments) = (PrunedRow::load(db)?, SegmentRow::all(db)?);
    let mut there = std::collections::BTreeSet::new();
    rows::checkpoints(db, vault.vault_id, i64::MIN, |note| {
        let seq = note.head.seq;
        if let Some(public) = public {
            check_signature(&note, vault, public)?;
        }
        there.insert(seq);
        if note.head.epoch != epoch_at(&segments, seq) {
            return Err(bad_entry(seq, "is of another epoch than its checkpoint"));
        }
        let fits = match &pruned {
            Some(pruned) if seq < pruned.seq => true,
            Some(pruned) if seq == pruned.seq => pruned.hash == note.head.hash,
            Some(_) | None => log::hash_at(db, seq)? == Some(note.head.hash),
        };
        match fits && seq <= end {
            true => Ok(()),
            false => Err(bad_entry(seq, "is not the one of its checkpoint")),
        }
    })?;
    rows::checkpoint_entries(db, |seq, details| {
        let details: serde_json::Value = serde_json::from_str(details).unwrap_or_default();
        let last = details["last"].as_str().and_then(|last| last.parse::<i64>().ok());
        match last.is_some_and(|last| there.contains(&last)) {
            true => Ok(()),
            false => Err(bad_entry(seq, "made a checkpoint that is not there any more")),
        }
    })
}
