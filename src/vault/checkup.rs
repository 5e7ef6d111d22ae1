//! Looking at many values at once: how hard they are to guess, and which are the same. The check is
//! entered and committed first, because nobody is to wait for its end; a value is wiped as soon as it
//! was looked at, and none is handed out.

use super::audit::{CheckReceipt, Draft};
use super::creds::describe;
use super::crypto::{self, Label};
use super::filter::Filter;
use super::keys::{Keys, MacKey, random_32};
use super::lookup::check_now;
use super::private::Keyring;
use super::store::list::{self, Listed};
use super::store::{CredentialRow, Db, Head, SecretRow, VaultRow};
use super::tlv::Hash;
use super::tx::Tx;
use super::view::{Checkup, Depth, Fact, Seen};
use super::{Unlocked, Vault};
use crate::error::{Error, Result};
use crate::kind::strength::{is_chosen, strength};
use crate::model::{FieldName, Timestamp};
use sha1::{Digest, Sha1};
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use zeroize::Zeroizing;

/// Values that travel to a worker together, and no more than this much, in bytes.
const BATCH: usize = 32;
const BATCH_BYTES: usize = 1 << 20;
/// Batches that may wait for each worker.
const AHEAD: usize = 4;

/// In milliseconds.
const DAY: i64 = 86_400_000;

impl Vault<Unlocked> {
    /// Looks at the credentials that fit, and at their current values as `depth` says, notes aside.
    /// `progress` hears how many of how many values are done. Logged as one `check`, with the number
    /// of values.
    ///
    /// # Errors
    /// Integrity (15), I/O (18).
    pub fn check(
        &mut self,
        filter: &Filter,
        depth: Depth,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Checkup> {
        let done = self.check_up(filter, depth, progress);
        if let Err(e) = &done {
            self.note_failure(Draft::new("check"), e);
        }
        done
    }

    fn check_up(
        &mut self,
        filter: &Filter,
        depth: Depth,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Checkup> {
        let filter = &Filter { brief: false, last_read: false, ..filter.clone() };
        let (receipt, values) = self.enter_check(filter, depth)?;
        let (core, keys) = (&self.core, &self.state.keys);
        core.db.begin_read()?;
        let looked = check_now(core, keys).and_then(|()| {
            let vault = &VaultRow::load(&core.db)?;
            let mut checkup = facts(&core.db, filter, core.world.now())?;
            if depth != Depth::Metadata {
                let mark = MacKey::new(&random_32());
                let shared = Shared { keys, vault, receipt: &receipt, mark: &mark, depth };
                (checkup.values, checkup.same) =
                    look(&core.db, filter, shared, &mut |done| progress(done, values))?;
            }
            Ok(checkup)
        });
        core.db.roll_back();
        looked
    }

    /// Counts what will be looked at, and enters it.
    fn enter_check(&mut self, filter: &Filter, depth: Depth) -> Result<(CheckReceipt, u64)> {
        let tx = Tx::begin(&mut self.core, self.state.with())?;
        let mut values = 0;
        if depth != Depth::Metadata {
            list::list(tx.db(), filter, false, |row| {
                values += row.secrets()?.iter().filter(|(field, _)| is_looked_at(field)).count();
                Ok(())
            })?;
        }
        let values = u64::try_from(values).unwrap_or(u64::MAX);
        let receipt = tx.enter_check(&describe(filter), values)?;
        Ok((receipt, values))
    }
}

/// Notes are no credential, and the same ones in two places are no fault.
fn is_looked_at(field: &FieldName) -> bool {
    field.as_str() != "notes"
}

/// What the clear columns and the log tell.
fn facts(db: &Db, filter: &Filter, now: Timestamp) -> Result<Checkup> {
    let ago = |days: i64| Timestamp(now.0 - days * DAY);
    let earlier = |at: Option<Timestamp>, than| Some(at.map_or(than, |at| at.min(than)));
    let (year, quarter) = (ago(365), ago(90));
    let mut checkup = Checkup::default();
    list::list(db, filter, true, |row| {
        checkup.credentials += 1;
        let overdue = row.duties()?.filter(|(_, at)| *at <= now);
        let name = row.name()?;
        checkup.facts.extend(overdue.map(|(duty, at)| (name.to_owned(), Fact::Overdue(duty, at))));
        Ok(())
    })?;
    let mut also = |filter: &Filter, fact: &dyn Fn(&Listed<'_>) -> Result<Fact>| {
        list::list(db, filter, true, |row| {
            checkup.facts.push((row.name()?.to_owned(), fact(row)?));
            Ok(())
        })
    };
    let old = Filter {
        never_rotated: true,
        stale_since: earlier(filter.stale_since, year),
        ..filter.clone()
    };
    also(&old, &|row| Ok(Fact::NeverRotated(row.created_at()?)))?;
    let unused = Filter {
        unused_since: earlier(filter.unused_since, quarter),
        created_by: earlier(filter.created_by, quarter),
        last_read: true,
        ..filter.clone()
    };
    also(&unused, &|row| Ok(Fact::Unused(row.last_read()?)))?;
    Ok(checkup)
}

/// What all workers share.
#[derive(Clone, Copy)]
struct Shared<'a> {
    keys: &'a Keys,
    vault: &'a VaultRow,
    receipt: &'a CheckReceipt,
    /// Under a key that is random and gone afterwards: tells equal values without keeping them.
    mark: &'a MacKey,
    depth: Depth,
}

/// A value to be looked at.
struct Job {
    at: usize,
    name: String,
    version: SecretRow,
}

/// What was seen of the value number `at`.
struct Look {
    at: usize,
    seen: Seen,
    mark: Hash,
}

/// Reads here, opens in threads beside. Returns what was seen, in order, and which are the same.
fn look(
    db: &Db,
    filter: &Filter,
    shared: Shared<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<(Vec<Seen>, Vec<Vec<usize>>)> {
    let mut looks = std::thread::scope(|scope| {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let (to, jobs) = sync_channel(workers * AHEAD);
        let (results, from) = channel();
        let jobs = std::sync::Arc::new(Mutex::new(jobs));
        for _ in 0..workers {
            let (jobs, results) = (std::sync::Arc::clone(&jobs), results.clone());
            scope.spawn(move || work(shared, &jobs, &results));
        }
        // Only the workers hold these now: when the last one ends, both channels do.
        drop((jobs, results));
        let read = feed(db, filter, &to, progress);
        drop(to);
        let looks = from.into_iter().collect::<Result<Vec<Look>>>();
        read.and(looks)
    })?;
    looks.sort_by_key(|look| look.at);
    let mut groups: HashMap<Hash, Vec<usize>> = HashMap::with_capacity(looks.len());
    for look in &looks {
        groups.entry(look.mark).or_default().push(look.at);
    }
    let mut same: Vec<_> = groups.into_values().filter(|group| group.len() > 1).collect();
    same.sort();
    Ok((looks.into_iter().map(|look| look.seen).collect(), same))
}

/// Hands the current versions of all fields to the workers.
fn feed(
    db: &Db,
    filter: &Filter,
    to: &SyncSender<Vec<Job>>,
    progress: &mut dyn FnMut(u64),
) -> Result<()> {
    let gone = |_| Error::internal("a checking thread ended early");
    let (mut batch, mut bytes, mut count) = (Vec::with_capacity(BATCH), 0, 0);
    CredentialRow::fitting(db, filter, |row| {
        for head in row.heads.iter().filter(|head| is_looked_at(&head.field)) {
            let version = current(db, &row, head)?;
            bytes += version.sealed.len();
            batch.push(Job { at: count, name: row.name.clone(), version });
            count += 1;
            if batch.len() == BATCH || bytes > BATCH_BYTES {
                to.send(std::mem::take(&mut batch)).map_err(gone)?;
                bytes = 0;
                progress(u64::try_from(count).unwrap_or_default());
            }
        }
        Ok(())
    })?;
    to.send(batch).map_err(gone)
}

/// The row that a head means; its tag is compared by whoever opens it.
fn current(db: &Db, row: &CredentialRow, head: &Head) -> Result<SecretRow> {
    SecretRow::find(db, row.id, &head.field, head.version)?
        .filter(|version| version.row_tag == head.tag)
        .ok_or_else(|| changed(&row.name, &head.field))
}

fn changed(name: &str, field: &FieldName) -> Error {
    Error::integrity(format!("field `{field}` of `{name}` was changed from outside"))
        .hint("restore the vault from a backup; `vault doctor` names what is wrong")
}

fn work(shared: Shared<'_>, jobs: &Mutex<Receiver<Vec<Job>>>, results: &Sender<Result<Look>>) {
    // The lock is given back before the opening begins.
    while let Some(batch) = jobs.lock().ok().and_then(|jobs| jobs.recv().ok()) {
        for job in batch {
            if results.send(shared.look(job)).is_err() {
                return;
            }
        }
    }
}

impl Shared<'_> {
    fn look(&self, Job { at, name, version }: Job) -> Result<Look> {
        let genuine = version.message(self.vault);
        if !self.keys.row.verify(genuine.as_bytes(), &version.row_tag) {
            return Err(changed(&name, &version.field));
        }
        let label = Label {
            vault: self.vault.vault_id,
            credential: version.credential,
            field: &version.field,
            version: version.version,
        };
        let (mark, strength, sha1) =
            crypto::look(self.keys, label, &version.sealed, self.receipt, |value| {
                let chosen = is_chosen(version.field.as_str());
                let digest = || Zeroizing::new(Sha1::digest(value).into());
                (
                    self.mark.tag(value),
                    chosen.then(|| strength(value)),
                    (self.depth == Depth::Digests).then(digest),
                )
            })?;
        Ok(Look { at, seen: Seen { name, field: version.field, strength, sha1 }, mark })
    }
}
