//! The vault's own row, its slots, the tombstones and the nodes of the state tree.

use super::{Db, Row, Value};
use crate::error::{Error, Result};
use crate::model::Timestamp;
use crate::vault::tlv::{Hash, Tlv};
use uuid::Uuid;

/// Who this vault is and what state it is in.
#[derive(Clone)]
pub(in crate::vault) struct VaultRow {
    pub(in crate::vault) vault_id: Uuid,
    pub(in crate::vault) epoch: u32,
    pub(in crate::vault) created_at: Timestamp,
    /// +1 with every change.
    pub(in crate::vault) counter: i64,
    /// Hash of the root of the state tree.
    pub(in crate::vault) root: Hash,
    /// Hash over all slots.
    pub(in crate::vault) slots: Hash,
    /// Hash over all incidents.
    pub(in crate::vault) incidents: Hash,
    /// The log entry of the last change.
    pub(in crate::vault) log_seq: i64,
    /// MAC of all of the above under `K_state`.
    pub(in crate::vault) mac: Hash,
}

impl VaultRow {
    pub(in crate::vault) fn message(&self) -> Tlv {
        let mut m = Tlv::new("vault/state/v1");
        m.bytes(self.vault_id.as_bytes()).int(i64::from(self.epoch)).int(self.created_at.0);
        m.int(self.counter).bytes(&self.root).bytes(&self.slots).bytes(&self.incidents);
        m.int(self.log_seq);
        m
    }

    pub(in crate::vault) fn load(db: &Db) -> Result<Self> {
        let sql = "SELECT vault_id, epoch, created_at, counter, root, slots, incidents, log_seq,
                   mac FROM vault WHERE id = 1";
        let row = db.first(sql, &[], |row| {
            Ok(Self {
                vault_id: row.uuid(0)?,
                epoch: row.u32(1)?,
                created_at: Timestamp(row.int(2)?),
                counter: row.int(3)?,
                root: row.array(4)?,
                slots: row.array(5)?,
                incidents: row.array(6)?,
                log_seq: row.int(7)?,
                mac: row.array(8)?,
            })
        })?;
        row.ok_or_else(|| Error::integrity("the vault's own row is missing"))
    }

    pub(in crate::vault) fn insert(&self, db: &Db) -> Result<()> {
        db.run(
            "INSERT INTO vault (id, vault_id, epoch, created_at, counter, root, slots, incidents,
                                log_seq, mac)
             VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            &[
                Value::Blob(self.vault_id.as_bytes()),
                Value::Int(i64::from(self.epoch)),
                Value::Int(self.created_at.0),
                Value::Int(self.counter),
                Value::Blob(&self.root),
                Value::Blob(&self.slots),
                Value::Blob(&self.incidents),
                Value::Int(self.log_seq),
                Value::Blob(&self.mac),
            ],
        )
        .map(drop)
    }

    /// Writes what a change changes.
    pub(in crate::vault) fn update(&self, db: &Db) -> Result<()> {
        db.run(
            "UPDATE vault SET counter = ?1, root = ?2, slots = ?3, incidents = ?4,
                              log_seq = ?5, mac = ?6 WHERE id = 1",
            &[
                Value::Int(self.counter),
                Value::Blob(&self.root),
                Value::Blob(&self.slots),
                Value::Blob(&self.incidents),
                Value::Int(self.log_seq),
                Value::Blob(&self.mac),
            ],
        )
        .map(drop)
    }
}

impl VaultRow {
    /// Writes the row of a new epoch.
    pub(in crate::vault) fn renew(&self, db: &Db) -> Result<()> {
        db.run("DELETE FROM vault", &[])?;
        self.insert(db)
    }
}

/// So many ways to unlock, and so large each, in bytes, can be.
pub(in crate::vault) const MOST_SLOTS: usize = 16;
const LARGEST_SLOT: usize = 64 << 10;

/// One way to unlock.
pub(in crate::vault) struct SlotRow {
    pub(in crate::vault) id: Uuid,
    pub(in crate::vault) label: String,
    pub(in crate::vault) kind: String,
    pub(in crate::vault) created_at: Timestamp,
    /// An age file.
    pub(in crate::vault) sealed: Vec<u8>,
    /// The recipient it is made for, in an age file to the vault: for making it again without its key.
    pub(in crate::vault) recipient: Option<Vec<u8>>,
    pub(in crate::vault) row_tag: Hash,
}

impl SlotRow {
    pub(in crate::vault) fn message(&self, vault: &VaultRow) -> Tlv {
        let mut m = Tlv::new("vault/slot/v1");
        m.bytes(vault.vault_id.as_bytes()).int(i64::from(vault.epoch));
        m.bytes(self.id.as_bytes()).text(&self.label).text(&self.kind).int(self.created_at.0);
        m.bytes(&crate::vault::tlv::sha256(&self.sealed));
        let recipient = self.recipient.as_deref().map(crate::vault::tlv::sha256);
        m.opt_bytes(recipient.as_ref().map(|hash| &hash[..]));
        m
    }

    /// All slots, in order of id.
    pub(in crate::vault) fn all(db: &Db) -> Result<Vec<Self>> {
        let mut slots = Vec::new();
        let sql = "SELECT id, label, kind, created_at, sealed, recipient, row_tag FROM slot
                   ORDER BY id";
        db.each(sql, &[], |row| {
            // Each may cost a key derivation before anything can be checked.
            let bytes = row.blob(4)?.len() + row.opt_blob(5)?.map_or(0, <[u8]>::len);
            if slots.len() == MOST_SLOTS || bytes > LARGEST_SLOT {
                return Err(Error::integrity("the vault's key slots were changed from outside"));
            }
            slots.push(Self {
                id: row.uuid(0)?,
                label: row.text(1)?.to_owned(),
                kind: row.text(2)?.to_owned(),
                created_at: Timestamp(row.int(3)?),
                sealed: row.blob(4)?.to_vec(),
                recipient: row.opt_blob(5)?.map(<[u8]>::to_vec),
                row_tag: row.array(6)?,
            });
            Ok(())
        })?;
        Ok(slots)
    }

    pub(in crate::vault) fn insert(&self, db: &Db) -> Result<()> {
        db.run(
            "INSERT INTO slot (id, label, kind, created_at, sealed, recipient, row_tag)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            &[
                Value::Blob(self.id.as_bytes()),
                Value::Text(&self.label),
                Value::Text(&self.kind),
                Value::Int(self.created_at.0),
                Value::Blob(&self.sealed),
                self.recipient.as_deref().map_or(Value::Null, Value::Blob),
                Value::Blob(&self.row_tag),
            ],
        )
        .map(drop)
    }

    /// Whether it can be read again: a larger one would lock everybody out.
    pub(in crate::vault) fn is_readable(&self) -> bool {
        self.sealed.len() + self.recipient.as_ref().map_or(0, Vec::len) <= LARGEST_SLOT
    }

    /// Writes another content into the row of the same id, and tells whether there was one.
    pub(in crate::vault) fn replace(&self, db: &Db) -> Result<bool> {
        let changed = db.run(
            "UPDATE slot SET kind = ?2, sealed = ?3, recipient = ?4, row_tag = ?5 WHERE id = ?1",
            &[
                Value::Blob(self.id.as_bytes()),
                Value::Text(&self.kind),
                Value::Blob(&self.sealed),
                self.recipient.as_deref().map_or(Value::Null, Value::Blob),
                Value::Blob(&self.row_tag),
            ],
        )?;
        Ok(changed == 1)
    }

    pub(in crate::vault) fn delete(&self, db: &Db) -> Result<()> {
        db.run("DELETE FROM slot WHERE id = ?1", &[Value::Blob(self.id.as_bytes())]).map(drop)
    }
}

/// What a purged credential leaves behind: that it was, and that it is gone.
pub(in crate::vault) struct Tombstone {
    pub(in crate::vault) bucket: i64,
    pub(in crate::vault) id: Uuid,
    pub(in crate::vault) revision: u32,
    pub(in crate::vault) purged_at: Timestamp,
    pub(in crate::vault) row_tag: Hash,
}

impl Tombstone {
    pub(in crate::vault) fn message(&self, vault: &VaultRow) -> Tlv {
        let mut m = Tlv::new("vault/tombstone/v1");
        m.bytes(vault.vault_id.as_bytes()).int(i64::from(vault.epoch));
        m.bytes(self.id.as_bytes()).int(i64::from(self.revision)).int(self.purged_at.0);
        m
    }

    pub(in crate::vault) fn insert(&self, db: &Db) -> Result<()> {
        db.run(
            "INSERT INTO tombstone (bucket, id, revision, purged_at, row_tag)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            &[
                Value::Int(self.bucket),
                Value::Blob(self.id.as_bytes()),
                Value::Int(i64::from(self.revision)),
                Value::Int(self.purged_at.0),
                Value::Blob(&self.row_tag),
            ],
        )
        .map(drop)
    }

    /// Calls `each` for every tombstone, in order of bucket.
    pub(in crate::vault) fn each(db: &Db, mut each: impl FnMut(Self) -> Result<()>) -> Result<()> {
        let sql = "SELECT bucket, id, revision, purged_at, row_tag FROM tombstone
                   ORDER BY bucket, id";
        db.each(sql, &[], |row| each(Self::read(row)?))
    }

    fn read(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            bucket: row.int(0)?,
            id: row.uuid(1)?,
            revision: row.u32(2)?,
            purged_at: Timestamp(row.int(3)?),
            row_tag: row.array(4)?,
        })
    }
}

/// A member of a leaf of the state tree.
pub(in crate::vault) struct Member {
    pub(in crate::vault) bucket: i64,
    /// 1 credential, 2 tombstone.
    pub(in crate::vault) table: u8,
    pub(in crate::vault) id: [u8; 16],
    pub(in crate::vault) row_tag: Hash,
}

/// The members of one leaf in order of table and id, credentials as the index `credential_leaf` has
/// them: who trusts a row must compare it with its member.
pub(in crate::vault) fn members(
    db: &Db,
    bucket: i64,
    mut each: impl FnMut(Member) -> Result<()>,
) -> Result<()> {
    // Two plain statements take a third of the time that one with UNION and ORDER BY takes to prepare.
    let credentials = "SELECT bucket, id, row_tag FROM credential WHERE bucket = ?1 ORDER BY id";
    let tombstones = "SELECT bucket, id, row_tag FROM tombstone WHERE bucket = ?1 ORDER BY id";
    for (table, sql) in [(1, credentials), (2, tombstones)] {
        db.each(sql, &[Value::Int(bucket)], |row| each(Member::read(table, row)?))?;
    }
    Ok(())
}

/// The members of all leaves, whatever their number, in order of bucket, table and id.
pub(in crate::vault) fn all_members(
    db: &Db,
    mut each: impl FnMut(Member) -> Result<()>,
) -> Result<()> {
    let sql = "SELECT bucket, id, row_tag, 1 AS part FROM credential
               UNION ALL
               SELECT bucket, id, row_tag, 2 FROM tombstone
               ORDER BY bucket, part, id";
    db.each(sql, &[], |row| {
        let table = if row.int(3)? == 1 { 1 } else { 2 };
        each(Member::read(table, row)?)
    })
}

impl Member {
    fn read(table: u8, row: &Row<'_>) -> Result<Self> {
        Ok(Self { bucket: row.int(0)?, table, id: row.array(1)?, row_tag: row.array(2)? })
    }
}

/// The children of a node of the state tree; empty if it is not stored.
pub(in crate::vault) fn node(db: &Db, level: i64, position: i64) -> Result<Vec<u8>> {
    let sql = "SELECT children FROM node WHERE level = ?1 AND position = ?2";
    let args = [Value::Int(level), Value::Int(position)];
    db.first(sql, &args, |row| Ok(row.blob(0)?.to_vec())).map(Option::unwrap_or_default)
}

pub(in crate::vault) fn put_node(
    db: &Db,
    level: i64,
    position: i64,
    children: &[u8],
) -> Result<()> {
    let at = [Value::Int(level), Value::Int(position), Value::Blob(children)];
    let changed =
        db.run("UPDATE node SET children = ?3 WHERE level = ?1 AND position = ?2", &at)?;
    if changed == 0 {
        db.run("INSERT INTO node (level, position, children) VALUES (?1, ?2, ?3)", &at)?;
    }
    Ok(())
}

/// Removes a node without children.
pub(in crate::vault) fn drop_node(db: &Db, level: i64, position: i64) -> Result<()> {
    let at = [Value::Int(level), Value::Int(position)];
    db.run("DELETE FROM node WHERE level = ?1 AND position = ?2", &at).map(drop)
}

/// Calls `each` with level, position and children of every stored node.
pub(in crate::vault) fn each_node(
    db: &Db,
    mut each: impl FnMut(i64, i64, &[u8]) -> Result<()>,
) -> Result<()> {
    let sql = "SELECT level, position, children FROM node ORDER BY level, position";
    db.each(sql, &[], |row| each(row.int(0)?, row.int(1)?, row.blob(2)?))
}

/// Removes all nodes, before they are made anew.
pub(in crate::vault) fn drop_nodes(db: &Db) -> Result<()> {
    db.run("DELETE FROM node", &[]).map(drop)
}
