//! The verbs on the log: show and verify.

use super::audit::{self, Draft};
use super::store::anchor::PrunedRow;
use super::store::{VaultRow, entries, log as rows};
use super::view::{Entry, EntryFilter, Glimpse, LogVerdict};
use super::{State, Vault};
use crate::error::{Error, ErrorKind, Result};
use std::collections::HashMap;
use uuid::Uuid;

impl<S: State> Vault<S> {
    /// The entries that fit, one call of `row` each. Reading the log is not logged: it must work
    /// on a damaged vault and on a read-only disk.
    ///
    /// # Errors
    /// Those of `row`, integrity (15), I/O (18).
    pub fn entries(
        &mut self,
        filter: &EntryFilter,
        row: &mut dyn FnMut(&Entry) -> Result<()>,
    ) -> Result<()> {
        entries::list(&self.core.db, filter, row)
    }

    /// What is counted of the entries that fit, one call of `row` each.
    ///
    /// # Errors
    /// Those of `row`, integrity (15), I/O (18).
    pub fn glimpses(
        &mut self,
        filter: &EntryFilter,
        row: &mut dyn FnMut(&Glimpse<'_>) -> Result<()>,
    ) -> Result<()> {
        entries::glimpses(&self.core.db, filter, row)
    }

    /// The number of the last entry there is by now; 0 for an empty log.
    ///
    /// # Errors
    /// Integrity (15), I/O (18).
    pub fn last_entry(&mut self) -> Result<i64> {
        entries::last(&self.core.db)
    }

    /// The clients of the credentials that have one, of those in the trash too.
    ///
    /// # Errors
    /// Integrity (15), I/O (18).
    pub fn clients(&mut self) -> Result<HashMap<Uuid, String>> {
        entries::clients(&self.core.db)
    }

    /// One entry, by sequence number or UUID.
    ///
    /// # Errors
    /// Not found (10), usage for what is neither.
    pub fn entry(&mut self, id: &str) -> Result<Entry> {
        if let Some(entry) = rows::find(&self.core.db, id)? {
            return Ok(entry);
        }
        let pruned = PrunedRow::load(&self.core.db)?;
        let gone = |pruned: &PrunedRow| id.parse().is_ok_and(|seq| (1..=pruned.seq).contains(&seq));
        Err(match pruned.filter(gone) {
            Some(pruned) => Error::new(
                ErrorKind::NotFound,
                format!("entry {id} was pruned: the log begins with {}", pruned.seq + 1),
            )
            .hint("vault audit show"),
            None => Error::new(ErrorKind::NotFound, format!("the log has no entry `{id}`"))
                .hint("vault audit show"),
        })
    }

    /// Checks the whole log: the public chain always, the MACs when unlocked. `progress` hears how
    /// many of how many entries are done.
    ///
    /// # Errors
    /// Integrity (15) naming the first bad entry, I/O (18).
    pub fn verify_log(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<LogVerdict> {
        let keys = self.state.with().map(|with| with.keys);
        self.core.db.begin_read()?;
        // The seal is read first: a process that commits now may move it past what is seen here.
        let verdict = self.core.seal_file().read().and_then(|(found, _)| {
            let vault = VaultRow::load(&self.core.db)?;
            audit::verify::verify(&self.core.db, &vault, keys, &found, progress)
        });
        self.core.db.roll_back();
        verdict
    }
}

impl<S: State> Vault<S> {
    /// Enters that the log was found intact, as `verify`, for `status` to tell. On a machine without a
    /// seal there is nothing to enter it under, and nothing is done.
    ///
    /// # Errors
    /// Integrity (15), I/O (18). The log is as intact as it was.
    pub fn enter_verified(&mut self, verdict: &LogVerdict) -> Result<()> {
        if verdict.complete_to.is_none() {
            return Ok(());
        }
        let tx = self.begin()?;
        if !tx.is_sealed() {
            return Ok(());
        }
        let draft = Draft::new("verify")
            .detail("authenticated", verdict.authenticated.to_string())
            .detail("last", verdict.last.to_string());
        let _ = tx.append(draft)?;
        tx.commit()
    }
}

/// Which failures are worth an entry: those that say something about who tried what.
pub(super) fn is_logged(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NotFound
            | ErrorKind::WrongKey
            | ErrorKind::Locked
            | ErrorKind::Conflict
            | ErrorKind::Refused
            | ErrorKind::Integrity
    )
}
