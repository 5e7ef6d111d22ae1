//! Emptying the tables before they are filled anew, for a new epoch.

use super::Db;
use crate::error::Result;

/// Every table whose rows have tags or ciphertexts of the epoch.
const OF_AN_EPOCH: &[&str] = &[
    "slot",
    "credential",
    "tombstone",
    "secret",
    "node",
    "segment",
    "incident",
    "incident_event",
    "incident_link",
    "pruned",
];

/// Removes every row that has anything of the epoch. Whole tables: so SQLite gives back every page of
/// them, and each is overwritten with zeros before it is used again (`secure_delete`). Of a row that is
/// changed where it stands, bytes can stay behind between others.
pub(in crate::vault) fn clear(db: &Db) -> Result<()> {
    OF_AN_EPOCH.iter().try_for_each(|table| db.run(&format!("DELETE FROM {table}"), &[]).map(drop))
}

/// How many values are stored, and how many bytes they have, sealed.
pub(in crate::vault) fn size(db: &Db) -> Result<(u64, u64)> {
    let sql = "SELECT count(*), coalesce(sum(length(sealed)), 0) FROM secret";
    let count = |n: i64| u64::try_from(n).unwrap_or_default();
    let size = db.first(sql, &[], |row| Ok((count(row.int(0)?), count(row.int(1)?))))?;
    Ok(size.unwrap_or_default())
}
