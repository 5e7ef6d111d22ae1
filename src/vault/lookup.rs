//! Finding credentials by name, and being sure when there is none.

use super::keys::Keys;
use super::store::credential as rows;
use super::store::{CredentialRow, Head, VaultRow};
use super::tx::{self, Tx};
use super::versions::choose;
use super::view::{Expect, Subject};
use super::{State, Vault, check, state};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CredName, FieldName};

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

    /// The credential of this name, or the only one whose name begins so; unlocked, that is said only
    /// after all rows were checked. None if nothing fits.
    ///
    /// # Errors
    /// Usage for what cannot be a name, conflict (13) with the candidates when several fit.
    pub fn search(&self, text: &str, deleted: bool) -> Result<Option<CredName>> {
        let name: CredName = text.parse()?;
        if rows::exists(&self.core.db, text, deleted)? {
            return Ok(Some(name));
        }
        let mut fitting = rows::names(&self.core.db, text, deleted, 11)?;
        match fitting.len() {
            0 => Ok(None),
            1 => {
                // A beginning means this one only if nobody took away another that it fits better.
                self.check_names()?;
                fitting.remove(0).parse().map(Some)
            }
            _ => {
                let message = format!("`{name}` fits several credentials");
                Err(Error::new(ErrorKind::Conflict, message)
                    .candidates(fitting)
                    .hint("write more of the name"))
            }
        }
    }
}

impl<S: State> Vault<S> {
    /// The names that begin with `text`, or else those that have it somewhere, or else its letters in
    /// their order, whatever the case: what a person may have meant. Unlocked, they are told only after
    /// all rows were checked.
    ///
    /// # Errors
    /// Integrity or I/O.
    pub fn candidates(&self, text: &str, deleted: bool) -> Result<Vec<String>> {
        self.check_names()?;
        let names = rows::names(&self.core.db, text, deleted, u64::MAX)?;
        if !names.is_empty() {
            return Ok(names);
        }
        let wanted = text.to_lowercase();
        let (mut whole, mut spread) = (Vec::new(), Vec::new());
        rows::each_name(&self.core.db, deleted, |name| {
            let lower = name.to_lowercase();
            if lower.contains(&wanted) {
                whole.push(name.to_owned());
            } else if has_in_order(&lower, &wanted) {
                spread.push(name.to_owned());
            }
        })?;
        let mut names = if whole.is_empty() { spread } else { whole };
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Checks all rows, if there are keys.
    fn check_names(&self) -> Result<()> {
        let Some(with) = self.state.with() else {
            return Ok(());
        };
        self.core.db.begin_read()?;
        let checked = check_now(&self.core, with.keys);
        self.core.db.roll_back();
        checked
    }
}

/// Whether `name` has all characters of `wanted` in their order, as `dbmain` stands in `db/main`.
fn has_in_order(name: &str, wanted: &str) -> bool {
    let mut rest = name.chars();
    wanted.chars().all(|wanted| rest.any(|c| c == wanted))
}

/// Checks all rows as the open reading transaction sees them; another process may have changed the
/// vault since its row was last read.
pub(super) fn check_now(core: &tx::Core, keys: &Keys) -> Result<()> {
    let vault = VaultRow::load(&core.db)?;
    check_state(core, keys, &vault)?;
    state::check_all(&core.db, &vault, keys)
}

/// Checks the vault's own row as a reading transaction sees it.
pub(super) fn check_state(core: &tx::Core, keys: &Keys, vault: &VaultRow) -> Result<()> {
    let (found, _) = core.seal_file().read()?;
    check::check_vault(vault, keys, &found).map_err(|e| core.unless_rekeyed(e))
}

/// Finds a credential by its whole name; with keys, checks it, and if it is not there, that nobody
/// took it away. Which one of a name went into the trash last is only certain after that, too.
pub(super) fn find(
    tx: &Tx<'_>,
    keys: Option<&Keys>,
    name: &CredName,
    deleted: bool,
) -> Result<CredentialRow> {
    match (CredentialRow::find(tx.db(), name.as_str(), deleted)?, keys) {
        (Some(mut row), Some(keys)) => {
            if deleted {
                state::check_all(tx.db(), tx.vault(), keys)?;
            }
            check::check_credential(tx, keys, &mut row).map(|()| row)
        }
        (Some(row), None) => Ok(row),
        (None, keys) => {
            keys.map_or(Ok(()), |keys| state::check_all(tx.db(), tx.vault(), keys))?;
            Err(not_found(tx, name, deleted)?)
        }
    }
}

/// Finds what is about to be changed, and makes sure that it is as the caller has last seen it.
pub(super) fn current(
    tx: &Tx<'_>,
    keys: &Keys,
    subject: Subject<'_>,
    deleted: bool,
) -> Result<CredentialRow> {
    let row = find(tx, Some(keys), subject.name, deleted)?;
    let Some(Expect { field, version }) = subject.expect else { return Ok(row) };
    let head = match field {
        Some(field) => row.heads.iter().find(|head| head.field == *field),
        None => choose(&row, None).ok(),
    };
    match (head, *version) {
        (Some(head), expected) if head.version != expected => Err(moved(&row, head, expected)),
        (None, 1..) => Err(Error::new(
            ErrorKind::Conflict,
            format!("`{}` has no such secret field, so not at version {version}", row.name),
        )),
        (Some(_) | None, _) => Ok(row),
    }
}

fn moved(row: &CredentialRow, head: &Head, expected: u32) -> Error {
    let Head { field, version, .. } = head;
    let what = format!("`{field}` of `{}` is at version {version}, not {expected}", row.name);
    Error::new(ErrorKind::Conflict, what).hint("see what was changed: `vault cred history`")
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
    if !deleted && rows::exists(tx.db(), name.as_str(), true)? {
        return Ok(error.hint("it is in the trash; `vault cred restore` brings it back"));
    }
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
    match rows::exists(tx.db(), name.as_str(), false)? {
        false => Ok(()),
        true => Err(Error::new(
            ErrorKind::Conflict,
            format!("there is a credential named `{name}` already"),
        )
        .hint("change it with `vault cred set`, or choose another name")),
    }
}
