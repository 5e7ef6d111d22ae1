//! The rows that hold on to the log: signed checkpoints, and what stands for entries that were pruned.

use super::{Db, Row, Value, VaultRow};
use crate::error::{Error, Result};
use crate::model::Timestamp;
use crate::vault::note::{Checkpoint, Head};
use crate::vault::tlv::{Hash, Tlv};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Stores a signed head.
pub(in crate::vault) fn insert_checkpoint(db: &Db, note: &Checkpoint) -> Result<()> {
    let Checkpoint { head, signature } = note;
    db.run(
        "INSERT INTO checkpoint (seq, epoch, hash, counter, at, signature)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        &[
            Value::Int(head.seq),
            Value::Int(i64::from(head.epoch)),
            Value::Blob(&head.hash),
            Value::Int(head.counter),
            Value::Int(head.at.0),
            Value::Blob(signature),
        ],
    )
    .map(drop)
}

/// Calls `each` for the stored checkpoints from entry `seq` on, oldest first.
pub(in crate::vault) fn checkpoints(
    db: &Db,
    vault: Uuid,
    seq: i64,
    mut each: impl FnMut(Checkpoint) -> Result<()>,
) -> Result<()> {
    let sql = "SELECT seq, epoch, hash, counter, at, signature FROM checkpoint
               WHERE seq >= ?1 ORDER BY seq";
    db.each(sql, &[Value::Int(seq)], |row| each(read_checkpoint(vault, row)?))
}

/// The first checkpoint of an epoch at entry `seq` or after it.
pub(in crate::vault) fn checkpoint_after(
    db: &Db,
    vault: Uuid,
    epoch: u32,
    seq: i64,
) -> Result<Option<Checkpoint>> {
    let sql = "SELECT seq, epoch, hash, counter, at, signature FROM checkpoint
               WHERE epoch = ?1 AND seq >= ?2 ORDER BY seq LIMIT 1";
    let args = [Value::Int(i64::from(epoch)), Value::Int(seq)];
    db.first(sql, &args, |row| read_checkpoint(vault, row))
}

fn read_checkpoint(vault: Uuid, row: &Row<'_>) -> Result<Checkpoint> {
    Ok(Checkpoint {
        head: Head {
            vault,
            seq: row.int(0)?,
            epoch: row.u32(1)?,
            hash: row.array(2)?,
            counter: row.int(3)?,
            at: Timestamp(row.int(4)?),
        },
        signature: row.array(5)?,
    })
}

/// Calls `each` with the number of every entry that says a checkpoint was stored, and its details. Not
/// by an index: whoever verifies the log believes none.
pub(in crate::vault) fn checkpoint_entries(
    db: &Db,
    mut each: impl FnMut(i64, &str) -> Result<()>,
) -> Result<()> {
    let sql = "SELECT seq, details FROM entry
               WHERE action || '' = 'audit_checkpoint' AND outcome || '' = 'ok' ORDER BY seq";
    db.each(sql, &[], |row| each(row.int(0)?, row.opt_text(1)?.unwrap_or_default()))
}

/// What stands for the entries that were pruned.
#[derive(Clone)]
pub(in crate::vault) struct PrunedRow {
    /// The last of them.
    pub(in crate::vault) seq: i64,
    /// Its hash: what the next entry goes on from.
    pub(in crate::vault) hash: Hash,
    /// The state counter after it.
    pub(in crate::vault) counter: i64,
    pub(in crate::vault) pruned_at: Timestamp,
    /// How many of them each segment had: so far its key had evolved.
    pub(in crate::vault) segments: BTreeMap<i64, u64>,
    /// Under `K_audit`.
    pub(in crate::vault) row_tag: Hash,
}

impl PrunedRow {
    pub(in crate::vault) fn message(&self, vault: &VaultRow) -> Tlv {
        let mut m = Tlv::new("vault/pruned/v1");
        m.bytes(vault.vault_id.as_bytes()).int(i64::from(vault.epoch));
        m.int(self.seq).bytes(&self.hash).int(self.counter).int(self.pruned_at.0);
        m.bytes(&self.packed());
        m
    }

    /// The row, if anything was pruned.
    pub(in crate::vault) fn load(db: &Db) -> Result<Option<Self>> {
        let sql = "SELECT seq, hash, counter, pruned_at, segments, row_tag FROM pruned
                   WHERE id = 1";
        db.first(sql, &[], |row| {
            let seq = row.int(0)?;
            // As of the log's end: a forged number must not overflow the next one.
            if !(1..1 << 48).contains(&seq) {
                return Err(damaged());
            }
            Ok(Self {
                seq,
                hash: row.array(1)?,
                counter: row.int(2)?,
                pruned_at: Timestamp(row.int(3)?),
                segments: unpacked(row.blob(4)?)?,
                row_tag: row.array(5)?,
            })
        })
    }

    /// Puts the row in the place of the one before.
    pub(in crate::vault) fn store(&self, db: &Db) -> Result<()> {
        db.run("DELETE FROM pruned", &[])?;
        db.run(
            "INSERT INTO pruned (id, seq, hash, counter, pruned_at, segments, row_tag)
             VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)",
            &[
                Value::Int(self.seq),
                Value::Blob(&self.hash),
                Value::Int(self.counter),
                Value::Int(self.pruned_at.0),
                Value::Blob(&self.packed()),
                Value::Blob(&self.row_tag),
            ],
        )
        .map(drop)
    }

    fn packed(&self) -> Vec<u8> {
        let pairs = self.segments.iter();
        pairs.flat_map(|(id, count)| [id.to_be_bytes(), count.to_be_bytes()]).flatten().collect()
    }
}

/// Segments and counts, 16 bytes a pair, in order.
fn unpacked(bytes: &[u8]) -> Result<BTreeMap<i64, u64>> {
    let (pairs, rest) = bytes.as_chunks::<16>();
    let mut segments = BTreeMap::new();
    for pair in pairs {
        let (id, count) = pair.split_at(8);
        let id = i64::from_be_bytes(id.try_into().map_err(|_| damaged())?);
        let count = u64::from_be_bytes(count.try_into().map_err(|_| damaged())?);
        if segments.last_key_value().is_some_and(|(last, _)| *last >= id) {
            return Err(damaged());
        }
        segments.insert(id, count);
    }
    match rest {
        [] => Ok(segments),
        _ => Err(damaged()),
    }
}

fn damaged() -> Error {
    Error::integrity("what stands for the pruned entries is damaged")
        .hint("restore the vault from a backup")
}

/// The first entry that was not written before `at`. Not by an index: what one leaves out would be
/// destroyed.
pub(in crate::vault) fn first_since(db: &Db, at: Timestamp) -> Result<Option<i64>> {
    let sql = "SELECT seq FROM entry WHERE coalesce(at, at) >= ?1 ORDER BY seq LIMIT 1";
    db.first(sql, &[Value::Int(at.0)], |row| row.int(0))
}

/// How many entries up to `last` each segment has.
pub(in crate::vault) fn count_by_segment(
    db: &Db,
    last: i64,
    mut each: impl FnMut(i64, u64),
) -> Result<()> {
    let sql = "SELECT segment, count(*) FROM entry WHERE seq <= ?1 AND segment IS NOT NULL
               GROUP BY segment";
    db.each(sql, &[Value::Int(last)], |row| {
        each(row.int(0)?, u64::try_from(row.int(1)?).unwrap_or_default());
        Ok(())
    })
}

/// Hash and state counter of an entry.
pub(in crate::vault) fn state_at(db: &Db, seq: i64) -> Result<Option<(Hash, i64)>> {
    let sql = "SELECT hash, counter FROM entry WHERE seq = ?1";
    db.first(sql, &[Value::Int(seq)], |row| Ok((row.array(0)?, row.int(1)?)))
}

/// Destroys entries: the one statement that does, for what a checkpoint covers.
pub(in crate::vault) fn delete_entries(db: &Db, last: i64) -> Result<()> {
    db.run("DELETE FROM entry WHERE seq <= ?1", &[Value::Int(last)]).map(drop)
}
