//! The store: typed rows, and every SQL statement once, in the part of SQL that PostgreSQL
//! shares. Knows nothing of keys; a row's `message` is what its tag is computed over.

pub(super) mod anchor;
pub(super) mod credential;
pub(super) mod entries;
mod filter;
pub(super) mod incident;
mod incident_event;
pub(super) mod list;
pub(super) mod log;
pub(super) mod overview;
pub(super) mod record;
pub(super) mod renew;
mod schema;
pub(super) mod secret;
pub(super) mod slot_use;
mod sqlite;
pub(super) mod vault;
pub(super) mod watch;

pub(super) use credential::{CredentialRow, Head};
pub(super) use incident::{IncidentRow, LinkRow};
pub(super) use incident_event::EventRow;
pub(super) use secret::SecretRow;
pub(super) use sqlite::{Db, Row, Value};
pub(super) use vault::{SlotRow, Tombstone, VaultRow};

use super::files;
use crate::error::{Error, ErrorKind, Result};
use std::path::Path;

/// Opens the database of an existing vault.
pub(super) fn open(path: &Path) -> Result<Db> {
    if !files::check(path)? {
        return Err(Error::new(ErrorKind::NotFound, format!("no vault at `{}`", path.display()))
            .hint("make one with `vault init`, or name another with `--vault FILE`"));
    }
    let has_log = files::check(&files::beside(path, "-wal"))?;
    files::check(&files::beside(path, "-shm"))?;
    // We never make one; SQLite would play one back, and delete the file that it names as its master.
    if files::check(&files::beside(path, "-journal"))? {
        return Err(Error::integrity(format!(
            "there is a rollback journal beside `{}`, which is not this program's",
            path.display()
        ))
        .hint("find out who put it there, and move it away"));
    }
    let dir = path.parent().unwrap_or(Path::new("."));
    files::check_dir(dir)?;
    refuse_short(path)?;
    let db = Db::open(path)?;
    if !has_log {
        // Opening has made the write-ahead log; its name must not be lost with the power.
        files::sync_dir(dir)?;
    }
    Ok(db)
}

/// Makes a new database in a new file.
pub(super) fn create(path: &Path) -> Result<Db> {
    drop(files::create_new(path)?);
    Db::create(path)
}

/// SQLite takes an empty or very short file for a new database; for us it is a truncated vault.
fn refuse_short(path: &Path) -> Result<()> {
    let length = std::fs::metadata(path).map_or(0, |about| about.len());
    match length {
        0 => Err(Error::new(
            ErrorKind::Unsupported,
            format!("`{}` is empty, not a vault", path.display()),
        )
        .hint("name the vault's file with `--vault FILE`")),
        _ => Ok(()),
    }
}
