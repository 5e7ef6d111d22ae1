//! Sealing values anew on all cores. They come back in the order in which they were handed in, and only
//! so many are under way that memory stays flat however large they are.

use crate::error::{Error, Result};
use crate::vault::audit::RekeyReceipt;
use crate::vault::crypto::{self, Label};
use crate::vault::keys::Keys;
use crate::vault::store::SecretRow;
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{Scope, available_parallelism};
use uuid::Uuid;

/// Values that travel to a worker together, and no more than this much, in bytes.
const BATCH: usize = 32;
const BATCH_BYTES: usize = 1 << 20;
/// Batches under way per worker.
const AHEAD: usize = 8;
/// From so many bytes under way on no further batch.
const MOST_BYTES: usize = 48 << 20;

/// What all workers share.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    pub(super) keys: (&'a Keys, &'a Keys),
    pub(super) vault: Uuid,
    pub(super) receipt: &'a RekeyReceipt,
}

impl Work<'_> {
    /// The same version, sealed anew; one without a value stays as it is.
    fn renew(self, mut version: SecretRow) -> Result<SecretRow> {
        if version.purged_at.is_none() {
            let label = Label {
                vault: self.vault,
                credential: version.credential,
                field: &version.field,
                version: version.version,
            };
            version.sealed = crypto::reseal(self.keys, label, &version.sealed, self.receipt)?;
        }
        Ok(version)
    }
}

struct Batch<T> {
    number: u64,
    bytes: usize,
    items: T,
}

type Jobs = Batch<Vec<SecretRow>>;
type Done = Batch<Result<Vec<SecretRow>>>;

/// The workers, seen from the thread that has the database.
pub(super) struct Mill {
    to: SyncSender<Jobs>,
    from: Receiver<Done>,
    batch: Vec<SecretRow>,
    bytes: usize,
    /// Batches that were sent, that came back out of turn, and the number of the one that is next.
    sent: u64,
    early: BTreeMap<u64, (usize, Vec<SecretRow>)>,
    next: u64,
    /// Batches, and bytes in them, that were sent and have not yet come back in turn.
    under_way: (usize, usize),
    room: usize,
    ready: VecDeque<SecretRow>,
}

impl Mill {
    /// Starts a worker on each core; they end when the mill is dropped.
    pub(super) fn start<'s>(scope: &'s Scope<'s, '_>, work: Work<'s>) -> Self {
        let workers = available_parallelism().map_or(1, usize::from);
        let room = workers * AHEAD;
        let (to, jobs) = sync_channel(room);
        let (results, from) = sync_channel(room);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..workers {
            let (jobs, results) = (Arc::clone(&jobs), results.clone());
            scope.spawn(move || grind(&jobs, &results, work));
        }
        Self {
            to,
            from,
            batch: Vec::with_capacity(BATCH),
            bytes: 0,
            sent: 0,
            early: BTreeMap::new(),
            next: 0,
            under_way: (0, 0),
            room,
            ready: VecDeque::new(),
        }
    }

    /// Hands one in.
    pub(super) fn push(&mut self, version: SecretRow) -> Result<()> {
        self.bytes += version.sealed.len();
        self.batch.push(version);
        match self.batch.len() == BATCH || self.bytes >= BATCH_BYTES {
            true => self.send(),
            false => Ok(()),
        }
    }

    /// The next one that is done, if it is.
    pub(super) fn take(&mut self) -> Option<SecretRow> {
        self.ready.pop_front()
    }

    /// Sends what is left, and waits for all.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.send()?;
        while self.under_way.0 > 0 {
            self.receive()?;
        }
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        while self.under_way.0 >= self.room || self.under_way.1 >= MOST_BYTES {
            self.receive()?;
        }
        let items = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        let bytes = std::mem::take(&mut self.bytes);
        self.to.send(Batch { number: self.sent, bytes, items }).map_err(|_| gone())?;
        self.under_way = (self.under_way.0 + 1, self.under_way.1 + bytes);
        self.sent += 1;
        Ok(())
    }

    fn receive(&mut self) -> Result<()> {
        let done = self.from.recv().map_err(|_| gone())?;
        self.early.insert(done.number, (done.bytes, done.items?));
        while let Some((bytes, versions)) = self.early.remove(&self.next) {
            self.under_way = (self.under_way.0 - 1, self.under_way.1 - bytes);
            self.ready.extend(versions);
            self.next += 1;
        }
        Ok(())
    }
}

/// Seals batches anew until there are no more. A fault of our own in one of them is an answer, too.
fn grind(jobs: &Mutex<Receiver<Jobs>>, results: &SyncSender<Done>, work: Work<'_>) {
    // the queue is free again before the sealing begins
    while let Some(Batch { number, bytes, items }) =
        jobs.lock().ok().and_then(|jobs| jobs.recv().ok())
    {
        let renewed = catch_unwind(AssertUnwindSafe(|| {
            items.into_iter().map(|version| work.renew(version)).collect()
        }));
        let items = renewed.unwrap_or_else(|_| Err(gone()));
        if results.send(Batch { number, bytes, items }).is_err() {
            return;
        }
    }
}

fn gone() -> Error {
    Error::internal("a sealing thread ended early")
}
