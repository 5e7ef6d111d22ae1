//! Entries with all that secures them, oldest first, for those who check or keep them elsewhere.

use super::log::{COLUMNS, EntryRow};
use super::{Db, Value};
use crate::error::Result;
use crate::vault::view::Record;
use uuid::Uuid;

/// How many are read at a time, so that whoever takes them may take as long as he likes.
const BATCH: i64 = 256;

/// Calls `each` for the entries from `seq` on, until it has had enough.
pub(in crate::vault) fn from(
    db: &Db,
    vault: Uuid,
    mut seq: i64,
    mut each: impl FnMut(&Record<'_>) -> Result<bool>,
) -> Result<()> {
    loop {
        let rows = batch(db, seq)?;
        let Some(last) = rows.last() else { return Ok(()) };
        seq = last.entry.seq + 1;
        for row in &rows {
            let (counter, mac) = (row.counter, row.mac);
            if !each(&Record { vault, entry: &row.entry, counter, mac })? {
                return Ok(());
            }
        }
    }
}

/// The next entries from `seq` on.
pub(in crate::vault) fn batch(db: &Db, seq: i64) -> Result<Vec<EntryRow>> {
    let sql = format!("SELECT {COLUMNS} FROM entry WHERE seq >= ?1 ORDER BY seq LIMIT ?2");
    let mut rows = Vec::new();
    db.each(&sql, &[Value::Int(seq), Value::Int(BATCH)], |row| {
        rows.push(EntryRow::read(row)?);
        Ok(())
    })?;
    Ok(rows)
}
