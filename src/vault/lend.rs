//! Lending the keys of an unlocked vault to the agent, which holds them for others of the same user, and
//! using what it holds. Only the agent calls these.

use super::audit::Draft;
use super::keys::{Keys, MacKey};
use super::store::SlotRow;
use super::tx::Tx;
use super::{Locked, Person, Place, Unlocked, Vault, absolute, files, slot};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use std::path::PathBuf;

/// What the agent gets to hold.
pub struct Lent {
    /// What all slots wrap.
    pub content: Secret,
    /// What a [`Witness`] is made of.
    pub witness: Secret,
    /// The slot that it came from.
    pub slot: String,
    /// Where the vault is.
    pub place: Place,
}

/// Shows somebody who has the keys, too, that one has them, and tells nobody anything of them.
pub struct Witness(MacKey);

impl Witness {
    /// None if it is no such key.
    #[must_use]
    pub fn of(key: &[u8]) -> Option<Self> {
        key.try_into().ok().map(|key| Self(MacKey::new(key)))
    }

    /// The mark for a message.
    #[must_use]
    pub fn mark(&self, message: &[u8]) -> [u8; 32] {
        self.0.tag(message)
    }

    /// Whether it is the mark of a message.
    #[must_use]
    pub fn fits(&self, message: &[u8], mark: &[u8]) -> bool {
        self.0.verify(message, mark)
    }
}

impl Place {
    /// Where the file really is; as it is written if its directory is not there.
    #[must_use]
    pub fn real_file(&self) -> PathBuf {
        let written = || std::path::absolute(&self.file).unwrap_or_else(|_| self.file.clone());
        absolute(&self.file).unwrap_or_else(|_| written())
    }

    /// Whether both are the same place, however they are written.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        let seals = |place: &Self| place.state_dir.canonicalize().ok();
        let is_same_dir = self.state_dir == other.state_dir || seals(self) == seals(other);
        self.real_file() == other.real_file() && is_same_dir
    }

    /// Which file is there, whatever it is called; none if none is.
    #[must_use]
    pub fn identity(&self) -> Option<(u64, u64)> {
        files::identity(&self.file)
    }
}

impl Vault<Unlocked> {
    /// The keys, for the agent. Logged as `unlock`, with how long they may be held.
    ///
    /// # Errors
    /// I/O (18).
    pub fn lend(&mut self, idle: &str, max: &str) -> Result<Lent> {
        let (keys, label) = (&self.state.keys, &self.state.slot);
        let with = super::tx::With { keys, slot: label };
        let tx = Tx::begin(&mut self.core, Some(with))?;
        let _ = tx.append(Draft::new("unlock").detail("idle", idle).detail("max", max))?;
        let (id, epoch, now) = (tx.vault().vault_id, tx.vault().epoch, tx.now());
        tx.commit()?;
        let content = slot::content(keys, id, epoch, now);
        let witness = Secret::from_bytes(&keys.agent(id, epoch)[..]);
        Ok(Lent { content, witness, slot: label.clone(), place: self.core.place.clone() })
    }
}

impl Vault<Locked> {
    /// Which file was at its place when it was opened.
    #[must_use]
    pub fn opened(&self) -> Option<(u64, u64)> {
        self.core.opened
    }

    /// Unlocks with what [`Vault::lend`] gave, which came from the slot called `label`. Checks what every
    /// unlocking checks.
    ///
    /// # Errors
    /// Locked (12) when the keys have changed since or the slot has gone; integrity (15), I/O (18); those of
    /// `person`.
    pub fn unlock_lent(
        mut self,
        content: &[u8],
        label: &str,
        person: &dyn Person,
    ) -> Result<Vault<Unlocked>> {
        let slots = self.core.load_slots()?;
        let (keys, used) = self.lent_keys(content, &slots, label).ok_or_else(changed)?;
        self.check_slots(&keys, &slots, used, person)?;
        Ok(Vault { core: self.core, state: Unlocked { keys, slot: label.to_owned() } })
    }

    fn lent_keys<'s>(
        &self,
        content: &[u8],
        slots: &'s [SlotRow],
        label: &str,
    ) -> Option<(Keys, &'s SlotRow)> {
        let used = slots.iter().find(|slot| slot.label == label)?;
        let (id, epoch) = (self.core.vault.vault_id, self.core.vault.epoch);
        Some((slot::read_content(content, id, epoch).ok()?, used))
    }

    /// Enters that the agent has dropped the keys of a slot, and why.
    ///
    /// # Errors
    /// I/O (18).
    pub fn enter_lock(&mut self, cause: &str, label: &str) -> Result<()> {
        let tx = Tx::begin_regardless(&mut self.core, None)?;
        let _ = tx.append(Draft::new("lock").detail("cause", cause).detail("slot", label))?;
        tx.commit()
    }
}

fn changed() -> Error {
    let what = "the keys of the vault have changed since it was unlocked";
    Error::new(ErrorKind::Locked, what).hint("vault unlock")
}
