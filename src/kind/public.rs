//! Keeps secrets out of the clear: refuses public fields whose name or value looks like a secret,
//! and addresses that carry a password. Nothing here quotes a value.

use super::address::{self, check_host};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Attr, FieldName, Metadata};

pub use super::address::{parse_port, parse_url};

/// The most versions of a secret that can be asked to be kept; none asks for all.
pub const MOST_KEPT: u32 = 1000;

/// Reads how many versions are to be kept.
///
/// # Errors
/// Usage, unless it is a whole number from 1 to [`MOST_KEPT`].
pub fn parse_keep(text: &str) -> Result<u32> {
    // `u32` would also take a plus sign
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let kept = if digits { text.parse().ok() } else { None };
    kept.filter(|kept| (1..=MOST_KEPT).contains(kept)).ok_or_else(|| {
        Error::usage("not a number of versions")
            .hint(format!("write a number from 1 to {MOST_KEPT}"))
    })
}

/// Checks one public field.
///
/// # Errors
/// Refused when the name or the value looks like a secret; usage when an address is malformed.
pub fn check_public(name: &FieldName, value: &str) -> Result<()> {
    let text = name.as_str();
    if smells(text) {
        let why = format!("`{text}` sounds like a secret, and public fields are stored in clear");
        return Err(Error::new(ErrorKind::Refused, why)
            .hint(format!("store it sealed: --secret-field {text}")));
    }
    match text {
        "port" => parse_port(value).map(drop),
        _ if text == "url" || text.ends_with("_url") => parse_url(value).map(drop),
        _ => check_value(value),
    }
}

/// Checks everything that will be stored in clear.
///
/// # Errors
/// As [`check_public`].
pub fn check_metadata(meta: &Metadata) -> Result<()> {
    for attr in Attr::ALL {
        match (attr, meta.get(attr)) {
            (_, None) => (),
            (Attr::Url, Some(url)) => parse_url(url).map(drop)?,
            (Attr::Host, Some(host)) => check_host(host)?,
            (_, Some(text)) => check_value(text)?,
        }
    }
    if meta.port == Some(0) {
        return Err(address::not_a_port());
    }
    meta.fields.iter().try_for_each(|(name, value)| check_public(name, value))
}

/// Checks a text that will be stored in clear, whatever its name.
pub(super) fn check_value(value: &str) -> Result<()> {
    if value.contains('\0') {
        return Err(Error::usage("a public value cannot contain a NUL byte"));
    }
    if holds_private_key(value) {
        let why = "there is a private key in it, and public fields are stored in clear";
        return Err(
            Error::new(ErrorKind::Refused, why).hint("store it sealed: --secret-field private_key")
        );
    }
    match value
        .match_indices("://")
        .any(|(at, mark)| address::has_password(&value[at + mark.len()..]))
    {
        true => Err(address::address_with("a password")),
        false => Ok(()),
    }
}

/// Whether there is a private key in PEM in `text`.
pub(super) fn holds_private_key(text: &str) -> bool {
    text.split("-----BEGIN ").skip(1).any(|block| {
        let label = block.split_once("-----").map_or("", |(label, _)| label);
        label.ends_with("PRIVATE KEY") || label.ends_with("PRIVATE KEY BLOCK")
    })
}

/// Words that name a secret, alone or at the end of a longer word (`dbpassword`).
const SECRETS: &[&str] = &[
    "accesskey",
    "apikey",
    "credential",
    "credentials",
    "passphrase",
    "passphrases",
    "passwd",
    "password",
    "passwords",
    "privatekey",
    "pwd",
    "secret",
    "secretkey",
    "secrets",
    "token",
];

/// Words that name a secret when they stand alone.
const SECRET_WORDS: &[&str] = &[
    "apikeys",
    "auth",
    "authorization",
    "bearer",
    "cookie",
    "creds",
    "dbpass",
    "jwt",
    "mnemonic",
    "otp",
    "pass",
    "passcode",
    "pin",
    "totp",
    "userpass",
];

/// Words that make a secret of a key.
const SECRET_KEYS: &[&str] = &[
    "access",
    "account",
    "api",
    "auth",
    "encryption",
    "hmac",
    "master",
    "private",
    "secret",
    "service",
    "session",
    "shared",
    "signing",
    "ssh",
];

/// Last words of names that tell something about a secret, but not the secret.
const ABOUT: &[&str] = &[
    "age",
    "alg",
    "algorithm",
    "at",
    "audience",
    "count",
    "database",
    "date",
    "days",
    "db",
    "domain",
    "endpoint",
    "env",
    "expiry",
    "expires",
    "field",
    "fingerprint",
    "format",
    "header",
    "host",
    "id",
    "issuer",
    "kind",
    "length",
    "location",
    "method",
    "mode",
    "name",
    "owner",
    "param",
    "path",
    "policy",
    "port",
    "prefix",
    "provider",
    "realm",
    "region",
    "role",
    "scheme",
    "scope",
    "scopes",
    "server",
    "service",
    "source",
    "status",
    "store",
    "ttl",
    "type",
    "uri",
    "url",
    "user",
    "username",
    "version",
];

/// Whether a field called `name` must be expected to hold a secret.
pub(super) fn smells(name: &str) -> bool {
    let words: Vec<_> = name
        .split('_')
        .map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit()))
        .filter(|word| !word.is_empty())
        .collect();
    let first = words.first().copied().unwrap_or_default();
    let last = words.last().copied().unwrap_or_default();
    // with a secret_id and its role_id one logs in to AppRole
    if words.ends_with(&["secret", "id"]) {
        return true;
    }
    if matches!(first, "public" | "publishable") || (words.len() > 1 && ABOUT.contains(&last)) {
        return false;
    }
    let key = |pair: &[&str]| matches!(pair[1], "key" | "keys") && SECRET_KEYS.contains(&pair[0]);
    let secret = |word: &&str| {
        SECRET_WORDS.contains(word) || SECRETS.iter().any(|secret| word.ends_with(secret))
    };
    words.iter().any(secret) || words.windows(2).any(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_smell_are_refused() {
        for name in "password passwd pwd passphrase token secret api_key apikey private_key access_key \
                     credential credentials auth db_password secret_key password2 dbpassword api_key_2 \
                     stripe_api_key auth_token client_secret aws_secret_access_key pass user_pass totp \
                     bearer session_key ssh_key password_hash secret_id"
            .split_whitespace()
        {
            let error = check_public(&name.parse().unwrap(), "x").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Refused, "{name}");
            assert_eq!(error.hints(), [format!("store it sealed: --secret-field {name}")]);
        }
    }

    #[test]
    fn names_about_secrets_are_fine() {
        for name in "public_key host_key key_id client_id scopes access_key_id secret_name key \
                     token_type auth_method auth_user password_policy author passenger max_tokens \
                     tokenizer compass bypass region header query issuer scheme chain monkey \
                     publishable_key keyboard secretary note"
            .split_whitespace()
        {
            assert!(check_public(&name.parse().unwrap(), "x").is_ok(), "{name}");
        }
        let url = "token_url".parse().unwrap();
        assert!(check_public(&url, "https://x.example/token").is_ok());
        assert_eq!(check_public(&url, "x").unwrap_err().kind(), ErrorKind::Usage);
    }

    #[test]
    fn the_words_are_sorted() {
        for table in [SECRETS, SECRET_WORDS, SECRET_KEYS] {
            assert!(table.windows(2).all(|pair| pair[0] < pair[1]), "{table:?}");
        }
    }

    #[test]
    fn values_that_are_secrets_are_refused() {
        let refused =
            |value| check_value(value).err().map(|e| e.kind()) == Some(ErrorKind::Refused);
        assert!(refused("see https://user:pw@example.com for more"));
        assert!(refused("-----BEGIN RSA PRIVATE KEY-----\n"));
        assert!(refused("-----BEGIN CERTIFICATE-----\nx\n-----BEGIN PRIVATE KEY-----\n"));
        assert!(!refused("-----BEGIN CERTIFICATE-----\n") && !refused("mail me@example.com: now"));
        assert_eq!(check_value("a\0b").unwrap_err().kind(), ErrorKind::Usage);
    }

    #[test]
    fn metadata_is_checked_as_a_whole() {
        let set = |attr, text: &str| {
            let mut meta = Metadata::default();
            meta.set(attr, Some(text.into()));
            check_metadata(&meta).err().map(|e| e.kind())
        };
        assert_eq!(set(Attr::Host, "db.internal"), None);
        assert_eq!(set(Attr::Host, "fe80::1"), None);
        assert_eq!(set(Attr::Host, "a b"), Some(ErrorKind::Usage));
        assert_eq!(set(Attr::Url, "db.internal"), Some(ErrorKind::Usage));
        assert_eq!(set(Attr::Url, "https://a:b@c"), Some(ErrorKind::Refused));
        assert_eq!(set(Attr::Description, "https://a:b@c"), Some(ErrorKind::Refused));
        let mut meta = Metadata::default();
        meta.port = Some(0);
        assert!(check_metadata(&meta).is_err());
        meta.port = None;
        meta.fields.insert("token".parse().unwrap(), "x".into());
        assert_eq!(check_metadata(&meta).unwrap_err().kind(), ErrorKind::Refused);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text: String, url in "[a-c:/?#@\\[\\]=&%é ]{0,30}") {
            for text in [&text, &url] {
                let _ = (check_value(text), smells(text));
            }
        }
    }
}
