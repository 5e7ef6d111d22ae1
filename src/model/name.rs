//! Names, parsed once at the command line and trusted inside.

use crate::error::{Error, Result};
use std::fmt;
use std::str::FromStr;

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The name as text of its own.
            #[must_use]
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                let check: fn(&str) -> Result<()> = $check;
                check(text).map(|()| Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name_type! {
    /// The name of a credential: 1 to 255 bytes of UTF-8 without control characters, not beginning
    /// or ending with white space, not beginning with `-`.
    CredName, |text| one_line("name", text, 255)
}

name_type! {
    /// The name of a field: 1 to 64 of `a-z`, `0-9` and `_`, beginning with a letter.
    FieldName, field_name
}

name_type! {
    /// What people call a slot: 1 to 64 bytes with the rules of a credential's name.
    SlotLabel, |text| one_line("label", text, 64)
}

name_type! {
    /// A tag: 1 to 64 bytes of UTF-8 without control characters, white space or commas.
    Label, |text| {
        one_line("tag", text, 64)?;
        match text.contains(|c: char| c.is_whitespace() || c == ',') {
            true => Err(Error::usage("a tag has no white space and no comma")),
            false => Ok(()),
        }
    }
}

pub(super) fn one_line(what: &str, text: &str, max: usize) -> Result<()> {
    let wrong = |why: String| Err(Error::usage(format!("a {what} {why}")));
    if text.is_empty() {
        return wrong("cannot be empty".into());
    }
    if text.len() > max {
        return wrong(format!("has at most {max} bytes, this one has {}", text.len()));
    }
    if text.chars().any(char::is_control) {
        return wrong("has no control characters".into());
    }
    if text.trim() != text {
        return wrong("does not begin or end with white space".into());
    }
    if text.starts_with('-') {
        return wrong("does not begin with `-`".into());
    }
    Ok(())
}

fn field_name(text: &str) -> Result<()> {
    let fine = text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    match fine {
        true => Ok(()),
        false => {
            Err(Error::usage("a field name is 1 to 64 of a-z, 0-9 and _, beginning with a letter"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_clean_line() {
        for good in ["a", "db/main", "it's \"ours\"", "größe: 1", "org/a b"] {
            assert!(good.parse::<CredName>().is_ok(), "{good}");
        }
        for bad in ["", " a", "a\n", "a\u{1b}[2J", "-x", "a\u{85}b", &"x".repeat(256)] {
            assert!(bad.parse::<CredName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn fields_are_identifiers_and_tags_are_words() {
        assert!("client_secret".parse::<FieldName>().is_ok());
        for bad in ["", "A", "1a", "a-b", "a b"] {
            assert!(bad.parse::<FieldName>().is_err(), "{bad:?}");
        }
        assert!("prod-eu".parse::<Label>().is_ok());
        assert!("a,b".parse::<Label>().is_err());
    }
}
