//! What the log tells of use, and numbers for `status`: one pass over the credentials, and one over
//! what was read of late.

use super::{Db, Row, Value};
use crate::error::{Error, Result};
use crate::model::{Duty, Timestamp};
use std::collections::{BTreeMap, HashSet};
use uuid::Uuid;

/// How many there are of what.
#[derive(Default)]
pub(in crate::vault) struct Overview {
    pub(in crate::vault) live: u64,
    pub(in crate::vault) trashed: u64,
    pub(in crate::vault) expired: u64,
    pub(in crate::vault) expiring: u64,
    pub(in crate::vault) overdue: u64,
    pub(in crate::vault) due_soon: u64,
    pub(in crate::vault) never_rotated: u64,
    pub(in crate::vault) unused: u64,
    pub(in crate::vault) kinds: BTreeMap<String, u64>,
}

/// The moments that the numbers depend on.
#[derive(Clone, Copy)]
pub(in crate::vault) struct Moments {
    pub(in crate::vault) now: Timestamp,
    /// Up to when something is due soon.
    pub(in crate::vault) soon: Timestamp,
    /// Since when what nobody reads is unused.
    pub(in crate::vault) quarter: Timestamp,
}

impl Overview {
    /// Counts the credentials.
    pub(in crate::vault) fn of(db: &Db, moments: Moments) -> Result<Self> {
        let read = read_since(db, moments.quarter)?;
        let mut all = Self::default();
        let sql =
            "SELECT kind, deleted_at, expires_at, rotate_every, last_rotated_at, created_at, id
                   FROM credential";
        db.each(sql, &[], |row| all.count(row, moments, &read))?;
        Ok(all)
    }

    fn count(&mut self, row: &Row<'_>, at: Moments, read: &HashSet<[u8; 16]>) -> Result<()> {
        if row.opt_int(1)?.is_some() {
            self.trashed += 1;
            return Ok(());
        }
        self.live += 1;
        self.count_kind(row.text(0)?);
        let (expires, rotated) = (row.opt_int(2)?, row.opt_int(4)?);
        let created = Timestamp(row.int(5)?);
        let since = rotated.map_or(created, Timestamp);
        let due = Duty::all(expires.map(Timestamp), row.opt_int(3)?, since).map(|(_, at)| at).min();
        for (number, counts) in [
            (&mut self.expired, expires.is_some_and(|end| end <= at.now.0)),
            (&mut self.expiring, expires.is_some_and(|end| end > at.now.0 && end <= at.soon.0)),
            (&mut self.overdue, due.is_some_and(|due| due <= at.now)),
            (&mut self.due_soon, due.is_some_and(|due| due > at.now && due <= at.soon)),
            (&mut self.never_rotated, rotated.is_none()),
            (&mut self.unused, created <= at.quarter && !read.contains(&row.array(6)?)),
        ] {
            *number += u64::from(counts);
        }
        Ok(())
    }

    fn count_kind(&mut self, kind: &str) {
        match self.kinds.get_mut(kind) {
            Some(number) => *number += 1,
            None => drop(self.kinds.insert(kind.to_owned(), 1)),
        }
    }
}

/// When the log was found intact last, by this log's own word, and whether its MACs were checked.
pub(in crate::vault) fn last_verified(db: &Db) -> Result<Option<(Timestamp, bool)>> {
    let sql = "SELECT at, details FROM entry WHERE action = 'verify' AND outcome = 'ok'
               ORDER BY seq DESC LIMIT 1";
    db.first(sql, &[], |row| {
        let details = row.opt_text(1)?.unwrap_or_default();
        let details = serde_json::from_str::<serde_json::Value>(details).unwrap_or_default();
        Ok((Timestamp(row.int(0)?), details["authenticated"] == "true"))
    })
}

/// The action of the last entry.
pub(in crate::vault) fn last_action(db: &Db) -> Result<Option<String>> {
    let sql = "SELECT action FROM entry ORDER BY seq DESC LIMIT 1";
    db.first(sql, &[], |row| Ok(row.text(0)?.to_owned()))
}

/// The actions by which a value is handed out.
pub const READS: [&str; 5] = ["decrypt", "copy", "run", "inject", "export"];

/// The condition that an entry hands out a value of some credential.
pub(super) fn reads() -> String {
    format!("action IN ('{}') AND outcome = 'ok' AND credential IS NOT NULL", READS.join("', '"))
}

/// One time that values of a credential were handed out.
pub(in crate::vault) struct Read {
    pub(in crate::vault) at: Timestamp,
    /// The fields, joined by commas; none when they are not told apart.
    pub(in crate::vault) fields: Option<String>,
    pub(in crate::vault) user: String,
    pub(in crate::vault) host: String,
    pub(in crate::vault) program: Option<String>,
    pub(in crate::vault) details: Option<String>,
}

/// Calls `each` for the times that values of a credential were handed out, oldest first.
pub(in crate::vault) fn reads_of(
    db: &Db,
    credential: Uuid,
    mut each: impl FnMut(Read) -> Result<()>,
) -> Result<()> {
    let sql = format!(
        "SELECT at, fields, user_name, host, program, details FROM entry
         WHERE credential = ?1 AND {} ORDER BY seq",
        reads()
    );
    db.each(&sql, &[Value::Blob(credential.as_bytes())], |row| {
        let text = |column| Ok::<_, Error>(row.opt_text(column)?.map(str::to_owned));
        each(Read {
            at: Timestamp(row.int(0)?),
            fields: text(1)?,
            user: row.text(2)?.to_owned(),
            host: row.text(3)?.to_owned(),
            program: text(4)?,
            details: text(5)?,
        })
    })
}

/// The ids of those of whom a value was handed out since then.
pub(super) fn read_since(db: &Db, since: Timestamp) -> Result<HashSet<[u8; 16]>> {
    let mut read = HashSet::new();
    let sql = format!("SELECT credential FROM entry WHERE {} AND +at >= ?1", reads());
    db.each(&sql, &[Value::Int(since.0)], |row| {
        read.insert(row.array(0)?);
        Ok(())
    })?;
    Ok(read)
}
