//! The values of credentials: sealing new versions, choosing and opening current ones.

use super::audit::Receipt;
use super::crypto::{self, Label};
use super::keys::Keys;
use super::state;
use super::store::{CredentialRow, Head, SecretRow, VaultRow};
use super::tx::Tx;
use super::view::NewCredential;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{FieldName, Secret, Timestamp};
use uuid::Uuid;

/// Opens the version a head names, having checked that the row is the one it means.
pub(super) fn open(
    tx: &Tx<'_>,
    keys: &Keys,
    row: &CredentialRow,
    head: &Head,
    receipt: &Receipt<'_>,
) -> Result<Secret> {
    let version = checked(tx, keys, row, head)?;
    let label = Label {
        vault: tx.vault().vault_id,
        credential: row.id,
        field: &head.field,
        version: head.version,
    };
    crypto::open(keys, label, &version.sealed, receipt).map(|value| value.with_media(version.media))
}

/// The version a head names, if the row is the one it means.
fn checked(tx: &Tx<'_>, keys: &Keys, row: &CredentialRow, head: &Head) -> Result<SecretRow> {
    let version = SecretRow::find(tx.db(), row.id, &head.field, head.version)?;
    version
        .filter(|version| {
            version.row_tag == head.tag
                && keys.row.verify(version.message(tx.vault()).as_bytes(), &version.row_tag)
        })
        .ok_or_else(|| {
            Error::integrity(format!(
                "field `{}` of `{}` was changed from outside",
                head.field, row.name
            ))
            .hint("restore the vault from a backup; `vault doctor` names what is wrong")
        })
}

/// The media types of the current values that came as files; checked if there are keys.
pub(super) fn media(
    tx: &Tx<'_>,
    keys: Option<&Keys>,
    row: &CredentialRow,
) -> Result<Vec<(FieldName, String)>> {
    let mut found = Vec::new();
    for head in &row.heads {
        let media = match keys {
            Some(keys) => checked(tx, keys, row, head)?.media,
            None => SecretRow::media(tx.db(), row.id, &head.field, head.version)?,
        };
        found.extend(media.map(|media| (head.field.clone(), media)));
    }
    Ok(found)
}

/// Seals a value as the next version of its field.
pub(super) fn add_version(
    tx: &Tx<'_>,
    keys: &Keys,
    row: &CredentialRow,
    field: FieldName,
    value: &Secret,
    receipt: &Receipt<'_>,
) -> Result<Head> {
    let previous = row.heads.iter().find(|head| head.field == field);
    let version = SecretRow {
        credential: row.id,
        version: previous.map_or(1, |head| head.version + 1),
        field,
        created_at: tx.now(),
        origin: "set".into(),
        author: tx.author().0.to_owned(),
        reason: tx.author().1.map(str::to_owned),
        media: value.media().map(str::to_owned),
        purged_at: None,
        previous: previous.map(|head| head.tag),
        sealed: Vec::new(),
        row_tag: [0; 32],
    };
    let version = finish_version(version, value, tx.vault(), keys, receipt)?;
    version.insert(tx.db())?;
    Ok(Head { field: version.field, version: version.version, tag: version.row_tag })
}

fn finish_version(
    mut version: SecretRow,
    value: &Secret,
    vault: &VaultRow,
    keys: &Keys,
    receipt: &Receipt<'_>,
) -> Result<SecretRow> {
    let label = Label {
        vault: vault.vault_id,
        credential: version.credential,
        field: &version.field,
        version: version.version,
    };
    version.sealed = crypto::seal(keys, label, value, receipt)?;
    version.row_tag = keys.row.tag(version.message(vault).as_bytes());
    Ok(version)
}

pub(super) fn put_head(heads: &mut Vec<Head>, head: Head) {
    heads.retain(|other| other.field != head.field);
    heads.push(head);
    heads.sort_by(|a, b| a.field.cmp(&b.field));
}

/// A new credential, sealed and tagged, ready to be inserted.
pub(super) struct Sealed {
    row: CredentialRow,
    versions: Vec<SecretRow>,
}

/// Seals a new credential. Needs no database, so that an import can do it on all cores.
#[expect(clippy::too_many_arguments, reason = "a record of these would be built and torn apart")]
pub(super) fn seal_new(
    id: Uuid,
    new: NewCredential,
    origin: &str,
    now: Timestamp,
    (author, reason): (&str, Option<&str>),
    vault: &VaultRow,
    keys: &Keys,
    receipt: &Receipt<'_>,
) -> Result<Sealed> {
    if new.secrets.is_empty() {
        return Err(Error::usage(format!("`{}` has no secret", new.name)));
    }
    let mut row = CredentialRow {
        id,
        name: new.name.as_str().to_owned(),
        meta: new.meta,
        heads: Vec::new(),
        revision: 1,
        created_at: now,
        updated_at: now,
        deleted_at: None,
        row_tag: [0; 32],
    };
    let mut versions = Vec::with_capacity(new.secrets.len());
    for (field, value) in new.secrets {
        let version = SecretRow {
            credential: id,
            field,
            version: 1,
            created_at: now,
            origin: origin.to_owned(),
            author: author.to_owned(),
            reason: reason.map(str::to_owned),
            media: value.media().map(str::to_owned),
            purged_at: None,
            previous: None,
            sealed: Vec::new(),
            row_tag: [0; 32],
        };
        let version = finish_version(version, &value, vault, keys, receipt)?;
        let head = Head { field: version.field.clone(), version: 1, tag: version.row_tag };
        put_head(&mut row.heads, head);
        versions.push(version);
    }
    row.row_tag = keys.row.tag(row.message(vault).as_bytes());
    Ok(Sealed { row, versions })
}

impl Sealed {
    pub(super) fn insert(self, tx: &Tx<'_>) -> Result<()> {
        let bucket = state::bucket(self.row.id);
        tx.touch(bucket);
        for version in &self.versions {
            version.insert(tx.db())?;
        }
        self.row.insert(tx.db(), bucket)
    }
}

/// The head that is asked for, or the primary one: the kind's first secret field that is there.
pub(super) fn choose<'r>(row: &'r CredentialRow, field: Option<&FieldName>) -> Result<&'r Head> {
    let named = |name: &str| row.heads.iter().find(|head| head.field.as_str() == name);
    let kind = crate::kind::find(&row.meta.kind).ok();
    let primary = || {
        let of_kind = kind.into_iter().flat_map(|k| k.fields).filter(|f| f.secret);
        let others = row.heads.iter().filter(|head| head.field.as_str() != "notes");
        of_kind.filter_map(|f| named(f.name)).chain(others).chain(&row.heads).next()
    };
    field.map_or_else(primary, |field| named(field.as_str())).ok_or_else(|| {
        let have: Vec<&str> = row.heads.iter().map(|head| head.field.as_str()).collect();
        // what the kind does not know may be a secret in the wrong place, and is not repeated
        let known =
            field.filter(|field| kind.is_some_and(|k| k.secret_field(field.as_str()).is_some()));
        let what = known.map_or_else(
            || if field.is_some() { "such secret field".into() } else { "secret field".into() },
            |field| format!("secret field `{field}`"),
        );
        Error::new(ErrorKind::NotFound, format!("`{}` has no {what}", row.name))
            .hint(format!("it has: {}", have.join(", ")))
    })
}
