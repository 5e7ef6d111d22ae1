//! A new epoch: entered under the old keys, committed under the new ones, and this machine's seal told
//! before and after.

use super::Tx;
use crate::error::{Error, Result};
use crate::vault::audit::{Author, Draft, REKEY, RekeyReceipt, pin};
use crate::vault::check::{check_slots, slots_hash};
use crate::vault::keys::Keys;
use crate::vault::outlet::{self, Moment};
use crate::vault::seal::{self, Found};
use crate::vault::store::{SlotRow, VaultRow, renew};
use crate::vault::tlv::Hash;
use crate::vault::{files, incident, state};

impl Tx<'_> {
    /// Checks all that is to be taken over but the values, which are checked one by one as they are read:
    /// nothing that somebody else has written may be tagged as genuine.
    pub(in crate::vault) fn check_all(
        &self,
        keys: &Keys,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<()> {
        let (db, vault) = (self.db(), self.vault());
        check_slots(vault, keys, &SlotRow::all(db)?)?;
        state::check_all(db, vault, keys)?;
        incident::check::check_all(db, vault, keys)?;
        self.verify_log(keys, progress).map(drop)
    }

    /// The room that a new epoch needs on the disk: all is written once to the write-ahead log, and once
    /// to its place.
    pub(in crate::vault) fn check_room(&self) -> Result<()> {
        let file = &self.core.place.file;
        let size = |path| std::fs::metadata(path).map_or(0, |about| about.len());
        let needed = 2 * (size(file.clone()) + size(files::beside(file, "-wal")));
        let about = rustix::fs::statvfs(file)
            .map_err(|e| Error::io("cannot look at the disk", &e.into()))?;
        let free = about.f_bavail.saturating_mul(about.f_frsize);
        if free >= needed {
            return Ok(());
        }
        let (needed, free) = (needed.div_ceil(1 << 20), free >> 20);
        let what = format!("a rekey needs {needed} MiB on the disk, and {free} MiB are free");
        Err(Error::new(crate::error::ErrorKind::Io, what).hint("make room on it: df -h"))
    }

    /// Enters the rekey, the last thing that the old keys do, and removes all rows of their epoch.
    pub(in crate::vault) fn enter_rekey(&self, draft: Draft) -> Result<RekeyReceipt> {
        let (draft, counter) = (self.with_slot(draft), self.core.vault.counter + 1);
        let author = self.author_now();
        let receipt = self.log.borrow_mut().append_rekey(&self.core.db, &author, draft, counter)?;
        renew::clear(&self.core.db)?;
        Ok(receipt)
    }

    /// Makes it so: `vault` is the row of the new epoch but for its hashes. All other rows are there.
    /// Tells whether nothing of the old epoch is left in the vault's files, and what sinks say once it is
    /// done.
    pub(in crate::vault) fn commit_epoch(
        mut self,
        keys: &Keys,
        vault: VaultRow,
    ) -> Result<(bool, Result<()>)> {
        let vault = self.close_epoch(keys, vault)?;
        self.announce(pin(keys, vault.vault_id))?;
        self.core.db.commit()?;
        self.core.vault = vault;
        self.core.bell.confirm();
        self.say_new_seal();
        // before the seal: whoever finds an old one does it again
        let emptied = matches!(self.core.db.checkpoint_patiently(), Ok(true));
        self.new_seal = Some(REKEY);
        if let Err(e) = self.write_seal() {
            self.core.warnings.push(e.message());
        }
        self.lock = None;
        self.core.bell.clone().ring();
        Ok((emptied, outlet::forward(self.core, Moment::After)))
    }

    fn close_epoch(&mut self, keys: &Keys, mut vault: VaultRow) -> Result<VaultRow> {
        let core = &*self.core;
        let author = Author {
            actor: core.actor(),
            purpose: &core.purpose,
            now: core.world.now(),
            id: core.world.new_id(),
        };
        let log = self.log.get_mut();
        log.start_segment(&core.db, &vault, keys, &author, REKEY)?;
        vault.log_seq = log.seq();
        vault.root = state::rebuild(&core.db)?;
        vault.incidents = incident::check::hash(&core.db)?;
        vault.slots = slots_hash(&SlotRow::all(&core.db)?);
        vault.mac = keys.state.tag(vault.message().as_bytes());
        vault.renew(&core.db)?;
        Ok(vault)
    }

    /// Lets this machine's seal know the pin that is about to be committed, so that a crash before it is
    /// written again keeps nobody out.
    fn announce(&self, next_pin: Hash) -> Result<()> {
        let seal_file = self.core.seal_file();
        let (Found::Present(seal), Some(file)) = seal_file.read()? else { return Ok(()) };
        seal::write(&file, &seal::Seal { next_pin, ..seal }).map_err(|e| {
            Error::io("cannot write the seal file", &e)
                .hint("make the state directory writable, or set XDG_STATE_HOME")
        })?;
        seal_file.sync(&file)
    }
}
