//! What the log tells of slots: every entry of an unlocked vault names the one that was used. One pass
//! answers for all of them.

use super::overview::READS;
use super::{Db, Row, SlotRow, Value};
use crate::error::Result;
use crate::model::Timestamp;
use crate::vault::view::SlotUses;
use std::collections::HashMap;

/// So many of the credentials that were read through a slot are told by name.
const NAMED: usize = 10;

/// The uses of each slot since it was made, in the order of `slots`.
pub(in crate::vault) fn of(db: &Db, slots: &[SlotRow]) -> Result<Vec<SlotUses>> {
    let mut counts: Vec<Count> = slots.iter().map(Count::new).collect();
    let sql = "SELECT seq, at, details, action, outcome, credential FROM entry
               WHERE details IS NOT NULL ORDER BY seq";
    db.each(sql, &[], |row| {
        let details = row.opt_text(2)?.unwrap_or_default();
        if row.text(3)? == "key_add" && row.text(4)? == "ok" {
            let made = named(details, "\"label\":").unwrap_or_default();
            counts.iter_mut().filter(|count| made.starts_with(&count.label)).for_each(Count::begin);
        }
        let Some(slot) = named(details, "\"slot\":") else { return Ok(()) };
        match counts.iter_mut().find(|count| slot.starts_with(&count.label)) {
            Some(count) => count.add(row),
            None => Ok(()),
        }
    })?;
    counts.into_iter().map(|count| count.tell(db)).collect()
}

/// How many credentials have a secret now.
pub(in crate::vault) fn credentials_with_secrets(db: &Db) -> Result<u64> {
    let sql = "SELECT count(DISTINCT credential) FROM secret WHERE purged_at IS NULL";
    db.int(sql).map(|count| u64::try_from(count).unwrap_or_default())
}

/// The rest of an entry's details behind `key`. Quotes inside of texts are escaped there, so these bytes are
/// the key and nothing else.
fn named<'d>(details: &'d str, key: &str) -> Option<&'d str> {
    details.split_once(key).map(|(_, rest)| rest)
}

/// What was counted of one slot.
struct Count {
    /// As it stands in an entry's details, with its quotes.
    label: String,
    entries: u64,
    last: Option<i64>,
    reads: u64,
    last_read: Option<Timestamp>,
    /// The credentials that were read, and the last entry of each.
    read: HashMap<[u8; 16], i64>,
}

impl Count {
    fn new(slot: &SlotRow) -> Self {
        Self::of(serde_json::Value::from(slot.label.as_str()).to_string())
    }

    fn of(label: String) -> Self {
        Self { label, entries: 0, last: None, reads: 0, last_read: None, read: HashMap::new() }
    }

    /// Forgets what was counted: a slot of this label is made only now, and it was another one's until here.
    /// The log tells, as the clocks of the machines may differ.
    fn begin(&mut self) {
        *self = Self::of(std::mem::take(&mut self.label));
    }

    /// Counts an entry.
    fn add(&mut self, row: &Row<'_>) -> Result<()> {
        let (seq, at) = (row.int(0)?, row.int(1)?);
        self.entries += 1;
        self.last = Some(seq);
        if READS.contains(&row.text(3)?) && row.text(4)? == "ok" && row.opt_blob(5)?.is_some() {
            self.reads += 1;
            self.last_read = Some(Timestamp(at));
            self.read.insert(row.array(5)?, seq);
        }
        Ok(())
    }

    fn tell(self, db: &Db) -> Result<SlotUses> {
        let credentials = u64::try_from(self.read.len()).unwrap_or(u64::MAX);
        let mut latest: Vec<i64> = self.read.into_values().collect();
        latest.sort_unstable_by(|a, b| b.cmp(a));
        let names = latest.into_iter().take(NAMED).map(|seq| name_in(db, seq));
        Ok(SlotUses {
            entries: self.entries,
            last: self.last.map(|seq| who(db, seq)).transpose()?.flatten(),
            reads: self.reads,
            last_read: self.last_read,
            credentials,
            names: names.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect(),
        })
    }
}

fn who(db: &Db, seq: i64) -> Result<Option<(Timestamp, String, String)>> {
    let sql = "SELECT at, user_name, host FROM entry WHERE seq = ?1";
    db.first(sql, &[Value::Int(seq)], |row| {
        Ok((Timestamp(row.int(0)?), row.text(1)?.to_owned(), row.text(2)?.to_owned()))
    })
}

fn name_in(db: &Db, seq: i64) -> Result<Option<String>> {
    let sql = "SELECT name FROM entry WHERE seq = ?1";
    let name = db.first(sql, &[Value::Int(seq)], |row| Ok(row.opt_text(0)?.map(str::to_owned)))?;
    Ok(name.flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_looks_like_a_slot_is_none() {
        let details = serde_json::json!({ "command": "x\",\"slot\":\"mine\"" }).to_string();
        assert_eq!(named(&details, "\"slot\":"), None);
        let details = serde_json::json!({ "command": "a\"slot\":", "slot": "b\"c" }).to_string();
        assert_eq!(named(&details, "\"slot\":"), Some("\"b\\\"c\"}"));
    }
}
