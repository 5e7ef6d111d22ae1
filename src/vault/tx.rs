//! The guard: one transaction over rows and log together. What is not committed did not happen and
//! is not handed out.

use super::audit::{Actor, Author, CheckReceipt, Draft, Log, Receipt};
use super::check::check_vault;
use super::filter::Filter;
use super::keys::Keys;
use super::lock::WriteLock;
use super::outlet::{self, Moment, Outlets};
use super::seal::{PathRecord, SealFile};
use super::store::vault::SlotRow;
use super::store::{Db, VaultRow};
use super::warnings::Warnings;
use super::{Place, Purpose, files, glance, state};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Timestamp;
use crate::world::World;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeSet;
use std::fs::File;
use std::rc::Rc;
use uuid::Uuid;

mod commit;
mod renew;
mod whole;

/// The size in bytes from which the write-ahead log is moved into the database: sixty pages. Each
/// costs every opener a microsecond or two; moving them costs one commit in ten a millisecond.
const WAL_LIMIT: u64 = 256 << 10;

/// What a vault has in both states.
pub(super) struct Core {
    pub(super) db: Db,
    pub(super) place: Place,
    /// Which file was opened there.
    pub(super) opened: Option<(u64, u64)>,
    pub(super) world: Rc<World>,
    pub(super) purpose: Purpose,
    /// The vault's row as last read.
    pub(super) vault: VaultRow,
    pub(super) actor: OnceCell<Actor>,
    /// Said on stderr by whoever prints.
    pub(super) warnings: Warnings,
    /// The list that was logged last, so that a second pass over it is not logged again.
    pub(super) listed: Option<Filter>,
    /// Whether this machine remembers which vault is at this path.
    pub(super) path_known: bool,
    /// For whoever looks after the vault.
    pub(super) bell: super::canary::Bell,
    /// Where entries go besides.
    pub(super) outlets: Outlets,
}

impl Core {
    pub(super) fn new(
        db: Db,
        place: Place,
        world: Rc<World>,
        purpose: Purpose,
        vault: VaultRow,
    ) -> Self {
        Self {
            opened: files::identity(&place.file),
            db,
            place,
            world,
            purpose,
            vault,
            actor: OnceCell::new(),
            warnings: Warnings::default(),
            listed: None,
            path_known: true,
            bell: super::canary::Bell::default(),
            outlets: Outlets::default(),
        }
    }

    pub(super) fn actor(&self) -> &Actor {
        self.actor.get_or_init(|| Actor::of_this_process(&self.world))
    }

    /// Refuses to go on when another file is in the place of the database: what was entered here would be
    /// in no log that anybody has.
    fn check_file(&self) -> Result<()> {
        if files::identity(&self.place.file) == self.opened {
            return Ok(());
        }
        let what = format!("`{}` was replaced or moved meanwhile", self.place.file.display());
        Err(Error::new(ErrorKind::Conflict, what).hint("start this program again"))
    }

    /// The slots, and the vault's row that they belong to: both of the same moment.
    pub(super) fn slots_now(&self) -> Result<(VaultRow, Vec<SlotRow>)> {
        self.db.begin_read()?;
        let read = VaultRow::load(&self.db).and_then(|row| Ok((row, SlotRow::all(&self.db)?)));
        self.db.roll_back();
        read
    }

    /// The same, with that row for what comes next: it may be newer than the one read on opening.
    pub(super) fn load_slots(&mut self) -> Result<Vec<SlotRow>> {
        let (row, slots) = self.slots_now()?;
        match row.vault_id == self.vault.vault_id {
            true => self.vault = row,
            false => return Err(super::another_vault(&self.place.file)),
        }
        Ok(slots)
    }

    /// The fault that was found, unless another process has rekeyed the vault since it was looked at:
    /// then nothing fits, and nothing is wrong.
    pub(super) fn unless_rekeyed(&self, found: Error) -> Error {
        match VaultRow::load(&self.db) {
            Ok(now) => check_keys(self.vault.epoch, now.epoch).err().unwrap_or(found),
            Err(_) => found,
        }
    }

    pub(super) fn seal_file(&self) -> SealFile {
        SealFile::new(&self.place.state_dir, self.vault.vault_id)
    }
}

/// Keys and the label of the slot they came from.
#[derive(Clone, Copy)]
pub(super) struct With<'v> {
    pub(super) keys: &'v Keys,
    pub(super) slot: &'v str,
}

/// An open transaction. Dropping it undoes everything.
pub(super) struct Tx<'v> {
    pub(super) core: &'v mut Core,
    with: Option<With<'v>>,
    log: RefCell<Log>,
    seal_file: Option<File>,
    /// Why a new seal was begun, if one was.
    new_seal: Option<&'static str>,
    changed: RefCell<BTreeSet<i64>>,
    is_change: Cell<bool>,
    /// Whether an incident changed.
    pub(super) incidents_changed: Cell<bool>,
    /// Whether a slot changed.
    slots_changed: Cell<bool>,
    /// Last, so that the next process is let in only when all else is done.
    /// None while the vault is being made: its maker holds it.
    lock: Option<WriteLock>,
}

impl Drop for Tx<'_> {
    fn drop(&mut self) {
        self.core.bell.forget();
        self.core.db.roll_back();
    }
}

impl<'v> Tx<'v> {
    /// Lets sinks catch up, waits for its turn, then checks that the database is the one this machine
    /// knows.
    pub(super) fn begin(core: &'v mut Core, with: Option<With<'v>>) -> Result<Self> {
        outlet::forward(core, Moment::Before)?;
        Self::start(core, with)
    }

    /// The same whatever becomes of the sinks: for entries that must not depend on them.
    pub(super) fn begin_regardless(core: &'v mut Core, with: Option<With<'v>>) -> Result<Self> {
        let _ = outlet::forward(core, Moment::Before);
        Self::start(core, with)
    }

    fn start(core: &'v mut Core, with: Option<With<'v>>) -> Result<Self> {
        let lock = WriteLock::acquire(&core.place.file)?;
        core.check_file()?;
        core.db.begin()?;
        let prepared = Self::prepare(core, with);
        match prepared {
            Ok((log, seal_file)) => {
                let mut tx = Self::of(core, with, log, seal_file, Some(lock));
                tx.check_clock();
                tx.ensure_seal()?;
                glance::at_unlock(tx.core, tx.log.get_mut(), tx.with.is_some());
                Ok(tx)
            }
            Err(e) => {
                core.db.roll_back();
                Err(e)
            }
        }
    }

    pub(super) fn of(
        core: &'v mut Core,
        with: Option<With<'v>>,
        log: Log,
        seal_file: Option<File>,
        lock: Option<WriteLock>,
    ) -> Self {
        Self {
            core,
            with,
            log: RefCell::new(log),
            seal_file,
            new_seal: None,
            changed: RefCell::default(),
            is_change: Cell::new(false),
            incidents_changed: Cell::new(false),
            slots_changed: Cell::new(false),
            lock,
        }
    }

    fn prepare(core: &mut Core, with: Option<With<'v>>) -> Result<(Log, Option<File>)> {
        let vault = VaultRow::load(&core.db)?;
        if with.is_some() {
            // before it is taken over: the next attempt is to hear the same
            check_keys(core.vault.epoch, vault.epoch)?;
        }
        core.vault = vault;
        let (found, file) = core.seal_file().read()?;
        if let Some(With { keys, .. }) = with {
            check_vault(&core.vault, keys, &found)?;
        }
        let keys = with.map(|with| with.keys);
        Ok((Log::resume(&core.db, &core.vault, keys, found)?, file))
    }

    /// The order of the log is its numbering; a clock that went back is worth a word, not an alarm.
    fn check_clock(&mut self) {
        let now = self.core.world.now();
        if let Some(last) = self.log.borrow().last_at().filter(|last| last.0 > now.0 + 60_000) {
            self.warn(format!(
                "the clock shows {now}, but the last log entry was written at {last}"
            ));
        }
    }

    /// Without a seal on this machine, an unlocked vault starts a new segment of the log; a locked
    /// one can only write unsealed entries, which verification reports.
    fn ensure_seal(&mut self) -> Result<()> {
        let Some(With { keys, .. }) = self.with.filter(|_| !self.log.borrow().is_sealed()) else {
            return Ok(());
        };
        let cause = if self.seal_file.is_some() { "damaged" } else { "missing" };
        self.seal_file = Some(self.core.seal_file().prepare()?);
        self.start_segment(keys, cause)
    }

    pub(super) fn start_segment(&mut self, keys: &Keys, cause: &'static str) -> Result<()> {
        let author = Author {
            actor: self.core.actor(),
            purpose: &self.core.purpose,
            now: self.core.world.now(),
            id: self.core.world.new_id(),
        };
        self.log.get_mut().start_segment(&self.core.db, &self.core.vault, keys, &author, cause)?;
        self.new_seal = Some(cause);
        Ok(())
    }

    pub(super) fn db(&self) -> &Db {
        &self.core.db
    }

    pub(super) fn vault(&self) -> &VaultRow {
        &self.core.vault
    }

    pub(super) fn new_id(&self) -> Uuid {
        self.core.world.new_id()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.core.world.now()
    }

    pub(super) fn warn(&self, text: String) {
        self.core.warnings.push(text);
    }

    /// Whether entries get MACs. Without a seal on this machine a locked vault has no key for them.
    pub(super) fn is_sealed(&self) -> bool {
        self.log.borrow().is_sealed()
    }

    /// Who stores a value, and why.
    pub(super) fn author(&self) -> (&str, Option<&str>) {
        (&self.core.actor().user, self.core.purpose.reason.as_deref())
    }

    /// Appends an entry for something that changes no row. The receipt borrows the transaction, and
    /// ends with it.
    pub(super) fn append(&self, draft: Draft) -> Result<Receipt<'_>> {
        let counter = self.core.vault.counter + i64::from(self.is_change.get());
        self.append_at(draft, counter)
    }

    /// Appends an entry for a change; the commit will count it.
    pub(super) fn append_change(&self, draft: Draft) -> Result<Receipt<'_>> {
        self.is_change.set(true);
        self.append_at(draft, self.core.vault.counter + 1)
    }

    /// Enters a check of so many values, and commits it: only then are they looked at.
    pub(super) fn enter_check(self, list: &str, values: u64) -> Result<CheckReceipt> {
        let draft = Draft::new("check").detail("list", list).detail("values", values.to_string());
        let (draft, counter) = (self.with_slot(draft), self.core.vault.counter);
        let receipt = {
            let author = self.author_now();
            self.log.borrow_mut().append_check(&self.core.db, &author, draft, counter)?
        };
        self.commit()?;
        Ok(receipt)
    }

    fn append_at(&self, draft: Draft, counter: i64) -> Result<Receipt<'_>> {
        let draft = self.with_slot(draft);
        self.log.borrow_mut().append(&self.core.db, &self.author_now(), &draft, counter)
    }

    fn with_slot(&self, draft: Draft) -> Draft {
        match self.with {
            Some(With { slot, .. }) => draft.detail("slot", slot),
            None => draft,
        }
    }

    fn author_now(&self) -> Author<'_> {
        Author {
            actor: self.core.actor(),
            purpose: &self.core.purpose,
            now: self.core.world.now(),
            id: self.core.world.new_id(),
        }
    }

    /// Checks the leaf of a credential before it is read or changed, so that a change never launders
    /// someone else's.
    pub(super) fn check_leaf(&self, bucket: i64) -> Result<()> {
        match self.changed.borrow().contains(&bucket) {
            true => Ok(()),
            false => state::check_leaf(&self.core.db, &self.core.vault, bucket, |_| ()),
        }
    }

    /// Notes that rows of this leaf change.
    pub(super) fn touch(&self, bucket: i64) {
        self.changed.borrow_mut().insert(bucket);
    }

    /// Notes that an incident changes; all of them were checked before.
    pub(super) fn touch_incidents(&self) {
        self.incidents_changed.set(true);
    }

    /// Notes that a slot changes; all of them were checked before, in this transaction.
    pub(super) fn touch_slots(&self) {
        self.slots_changed.set(true);
    }
}

/// Refuses keys of an epoch that is over: another process has rekeyed the vault since it was opened.
fn check_keys(known: u32, found: u32) -> Result<()> {
    match found > known {
        true => Err(Error::new(ErrorKind::Conflict, "the vault was rekeyed meanwhile")
            .hint("start this program again")),
        false => Ok(()),
    }
}

/// Records which vault stands at this path.
pub(super) fn remember_path(core: &Core) -> Result<()> {
    PathRecord::new(&core.place.state_dir, &core.place.file).write(core.vault.vault_id)
}
