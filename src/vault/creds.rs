//! The verbs on credentials. Each is one transaction with its log entry; a value is returned only
//! after the commit.

use super::audit::{Draft, Receipt};
use super::crypto::{self, Label};
use super::keys::Keys;
use super::store::credential as rows;
use super::store::secret as secrets;
use super::store::{CredentialRow, Head, SecretRow, Tombstone};
use super::tx::{self, Tx};
use super::view::{Change, Credential, Filter, Match, NewCredential};
use super::{State, Unlocked, Vault, VaultRow, state};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CredName, FieldName, Secret, Timestamp};
use uuid::Uuid;

impl CredentialRow {
    /// What the door may see.
    pub(super) fn view(self, verified: bool) -> Credential {
        Credential {
            id: self.id,
            name: self.name,
            meta: self.meta,
            secrets: self.heads.into_iter().map(|head| (head.field, head.version)).collect(),
            revision: self.revision,
            created_at: self.created_at,
            updated_at: self.updated_at,
            deleted_at: self.deleted_at,
            verified,
        }
    }
}

impl<S: State> Vault<S> {
    /// The live (or trashed) names that begin with `prefix`, in order, at most `limit`. For
    /// completion: unlocks nothing and writes no entry.
    ///
    /// # Errors
    /// Integrity or I/O.
    pub fn names(&self, prefix: &str, deleted: bool, limit: u64) -> Result<Vec<String>> {
        rows::names(&self.core.db, prefix, deleted, limit)
    }

    /// The kind of a live credential and its secret fields, as the clear columns tell them. For
    /// understanding a command line: unlocks nothing, writes no entry.
    ///
    /// # Errors
    /// Integrity or I/O.
    pub fn outline(&self, name: &CredName) -> Result<Option<(String, Vec<FieldName>)>> {
        let row = CredentialRow::find(&self.core.db, name.as_str(), false)?;
        let fields = |heads: Vec<Head>| heads.into_iter().map(|head| head.field).collect();
        Ok(row.map(|row| (row.meta.kind, fields(row.heads))))
    }

    /// Finds out which name is meant: the text itself if it is one or if nothing fits better, else
    /// the only name that begins with it; unlocked, that is said only after all rows were checked.
    /// Whether it exists is for the verb to say.
    ///
    /// # Errors
    /// Usage for what cannot be a name, conflict (13) with the candidates when several fit.
    pub fn resolve(&self, text: &str, how: Match, deleted: bool) -> Result<CredName> {
        let name: CredName = text.parse()?;
        if how == Match::Exact || rows::names(&self.core.db, text, deleted, 1)? == [text] {
            return Ok(name);
        }
        let mut fitting = rows::names(&self.core.db, text, deleted, 11)?;
        match fitting.len() {
            0 => Ok(name),
            1 => {
                // A beginning means this one only if nobody took away another that it fits better.
                if let Some(with) = self.state.with() {
                    self.core.db.begin_read()?;
                    let checked = check_now(&self.core, with.keys);
                    self.core.db.roll_back();
                    checked?;
                }
                fitting.remove(0).parse()
            }
            _ => {
                let message = format!("`{name}` fits several credentials");
                Err(Error::new(ErrorKind::Conflict, message)
                    .candidates(fitting)
                    .hint("write more of the name"))
            }
        }
    }

    /// The clear columns of a credential, checked if unlocked. Logged as `view`.
    ///
    /// # Errors
    /// Not found (10), integrity (15), I/O (18).
    pub fn show(&mut self, name: &CredName, deleted: bool) -> Result<Credential> {
        self.verb("view", name, |tx, keys| {
            let row = find(tx, keys, name, deleted)?;
            let _ = tx.append(Draft::about("view", row.id, name))?;
            warn_if_expired(tx, &row);
            Ok(row.view(keys.is_some()))
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

/// Checks all rows as the open reading transaction sees them; another process may have changed the
/// vault since its row was last read.
fn check_now(core: &tx::Core, keys: &Keys) -> Result<()> {
    let vault = super::VaultRow::load(&core.db)?;
    let (found, _) = core.seal_file().read()?;
    tx::check_vault(&vault, keys, &found)?;
    state::check_all(&core.db, &vault, keys)
}

/// Which filters were used, not their values: those may be anything.
fn describe(filter: &Filter) -> String {
    let mut used: Vec<&str> = filter.attrs.iter().map(|(attr, _)| attr.name()).collect();
    used.extend(filter.kind.as_ref().map(|_| "type"));
    used.extend(filter.tag.as_ref().map(|_| "tag"));
    used.extend(filter.search.as_ref().map(|_| "search"));
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
        self.change("update", name, |tx, keys| {
            let old = find(tx, Some(keys), name, false)?;
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
        self.change_nothing("decrypt", name, |tx, keys| {
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
        self.change_nothing("decrypt", name, |tx, keys| {
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

    fn change_nothing<T>(
        &mut self,
        action: &'static str,
        name: &CredName,
        work: impl FnOnce(&Tx<'_>, &Keys) -> Result<T>,
    ) -> Result<T> {
        self.change(action, name, work)
    }
}

/// Finds a credential by its whole name; with keys, checks it, and if it is not there, that nobody
/// took it away.
fn find(tx: &Tx<'_>, keys: Option<&Keys>, name: &CredName, deleted: bool) -> Result<CredentialRow> {
    match (CredentialRow::find(tx.db(), name.as_str(), deleted)?, keys) {
        (Some(row), Some(keys)) => tx::check_credential(tx, keys, &row).map(|()| row),
        (Some(row), None) => Ok(row),
        (None, keys) => {
            keys.map_or(Ok(()), |keys| state::check_all(tx.db(), tx.vault(), keys))?;
            Err(not_found(tx, name, deleted)?)
        }
    }
}

fn warn_if_expired(tx: &Tx<'_>, row: &CredentialRow) {
    if let Some(at) = row.meta.expires_at.filter(|at| *at <= tx.now()) {
        tx.warn(format!("`{}` expired on {}", row.name, at.day()));
    }
}

/// "Not found", with the nearest names.
fn not_found(tx: &Tx<'_>, name: &CredName, deleted: bool) -> Result<Error> {
    let mut near: Vec<(f64, String)> = Vec::new();
    rows::each_name(tx.db(), deleted, |other| {
        let likeness = strsim::jaro_winkler(name.as_str(), other);
        if likeness > 0.8 {
            near.push((likeness, other.to_owned()));
            near.sort_by(|a, b| b.0.total_cmp(&a.0));
            near.truncate(3);
        }
    })?;
    let place = if deleted { " in the trash" } else { "" };
    let error = Error::new(ErrorKind::NotFound, format!("no credential named `{name}`{place}"));
    let list = if deleted { "vault cred list --deleted" } else { "vault cred list" };
    Ok(if near.is_empty() {
        error.hint(list)
    } else {
        let names: Vec<String> = near.iter().map(|(_, name)| format!("`{name}`")).collect();
        let hint = format!("did you mean {}? list them with `{list}`", names.join(" or "));
        error.candidates(near.into_iter().map(|(_, name)| name).collect()).hint(hint)
    })
}

pub(super) fn ensure_free(tx: &Tx<'_>, name: &CredName) -> Result<()> {
    match CredentialRow::find(tx.db(), name.as_str(), false)? {
        None => Ok(()),
        Some(_) => Err(Error::new(
            ErrorKind::Conflict,
            format!("there is a credential named `{name}` already"),
        )
        .hint("change it with `vault cred set`, or choose another name")),
    }
}

/// The head that is asked for, or the primary one: the kind's first secret field that is there.
fn choose<'r>(row: &'r CredentialRow, field: Option<&FieldName>) -> Result<&'r Head> {
    let named = |name: &str| row.heads.iter().find(|head| head.field.as_str() == name);
    let kind = crate::kind::find(&row.meta.kind).ok();
    let primary = || {
        let of_kind = kind.into_iter().flat_map(|k| k.fields).filter(|f| f.secret);
        let others = row.heads.iter().filter(|head| head.field.as_str() != "notes");
        of_kind.filter_map(|f| named(f.name)).chain(others).chain(&row.heads).next()
    };
    field.map_or_else(primary, |field| named(field.as_str())).ok_or_else(|| {
        let have: Vec<&str> = row.heads.iter().map(|head| head.field.as_str()).collect();
        // what the kind does not know may be a secret in the wrong place, and is not repeated
        let known =
            field.filter(|field| kind.is_some_and(|k| k.secret_field(field.as_str()).is_some()));
        let what = known.map_or_else(
            || if field.is_some() { "such secret field".into() } else { "secret field".into() },
            |field| format!("secret field `{field}`"),
        );
        Error::new(ErrorKind::NotFound, format!("`{}` has no {what}", row.name))
            .hint(format!("it has: {}", have.join(", ")))
    })
}

/// Opens the version a head names, having checked that the row is the one it means.
fn open(
    tx: &Tx<'_>,
    keys: &Keys,
    row: &CredentialRow,
    head: &Head,
    receipt: &Receipt<'_>,
) -> Result<Secret> {
    let version = SecretRow::find(tx.db(), row.id, &head.field, head.version)?;
    let version = version
        .filter(|version| {
            version.row_tag == head.tag
                && keys.row.verify(version.message(tx.vault()).as_bytes(), &version.row_tag)
        })
        .ok_or_else(|| {
            Error::integrity(format!(
                "field `{}` of `{}` was changed from outside",
                head.field, row.name
            ))
            .hint("restore the vault from a backup; `vault doctor` names what is wrong")
        })?;
    let label = Label {
        vault: tx.vault().vault_id,
        credential: row.id,
        field: &head.field,
        version: head.version,
    };
    crypto::open(keys, label, &version.sealed, receipt)
}

pub(super) fn check_tag(row: &CredentialRow, vault: &VaultRow, keys: &Keys) -> Result<()> {
    match keys.row.verify(row.message(vault).as_bytes(), &row.row_tag) {
        true => Ok(()),
        false => {
            Err(Error::integrity(format!("credential `{}` was changed from outside", row.name))
                .hint("restore the vault from a backup; `vault doctor` names what is wrong"))
        }
    }
}

/// Seals a value as the next version of its field.
fn add_version(
    tx: &Tx<'_>,
    keys: &Keys,
    row: &CredentialRow,
    field: FieldName,
    value: &Secret,
    receipt: &Receipt<'_>,
) -> Result<Head> {
    let previous = row.heads.iter().find(|head| head.field == field);
    let version = SecretRow {
        credential: row.id,
        version: previous.map_or(1, |head| head.version + 1),
        field,
        created_at: tx.now(),
        origin: "set".into(),
        author: tx.author().0.to_owned(),
        reason: tx.author().1.map(str::to_owned),
        previous: previous.map(|head| head.tag),
        sealed: Vec::new(),
        row_tag: [0; 32],
    };
    let version = finish_version(version, value, tx.vault(), keys, receipt)?;
    version.insert(tx.db())?;
    Ok(Head { field: version.field, version: version.version, tag: version.row_tag })
}

fn finish_version(
    mut version: SecretRow,
    value: &Secret,
    vault: &VaultRow,
    keys: &Keys,
    receipt: &Receipt<'_>,
) -> Result<SecretRow> {
    let label = Label {
        vault: vault.vault_id,
        credential: version.credential,
        field: &version.field,
        version: version.version,
    };
    version.sealed = crypto::seal(keys, label, value, receipt)?;
    version.row_tag = keys.row.tag(version.message(vault).as_bytes());
    Ok(version)
}

fn put_head(heads: &mut Vec<Head>, head: Head) {
    heads.retain(|other| other.field != head.field);
    heads.push(head);
    heads.sort_by(|a, b| a.field.cmp(&b.field));
}

/// A new credential, sealed and tagged, ready to be inserted.
pub(super) struct Sealed {
    row: CredentialRow,
    versions: Vec<SecretRow>,
}

/// Seals a new credential. Needs no database, so that an import can do it on all cores.
#[expect(clippy::too_many_arguments, reason = "a record of these would be built and torn apart")]
pub(super) fn seal_new(
    id: Uuid,
    new: NewCredential,
    origin: &str,
    now: Timestamp,
    (author, reason): (&str, Option<&str>),
    vault: &VaultRow,
    keys: &Keys,
    receipt: &Receipt<'_>,
) -> Result<Sealed> {
    if new.secrets.is_empty() {
        return Err(Error::usage(format!("`{}` has no secret", new.name)));
    }
    let mut row = CredentialRow {
        id,
        name: new.name.as_str().to_owned(),
        meta: new.meta,
        heads: Vec::new(),
        revision: 1,
        created_at: now,
        updated_at: now,
        deleted_at: None,
        row_tag: [0; 32],
    };
    let mut versions = Vec::with_capacity(new.secrets.len());
    for (field, value) in new.secrets {
        let version = SecretRow {
            credential: id,
            field,
            version: 1,
            created_at: now,
            origin: origin.to_owned(),
            author: author.to_owned(),
            reason: reason.map(str::to_owned),
            previous: None,
            sealed: Vec::new(),
            row_tag: [0; 32],
        };
        let version = finish_version(version, &value, vault, keys, receipt)?;
        let head = Head { field: version.field.clone(), version: 1, tag: version.row_tag };
        put_head(&mut row.heads, head);
        versions.push(version);
    }
    row.row_tag = keys.row.tag(row.message(vault).as_bytes());
    Ok(Sealed { row, versions })
}

impl Sealed {
    pub(super) fn insert(self, tx: &Tx<'_>) -> Result<()> {
        let bucket = state::bucket(self.row.id);
        tx.touch(bucket);
        for version in &self.versions {
            version.insert(tx.db())?;
        }
        self.row.insert(tx.db(), bucket)
    }
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
        ("fields", old.fields != new.fields),
    ] {
        names.extend(differs.then_some(name));
    }
    names.join(",")
}
