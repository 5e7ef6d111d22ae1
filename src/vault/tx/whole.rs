//! The log as a whole: beginning it with the vault, and checking all of it while nobody else can
//! write.

use super::{Core, Tx, With};
use crate::error::Result;
use crate::vault::audit::{Draft, Log, verify};
use crate::vault::keys::Keys;
use crate::vault::view::LogVerdict;

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
}
