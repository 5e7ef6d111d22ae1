//! What a program's request is understood with: which credential it may mean, and whether a value that it
//! brings is the one that is kept. Hands out nothing.

use super::audit::{Draft, Receipt};
use super::creds::note_state;
use super::crypto::{self, Label};
use super::deliver::{Errand, Mode};
use super::filter::Filter;
use super::keys::Keys;
use super::lookup::{check_now, find};
use super::store::list::{self, Listed};
use super::store::{CredentialRow, Head};
use super::tx::{Core, Tx};
use super::versions::{checked, choose};
use super::{State, Unlocked, Vault};
use crate::error::Result;
use crate::model::{CredName, FieldName, Secret};

impl<S: State> Vault<S> {
    /// Calls `each` for the live credentials that fit; unlocked, after all rows were checked. Writes no
    /// entry, as programs ask about places that nothing is kept for: what is handed out then is entered.
    ///
    /// # Errors
    /// Those of `each`, integrity (15), I/O (18).
    pub fn seek(
        &self,
        filter: &Filter,
        each: &mut dyn FnMut(&Listed<'_>) -> Result<()>,
    ) -> Result<()> {
        let keys = self.state.with().map(|with| with.keys);
        list_quietly(&self.core, keys, filter, each)
    }
}

impl Vault<Unlocked> {
    /// Whether a field has this value now. It is compared in here and handed to nobody. Logged as `check`
    /// with what `errand` says of the program; `said` is what that program says of the value.
    ///
    /// # Errors
    /// Not found (10), integrity (15), I/O (18).
    pub fn has_value(
        &mut self,
        name: &CredName,
        (field, value): (&FieldName, &Secret),
        errand: &Errand,
        said: Option<&'static str>,
    ) -> Result<bool> {
        self.change("check", name, |tx, keys| {
            let row = find(tx, Some(keys), name, false)?;
            let head = choose(&row, Some(field))?.clone();
            let draft = Draft::about("check", row.id, name).fields([&head.field]);
            let draft = errand.enter(draft, [Mode::Helper].into_iter());
            let draft = said.map_or(draft.clone(), |said| draft.detail("said", said));
            let receipt = tx.append(note_state(draft, &row, tx.now()))?;
            holds(tx, keys, &row, (&head, value), &receipt)
        })
    }
}

/// Lists credentials without an entry.
pub(super) fn list_quietly(
    core: &Core,
    keys: Option<&Keys>,
    filter: &Filter,
    row: &mut dyn FnMut(&Listed<'_>) -> Result<()>,
) -> Result<()> {
    in_one_view(core, keys, || list::list(&core.db, filter, keys.is_some(), row))
}

/// Does `work` while nobody else's changes are seen. All rows are checked before, not only those that fit: a
/// changed one may no longer fit.
pub(super) fn in_one_view(
    core: &Core,
    keys: Option<&Keys>,
    work: impl FnOnce() -> Result<()>,
) -> Result<()> {
    core.db.begin_read()?;
    let done = keys.map_or(Ok(()), |keys| check_now(core, keys)).and_then(|()| work());
    core.db.roll_back();
    done
}

/// Whether the current version is this value. It is compared, and handed to nobody.
pub(super) fn holds(
    tx: &Tx<'_>,
    keys: &Keys,
    row: &CredentialRow,
    (head, value): (&Head, &Secret),
    receipt: &Receipt<'_>,
) -> Result<bool> {
    let version = checked(tx.db(), tx.vault(), keys, row, head)?;
    let Head { field, version: number, .. } = head;
    let label = Label { vault: tx.vault().vault_id, credential: row.id, field, version: *number };
    let now = crypto::open(keys, label, &version.sealed, receipt)?;
    Ok(now.expose() == value.expose())
}
