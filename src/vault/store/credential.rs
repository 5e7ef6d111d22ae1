//! Credentials: their rows.

use super::{Db, Row, Value, VaultRow, filter};
use crate::error::{Error, Result};
use crate::model::{Attr, FieldName, Metadata, Timestamp};
use crate::vault::filter::Filter;
use crate::vault::tlv::{Hash, Tlv};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::str::FromStr;
use uuid::Uuid;

/// The current version of a secret field, and the tag of its row.
#[derive(Clone)]
pub(in crate::vault) struct Head {
    pub(in crate::vault) field: FieldName,
    pub(in crate::vault) version: u32,
    pub(in crate::vault) tag: Hash,
}

/// One credential's clear columns.
#[derive(Clone)]
pub(in crate::vault) struct CredentialRow {
    pub(in crate::vault) id: Uuid,
    pub(in crate::vault) name: String,
    pub(in crate::vault) meta: Metadata,
    /// In order of field.
    pub(in crate::vault) heads: Vec<Head>,
    pub(in crate::vault) revision: u32,
    pub(in crate::vault) created_at: Timestamp,
    pub(in crate::vault) updated_at: Timestamp,
    pub(in crate::vault) deleted_at: Option<Timestamp>,
    /// When it came out of the trash last.
    pub(in crate::vault) restored_at: Option<Timestamp>,
    pub(in crate::vault) row_tag: Hash,
    /// Whether it is a canary. No column says so: only checking the tag can tell.
    pub(in crate::vault) is_canary: bool,
}

/// The columns as the statements below name them. The first six are what a list shows.
pub(super) const COLUMNS: &str = "name, kind, username, url, client, expires_at, \
    id, host, database, service, infra, environment, owner, description, port, tags, \
    requires_vpn, requires_2fa, rotate_every, last_rotated_at, last_verified_at, verdict, fields, \
    heads, revision, created_at, updated_at, deleted_at, row_tag, keep, restored_at";
pub(super) const BRIEF: &str = "name, kind, username, url, client, expires_at";

// A `+` before a column keeps the planner from answering out of an index: what is looked up must come
// from the table, where a check of its tag means something.

/// Where each attribute stands in `COLUMNS`.
pub(in crate::vault) fn column(attr: Attr) -> usize {
    match attr {
        Attr::Username => 2,
        Attr::Url => 3,
        Attr::Client => 4,
        Attr::Host => 7,
        Attr::Database => 8,
        Attr::Service => 9,
        Attr::Infra => 10,
        Attr::Environment => 11,
        Attr::Owner => 12,
        Attr::Description => 13,
    }
}

/// Parses a name that was checked before it was stored; anything else is damage.
pub(super) fn stored<T: FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| Error::integrity("a row of the database holds an impossible name"))
}

impl CredentialRow {
    pub(in crate::vault) fn message(&self, vault: &VaultRow) -> Tlv {
        let mut m = Tlv::new(match self.is_canary {
            true => "vault/canary/v1",
            false => "vault/credential/v1",
        });
        m.bytes(vault.vault_id.as_bytes()).int(i64::from(vault.epoch));
        m.bytes(self.id.as_bytes()).text(&self.name).text(&self.meta.kind);
        for attr in Attr::ALL {
            m.opt_text(self.meta.get(attr));
        }
        m.opt_int(self.meta.port.map(i64::from)).opt_text(self.tags().as_deref());
        m.int(i64::from(self.meta.requires_vpn)).int(i64::from(self.meta.requires_2fa));
        for time in [self.meta.expires_at, self.meta.last_rotated_at, self.meta.last_verified_at] {
            m.opt_int(time.map(|t| t.0));
        }
        m.opt_int(self.meta.rotate_every).opt_int(self.meta.keep.map(i64::from));
        m.opt_text(self.meta.verdict.as_deref());
        m.opt_text(self.fields().as_deref()).bytes(&self.heads_blob());
        m.int(i64::from(self.revision)).int(self.created_at.0).int(self.updated_at.0);
        m.opt_int(self.deleted_at.map(|t| t.0)).opt_int(self.restored_at.map(|t| t.0));
        m
    }

    /// The credential called exactly `name`: the live one, or the one last put into the trash.
    pub(in crate::vault) fn find(db: &Db, name: &str, deleted: bool) -> Result<Option<Self>> {
        let which = if deleted {
            "+deleted_at IS NOT NULL ORDER BY deleted_at DESC, id DESC LIMIT 1"
        } else {
            "+deleted_at IS NULL"
        };
        let sql = format!("SELECT {COLUMNS} FROM credential WHERE name = ?1 AND {which}");
        db.first(&sql, &[Value::Text(name)], Self::read)
    }

    /// This very credential, if it is in the trash.
    pub(in crate::vault) fn trashed(db: &Db, name: &str, id: Uuid) -> Result<Option<Self>> {
        let which = "name = ?1 AND id = ?2 AND +deleted_at IS NOT NULL";
        let sql = format!("SELECT {COLUMNS} FROM credential WHERE {which}");
        db.first(&sql, &[Value::Text(name), Value::Blob(id.as_bytes())], Self::read)
    }

    /// The credential with this id, wherever it is.
    pub(in crate::vault) fn by_id(db: &Db, id: Uuid, bucket: i64) -> Result<Option<Self>> {
        let sql = format!("SELECT {COLUMNS} FROM credential WHERE bucket = ?1 AND id = ?2");
        db.first(&sql, &[Value::Int(bucket), Value::Blob(id.as_bytes())], Self::read)
    }

    /// Calls `each` for every credential, the trash included, in order of name.
    pub(in crate::vault) fn each(db: &Db, mut each: impl FnMut(Self) -> Result<()>) -> Result<()> {
        let sql = format!("SELECT {COLUMNS} FROM credential ORDER BY name, id");
        db.each(&sql, &[], |row| each(Self::read(row)?))
    }

    /// Calls `each` for the credentials that fit, in the filter's order.
    pub(in crate::vault) fn fitting(
        db: &Db,
        filter: &Filter,
        mut each: impl FnMut(Self) -> Result<()>,
    ) -> Result<()> {
        filter::each(db, COLUMNS, filter, |row| each(Self::read(row)?))
    }

    pub(in crate::vault) fn insert(&self, db: &Db, bucket: i64) -> Result<()> {
        let sql = format!(
            "INSERT INTO credential ({COLUMNS}, bucket) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,
             ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26,
             ?27, ?28, ?29, ?30, ?31, ?32)"
        );
        let (tags, fields, heads) = (self.tags(), self.fields(), self.heads_blob());
        let meta = &self.meta;
        let time = |t: Option<Timestamp>| Value::from(t.map(|t| t.0));
        db.run(
            &sql,
            &[
                Value::Text(&self.name),
                Value::Text(&meta.kind),
                meta.get(Attr::Username).into(),
                meta.get(Attr::Url).into(),
                meta.get(Attr::Client).into(),
                time(meta.expires_at),
                Value::Blob(self.id.as_bytes()),
                meta.get(Attr::Host).into(),
                meta.get(Attr::Database).into(),
                meta.get(Attr::Service).into(),
                meta.get(Attr::Infra).into(),
                meta.get(Attr::Environment).into(),
                meta.get(Attr::Owner).into(),
                meta.get(Attr::Description).into(),
                meta.port.map(i64::from).into(),
                tags.as_deref().into(),
                Value::Int(i64::from(meta.requires_vpn)),
                Value::Int(i64::from(meta.requires_2fa)),
                meta.rotate_every.into(),
                time(meta.last_rotated_at),
                time(meta.last_verified_at),
                meta.verdict.as_deref().into(),
                fields.as_deref().into(),
                Value::Blob(&heads),
                Value::Int(i64::from(self.revision)),
                Value::Int(self.created_at.0),
                Value::Int(self.updated_at.0),
                time(self.deleted_at),
                Value::Blob(&self.row_tag),
                meta.keep.map(i64::from).into(),
                time(self.restored_at),
                Value::Int(bucket),
            ],
        )
        .map(drop)
    }

    /// Removes the row; a change removes the old row and inserts the new one.
    pub(in crate::vault) fn delete(&self, db: &Db) -> Result<()> {
        let sql = "DELETE FROM credential WHERE name = ?1 AND id = ?2";
        db.run(sql, &[Value::Text(&self.name), Value::Blob(self.id.as_bytes())]).map(drop)
    }

    fn read(row: &Row<'_>) -> Result<Self> {
        let read = Self {
            id: row.uuid(6)?,
            name: row.text(0)?.to_owned(),
            meta: read_meta(row)?,
            heads: read_heads(row.blob(23)?)?,
            revision: row.u32(24)?,
            created_at: Timestamp(row.int(25)?),
            updated_at: Timestamp(row.int(26)?),
            deleted_at: row.opt_int(27)?.map(Timestamp),
            restored_at: row.opt_int(30)?.map(Timestamp),
            row_tag: row.array(28)?,
            is_canary: false,
        };
        // The tag is over what was parsed; filters look at what is stored. They must be the same.
        let same = read.tags().as_deref() == row.opt_text(15)?
            && read.fields().as_deref() == row.opt_text(22)?
            && read.heads_blob() == row.blob(23)?;
        match same {
            true => Ok(read),
            false => Err(Error::integrity("a row of the database is not in its one true form")),
        }
    }

    /// The tags joined by commas, in order; none when there are none.
    fn tags(&self) -> Option<String> {
        let tags: Vec<&str> = self.meta.tags.iter().map(crate::model::Label::as_str).collect();
        (!tags.is_empty()).then(|| tags.join(","))
    }

    /// The further public fields as a JSON object in order of name; none when there are none.
    fn fields(&self) -> Option<Cow<'static, str>> {
        let fields: BTreeMap<&str, &str> =
            self.meta.fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        if fields.is_empty() {
            return None;
        }
        serde_json::to_string(&fields).ok().map(Cow::Owned)
    }

    fn heads_blob(&self) -> Vec<u8> {
        let mut blob = Vec::with_capacity(self.heads.len() * 64);
        for head in &self.heads {
            // Invariant: a field name has at most 64 bytes (`FieldName`).
            blob.push(u8::try_from(head.field.as_str().len()).unwrap_or(u8::MAX));
            blob.extend_from_slice(head.field.as_str().as_bytes());
            blob.extend_from_slice(&head.version.to_be_bytes());
            blob.extend_from_slice(&head.tag);
        }
        blob
    }
}

fn read_meta(row: &Row<'_>) -> Result<Metadata> {
    let mut meta = Metadata::default();
    row.text(1)?.clone_into(&mut meta.kind);
    for attr in Attr::ALL {
        let text = row.opt_text(column(attr))?;
        if text == Some("") {
            return Err(Error::integrity("a row of the database is not in its one true form"));
        }
        meta.set(attr, text.map(str::to_owned));
    }
    let port = row.opt_int(14)?.map(u16::try_from).transpose();
    meta.port = port.map_err(|_| Error::integrity("a stored port is out of range"))?;
    for tag in row.opt_text(15)?.into_iter().flat_map(|tags| tags.split(',')) {
        meta.tags.insert(stored(tag)?);
    }
    meta.requires_vpn = row.flag(16)?;
    meta.requires_2fa = row.flag(17)?;
    meta.expires_at = row.opt_int(5)?.map(Timestamp);
    meta.rotate_every = row.opt_int(18)?;
    let keep = row.opt_int(29)?.map(u32::try_from).transpose();
    meta.keep =
        keep.map_err(|_| Error::integrity("a stored number of versions is out of range"))?;
    meta.last_rotated_at = row.opt_int(19)?.map(Timestamp);
    meta.last_verified_at = row.opt_int(20)?.map(Timestamp);
    meta.verdict = row.opt_text(21)?.map(str::to_owned);
    meta.fields = row.opt_text(22)?.map(read_fields).transpose()?.unwrap_or_default();
    Ok(meta)
}

pub(super) fn read_fields(json: &str) -> Result<BTreeMap<FieldName, String>> {
    let map: BTreeMap<String, String> = serde_json::from_str(json)
        .map_err(|_| Error::integrity("the public fields of a row are damaged"))?;
    map.into_iter().map(|(name, value)| Ok((stored(&name)?, value))).collect()
}

pub(super) fn read_heads(mut blob: &[u8]) -> Result<Vec<Head>> {
    let damaged = || Error::integrity("the version table of a row is damaged");
    let mut heads = Vec::new();
    while let Some((length, rest)) = blob.split_first() {
        let (field, rest) = rest.split_at_checked(usize::from(*length)).ok_or_else(damaged)?;
        let (version, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
        let (tag, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
        heads.push(Head {
            field: stored(std::str::from_utf8(field).map_err(|_| damaged())?)?,
            version: u32::from_be_bytes(*version),
            tag: *tag,
        });
        blob = rest;
    }
    Ok(heads)
}

/// Whether there is a live (or trashed) credential of this name.
pub(in crate::vault) fn exists(db: &Db, name: &str, deleted: bool) -> Result<bool> {
    let which = if deleted { "+deleted_at IS NOT NULL" } else { "+deleted_at IS NULL" };
    let sql = format!("SELECT 1 FROM credential WHERE name = ?1 AND {which}");
    db.first(&sql, &[Value::Text(name)], |_| Ok(())).map(|found| found.is_some())
}

/// Live (or trashed) names that begin with `prefix`, in order.
pub(in crate::vault) fn names(
    db: &Db,
    prefix: &str,
    deleted: bool,
    limit: u64,
) -> Result<Vec<String>> {
    let which = if deleted { "deleted_at IS NOT NULL" } else { "deleted_at IS NULL" };
    let sql = format!(
        "SELECT DISTINCT name FROM credential WHERE {which} AND name >= ?1 AND name < ?2
         ORDER BY name LIMIT ?3"
    );
    let end = format!("{prefix}\u{10ffff}");
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut names = Vec::new();
    db.each(&sql, &[Value::Text(prefix), Value::Text(&end), Value::Int(limit)], |row| {
        names.push(row.text(0)?.to_owned());
        Ok(())
    })?;
    Ok(names)
}

/// Calls `each` with every live (or trashed) name.
pub(in crate::vault) fn each_name(
    db: &Db,
    deleted: bool,
    mut each: impl FnMut(&str),
) -> Result<()> {
    let which = if deleted { "deleted_at IS NOT NULL" } else { "deleted_at IS NULL" };
    db.each(&format!("SELECT name FROM credential WHERE {which}"), &[], |row| {
        each(row.text(0)?);
        Ok(())
    })
}
