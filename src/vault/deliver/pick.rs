//! What of a credential is wanted, and which credential a reference means.

use crate::error::{Error, ErrorKind, Result};
use crate::kind::TOTP;
use crate::kind::totp::Totp;
use crate::kind::variables::{self, Source};
use crate::model::{CredName, FieldName, Reading, Reference, Secret};
use crate::vault::audit::Receipt;
use crate::vault::keys::Keys;
use crate::vault::lookup::find;
use crate::vault::reveal::no_seed;
use crate::vault::state;
use crate::vault::store::credential as rows;
use crate::vault::store::{CredentialRow, Head};
use crate::vault::tx::Tx;
use crate::vault::versions::{choose, older, open, open_version};

/// What of a credential.
pub(super) enum Pick {
    Secret(Head, Option<u32>),
    Part(Head, variables::Part),
    Code(Head),
    Public(String, String),
}

/// What the log tells apart when a field is handed out.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Sort {
    /// As it is now.
    Current,
    /// A version that was asked for by its number.
    Version(u32),
    /// Not the field itself, but a code made from it.
    Code,
}

impl Pick {
    pub(super) fn of(row: &CredentialRow, source: Source) -> Option<Self> {
        let head = |field: &FieldName| row.heads.iter().find(|head| head.field == *field).cloned();
        match source {
            Source::Secret(field) => head(&field).map(|head| Self::Secret(head, None)),
            Source::Part(field, part) => head(&field).map(|head| Self::Part(head, part)),
            Source::Public(field, value) => Some(Self::Public(field, value)),
        }
    }

    pub(super) fn head(&self) -> Option<&FieldName> {
        match self {
            Self::Secret(head, _) | Self::Part(head, _) | Self::Code(head) => Some(&head.field),
            Self::Public(..) => None,
        }
    }

    pub(super) fn field(&self) -> &str {
        match self {
            Self::Public(field, _) => field,
            Self::Secret(head, _) | Self::Part(head, _) | Self::Code(head) => head.field.as_str(),
        }
    }

    /// Whether the value is to be kept from being seen.
    pub(super) fn is_secret(&self) -> bool {
        match self {
            Self::Secret(..) | Self::Code(_) => true,
            Self::Part(_, part) => part.is_secret(),
            Self::Public(..) => false,
        }
    }

    pub(super) fn sort(&self) -> Sort {
        match self {
            Self::Secret(_, Some(number)) => Sort::Version(*number),
            Self::Code(_) => Sort::Code,
            Self::Secret(_, None) | Self::Part(..) | Self::Public(..) => Sort::Current,
        }
    }

    /// The value. What several parts are read from is opened once.
    pub(super) fn open(
        &self,
        tx: &Tx<'_>,
        keys: &Keys,
        row: &CredentialRow,
        receipt: &Receipt<'_>,
        taken_apart: &mut Option<(FieldName, Secret)>,
    ) -> Result<Option<Secret>> {
        match self {
            Self::Secret(head, None) => open(tx, keys, row, head, receipt).map(Some),
            Self::Secret(head, Some(number)) => {
                let version = older(tx, keys, row, head, *number)?;
                open_version(tx, keys, row, &version, receipt).map(Some)
            }
            Self::Part(head, part) => {
                let known = taken_apart.take().filter(|(field, _)| *field == head.field);
                let known = known.map_or_else(
                    || Ok((head.field.clone(), open(tx, keys, row, head, receipt)?)),
                    Ok::<_, Error>,
                )?;
                let (_, value) = taken_apart.insert(known);
                Ok(part.read(value.expose()).map(Secret::new))
            }
            Self::Code(head) => {
                let seed = open(tx, keys, row, head, receipt)?;
                let totp = Totp::parse(seed.expose()).map_err(|why| no_seed(row, head, why))?;
                Ok(Some(totp.code(tx.now()).value))
            }
            Self::Public(_, value) => Ok(Some(Secret::from_bytes(value.as_bytes()))),
        }
    }
}

/// The place among `rows` of the credential of this name, which is found and checked if it is new.
pub(super) fn row_of(
    tx: &Tx<'_>,
    keys: &Keys,
    rows: &mut Vec<CredentialRow>,
    name: &CredName,
) -> Result<usize> {
    if let Some(at) = rows.iter().position(|row| row.name == name.as_str()) {
        return Ok(at);
    }
    rows.push(find(tx, Some(keys), name, false)?);
    Ok(rows.len() - 1)
}

/// What a reference means: of its readings the one that there is. Two are one too many. Whether all rows
/// are there is looked at once, however many references ask for it.
pub(super) fn resolve(
    tx: &Tx<'_>,
    keys: &Keys,
    rows: &mut Vec<CredentialRow>,
    all_checked: &mut bool,
    reference: &Reference,
) -> Result<(usize, Pick)> {
    let mut found = Vec::new();
    for reading in reference.readings() {
        if rows::exists(tx.db(), reading.name.as_str(), false)? {
            let at = row_of(tx, keys, rows, &reading.name)?;
            found.push((at, reading, pick(&rows[at], reference, reading)));
        }
    }
    let good = found.iter().filter(|(.., pick)| pick.is_ok()).count();
    if good > 1 {
        return Err(ambiguous(reference));
    }
    // the one that fits best, or none, only if nobody took away another
    let first = &reference.readings()[0];
    let is_best = found.iter().any(|(_, reading, pick)| *reading == first && pick.is_ok());
    let is_sure = is_best || found.is_empty() || found.len() == reference.readings().len();
    if !is_sure && !*all_checked {
        state::check_all(tx.db(), tx.vault(), keys)?;
        *all_checked = true;
    }
    match found.into_iter().min_by_key(|(.., pick)| pick.is_err()) {
        Some((at, _, pick)) => pick.map(|pick| (at, pick)),
        None => nowhere(tx, keys, reference),
    }
}

/// Says so, with the nearest names, having made sure that nobody took it away.
fn nowhere<T>(tx: &Tx<'_>, keys: &Keys, reference: &Reference) -> Result<T> {
    let readings = reference.readings();
    find(tx, Some(keys), &readings[readings.len() - 1].name, false)?;
    Err(Error::internal("a credential came to be in its own absence"))
}

fn ambiguous(reference: &Reference) -> Error {
    let certain = |reading: &Reading| {
        let name =
            reading.name.as_str().replace('%', "%25").replace('/', "%2F").replace('?', "%3F");
        reading.field.as_ref().map_or_else(
            || format!("vault://{name}"),
            |field| Reference::certain(&reading.name, field),
        )
    };
    let both: Vec<String> = reference.readings().iter().map(certain).collect();
    Error::new(ErrorKind::Conflict, format!("`{reference}` can mean two things"))
        .hint(format!("write {}", both.join(" or ")))
        .candidates(both)
}

/// What of a credential a reading of a reference means.
fn pick(row: &CredentialRow, reference: &Reference, reading: &Reading) -> Result<Pick> {
    if reference.is_code {
        let totp: FieldName = TOTP.name.parse()?;
        return choose(row, Some(reading.field.as_ref().unwrap_or(&totp))).cloned().map(Pick::Code);
    }
    let public = |field: &FieldName| variables::public_value(field.as_str(), &row.meta);
    match (choose(row, reading.field.as_ref()), &reading.field) {
        (Ok(head), _) => Ok(Pick::Secret(head.clone(), reference.version)),
        (Err(e), Some(field)) => match public(field) {
            Some(_) if reference.version.is_some() => {
                let what = format!("`{field}` of `{}` is no secret and has no versions", row.name);
                Err(Error::usage(what).hint("leave out `?version=`"))
            }
            Some(value) => Ok(Pick::Public(field.to_string(), value)),
            None => Err(e),
        },
        (Err(e), None) => Err(e),
    }
}
