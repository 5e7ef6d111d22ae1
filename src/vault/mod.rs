//! The vault. Its public face: `Vault<Locked>`, `Vault<Unlocked>` and their verbs.
//!
//! `store`, `crypto`, `tx` and `audit`'s pen are private: no other module reaches ciphertext, keys
//! or SQL.

mod alerts;
mod anchor;
mod audit;
mod blast;
mod canary;
mod check;
mod checkup;
mod creds;
mod crypto;
mod deliver;
mod doctor;
mod export;
mod files;
mod filter;
mod glance;
mod history;
mod incident;
mod init;
mod keys;
mod leak;
mod lend;
mod lock;
mod log;
mod lookup;
mod note;
mod outlet;
mod prune;
mod recipient;
mod rekey;
mod reveal;
mod seal;
mod seek;
mod sign;
mod slot;
mod slots;
mod state;
mod store;
mod stubs;
mod survey;
mod tlv;
mod transfer;
mod trash;
mod trust;
mod tx;
mod versions;
mod view;
mod warnings;
mod whose;

pub use alerts::{Alert, Rule, Rules, Sentry};
pub use audit::{ACTIONS, OUTCOMES};
pub use blast::Holder;
pub use canary::Touched;
pub use deliver::{Errand, Handed, Mode, Offer, Want, What};
pub use export::Export;
pub use filter::{Filter, Order, SortKey};
pub use incident::{
    Blast, Dossier, Evidence, Incident, IncidentEvent, IncidentFilter, LinkChange, LinkState,
    Linked, Listing, Near, NewIncident, Note, Tick, TodoState, Use, Window,
};
pub use leak::{Encoding, Fit};
pub use lend::{Lent, Witness};
pub use note::{Checkpoint, Head, PublicKey};
pub use outlet::{Outlet, Sink};
pub use rekey::{ByPlugin, Fate, Kept, Proof, RekeyWork, Rekeyed, Remade};
pub use slot::{Device, Key, SshKey, Wrap, new_key_file, new_recovery_key, parse_identity};
pub use slots::NewSlot;
pub use store::list::Listed;
pub use store::overview::READS;
pub use trust::{Doubt, Doubted, Point};
pub use view::{
    Anchor, Anchored, Change, Checkup, Credential, Depth, Edit, Entry, EntryFilter, Expect, Fact,
    Finding, Glimpse, LogVerdict, NewCredential, Prunable, Record, RemovedSlot, Seen, SinkState,
    Slot, SlotUses, Status, Subject, To, Trashed, TriedSlot, Version,
};
pub use warnings::Warnings;
pub use whose::{Hit, Reader, Trace};

use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use crate::world::World;
use audit::Draft;
use keys::Keys;
use seal::PathRecord;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use store::{SlotRow, VaultRow};
use tx::{Core, Tx, With};

/// Where a vault is: the database file, and the directory that holds the seal files.
#[derive(Clone, Debug)]
pub struct Place {
    /// The database.
    pub file: PathBuf,
    /// The directory of the seal files.
    pub state_dir: PathBuf,
}

/// Whoever can be asked while a vault is unlocked.
pub trait Person {
    /// The passphrase that the slot called `label` takes besides the key.
    ///
    /// # Errors
    /// Locked (12) when nobody can be asked, aborted (3).
    fn second_factor(&self, label: &str) -> Result<Secret>;

    /// Whether a vault may have this fingerprint, as far as they said so beforehand: asked of every vault.
    ///
    /// # Errors
    /// Integrity (15) when it must have another.
    fn expects(&self, fingerprint: &str) -> Result<()>;

    /// Whether a vault with this fingerprint is theirs: this machine has never seen it, and the slot could
    /// have been made by anybody who knows the public key.
    ///
    /// # Errors
    /// Integrity (15) when it is not, refused (14) when nobody can be asked, aborted (3).
    fn recognises(&self, fingerprint: &str) -> Result<()>;
}

/// Nobody to ask.
pub struct Nobody;

impl Person for Nobody {
    fn second_factor(&self, label: &str) -> Result<Secret> {
        let what = format!("the slot `{label}` takes a passphrase besides the key");
        Err(Error::new(ErrorKind::Locked, what).hint("set VAULT_PASSPHRASE_FILE as well"))
    }

    fn expects(&self, _fingerprint: &str) -> Result<()> {
        Ok(())
    }

    fn recognises(&self, fingerprint: &str) -> Result<()> {
        let what = format!(
            "this machine does not know this vault, and anybody could have made it for your key; its \
             fingerprint is {fingerprint}"
        );
        // not ready to paste: what comes with the file says nothing about it
        Err(Error::new(ErrorKind::Refused, what)
            .hint("compare it with the recovery sheet, or `vault status` where the vault is known")
            .hint("then say the one from there: --pin FINGERPRINT"))
    }
}

/// Why the vault is used: goes into every log entry of this run.
#[derive(Clone, Debug, Default)]
pub struct Purpose {
    /// In the user's words.
    pub reason: Option<String>,
    /// The incident that all of it belongs to, like `INC-7`.
    pub incident: Option<String>,
}

/// No keys in memory. Can list and describe, cannot reveal or change.
pub struct Locked(());

/// Keys are in memory; dropping wipes them.
pub struct Unlocked {
    keys: Keys,
    slot: String,
}

/// The two states a vault can be in.
pub trait State: private::Keyring {}
impl State for Locked {}
impl State for Unlocked {}

mod private {
    /// The keys, if the state has them.
    pub trait Keyring {
        #[doc(hidden)]
        #[expect(private_interfaces, reason = "the trait is sealed; nobody outside can call it")]
        fn with(&self) -> Option<super::With<'_>>;
    }
}

impl private::Keyring for Locked {
    #[expect(private_interfaces, reason = "see the trait")]
    fn with(&self) -> Option<With<'_>> {
        None
    }
}

impl private::Keyring for Unlocked {
    #[expect(private_interfaces, reason = "see the trait")]
    fn with(&self) -> Option<With<'_>> {
        Some(With { keys: &self.keys, slot: &self.slot })
    }
}

/// A vault, locked or unlocked: what cannot be done in a state has no method there.
pub struct Vault<S> {
    core: Core,
    state: S,
}

impl Vault<Locked> {
    /// Opens an existing vault; nothing is decrypted.
    ///
    /// # Errors
    /// Not found (10), not a vault or a newer format (4), unsafe files (14), a foreign schema or
    /// another vault than the one last seen at this path (15), I/O (18).
    pub fn open(place: &Place, world: Rc<World>, purpose: Purpose) -> Result<Self> {
        let place = Place { file: absolute(&place.file)?, state_dir: place.state_dir.clone() };
        let db = store::open(&place.file)?;
        let vault = VaultRow::load(&db)?;
        let known = PathRecord::new(&place.state_dir, &place.file).read()?;
        let mut core = Core::new(db, place, world, purpose, vault);
        core.path_known = known.is_some();
        match known {
            Some(id) if id != core.vault.vault_id => Err(another_vault(&core.place.file)),
            _ => Ok(Self { core, state: Locked(()) }),
        }
    }

    /// Trades a locked vault for an unlocked one, having checked its state, its slots and this
    /// machine's pin. A wrong key is logged.
    ///
    /// # Errors
    /// Wrong key (11), integrity (15), I/O (18); locked (12) or refused (14) when somebody would have to be
    /// asked.
    pub fn unlock(self, key: &Key) -> Result<Vault<Unlocked>> {
        self.unlock_with(key, &Nobody)
    }

    /// The same with somebody to ask, where the key alone does not do.
    ///
    /// # Errors
    /// As [`Vault::unlock`], and those of `person`.
    pub fn unlock_with(mut self, key: &Key, person: &dyn Person) -> Result<Vault<Unlocked>> {
        let slots = self.core.load_slots()?;
        let (id, epoch) = (self.core.vault.vault_id, self.core.vault.epoch);
        let opened = slot::unwrap(key, &slots, id, epoch, person);
        match opened {
            Ok((keys, slot)) => {
                self.check_slots(&keys, &slots, slot, person)?;
                let slot = slot.label.clone();
                Ok(Vault { core: self.core, state: Unlocked { keys, slot } })
            }
            Err(e) => {
                self.note_unlock_failure(key, &e);
                Err(e)
            }
        }
    }

    /// The vault's own row, its slots and this machine's pin; without one, whether `person` knows the vault
    /// if anybody could have made the slot that opened.
    fn check_slots(
        &self,
        keys: &Keys,
        slots: &[SlotRow],
        used: &SlotRow,
        person: &dyn Person,
    ) -> Result<()> {
        let (found, _) = self.core.seal_file().read()?;
        let vault = &self.core.vault;
        check::check_vault(vault, keys, &found)
            .and_then(|()| check::check_slots(vault, keys, slots))
            .map_err(|e| self.core.unless_rekeyed(e))?;
        let fingerprint = check::fingerprint(keys, self.core.vault.vault_id);
        person.expects(&fingerprint)?;
        match found {
            seal::Found::Present(_) => Ok(()),
            _ if !slot::is_public(&used.kind) => Ok(()),
            _ => person.recognises(&fingerprint),
        }
    }
}

impl<S: State> Vault<S> {
    /// What the person should hear: said once each, and forgotten.
    pub fn take_warnings(&mut self) -> Vec<String> {
        self.core.warnings.take()
    }

    /// The same, for whoever must hear them even if the vault is gone by then.
    #[must_use]
    pub fn warnings(&self) -> Warnings {
        self.core.warnings.clone()
    }

    /// The user who works here, as the log knows them.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.core.actor().user
    }

    /// Where the vault's file is.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.core.place.file
    }

    /// Gives the vault up at the very end of a run: keys are wiped now, and the database, which holds
    /// no plaintext, is left to the system, which closes it faster than can be done in order.
    pub fn leave(self) {
        let Self { core, state } = self;
        drop(state);
        std::mem::forget(core);
    }

    /// The types of slots there are (`passphrase`, `key_file`, `recovery`, `ssh`, `plugin`,
    /// `two_factor`): what to ask for.
    ///
    /// # Errors
    /// Integrity or I/O.
    pub fn slot_types(&self) -> Result<Vec<String>> {
        Ok(SlotRow::all(&self.core.db)?.into_iter().map(|slot| slot.kind).collect())
    }

    fn begin(&mut self) -> Result<Tx<'_>> {
        Tx::begin(&mut self.core, self.state.with())
    }

    fn note_unlock_failure(&mut self, key: &Key, error: &Error) {
        let draft = Draft::new("unlock_failed").detail("type", key.kind());
        self.note_failure(draft, error);
    }

    /// Logs a failed attempt. The attempt has failed whether or not this succeeds.
    fn note_failure(&mut self, draft: Draft, error: &Error) {
        if log::is_logged(error.kind()) {
            let draft = draft.failed(error.kind());
            let begun = Tx::begin_regardless(&mut self.core, self.state.with());
            let _ = begun.and_then(|tx| {
                let _ = tx.append(draft)?;
                tx.commit()
            });
        }
    }
}

impl Vault<Unlocked> {
    /// Makes a vault with one slot, and its seal file. The database appears under its name only when
    /// it is complete.
    ///
    /// # Errors
    /// Conflict (13) when there is a vault already, refused (14) for an unsafe directory, I/O (18).
    pub fn init(place: &Place, world: Rc<World>, key: &Key, label: &str) -> Result<Self> {
        Self::init_for(place, world, (key, &Wrap::for_key(key)?), label)
    }

    /// The same for a key whose recipient is known apart, as that of a plugin.
    ///
    /// # Errors
    /// As [`Vault::init`]; wrong key (11) when the two do not belong together.
    pub fn init_for(
        place: &Place,
        world: Rc<World>,
        (key, wrap): (&Key, &Wrap),
        label: &str,
    ) -> Result<Self> {
        init::init(place, world, &init::Founder { key, wrap, label })
    }
}

fn another_vault(file: &Path) -> Error {
    Error::integrity(format!("`{}` is not the vault that was there before", file.display()))
        .hint("if you replaced it on purpose: vault trust-state")
}

/// The real path of an existing file's directory, so that seals and records are found again from
/// anywhere. The last component stays as it is: a link there is refused, not followed.
fn absolute(file: &Path) -> Result<PathBuf> {
    let name = file.file_name().ok_or_else(|| {
        Error::usage(format!("`{}` names no file", file.display()))
            .hint("give a file: --vault FILE")
    })?;
    let dir = match file.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    match dir.canonicalize() {
        Ok(dir) => Ok(dir.join(name)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            Err(Error::new(ErrorKind::NotFound, format!("no vault at `{}`", file.display()))
                .hint("make one with `vault init`, or name another with `--vault FILE`"))
        }
        Err(e) => Err(Error::io(format!("cannot look into `{}`", dir.display()), &e)),
    }
}
