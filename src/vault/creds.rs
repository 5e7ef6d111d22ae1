//! The verbs on credentials. Each is one transaction with its log entry; a value is returned only
//! after the commit.

use super::audit::Draft;
use super::keys::Keys;
use super::lookup::{check_now, ensure_free, find};
use super::store::credential as rows;
use super::store::secret as secrets;
use super::store::{CredentialRow, Tombstone};
use super::tx::Tx;
use super::versions::{add_version, choose, media, open, put_head, seal_new};
use super::view::{Change, Credential, Filter, NewCredential};
use super::{State, Unlocked, Vault, state};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CredName, FieldName, Secret};

impl CredentialRow {
    /// What leaves the vault.
    pub(super) fn view(self, verified: bool) -> Credential {
        Credential {
            id: self.id,
            name: self.name,
            meta: self.meta,
            secrets: self.heads.into_iter().map(|head| (head.field, head.version)).collect(),
            media: Vec::new(),
            revision: self.revision,
            created_at: self.created_at,
            updated_at: self.updated_at,
            deleted_at: self.deleted_at,
            verified,
        }
    }
}

impl<S: State> Vault<S> {
    /// The clear columns of a credential, checked if unlocked. Logged as `view`.
    ///
    /// # Errors
    /// Not found (10), integrity (15), I/O (18).
    pub fn show(&mut self, name: &CredName, deleted: bool) -> Result<Credential> {
        self.verb("view", name, |tx, keys| {
            let row = find(tx, keys, name, deleted)?;
            let _ = tx.append(Draft::about("view", row.id, name))?;
            warn_if_expired(tx, &row);
            let media = media(tx, keys, &row)?;
            Ok(Credential { media, ..row.view(keys.is_some()) })
        })
    }

    /// Lists credentials in order of name, one call of `row` each; checked if unlocked. Logged as
    /// one `view`, before anything is shown; a second pass over the same list is not another one.
    ///
    /// # Errors
    /// Those of `row`, integrity (15), I/O (18).
    pub fn list(
        &mut self,
        filter: &Filter,
        row: &mut dyn FnMut(&rows::Listed<'_>) -> Result<()>,
    ) -> Result<()> {
        let filters = describe(filter);
        if self.core.listed.as_ref() != Some(&filters) {
            let tx = self.begin()?;
            let _ = tx.append(Draft::new("view").detail("list", &*filters))?;
            tx.commit()?;
            self.core.listed = Some(filters);
        }
        let keys = self.state.with().map(|with| with.keys);
        let core = &self.core;
        core.db.begin_read()?;
        // All rows are checked, not only those that fit: a changed one may no longer fit.
        let listed = keys
            .map_or(Ok(()), |keys| check_now(core, keys))
            .and_then(|()| rows::list(&core.db, filter, keys.is_some(), row));
        core.db.roll_back();
        listed
    }

    /// Runs `work` in a transaction and commits; a failure is logged on its own.
    fn verb<T>(
        &mut self,
        action: &'static str,
        name: &CredName,
        work: impl FnOnce(&Tx<'_>, Option<&Keys>) -> Result<T>,
    ) -> Result<T> {
        let keys = self.state.with().map(|with| with.keys);
        let done = Tx::begin(&mut self.core, self.state.with()).and_then(|tx| {
            let value = work(&tx, keys)?;
            tx.commit()?;
            Ok(value)
        });
        done.inspect_err(|e| {
            let mut draft = Draft::new(action);
            // What is no name here may have been a secret, typed in the wrong place.
            let known = e.kind() != ErrorKind::NotFound
                || super::store::log::knows(&self.core.db, name.as_str()).unwrap_or_default();
            draft.name = known.then(|| name.as_str().to_owned());
            self.note_failure(draft, e);
        })
    }
}

/// Which filters were used, not their values: those may be anything.
fn describe(filter: &Filter) -> String {
    let mut used: Vec<&str> = filter.attrs.iter().map(|(attr, _)| attr.name()).collect();
    used.extend(filter.kind.as_ref().map(|_| "type"));
    used.extend(filter.tag.as_ref().map(|_| "tag"));
    used.extend(filter.search.as_ref().map(|_| "search"));
    used.extend(filter.due_by.map(|_| "due"));
    used.extend(filter.deleted.then_some("deleted"));
    if used.is_empty() { "all".into() } else { used.join(",") }
}

impl Vault<Unlocked> {
    /// Stores a new credential. Logged as `create`.
    ///
    /// # Errors
    /// Conflict (13) when the name is taken, usage without a secret, integrity (15), I/O (18).
    pub fn add(&mut self, new: NewCredential) -> Result<()> {
        let name = new.name.clone();
        self.change("create", &name, |tx, keys| {
            let id = tx.new_id();
            tx.check_leaf(state::bucket(id))?;
            let fields: Vec<FieldName> = new.secrets.iter().map(|(f, _)| f.clone()).collect();
            let draft = Draft::about("create", id, &new.name)
                .fields(&fields)
                .detail("type", &*new.meta.kind);
            ensure_free(tx, &new.name)?;
            let receipt = tx.append_change(draft)?;
            let sealed =
                seal_new(id, new, "set", tx.now(), tx.author(), tx.vault(), keys, &receipt)?;
            sealed.insert(tx)
        })
    }

    /// What a change is about to be made to: checked, but not an access of its own, so not logged.
    ///
    /// # Errors
    /// Not found (10), integrity (15), I/O (18); these are logged as a failed `update`.
    pub fn look(&mut self, name: &CredName) -> Result<Credential> {
        self.change("update", name, |tx, keys| {
            find(tx, Some(keys), name, false).map(|row| row.view(true))
        })
    }

    /// Changes metadata, secrets or both; each secret becomes a new version. Logged as `update` with
    /// the names of what changed. Returns whether there was anything to change.
    ///
    /// # Errors
    /// Those of the edit, not found (10), integrity (15), I/O (18).
    pub fn set(&mut self, name: &CredName, change: Change<'_>) -> Result<bool> {
        self.change_from(name, None, change)
    }

    /// The same for a change that was thought out over the credential as it was at `revision`: if it
    /// has changed since, nothing happens.
    ///
    /// # Errors
    /// Conflict (13) when it has changed; those of [`Vault::set`].
    pub fn amend(&mut self, name: &CredName, revision: u32, change: Change<'_>) -> Result<bool> {
        self.change_from(name, Some(revision), change)
    }

    fn change_from(
        &mut self,
        name: &CredName,
        revision: Option<u32>,
        change: Change<'_>,
    ) -> Result<bool> {
        self.change("update", name, |tx, keys| {
            let old = find(tx, Some(keys), name, false)?;
            if revision.is_some_and(|revision| revision != old.revision) {
                return Err(moved(&old.name));
            }
            let mut new = old.clone();
            if let Some(edit) = change.edit {
                edit(&mut new.meta)?;
            }
            let changed = differences(&old.meta, &new.meta);
            if changed.is_empty() && change.secrets.is_empty() {
                return Ok(false);
            }
            let mut draft =
                Draft::about("update", old.id, name).fields(change.secrets.iter().map(|(f, _)| f));
            if !changed.is_empty() {
                draft = draft.detail("changed", changed);
            }
            let receipt = tx.append_change(draft)?;
            for (field, value) in change.secrets {
                let head = add_version(tx, keys, &new, field, &value, &receipt)?;
                put_head(&mut new.heads, head);
            }
            replace(tx, keys, &old, new).map(|()| true)
        })
    }

    /// Hands out the current value of a field; `None` means the kind's primary one. Logged as
    /// `decrypt`.
    ///
    /// # Errors
    /// Not found (10), integrity (15), I/O (18). Without a committed entry there is no value.
    pub fn reveal(&mut self, name: &CredName, field: Option<&FieldName>) -> Result<Secret> {
        self.change("decrypt", name, |tx, keys| {
            let row = find(tx, Some(keys), name, false)?;
            let head = choose(&row, field)?.clone();
            let draft = Draft::about("decrypt", row.id, name).fields([&head.field]);
            let receipt = tx.append(draft)?;
            warn_if_expired(tx, &row);
            open(tx, keys, &row, &head, &receipt)
        })
    }

    /// The credential and all its secret values, in one audited step. Logged as `decrypt`.
    ///
    /// # Errors
    /// As [`Vault::reveal`].
    pub fn reveal_all(
        &mut self,
        name: &CredName,
    ) -> Result<(Credential, Vec<(FieldName, Secret)>)> {
        self.change("decrypt", name, |tx, keys| {
            let row = find(tx, Some(keys), name, false)?;
            let draft =
                Draft::about("decrypt", row.id, name).fields(row.heads.iter().map(|h| &h.field));
            let receipt = tx.append(draft)?;
            warn_if_expired(tx, &row);
            let mut values = Vec::with_capacity(row.heads.len());
            for head in &row.heads {
                values.push((head.field.clone(), open(tx, keys, &row, head, &receipt)?));
            }
            Ok((row.view(true), values))
        })
    }

    /// Gives a credential another name. Logged as `rename`.
    ///
    /// # Errors
    /// Not found (10), conflict (13), integrity (15), I/O (18).
    pub fn rename(&mut self, from: &CredName, to: &CredName) -> Result<()> {
        self.change("rename", from, |tx, keys| {
            let old = find(tx, Some(keys), from, false)?;
            ensure_free(tx, to)?;
            let draft = Draft::about("rename", old.id, from).detail("to", to.as_str());
            let _ = tx.append_change(draft)?;
            let new = CredentialRow { name: to.as_str().to_owned(), ..old.clone() };
            replace(tx, keys, &old, new)
        })
    }

    /// Puts a credential into the trash. Logged as `delete`.
    ///
    /// # Errors
    /// Not found (10), integrity (15), I/O (18).
    pub fn remove(&mut self, name: &CredName) -> Result<()> {
        self.change("delete", name, |tx, keys| {
            let old = find(tx, Some(keys), name, false)?;
            let _ = tx.append_change(Draft::about("delete", old.id, name))?;
            let new = CredentialRow { deleted_at: Some(tx.now()), ..old.clone() };
            replace(tx, keys, &old, new)
        })
    }

    /// Takes a credential out of the trash: the one of that name deleted last. Logged as `restore`.
    ///
    /// # Errors
    /// Not found (10), conflict (13) when the name is in use again, integrity (15), I/O (18).
    pub fn restore(&mut self, name: &CredName) -> Result<()> {
        self.change("restore", name, |tx, keys| {
            // Which one of that name was deleted last is only certain if none was taken away.
            state::check_all(tx.db(), tx.vault(), keys)?;
            let old = find(tx, Some(keys), name, true)?;
            ensure_free(tx, name)?;
            let _ = tx.append_change(Draft::about("restore", old.id, name))?;
            let new = CredentialRow { deleted_at: None, ..old.clone() };
            replace(tx, keys, &old, new)
        })
    }

    /// Destroys a credential and all its versions: the live one, or with `deleted` the one of that
    /// name that was put into the trash last. Its log entries stay. Logged as `purge`.
    ///
    /// # Errors
    /// Not found (10), integrity (15), I/O (18).
    pub fn purge(&mut self, name: &CredName, deleted: bool) -> Result<()> {
        self.change("purge", name, |tx, keys| {
            state::check_all(tx.db(), tx.vault(), keys)?;
            let old = find(tx, Some(keys), name, deleted)?;
            let _ = tx.append_change(Draft::about("purge", old.id, name))?;
            old.delete(tx.db())?;
            secrets::delete_all(tx.db(), old.id)?;
            bury(tx, keys, &old)
        })?;
        // Nothing superseded stays on disk; a reader in another process may put it off. It is purged
        // by now, so that nothing may fail any more.
        if !matches!(self.core.db.checkpoint(), Ok(true)) {
            self.core.warnings.push("another process is reading, or the disk failed: the purged value leaves the disk with the next checkpoint");
        }
        Ok(())
    }

    fn change<T>(
        &mut self,
        action: &'static str,
        name: &CredName,
        work: impl FnOnce(&Tx<'_>, &Keys) -> Result<T>,
    ) -> Result<T> {
        self.verb(action, name, |tx, keys| {
            let keys = keys.ok_or_else(|| Error::internal("a change needs the keys"))?;
            work(tx, keys)
        })
    }
}

fn warn_if_expired(tx: &Tx<'_>, row: &CredentialRow) {
    if let Some(at) = row.meta.expires_at.filter(|at| *at <= tx.now()) {
        tx.warn(format!("`{}` expired on {}", row.name, at.day()));
    }
}

fn moved(name: &str) -> Error {
    Error::new(ErrorKind::Conflict, format!("`{name}` was changed by somebody else meanwhile"))
        .hint("see what it is now: vault cred show, and vault audit show")
}

/// Puts the new row of a credential in the place of the old one.
fn replace(tx: &Tx<'_>, keys: &Keys, old: &CredentialRow, mut new: CredentialRow) -> Result<()> {
    new.revision = old.revision + 1;
    new.updated_at = tx.now();
    new.row_tag = keys.row.tag(new.message(tx.vault()).as_bytes());
    let bucket = state::bucket(old.id);
    tx.touch(bucket);
    old.delete(tx.db())?;
    new.insert(tx.db(), bucket)
}

/// Leaves a tombstone.
fn bury(tx: &Tx<'_>, keys: &Keys, old: &CredentialRow) -> Result<()> {
    let mut stone = Tombstone {
        bucket: state::bucket(old.id),
        id: old.id,
        revision: old.revision + 1,
        purged_at: tx.now(),
        row_tag: [0; 32],
    };
    stone.row_tag = keys.row.tag(stone.message(tx.vault()).as_bytes());
    tx.touch(stone.bucket);
    stone.insert(tx.db())
}

/// The names of what differs, for the log.
fn differences(old: &crate::model::Metadata, new: &crate::model::Metadata) -> String {
    let mut names: Vec<&str> = crate::model::Attr::ALL
        .into_iter()
        .filter(|attr| old.get(*attr) != new.get(*attr))
        .map(crate::model::Attr::name)
        .collect();
    for (name, differs) in [
        ("type", old.kind != new.kind),
        ("port", old.port != new.port),
        ("tags", old.tags != new.tags),
        ("requires_vpn", old.requires_vpn != new.requires_vpn),
        ("requires_2fa", old.requires_2fa != new.requires_2fa),
        ("expires_at", old.expires_at != new.expires_at),
        ("rotate_every", old.rotate_every != new.rotate_every),
        ("keep", old.keep != new.keep),
        ("fields", old.fields != new.fields),
    ] {
        names.extend(differs.then_some(name));
    }
    names.join(",")
}
