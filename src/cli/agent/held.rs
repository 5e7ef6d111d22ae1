//! What the agent holds: the keys, in memory that the system protects, and beside them what they belong to
//! and until when.

use crate::error::{Error, Result};
use crate::sys::{SECRET_MEMORY_MAX, SecretMemory};
use crate::vault::{Lent, Locked, Person, Place, Unlocked, Vault, Witness};
use serde::{Deserialize, Serialize};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// What is said of the keys, in clear.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct About {
    /// The vault's file.
    pub(super) file: PathBuf,
    /// Where its seal is.
    pub(super) state_dir: PathBuf,
    #[serde(flatten)]
    pub(super) terms: Terms,
}

/// What whoever has the keys can have changed.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Terms {
    /// The slot that they came from.
    pub(super) slot: String,
    /// When it was unlocked, in milliseconds since 1970.
    pub(super) since: i64,
    /// How many seconds it may be unused.
    pub(super) idle: u64,
    /// How many seconds it may be held.
    pub(super) max: u64,
}

/// Both, as they are held.
pub(super) struct Held {
    pub(super) about: About,
    memory: SecretMemory,
    /// Where the keys begin in it, and how long they are.
    keys: (usize, usize),
    /// The same of what proves that they are there.
    witness: (usize, usize),
}

/// Puts them where an agent can get them from.
///
/// # Errors
/// I/O (18) without such memory.
pub(super) fn file(about: &About, lent: &Lent) -> Result<OwnedFd> {
    let head = serde_json::to_vec(about).map_err(|_| Error::internal("a path is no text"))?;
    let parts = [&head[..], lent.content.expose(), lent.witness.expose()];
    let length: usize = parts.iter().map(|part| 4 + part.len()).sum();
    let mut all = Zeroizing::new(Vec::with_capacity(length));
    for part in parts {
        let length = u32::try_from(part.len()).map_err(|_| Error::internal("keys too long"))?;
        all.extend_from_slice(&length.to_be_bytes());
    }
    for part in parts {
        all.extend_from_slice(part);
    }
    SecretMemory::file(&all).map_err(|e| Error::io("cannot get memory for the keys", &e))
}

impl Held {
    /// Takes them from there. None if it is nothing of that sort.
    pub(super) fn read(file: &OwnedFd) -> Option<Self> {
        let memory = SecretMemory::of(file).ok()?;
        let number = |at| {
            let bytes = memory.copy(at, 4);
            Some(u32::from_be_bytes(bytes[..].try_into().ok()?) as usize)
        };
        let (head, keys, witness) = (number(0)?, number(4)?, number(8)?);
        let all = head.checked_add(keys)?.checked_add(witness)?.checked_add(HEAD)?;
        if all > memory.size().min(SECRET_MEMORY_MAX) {
            return None;
        }
        let about = serde_json::from_slice(&memory.copy(HEAD, head)).ok()?;
        let (keys, witness) = ((HEAD + head, keys), (HEAD + head + keys, witness));
        Some(Self { about, memory, keys, witness })
    }

    /// Unlocks a vault with them.
    ///
    /// # Errors
    /// Locked (12) when they have changed since; integrity (15), I/O (18); those of `person`.
    pub(super) fn unlock(
        &self,
        vault: Vault<Locked>,
        person: &dyn Person,
    ) -> Result<Vault<Unlocked>> {
        let keys = self.memory.copy(self.keys.0, self.keys.1);
        vault.unlock_lent(&keys, &self.about.terms.slot, person)
    }

    /// What proves that they are there.
    pub(super) fn witness(&self) -> Option<Witness> {
        Witness::of(&self.memory.copy(self.witness.0, self.witness.1))
    }

    /// Leaves them to whoever made them.
    pub(super) fn leave(self) {
        self.memory.leave();
    }

    /// Where their vault is.
    pub(super) fn place(&self) -> Place {
        Place { file: self.about.file.clone(), state_dir: self.about.state_dir.clone() }
    }

    /// In which sort of memory they are.
    pub(super) fn memory(&self) -> &'static str {
        self.memory.kind()
    }
}

/// Three lengths.
const HEAD: usize = 12;
