//! References: how a script names a secret without having it (FORMAT.md, "References").

use super::{CredName, FieldName};
use crate::error::{Error, Result};
use std::fmt::{self, Write as _};
use std::str::FromStr;

/// How every reference begins.
pub const SCHEME: &str = "vault://";

/// `vault://NAME/FIELD`, `vault://NAME`, with `?version=N` or `?attribute=totp`. In the name and the
/// field, bytes may be percent-encoded (RFC 3986, section 2.1); `%` and `?` must be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reference {
    text: String,
    place: Option<String>,
    readings: Vec<Reading>,
    /// Which version, if not the current one.
    pub version: Option<u32>,
    /// Not the field itself, but the one-time code of now that it is the seed of.
    pub is_code: bool,
}

/// A credential, and which of its fields; none for the primary one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reading {
    /// The credential.
    pub name: CredName,
    /// The field.
    pub field: Option<FieldName>,
}

impl Reference {
    /// Whether `text` means to be one.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// The same, from a file: errors about it tell where it is written.
    #[must_use]
    pub fn written_at(mut self, place: String) -> Self {
        self.place = Some(place);
        self
    }

    /// Where it is written, if it is in a file.
    #[must_use]
    pub fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }

    /// What it can mean, best first: names may have slashes of their own, so the last slash may stand
    /// before the field, or belong to the name. There is at least one.
    #[must_use]
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// The reference that can mean only this field of this credential.
    #[must_use]
    pub fn certain(name: &CredName, field: &FieldName) -> String {
        format!("{SCHEME}{}/{field}", encoded(name.as_str()))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let Some(rest) = text.strip_prefix(SCHEME) else {
            return Err(wrong("a reference begins with `vault://`"));
        };
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (version, is_code) = asked(query)?;
        if version.is_some() && is_code {
            return Err(wrong("a one-time code is made from the current version"));
        }
        let text = text.to_owned();
        Ok(Self { text, place: None, readings: readings(path)?, version, is_code })
    }
}

/// What stands after the question mark.
fn asked(query: &str) -> Result<(Option<u32>, bool)> {
    let (mut version, mut is_code) = (None, false);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("version", number)) if version.is_none() => {
                let number = number.parse().ok().filter(|number| *number > 0);
                version = Some(number.ok_or_else(|| wrong("a version is a number from 1"))?);
            }
            Some(("attribute", "totp")) => is_code = true,
            _ => return Err(wrong("after `?` comes `version=N` or `attribute=totp`")),
        }
    }
    Ok((version, is_code))
}

fn readings(path: &str) -> Result<Vec<Reading>> {
    let split = path.rsplit_once('/').and_then(|(name, field)| {
        let (name, field) = (decoded(name).ok()?, decoded(field).ok()?);
        Some(Reading { name: name.parse().ok()?, field: Some(field.parse().ok()?) })
    });
    // who writes a slash of the name as %2F means the other one to be none of it
    let is_split = split.is_some() && path.to_ascii_lowercase().contains("%2f");
    let whole = decoded(path)?.parse().map(|name| Reading { name, field: None });
    match (split, whole) {
        (None, Err(e)) => Err(wrong(&format!("a reference names a credential, and {e}"))),
        (split, whole) => Ok(split.into_iter().chain(whole.ok().filter(|_| !is_split)).collect()),
    }
}

fn decoded(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first != b'%' {
            bytes.push(*first);
            rest = after;
            continue;
        }
        let digits = after.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let byte = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = byte.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.ok_or_else(|| wrong("after `%` come two hexadecimal digits"))?);
        rest = &after[2..];
    }
    String::from_utf8(bytes).map_err(|_| wrong("a reference is UTF-8"))
}

/// Every byte that could mean something, in a reference or around it, is encoded, slashes too.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'@' | b':' => {
                out.push(char::from(byte));
            }
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

fn wrong(why: &str) -> Error {
    Error::usage(why)
        .hint("write it as vault://NAME or vault://NAME/FIELD: vault://db/main/password")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, Option<String>)> {
        let reference: Reference = text.parse().unwrap();
        let plain = |r: &Reading| (r.name.to_string(), r.field.as_ref().map(FieldName::to_string));
        reference.readings().iter().map(plain).collect()
    }

    fn pair(name: &str, field: Option<&str>) -> (String, Option<String>) {
        (name.into(), field.map(Into::into))
    }

    #[test]
    fn the_last_slash_may_belong_to_the_name() {
        assert_eq!(read("vault://db"), [pair("db", None)]);
        assert_eq!(read("vault://db/main"), [pair("db", Some("main")), pair("db/main", None)]);
        assert_eq!(
            read("vault://db/main/password"),
            [pair("db/main", Some("password")), pair("db/main/password", None)]
        );
        assert_eq!(read("vault://org/A b"), [pair("org/A b", None)], "no field is called so");
    }

    #[test]
    fn odd_names_are_encoded() {
        assert_eq!(read("vault://db%2Fmain/password"), [pair("db/main", Some("password"))]);
        assert_eq!(read("vault://db%2fmain"), [pair("db/main", None)]);
        assert_eq!(read("vault://gr%C3%B6%C3%9Fe%3F%20100%25"), [pair("größe? 100%", None)]);
        for odd in ["a", "db/main", "größe? 100%", "it's \"ours\"", "a}}b|c", "x#y"] {
            let certain = Reference::certain(&odd.parse().unwrap(), &"password".parse().unwrap());
            assert_eq!(read(&certain)[0], pair(odd, Some("password")), "{certain}");
            assert!(!certain.contains([' ', '\'', '"', '}', '|', '$']), "{certain}");
        }
    }

    #[test]
    fn what_is_asked_for_comes_last() {
        let of = |text: &str| text.parse::<Reference>().map(|r| (r.version, r.is_code));
        assert_eq!(of("vault://a/b?version=3").unwrap(), (Some(3), false));
        assert_eq!(of("vault://a?attribute=totp").unwrap(), (None, true));
        for bad in [
            "db/main",
            "vault://",
            "vault://a?version=0",
            "vault://a?version=x",
            "vault://a?x=y",
            "vault://a?version=1&version=2",
            "vault://a?version=1&attribute=totp",
            "vault://%",
            "vault://%zz",
            "vault://%+1",
            "vault://%ff",
            "vault://-a",
            "vault://a%0Ab",
            "vault:// ",
        ] {
            let error = of(bad).unwrap_err();
            assert!(error.kind() == crate::error::ErrorKind::Usage, "{bad}");
            assert!(!error.hints().is_empty() && !error.message().contains('\n'), "{bad}");
        }
    }
}
