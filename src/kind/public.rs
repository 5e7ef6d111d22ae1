//! Keeps secrets out of the clear: refuses public fields whose name or value looks like a secret,
//! and addresses that carry a password. Nothing here quotes a value.

use super::services;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Attr, FieldName, Metadata};

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
        return Err(not_a_port());
    }
    meta.fields
        .iter()
        .try_for_each(|(name, value)| check_public(name, value))
}

/// Reads a TCP port.
///
/// # Errors
/// Usage, unless it is a whole number from 1 to 65535.
pub fn parse_port(text: &str) -> Result<u16> {
    // `u16` would also take a plus sign
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = if digits { text.parse().ok() } else { None };
    port.filter(|port| *port != 0).ok_or_else(not_a_port)
}

/// Checks an address, `scheme://host` and whatever follows, and hands it back as it is.
///
/// # Errors
/// Usage when it is malformed; refused when it carries a password or a token.
pub fn parse_url(text: &str) -> Result<String> {
    check_value(text)?;
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Error::usage(
            "an address has no white space and no control characters",
        ));
    }
    let (scheme, rest) = text.split_once("://").ok_or_else(not_a_url)?;
    let (authority, query) = split_authority(rest);
    let (user, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    if services::is_token(user) {
        return Err(address_with("a token"));
    }
    if query
        .split(['?', '&', '#', ';'])
        .skip(1)
        .any(is_secret_pair)
    {
        return Err(address_with("a secret"));
    }
    let (host, port) = split_host(place);
    if !is_scheme(scheme) || !is_host(host) {
        return Err(not_a_url());
    }
    port.map_or(Ok(0), parse_port)?;
    Ok(text.to_owned())
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
        .any(|(at, mark)| has_password(&value[at + mark.len()..]))
    {
        true => Err(address_with("a password")),
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

/// The host of an address.
pub(super) fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let (authority, _) = split_authority(rest);
    let place = authority
        .rsplit_once('@')
        .map_or(authority, |(_, place)| place);
    Some(split_host(place).0)
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
fn smells(name: &str) -> bool {
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

/// Whether what follows `://` has a password before its host. Passwords are pasted unescaped, with
/// slashes in them, so `user:` must be followed by a port and nothing else to pass for a host.
fn has_password(rest: &str) -> bool {
    let rest = rest.split(char::is_whitespace).next().unwrap_or_default();
    let Some((user, _)) = rest.rsplit_once('@') else {
        return false;
    };
    let (authority, tail) = split_authority(user);
    let Some((_, password)) = authority.split_once(':') else {
        return false;
    };
    if tail.is_empty() {
        return !password.is_empty();
    }
    let is_place = authority.starts_with('[') || password.bytes().all(|b| b.is_ascii_digit());
    !is_place
}

fn split_authority(rest: &str) -> (&str, &str) {
    rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()))
}

/// A host, brackets included, and the text behind its colon.
fn split_host(place: &str) -> (&str, Option<&str>) {
    let after = place.rfind(']').map_or(0, |at| at + 1);
    place[after..].find(':').map_or((place, None), |at| {
        (&place[..after + at], Some(&place[after + at + 1..]))
    })
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.:".contains(&b))
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let letter = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    (1..=253).contains(&host.len()) && host.chars().all(letter)
}

fn check_host(host: &str) -> Result<()> {
    check_value(host)?;
    let odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '/' | '@' | '?' | '#');
    match host.contains(odd) {
        true => Err(Error::usage("not a host")
            .hint("write a name or an IP address; use --url for an address")),
        false => Ok(()),
    }
}

fn is_secret_pair(pair: &str) -> bool {
    pair.split_once('=').is_some_and(|(key, value)| {
        !value.is_empty() && smells(&key.to_ascii_lowercase().replace('-', "_"))
    })
}

fn not_a_port() -> Error {
    Error::usage("not a port").hint("write a whole number from 1 to 65535")
}

fn not_a_url() -> Error {
    Error::usage("not an address").hint("write it in full: https://example.com/")
}

fn address_with(what: &str) -> Error {
    Error::new(
        ErrorKind::Refused,
        format!("there is {what} in the address, which is stored in clear"),
    )
    .hint("leave it out of the address and store it sealed")
    .hint("to keep a whole address sealed: --type connection_string")
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
        assert_eq!(
            check_public(&url, "x").unwrap_err().kind(),
            ErrorKind::Usage
        );
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
        assert!(refused(
            "-----BEGIN CERTIFICATE-----\nx\n-----BEGIN PRIVATE KEY-----\n"
        ));
        assert!(!refused("-----BEGIN CERTIFICATE-----\n") && !refused("mail me@example.com: now"));
        assert_eq!(check_value("a\0b").unwrap_err().kind(), ErrorKind::Usage);
    }

    #[test]
    fn addresses() {
        for good in [
            "https://example.com",
            "http://localhost:8080/a?b=c#d",
            "ssh://git@example.com/x",
            "https://[::1]:443/",
            "https://registry.example:4873/@scope/x",
            "postgres://db/x",
            "https://größe.example/",
            "https://example.com/a:b@c",
            "jdbc:mysql://db/x",
        ] {
            assert_eq!(parse_url(good).as_deref().ok(), Some(good));
        }
        for bad in [
            "",
            "example.com",
            "https://",
            "https:///x",
            "://x",
            "1x://x",
            "https://a b",
            "https://a\n",
            "https://x:0/",
            "https://x:65536",
            "https://x:",
            "https://x:+1",
            "https://[::1",
            "https://[x]/",
            "https://a<b>/",
            "https://a\0",
        ] {
            assert_eq!(
                parse_url(bad).unwrap_err().kind(),
                ErrorKind::Usage,
                "{bad:?}"
            );
        }
    }

    #[test]
    fn addresses_with_secrets_are_refused() {
        for bad in [
            "https://user:pw@example.com",
            "https://:pw@example.com/",
            "https://u:p/w@example.com",
            "https://u:p@w@example.com",
            "https://u:p?w#@example.com",
            "https://ghp_x@github.com/",
            "https://example.com/?password=x",
            "https://example.com/?a=b&access_token=x",
            "https://example.com/?next=https://u:p@x",
        ] {
            let error = parse_url(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Refused, "{bad}");
            assert!(!error.message().contains("pw") && !error.hints().is_empty());
        }
    }

    #[test]
    fn ports() {
        assert_eq!(parse_port("1").ok(), Some(1));
        assert_eq!(parse_port("65535").ok(), Some(65_535));
        for bad in [
            "",
            "0",
            "65536",
            "-1",
            "+1",
            " 1",
            "1 ",
            "x",
            "99999999999999999999",
        ] {
            assert_eq!(
                parse_port(bad).unwrap_err().kind(),
                ErrorKind::Usage,
                "{bad:?}"
            );
        }
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
        assert_eq!(
            set(Attr::Description, "https://a:b@c"),
            Some(ErrorKind::Refused)
        );
        let mut meta = Metadata {
            port: Some(0),
            ..Metadata::default()
        };
        assert!(check_metadata(&meta).is_err());
        meta.port = None;
        meta.fields.insert("token".parse().unwrap(), "x".into());
        assert_eq!(
            check_metadata(&meta).unwrap_err().kind(),
            ErrorKind::Refused
        );
    }

    proptest! {
        #[test]
        fn passwords_before_a_host_are_found(password in "[^0-9\\s\\x00-\\x1f].{0,20}") {
            prop_assume!(!password.contains(char::is_whitespace));
            let url = format!("https://user:{password}@example.com/x");
            prop_assert!(parse_url(&url).is_err(), "{url}");
        }

        #[test]
        fn any_text_is_survived(text: String, url in "[a-c:/?#@\\[\\]=&%é ]{0,30}") {
            for text in [&text, &url] {
                let _ = (parse_url(text), parse_port(text), check_value(text), host_of(text));
                let _ = smells(text);
            }
        }
    }
}
