//! Looking at many values at once, on all cores. The check is entered and committed first, because
//! nobody is to wait for its end; a value is wiped as soon as it was looked at, and none is handed
//! out. Knows nothing of what is looked for.

use super::audit::{CheckReceipt, Draft};
use super::crypto::{self, Label};
use super::keys::Keys;
use super::lookup::check_now;
use super::private::Keyring;
use super::store::{CredentialRow, Db, Head, SecretRow, VaultRow};
use super::tx::Tx;
use super::versions::{Chain, checked};
use super::{Unlocked, Vault};
use crate::error::{Error, Result};
use crate::model::{FieldName, Timestamp};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Scope, ScopedJoinHandle, available_parallelism, scope};
use uuid::Uuid;

/// Values that travel to a worker together, and no more than this much, in bytes.
const BATCH: usize = 32;
const BATCH_BYTES: usize = 1 << 20;
/// Batches that may wait for each worker.
const AHEAD: usize = 4;

/// Which value is looked at.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) credential: Uuid,
    pub(super) name: String,
    /// When the credential went into the trash.
    pub(super) deleted_at: Option<Timestamp>,
    pub(super) field: FieldName,
    pub(super) version: u32,
    /// When this version was stored.
    pub(super) created_at: Timestamp,
    /// When the next one was.
    pub(super) replaced_at: Option<Timestamp>,
}

impl Vault<Unlocked> {
    /// Enters a check of as many values as `count` counts, and lets `work` look at them as they were at
    /// one moment, all rows having been checked. `list` says in the log which values. A failure is
    /// logged, too.
    pub(super) fn survey<T>(
        &mut self,
        list: &str,
        count: impl FnOnce(&Tx<'_>, &Keys) -> Result<u64>,
        work: impl FnOnce(&Survey<'_>, u64) -> Result<T>,
    ) -> Result<T> {
        let done = self.enter_survey(list, count).and_then(|(receipt, values)| {
            let (core, keys) = (&self.core, &self.state.keys);
            core.db.begin_read()?;
            let looked = check_now(core, keys).and_then(|()| {
                let vault = &VaultRow::load(&core.db)?;
                let (db, now, receipt) = (&core.db, core.world.now(), &receipt);
                work(&Survey { db, vault, keys, now, receipt }, values)
            });
            core.db.roll_back();
            looked
        });
        done.inspect_err(|e| self.note_failure(Draft::new("check"), e))
    }

    fn enter_survey(
        &mut self,
        list: &str,
        count: impl FnOnce(&Tx<'_>, &Keys) -> Result<u64>,
    ) -> Result<(CheckReceipt, u64)> {
        let tx = Tx::begin(&mut self.core, self.state.with())?;
        let values = count(&tx, &self.state.keys)?;
        Ok((tx.enter_check(list, values)?, values))
    }
}

/// A check under way.
pub(super) struct Survey<'a> {
    pub(super) db: &'a Db,
    pub(super) vault: &'a VaultRow,
    pub(super) keys: &'a Keys,
    pub(super) now: Timestamp,
    receipt: &'a CheckReceipt,
}

impl Survey<'_> {
    /// Shows `look` every value that `read` hands in. What it makes of them comes back in the order in
    /// which they were handed in, without those of which it makes nothing. `progress` hears how many
    /// were handed in so far.
    pub(super) fn look<T: Send>(
        &self,
        read: impl FnOnce(&mut Feeder<'_>) -> Result<()>,
        look: impl Fn(&Job, &[u8]) -> Option<T> + Sync,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Vec<T>> {
        let opener = Opener { keys: self.keys, vault: self.vault, receipt: self.receipt };
        let mut seen = scope(|scope| {
            let (to, from, workers) = hire(scope, opener, &look);
            let mut feeder = Feeder::new(self, to, progress);
            let read = read(&mut feeder).and_then(|()| feeder.send());
            drop(feeder);
            // What a worker fails at says more than that nobody took the next batch.
            let seen = from.into_iter().collect::<Result<Vec<_>>>()?;
            let ends: Vec<_> = workers.into_iter().map(ScopedJoinHandle::join).collect();
            let whole = ends.iter().all(std::result::Result::is_ok);
            read.and(whole.then_some(seen).ok_or_else(ended_early))
        })?;
        seen.sort_by_key(|(at, _)| *at);
        Ok(seen.into_iter().map(|(_, seen)| seen).collect())
    }
}

/// A checked version on its way to a worker, and the how-manieth it is.
type Parcel = (usize, Job, SecretRow);
type Seen<T> = Result<(usize, T)>;
type Workers<'s> = Vec<ScopedJoinHandle<'s, ()>>;

fn hire<'s, T: Send + 's>(
    scope: &'s Scope<'s, '_>,
    opener: Opener<'s>,
    look: &'s (impl Fn(&Job, &[u8]) -> Option<T> + Sync),
) -> (SyncSender<Vec<Parcel>>, Receiver<Seen<T>>, Workers<'s>) {
    let count = available_parallelism().map_or(1, usize::from);
    let (to, parcels) = sync_channel(count * AHEAD);
    let (results, from) = channel();
    let parcels = std::sync::Arc::new(Mutex::new(parcels));
    let hire_one = |_| {
        let (parcels, results) = (std::sync::Arc::clone(&parcels), results.clone());
        scope.spawn(move || opener.work(&parcels, &results, look))
    };
    // Only the workers hold the other ends: when the last one is gone, both channels end.
    (to, from, (0..count).map(hire_one).collect())
}

fn ended_early() -> Error {
    Error::internal("a checking thread ended early")
}

/// What all workers share.
#[derive(Clone, Copy)]
struct Opener<'a> {
    keys: &'a Keys,
    vault: &'a VaultRow,
    receipt: &'a CheckReceipt,
}

impl Opener<'_> {
    fn work<T>(
        &self,
        parcels: &Mutex<Receiver<Vec<Parcel>>>,
        results: &Sender<Seen<T>>,
        look: &impl Fn(&Job, &[u8]) -> Option<T>,
    ) {
        // The lock is given back before the opening begins.
        while let Some(batch) = parcels.lock().ok().and_then(|parcels| parcels.recv().ok()) {
            for (at, job, version) in batch {
                let seen = self.open(&job, &version, look).transpose();
                let Some(seen) = seen else { continue };
                if results.send(seen.map(|seen| (at, seen))).is_err() {
                    return;
                }
            }
        }
    }

    fn open<T>(
        &self,
        job: &Job,
        version: &SecretRow,
        look: impl Fn(&Job, &[u8]) -> Option<T>,
    ) -> Result<Option<T>> {
        let label = Label {
            vault: self.vault.vault_id,
            credential: version.credential,
            field: &version.field,
            version: version.version,
        };
        crypto::look(self.keys, label, &version.sealed, self.receipt, |value| look(job, value))
    }
}

/// Hands versions to the workers, in batches. Each is checked before.
pub(super) struct Feeder<'a> {
    survey: &'a Survey<'a>,
    to: SyncSender<Vec<Parcel>>,
    progress: &'a mut dyn FnMut(u64),
    batch: Vec<Parcel>,
    bytes: usize,
    count: usize,
}

impl<'a> Feeder<'a> {
    fn new(
        survey: &'a Survey<'a>,
        to: SyncSender<Vec<Parcel>>,
        progress: &'a mut dyn FnMut(u64),
    ) -> Self {
        Self { survey, to, progress, batch: Vec::with_capacity(BATCH), bytes: 0, count: 0 }
    }

    /// Hands in the current version of a field.
    pub(super) fn current(&mut self, row: &CredentialRow, head: &Head) -> Result<()> {
        let Survey { db, vault, keys, .. } = *self.survey;
        self.push(row, checked(db, vault, keys, row, head)?, None)
    }

    /// Hands in all versions of a field that still have a value, newest first. Returns how many were
    /// purged.
    pub(super) fn versions(&mut self, row: &CredentialRow, head: &Head) -> Result<u64> {
        let Survey { db, vault, keys, .. } = *self.survey;
        let (mut purged, mut newer) = (0, None);
        Chain { db, vault, keys: Some(keys), row, head }.walk(1, |version| {
            let replaced_at = newer.replace(version.created_at);
            if version.purged_at.is_some() {
                purged += 1;
                return Ok(());
            }
            self.push(row, version, replaced_at)
        })?;
        Ok(purged)
    }

    fn push(
        &mut self,
        row: &CredentialRow,
        version: SecretRow,
        replaced_at: Option<Timestamp>,
    ) -> Result<()> {
        let job = Job {
            credential: row.id,
            name: row.name.clone(),
            deleted_at: row.deleted_at,
            field: version.field.clone(),
            version: version.version,
            created_at: version.created_at,
            replaced_at,
        };
        self.bytes += version.sealed.len();
        self.batch.push((self.count, job, version));
        self.count += 1;
        match self.batch.len() == BATCH || self.bytes > BATCH_BYTES {
            true => self.send(),
            false => Ok(()),
        }
    }

    fn send(&mut self) -> Result<()> {
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        self.bytes = 0;
        self.to.send(batch).map_err(|_| ended_early())?;
        (self.progress)(u64::try_from(self.count).unwrap_or_default());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::model::{Metadata, Secret};
    use crate::vault::{Key, NewCredential, Place, new_key_file};
    use crate::world::World;
    use std::rc::Rc;

    fn look_at_all<T: Send>(
        vault: &mut Vault<Unlocked>,
        look: impl Fn(&Job, &[u8]) -> Option<T> + Sync,
    ) -> Result<Vec<T>> {
        let read = |survey: &Survey<'_>, feeder: &mut Feeder<'_>| {
            CredentialRow::each(survey.db, |row| {
                row.heads.iter().try_for_each(|head| feeder.versions(&row, head).map(drop))
            })
        };
        vault.survey(
            "test",
            |_, _| Ok(0),
            |survey, _| survey.look(|feeder| read(survey, feeder), &look, &mut |_| {}),
        )
    }

    #[test]
    fn a_thread_that_fails_is_heard_and_leaves_the_vault_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let place =
            Place { file: dir.path().join("vault.db"), state_dir: dir.path().join("state") };
        let key = Key::Identity(new_key_file(Timestamp(0)));
        let mut vault = Vault::init(&place, Rc::new(World::real()), &key, "test").unwrap();
        for n in 0..3 * BATCH {
            let secret = ("password".parse().unwrap(), Secret::from_bytes(b"hunter2"));
            let mut meta = Metadata::default();
            meta.kind = "password".into();
            let name = format!("n{n:03}").parse().unwrap();
            vault.add(NewCredential { name, meta, secrets: vec![secret] }).unwrap();
        }
        let failed = look_at_all(&mut vault, |job, _| {
            assert!(job.name != "n040", "as it should");
            Some(())
        });
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::Internal);
        let seen = look_at_all(&mut vault, |job, value| {
            (job.name < "n050".into()).then(|| (job.name.clone(), value.len()))
        });
        let expected: Vec<_> = (0..50).map(|n| (format!("n{n:03}"), 7)).collect();
        assert_eq!(seen.unwrap(), expected, "in order, and only what something was made of");
    }
}
