//! Taking in many credentials at once: all or nothing, an entry for each, sealing on all cores.

use super::audit::{Draft, Receipt};
use super::keys::Keys;
use super::lookup;
use super::private::Keyring;
use super::tx::Tx;
use super::versions::{self, Sealed};
use super::view::NewCredential;
use super::{Unlocked, Vault, VaultRow, state};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CredName, FieldName, Timestamp};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use uuid::Uuid;

/// Credentials that travel to a worker together.
const BATCH: usize = 64;
/// And no more than this much, in bytes of secrets.
const BATCH_BYTES: usize = 1 << 20;
/// Batches under way per worker: enough to keep it busy.
const AHEAD: usize = 12;
/// And from so many bytes of secrets under way on no further batch: keeps memory flat when they are
/// large.
const MOST_BYTES: usize = 64 << 20;

/// A credential whose entry is in the log, and which may therefore be sealed.
struct Job<'tx> {
    id: Uuid,
    new: NewCredential,
    receipt: Receipt<'tx>,
}

/// Things of credentials that travel together, and how many bytes of secrets they are about.
struct Batch<T> {
    items: Vec<T>,
    bytes: usize,
}

/// What all jobs of an import share.
#[derive(Clone, Copy)]
struct Shared<'a> {
    keys: &'a Keys,
    vault: &'a VaultRow,
    now: Timestamp,
    author: &'a str,
    reason: Option<&'a str>,
}

impl Vault<Unlocked> {
    /// Stores all credentials that `next` yields (`None`: done), or none. `progress` hears how many
    /// are stored. Logged as `import`, an entry for each. Returns how many.
    ///
    /// # Errors
    /// Those of `next`, conflict (13) when a name is taken, integrity (15), I/O (18).
    pub fn import(
        &mut self,
        next: &mut dyn FnMut() -> Result<Option<NewCredential>>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<u64> {
        let done = self.import_all(next, progress);
        match &done {
            Err(e) => self.note_failure(Draft::new("import"), e),
            Ok(_) => drop(self.core.db.checkpoint()),
        }
        done
    }

    fn import_all(
        &mut self,
        next: &mut dyn FnMut() -> Result<Option<NewCredential>>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<u64> {
        let keys = &self.state.keys;
        let tx = Tx::begin(&mut self.core, self.state.with())?;
        tx.db().for_bulk()?;
        // A large import makes the state tree anew; it must not take over someone's changes.
        state::check_all(tx.db(), tx.vault(), keys)?;
        keys.prepare_for_many();
        let vault = tx.vault().clone();
        let (author, reason) = tx.author();
        let (author, reason) = (author.to_owned(), reason.map(str::to_owned));
        let shared = Shared {
            keys,
            vault: &vault,
            now: tx.now(),
            author: &author,
            reason: reason.as_deref(),
        };
        let count = std::thread::scope(|scope| {
            let workers = std::thread::available_parallelism().map_or(1, usize::from);
            let (to, jobs) = sync_channel(workers * AHEAD);
            let (results, from) = sync_channel(workers * AHEAD);
            let jobs = Arc::new(Mutex::new(jobs));
            for _ in 0..workers {
                let (jobs, results) = (Arc::clone(&jobs), results.clone());
                scope.spawn(move || work(&jobs, &results, |job| shared.seal(job)));
            }
            drop(results);
            feed(&tx, &Workers { to, from, room: workers * AHEAD }, next, progress)
        })?;
        tx.commit()?;
        Ok(count)
    }
}

/// The workers, seen from the main thread: batches go out, and come back as they are done.
struct Workers<'tx> {
    to: SyncSender<Batch<Job<'tx>>>,
    from: Receiver<Batch<Result<Sealed>>>,
    /// How many batches may be under way.
    room: usize,
}

/// Keeps the workers busy, and inserts what they have sealed.
fn feed<'tx>(
    tx: &'tx Tx<'_>,
    workers: &Workers<'tx>,
    next: &mut dyn FnMut() -> Result<Option<NewCredential>>,
    progress: &mut dyn FnMut(u64),
) -> Result<u64> {
    let (mut count, mut under_way, mut bytes, mut more) = (0, 0, 0, true);
    while more || under_way > 0 {
        if more && under_way < workers.room && bytes < MOST_BYTES {
            let jobs;
            (jobs, more) = batch(tx, next)?;
            if !jobs.items.is_empty() {
                bytes += jobs.bytes;
                workers.to.send(jobs).map_err(|_| gone())?;
                under_way += 1;
            }
            continue;
        }
        let done = workers.from.recv().map_err(|_| gone())?;
        for sealed in done.items {
            sealed?.insert(tx)?;
            count += 1;
        }
        bytes -= done.bytes;
        under_way -= 1;
        progress(count);
    }
    Ok(count)
}

/// The next credentials, each with its entry in the log, and whether there may be more.
fn batch<'tx>(
    tx: &'tx Tx<'_>,
    next: &mut dyn FnMut() -> Result<Option<NewCredential>>,
) -> Result<(Batch<Job<'tx>>, bool)> {
    let mut jobs = Batch { items: Vec::with_capacity(BATCH), bytes: 0 };
    while jobs.items.len() < BATCH && jobs.bytes < BATCH_BYTES {
        let Some(new) = next()? else { return Ok((jobs, false)) };
        jobs.bytes += new.secrets.iter().map(|(_, value)| value.len()).sum::<usize>();
        ensure_free(tx, &new.name)?;
        let id = tx.new_id();
        let fields: Vec<FieldName> = new.secrets.iter().map(|(field, _)| field.clone()).collect();
        let draft =
            Draft::about("import", id, &new.name).fields(&fields).detail("type", &*new.meta.kind);
        let receipt = tx.append_change(draft)?;
        jobs.items.push(Job { id, new, receipt });
    }
    Ok((jobs, true))
}

fn ensure_free(tx: &Tx<'_>, name: &CredName) -> Result<()> {
    lookup::ensure_free(tx, name).map_err(|e| match e.kind() {
        ErrorKind::Conflict => Error::new(ErrorKind::Conflict, e.message())
            .hint("nothing was imported; rename or remove it first"),
        _ => e,
    })
}

/// Seals batches until there are no more. A fault of our own in one of them is an answer, too: the
/// main thread waits for as many answers as it dealt out, with the vault's lock in hand.
fn work<J, S>(
    jobs: &Mutex<Receiver<Batch<J>>>,
    results: &SyncSender<Batch<Result<S>>>,
    seal: impl Fn(J) -> Result<S>,
) {
    // The queue is free again before the sealing begins.
    while let Some(Batch { items, bytes }) = jobs.lock().ok().and_then(|jobs| jobs.recv().ok()) {
        let sealed = catch_unwind(AssertUnwindSafe(|| items.into_iter().map(&seal).collect()));
        let items = sealed.unwrap_or_else(|_| vec![Err(gone())]);
        if results.send(Batch { items, bytes }).is_err() {
            return;
        }
    }
}

impl Shared<'_> {
    fn seal(self, job: Job<'_>) -> Result<Sealed> {
        let Self { keys, vault, now, author, reason } = self;
        let by = (author, reason);
        versions::seal_new(job.id, job.new, "import", now, by, vault, keys, &job.receipt)
    }
}

fn gone() -> Error {
    Error::internal("a sealing thread ended early")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_fault_in_one_batch_is_answered_and_the_rest_goes_on() {
        let (to, jobs) = sync_channel(4);
        let (results, from) = sync_channel(4);
        for batch in [vec![1, 2], vec![3, 13], vec![4]] {
            to.send(Batch { bytes: batch.len(), items: batch }).unwrap();
        }
        drop(to);
        work(&Mutex::new(jobs), &results, |job| match job {
            13 => panic!("canary"),
            job => Ok(job * 10),
        });
        drop(results);
        let answers: Vec<_> = from.into_iter().collect();
        assert_eq!(answers.iter().map(|answer| answer.bytes).collect::<Vec<_>>(), [2, 2, 1]);
        let good =
            |at: usize| answers[at].items.iter().map(|r| *r.as_ref().unwrap()).collect::<Vec<_>>();
        assert_eq!((good(0), good(2)), (vec![10, 20], vec![40]));
        assert_eq!(answers[1].items.len(), 1);
        assert_eq!(answers[1].items[0].as_ref().unwrap_err().kind(), ErrorKind::Internal);
    }
}
