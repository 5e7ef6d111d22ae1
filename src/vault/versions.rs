//! The values of credentials: sealing new versions, choosing, checking and opening those there are.

use super::audit::Receipt;
use super::canary;
use super::crypto::{self, Label};
use super::keys::Keys;
use super::seek::holds;
use super::state;
use super::store::{CredentialRow, Db, Head, SecretRow, VaultRow};
use super::tlv::Hash;
use super::tx::Tx;
use super::view::NewCredential;
use crate::error::{Error, ErrorKind, Result};
use crate::kind;
use crate::model::{FieldName, Secret, Timestamp};
use uuid::Uuid;

/// How a version came to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Origin {
    /// A change by hand.
    Set,
    /// A rotation.
    Rotate,
    /// An older value that is current again.
    Rollback,
}

impl Origin {
    /// The word in the column `origin`.
    fn name(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Rotate => "rotate",
            Self::Rollback => "rollback",
        }
    }

    /// The word in the log.
    pub(super) fn action(self) -> &'static str {
        match self {
            Self::Set => "update",
            Self::Rotate => "rotate",
            Self::Rollback => "rollback",
        }
    }

    /// How many versions stay whatever is to be kept. The value before a rotation stays until the
    /// change after it: it may be the only one that the service knows.
    pub(super) fn spares(self) -> u32 {
        match self {
            Self::Set => 1,
            Self::Rotate | Self::Rollback => 2,
        }
    }
}

/// A value on its way in.
#[derive(Clone, Copy)]
pub(super) struct Incoming<'a> {
    pub(super) field: &'a FieldName,
    pub(super) value: &'a Secret,
    pub(super) origin: Origin,
}

/// Opens the version a head names, having checked that the row is the one it means.
pub(super) fn open(
    tx: &Tx<'_>,
    keys: &Keys,
    row: &CredentialRow,
    head: &Head,
    receipt: &Receipt<'_>,
) -> Result<Secret> {
    let version = checked(tx.db(), tx.vault(), keys, row, head)?;
    open_version(tx, keys, row, &version, receipt)
}

/// The version a head names, if the row is the one it means.
pub(super) fn checked(
    db: &Db,
    vault: &VaultRow,
    keys: &Keys,
    row: &CredentialRow,
    head: &Head,
) -> Result<SecretRow> {
    let version = SecretRow::find(db, row.id, &head.field, head.version)?;
    version
        .filter(|version| is_genuine(version, &head.tag, vault, keys))
        .ok_or_else(|| changed_from_outside(row, &head.field))
}

/// Opens a version that the caller has checked, of a credential that the caller has checked. Every value
/// that is handed out comes from here, so that a canary notices it.
pub(super) fn open_version(
    tx: &Tx<'_>,
    keys: &Keys,
    row: &CredentialRow,
    version: &SecretRow,
    receipt: &Receipt<'_>,
) -> Result<Secret> {
    let label = Label {
        vault: tx.vault().vault_id,
        credential: version.credential,
        field: &version.field,
        version: version.version,
    };
    let value = crypto::open(keys, label, &version.sealed, receipt)?;
    if row.is_canary {
        canary::touched(tx, keys, row, receipt)?;
    }
    Ok(value.with_media(version.media.clone()))
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
            Some(keys) => checked(tx.db(), tx.vault(), keys, row, head)?.media,
            None => SecretRow::media(tx.db(), row.id, &head.field, head.version)?,
        };
        found.extend(media.map(|media| (head.field.clone(), media)));
    }
    Ok(found)
}

/// The versions of one field, each named by the next newer one, the current one by the credential.
pub(super) struct Chain<'a> {
    pub(super) db: &'a Db,
    pub(super) vault: &'a VaultRow,
    /// Without them nothing is checked.
    pub(super) keys: Option<&'a Keys>,
    pub(super) row: &'a CredentialRow,
    pub(super) head: &'a Head,
}

impl<'a> Chain<'a> {
    pub(super) fn of(
        tx: &'a Tx<'_>,
        keys: Option<&'a Keys>,
        row: &'a CredentialRow,
        head: &'a Head,
    ) -> Self {
        Self { db: tx.db(), vault: tx.vault(), keys, row, head }
    }

    /// Calls `each` for the versions down to `least`, newest first. Each is checked before, and so is
    /// at the end that none was missing.
    pub(super) fn walk(
        &self,
        least: u32,
        mut each: impl FnMut(SecretRow) -> Result<()>,
    ) -> Result<()> {
        let Self { db, vault, keys, row, head } = *self;
        let wrong = || changed_from_outside(row, &head.field);
        let mut next = Some((head.version, head.tag));
        SecretRow::each_of(db, row.id, &head.field, least..=head.version, |version| {
            if let Some(keys) = keys {
                let (number, tag) = next.take().ok_or_else(wrong)?;
                if version.version != number || !is_genuine(&version, &tag, vault, keys) {
                    return Err(wrong());
                }
                next = version.previous.map(|tag| (number.saturating_sub(1), tag));
            }
            each(version)
        })?;
        let reached = next.map_or(0, |(number, _)| number);
        match keys.is_some() && reached + 1 != least {
            true => Err(wrong()),
            false => Ok(()),
        }
    }
}

/// An older version of a field, or the current one, checked; an error if there is no value any more.
pub(super) fn older(
    tx: &Tx<'_>,
    keys: &Keys,
    row: &CredentialRow,
    head: &Head,
    number: u32,
) -> Result<SecretRow> {
    let (name, field) = (&row.name, &head.field);
    if !(1..=head.version).contains(&number) {
        let what = format!("`{field}` of `{name}` has no version {number}");
        let last = head.version;
        let range =
            if last == 1 { "only version 1".into() } else { format!("versions 1 to {last}") };
        return Err(Error::new(ErrorKind::NotFound, what).hint(format!("it has {range}")));
    }
    let mut found = None;
    Chain::of(tx, Some(keys), row, head).walk(number, |version| {
        found = Some(version);
        Ok(())
    })?;
    let version = found.ok_or_else(|| changed_from_outside(row, field))?;
    match version.purged_at {
        None => Ok(version),
        Some(at) => {
            let day = at.day();
            let what = format!("version {number} of `{field}` of `{name}` was purged on {day}");
            Err(Error::new(ErrorKind::NotFound, what).hint("`vault cred history` shows the others"))
        }
    }
}

fn is_genuine(version: &SecretRow, tag: &Hash, vault: &VaultRow, keys: &Keys) -> bool {
    version.row_tag == *tag
        && version.sealed.is_empty() == version.purged_at.is_some()
        && keys.row.verify(version.message(vault).as_bytes(), &version.row_tag)
}

pub(super) fn changed_from_outside(row: &CredentialRow, field: &FieldName) -> Error {
    Error::integrity(format!("field `{field}` of `{}` was changed from outside", row.name))
        .hint("restore the vault from a backup; `vault doctor` names what is wrong")
}

/// Refuses to rotate to the value that is the current one. It is compared, and handed to nobody.
pub(super) fn ensure_other(
    tx: &Tx<'_>,
    keys: &Keys,
    row: &CredentialRow,
    (field, value): (&FieldName, &Secret),
    receipt: &Receipt<'_>,
) -> Result<()> {
    let Some(head) = row.heads.iter().find(|head| head.field == *field) else { return Ok(()) };
    if !holds(tx, keys, row, (head, value), receipt)? {
        return Ok(());
    }
    let what = format!("`{field}` of `{}` has this value already: nothing is rotated", row.name);
    Err(Error::new(ErrorKind::Refused, what)
        .hint("hand in another one: `--stdin < FILE`; or have it made up: `--generate`"))
}

/// Seals a value as the next version of its field.
pub(super) fn add_version(
    tx: &Tx<'_>,
    keys: &Keys,
    row: &CredentialRow,
    incoming: Incoming<'_>,
    receipt: &Receipt<'_>,
) -> Result<Head> {
    let Incoming { field, value, origin } = incoming;
    let previous = row.heads.iter().find(|head| head.field == *field);
    let version = SecretRow {
        credential: row.id,
        version: previous.map_or(1, |head| head.version + 1),
        field: field.clone(),
        created_at: tx.now(),
        origin: origin.name().into(),
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
        restored_at: None,
        row_tag: [0; 32],
        is_canary: false,
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
    /// The same as a canary: only the tag is another.
    pub(super) fn into_canary(mut self, vault: &VaultRow, keys: &Keys) -> Self {
        self.row.is_canary = true;
        self.row.row_tag = keys.row.tag(self.row.message(vault).as_bytes());
        self
    }

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
    let kind = kind::find(&row.meta.kind).ok();
    let primary = || {
        let of_kind = kind.into_iter().flat_map(|k| k.fields).filter(|f| f.secret);
        let others = row.heads.iter().filter(|head| !kind::is_common(head.field.as_str()));
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
