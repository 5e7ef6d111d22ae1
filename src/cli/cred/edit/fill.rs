//! An edited text, read back: every key is known, and every value is checked as on the command line.
//! No message quotes a value, nor a line of the text.

use crate::cli::cred::{meta, set};
use crate::cli::toml_text::{flag, list, parse, text, wants};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::{self, Kind, public};
use crate::model::{Attr, FieldName, Metadata, Secret, Timestamp, parse_duration, parse_when};
use crate::vault::Credential;
use toml::Value;

/// What a text says.
pub(super) struct Filled {
    /// All of the metadata.
    pub(super) meta: Metadata,
    /// The secrets that differ.
    pub(super) secrets: Vec<(FieldName, Secret)>,
}

/// Reads `text`, which was made of `credential` and of `secrets`, if those were shown.
///
/// # Errors
/// Usage (2), naming line or key; refused (14) for a secret in a public place.
pub(super) fn read(
    text: &Secret,
    credential: &Credential,
    kind: &Kind,
    secrets: Option<&[(FieldName, Secret)]>,
    now: Timestamp,
) -> Result<Filled> {
    let mut table = parse(text)?;
    let values = table.remove("secrets");
    let mut meta = cleared(&credential.meta);
    for (key, value) in table {
        let put = one(&mut meta, credential, &key, &value, now);
        put.map_err(|e| about(&key, &e))?;
    }
    public::check_metadata(&meta)?;
    let secrets = match (values, secrets) {
        (None, _) => Vec::new(),
        (Some(values), Some(secrets)) => changed(&values, kind, secrets)?,
        (Some(_), None) => return Err(no_secrets_here()),
    };
    Ok(Filled { meta, secrets })
}

/// The metadata without what the text can say.
fn cleared(old: &Metadata) -> Metadata {
    let mut meta = Metadata::default();
    meta.kind.clone_from(&old.kind);
    meta.last_rotated_at = old.last_rotated_at;
    meta.last_verified_at = old.last_verified_at;
    meta.verdict.clone_from(&old.verdict);
    meta
}

/// Puts one key of the text into its place.
fn one(
    meta: &mut Metadata,
    credential: &Credential,
    key: &str,
    value: &Value,
    now: Timestamp,
) -> Result<()> {
    match key {
        _ if is_attr(key) => meta::set_field(meta, &key.parse()?, text(value)?)?,
        "name" => stays(text(value)? == credential.name, "vault cred rename OLD NEW")?,
        "type" => stays(text(value)? == credential.meta.kind, "vault cred clone OLD NEW")?,
        "port" => meta.port = filled(&scalar(value)?).map(public::parse_port).transpose()?,
        "tags" => {
            for tag in list(value)? {
                meta.tags.insert(text(tag)?.parse()?);
            }
        }
        "requires_vpn" => meta.requires_vpn = flag(value)?,
        "requires_2fa" => meta.requires_2fa = flag(value)?,
        "expires" => {
            let at = |text| parse_when(text, now, true);
            meta.expires_at = filled(&scalar(value)?).map(at).transpose()?;
        }
        "rotate_every" => {
            meta.rotate_every = filled(text(value)?).map(parse_duration).transpose()?;
        }
        "keep" => meta.keep = Some(keep(value)?),
        "fields" => {
            for (key, value) in value.as_table().ok_or_else(|| wants("a table: [fields]"))? {
                field(meta, key, value).map_err(|e| about(key, &e))?;
            }
        }
        _ => return Err(unknown(key)),
    }
    Ok(())
}

/// Puts a further public field into its place.
fn field(meta: &mut Metadata, key: &str, value: &Value) -> Result<()> {
    let name: FieldName = key.parse()?;
    match is_attr(key) || key == "port" {
        true => Err(Error::usage("is a key of its own").hint("move it above `[fields]`")),
        false => meta::set_field(meta, &name, &scalar(value)?),
    }
}

/// The secrets that are other than they were.
fn changed(
    values: &Value,
    kind: &Kind,
    old: &[(FieldName, Secret)],
) -> Result<Vec<(FieldName, Secret)>> {
    let have: Vec<_> = old.iter().map(|(field, _)| field).collect();
    let mut changed = Vec::new();
    for (key, value) in values.as_table().ok_or_else(|| wants("a table: [secrets]"))? {
        let (field, value) = secret(kind, &have, key, value).map_err(|e| about(key, &e))?;
        let before = old.iter().find(|(name, _)| *name == field).map(|(_, value)| value);
        if before.is_none_or(|before| before.expose() != value.as_bytes()) {
            let media = before.and_then(Secret::media).map(str::to_owned);
            changed.push((field, Secret::from_bytes(value.as_bytes()).with_media(media)));
        }
    }
    Ok(changed)
}

fn secret<'v>(
    kind: &Kind,
    have: &[&FieldName],
    key: &str,
    value: &'v Value,
) -> Result<(FieldName, &'v str)> {
    let (field, value) = (key.parse()?, text(value)?);
    if !set::fits(kind, have, &field) {
        return Err(Error::usage("no secret field of this type"));
    }
    match value.is_empty() {
        true => Err(Error::usage("the value is empty")
            .hint("take the line out to leave the value as it is")),
        false => Ok((field, value)),
    }
}

fn is_attr(key: &str) -> bool {
    Attr::ALL.iter().any(|attr| attr.name() == key)
}

fn stays(same: bool, hint: &str) -> Result<()> {
    match same {
        true => Ok(()),
        false => Err(Error::usage("this is not changed by editing").hint(hint)),
    }
}

/// A value that people may write with quotes or without.
fn scalar(value: &Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Boolean(flag) => Ok(flag.to_string()),
        Value::Datetime(at) => Ok(at.to_string()),
        Value::Float(_) | Value::Array(_) | Value::Table(_) => Err(wants("text, in quotes")),
    }
}

fn keep(value: &Value) -> Result<u32> {
    let number = value.as_integer().and_then(|number| u32::try_from(number).ok());
    number.filter(|n| (1..=1000).contains(n)).ok_or_else(|| wants("a number from 1 to 1000"))
}

fn filled(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// A key that is none may be a secret in the wrong place: then its name says so.
fn unknown(key: &str) -> Error {
    let smells = key.parse().ok().and_then(|name| public::check_public(&name, "").err());
    smells.filter(|e| e.kind() == ErrorKind::Refused).unwrap_or_else(|| {
        let error = Error::usage("there is no such key");
        match nearest(key) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint("further public fields stand under `[fields]`"),
        }
    })
}

/// The key that `key` is most likely a slip of.
fn nearest(key: &str) -> Option<&'static str> {
    let all = Attr::ALL.into_iter().map(Attr::name).chain(KEYS);
    let near = all.map(|name| (strsim::damerau_levenshtein(name, key), name));
    near.min().filter(|(distance, name)| *distance <= name.len() / 3).map(|(_, name)| name)
}

/// The keys that are no texts.
const KEYS: [&str; 7] =
    ["expires", "keep", "port", "requires_2fa", "requires_vpn", "rotate_every", "tags"];

fn no_secrets_here() -> Error {
    Error::new(ErrorKind::Refused, "secrets are edited with `--secrets` only")
        .hint("vault cred edit NAME --secrets")
}

/// The error with the key it is about, unless that may itself be a secret.
fn about(key: &str, cause: &Error) -> Error {
    let message = match (cause.message().starts_with('`'), kind::repeatable(key)) {
        (true, _) => cause.message().to_owned(),
        (false, true) => format!("`{key}`: {}", cause.message()),
        (false, false) => format!("a key: {}", cause.message()),
    };
    let error = Error::new(cause.kind(), message);
    cause.hints().iter().fold(error, |error, hint| error.hint(hint.as_str()))
}
