//! Accepting a vault that this machine does not take for the one it knows, or not for the latest state
//! of it: what it remembers and what it found are compared and shown first.

use super::audit::{Draft, Log, pin};
use super::keys::Keys;
use super::seal::{Found, PathRecord, Seal};
use super::store::{SlotRow, VaultRow, log};
use super::tx::{Core, Tx, With};
use super::{Key, Locked, Person, Place, Purpose, Sink, Vault, absolute, check, slot, store};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Timestamp;
use crate::world::World;
use std::fs::File;
use std::rc::Rc;
use std::time::UNIX_EPOCH;
use uuid::Uuid;

/// A state of a vault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Point {
    /// The state counter.
    pub counter: i64,
    /// The last entry of the log.
    pub entry: i64,
    /// +1 with every change of the vault's key.
    pub epoch: u32,
    /// When it was seen last, or made, by the clock of then.
    pub at: Option<Timestamp>,
}

/// What does not fit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Doubt {
    /// What this machine saw last; none without a usable seal.
    pub sealed: Option<Point>,
    /// What is there now.
    pub found: Point,
    /// The vault that stood in this place before, if it was another one.
    pub instead_of: Option<Uuid>,
    /// Whether the record of which vault stood here cannot be read.
    pub record_damaged: bool,
}

impl Doubt {
    /// So many entries of the log are known to be lost.
    #[must_use]
    pub fn lost_entries(&self) -> i64 {
        self.sealed.map_or(0, |sealed| (sealed.entry - self.found.entry).max(0))
    }

    /// So many changes are known to be lost.
    #[must_use]
    pub fn lost_changes(&self) -> i64 {
        self.sealed.map_or(0, |sealed| (sealed.counter - self.found.counter).max(0))
    }

    /// Whether `now` is the same state with the same doubt, and as much is given up; the log may have gone on.
    fn is_same_but_for_entries(&self, now: &Self) -> bool {
        let told = |doubt: &Self| {
            let state = |point: Point| (point.counter, point.epoch);
            let lost = (doubt.lost_changes(), doubt.lost_entries());
            (
                doubt.sealed.map(state),
                state(doubt.found),
                lost,
                doubt.instead_of,
                doubt.record_damaged,
            )
        };
        told(self) == told(now) && self.found.entry <= now.found.entry
    }
}

/// A vault with a doubt about it.
pub struct Doubted {
    core: Core,
    doubt: Doubt,
}

impl Doubted {
    /// Opens a vault that is not the one, or not the state, that this machine knows.
    ///
    /// # Errors
    /// Conflict (13) when there is nothing to accept; not found (10), I/O (18).
    pub fn open(place: &Place, world: Rc<World>, purpose: Purpose) -> Result<Self> {
        let place = Place { file: absolute(&place.file)?, state_dir: place.state_dir.clone() };
        let db = store::open(&place.file)?;
        let vault = VaultRow::load(&db)?;
        let core = Core::new(db, place, world, purpose, vault);
        core.db.begin_read()?;
        let doubt = look(&core, None);
        core.db.roll_back();
        let doubt = doubt?.ok_or_else(nothing_to_accept)?;
        Ok(Self { core, doubt })
    }

    /// What does not fit, by the file's own word: it is checked when it is accepted.
    #[must_use]
    pub fn doubt(&self) -> &Doubt {
        &self.doubt
    }

    /// The types of slots there are: what to ask for.
    ///
    /// # Errors
    /// Integrity or I/O.
    pub fn slot_types(&self) -> Result<Vec<String>> {
        Ok(SlotRow::all(&self.core.db)?.into_iter().map(|slot| slot.kind).collect())
    }

    /// The same, if it is what somebody was shown. An attempt with a wrong key leaves an entry where the log
    /// can take one, and that changes nothing about it.
    ///
    /// # Errors
    /// Conflict (13) when something else is there now.
    pub fn if_still(self, shown: &Doubt) -> Result<Self> {
        match shown.is_same_but_for_entries(&self.doubt) {
            true => Ok(self),
            false => Err(changed_meanwhile()),
        }
    }

    /// Goes on from what was found: starts a new segment of the log, of which `sinks` hear.
    ///
    /// # Errors
    /// Wrong key (11); integrity (15) when the vault is not consistent in itself; conflict (13) when it is
    /// not what [`Self::doubt`] said any more; those of `person`; I/O (18).
    pub fn accept(self, key: &Key, person: &dyn Person, sinks: Result<Vec<Sink>>) -> Result<Doubt> {
        let Self { core, doubt } = self;
        let mut locked = Vault { core, state: Locked(()) };
        locked.attach(sinks);
        let slots = SlotRow::all(&locked.core.db)?;
        let (id, epoch) = (locked.core.vault.vault_id, locked.core.vault.epoch);
        let (keys, slot) = slot::unwrap(key, &slots, id, epoch, person)
            .inspect_err(|e| locked.note_unlock_failure(key, e))?;
        ask(&locked.core, &keys, slot, person)?;
        let core = &mut locked.core;
        let tx = Tx::restart(core, With { keys: &keys, slot: &slot.label }, |core| {
            match look(core, Some(&keys))? {
                Some(now) if now == doubt => Ok(()),
                Some(_) => Err(changed_meanwhile()),
                None => Err(nothing_to_accept()),
            }
        })?;
        let _ = tx.append(draft(&doubt))?;
        tx.commit()?;
        Ok(doubt)
    }
}

/// What does not fit, if something does not. With keys, the pin is compared as well.
fn look(core: &Core, keys: Option<&Keys>) -> Result<Option<Doubt>> {
    let vault = VaultRow::load(&core.db)?;
    let end = log::end(&core.db, vault.vault_id)?;
    let (found, file) = core.seal_file().read()?;
    let at = file.and_then(|file| written_at(&file));
    let sealed = match &found {
        Found::Present(seal) => {
            Some(Point { counter: seal.counter, entry: seal.seq, epoch: seal.epoch, at })
        }
        Found::Missing | Found::Damaged => None,
    };
    let record = PathRecord::new(&core.place.state_dir, &core.place.file).read();
    let record_damaged = match &record {
        Err(e) if e.kind() == ErrorKind::Integrity => true,
        Err(_) => return record.map(|_| None),
        Ok(_) => false,
    };
    let instead_of = record.ok().flatten().filter(|known| *known != vault.vault_id);
    let place_fits = instead_of.is_none() && !record_damaged;
    let fits = place_fits && fits(core, &vault, found, keys)?;
    let found = Point { counter: vault.counter, entry: end.seq, epoch: vault.epoch, at: end.at };
    Ok((!fits).then_some(Doubt { sealed, found, instead_of, record_damaged }))
}

/// When this machine wrote its seal last.
fn written_at(seal: &File) -> Option<Timestamp> {
    let since = seal.metadata().ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok().map(Timestamp)
}

/// Whether a seal takes the vault for the one it belongs to, and for no older state of it. Without keys
/// some of it cannot be told, and passes for what does not fit.
fn fits(core: &Core, vault: &VaultRow, found: Found, keys: Option<&Keys>) -> Result<bool> {
    if !matches!(found, Found::Present(_)) {
        return Ok(false);
    }
    if let (Found::Present(seal), Some(keys)) = (&found, keys)
        && !is_pinned(seal, keys)
    {
        return Ok(false);
    }
    match Log::resume(&core.db, vault, keys, found) {
        Ok(_) => Ok(true),
        Err(e) if matches!(e.kind(), ErrorKind::Integrity | ErrorKind::Locked) => Ok(false),
        Err(e) => Err(e),
    }
}

fn is_pinned(seal: &Seal, keys: &Keys) -> bool {
    seal.pin == pin(keys, seal.vault_id)
}

/// Asks who must be asked: what the seal is not witness to, and anybody could have made, or what has
/// other keys than this machine knows.
fn ask(core: &Core, keys: &Keys, slot: &SlotRow, person: &dyn Person) -> Result<()> {
    let fingerprint = check::fingerprint(keys, core.vault.vault_id);
    person.expects(&fingerprint)?;
    let must_ask = match core.seal_file().read()?.0 {
        Found::Present(seal) => !is_pinned(&seal, keys),
        Found::Missing | Found::Damaged => slot::is_public(&slot.kind),
    };
    if must_ask { person.recognises(&fingerprint) } else { Ok(()) }
}

fn draft(doubt: &Doubt) -> Draft {
    let found = doubt.found;
    // without a seal, nothing is known to be given up
    let sealed = doubt.sealed.unwrap_or(found);
    let draft = Draft::new("trust_state")
        .detail("sealed", sealed.counter.to_string())
        .detail("found", found.counter.to_string())
        .detail("sealed_entry", sealed.entry.to_string())
        .detail("found_entry", found.entry.to_string());
    let draft = match sealed.epoch == found.epoch {
        true => draft,
        false => draft
            .detail("sealed_epoch", sealed.epoch.to_string())
            .detail("found_epoch", found.epoch.to_string()),
    };
    match doubt.instead_of {
        Some(id) => draft.detail("instead_of", id.to_string()),
        None => draft,
    }
}

fn nothing_to_accept() -> Error {
    Error::new(
        ErrorKind::Conflict,
        "there is nothing to accept: this is the vault that the machine knows, and it is not older",
    )
    .hint("see how it stands: vault status")
}

fn changed_meanwhile() -> Error {
    Error::new(ErrorKind::Conflict, "the vault has changed since it was shown")
        .hint("look again: vault trust-state")
}
