//! Giving up the beginning of the log: only what a signed checkpoint covers, and leaving a row that
//! lets the rest be verified.

use super::audit::Draft;
use super::audit::verify::bad_entry;
use super::private::Keyring;
use super::store::anchor::{self as rows, PrunedRow};
use super::store::{Db, VaultRow, log};
use super::tx::Tx;
use super::view::Prunable;
use super::{Unlocked, Vault};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Timestamp;

impl Vault<Unlocked> {
    /// What [`Vault::prune`] would destroy: the entries before the first one that was not written
    /// before `before`. None if there are none.
    ///
    /// # Errors
    /// Refused (14) without a checkpoint at the last of them or after it, integrity (15), I/O (18).
    pub fn prunable(&mut self, before: Timestamp) -> Result<Option<Prunable>> {
        let core = &self.core;
        let found = VaultRow::load(&core.db).and_then(|vault| plan(&core.db, &vault, before));
        if let Err(e) = &found {
            self.note_failure(Draft::new("audit_prune"), e);
        }
        found
    }

    /// Checks the whole log, then destroys `what`. Logged as `audit_prune`.
    ///
    /// # Errors
    /// Conflict (13) if something else would go by now, refused (14), integrity (15), I/O (18).
    pub fn prune(
        &mut self,
        before: Timestamp,
        what: Prunable,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<()> {
        let done = self.prune_now(before, what, progress);
        match &done {
            Err(e) => self.note_failure(Draft::new("audit_prune"), e),
            Ok(()) => self.empty_wal("the pruned entries leave"),
        }
        done
    }

    fn prune_now(
        &mut self,
        before: Timestamp,
        what: Prunable,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<()> {
        let keys = &self.state.keys;
        let tx = Tx::begin(&mut self.core, self.state.with())?;
        tx.verify_log(keys, progress)?;
        if plan(tx.db(), tx.vault(), before)? != Some(what) {
            return Err(Error::new(ErrorKind::Conflict, "the log was pruned meanwhile")
                .hint("see what is left: vault status"));
        }
        let mut row = successor(tx.db(), what.last, tx.now())?;
        row.row_tag = keys.audit.tag(row.message(tx.vault()).as_bytes());
        rows::delete_entries(tx.db(), what.last)?;
        row.store(tx.db())?;
        let draft = Draft::new("audit_prune")
            .detail("entries", what.entries.to_string())
            .detail("last", what.last.to_string());
        let _ = tx.append(draft)?;
        tx.commit()
    }
}

/// What is old enough, if a checkpoint covers it.
fn plan(db: &Db, vault: &VaultRow, before: Timestamp) -> Result<Option<Prunable>> {
    let end = log::end(db, vault.vault_id)?.seq;
    let kept = rows::first_since(db, before)?.unwrap_or(end + 1);
    let gone = PrunedRow::load(db)?.map_or(0, |pruned| pruned.seq);
    let last = kept - 1;
    if last <= gone {
        return Ok(None);
    }
    let covered = rows::checkpoint_after(db, vault.vault_id, vault.epoch, last)?;
    if covered.is_none() {
        let what = format!("no checkpoint covers entry {last}, the last that would go");
        return Err(Error::new(ErrorKind::Refused, what).hint("vault audit checkpoint"));
    }
    Ok(Some(Prunable { entries: last - gone, last }))
}

/// The row that stands for all entries up to `last`, without its tag.
fn successor(db: &Db, last: i64, now: Timestamp) -> Result<PrunedRow> {
    let mut segments = PrunedRow::load(db)?.map(|row| row.segments).unwrap_or_default();
    rows::count_by_segment(db, last, |segment, count| {
        *segments.entry(segment).or_default() += count;
    })?;
    let (hash, counter) = rows::state_at(db, last)?.ok_or_else(|| bad_entry(last, "is missing"))?;
    Ok(PrunedRow { seq: last, hash, counter, pruned_at: now, segments, row_tag: [0; 32] })
}
