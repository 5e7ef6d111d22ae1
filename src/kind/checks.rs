//! Warnings about values that look wrong: what people paste by mistake. A warning is a predicate
//! ("ends with a line break") to be put behind the name of the field; it never quotes the value.

use super::totp::Totp;
use super::{Kind, TOTP, address, dsn, public, services, totp};
use crate::error::{Error, Result};
use crate::model::{Attr, Metadata};
use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

/// All warnings about `value` as the secret field `field` of `kind`: those of the field's own check
/// and, where `meta` leads to a well-known service, whether it looks like a token of that service.
#[must_use]
pub fn warnings(kind: &Kind, field: &str, value: &[u8], meta: &Metadata) -> Vec<String> {
    let mut found = match kind.secret_field(field).map(|field| field.check) {
        Some(Some(check)) => check(value),
        Some(None) => Vec::new(),
        None => any(value),
    };
    found.extend(prefix(kind, field, value, meta));
    found
}

/// Refuses what can never be of use in the field, whoever insists: what no code can be made from in
/// the place of a seed.
///
/// # Errors
/// Usage (2).
pub fn refuse(field: &str, value: &[u8]) -> Result<()> {
    if field != TOTP.name {
        return Ok(());
    }
    if totp::is_counted(value) {
        return Err(Error::usage("codes that are counted (HOTP) cannot be made here")
            .hint("set the login up again with a time-based app (TOTP)")
            .hint("or only keep it: --type custom --secret-field hotp"));
    }
    match Totp::parse(value) {
        Ok(_) => Ok(()),
        Err(wrong) => Err(Error::usage(format!("`{field}` {wrong}"))
            .hint("copy the seed again from the service; it looks like JBSWY3DPEHPK3PXP")
            .hint("or only keep it: --type custom --secret-field seed")),
    }
}

/// A value of one line: no line breaks, no white space around it, no control characters, UTF-8.
#[must_use]
pub fn one_line(value: &[u8]) -> Vec<String> {
    let Ok(text) = std::str::from_utf8(value) else {
        return vec!["is not UTF-8 text".into()];
    };
    if text.is_empty() {
        return vec!["is empty".into()];
    }
    let line = text.trim_end_matches(['\r', '\n']);
    let rows = [
        (line.len() < text.len(), "ends with a line break, which would be stored too"),
        (line.trim() != line, "begins or ends with white space"),
        (line.contains(['\r', '\n']), "has more than one line"),
        (line.contains('\0'), "contains a NUL byte"),
        (line.chars().any(is_odd_control), "contains control characters"),
    ];
    said(&rows)
}

/// A key or token: one line, and not the whole header.
#[must_use]
pub fn token(value: &[u8]) -> Vec<String> {
    let mut found = one_line(value);
    found.extend(bearer(value));
    found
}

/// A JSON web token: three parts in base64url.
#[must_use]
pub fn jwt(value: &[u8]) -> Vec<String> {
    let mut found = token(value);
    let parts: Vec<_> = value.trim_ascii().split(|byte| *byte == b'.').collect();
    let encoded = |part: &&[u8]| BASE64URL_NOPAD.decode(part).map(Zeroizing::new).is_ok();
    let wrong = match parts[..] {
        [_, _, _, _, _] => Some("is an encrypted token; nothing can be read from it"),
        [header, body, _] if header.is_empty() || body.is_empty() => Some(NOT_A_JWT),
        [_, _, b""] => Some("has no signature"),
        [_, _, _] => (!parts.iter().all(encoded)).then_some(NOT_A_JWT),
        _ => Some(NOT_A_JWT),
    };
    found.extend(wrong.map(str::to_owned));
    found
}

/// The seed of one-time codes: base32, or an `otpauth://` address.
#[must_use]
pub fn totp(value: &[u8]) -> Vec<String> {
    let mut found = one_line(value);
    found.extend(match Totp::parse(value) {
        Ok(seed) => seed.is_short().then(|| "is a short seed; is it complete?".to_owned()),
        Err(wrong) => Some(format!("{wrong}; no codes can be made from it")),
    });
    found
}

/// The password of an SSH login, which is not its key.
#[must_use]
pub fn ssh_password(value: &[u8]) -> Vec<String> {
    if value.trim_ascii_start().starts_with(b"-----BEGIN ") {
        return vec!["looks like a private key; the field for that is `private_key`".into()];
    }
    if std::str::from_utf8(value).is_ok_and(is_public_key) {
        return vec!["looks like a public key, which is no secret".into()];
    }
    one_line(value)
}

/// A private key as OpenSSH reads it.
#[must_use]
pub fn ssh_private_key(value: &[u8]) -> Vec<String> {
    let mut found = pem_private_key(value);
    if found.is_empty() && !value.ends_with(b"\n") {
        found.push("lacks the final line break, without which OpenSSH refuses it".into());
    }
    if found.is_empty() && value.contains(&b'\r') {
        found.push("has carriage returns, which OpenSSH may refuse".into());
    }
    found
}

/// A private key in PEM.
#[must_use]
pub fn pem_private_key(value: &[u8]) -> Vec<String> {
    let Ok(text) = std::str::from_utf8(value) else {
        return vec!["is not UTF-8 text, so not PEM".into()];
    };
    let text = text.trim_start();
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| text.starts_with(prefix));
    let private = public::holds_private_key(text);
    let wrong = match () {
        () if text.is_empty() => "is empty",
        () if begins(&["PuTTY-User-Key-File"]) => {
            "is a PuTTY key; export it in OpenSSH form: puttygen KEY -O private-openssh -o FILE"
        }
        () if !private && is_public_key(text) => "is a public key, not a private one",
        () if !private && text.contains("-----BEGIN CERTIFICATE-----") => {
            "is a certificate, not a private key"
        }
        () if !private => "does not look like a private key in PEM",
        () if !text.contains("PRIVATE KEY-----\n") && !text.contains("PRIVATE KEY-----\r\n") => {
            "has no line breaks"
        }
        () if !ends_too(text) => "has no end line; is it complete?",
        () => return said(&[(text.contains('\0'), "contains a NUL byte")]),
    };
    vec![wrong.into()]
}

fn is_public_key(text: &str) -> bool {
    let text = text.trim_start();
    PUBLIC_KEYS.iter().any(|prefix| text.starts_with(prefix)) || text.contains(" PUBLIC KEY-----")
}

/// A connection string: an address or keywords, with a password.
#[must_use]
pub fn connection_string(value: &[u8]) -> Vec<String> {
    let mut found = one_line(value);
    let Ok(text) = std::str::from_utf8(value) else {
        return found;
    };
    if text.trim().is_empty() {
        return found;
    }
    let wrong = match dsn::form(text) {
        None => Some("has no scheme such as `postgres://` and no `key=value` pairs"),
        Some(dsn::Form::Url | dsn::Form::Keywords | dsn::Form::Go) => {
            (!dsn::has_password(text)).then_some("has no password in it")
        }
    };
    found.extend(wrong.map(str::to_owned));
    found
}

const NOT_A_JWT: &str = "is not three base64url parts with dots between";

/// How public keys begin in `authorized_keys`, and in the form of other SSH programs.
const PUBLIC_KEYS: &[&str] = &["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-", "---- BEGIN SSH2 PUBLIC"];

/// A value nothing is known of: only what is wrong with any text of one line.
fn any(value: &[u8]) -> Vec<String> {
    let Ok(text) = std::str::from_utf8(value) else {
        return Vec::new();
    };
    let one = text.trim_end_matches(['\r', '\n']);
    if one.contains(['\r', '\n', '\0']) {
        return Vec::new();
    }
    one_line(value)
}

fn bearer(value: &[u8]) -> Option<String> {
    let word = value.trim_ascii_start().get(..7)?;
    let found = word.eq_ignore_ascii_case(b"bearer ");
    found.then(|| "begins with `Bearer`, which is not part of the token".into())
}

fn is_odd_control(c: char) -> bool {
    c.is_control() && !matches!(c, '\r' | '\n' | '\0')
}

/// Whether a private key has its end line, wherever in a bundle it stands.
fn ends_too(text: &str) -> bool {
    text.split("-----END ")
        .skip(1)
        .any(|end| end.split_once("-----").is_some_and(|(label, _)| label.ends_with("PRIVATE KEY")))
}

fn said(rows: &[(bool, &str)]) -> Vec<String> {
    rows.iter().filter(|(wrong, _)| *wrong).map(|(_, why)| (*why).to_owned()).collect()
}

/// Whether the value begins otherwise than the tokens of the service it is for.
fn prefix(kind: &Kind, field: &str, value: &[u8], meta: &Metadata) -> Option<String> {
    let access_token = match (kind.name, field) {
        ("api_key", "api_key") | ("bearer_token", "token") => false,
        ("oauth", "access_token") => true,
        _ => return None,
    };
    if is_aws_id(value) {
        return Some("looks like an AWS access key ID, which is not the secret".into());
    }
    let url = meta.get(Attr::Url).and_then(address::host_of);
    let (domain, service) = url.or_else(|| meta.get(Attr::Host)).and_then(services::at)?;
    let prefixes = if access_token { service.access_tokens } else { service.keys };
    let fine = prefixes.iter().any(|prefix| value.starts_with(prefix.as_bytes()));
    if fine || prefixes.is_empty() {
        return None;
    }
    let list: Vec<_> = prefixes.iter().map(|prefix| format!("`{prefix}`")).collect();
    Some(format!("does not begin with {}, as tokens of {domain} do", list.join(" or ")))
}

fn is_aws_id(value: &[u8]) -> bool {
    let id = value.trim_ascii();
    id.len() == 20
        && (id.starts_with(b"AKIA") || id.starts_with(b"ASIA"))
        && id.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::super::{ALL, find};
    use super::*;
    use proptest::prelude::*;

    fn warned(kind: &str, field: &str, value: &str, url: &str) -> String {
        let mut meta = Metadata::default();
        meta.set(Attr::Url, Some(url.into()));
        warnings(find(kind).unwrap(), field, value.as_bytes(), &meta).join("; ")
    }

    #[test]
    fn one_line_values() {
        let rows = [
            (&b"fine value"[..], ""),
            (b"", "is empty"),
            (b"x\n", "ends with a line break, which would be stored too"),
            (b"x\r\n", "ends with a line break, which would be stored too"),
            (b" x", "begins or ends with white space"),
            (b"a\nb", "has more than one line"),
            (b"a\0b", "contains a NUL byte"),
            (b"a\x1bb", "contains control characters"),
            (b"\xff", "is not UTF-8 text"),
        ];
        for (value, expected) in rows {
            assert_eq!(one_line(value).join("; "), expected, "{value:?}");
        }
    }

    #[test]
    fn private_keys() {
        let good = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n";
        let bundle = "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n";
        let rows = [
            (good.to_owned(), ""),
            (format!("{bundle}{good}"), ""),
            (format!("{good}{bundle}"), ""),
            (
                good.trim_end().to_owned(),
                "lacks the final line break, without which OpenSSH refuses it",
            ),
            (good.replace('\n', "\r\n"), "has carriage returns, which OpenSSH may refuse"),
            (good.replace('\n', " "), "has no line breaks"),
            (good[..45].to_owned(), "has no end line; is it complete?"),
            (bundle.to_owned(), "is a certificate, not a private key"),
            ("ssh-ed25519 AAAA me".into(), "is a public key, not a private one"),
            ("-----BEGIN PUBLIC KEY-----\n".into(), "is a public key, not a private one"),
            ("hunter2".into(), "does not look like a private key in PEM"),
            (String::new(), "is empty"),
        ];
        for (value, expected) in rows {
            assert_eq!(ssh_private_key(value.as_bytes()).join("; "), expected, "{value}");
        }
        assert!(ssh_private_key(b"PuTTY-User-Key-File-3: x")[0].starts_with("is a PuTTY key"));
        assert!(ssh_password(good.as_bytes())[0].contains("`private_key`"));
    }

    #[test]
    fn tokens_and_connection_strings() {
        assert_eq!(token(b"Bearer x").len(), 1);
        assert_eq!(jwt(b"e30.e30.e30"), Vec::<String>::new());
        assert_eq!(jwt(b"e30.e30."), ["has no signature"]);
        assert_eq!(jwt(b"a.b.c.d.e").len(), 1);
        for bad in ["", "e30", "e30.e30", "e30..e30", "e30.!!.e30", "a.b.c.d"] {
            assert!(!jwt(bad.as_bytes()).is_empty(), "{bad}");
        }
        assert_eq!(connection_string(b"postgres://a:b@c/d"), Vec::<String>::new());
        assert_eq!(connection_string(b"postgres://c/d"), ["has no password in it"]);
        assert_eq!(connection_string(b"hunter2").len(), 1);
        assert_eq!(connection_string(b""), ["is empty"]);
        assert_eq!(totp(b"otpauth://totp/x?secret=JBSWY3DPEHPK3PXP"), Vec::<String>::new());
        assert_eq!(totp(b"JBSWY3DP"), ["is a short seed; is it complete?"]);
        for bad in ["not base 32!", "otpauth://totp/x?secret=A", "otpauth://hotp/x?secret=GEZDGNBV"]
        {
            assert!(totp(bad.as_bytes())[0].ends_with("; no codes can be made from it"), "{bad}");
        }
    }

    #[test]
    fn tokens_fit_their_service() {
        let github = "does not begin with `ghp_` or `github_pat_` or `gho_` or `ghu_` or `ghs_`, \
                      as tokens of github.com do";
        assert_eq!(warned("token", "token", "x", "https://api.github.com/user"), github);
        assert_eq!(warned("token", "token", "ghp_x", "https://api.github.com"), "");
        assert_eq!(warned("token", "token", "x", "https://example.com"), "");
        assert_eq!(warned("password", "password", "x", "https://github.com"), "");
        assert_eq!(warned("oauth", "client_secret", "x", "https://github.com"), "");
        assert_ne!(warned("oauth", "access_token", "x", "https://github.com"), "");
        assert_ne!(warned("api_key", "api_key", "AKIAIOSFODNN7EXAMPLE", ""), "");
        let mut meta = Metadata::default();
        meta.set(Attr::Host, Some("api.openai.com".into()));
        assert_eq!(warnings(find("api_key").unwrap(), "api_key", b"x", &meta).len(), 1);
    }

    #[test]
    fn unknown_fields_may_hold_anything_but_slips() {
        assert_eq!(warned("custom", "pin", "1234", ""), "");
        assert_ne!(warned("custom", "pin", "1234\n", ""), "");
        assert_eq!(warned("custom", "blob", "a\nb\n", ""), "");
        assert_eq!(warned("password", "notes", "a\nb \n", ""), "");
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived_and_never_quoted(mut value: Vec<u8>) {
            value.extend_from_slice("§secret§".as_bytes());
            for kind in ALL {
                for field in kind.secret_fields() {
                    for warning in warnings(kind, field.name, &value, &Metadata::default()) {
                        prop_assert!(!warning.contains('§'), "{warning}");
                    }
                }
            }
        }
    }
}
