//! The end of a transaction: what must be on the disk, in order, before anything leaves.

use super::{Tx, WAL_LIMIT, With, remember_path};
use crate::error::{Error, ErrorKind, Result};
use crate::vault::check::slots_hash;
use crate::vault::keys::Keys;
use crate::vault::outlet::{self, Moment};
use crate::vault::store::SlotRow;
use crate::vault::{files, incident, seal, state};

impl Tx<'_> {
    /// Makes it so: the state tree, the counter and the MAC, the commit, then the seal, then whoever
    /// is to hear of a canary, then the sinks.
    pub(in crate::vault) fn commit(mut self) -> Result<()> {
        if let (true, Some(With { keys, .. })) = (self.is_change.get(), self.with) {
            self.close_state(keys)?;
        }
        self.core.db.commit()?;
        self.core.bell.confirm();
        self.say_new_seal();
        let sealed = self.write_seal();
        self.trim();
        // A vault that is being made is not there yet, so it can still fail.
        if self.new_seal == Some("init") {
            return sealed;
        }
        if let Err(e) = sealed {
            self.core.warnings.push(e.message());
        }
        // sinks may take their time: others need not wait for them
        self.lock = None;
        // a sink that fails keeps the value in, but not the alarm
        self.core.bell.clone().ring();
        outlet::forward(self.core, Moment::After)
    }

    fn close_state(&mut self, keys: &Keys) -> Result<()> {
        let core = &mut *self.core;
        let changed = self.changed.get_mut();
        if !changed.is_empty() {
            core.vault.root = state::update(&core.db, changed)?;
        }
        if self.incidents_changed.get() {
            core.vault.incidents = incident::check::hash(&core.db)?;
        }
        core.vault.counter += 1;
        // A slot put there from outside is not taken over: the hash stays what it was.
        if self.new_seal == Some("init") || self.slots_changed.get() {
            core.vault.slots = slots_hash(&SlotRow::all(&core.db)?);
        }
        core.vault.log_seq = self.log.borrow().seq();
        core.vault.mac = keys.state.tag(core.vault.message().as_bytes());
        core.vault.update(&core.db)
    }

    pub(super) fn say_new_seal(&self) {
        if let Some(cause) = self.new_seal.filter(|cause| *cause != "init") {
            self.warn(format!(
                "this machine had no usable seal of the vault ({cause}); the log shows a new segment"
            ));
        }
    }

    /// Keeps the write-ahead log short: every process reads it when it opens the vault. What was
    /// committed stays so whether or not this succeeds.
    fn trim(&self) {
        let wal = files::beside(&self.core.place.file, "-wal");
        let is_long = std::fs::metadata(wal).is_ok_and(|about| about.len() > WAL_LIMIT);
        if is_long || self.log.borrow().has_crossed() {
            let _ = self.core.db.checkpoint();
        }
    }

    /// Nothing may fail any more: a seal that is not written is behind, and the next one takes over.
    pub(super) fn write_seal(&mut self) -> Result<()> {
        let counter = self.core.vault.counter;
        let (Some(file), Some(seal)) = (&self.seal_file, self.log.get_mut().seal()) else {
            return Ok(());
        };
        // The counter of a locked vault is only what the file says; a forged one must not stay.
        if self.with.is_some() {
            seal.counter = counter;
        }
        // what was announced, and did not come, is not waited for any more
        seal.next_pin = [0; 32];
        let written = seal::write(file, seal).is_ok();
        let unknown = self.with.is_some() && !self.core.path_known;
        let synced = match self.new_seal {
            None => !unknown || remember_path(self.core).is_ok(),
            Some("init") => self.core.seal_file().sync(file).is_ok(),
            Some(_) => {
                self.core.seal_file().sync(file).and_then(|()| remember_path(self.core)).is_ok()
            }
        };
        if written && synced {
            return Ok(());
        }
        let path = self.core.seal_file().path().display().to_string();
        Err(Error::new(ErrorKind::Io, format!("the seal file `{path}` could not be written")))
    }
}
