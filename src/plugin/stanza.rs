//! Messages of the plugin protocol: the stanzas of age. Knows no pipes.

use super::fault::{Fault, Result};
use age_core::format::{Stanza, read};
use data_encoding::BASE64_NOPAD;
use zeroize::Zeroizing;

/// Writes one; no argument has a space in it.
pub(super) fn written(tag: &str, args: &[&str], body: &[u8]) -> Zeroizing<Vec<u8>> {
    let encoded = Zeroizing::new(BASE64_NOPAD.encode(body));
    let mut text = Zeroizing::new(Vec::with_capacity(encoded.len() + encoded.len() / 32 + 128));
    text.extend_from_slice(b"-> ");
    text.extend_from_slice(tag.as_bytes());
    for arg in args {
        text.push(b' ');
        text.extend_from_slice(arg.as_bytes());
    }
    text.push(b'\n');
    for line in encoded.as_bytes().chunks(COLUMNS) {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    // the last line is a short one, if need be an empty one
    if encoded.len().is_multiple_of(COLUMNS) {
        text.push(b'\n');
    }
    text
}

/// Reads one, line by line: `next` gives lines with their ends. The library reads from the beginning as long
/// as something is missing, so it gets the whole.
pub(super) fn received(mut next: impl FnMut() -> Result<Zeroizing<Vec<u8>>>) -> Result<Stanza> {
    let mut text = next()?;
    if !text.starts_with(b"-> ") {
        return Err(Fault::Garbage("what it sent is no message of the protocol"));
    }
    loop {
        let line = next()?;
        text.extend_from_slice(&line);
        if text.len() > LONGEST {
            return Err(Fault::TooMuch);
        }
        if line.len() <= COLUMNS {
            break;
        }
    }
    match read::age_stanza(&text) {
        Ok((b"", stanza)) => Ok(stanza.into()),
        Ok(_) | Err(_) => Err(Fault::Garbage("a message is malformed")),
    }
}

const COLUMNS: usize = 64;
/// Far more than any message has.
const LONGEST: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &[u8]) -> Result<Stanza> {
        let mut lines = text.split_inclusive(|b| *b == b'\n');
        received(|| lines.next().map(|line| line.to_vec().into()).ok_or(Fault::Closed))
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(args in prop::collection::vec("[!-~]{1,9}", 0..4), body: Vec<u8>) {
            let words: Vec<&str> = args.iter().map(String::as_str).collect();
            let stanza = read(&written("tag", &words, &body)).unwrap();
            prop_assert_eq!((stanza.tag.as_str(), stanza.args, stanza.body), ("tag", args, body));
        }

        #[test]
        fn no_bytes_are_trouble(text: Vec<u8>) {
            let _ = read(&text);
            let _ = read(&[b"-> x\n", &text[..]].concat());
        }
    }

    #[test]
    fn a_body_that_fills_its_line_is_followed_by_an_empty_one() {
        assert_eq!(
            written("x", &["y"], &[0; 48]).as_slice(),
            format!("-> x y\n{}\n\n", "A".repeat(64)).as_bytes()
        );
        assert_eq!(written("done", &[], b"").as_slice(), b"-> done\n\n");
    }

    #[test]
    fn a_message_without_end_is_given_up() {
        let mut first = true;
        let endless = received(|| {
            let line =
                if std::mem::take(&mut first) { "-> x\n".into() } else { "A".repeat(64) + "\n" };
            Ok(line.into_bytes().into())
        });
        assert!(matches!(endless, Err(Fault::TooMuch)));
    }
}
