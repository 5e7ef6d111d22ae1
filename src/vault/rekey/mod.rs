//! A new epoch: other keys, and everything sealed and tagged with them, in one transaction. Nothing is
//! taken over that does not check, and a slot that stays is proven to open before the commit.

mod mill;
mod rows;
mod sample;
mod slots;

pub use slots::{Fate, Kept, Proof, Remade};

use super::audit::Draft;
use super::check::{check_slots, fingerprint};
use super::keys::Keys;
use super::private::Keyring;
use super::store::{self, SlotRow, VaultRow, renew};
use super::tx::Tx;
use super::{Key, Locked, Person, PublicKey, Unlocked, Vault, Wrap, slot};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use rows::Renewal;
use std::cell::RefCell;
use std::time::Duration;

/// What a rekey has to do.
#[derive(Clone, Copy, Debug)]
pub struct RekeyWork {
    /// Values of all versions.
    pub values: u64,
    /// How many bytes they have, sealed.
    pub bytes: u64,
    /// How long that will take on this machine.
    pub time: Duration,
}

/// What a rekey has done.
#[derive(Clone, Debug)]
pub struct Rekeyed {
    /// The epoch there is now.
    pub epoch: u32,
    /// How many values were sealed anew.
    pub values: u64,
    /// What people compare to know the vault again.
    pub fingerprint: String,
    /// What checks the vault's notes from now on.
    pub public_key: PublicKey,
    /// The slots that are there now.
    pub slots: Vec<Remade>,
    /// Whether nothing of the old epoch is left in the vault's files.
    pub is_clean: bool,
}

/// Makes a recipient of a plugin, which needs the plugin's program, out of its text.
pub type ByPlugin<'a> = dyn Fn(&str) -> Result<Wrap> + 'a;

impl Vault<Locked> {
    /// Unlocks it as [`Vault::unlock_with`] does, and keeps what opened the slot as its proof.
    ///
    /// # Errors
    /// As [`Vault::unlock_with`].
    pub fn unlock_proving(self, key: Key, person: &dyn Person) -> Result<(Vault<Unlocked>, Proof)> {
        let listener = Listener { person, heard: RefCell::default() };
        let vault = self.unlock_with(&key, &listener)?;
        let key = match listener.heard.into_inner() {
            Some(passphrase) => Key::Both(Box::new(key), passphrase),
            None => key,
        };
        let proof = Proof::of(&vault.state.slot, key);
        Ok((vault, proof))
    }
}

/// Asks somebody, and remembers the answer.
struct Listener<'p> {
    person: &'p dyn Person,
    heard: RefCell<Option<Secret>>,
}

impl Person for Listener<'_> {
    fn second_factor(&self, label: &str) -> Result<Secret> {
        let typed = self.person.second_factor(label)?;
        *self.heard.borrow_mut() = Some(Secret::from_bytes(typed.expose()));
        Ok(typed)
    }

    fn expects(&self, fingerprint: &str) -> Result<()> {
        self.person.expects(fingerprint)
    }

    fn recognises(&self, fingerprint: &str) -> Result<()> {
        self.person.recognises(fingerprint)
    }
}

impl Vault<Unlocked> {
    /// Label and type of every slot, in the order of their making.
    ///
    /// # Errors
    /// Integrity (15), I/O (18).
    pub fn slots_to_remake(&self) -> Result<Vec<(String, String)>> {
        let (_, mut slots) = self.genuine_slots()?;
        slots.sort_by_key(|slot| (slot.created_at, slot.id));
        Ok(slots.into_iter().map(|slot| (slot.label, slot.kind)).collect())
    }

    /// The proof that `key` opens the slot called `label`. A failure is logged.
    ///
    /// # Errors
    /// Wrong key (11) when it does not, not found (10), integrity (15), I/O (18).
    pub fn prove(&mut self, label: &str, key: Key) -> Result<Proof> {
        let proven = self.genuine_slots();
        let proven = proven.and_then(|(vault, slots)| slots::prove(&slots, &vault, label, key));
        proven.inspect_err(|e| self.note_failure(Draft::new("rekey"), e))
    }

    /// The slots, checked, and the vault's row that they belong to.
    fn genuine_slots(&self) -> Result<(VaultRow, Vec<SlotRow>)> {
        let (vault, slots) = self.core.slots_now()?;
        let checked = check_slots(&vault, &self.state.keys, &slots);
        checked.map_err(|e| self.core.unless_rekeyed(e))?;
        Ok((vault, slots))
    }

    /// How much there is to do; nothing is opened, and nothing changed.
    ///
    /// # Errors
    /// Integrity (15), I/O (18).
    pub fn rekey_work(&self) -> Result<RekeyWork> {
        let (values, bytes) = renew::size(&self.core.db)?;
        Ok(RekeyWork { values, bytes, time: sample::time(values, bytes)? })
    }

    /// Gives the vault other keys. What becomes of each slot is in `fates`; `by_plugin` makes recipients
    /// of plugins, and `progress` hears how many of how many values are done. Logged as `rekey`.
    ///
    /// # Errors
    /// Usage (2) for a slot about which nothing is said or which cannot be kept so, conflict (13) when the
    /// slots have changed since, integrity (15) when anything does not check, I/O (18). Nothing is changed
    /// then, unless the error is that of a sink, which says so.
    pub fn rekey(
        &mut self,
        fates: Vec<(String, Fate)>,
        by_plugin: &ByPlugin<'_>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Rekeyed> {
        let done = self.rekey_now(fates, by_plugin, progress);
        match done {
            Ok((rekeyed, keys, told)) => {
                self.state.keys = keys;
                told.map(|()| rekeyed)
            }
            Err(e) => {
                self.note_failure(Draft::new("rekey"), &e);
                Err(e)
            }
        }
    }

    fn rekey_now(
        &mut self,
        fates: Vec<(String, Fate)>,
        by_plugin: &ByPlugin<'_>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(Rekeyed, Keys, Result<()>)> {
        let (row, old) = self.genuine_slots()?;
        let after = next_epoch(&row)?;
        let (from, to) = (&self.state.keys, Keys::new(after.vault_id, after.epoch));
        // before the vault is held: deriving keys from passphrases takes a second each
        let content = slot::content(&to, after.vault_id, after.epoch, self.core.world.now());
        let made = slots::remake(&old, fates, by_plugin, (from, &to), (&after, &content))?;
        to.prepare_for_many();
        let tx = Tx::begin(&mut self.core, self.state.with())?;
        if !slots::are_same(&old, &SlotRow::all(tx.db())?) {
            let what = "the slots were changed meanwhile";
            return Err(Error::new(ErrorKind::Conflict, what).hint("begin again: vault rekey"));
        }
        tx.check_room()?;
        tx.check_all(from, &mut |_, _| {})?;
        let after = VaultRow { counter: tx.vault().counter + 1, ..after };
        let said = draft(after.epoch, &old, &made);
        let values = renew_all(&tx, (from, &to), &after, (&made, said), progress)?;
        let (is_clean, told) = tx.commit_epoch(&to, after.clone())?;
        let rekeyed = Rekeyed {
            epoch: after.epoch,
            values,
            fingerprint: fingerprint(&to, after.vault_id),
            public_key: PublicKey::of(&to, after.vault_id),
            slots: made.into_iter().map(|(_, about)| about).collect(),
            is_clean,
        };
        Ok((rekeyed, to, told))
    }
}

/// The vault's row as it will be, but for what only the transaction knows.
fn next_epoch(row: &VaultRow) -> Result<VaultRow> {
    let epoch = row.epoch.checked_add(1);
    let epoch = epoch.ok_or_else(|| Error::integrity("the vault's epoch cannot be right"))?;
    Ok(VaultRow { epoch, ..row.clone() })
}

/// Enters the rekey, and writes all rows anew. The old ones are read by a connection of its own, which
/// sees the vault as it was. Returns how many values there are.
fn renew_all(
    tx: &Tx<'_>,
    keys: (&Keys, &Keys),
    after: &VaultRow,
    (slots, said): (&[(SlotRow, Remade)], Draft),
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64> {
    let old = store::open(&tx.core.place.file)?;
    old.begin_read()?;
    let held = rows::Held::load(tx.db())?;
    let receipt = tx.enter_rekey(said)?;
    tx.db().for_bulk()?;
    for (slot, _) in slots {
        slot.insert(tx.db())?;
    }
    let before = tx.vault();
    let renewal = Renewal { old: &old, new: tx.db(), keys, before, after, receipt: &receipt };
    renewal.log(held)?;
    renewal.tombstones()?;
    renewal.incidents()?;
    let values = renewal.credentials(progress)?;
    old.roll_back();
    Ok(values)
}

/// What the log says of it: which slots there are now, and which went.
fn draft(epoch: u32, old: &[SlotRow], made: &[(SlotRow, Remade)]) -> Draft {
    let fate = |id| made.iter().find(|(slot, _)| slot.id == id).map(|(_, about)| about.kept);
    let such = |kept| {
        let labels = old.iter().filter(|slot| fate(slot.id) == kept).map(|slot| &*slot.label);
        labels.collect::<Vec<_>>().join(", ")
    };
    let sorts =
        [("proven", Some(Kept::Proven)), ("untested", Some(Kept::Untested)), ("dropped", None)];
    let words = sorts.map(|(key, kept)| (key, such(kept)));
    let words = words.into_iter().filter(|(_, labels)| !labels.is_empty());
    let draft = Draft::new("rekey").detail("epoch", epoch.to_string());
    words.fold(draft, |draft, (key, labels)| draft.detail(key, labels))
}
