//! The characters a secret may be made of: their classes, and how an alphabet is written.

use crate::error::{Error, Result};

/// How many classes there are.
pub(super) const CLASSES: usize = 4;

/// Small letters, capitals, digits, and all the rest.
pub(super) fn class(byte: u8) -> usize {
    match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    }
}

/// All of a class; of punctuation, what no shell, address or configuration file trips over too badly.
pub(super) fn members(class: usize) -> Vec<u8> {
    match class {
        0 => (b'a'..=b'z').collect(),
        1 => (b'A'..=b'Z').collect(),
        2 => (b'0'..=b'9').collect(),
        _ => b"-_.~!@%+=:,".to_vec(),
    }
}

/// The characters of an alphabet, each once. Between two letters or digits a hyphen makes a range.
pub(super) fn read(text: &str) -> Result<Vec<u8>> {
    let bytes = text.as_bytes();
    if !bytes.iter().all(u8::is_ascii_graphic) {
        let why = "an alphabet is of ASCII letters, digits and punctuation, without white space";
        return Err(Error::usage(why).hint("alphabet=a-zA-Z0-9_-"));
    }
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = bytes.get(at) {
        let range = match bytes.get(at + 1..at + 3) {
            Some([b'-', last]) if class(*first) < 3 && class(*last) < 3 => Some(*last),
            Some(_) | None => None,
        };
        if range.is_some_and(|last| class(last) != class(*first) || last < *first) {
            return Err(Error::usage("a range is of small letters, capitals or digits, upwards")
                .hint("like a-z; a hyphen that means itself comes first"));
        }
        found.extend(*first..=range.unwrap_or(*first));
        at += if range.is_some() { 3 } else { 1 };
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// An alphabet as [`read`] takes it: the hyphen first, and runs as ranges.
pub(super) fn written(alphabet: &[u8]) -> String {
    let mut text = String::new();
    if alphabet.contains(&b'-') {
        text.push('-');
    }
    let rest: Vec<u8> = alphabet.iter().copied().filter(|byte| *byte != b'-').collect();
    let follows = |one: &u8, next: &u8| class(*one) < 3 && *next == one + 1;
    for run in rest.chunk_by(|one, next| follows(one, next) && class(*one) == class(*next)) {
        match run {
            [first, _, .., last] => text.extend([char::from(*first), '-', char::from(*last)]),
            short => text.extend(short.iter().copied().map(char::from)),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alphabets_are_read_and_written() {
        for (text, back) in [
            ("a-f", "a-f"),
            ("abc", "a-c"),
            ("ab", "ab"),
            ("-ab", "-ab"),
            ("ab-", "-ab"),
            ("+-*", "-*+"),
            ("zyx-", "-x-z"),
            ("a-zA-Z0-9_-", "-0-9A-Z_a-z"),
            ("aabb", "ab"),
        ] {
            let alphabet = read(text).unwrap();
            assert_eq!(written(&alphabet), back);
            assert_eq!(read(back).unwrap(), alphabet, "{text}");
        }
    }
}
