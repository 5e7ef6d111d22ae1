//! What a made-up secret consists of, known to be possible: it is drawn, weighed and shown.

use super::characters::Characters;
use super::key_pair;
use crate::error::Result;
use crate::kind::strength::Strength;
use crate::model::Secret;
use data_encoding::{BASE64, HEXLOWER};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use rand::{Rng, RngExt};
use std::fmt;
use zeroize::Zeroizing;

/// A policy that can be met. Shown, it is a text that makes the same policy again.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy(Shape);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    Characters(Characters),
    /// How many, and what stands between them.
    Words(u16, String),
    Pin(u16),
    /// Random bytes, so many.
    Hex(u16),
    Base64(u16),
    Uuid,
    Ed25519,
    /// So many bits.
    Rsa(u16),
}

/// What was made.
pub struct Made {
    /// The secret; of a key pair, the private key.
    pub secret: Secret,
    /// The public half of a key pair, one line.
    pub public_key: Option<String>,
}

const WORD_LIST: &str = include_str!("eff_large.txt");
const WORDS: usize = 7776;

impl Policy {
    pub(super) fn new(shape: Shape) -> Self {
        Self(shape)
    }

    /// Makes one.
    ///
    /// # Errors
    /// Internal when a key pair cannot be made.
    pub fn make(&self) -> Result<Made> {
        let secret = match &self.0 {
            Shape::Characters(characters) => characters.draw(),
            Shape::Words(count, separator) => words(*count, separator),
            Shape::Pin(digits) => pin(*digits),
            Shape::Hex(count) => encoded(*count, &HEXLOWER),
            Shape::Base64(count) => encoded(*count, &BASE64),
            Shape::Uuid => uuid(),
            Shape::Ed25519 => return key_pair::ed25519().map(Made::pair),
            Shape::Rsa(bits) => return key_pair::rsa(*bits).map(Made::pair),
        };
        Ok(Made { secret, public_key: None })
    }

    /// How hard what it makes is to guess for somebody who knows the policy. For key pairs, the
    /// usual measure: that of a cipher as hard to break.
    #[must_use]
    pub fn strength(&self) -> Strength {
        let exact = |count: u16, each: f64| f64::from(count) * each;
        Strength::of_chance(match &self.0 {
            Shape::Characters(characters) => characters.bits(),
            Shape::Words(count, _) => exact(*count, 7776_f64.log2()),
            Shape::Pin(digits) => exact(*digits, std::f64::consts::LOG2_10),
            Shape::Hex(count) | Shape::Base64(count) => exact(*count, 8.0),
            Shape::Uuid => 122.0,
            Shape::Ed25519 => 128.0,
            Shape::Rsa(bits) => match bits {
                0..3072 => 112.0,
                3072..4096 => 128.0,
                4096.. => 152.0,
            },
        })
    }

    /// Whether it makes key pairs.
    #[must_use]
    pub fn is_key_pair(&self) -> bool {
        matches!(self.0, Shape::Ed25519 | Shape::Rsa(_))
    }

    /// The characters it is made of, if it is.
    pub(super) fn characters(&self) -> Option<&Characters> {
        match &self.0 {
            Shape::Characters(characters) => Some(characters),
            Shape::Words(..)
            | Shape::Pin(_)
            | Shape::Hex(_)
            | Shape::Base64(_)
            | Shape::Uuid
            | Shape::Ed25519
            | Shape::Rsa(_) => None,
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Shape::Characters(characters) => characters.fmt(f),
            Shape::Words(count, separator) => write!(f, "words={count},separator={separator}"),
            Shape::Pin(digits) => write!(f, "pin:{digits}"),
            Shape::Hex(count) => write!(f, "hex:{count}"),
            Shape::Base64(count) => write!(f, "base64:{count}"),
            Shape::Uuid => f.write_str("uuid"),
            Shape::Ed25519 => f.write_str("ed25519"),
            Shape::Rsa(bits) => write!(f, "rsa:{bits}"),
        }
    }
}

impl Made {
    fn pair((secret, public_key): (Secret, String)) -> Self {
        Self { secret, public_key: Some(public_key) }
    }
}

pub(super) fn words(count: u16, separator: &str) -> Secret {
    let mut rng = UnwrapErr(SysRng);
    let mut lines = Zeroizing::new(Vec::with_capacity(count.into()));
    lines.extend((0..count).map(|_| rng.random_range(0..WORDS)));
    let word = |line: &usize| WORD_LIST.lines().nth(*line).unwrap_or_default();
    let length: usize = lines.iter().map(|line| word(line).len() + separator.len()).sum();
    let mut text = Zeroizing::new(Vec::with_capacity(length));
    for line in lines.iter() {
        if !text.is_empty() {
            text.extend_from_slice(separator.as_bytes());
        }
        text.extend_from_slice(word(line).as_bytes());
    }
    Secret::new(text)
}

fn pin(digits: u16) -> Secret {
    let mut rng = UnwrapErr(SysRng);
    let mut text = Zeroizing::new(Vec::with_capacity(digits.into()));
    text.extend((0..digits).map(|_| rng.random_range(b'0'..=b'9')));
    Secret::new(text)
}

fn encoded(count: u16, encoding: &data_encoding::Encoding) -> Secret {
    let mut bytes = Zeroizing::new(vec![0; count.into()]);
    UnwrapErr(SysRng).fill_bytes(&mut bytes);
    let mut text = Zeroizing::new(vec![0; encoding.encode_len(bytes.len())]);
    encoding.encode_mut(&bytes, &mut text);
    Secret::new(text)
}

fn uuid() -> Secret {
    let mut bytes = Zeroizing::new([0; 16]);
    UnwrapErr(SysRng).fill_bytes(&mut *bytes);
    let mut text = Zeroizing::new(vec![0; 36]);
    uuid::Builder::from_random_bytes(*bytes).into_uuid().hyphenated().encode_lower(&mut text);
    Secret::new(text)
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;
    use std::collections::BTreeSet;
    use uuid::Uuid;

    fn policy(text: &str) -> Policy {
        text.parse::<Settings>().unwrap().policy(&Characters::password()).unwrap()
    }

    fn made(text: &str) -> String {
        let made = policy(text).make().unwrap();
        String::from_utf8(made.secret.expose().to_vec()).unwrap()
    }

    #[test]
    fn every_shape_is_what_it_says() {
        let digits = made("pin:6");
        assert!(digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit()));
        assert_eq!(HEXLOWER.decode(made("hex:16").as_bytes()).unwrap().len(), 16);
        assert_eq!(BASE64.decode(made("base64:33").as_bytes()).unwrap().len(), 33);
        assert_eq!(made("uuid").parse::<Uuid>().unwrap().get_version_num(), 4);
        assert_eq!(made("words=4,separator=, ").split(", ").count(), 4);
        assert_eq!(made("30").len(), 30);
    }

    #[test]
    fn values_differ() {
        for text in ["8", "words:4", "pin:20", "hex:8", "base64:8", "uuid", "ed25519"] {
            let values: BTreeSet<_> = (0..50).map(|_| made(text)).collect();
            assert_eq!(values.len(), 50, "{text}");
        }
    }

    #[test]
    fn bits_are_known() {
        for (text, bits, word) in [
            ("pin:4", 13, "very weak"),
            ("pin", 19, "very weak"),
            ("words:3", 38, "fair"),
            ("words:6", 77, "very strong"),
            ("hex:16", 128, "very strong"),
            ("base64:8", 64, "very strong"),
            ("uuid", 122, "very strong"),
            ("24", 148, "very strong"),
        ] {
            let strength = policy(text).strength();
            assert_eq!((strength.whole_bits(), strength.word), (bits, word), "{text}");
        }
    }

    #[test]
    fn what_is_shown_makes_the_same_policy() {
        for text in ["24", "words:5", "words=3,separator=,", "pin", "hex", "base64", "uuid"] {
            assert_eq!(policy(&policy(text).to_string()), policy(text), "{text}");
        }
        assert_eq!(policy("rsa").to_string(), "rsa:3072");
        assert_eq!(policy("ed25519").to_string(), "ed25519");
        assert_eq!(
            policy("24").to_string(),
            "length=24,lower=1,upper=1,digits=1,symbols=1,alphabet=-!%+,.0-9:=@A-Z_a-z~"
        );
    }

    #[test]
    fn key_pairs_belong_together() {
        for (text, begins) in [("ed25519", "ssh-ed25519 "), ("rsa:2048", "ssh-rsa ")] {
            let made = policy(text).make().unwrap();
            let private = ssh_key::PrivateKey::from_openssh(made.secret.expose()).unwrap();
            let public = made.public_key.unwrap();
            assert!(public.starts_with(begins) && !public.contains('\n'), "{public}");
            let public = ssh_key::PublicKey::from_openssh(&public).unwrap();
            assert_eq!(private.public_key().key_data(), public.key_data());
            assert!(made.secret.expose().ends_with(b"\n"));
        }
    }

    #[test]
    fn the_word_list_is_whole() {
        let words: BTreeSet<_> = WORD_LIST.lines().collect();
        assert_eq!((words.len(), WORD_LIST.lines().count()), (WORDS, WORDS));
        let letter = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(words.iter().all(|word| word.len() >= 3 && word.chars().all(letter)));
    }
}
