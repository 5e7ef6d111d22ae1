//! Makes secrets up. Randomness comes straight from the operating system, every character is drawn
//! without bias, and nothing is left behind in memory.
//!
//! The words of passphrases are the EFF large word list, © Electronic Frontier Foundation, licensed
//! under CC BY 3.0 US; see `eff_large.md`.

use super::Kind;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use rand::RngExt;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use zeroize::Zeroizing;

/// The shortest secret that is made.
pub const SHORTEST: u16 = 8;
/// The longest secret that is made.
pub const LONGEST: u16 = 1024;
/// The most words a passphrase has.
pub const MOST_WORDS: usize = 64;

/// A random value for the secret field `field` of `kind`, `length` characters long if given: for
/// passwords from letters, digits and punctuation, at least one of each; else letters and digits.
///
/// # Errors
/// Usage when the length is out of bounds or there is no such field; unsupported when the value
/// must come from elsewhere.
pub fn generate(kind: &Kind, field: &str, length: Option<usize>) -> Result<Secret> {
    let recipe = recipe(kind, field)?;
    let length = length.unwrap_or(recipe.length);
    if !(usize::from(SHORTEST)..=usize::from(LONGEST)).contains(&length) {
        let why = format!("a made-up secret has {SHORTEST} to {LONGEST} characters");
        return Err(Error::usage(why));
    }
    Ok(recipe.draw(length))
}

/// A passphrase of `words` words, [`MOST_WORDS`] at most, with `-` between them. Each word is worth
/// 12.9 bits.
#[must_use]
pub fn passphrase(words: usize) -> Secret {
    let mut rng = UnwrapErr(SysRng);
    let words = words.min(MOST_WORDS);
    let mut lines = Zeroizing::new(Vec::with_capacity(words));
    lines.extend((0..words).map(|_| rng.random_range(0..WORDS)));
    let word = |line: &usize| WORD_LIST.lines().nth(*line).unwrap_or_default();
    let length: usize = lines.iter().map(|line| word(line).len() + 1).sum();
    let mut text = Zeroizing::new(Vec::with_capacity(length.saturating_sub(1)));
    for line in lines.iter() {
        if !text.is_empty() {
            text.push(b'-');
        }
        text.extend_from_slice(word(line).as_bytes());
    }
    Secret::new(text)
}

/// What a made-up value consists of.
struct Recipe {
    length: usize,
    /// At least one of each is in every value.
    classes: &'static [&'static [u8]],
}

const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &[u8] = b"0123456789";
/// What no shell, address or configuration file trips over too badly.
const PUNCTUATION: &[u8] = b"-_.~!@%+=:,";

const PASSWORD: Recipe = Recipe { length: 24, classes: &[LOWER, UPPER, DIGITS, PUNCTUATION] };
const TOKEN: Recipe = Recipe { length: 40, classes: &[LOWER, UPPER, DIGITS] };

const WORD_LIST: &str = include_str!("eff_large.txt");
const WORDS: usize = 7776;

fn recipe(kind: &Kind, field: &str) -> Result<Recipe> {
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
        ("ssh", _) => elsewhere("ssh-keygen -t ed25519 -f KEY, then --file KEY"),
        ("certificate", _) => {
            elsewhere("openssl genpkey -algorithm ed25519 -out KEY, then --file KEY")
        }
        ("jwt", _) => elsewhere("the issuer signs it"),
        ("connection_string", _) => elsewhere("write the whole address: --stdin"),
        ("password" | "http_basic", _) => Ok(PASSWORD),
        _ => Ok(TOKEN),
    }
}

impl Recipe {
    /// Draws whole values until one has every class, which keeps all such values equally likely.
    fn draw(&self, length: usize) -> Secret {
        let alphabet = self.classes.concat();
        let mut rng = UnwrapErr(SysRng);
        let mut text = Zeroizing::new(Vec::with_capacity(length));
        loop {
            text.clear();
            text.extend((0..length).map(|_| alphabet[rng.random_range(0..alphabet.len())]));
            let has = |class: &&[u8]| text.iter().any(|byte| class.contains(byte));
            if self.classes.iter().all(has) {
                return Secret::new(text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ALL, checks, find};
    use super::*;
    use crate::model::Metadata;
    use std::collections::BTreeSet;

    fn made(kind: &str, field: &str, length: Option<usize>) -> Result<Secret> {
        generate(find(kind).unwrap(), field, length)
    }

    #[test]
    fn passwords_have_every_class() {
        for length in [None, Some(8), Some(1024)] {
            let secret = made("password", "password", length).unwrap();
            assert_eq!(secret.len(), length.unwrap_or(24));
            for class in PASSWORD.classes {
                assert!(secret.expose().iter().any(|byte| class.contains(byte)));
            }
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
            let secret = made(kind, field, None).unwrap();
            assert_eq!(secret.len(), 40);
            assert!(secret.expose().iter().all(u8::is_ascii_alphanumeric));
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
        for kind in ["ssh", "certificate", "jwt", "connection_string"] {
            let primary = find(kind).unwrap().primary().unwrap();
            assert!(made(kind, primary.name, None).is_err(), "{kind}");
        }
    }

    #[test]
    fn lengths_have_bounds() {
        for length in [0, 7, 1025, usize::MAX] {
            let error = made("password", "password", Some(length)).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Usage, "{length}");
        }
        assert_eq!(made("password", "nonsense", None).err().unwrap().kind(), ErrorKind::Usage);
    }

    #[test]
    fn every_character_comes_up_about_as_often() {
        let mut counts = [0_usize; 128];
        for _ in 0..20 {
            for byte in TOKEN.draw(1024).expose() {
                counts[usize::from(*byte)] += 1;
            }
        }
        // 330 each on average; ±100 is more than five standard deviations
        let alphabet = TOKEN.classes.concat();
        assert!(alphabet.iter().all(|byte| (230..430).contains(&counts[usize::from(*byte)])));
    }

    #[test]
    fn values_differ() {
        let values: BTreeSet<_> = (0..50).map(|_| PASSWORD.draw(8).expose().to_vec()).collect();
        assert_eq!(values.len(), 50);
    }

    #[test]
    fn the_word_list_is_whole() {
        let words: BTreeSet<_> = WORD_LIST.lines().collect();
        assert_eq!((words.len(), WORD_LIST.lines().count()), (WORDS, WORDS));
        let letter = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(words.iter().all(|word| word.len() >= 3 && word.chars().all(letter)));
    }

    #[test]
    fn passphrases_are_words() {
        let secret = passphrase(6);
        let text = std::str::from_utf8(secret.expose()).unwrap();
        // four of the words have a hyphen of their own
        assert!((5..=11).contains(&text.matches('-').count()));
        assert!(!text.starts_with('-') && !text.ends_with('-') && !text.contains("--"));
        assert!(passphrase(0).is_empty());
        let one = passphrase(1);
        assert!(WORD_LIST.lines().any(|word| word.as_bytes() == one.expose()));
    }
}
