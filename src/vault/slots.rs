//! The verbs on slots: who may unlock. A new slot is made and proven to open before the transaction, which
//! then takes a moment; the slots that are there are checked in it, so that one put there from outside is
//! never taken over.

use super::audit::Draft;
use super::keys::Keys;
use super::lookup::check_state;
use super::private::Keyring;
use super::slot::{self, SlotAbout, Wrap};
use super::store::slot_use;
use super::store::vault::MOST_SLOTS;
use super::store::{Db, SlotRow, VaultRow};
use super::tx::{Tx, With};
use super::view::{RemovedSlot, Slot, SlotUses, TriedSlot};
use super::{Key, Locked, Person, State, Unlocked, Vault, check};
use crate::error::{Error, ErrorKind, Result};
use crate::model::SlotLabel;
use std::time::Instant;

/// A slot that is proven to open, and not in the vault yet.
pub struct NewSlot {
    row: SlotRow,
    replaces: bool,
}

impl NewSlot {
    /// What people will call it.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.row.label
    }

    /// Its type.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.row.kind
    }

    fn draft(&self) -> Draft {
        draft(if self.replaces { "passwd" } else { "key_add" }, &self.row.label, &self.row.kind)
    }
}

impl<S: State> Vault<S> {
    /// The slots, in the order they were made in, with what the log tells of them. A locked vault takes them
    /// as they stand; an unlocked one has checked them, and tells public keys.
    ///
    /// # Errors
    /// Integrity (15), I/O (18).
    pub fn slots(&mut self) -> Result<Vec<Slot>> {
        self.core.db.begin_read()?;
        let slots = self.slots_now();
        self.core.db.roll_back();
        slots
    }

    fn slots_now(&self) -> Result<Vec<Slot>> {
        let (db, with) = (&self.core.db, self.state.with());
        let rows = SlotRow::all(db)?;
        if let Some(With { keys, .. }) = with {
            let vault = VaultRow::load(db)?;
            check_state(&self.core, keys, &vault)?;
            check::check_slots(&vault, keys, &rows)?;
        }
        let uses = slot_use::of(db, &rows)?;
        rows.iter().zip(uses).map(|(row, uses)| view(row, uses, with)).collect()
    }

    /// The labels of the slots, without a look at the log.
    ///
    /// # Errors
    /// Integrity (15), I/O (18).
    pub fn slot_labels(&self) -> Result<Vec<(String, String)>> {
        let rows = SlotRow::all(&self.core.db)?;
        Ok(rows.into_iter().map(|row| (row.label, row.kind)).collect())
    }

    /// Whether a slot of this label can be added: asked before anybody is asked for
    /// anything.
    ///
    /// # Errors
    /// Conflict (13) when there is one, refused (14) when there are too many.
    pub fn ensure_free_slot(&mut self, label: &SlotLabel) -> Result<()> {
        let free = ensure_room(&self.core.db, label.as_str());
        self.noted(Draft::new("key_add").detail("label", label.as_str()), free)
    }

    /// Logs a failure; what came of it is handed on.
    fn noted<T>(&mut self, draft: Draft, outcome: Result<T>) -> Result<T> {
        if let Err(e) = &outcome {
            self.note_failure(draft, e);
        }
        outcome
    }
}

impl Vault<Unlocked> {
    /// What people compare to know this vault again.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        check::fingerprint(&self.state.keys, self.core.vault.vault_id)
    }

    /// The vault's id, as text.
    #[must_use]
    pub fn id(&self) -> String {
        self.core.vault.vault_id.to_string()
    }

    /// The type of the slot called `label`, and whom it is made for, if it is made for a key.
    ///
    /// # Errors
    /// Not found (10), integrity (15), I/O (18).
    pub fn slot_recipient(&mut self, label: &SlotLabel) -> Result<(String, Option<String>)> {
        let found = SlotRow::all(&self.core.db)
            .and_then(|rows| find(rows, label.as_str()))
            .and_then(|row| Ok((slot::recipient_of(&row, &self.state.keys)?, row.kind)));
        let found = found.map(|(recipient, kind)| (kind, recipient));
        self.noted(Draft::new("passwd").detail("label", label.as_str()), found)
    }

    /// Makes a slot for `to`, having tried that `proof` opens it. It is not in the vault before
    /// [`Vault::store_slot`].
    ///
    /// # Errors
    /// Conflict (13) when there is a slot of that label, refused (14) when there are too many; wrong key (11)
    /// when `proof` does not open it; those of a plugin.
    pub fn new_slot(&mut self, label: &SlotLabel, to: &Wrap, proof: &Key) -> Result<NewSlot> {
        let about = SlotAbout {
            id: self.core.world.new_id(),
            label: label.as_str(),
            created_at: self.core.world.now(),
        };
        let made = ensure_room(&self.core.db, label.as_str())
            .and_then(|()| self.proven(about, to, proof))
            .map(|row| NewSlot { row, replaces: false });
        self.noted(draft("key_add", label.as_str(), to.kind()), made)
    }

    /// The same for what is to take the place of the slot called `label`, with its label.
    ///
    /// # Errors
    /// Not found (10); otherwise as [`Vault::new_slot`].
    pub fn changed_slot(&mut self, label: &SlotLabel, to: &Wrap, proof: &Key) -> Result<NewSlot> {
        let made = find(SlotRow::all(&self.core.db)?, label.as_str()).and_then(|old| {
            let about = SlotAbout { id: old.id, label: &old.label, created_at: old.created_at };
            self.proven(about, to, proof).map(|row| NewSlot { row, replaces: true })
        });
        self.noted(draft("passwd", label.as_str(), to.kind()), made)
    }

    /// The slots that open with nothing but the key that `to` is made for: they have to go as well before
    /// it opens the vault no more.
    ///
    /// # Errors
    /// Integrity (15), I/O (18).
    pub fn slots_for_same(&self, to: &Wrap) -> Result<Vec<String>> {
        twins(&SlotRow::all(&self.core.db)?, to.recipient_text(), &self.state.keys)
    }

    /// Stores a slot that was made: logged as `key_add`, or `passwd` when it takes the place of another.
    ///
    /// # Errors
    /// Conflict (13) or refused (14) when somebody was faster; integrity (15) when the slots were changed from
    /// outside; I/O (18).
    pub fn store_slot(&mut self, slot: &NewSlot) -> Result<()> {
        let (draft, replaces) = (slot.draft(), slot.replaces);
        let gone = replaces.then_some("the old slot leaves");
        let stored = self.change_slots(draft.clone(), gone, |tx| match replaces {
            false => {
                ensure_room(tx.db(), &slot.row.label)?;
                slot.row.insert(tx.db())
            }
            true if slot.row.replace(tx.db())? => Ok(()),
            true => Err(unknown(&slot.row.label)),
        });
        self.noted(draft, stored)
    }

    /// Removes a slot, and tells what it could read and did read. Logged as `key_remove`.
    ///
    /// # Errors
    /// Not found (10), refused (14) for the last one, integrity (15), I/O (18).
    pub fn remove_slot(&mut self, label: &SlotLabel) -> Result<RemovedSlot> {
        let removed = self.remove_now(label.as_str());
        self.noted(Draft::new("key_remove").detail("label", label.as_str()), removed)
    }

    fn remove_now(&mut self, label: &str) -> Result<RemovedSlot> {
        let rows = SlotRow::all(&self.core.db)?;
        let left = rows.len().saturating_sub(1);
        let (row, others): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.label == label);
        let row = find(row, label)?;
        let recipient = slot::recipient_of(&row, &self.state.keys)?;
        let twins = twins(&others, recipient.as_deref(), &self.state.keys)?;
        let uses = slot_use::of(&self.core.db, std::slice::from_ref(&row))?.pop();
        let slot = view(&row, uses.unwrap_or_default(), self.state.with())?;
        let could_read = slot_use::credentials_with_secrets(&self.core.db)?;
        let gone = Some("the removed slot leaves");
        self.change_slots(draft("key_remove", label, &row.kind), gone, |tx| {
            let now = SlotRow::all(tx.db())?;
            if now.len() <= 1 {
                return Err(last(label));
            }
            find(now, label)?.delete(tx.db())
        })?;
        Ok(RemovedSlot { slot, could_read, left, twins })
    }

    /// A transaction that changes the slots, which must be the vault's own before. What is `gone` then leaves
    /// the disk, even if a sink did not hear of it.
    fn change_slots(
        &mut self,
        draft: Draft,
        gone: Option<&str>,
        work: impl FnOnce(&Tx<'_>) -> Result<()>,
    ) -> Result<()> {
        let keys = &self.state.keys;
        let tx = Tx::begin(&mut self.core, self.state.with())?;
        check::check_slots(tx.vault(), keys, &SlotRow::all(tx.db())?)?;
        work(&tx)?;
        tx.touch_slots();
        let _ = tx.append_change(draft)?;
        let done = tx.commit();
        if let Some(what) = gone {
            self.empty_wal(what);
        }
        done
    }

    /// A slot that `proof` opens onto the keys of this vault.
    fn proven(&self, about: SlotAbout<'_>, to: &Wrap, proof: &Key) -> Result<SlotRow> {
        let (vault, keys) = (&self.core.vault, &self.state.keys);
        let now = self.core.world.now();
        let content = slot::content(keys, vault.vault_id, vault.epoch, now);
        let row = slot::make(about, to, &content, vault, keys)?;
        slot::prove(proof, &row, &content).map(|()| row)
    }
}

impl Vault<Locked> {
    /// Tries `key` on the slot called `only`, or on all of them. Logged as `unlock` for each that opens, and
    /// as `unlock_failed` when none does.
    ///
    /// # Errors
    /// Not found (10), wrong key (11) when none opens, integrity (15), I/O (18); those of `person`.
    pub fn try_key(
        mut self,
        key: &Key,
        only: Option<&SlotLabel>,
        person: &dyn Person,
    ) -> Result<Vec<TriedSlot>> {
        let slots = self.core.load_slots()?;
        let tried = self.try_slots(key, &slots, only, person);
        // a label that nobody has is no attempt
        if let Some(e) = tried.as_ref().err().filter(|e| e.kind() != ErrorKind::NotFound) {
            self.note_unlock_failure(key, e);
        }
        tried
    }

    fn try_slots(
        &mut self,
        key: &Key,
        slots: &[SlotRow],
        only: Option<&SlotLabel>,
        person: &dyn Person,
    ) -> Result<Vec<TriedSlot>> {
        let wanted = |slot: &&SlotRow| only.is_none_or(|label| slot.label == label.as_str());
        let (mut tried, mut kept_from) = (Vec::new(), None);
        for slot in slots.iter().filter(wanted) {
            let began = Instant::now();
            let plain = match slot::open_with(key, slot, person) {
                // a second factor is not there or wrong: others may open. A plugin that fails once is not
                // waited for again.
                Err(e) if lacks_factor(key, &e) => {
                    kept_from.get_or_insert(e);
                    None
                }
                tried => tried?,
            };
            let took = began.elapsed();
            let opens = plain.is_some();
            if let Some(plain) = plain {
                self.enter_opened(&plain, slots, slot, person)?;
            }
            let (label, kind) = (slot.label.clone(), slot.kind.clone());
            tried.push(TriedSlot { label, kind, opens, took });
        }
        let none_opens = !tried.iter().any(|slot| slot.opens);
        match kept_from {
            Some(e) if none_opens => return Err(e),
            Some(e) => self.core.warnings.push(e.message()),
            None => {}
        }
        match only {
            Some(label) if tried.is_empty() => Err(unknown(label.as_str())),
            Some(label) if none_opens => Err(not_this(label, &tried)),
            None if none_opens => Err(slot::wrong_key(key, slots)),
            _ => Ok(tried),
        }
    }

    /// Enters that a slot was opened, having checked that it is the vault's own.
    fn enter_opened(
        &mut self,
        plain: &[u8],
        slots: &[SlotRow],
        slot: &SlotRow,
        person: &dyn Person,
    ) -> Result<()> {
        let (id, epoch) = (self.core.vault.vault_id, self.core.vault.epoch);
        let keys = slot::read_content(plain, id, epoch)?;
        self.check_slots(&keys, slots, slot, person)?;
        let with = With { keys: &keys, slot: &slot.label };
        let tx = Tx::begin(&mut self.core, Some(with))?;
        let _ = tx.append(Draft::new("unlock").detail("test", "yes"))?;
        tx.commit()
    }
}

fn draft(action: &'static str, label: &str, kind: &str) -> Draft {
    Draft::new(action).detail("label", label).detail("type", kind)
}

fn view(row: &SlotRow, uses: SlotUses, with: Option<With<'_>>) -> Result<Slot> {
    let recipient = match with {
        Some(With { keys, .. }) => slot::recipient_of(row, keys)?,
        None => None,
    };
    Ok(Slot {
        label: row.label.clone(),
        kind: row.kind.clone(),
        created_at: row.created_at,
        uses,
        recipient: recipient.filter(|text| slot::is_known(text)),
        is_current: with.is_some_and(|with| with.slot == row.label),
    })
}

/// The slots that are made for `recipient` alone.
fn twins(rows: &[SlotRow], recipient: Option<&str>, keys: &Keys) -> Result<Vec<String>> {
    let Some(recipient) = recipient else { return Ok(Vec::new()) };
    let mut labels = Vec::new();
    for row in rows.iter().filter(|row| row.kind != slot::TWO_FACTOR) {
        if slot::recipient_of(row, keys)?.is_some_and(|other| other == recipient) {
            labels.push(row.label.clone());
        }
    }
    Ok(labels)
}

fn find(rows: Vec<SlotRow>, label: &str) -> Result<SlotRow> {
    rows.into_iter().find(|row| row.label == label).ok_or_else(|| unknown(label))
}

/// Whether another slot of that label can be added.
fn ensure_room(db: &Db, label: &str) -> Result<()> {
    let rows = SlotRow::all(db)?;
    if rows.iter().any(|row| row.label == label) {
        let what = format!("there is a slot `{label}` already");
        return Err(Error::new(ErrorKind::Conflict, what)
            .hint("give another label, or remove that one: vault key rm LABEL"));
    }
    if rows.len() >= MOST_SLOTS {
        let what = format!("there are {MOST_SLOTS} slots already, and no more can be");
        return Err(Error::new(ErrorKind::Refused, what)
            .hint("remove one that nobody uses: vault key list"));
    }
    Ok(())
}

fn unknown(label: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("no slot `{label}`")).hint("vault key list")
}

fn last(label: &str) -> Error {
    let what = format!("`{label}` is the last slot, and without it nothing opens the vault");
    Error::new(ErrorKind::Refused, what).hint("add another one first: vault key add LABEL")
}

/// Whether a slot did not open for what goes with `key`.
fn lacks_factor(key: &Key, e: &Error) -> bool {
    let is_about_it = matches!(e.kind(), ErrorKind::Locked | ErrorKind::WrongKey);
    is_about_it && !matches!(key, Key::Plugin(_))
}

fn not_this(label: &SlotLabel, tried: &[TriedSlot]) -> Error {
    let kind = tried.first().map_or("", |slot| &slot.kind);
    let what = format!("what was given does not open the slot `{label}`, whose type is {kind}");
    Error::new(ErrorKind::WrongKey, what).hint("try it on all slots: vault key test")
}
