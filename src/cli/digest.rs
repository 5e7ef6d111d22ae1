//! Fingerprints of values, for people who compare a file with what is kept. Made from the open value
//! each time, never stored: the digest of a value that can be guessed tells the value.

use crate::model::{Secret, counted};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// The SHA-256 of a value, in hexadecimal.
#[must_use]
pub fn sha256(value: &Secret) -> String {
    HEXLOWER.encode(&Sha256::digest(value.expose()))
}

/// What stands for a value that is no text: its size, what it is, and its SHA-256.
#[must_use]
pub fn summary(value: &Secret) -> String {
    let media = value.media().map(|media| format!("{media}, ")).unwrap_or_default();
    format!("‹{}, {media}SHA-256 {}›", counted(value.len(), "byte"), sha256(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_the_one_of_other_programs() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(&Secret::from_bytes(b"")), empty);
        let value = Secret::from_bytes(b"\xff").with_media(Some("image/png".into()));
        assert!(summary(&value).starts_with("‹1 byte, image/png, SHA-256 a8100ae6aa1940d0"));
    }
}
