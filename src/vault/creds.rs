//! Verbs on credentials: each one transaction with its log entry; values leave after the commit.

use super::audit::Draft;
use super::filter::Filter;
use super::keys::Keys;
use super::lookup::{current, ensure_free, find};
use super::seek::{in_one_view, list_quietly};
use super::store::CredentialRow;
use super::store::list::Listed;
use super::stubs::{self, Doomed};
use super::tx::Tx;
use super::versions::{
    Incoming, Origin, add_version, choose, ensure_other, media, put_head, seal_new,
};
use super::view::{Change, Credential, NewCredential, Subject};
use super::{State, Unlocked, Vault, incident, state};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CredName, Duty, FieldName, Metadata, Secret, Timestamp};

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
            restored_at: self.restored_at,
            incidents: Vec::new(),
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
            let (media, incidents) =
                (media(tx, keys, &row)?, incident::concerning(tx, keys, row.id)?);
            Ok(Credential { media, incidents, ..row.view(keys.is_some()) })
        })
    }

    /// Lists credentials in the filter's order, one call of `row` each; checked if unlocked. Logged as
    /// one `view`, before anything is shown; a second pass over the same list is not another one.
    ///
    /// # Errors
    /// Those of `row`, integrity (15), I/O (18).
    pub fn list(
        &mut self,
        filter: &Filter,
        row: &mut dyn FnMut(&Listed<'_>) -> Result<()>,
    ) -> Result<()> {
        if self.core.listed.as_ref() != Some(filter) {
            let tx = self.begin()?;
            let _ = tx.append(Draft::new("view").detail("list", describe(filter)))?;
            tx.commit()?;
            self.core.listed = Some(filter.clone());
        }
        let keys = self.state.with().map(|with| with.keys);
        let core = &self.core;
        match filter.canary {
            true => in_one_view(core, keys, || self.list_canaries(filter, row)),
            false => list_quietly(core, keys, filter, row),
        }
    }

    /// Runs `work` in a transaction and commits; a failure is logged on its own.
    pub(super) fn verb<T>(
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
pub(super) fn describe(filter: &Filter) -> String {
    let used = filter.used();
    if used.is_empty() { "all".into() } else { used.join(",") }
}

impl Vault<Unlocked> {
    /// Stores a new credential. Logged as `create`.
    ///
    /// # Errors
    /// Conflict (13) when the name is taken, usage without a secret, integrity (15), I/O (18).
    pub fn add(&mut self, new: NewCredential) -> Result<()> {
        self.store_new(new, false)
    }

    /// A canary differs from others in nothing but its tag.
    pub(super) fn store_new(&mut self, new: NewCredential, canary: bool) -> Result<()> {
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
            let sealed = if canary { sealed.into_canary(tx.vault(), keys) } else { sealed };
            sealed.insert(tx)
        })
    }

    /// What a change is about to be made to: checked, but not an access of its own, so not logged.
    ///
    /// # Errors
    /// Not found (10), integrity (15), I/O (18); these are logged as a failed `update`.
    pub fn look<'n>(&mut self, which: impl Into<Subject<'n>>) -> Result<Credential> {
        self.look_for("update", which)
    }

    /// The same for another action of the log.
    ///
    /// # Errors
    /// As [`Vault::look`], logged as a failed `action`.
    pub fn look_for<'n>(
        &mut self,
        action: &'static str,
        which: impl Into<Subject<'n>>,
    ) -> Result<Credential> {
        let subject = which.into();
        self.change(action, subject.name, |tx, keys| {
            let row = current(tx, keys, subject, false)?;
            Ok(Credential { media: media(tx, Some(keys), &row)?, ..row.view(true) })
        })
    }

    /// Changes metadata, secrets or both; each secret becomes a new version. Logged as `update` with
    /// the names of what changed. Returns whether there was anything to change.
    ///
    /// # Errors
    /// Those of the edit, not found (10), conflict (13) when it has moved, integrity (15), I/O (18).
    pub fn set<'n>(&mut self, which: impl Into<Subject<'n>>, change: Change<'_>) -> Result<bool> {
        self.store(which.into(), None, change, Origin::Set).map(|changed| changed.is_some())
    }

    /// The same for a change that was thought out over the credential as it was at `revision`: if it
    /// has changed since, nothing happens.
    ///
    /// # Errors
    /// Conflict (13) when it has changed; those of [`Vault::set`].
    pub fn amend<'n>(
        &mut self,
        which: impl Into<Subject<'n>>,
        revision: u32,
        change: Change<'_>,
    ) -> Result<bool> {
        let stored = self.store(which.into(), Some(revision), change, Origin::Set);
        stored.map(|changed| changed.is_some())
    }

    /// Stores new values in the place of old ones, and notes that they were rotated: the next
    /// rotation counts from now, and an expiry is put off by as long as it was set for. The edit runs
    /// after that. Logged as `rotate`. Returns what is there now.
    ///
    /// # Errors
    /// As [`Vault::set`]; usage without a value.
    pub fn rotate<'n>(
        &mut self,
        which: impl Into<Subject<'n>>,
        change: Change<'_>,
    ) -> Result<Credential> {
        let valueless = || Error::usage("a rotation needs a new value");
        if change.secrets.is_empty() {
            return Err(valueless());
        }
        self.store(which.into(), None, change, Origin::Rotate)?.ok_or_else(valueless)
    }

    /// Changes a row and adds versions, which came as `origin` says. None if nothing was to change.
    fn store(
        &mut self,
        subject: Subject<'_>,
        revision: Option<u32>,
        change: Change<'_>,
        origin: Origin,
    ) -> Result<Option<Credential>> {
        let name = subject.name;
        let stored = self.change(origin.action(), name, |tx, keys| {
            let old = current(tx, keys, subject, false)?;
            if revision.is_some_and(|revision| revision != old.revision) {
                return Err(moved(&old.name));
            }
            let mut new = old.clone();
            if origin == Origin::Rotate {
                renew(&old, &mut new.meta, &change.secrets, tx.now());
            }
            if let Some(edit) = change.edit {
                edit(&mut new.meta)?;
            }
            let changed = differences(&old.meta, &new.meta);
            if changed.is_empty() && change.secrets.is_empty() {
                return Ok(None);
            }
            let fields: Vec<_> = change.secrets.iter().map(|(field, _)| field).collect();
            let surplus = stubs::surplus(tx, &old, &new.meta, &fields, origin)?;
            let mut draft = Draft::about(origin.action(), old.id, name).fields(fields);
            if !changed.is_empty() {
                draft = draft.detail("changed", changed);
            }
            let receipt = tx.append_change(stubs::note(draft, &surplus))?;
            for (field, value) in &change.secrets {
                if origin == Origin::Rotate {
                    ensure_other(tx, keys, &old, (field, value), &receipt)?;
                }
                let value = Incoming { field, value, origin };
                let head = add_version(tx, keys, &new, value, &receipt)?;
                put_head(&mut new.heads, head);
            }
            replace_without(tx, keys, &old, new, &surplus)
                .map(|row| Some((row.view(true), !surplus.is_empty())))
        })?;
        Ok(stored.map(|(credential, purged)| {
            self.settle(purged);
            credential
        }))
    }

    /// Gives a credential another name. Logged as `rename`.
    ///
    /// # Errors
    /// Not found (10), conflict (13), integrity (15), I/O (18).
    pub fn rename<'n>(&mut self, which: impl Into<Subject<'n>>, to: &CredName) -> Result<()> {
        let subject = which.into();
        let from = subject.name;
        self.change("rename", from, |tx, keys| {
            let old = current(tx, keys, subject, false)?;
            ensure_free(tx, to)?;
            let draft = Draft::about("rename", old.id, from).detail("to", to.as_str());
            let _ = tx.append_change(draft)?;
            let new = CredentialRow { name: to.as_str().to_owned(), ..old.clone() };
            replace(tx, keys, &old, new).map(drop)
        })
    }

    pub(super) fn change<T>(
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

/// Says in the entry of a read what makes it worth a look: the credential has expired, or has lain in the
/// trash.
pub(super) fn note_state(draft: Draft, row: &CredentialRow, now: Timestamp) -> Draft {
    let expired = row.meta.expires_at.is_some_and(|at| at <= now);
    let draft = if expired { draft.detail("overdue", "expiry") } else { draft };
    match row.restored_at.filter(|at| now.0.saturating_sub(at.0) <= REMEMBERED) {
        Some(at) => draft.detail("restored", at.to_string()),
        None => draft,
    }
}

/// How long entries say that a credential was restored, in milliseconds: a year.
const REMEMBERED: i64 = 366 * 86_400_000;

/// Reminds whoever reads it of what is overdue, in one line.
pub(super) fn warn_if_expired(tx: &Tx<'_>, row: &CredentialRow) {
    let overdue = row.meta.duties(row.created_at).filter(|(_, at)| *at <= tx.now());
    let said: Vec<String> = overdue
        .map(|(duty, at)| match duty {
            Duty::Expiry => format!("expired on {}", at.day()),
            Duty::Rotation => format!("should have been rotated by {}", at.day()),
        })
        .collect();
    if !said.is_empty() {
        tx.warn(format!("`{}` {}", row.name, said.join(" and ")));
    }
}

fn moved(name: &str) -> Error {
    Error::new(ErrorKind::Conflict, format!("`{name}` was changed by somebody else meanwhile"))
        .hint("see what it is now: vault cred show, and vault audit show")
}

/// Puts the new row of a credential in the place of the old one.
pub(super) fn replace(
    tx: &Tx<'_>,
    keys: &Keys,
    old: &CredentialRow,
    mut new: CredentialRow,
) -> Result<CredentialRow> {
    new.revision = old.revision + 1;
    new.updated_at = tx.now();
    new.row_tag = keys.row.tag(new.message(tx.vault()).as_bytes());
    let bucket = state::bucket(old.id);
    tx.touch(bucket);
    old.delete(tx.db())?;
    new.insert(tx.db(), bucket)?;
    Ok(new)
}

/// The same, having destroyed versions that are no longer kept.
pub(super) fn replace_without(
    tx: &Tx<'_>,
    keys: &Keys,
    old: &CredentialRow,
    mut new: CredentialRow,
    doomed: &[Doomed],
) -> Result<CredentialRow> {
    for doomed in doomed {
        stubs::destroy(tx, keys, &mut new, doomed)?;
    }
    replace(tx, keys, old, new)
}

/// What a rotation does to the dates. The expiry is that of the primary field; it is put off by the
/// time it was set for.
fn renew(
    old: &CredentialRow,
    meta: &mut Metadata,
    secrets: &[(FieldName, Secret)],
    now: Timestamp,
) {
    let since = meta.last_rotated_at.unwrap_or(old.created_at);
    meta.last_rotated_at = Some(now);
    let primary = choose(old, None).ok().map(|head| &head.field);
    let lifetime = meta.expires_at.map(|at| at.0.saturating_sub(since.0)).filter(|span| *span > 0);
    if let Some(span) = lifetime.filter(|_| secrets.iter().any(|(field, _)| Some(field) == primary))
    {
        meta.expires_at = Some(Timestamp(now.0.saturating_add(span)).min(Timestamp::LAST));
    }
}

/// The names of what differs, for the log.
fn differences(old: &Metadata, new: &Metadata) -> String {
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
        ("last_rotated_at", old.last_rotated_at != new.last_rotated_at),
        ("rotate_every", old.rotate_every != new.rotate_every),
        ("keep", old.keep != new.keep),
        ("fields", old.fields != new.fields),
    ] {
        names.extend(differs.then_some(name));
    }
    names.join(",")
}
