//! What a transaction does with the log as a whole, while nobody else can write.

use super::Tx;
use crate::error::Result;
use crate::vault::audit::verify;
use crate::vault::keys::Keys;
use crate::vault::view::LogVerdict;

impl Tx<'_> {
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
