//! The log as a whole: beginning it with the vault, and checking all of it while nobody else can
//! write.

use super::{Core, Tx, With};
use crate::error::Result;
use crate::vault::audit::{Draft, Log, verify};
use crate::vault::check::{check_slots, check_vault};
use crate::vault::keys::Keys;
use crate::vault::lock::WriteLock;
use crate::vault::outlet::{self, Moment};
use crate::vault::seal::Found;
use crate::vault::store::{SlotRow, VaultRow};
use crate::vault::view::LogVerdict;
use crate::vault::{incident, state};

impl<'v> Tx<'v> {
    /// The first transaction of a vault that is being made: its segment and its first entry.
    pub(in crate::vault) fn found(core: &'v mut Core, with: With<'v>) -> Result<()> {
        core.db.begin()?;
        let seal_file = core.seal_file().prepare()?;
        let log = Log::fresh(core.vault.vault_id);
        let mut tx = Self::of(core, Some(with), log, Some(seal_file), None);
        tx.start_segment(with.keys, "init")?;
        let _ = tx.append_change(Draft::new("init"))?;
        tx.commit()
    }

    /// Checks the whole log as it is now.
    pub(in crate::vault) fn verify_log(
        &self,
        keys: &Keys,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<LogVerdict> {
        let (found, _) = self.core.seal_file().read()?;
        verify::verify(&self.core.db, &self.core.vault, Some(keys), &found, progress)
    }

    /// A transaction that leaves this machine's seal aside and starts a new one: the owner has said
    /// that the state found is the one to go on from. It must be whole in itself; that is checked
    /// here, under the lock, so that nothing is trusted that came in between; and `still` whether it is
    /// what the owner has seen.
    pub(in crate::vault) fn restart(
        core: &'v mut Core,
        with: With<'v>,
        still: impl FnOnce(&Core) -> Result<()>,
    ) -> Result<Self> {
        // those that have heard of what is given up now go on with what comes
        outlet::forward(core, Moment::Before)?;
        let lock = WriteLock::acquire(&core.place.file)?;
        core.check_file()?;
        core.db.begin()?;
        let begun = Self::check_whole(core, with).and_then(|log| {
            still(core)?;
            Ok((log, core.seal_file().prepare()?))
        });
        let (log, seal_file) = begun.inspect_err(|_| core.db.roll_back())?;
        let mut tx = Self::of(core, Some(with), log, Some(seal_file), Some(lock));
        tx.start_segment(with.keys, "restored")?;
        Ok(tx)
    }

    fn check_whole(core: &mut Core, With { keys, .. }: With<'v>) -> Result<Log> {
        core.vault = VaultRow::load(&core.db)?;
        let (db, vault) = (&core.db, &core.vault);
        check_vault(vault, keys, &Found::Missing)?;
        check_slots(vault, keys, &SlotRow::all(db)?)?;
        state::check_all(db, vault, keys)?;
        incident::check::check_all(db, vault, keys)?;
        verify::verify(db, vault, Some(keys), &Found::Missing, &mut |_, _| {})?;
        Log::resume(db, vault, Some(keys), Found::Missing)
    }
}
