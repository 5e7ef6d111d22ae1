//! Versions of sealed values.

use super::{Db, Row, Value, VaultRow};
use crate::error::Result;
use crate::model::{FieldName, Timestamp};
use crate::vault::tlv::{Hash, Tlv, sha256};
use std::ops::RangeInclusive;
use uuid::Uuid;

/// One version of one secret field.
pub(in crate::vault) struct SecretRow {
    pub(in crate::vault) credential: Uuid,
    pub(in crate::vault) field: FieldName,
    /// 1 and up, without gaps: a purged version leaves its row.
    pub(in crate::vault) version: u32,
    pub(in crate::vault) created_at: Timestamp,
    /// How it came: `set`, `import`, `rotate`, `rollback`.
    pub(in crate::vault) origin: String,
    /// The user who stored it.
    pub(in crate::vault) author: String,
    pub(in crate::vault) reason: Option<String>,
    /// What is in the value, for one that came as a file: a media type (RFC 6838).
    pub(in crate::vault) media: Option<String>,
    /// When its value was destroyed; `sealed` is empty then.
    pub(in crate::vault) purged_at: Option<Timestamp>,
    /// The tag of the version before, so that old versions hang on the current one.
    pub(in crate::vault) previous: Option<Hash>,
    /// An age file.
    pub(in crate::vault) sealed: Vec<u8>,
    pub(in crate::vault) row_tag: Hash,
}

const COLUMNS: &str = "credential, field, version, created_at, origin, author, reason, media, purged_at, \
                       previous, sealed, row_tag";

impl SecretRow {
    pub(in crate::vault) fn message(&self, vault: &VaultRow) -> Tlv {
        let mut m = Tlv::new("vault/secret/v1");
        m.bytes(vault.vault_id.as_bytes()).int(i64::from(vault.epoch));
        m.bytes(self.credential.as_bytes()).text(self.field.as_str());
        m.int(i64::from(self.version)).int(self.created_at.0);
        m.text(&self.origin).text(&self.author).opt_text(self.reason.as_deref());
        m.opt_text(self.media.as_deref()).opt_int(self.purged_at.map(|at| at.0));
        m.opt_bytes(self.previous.as_ref().map(|tag| &tag[..])).bytes(&sha256(&self.sealed));
        m
    }

    pub(in crate::vault) fn find(
        db: &Db,
        credential: Uuid,
        field: &FieldName,
        version: u32,
    ) -> Result<Option<Self>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM secret WHERE credential = ?1 AND field = ?2 AND version = ?3"
        );
        let args = [
            Value::Blob(credential.as_bytes()),
            Value::Text(field.as_str()),
            Value::Int(i64::from(version)),
        ];
        db.first(&sql, &args, Self::read)
    }

    /// The media type of one version, without its value: that may be large.
    pub(in crate::vault) fn media(
        db: &Db,
        credential: Uuid,
        field: &FieldName,
        version: u32,
    ) -> Result<Option<String>> {
        let sql = "SELECT media FROM secret WHERE credential = ?1 AND field = ?2 AND version = ?3";
        let args = [
            Value::Blob(credential.as_bytes()),
            Value::Text(field.as_str()),
            Value::Int(i64::from(version)),
        ];
        let media = db.first(sql, &args, |row| Ok(row.opt_text(0)?.map(str::to_owned)))?;
        Ok(media.flatten())
    }

    /// Calls `each` for these versions of a field, newest first.
    pub(in crate::vault) fn each_of(
        db: &Db,
        credential: Uuid,
        field: &FieldName,
        versions: RangeInclusive<u32>,
        mut each: impl FnMut(Self) -> Result<()>,
    ) -> Result<()> {
        let sql = format!(
            "SELECT {COLUMNS} FROM secret WHERE credential = ?1 AND field = ?2
             AND version >= ?3 AND version <= ?4 ORDER BY version DESC"
        );
        let args = [
            Value::Blob(credential.as_bytes()),
            Value::Text(field.as_str()),
            Value::Int(i64::from(*versions.start())),
            Value::Int(i64::from(*versions.end())),
        ];
        db.each(&sql, &args, |row| each(Self::read(row)?))
    }

    /// The oldest version of a field that still has its value, as the clear columns tell it.
    pub(in crate::vault) fn oldest(
        db: &Db,
        credential: Uuid,
        field: &FieldName,
    ) -> Result<Option<u32>> {
        let sql = "SELECT version FROM secret WHERE credential = ?1 AND field = ?2
                   AND purged_at IS NULL ORDER BY version LIMIT 1";
        let args = [Value::Blob(credential.as_bytes()), Value::Text(field.as_str())];
        db.first(sql, &args, |row| row.u32(0))
    }

    /// How many versions of all fields of all credentials are stored.
    pub(in crate::vault) fn count(db: &Db) -> Result<i64> {
        db.int("SELECT count(*) FROM secret")
    }

    /// How many versions of all fields of a credential still have their values.
    pub(in crate::vault) fn count_of(db: &Db, credential: Uuid) -> Result<i64> {
        let sql = "SELECT count(*) FROM secret WHERE credential = ?1 AND purged_at IS NULL";
        let count = db.first(sql, &[Value::Blob(credential.as_bytes())], |row| row.int(0))?;
        Ok(count.unwrap_or_default())
    }

    /// How many versions of all credentials still have their values, without those of one field.
    pub(in crate::vault) fn count_kept(db: &Db, without: &str) -> Result<i64> {
        let sql = "SELECT count(*) FROM secret WHERE purged_at IS NULL AND field <> ?1";
        db.first(sql, &[Value::Text(without)], |row| row.int(0)).map(Option::unwrap_or_default)
    }

    pub(in crate::vault) fn insert(&self, db: &Db) -> Result<()> {
        db.run(
            "INSERT INTO secret (credential, field, version, created_at, origin, author, reason, media,
                                 purged_at, previous, sealed, row_tag)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            &[
                Value::Blob(self.credential.as_bytes()),
                Value::Text(self.field.as_str()),
                Value::Int(i64::from(self.version)),
                Value::Int(self.created_at.0),
                Value::Text(&self.origin),
                Value::Text(&self.author),
                self.reason.as_deref().into(),
                self.media.as_deref().into(),
                self.purged_at.map(|at| at.0).into(),
                self.previous.as_ref().map(|tag| &tag[..]).into(),
                Value::Blob(&self.sealed),
                Value::Blob(&self.row_tag),
            ],
        )
        .map(drop)
    }

    /// Writes what a purge changes: tag and link, and with `value` also the value that is no more.
    pub(in crate::vault) fn update(&self, db: &Db, value: bool) -> Result<()> {
        let which = "WHERE credential = ?1 AND field = ?2 AND version = ?3";
        let args = [
            Value::Blob(self.credential.as_bytes()),
            Value::Text(self.field.as_str()),
            Value::Int(i64::from(self.version)),
            self.previous.as_ref().map(|tag| &tag[..]).into(),
            Value::Blob(&self.row_tag),
            self.purged_at.map(|at| at.0).into(),
            Value::Blob(&self.sealed),
        ];
        let (columns, args) = match value {
            true => ("previous = ?4, row_tag = ?5, purged_at = ?6, sealed = ?7", &args[..]),
            false => ("previous = ?4, row_tag = ?5", &args[..5]),
        };
        db.run(&format!("UPDATE secret SET {columns} {which}"), args).map(drop)
    }

    fn read(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            credential: row.uuid(0)?,
            field: super::credential::stored(row.text(1)?)?,
            version: row.u32(2)?,
            created_at: Timestamp(row.int(3)?),
            origin: row.text(4)?.to_owned(),
            author: row.text(5)?.to_owned(),
            reason: row.opt_text(6)?.map(str::to_owned),
            media: row.opt_text(7)?.map(str::to_owned),
            purged_at: row.opt_int(8)?.map(Timestamp),
            previous: match row.opt_blob(9)? {
                Some(_) => Some(row.array(9)?),
                None => None,
            },
            sealed: row.blob(10)?.to_vec(),
            row_tag: row.array(11)?,
        })
    }
}

/// Removes all versions of all fields of a credential.
pub(in crate::vault) fn delete_all(db: &Db, credential: Uuid) -> Result<()> {
    let sql = "DELETE FROM secret WHERE credential = ?1";
    db.run(sql, &[Value::Blob(credential.as_bytes())]).map(drop)
}
