//! Sealing and opening of values: the only user of `age` besides key slots (FORMAT.md, "Sealed
//! values"). Both demand a receipt, which only the audit log makes.

use super::audit::{CheckReceipt, Receipt, RekeyReceipt};
use super::keys::Keys;
use crate::error::{Error, Result};
use crate::model::{FieldName, Secret};
use age::{Decryptor, EncryptError, Encryptor, Identity, Recipient};
use std::io::{Read, Write};
use uuid::Uuid;
use zeroize::Zeroizing;

/// Which value this is: bound into the ciphertext, so that one cannot pass for another.
#[derive(Clone, Copy)]
pub(super) struct Label<'a> {
    pub(super) vault: Uuid,
    pub(super) credential: Uuid,
    pub(super) field: &'a FieldName,
    pub(super) version: u32,
}

/// Seals a value for the vault's own recipient.
pub(super) fn seal(
    keys: &Keys,
    label: Label<'_>,
    value: &Secret,
    receipt: &Receipt<'_>,
) -> Result<Vec<u8>> {
    receipt.covers(label.credential)?;
    sealed(keys, label, value)
}

/// Opens what was sealed with the keys `from` and seals it with the keys `to`, under the same header. The
/// value does not leave.
pub(super) fn reseal(
    (from, to): (&Keys, &Keys),
    label: Label<'_>,
    old: &[u8],
    _receipt: &RekeyReceipt,
) -> Result<Vec<u8>> {
    sealed(to, label, &opened(from, label, old)?)
}

/// The same for the first key of a segment of the log, which has no header.
pub(super) fn rewrap(
    (from, to): (&Keys, &Keys),
    old: &[u8],
    _receipt: &RekeyReceipt,
) -> Result<Vec<u8>> {
    let damaged = |_| Error::integrity("the key of a log segment is damaged").hint("vault doctor");
    encrypt(to.recipient(), &[&decrypt(&from.identity, old).map_err(damaged)?])
}

fn sealed(keys: &Keys, label: Label<'_>, value: &Secret) -> Result<Vec<u8>> {
    let header = header(label, value.len());
    let length = header.len() + value.len();
    let padding = vec![0; padded(length) - length];
    encrypt(keys.recipient(), &[header.as_bytes(), value.expose(), &padding])
}

/// Opens what `receipt` says is being opened, or says that it is something else.
pub(super) fn open(
    keys: &Keys,
    label: Label<'_>,
    sealed: &[u8],
    receipt: &Receipt<'_>,
) -> Result<Secret> {
    receipt.covers(label.credential)?;
    opened(keys, label, sealed)
}

/// Lets `look` see what a check opens. Only what it makes of the value leaves; the value is wiped.
pub(super) fn look<T>(
    keys: &Keys,
    label: Label<'_>,
    sealed: &[u8],
    _receipt: &CheckReceipt,
    look: impl FnOnce(&[u8]) -> T,
) -> Result<T> {
    opened(keys, label, sealed).map(|value| look(value.expose()))
}

fn opened(keys: &Keys, label: Label<'_>, sealed: &[u8]) -> Result<Secret> {
    let plain = decrypt(&keys.identity, sealed).map_err(|_| damaged(label))?;
    let end = plain.iter().position(|b| *b == b'\n').ok_or_else(|| damaged(label))?;
    let (head, rest) = plain.split_at(end + 1);
    // The value's length stands only in the header; every other byte of it must be as expected.
    let value = claimed_length(head).and_then(|length| rest.get(..length));
    match value {
        Some(value) if head == header(label, value.len()).as_bytes() => {
            Ok(Secret::from_bytes(value))
        }
        _ => Err(damaged(label)),
    }
}

fn damaged(label: Label<'_>) -> Error {
    Error::integrity(format!(
        "field `{}` version {} is damaged or belongs elsewhere",
        label.field, label.version
    ))
    .hint("vault doctor")
}

/// One line of JSON, so that whoever recovers by hand sees what a value is and how long.
fn header(label: Label<'_>, length: usize) -> String {
    format!(
        "{{\"v\":1,\"vault\":\"{}\",\"cred\":\"{}\",\"field\":\"{}\",\"ver\":{},\"len\":{length}}}\n",
        label.vault.simple(),
        label.credential.simple(),
        label.field,
        label.version,
    )
}

fn claimed_length(head: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(head).ok()?;
    text.rsplit_once("\"len\":")?.1.strip_suffix("}\n")?.parse().ok()
}

/// The padded size of `n` bytes: 256, then steps of 1 KiB to 4 KiB, then Padmé (Nikitin et al.,
/// PETS 2019), which adds at most 12 %.
fn padded(n: usize) -> usize {
    match n {
        0..=256 => 256,
        257..=4096 => n.next_multiple_of(1024),
        _ => {
            let exponent = n.ilog2();
            let keep = exponent.ilog2() + 1;
            n.next_multiple_of(1 << (exponent - keep))
        }
    }
}

/// An age file of the concatenated parts.
pub(super) fn encrypt(to: &dyn Recipient, parts: &[&[u8]]) -> Result<Vec<u8>> {
    let failed = |_| Error::internal("sealing failed");
    let encryptor = Encryptor::with_recipients(std::iter::once(to)).map_err(reason)?;
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut sealed = Vec::with_capacity(length + length / 4096 + 1024);
    let mut writer = encryptor.wrap_output(&mut sealed).map_err(failed)?;
    for part in parts {
        writer.write_all(part).map_err(failed)?;
    }
    writer.finish().map_err(failed)?;
    Ok(sealed)
}

/// Why nothing could be sealed: what a plugin's recipient has to say is an error of ours inside of age's.
fn reason(e: EncryptError) -> Error {
    let inner = match e {
        EncryptError::Io(e) => e.downcast::<Error>().ok(),
        _ => None,
    };
    inner.unwrap_or_else(|| Error::internal("sealing failed"))
}

/// Why an age file did not open. Age's own texts are localised and may quote; they are not shown.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum DecryptFault {
    WrongKey,
    Damaged,
}

/// The plaintext of an age file, in a buffer that never grew.
pub(super) fn decrypt(
    with: &dyn Identity,
    sealed: &[u8],
) -> std::result::Result<Zeroizing<Vec<u8>>, DecryptFault> {
    use age::DecryptError as E;
    let sort = |e| match e {
        E::NoMatchingKeys | E::DecryptionFailed | E::KeyDecryptionFailed => DecryptFault::WrongKey,
        _ => DecryptFault::Damaged,
    };
    let decryptor = Decryptor::new_buffered(sealed).map_err(sort)?;
    let mut reader = decryptor.decrypt(std::iter::once(with)).map_err(sort)?;
    let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
    reader.read_to_end(&mut plain).map_err(|_| DecryptFault::Damaged)?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_hides_lengths_and_costs_at_most_an_eighth() {
        assert_eq!(padded(0), 256);
        assert_eq!(padded(256), 256);
        assert_eq!(padded(257), 1024);
        assert_eq!(padded(4096), 4096);
        for n in (4097..200_000).step_by(997) {
            let p = padded(n);
            assert!(p >= n && (p - n) * 100 <= n * 12, "{n} -> {p}");
        }
    }

    #[test]
    fn padding_is_as_published() {
        let text = include_str!("../../tests/vectors/vectors.json");
        let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
        let table: Vec<(usize, usize)> =
            serde_json::from_value(vectors["padding"].clone()).unwrap();
        assert!(table.len() > 20);
        for (n, expected) in table {
            assert_eq!(padded(n), expected, "{n}");
        }
    }
}
