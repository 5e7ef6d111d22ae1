//! The audit log's rows and segments. No statement here updates or deletes one; pruning is in
//! `anchor.rs`.

use super::{Db, Row, Value, VaultRow};
use crate::error::{Error, Result};
use crate::model::Timestamp;
use crate::vault::tlv::{Hash, Tlv, sha256};
use crate::vault::view::Entry;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// An entry with what secures it.
pub(in crate::vault) struct EntryRow {
    pub(in crate::vault) entry: Entry,
    /// The state counter after this entry's effect.
    pub(in crate::vault) counter: i64,
    /// Under the segment's key for this entry; none for an entry written without a seal.
    pub(in crate::vault) mac: Option<Hash>,
}

pub(super) const COLUMNS: &str = "seq, id, at, action, outcome, credential, name, fields, user_name, uid, \
    host, tty, remote, program, parent, agent, incident, reason, details, counter, segment, hash, \
    mac";

impl EntryRow {
    fn message(&self) -> Tlv {
        let e = &self.entry;
        let mut m = Tlv::new("vault/entry/v1");
        m.int(e.seq).bytes(e.id.as_bytes()).int(e.at.0).text(&e.action).text(&e.outcome);
        m.opt_bytes(e.credential.as_ref().map(|id| &id.as_bytes()[..])).opt_text(e.name.as_deref());
        m.opt_text(fields(e).as_deref()).text(&e.user).int(i64::from(e.uid)).text(&e.host);
        for text in [&e.tty, &e.remote, &e.program, &e.parent] {
            m.opt_text(text.as_deref());
        }
        m.text(&e.agent);
        for text in [&e.incident, &e.reason, &e.details] {
            m.opt_text(text.as_deref());
        }
        m.int(self.counter).opt_int(e.segment);
        m
    }

    /// See [`Link::chain`].
    pub(in crate::vault) fn chain(&self, previous: &Hash) -> Hash {
        chain(&self.message(), previous)
    }

    pub(in crate::vault) fn insert(&self, db: &Db) -> Result<()> {
        let e = &self.entry;
        let fields = fields(e);
        db.run(
            "INSERT INTO entry (seq, id, at, action, outcome, credential, name, fields, user_name,
                uid, host, tty, remote, program, parent, agent, incident, reason, details, counter,
                segment, hash, mac)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                ?18, ?19, ?20, ?21, ?22, ?23)",
            &[
                Value::Int(e.seq),
                Value::Blob(e.id.as_bytes()),
                Value::Int(e.at.0),
                Value::Text(&e.action),
                Value::Text(&e.outcome),
                e.credential.as_ref().map(|id| &id.as_bytes()[..]).into(),
                e.name.as_deref().into(),
                fields.as_deref().into(),
                Value::Text(&e.user),
                Value::Int(i64::from(e.uid)),
                Value::Text(&e.host),
                e.tty.as_deref().into(),
                e.remote.as_deref().into(),
                e.program.as_deref().into(),
                e.parent.as_deref().into(),
                Value::Text(&e.agent),
                e.incident.as_deref().into(),
                e.reason.as_deref().into(),
                e.details.as_deref().into(),
                Value::Int(self.counter),
                e.segment.into(),
                Value::Blob(&e.hash),
                self.mac.as_ref().map(|mac| &mac[..]).into(),
            ],
        )
        .map(drop)
    }

    pub(super) fn read(row: &Row<'_>) -> Result<Self> {
        let text = |column| Ok::<_, Error>(row.opt_text(column)?.map(str::to_owned));
        Ok(Self {
            entry: Entry {
                seq: row.int(0)?,
                id: row.uuid(1)?,
                at: Timestamp(row.int(2)?),
                action: row.text(3)?.to_owned(),
                outcome: row.text(4)?.to_owned(),
                credential: match row.opt_blob(5)? {
                    Some(_) => Some(row.uuid(5)?),
                    None => None,
                },
                name: text(6)?,
                fields: row
                    .opt_text(7)?
                    .map_or_else(Vec::new, |f| f.split(',').map(str::to_owned).collect()),
                user: row.text(8)?.to_owned(),
                uid: row.u32(9)?,
                host: row.text(10)?.to_owned(),
                tty: text(11)?,
                remote: text(12)?,
                program: text(13)?,
                parent: text(14)?,
                agent: row.text(15)?.to_owned(),
                incident: text(16)?,
                reason: text(17)?,
                details: text(18)?,
                segment: row.opt_int(20)?,
                hash: row.array(21)?,
            },
            counter: row.int(19)?,
            mac: match row.opt_blob(22)? {
                Some(_) => Some(row.array(22)?),
                None => None,
            },
        })
    }
}

/// The public chain: SHA-256 of the entry followed by the hash of the entry before it.
fn chain(message: &Tlv, previous: &Hash) -> Hash {
    let mut hash = Sha256::new();
    hash.update(message.as_bytes());
    hash.update(previous);
    hash.finalize().into()
}

/// What checking an entry needs: the same message as [`EntryRow`]'s, made from the columns as they are
/// stored, and the few that the rules look at.
pub(in crate::vault) struct Link {
    pub(in crate::vault) seq: i64,
    pub(in crate::vault) counter: i64,
    pub(in crate::vault) segment: Option<i64>,
    pub(in crate::vault) hash: Hash,
    pub(in crate::vault) mac: Option<Hash>,
    /// Whether a locked vault can have written it.
    pub(in crate::vault) needs_no_key: bool,
    /// Whether the vault was rekeyed with it.
    pub(in crate::vault) is_rekey: bool,
    message: Tlv,
}

impl Link {
    /// Calls `each` for the entries from `seq` on, oldest first.
    pub(in crate::vault) fn from(
        db: &Db,
        seq: i64,
        mut each: impl FnMut(Self) -> Result<()>,
    ) -> Result<()> {
        let sql = format!("SELECT {COLUMNS} FROM entry WHERE seq >= ?1 ORDER BY seq");
        db.each(&sql, &[Value::Int(seq)], |row| each(Self::read(row)?))
    }

    /// The entry's place in the public chain, after an entry with the hash `previous`.
    pub(in crate::vault) fn chain(&self, previous: &Hash) -> Hash {
        chain(&self.message, previous)
    }

    fn read(row: &Row<'_>) -> Result<Self> {
        let mut m = Tlv::new("vault/entry/v1");
        m.int(row.int(0)?).bytes(row.blob(1)?).int(row.int(2)?);
        m.text(row.text(3)?).text(row.text(4)?).opt_bytes(row.opt_blob(5)?);
        m.opt_text(row.opt_text(6)?).opt_text(row.opt_text(7)?);
        m.text(row.text(8)?).int(row.int(9)?).text(row.text(10)?);
        for column in 11..=14 {
            m.opt_text(row.opt_text(column)?);
        }
        m.text(row.text(15)?);
        for column in 16..=18 {
            m.opt_text(row.opt_text(column)?);
        }
        m.int(row.int(19)?).opt_int(row.opt_int(20)?);
        Ok(Self {
            seq: row.int(0)?,
            counter: row.int(19)?,
            segment: row.opt_int(20)?,
            hash: row.array(21)?,
            mac: row.opt_blob(22)?.map(|_| row.array(22)).transpose()?,
            is_rekey: row.text(3)? == "rekey" && row.text(4)? == "ok",
            needs_no_key: row.text(3)? == "view" || row.text(4)? != "ok",
            message: m,
        })
    }
}

fn fields(entry: &Entry) -> Option<String> {
    (!entry.fields.is_empty()).then(|| entry.fields.join(","))
}

/// Where the log ends.
#[derive(Clone, Copy)]
pub(in crate::vault) struct LogEnd {
    pub(in crate::vault) seq: i64,
    pub(in crate::vault) hash: Hash,
    /// The state counter of the last entry; 0 for an empty log.
    pub(in crate::vault) counter: i64,
    pub(in crate::vault) at: Option<Timestamp>,
}

/// The end of the log. An empty log ends with the genesis hash, which binds it to its vault.
pub(in crate::vault) fn end(db: &Db, vault_id: Uuid) -> Result<LogEnd> {
    let sql = "SELECT seq, hash, counter, at FROM entry ORDER BY seq DESC LIMIT 1";
    let last = db.first(sql, &[], |row| {
        // No log comes near the upper bound; a forged number must not overflow the next one.
        let seq = row.int(0)?;
        if !(1..1 << 48).contains(&seq) {
            return Err(Error::integrity("the audit log was tampered with: impossible numbering")
                .hint("restore the vault from a backup"));
        }
        Ok(LogEnd {
            seq,
            hash: row.array(1)?,
            counter: row.int(2)?,
            at: Some(Timestamp(row.int(3)?)),
        })
    })?;
    Ok(last.unwrap_or_else(|| LogEnd { seq: 0, hash: genesis(vault_id), counter: 0, at: None }))
}

/// The hash that stands before the first entry.
pub(in crate::vault) fn genesis(vault_id: Uuid) -> Hash {
    sha256(Tlv::new("vault/log/v1").bytes(vault_id.as_bytes()).as_bytes())
}

/// The hash of an entry, if there is such an entry.
pub(in crate::vault) fn hash_at(db: &Db, seq: i64) -> Result<Option<Hash>> {
    db.first("SELECT hash FROM entry WHERE seq = ?1", &[Value::Int(seq)], |row| row.array(0))
}

/// Whether the log has an entry about a credential of this name.
pub(in crate::vault) fn knows(db: &Db, name: &str) -> Result<bool> {
    let sql = "SELECT 1 FROM entry WHERE name = ?1 LIMIT 1";
    db.first(sql, &[Value::Text(name)], |_| Ok(())).map(|found| found.is_some())
}

/// One entry, by sequence number or by UUID.
pub(in crate::vault) fn find(db: &Db, key: &str) -> Result<Option<Entry>> {
    let (condition, uuid) = match (key.parse::<i64>(), Uuid::parse_str(key)) {
        (Ok(_), _) => ("seq = ?1", Uuid::nil()),
        (_, Ok(id)) => ("id = ?1", id),
        _ => return Err(Error::usage("an entry is named by its number or its UUID")),
    };
    let value = match key.parse() {
        Ok(seq) => Value::Int(seq),
        Err(_) => Value::Blob(uuid.as_bytes()),
    };
    let sql = format!("SELECT {COLUMNS} FROM entry WHERE {condition}");
    db.first(&sql, &[value], |row| Ok(EntryRow::read(row)?.entry))
}

/// The part of the log written under one seal file.
pub(in crate::vault) struct SegmentRow {
    pub(in crate::vault) id: i64,
    /// The first entry of the segment.
    pub(in crate::vault) first_seq: i64,
    /// The hash of the entry before it.
    pub(in crate::vault) previous_hash: Hash,
    pub(in crate::vault) created_at: Timestamp,
    pub(in crate::vault) host: String,
    /// `init`, `missing`, `damaged`, `restored`, `rekey`.
    pub(in crate::vault) cause: String,
    /// The segment's first key, as an age file to the vault's recipient.
    pub(in crate::vault) sealed_key: Vec<u8>,
    pub(in crate::vault) row_tag: Hash,
}

impl SegmentRow {
    pub(in crate::vault) fn message(&self, vault: &VaultRow) -> Tlv {
        let mut m = Tlv::new("vault/segment/v1");
        m.bytes(vault.vault_id.as_bytes()).int(i64::from(vault.epoch));
        m.int(self.id).int(self.first_seq).bytes(&self.previous_hash).int(self.created_at.0);
        m.text(&self.host).text(&self.cause).bytes(&sha256(&self.sealed_key));
        m
    }

    /// All segments, in order.
    pub(in crate::vault) fn all(db: &Db) -> Result<Vec<Self>> {
        let mut all = Vec::new();
        let sql =
            "SELECT id, first_seq, previous_hash, created_at, host, cause, sealed_key, row_tag
                   FROM segment ORDER BY id";
        db.each(sql, &[], |row| {
            all.push(Self {
                id: row.int(0)?,
                first_seq: row.int(1)?,
                previous_hash: row.array(2)?,
                created_at: Timestamp(row.int(3)?),
                host: row.text(4)?.to_owned(),
                cause: row.text(5)?.to_owned(),
                sealed_key: row.blob(6)?.to_vec(),
                row_tag: row.array(7)?,
            });
            Ok(())
        })?;
        Ok(all)
    }

    pub(in crate::vault) fn insert(&self, db: &Db) -> Result<()> {
        db.run(
            "INSERT INTO segment (id, first_seq, previous_hash, created_at, host, cause, sealed_key,
                                  row_tag)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            &[
                Value::Int(self.id),
                Value::Int(self.first_seq),
                Value::Blob(&self.previous_hash),
                Value::Int(self.created_at.0),
                Value::Text(&self.host),
                Value::Text(&self.cause),
                Value::Blob(&self.sealed_key),
                Value::Blob(&self.row_tag),
            ],
        )
        .map(drop)
    }

    /// The number of the next segment.
    pub(in crate::vault) fn next_id(db: &Db) -> Result<i64> {
        db.int("SELECT coalesce(max(id), 0) + 1 FROM segment")
    }
}
