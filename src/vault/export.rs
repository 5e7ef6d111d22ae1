//! Handing out the log for other programs: entered first, then entry by entry, oldest first.

use super::audit::Draft;
use super::store::{entries as rows, record};
use super::view::{EntryFilter, Record};
use super::{State, Vault};
use crate::error::{Error, ErrorKind, Result};

/// Which entries an export holds; it has been entered.
#[derive(Debug)]
pub struct Export(Vec<i64>);

impl Export {
    /// How many entries it has.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.0.len()
    }
}

impl<S: State> Vault<S> {
    /// Enters an export of the entries that fit, as `audit_export`; its own entry is not among them.
    ///
    /// # Errors
    /// Locked (12) where a locked vault has no key for the entry, integrity (15), I/O (18).
    pub fn enter_export(&mut self, filter: &EntryFilter, format: &str) -> Result<Export> {
        let tx = self.begin()?;
        if !tx.is_sealed() {
            let what = "an export is entered in the log, which has no seal on this machine";
            return Err(Error::new(ErrorKind::Locked, what).hint("vault audit export --unlock"));
        }
        let mut entries = Vec::new();
        rows::glimpses(tx.db(), filter, |entry| {
            entries.push(entry.seq);
            Ok(())
        })?;
        entries.reverse();
        let draft = Draft::new("audit_export")
            .detail("entries", entries.len().to_string())
            .detail("format", format);
        let _ = tx.append(draft)?;
        tx.commit()?;
        Ok(Export(entries))
    }

    /// Calls `each` for the entries of an export, oldest first.
    ///
    /// # Errors
    /// Those of `each`, conflict (13) if the log was pruned meanwhile, integrity (15), I/O (18).
    pub fn export(
        &mut self,
        export: &Export,
        each: &mut dyn FnMut(&Record<'_>) -> Result<()>,
    ) -> Result<()> {
        let Some(first) = export.0.first() else { return Ok(()) };
        let mut wanted = export.0.iter().peekable();
        record::from(&self.core.db, self.core.vault.vault_id, *first, |record| {
            let Some(next) = wanted.peek() else { return Ok(false) };
            if record.entry.seq == **next {
                wanted.next();
                each(record)?;
            }
            Ok(true)
        })?;
        match wanted.next() {
            None => Ok(()),
            Some(seq) => Err(Error::new(
                ErrorKind::Conflict,
                format!("entry {seq} went while the log was exported"),
            )
            .hint("vault audit verify")),
        }
    }
}
