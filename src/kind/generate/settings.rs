//! What somebody wishes a made-up secret to be. The same words in three places: a text such as
//! `length=20,digits=2`, a table of the configuration file, and the options of `vault generate`.

use super::characters::Characters;
use super::policy::{Policy, Shape};
use super::{LONGEST, MOST_WORDS};
use crate::error::{Error, Result};
use serde::Deserialize;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// What is wished; whatever is absent is the kind's own.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How many characters.
    pub length: Option<i64>,
    /// Which characters; `a-z` is a range.
    pub alphabet: Option<String>,
    /// At least so many small letters; 0 leaves them out. The next three are alike.
    pub lower: Option<i64>,
    /// Capitals.
    pub upper: Option<i64>,
    /// Digits.
    pub digits: Option<i64>,
    /// Punctuation.
    pub symbols: Option<i64>,
    /// A passphrase of so many words.
    pub words: Option<i64>,
    /// What stands between the words.
    pub separator: Option<String>,
    /// So many digits.
    pub pin: Option<i64>,
    /// So many random bytes in hex.
    pub hex: Option<i64>,
    /// So many random bytes in base64.
    pub base64: Option<i64>,
    /// A random UUID.
    pub uuid: bool,
    /// An SSH key pair.
    pub ed25519: bool,
    /// An SSH key pair of so many bits.
    pub rsa: Option<i64>,
}

/// A wish that is spelled out, or the name of one in the configuration file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Wish {
    /// Spelled out, and found to be possible.
    Settings(Box<Settings>),
    /// By name.
    Named(String),
}

impl Settings {
    /// Finds out whether it can be met at all.
    ///
    /// # Errors
    /// Usage, with the reason.
    pub fn check(&self) -> Result<()> {
        self.policy(&Characters::password()).map(drop)
    }

    /// The policy, where `own` is what the kind would take.
    ///
    /// # Errors
    /// Usage when it cannot be met, with the reason.
    pub fn policy(&self, own: &Characters) -> Result<Policy> {
        self.one_shape()?;
        let shape = if self.words.is_some() {
            let words = bounded(self.words, 3..=MOST_WORDS, "a passphrase has", "words")?;
            Shape::Words(words, self.separator()?)
        } else if self.pin.is_some() {
            Shape::Pin(bounded(self.pin, 4..=64, "a PIN has", "digits")?)
        } else if self.hex.is_some() {
            Shape::Hex(bounded(self.hex, 8..=LONGEST, "hex is made of", "bytes")?)
        } else if self.base64.is_some() {
            Shape::Base64(bounded(self.base64, 8..=LONGEST, "base64 is made of", "bytes")?)
        } else if self.uuid {
            Shape::Uuid
        } else if self.ed25519 {
            Shape::Ed25519
        } else if let Some(bits) = self.rsa {
            Shape::Rsa(rsa_bits(bits)?)
        } else {
            Shape::Characters(Characters::wished(self, own)?)
        };
        Ok(Policy::new(shape))
    }

    /// Whether nothing is wished.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The minimum that is wished of each class, in the order of the classes.
    pub(super) fn minimums(&self) -> [(&'static str, Option<i64>); 4] {
        [
            ("lower", self.lower),
            ("upper", self.upper),
            ("digits", self.digits),
            ("symbols", self.symbols),
        ]
    }

    /// Refuses a mixture of shapes.
    fn one_shape(&self) -> Result<()> {
        let characters = self.minimums().into_iter().map(|(name, value)| (name, value.is_some()));
        let mut characters = characters
            .chain([("length", self.length.is_some()), ("alphabet", self.alphabet.is_some())]);
        let character = characters.find(|(_, there)| *there).map(|(name, _)| name);
        let rest = [
            ("words", self.words.is_some()),
            ("pin", self.pin.is_some()),
            ("hex", self.hex.is_some()),
            ("base64", self.base64.is_some()),
            ("uuid", self.uuid),
            ("ed25519", self.ed25519),
            ("rsa", self.rsa.is_some()),
        ];
        let rest = rest.into_iter().filter(|(_, there)| *there).map(|(name, _)| name);
        let shapes: Vec<_> = character.into_iter().chain(rest).collect();
        if let [one, other, ..] = shapes[..] {
            let message = format!("`{one}` and `{other}` cannot be together");
            return Err(Error::usage(message).hint("one of them makes the whole secret"));
        }
        match self.separator.is_some() && self.words.is_none() {
            true => Err(Error::usage("a separator stands between words").hint("add words: 6")),
            false => Ok(()),
        }
    }

    fn separator(&self) -> Result<String> {
        let text = self.separator.as_deref().unwrap_or("-");
        let fine = (1..=8).contains(&text.chars().count())
            && !text.chars().any(|c| c.is_control() || c.is_lowercase());
        match fine {
            true => Ok(text.to_owned()),
            false => Err(Error::usage("a separator is 1 to 8 characters, none a small letter")
                .hint("separator=_")),
        }
    }

    /// Takes `value`, or what there is when nobody says one, for `key`.
    fn take(&mut self, key: &str, value: Option<&str>) -> Result<()> {
        let number = || match value {
            Some(text) => whole_number(key, text).map(Some),
            None => Ok(None),
        };
        let needed = || number()?.ok_or_else(|| needs_value(key)).map(Some);
        let text = || value.map(str::to_owned).ok_or_else(|| needs_value(key)).map(Some);
        let alone = || match value {
            None => Ok(true),
            Some(_) => Err(Error::usage(format!("`{key}` has no number"))),
        };
        match key {
            "length" => once(key, &mut self.length, needed()?),
            "alphabet" => once(key, &mut self.alphabet, text()?),
            "lower" => once(key, &mut self.lower, needed()?),
            "upper" => once(key, &mut self.upper, needed()?),
            "digits" => once(key, &mut self.digits, needed()?),
            "symbols" => once(key, &mut self.symbols, needed()?),
            "words" => once(key, &mut self.words, number()?.or(Some(WORDS))),
            "separator" => once(key, &mut self.separator, text()?),
            "pin" => once(key, &mut self.pin, number()?.or(Some(PIN))),
            "hex" => once(key, &mut self.hex, number()?.or(Some(BYTES))),
            "base64" => once(key, &mut self.base64, number()?.or(Some(BYTES))),
            "rsa" => once(key, &mut self.rsa, number()?.or(Some(RSA))),
            "uuid" => alone().map(|there| self.uuid = there),
            "ed25519" => alone().map(|there| self.ed25519 = there),
            _ => Err(not_a_policy()),
        }
    }
}

impl FromStr for Settings {
    type Err = Error;

    /// Reads `24`, `words:6` or `length=20,digits=2,alphabet=a-z0-9`. An alphabet and a separator
    /// come last, as they may hold commas.
    fn from_str(text: &str) -> Result<Self> {
        let mut settings = Self::default();
        let mut rest = Some(text);
        while let Some(here) = rest {
            let greedy = ["alphabet=", "alphabet:", "separator=", "separator:"];
            let item = match greedy.iter().any(|key| here.starts_with(key)) {
                true => here,
                false => here.split(',').next().unwrap_or_default(),
            };
            rest = here[item.len()..].strip_prefix(',');
            match item.split_once(['=', ':']) {
                Some((key, value)) => settings.take(key, Some(value))?,
                None if ALONE.contains(&item) => settings.take(item, None)?,
                None if item.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
                    settings.take("length", Some(item))?;
                }
                None => return Err(not_a_policy()),
            }
        }
        settings.check()?;
        Ok(settings)
    }
}

impl FromStr for Wish {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match is_name(text) {
            true => Ok(Self::Named(text.to_owned())),
            false => text.parse().map(|settings| Self::Settings(Box::new(settings))),
        }
    }
}

/// Whether `text` can be the name of a policy: a small letter first, and none of our own words.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(letter)
        && !ALONE.contains(&text)
}

/// A number within its bounds.
pub(super) fn bounded(
    number: Option<i64>,
    bounds: RangeInclusive<u16>,
    subject: &str,
    unit: &str,
) -> Result<u16> {
    let number = number.and_then(|number| u16::try_from(number).ok());
    number.filter(|number| bounds.contains(number)).ok_or_else(|| {
        Error::usage(format!("{subject} {} to {} {unit}", bounds.start(), bounds.end()))
            .hint("vault help config")
    })
}

fn rsa_bits(bits: i64) -> Result<u16> {
    let bits = u16::try_from(bits).ok().filter(|bits| [2048, 3072, 4096].contains(bits));
    bits.ok_or_else(|| {
        Error::usage("an RSA key has 2048, 3072 or 4096 bits").hint("ed25519 is shorter and quick")
    })
}

fn once<T>(key: &str, place: &mut Option<T>, value: Option<T>) -> Result<()> {
    if place.is_some() {
        return Err(Error::usage(format!("`{key}` is given twice")));
    }
    *place = value;
    Ok(())
}

fn whole_number(key: &str, text: &str) -> Result<i64> {
    text.parse().map_err(|_| {
        Error::usage(format!("`{key}` needs a whole number")).hint("vault help config")
    })
}

fn needs_value(key: &str) -> Error {
    Error::usage(format!("`{key}` needs a value")).hint("vault help config")
}

/// What was typed is not repeated: it may be a secret.
fn not_a_policy() -> Error {
    Error::usage("not a policy")
        .hint("a length, words:6, pin:6, hex:32, base64:32, uuid, ed25519 or rsa:4096")
        .hint("length=20,upper=2,digits=2,symbols=1,alphabet=a-zA-Z0-9_-")
        .hint("or a name from the configuration file: `vault help config`")
}

/// The lengths there are when nobody says one.
const PIN: i64 = 6;
const BYTES: i64 = 32;
const RSA: i64 = 3072;
const WORDS: i64 = 6;

/// The words that stand for something without a number.
const ALONE: &[&str] = &["words", "pin", "hex", "base64", "uuid", "ed25519", "rsa"];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wrong(text: &str) -> String {
        text.parse::<Settings>().unwrap_err().message().to_owned()
    }

    #[test]
    fn texts_are_read() {
        let read = |text: &str| text.parse::<Settings>().unwrap();
        assert_eq!(read("24"), Settings { length: Some(24), ..Settings::default() });
        assert_eq!(read("pin"), Settings { pin: Some(6), ..Settings::default() });
        assert_eq!(read("rsa:4096"), Settings { rsa: Some(4096), ..Settings::default() });
        assert_eq!(read("words:4"), read("words=4"));
        let commas = read("words=4,separator=,");
        assert_eq!(commas.separator.as_deref(), Some(","));
        let all = read("length=20,lower=1,upper=2,digits=3,symbols=4,alphabet=a-zA-Z0-9,=");
        assert_eq!(all.alphabet.as_deref(), Some("a-zA-Z0-9,="));
        assert_eq!((all.lower, all.symbols), (Some(1), Some(4)));
    }

    #[test]
    fn what_cannot_be_met_says_why() {
        for (text, why) in [
            ("", "not a policy"),
            ("Hunter2", "not a policy"),
            ("sizes=3", "not a policy"),
            ("20,", "not a policy"),
            ("length=x", "`length` needs a whole number"),
            ("length=99999999999999999999", "`length` needs a whole number"),
            ("alphabet", "not a policy"),
            ("0", "a made-up secret has 8 to 1024 characters"),
            ("-5", "a made-up secret has 8 to 1024 characters"),
            ("1025", "a made-up secret has 8 to 1024 characters"),
            ("words:2", "a passphrase has 3 to 64 words"),
            ("pin:3", "a PIN has 4 to 64 digits"),
            ("hex:7", "hex is made of 8 to 1024 bytes"),
            ("base64:-1", "base64 is made of 8 to 1024 bytes"),
            ("rsa:1024", "an RSA key has 2048, 3072 or 4096 bits"),
            ("uuid:4", "`uuid` has no number"),
            ("20,length=20", "`length` is given twice"),
            ("length=20,words=3", "`length` and `words` cannot be together"),
            ("pin:6,uuid", "`pin` and `uuid` cannot be together"),
            ("separator=_", "a separator stands between words"),
            ("words=3,separator=", "a separator is 1 to 8 characters, none a small letter"),
            ("words=3,separator=x", "a separator is 1 to 8 characters, none a small letter"),
        ] {
            assert_eq!(wrong(text), why, "{text}");
        }
    }

    #[test]
    fn names_are_told_from_our_own_words() {
        assert_eq!("office".parse::<Wish>().unwrap(), Wish::Named("office".into()));
        assert_eq!("pin-4".parse::<Wish>().unwrap(), Wish::Named("pin-4".into()));
        for own in ALONE {
            assert!(matches!(own.parse().unwrap(), Wish::Settings(_)), "{own}");
        }
        assert!("Office".parse::<Wish>().is_err() && "two words".parse::<Wish>().is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_survived_and_never_repeated(text: String, near in "[a-z0-9=:,-]{0,20}") {
            for text in [&text, &near] {
                if let Err(error) = text.parse::<Wish>() {
                    let known = ["length", "alphabet", "separator"].concat();
                    prop_assert!(text.len() < 10 || known.contains(text.as_str())
                        || !error.message().contains(text.as_str()), "{error}");
                }
            }
        }
    }
}
