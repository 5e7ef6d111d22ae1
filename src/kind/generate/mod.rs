//! Makes secrets up. Randomness comes straight from the operating system, nothing is drawn with a
//! bias, and nothing is left behind in memory.
//!
//! The words of passphrases are the EFF large word list, © Electronic Frontier Foundation, licensed
//! under CC BY 3.0 US; see `eff_large.md`.

mod alphabet;
mod characters;
mod key_pair;
mod policy;
mod settings;

use super::Kind;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
pub use characters::Characters;
use policy::Shape;
pub use policy::{Made, Policy};
pub use settings::{Settings, Wish, is_name};

/// The fewest characters a secret is made of.
pub const SHORTEST: u16 = 8;
/// The most.
pub const LONGEST: u16 = 1024;
/// The most words a passphrase has.
pub const MOST_WORDS: u16 = 64;

/// A random value for the secret field `field` of `kind`, as `wished`, or of the kind's own
/// composition.
///
/// # Errors
/// Usage when the wish cannot be met or does not fit, or there is no such field; unsupported when
/// the value must come from elsewhere.
pub fn generate(kind: &Kind, field: &str, wished: Option<&Settings>) -> Result<Secret> {
    policy(kind, field, wished)?.make().map(|made| made.secret)
}

/// What a value for `field` is to consist of.
fn policy(kind: &Kind, field: &str, wished: Option<&Settings>) -> Result<Policy> {
    let own = own(kind, field)?;
    let policy = match (wished, own.characters()) {
        (None, _) => own,
        (Some(wished), Some(own)) => wished.policy(own)?,
        (Some(wished), None) => wished.policy(&Characters::password())?,
    };
    fits(kind, field, &policy)?;
    Ok(policy)
}

/// Whether [`generate`] would make a value for `field` that is of use without anything else.
///
/// # Errors
/// As there; unsupported for a passphrase, which goes with a key.
pub fn check(kind: &Kind, field: &str, wished: Option<&Settings>) -> Result<()> {
    match (kind.name, field) {
        ("ssh", "passphrase") => {
            let what = "`passphrase` goes with the private key, and is not made up alone";
            let hint = "a key that is made up needs none: waive it, or store one with its key";
            Err(Error::new(ErrorKind::Unsupported, what).hint(hint))
        }
        _ => policy(kind, field, wished).map(drop),
    }
}

/// The secret field of `kind` that a value goes into when it is made up as `wished` and nobody says
/// where: the primary one, but a key pair into the field for private keys.
#[must_use]
pub fn field_for(kind: &Kind, wished: Option<&Settings>) -> Option<&'static super::Field> {
    let pair = wished.is_none_or(|wished| wished.ed25519 || wished.rsa.is_some());
    let keys = kind.secret_fields().find(|field| pair && is_for_pairs(kind, field.name));
    keys.or_else(|| kind.primary())
}

/// A passphrase of `words` words, [`MOST_WORDS`] at most, with `-` between them. Each word is worth
/// 12.9 bits.
#[must_use]
pub fn passphrase(words: u16) -> Secret {
    policy::words(words.min(MOST_WORDS), "-")
}

/// What the kind itself takes for `field`.
fn own(kind: &Kind, field: &str) -> Result<Policy> {
    let elsewhere = |hint: &str| {
        let why = format!("`{field}` of type `{}` cannot be made up", kind.name);
        Err(Error::new(ErrorKind::Unsupported, why).hint(hint))
    };
    match (kind.name, field) {
        _ if !kind.open && kind.secret_field(field).is_none() => {
            Err(Error::usage(format!("type `{}` has no such secret field", kind.name)))
        }
        (_, "notes") => elsewhere("write them yourself: --stdin or --file"),
        (_, "totp") => elsewhere("the service shows it when two-factor login is set up"),
        ("oauth", "refresh_token" | "access_token") => elsewhere("the service issues it"),
        _ if is_for_pairs(kind, field) => Ok(Policy::new(Shape::Ed25519)),
        ("certificate", _) => {
            elsewhere("openssl genpkey -algorithm ed25519 -out KEY, then --file KEY")
        }
        ("jwt", _) => elsewhere("the issuer signs it"),
        ("connection_string", _) => elsewhere("write the whole address: --stdin"),
        ("password" | "http_basic" | "ssh", _) => Ok(of_characters(Characters::password())),
        _ => Ok(of_characters(Characters::token())),
    }
}

/// Refuses a key pair where no private key belongs, and anything else where one does.
fn fits(kind: &Kind, field: &str, policy: &Policy) -> Result<()> {
    match (policy.is_key_pair(), is_for_pairs(kind, field)) {
        (true, false) if !kind.open => {
            Err(Error::usage(format!("`{field}` of type `{}` holds no key pair", kind.name))
                .hint("keep it with `--type ssh`, in the field `private_key`"))
        }
        (false, true) => Err(Error::usage(format!("`{field}` holds a private key"))
            .hint("ed25519 or rsa:4096, or name the field `password`")),
        (true | false, _) => Ok(()),
    }
}

/// Whether the field holds the private half of a key pair.
#[must_use]
pub fn is_for_pairs(kind: &Kind, field: &str) -> bool {
    kind.name == "ssh" && field == "private_key"
}

fn of_characters(characters: Characters) -> Policy {
    Policy::new(Shape::Characters(characters))
}

#[cfg(test)]
mod tests {
    use super::super::{ALL, checks, find};
    use super::*;
    use crate::model::Metadata;

    fn made(kind: &str, field: &str, wished: &str) -> Result<String> {
        let wished = Some(wished).filter(|text| !text.is_empty());
        let wished = wished.map(str::parse::<Settings>).transpose()?;
        let secret = generate(find(kind).unwrap(), field, wished.as_ref())?;
        Ok(String::from_utf8(secret.expose().to_vec()).unwrap())
    }

    #[test]
    fn passwords_have_every_class() {
        for (wished, length) in [("", 24), ("8", 8), ("1024", 1024)] {
            let secret = made("password", "password", wished).unwrap();
            assert_eq!(secret.len(), length);
            let has = |class: fn(&u8) -> bool| secret.as_bytes().iter().any(class);
            assert!(has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase), "{secret}");
            assert!(has(u8::is_ascii_digit) && has(u8::is_ascii_punctuation), "{secret}");
        }
    }

    #[test]
    fn tokens_are_alphanumeric() {
        let rows = [
            ("api_key", "api_key"),
            ("bearer", "token"),
            ("shared_secret", "secret"),
            ("oauth", "client_secret"),
            ("custom", "whatever"),
        ];
        for (kind, field) in rows {
            for (wished, length) in [("", 40), ("32", 32)] {
                let secret = made(kind, field, wished).unwrap();
                assert_eq!(secret.len(), length);
                assert!(secret.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            }
        }
    }

    #[test]
    fn what_is_made_passes_the_checks_and_the_rest_is_unsupported() {
        for kind in ALL {
            for field in kind.secret_fields() {
                match generate(kind, field.name, None) {
                    Ok(secret) => {
                        let meta = Metadata::default();
                        let found = checks::warnings(kind, field.name, secret.expose(), &meta);
                        assert!(found.is_empty(), "{}.{}", kind.name, field.name);
                    }
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Unsupported);
                        assert!(!error.hints().is_empty());
                    }
                }
            }
        }
        for kind in ["certificate", "jwt", "connection_string"] {
            let primary = find(kind).unwrap().primary().unwrap();
            assert!(made(kind, primary.name, "").is_err(), "{kind}");
            assert!(made(kind, primary.name, "32").is_err(), "{kind}");
        }
    }

    #[test]
    fn a_login_by_ssh_gets_a_key_pair_or_a_password() {
        let ssh = find("ssh").unwrap();
        let goes = |wished: &str| {
            let wished = wished.parse::<Settings>().unwrap();
            field_for(ssh, Some(&wished)).unwrap().name
        };
        assert_eq!(field_for(ssh, None).unwrap().name, "private_key");
        assert_eq!((goes("rsa"), goes("24")), ("private_key", "password"));
        assert_eq!(field_for(find("password").unwrap(), None).unwrap().name, "password");
        let key = made("ssh", "private_key", "").unwrap();
        assert!(key.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"), "{key}");
        assert_eq!(made("ssh", "password", "").unwrap().len(), 24);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (kind, field, wished) in [
            ("ssh", "private_key", "24"),
            ("ssh", "password", "ed25519"),
            ("password", "password", "ed25519"),
            ("password", "nonsense", "24"),
        ] {
            let error = made(kind, field, wished).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{kind}.{field}");
        }
        assert!(made("custom", "key", "ed25519").is_ok());
    }

    #[test]
    fn passphrases_are_words() {
        let secret = passphrase(6);
        let text = std::str::from_utf8(secret.expose()).unwrap();
        // four of the words have a hyphen of their own
        assert!((5..=11).contains(&text.matches('-').count()));
        assert!(!text.starts_with('-') && !text.ends_with('-') && !text.contains("--"));
        assert!(passphrase(0).is_empty());
    }
}
