//! The canonical encoding under every hash and MAC (FORMAT.md, "Canonical encoding").
//!
//! A message is a domain string and numbered values. Each value is `number (u8) ‖ type (u8) ‖
//! length (u32 BE) ‖ bytes`. Null differs from empty, integers are eight bytes big-endian, and no
//! two different messages have the same bytes.

use sha2::{Digest, Sha256};

/// A SHA-256 digest or an HMAC-SHA256 tag.
pub(super) type Hash = [u8; 32];

const NULL: u8 = 0;
const INT: u8 = 1;
const TEXT: u8 = 2;
const BYTES: u8 = 3;

/// Builds one message.
pub(super) struct Tlv {
    buffer: Vec<u8>,
    number: u8,
}

impl Tlv {
    /// A message of the given domain, which is value 0.
    pub(super) fn new(domain: &str) -> Self {
        let mut message = Self { buffer: Vec::with_capacity(512), number: 0 };
        message.put(TEXT, domain.as_bytes());
        message
    }

    pub(super) fn int(&mut self, value: i64) -> &mut Self {
        self.put(INT, &value.to_be_bytes())
    }

    pub(super) fn text(&mut self, value: &str) -> &mut Self {
        self.put(TEXT, value.as_bytes())
    }

    pub(super) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.put(BYTES, value)
    }

    pub(super) fn opt_int(&mut self, value: Option<i64>) -> &mut Self {
        match value {
            Some(value) => self.int(value),
            None => self.put(NULL, &[]),
        }
    }

    pub(super) fn opt_text(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(value),
            None => self.put(NULL, &[]),
        }
    }

    pub(super) fn opt_bytes(&mut self, value: Option<&[u8]>) -> &mut Self {
        match value {
            Some(value) => self.bytes(value),
            None => self.put(NULL, &[]),
        }
    }

    /// The message so far.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// Invariant: a value is shorter than 4 GiB. Values come from columns, which SQLite limits to
    /// 32 MiB, so the cast below cannot cut.
    #[expect(clippy::cast_possible_truncation, reason = "see the invariant above")]
    fn put(&mut self, kind: u8, bytes: &[u8]) -> &mut Self {
        self.buffer.push(self.number);
        self.buffer.push(kind);
        self.buffer.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        self.buffer.extend_from_slice(bytes);
        self.number += 1;
        self
    }
}

/// SHA-256 (FIPS 180-4).
pub(super) fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_empty_differ_and_fields_cannot_flow_into_each_other() {
        let message =
            |a: Option<&str>, b: &str| Tlv::new("t").opt_text(a).text(b).as_bytes().to_vec();
        assert_ne!(message(None, "x"), message(Some(""), "x"));
        assert_ne!(message(Some("ab"), "c"), message(Some("a"), "bc"));
        let mut int = Tlv::new("t");
        int.int(1);
        let mut bytes = Tlv::new("t");
        bytes.bytes(&1_i64.to_be_bytes());
        assert_ne!(int.as_bytes(), bytes.as_bytes());
    }

    #[test]
    fn the_bytes_are_as_specified() {
        let mut message = Tlv::new("d");
        message.int(-2).opt_bytes(None).text("é");
        let expected = [
            &[0, 2, 0, 0, 0, 1, b'd'][..],
            &[1, 1, 0, 0, 0, 8, 255, 255, 255, 255, 255, 255, 255, 254],
            &[2, 0, 0, 0, 0, 0],
            &[3, 2, 0, 0, 0, 2, 0xc3, 0xa9],
        ];
        assert_eq!(message.as_bytes(), expected.concat());
    }
}
