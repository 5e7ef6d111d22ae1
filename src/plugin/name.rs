//! The names, recipients and identities of plugins, as people write them: Bech32 with a name in front.
//! Knows no programs.

use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use age_core::primitives::bech32_decode;
use std::fmt;

/// The name of a plugin. It can be put into the name of a file.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Name(String);

impl Name {
    /// Nothing for what can be no name.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-._".contains(&b);
        let is_name = (1..=64).contains(&text.len()) && text.bytes().all(fine);
        is_name.then(|| Self(text.to_owned()))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What its program is called.
    #[must_use]
    pub fn program(&self) -> String {
        format!("age-plugin-{}", self.0)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A recipient: `age1NAME1…`.
#[derive(Clone, Debug)]
pub struct Recipient {
    name: Name,
    text: String,
}

impl Recipient {
    /// Reads one.
    ///
    /// # Errors
    /// Usage (2) for what is none.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |why: &str| {
            Error::usage(format!("this is no recipient of a plugin: {why}"))
                .hint("one looks like `age1NAME1…`; what made the key has printed it")
        };
        if text.len() > LONGEST {
            return Err(wrong("it is too long"));
        }
        let name = name_in(text, |prefix| prefix.strip_prefix("age1")).map_err(wrong)?;
        Ok(Self { name, text: text.to_owned() })
    }

    /// Whose it is.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Whether `text` is meant to be the recipient of a plugin, whatever is wrong with it.
#[must_use]
pub fn is_recipient(text: &str) -> bool {
    // the key itself has no `1`: a second one ends a name
    text.strip_prefix("age1").is_some_and(|rest| rest.contains('1'))
}

/// The identities of one plugin: the lines `AGE-PLUGIN-NAME-1…` of a file.
pub struct Identities {
    name: Name,
    file: Secret,
}

impl Identities {
    /// Reads a file of identities, which `whence` calls by its name: comments and at least one.
    ///
    /// # Errors
    /// Wrong key (11) for what is none, or those of several plugins; the text is never quoted.
    pub fn parse(file: Secret, whence: &str) -> Result<Self> {
        let malformed = |why: &str| malformed(whence, why);
        let mut found: Option<Name> = None;
        for line in lines(&file).ok_or_else(|| malformed("it is no UTF-8 text"))? {
            let name = name_in(line, |prefix| {
                prefix.strip_prefix("AGE-PLUGIN-").and_then(|rest| rest.strip_suffix('-'))
            });
            let name = name.map_err(malformed)?;
            if found.as_ref().is_some_and(|found| *found != name) {
                return Err(malformed("the file has those of several plugins"));
            }
            found = Some(name);
        }
        let name = found.ok_or_else(|| malformed("there is none"))?;
        Ok(Self { name, file })
    }

    /// Whose they are.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// One after the other.
    pub(super) fn each(&self) -> impl Iterator<Item = &str> {
        lines(&self.file).into_iter().flatten()
    }
}

/// Whether `file` is meant to be one of identities of plugins, whatever is wrong with it.
#[must_use]
pub fn is_identity(file: &Secret) -> bool {
    let first = lines(file).and_then(|mut lines| lines.next());
    first.is_some_and(|line| {
        line.get(..11).is_some_and(|start| start.eq_ignore_ascii_case("AGE-PLUGIN-"))
    })
}

/// The lines that say something.
fn lines(file: &Secret) -> Option<impl Iterator<Item = &str>> {
    let text = std::str::from_utf8(file.expose()).ok()?;
    Some(text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')))
}

/// The name that `cut` finds in the readable part of a Bech32 text.
fn name_in(
    text: &str,
    cut: impl FnOnce(&str) -> Option<&str>,
) -> std::result::Result<Name, &'static str> {
    bech32_decode(
        text,
        |_| "a character is wrong or missing",
        |_| Ok(()),
        |prefix, _| {
            let name = cut(prefix.as_str()).ok_or("it does not begin like one")?;
            Name::of(&name.to_ascii_lowercase()).ok_or("the name of the plugin cannot be one")
        },
    )
}

fn malformed(whence: &str, why: &str) -> Error {
    let what = format!("{whence} is not an age identity of a plugin: {why}");
    Error::new(ErrorKind::WrongKey, what).hint(
        "a line of one begins with AGE-PLUGIN-NAME-1, of a plain key file with AGE-SECRET-KEY-1",
    )
}

/// Far more than keys of lattices need.
const LONGEST: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // made by other programs
    const YUBIKEY: &str = "age1yubikey1q2w7u3vpya839jxxuq8g0sedh3d740d4xvn639sqhr95ejj8vu3hyfumptt";

    fn identities(text: &str) -> Result<Identities> {
        Identities::parse(Secret::from_bytes(text.as_bytes()), "`id`")
    }

    #[test]
    fn recipients_tell_their_plugin() {
        assert_eq!(Recipient::parse(YUBIKEY).unwrap().name().as_str(), "yubikey");
        assert!(is_recipient(YUBIKEY) && is_recipient("age1x1"));
        let native = "age1dqpgvxvfx22x5j3f8ld2wxmz2jzfk5s5npzd0zvvxtyk6wynuf0sjzxemn";
        assert!(!is_recipient(native) && !is_recipient("ssh-ed25519 AAAA1"));
        for wrong in ["", "age1", native, &YUBIKEY[..40], &YUBIKEY.replace("q2w7", "q2w8")] {
            assert_eq!(Recipient::parse(wrong).unwrap_err().kind(), ErrorKind::Usage, "{wrong}");
        }
        assert!(Recipient::parse(&YUBIKEY.to_ascii_uppercase()).is_err());
        assert!(Recipient::parse(&format!("age1x1{}", "q".repeat(LONGEST))).is_err());
    }

    #[test]
    fn no_path_is_a_name() {
        for name in ["yubikey", "fido2-hmac", "a.b", "a_b+c", ".."] {
            assert!(Name::of(name).is_some(), "{name}");
        }
        for name in ["", "a/b", "../x", "A", "a b", "a\u{1b}", "ä", &"x".repeat(65)] {
            assert!(Name::of(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_wrong_identity_is_not_quoted() {
        for wrong in ["AGE-PLUGIN-CANARY-1QQQQ", "# nothing\n", "AGE-SECRET-KEY-1CANARY", "age1x1q"]
        {
            let error = identities(wrong).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::WrongKey);
            assert!(!format!("{error:?}").contains("CANARY"), "{error:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_trouble(text in "(age1|AGE-PLUGIN-)?[ -~]{0,80}") {
            let _ = Recipient::parse(&text);
            let _ = identities(&text);
            let _ = is_recipient(&text);
        }
    }
}
