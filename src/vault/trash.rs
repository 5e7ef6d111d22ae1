//! The trash: into it, out of it, and what is destroyed for good.

use super::audit::Draft;
use super::creds::replace;
use super::filter::Filter;
use super::keys::Keys;
use super::lookup::{current, ensure_free};
use super::store::secret as secrets;
use super::store::{CredentialRow, Tombstone};
use super::tx::Tx;
use super::view::{Subject, Trashed};
use super::{Unlocked, Vault, check, state};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CredName, Timestamp};

impl Vault<Unlocked> {
    /// Puts a credential into the trash. Logged as `delete`.
    ///
    /// # Errors
    /// Not found (10), conflict (13) when the version has moved, integrity (15), I/O (18).
    pub fn remove<'n>(&mut self, which: impl Into<Subject<'n>>) -> Result<()> {
        let subject = which.into();
        self.change("delete", subject.name, |tx, keys| {
            let old = current(tx, keys, subject, false)?;
            let _ = tx.append_change(Draft::about("delete", old.id, subject.name))?;
            let new = CredentialRow { deleted_at: Some(tx.now()), ..old.clone() };
            replace(tx, keys, &old, new).map(drop)
        })
    }

    /// Takes a credential out of the trash: the one of that name deleted last. Logged as `restore`.
    ///
    /// # Errors
    /// Not found (10), conflict (13) when the name is in use again or the version has moved,
    /// integrity (15), I/O (18).
    pub fn restore<'n>(&mut self, which: impl Into<Subject<'n>>) -> Result<()> {
        let subject = which.into();
        self.change("restore", subject.name, |tx, keys| {
            let old = current(tx, keys, subject, true)?;
            ensure_free(tx, subject.name)?;
            let _ = tx.append_change(Draft::about("restore", old.id, subject.name))?;
            let new =
                CredentialRow { deleted_at: None, restored_at: Some(tx.now()), ..old.clone() };
            replace(tx, keys, &old, new).map(drop)
        })
    }

    /// Destroys a credential and all its versions: the live one, or with `deleted` the one of that
    /// name that was put into the trash last. Its log entries stay. Logged as `purge`.
    ///
    /// # Errors
    /// Not found (10), conflict (13) when the version has moved, integrity (15), I/O (18).
    pub fn purge<'n>(&mut self, which: impl Into<Subject<'n>>, deleted: bool) -> Result<()> {
        let subject = which.into();
        self.change("purge", subject.name, |tx, keys| {
            if !deleted {
                state::check_all(tx.db(), tx.vault(), keys)?; // of what is in the trash, below
            }
            let old = current(tx, keys, subject, deleted)?;
            destroy(tx, keys, subject.name, &old)
        })?;
        self.settle(true);
        Ok(())
    }

    /// What was put into the trash at `limit` or before, in order of name. Logged as a list.
    ///
    /// # Errors
    /// Integrity (15), I/O (18).
    pub fn trashed_until(&mut self, limit: Timestamp) -> Result<Vec<Trashed>> {
        let filter = Filter { deleted: true, ..Filter::default() };
        let mut found = Vec::new();
        self.list(&filter, &mut |row| {
            if let Some(at) = row.deleted_at()?.filter(|at| *at <= limit) {
                found.push(Trashed { id: row.id()?, name: row.name()?.parse()?, deleted_at: at });
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Destroys credentials in the trash, one after the other, and tells `each` what became of it.
    /// What one fails at does not stop the others. Each is logged as `purge`.
    pub fn empty_trash(&mut self, items: &[Trashed], each: &mut dyn FnMut(&Trashed, Result<()>)) {
        for item in items {
            let purged = self.change("purge", &item.name, |tx, keys| {
                let row = CredentialRow::trashed(tx.db(), item.name.as_str(), item.id)?;
                let mut old = row.ok_or_else(|| gone(&item.name))?;
                check::check_credential(tx, keys, &mut old)?;
                destroy(tx, keys, &item.name, &old)
            });
            each(item, purged);
        }
        self.settle(!items.is_empty());
    }

    /// After a change that destroyed something: nothing superseded stays on disk. A reader in another
    /// process may put that off. It is destroyed by now, so that nothing may fail any more.
    pub(super) fn settle(&mut self, destroyed: bool) {
        if destroyed {
            self.empty_wal("the purged value leaves");
        }
    }

    /// Empties the write-ahead log, or says what of it is not gone yet.
    pub(super) fn empty_wal(&mut self, what: &str) {
        if !matches!(self.core.db.checkpoint_patiently(), Ok(true)) {
            self.core.warnings.push(format!(
                "another process is reading, or the disk failed: {what} the disk with the next checkpoint"
            ));
        }
    }
}

fn destroy(tx: &Tx<'_>, keys: &Keys, name: &CredName, old: &CredentialRow) -> Result<()> {
    let _ = tx.append_change(Draft::about("purge", old.id, name))?;
    old.delete(tx.db())?;
    secrets::delete_all(tx.db(), old.id)?;
    bury(tx, keys, old)
}

/// Leaves a tombstone.
fn bury(tx: &Tx<'_>, keys: &Keys, old: &CredentialRow) -> Result<()> {
    let mut stone = Tombstone {
        bucket: state::bucket(old.id),
        id: old.id,
        revision: old.revision + 1,
        purged_at: tx.now(),
        row_tag: [0; 32],
    };
    stone.row_tag = keys.row.tag(stone.message(tx.vault()).as_bytes());
    tx.touch(stone.bucket);
    stone.insert(tx.db())
}

fn gone(name: &CredName) -> Error {
    Error::new(ErrorKind::NotFound, format!("`{name}` is no longer in the trash"))
        .hint("vault cred list --deleted")
}
