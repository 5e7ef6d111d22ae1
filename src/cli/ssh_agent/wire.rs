//! The words of the protocol of SSH agents (RFC 9987): two questions are understood, and everything
//! else is answered with a failure. Knows nothing of sockets.

use crate::kind::signature::{PublicKey, Wish};

/// The longest message, in bytes, as OpenSSH has it: 256 KiB.
pub(super) const LONGEST: usize = 256 << 10;

/// What a client asks.
#[derive(Debug)]
pub(super) enum Question {
    /// Which keys there are.
    Keys,
    /// For a signature.
    Signature(Wish),
    /// For something else, or it cannot be understood.
    Other,
}

impl Question {
    /// Reads a message, without its length.
    pub(super) fn read(message: &[u8]) -> Self {
        match message.split_first() {
            Some((&REQUEST_IDENTITIES, _)) => Self::Keys,
            Some((&SIGN_REQUEST, rest)) => wish(rest).map_or(Self::Other, Self::Signature),
            Some(_) | None => Self::Other,
        }
    }
}

/// The answer with all keys, each with its name.
pub(super) fn keys<'k>(keys: impl ExactSizeIterator<Item = (&'k PublicKey, &'k str)>) -> Vec<u8> {
    let mut answer = vec![IDENTITIES_ANSWER];
    number(&mut answer, keys.len());
    for (key, name) in keys {
        string(&mut answer, &key.blob);
        string(&mut answer, name.as_bytes());
    }
    framed(&answer)
}

/// The answer with a signature.
pub(super) fn signature(signature: &[u8]) -> Vec<u8> {
    let mut answer = vec![SIGN_RESPONSE];
    string(&mut answer, signature);
    framed(&answer)
}

/// The answer to what cannot be done, or is not allowed.
pub(super) fn failure() -> Vec<u8> {
    framed(&[FAILURE])
}

fn wish(mut rest: &[u8]) -> Option<Wish> {
    let key = PublicKey { blob: take_string(&mut rest)?.to_vec() };
    let data = take_string(&mut rest)?.to_vec();
    let flags = u32::from_be_bytes(take(&mut rest, 4)?.try_into().ok()?);
    rest.is_empty().then_some(Wish { key, data, flags })
}

fn take_string<'m>(rest: &mut &'m [u8]) -> Option<&'m [u8]> {
    let length = u32::from_be_bytes(take(rest, 4)?.try_into().ok()?);
    take(rest, usize::try_from(length).ok()?)
}

fn take<'m>(rest: &mut &'m [u8], length: usize) -> Option<&'m [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

fn framed(answer: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(answer.len() + 4);
    string(&mut message, answer);
    message
}

fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    number(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// Invariant: keys, names and answers are far shorter than what four bytes can count.
fn number(out: &mut Vec<u8>, number: usize) {
    out.extend_from_slice(&u32::try_from(number).unwrap_or_default().to_be_bytes());
}

const FAILURE: u8 = 5;
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn asked(key: &[u8], data: &[u8], flags: u32) -> Vec<u8> {
        let mut message = vec![SIGN_REQUEST];
        string(&mut message, key);
        string(&mut message, data);
        message.extend_from_slice(&flags.to_be_bytes());
        message
    }

    #[test]
    fn what_is_asked_is_understood_whole_or_not_at_all() {
        let whole = asked(b"key", b"data", 2);
        let Question::Signature(wish) = Question::read(&whole) else { panic!() };
        assert_eq!(
            (&wish.key.blob[..], &wish.data[..], wish.flags),
            (&b"key"[..], &b"data"[..], 2)
        );
        for length in 0..whole.len() {
            assert!(matches!(Question::read(&whole[..length]), Question::Other), "{length}");
        }
        assert!(matches!(Question::read(&[&whole[..], b"x"].concat()), Question::Other));
        assert!(matches!(Question::read(&[SIGN_REQUEST, 0xff, 0xff, 0xff, 0xff]), Question::Other));
        assert!(matches!(Question::read(&[REQUEST_IDENTITIES]), Question::Keys));
        assert!(matches!(Question::read(&[17, 0, 0]), Question::Other));
    }

    #[test]
    fn answers_have_their_length_before_them() {
        assert_eq!(failure(), [0, 0, 0, 1, FAILURE]);
        let key = PublicKey { blob: b"k".to_vec() };
        let expected = [0, 0, 0, 16, 12, 0, 0, 0, 1, 0, 0, 0, 1, b'k', 0, 0, 0, 2, b'm', b'e'];
        assert_eq!(keys([(&key, "me")].into_iter()), expected);
        assert_eq!(signature(b"s"), [0, 0, 0, 6, SIGN_RESPONSE, 0, 0, 0, 1, b's']);
    }

    proptest! {
        #[test]
        fn any_message_is_survived(message: Vec<u8>) {
            let _ = Question::read(&message);
        }
    }
}
