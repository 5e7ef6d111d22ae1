//! Signed heads of the log, for keeping elsewhere: the text of a note, its signature, and the public
//! key that checks it (FORMAT.md, "Checkpoints"). Knows no database.

use super::keys::Keys;
use super::tlv::{Hash, sha256};
use crate::error::{Error, Result};
use crate::model::{Timestamp, parse_when};
use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use uuid::Uuid;

/// Where the log was at a time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Head {
    /// Whose log.
    pub vault: Uuid,
    /// Under which keys the note was signed.
    pub epoch: u32,
    /// The last entry.
    pub seq: i64,
    /// Its hash.
    pub hash: [u8; 32],
    /// The state counter after it.
    pub counter: i64,
    /// When the note was signed.
    pub at: Timestamp,
}

/// A signed head.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Checkpoint {
    /// What is signed.
    pub head: Head,
    /// Ed25519, over the text.
    pub signature: [u8; 64],
}

/// What checks the notes of a vault, without being able to make one.
#[derive(Clone, Debug)]
pub struct PublicKey {
    vault: Uuid,
    key: VerifyingKey,
}

impl Head {
    /// The text that is signed: six lines.
    fn text(&self) -> String {
        let Self { vault, epoch, seq, hash, counter, at } = self;
        let hash = BASE64.encode(hash);
        format!("{}\n{seq}\n{hash}\nepoch {epoch}\ncounter {counter}\ntime {at}\n", name_of(*vault))
    }

    fn parse(lines: &[&str]) -> Option<Self> {
        let [origin, seq, hash, epoch, counter, at] = lines else { return None };
        let head = Self {
            vault: vault_of(origin)?,
            seq: seq.parse().ok()?,
            hash: BASE64.decode(hash.as_bytes()).ok()?.try_into().ok()?,
            epoch: epoch.strip_prefix("epoch ")?.parse().ok()?,
            counter: counter.strip_prefix("counter ")?.parse().ok()?,
            at: parse_when(at.strip_prefix("time ")?, Timestamp(0), true).ok()?,
        };
        // one form only: what is signed is the text
        (head.text() == format!("{}\n", lines.join("\n"))).then_some(head)
    }
}

impl Checkpoint {
    /// Signs `head`.
    pub(super) fn sign(head: Head, keys: &Keys) -> Self {
        let signature = signing_key(keys).sign(head.text().as_bytes()).to_bytes();
        Self { head, signature }
    }

    /// Reads a note, given as its lines without the empty one: the text, then signatures, of which the
    /// vault's own counts.
    #[must_use]
    pub fn parse(text: &[&str], signatures: &[&str]) -> Option<Self> {
        let head = Head::parse(text)?;
        let begin = format!("{SIGNATURE}{} ", name_of(head.vault));
        let own = signatures.iter().find_map(|line| line.strip_prefix(begin.as_str()))?;
        let bytes = BASE64.decode(own.as_bytes()).ok()?;
        // the first four bytes say which key it was; the check says it better
        let signature = bytes.get(4..)?.try_into().ok()?;
        Some(Self { head, signature })
    }

    /// The whole note, as `by` signs.
    #[must_use]
    pub fn text(&self, by: &PublicKey) -> String {
        let signed = BASE64.encode(&[&by.id()[..], &self.signature].concat());
        format!("{}\n{SIGNATURE}{} {signed}\n", self.head.text(), name_of(self.head.vault))
    }

    /// Whether `key` signed it.
    #[must_use]
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        let signature = Signature::from_bytes(&self.signature);
        let text = self.head.text();
        key.vault == self.head.vault && key.key.verify_strict(text.as_bytes(), &signature).is_ok()
    }
}

impl PublicKey {
    /// The one that belongs to `keys`.
    pub(super) fn of(keys: &Keys, vault: Uuid) -> Self {
        Self { vault, key: signing_key(keys).verifying_key() }
    }

    /// Reads one as [`PublicKey::text`] writes it.
    ///
    /// # Errors
    /// Usage (2).
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || {
            Error::usage("not the public key of a vault")
                .hint("`vault audit checkpoint --json` tells it: vault/ID+HASH+KEY")
        };
        let mut parts = text.trim().splitn(3, '+');
        let (name, id, key) = (parts.next(), parts.next(), parts.next());
        let vault = name.and_then(vault_of).ok_or_else(wrong)?;
        let bytes = key.and_then(|key| BASE64.decode(key.as_bytes()).ok()).ok_or_else(wrong)?;
        let bytes = bytes.strip_prefix(&[ED25519]).and_then(|key| key.try_into().ok());
        let key = VerifyingKey::from_bytes(bytes.ok_or_else(wrong)?).map_err(|_| wrong())?;
        let key = Self { vault, key };
        match id == Some(HEXLOWER.encode(&key.id()).as_str()) {
            true => Ok(key),
            false => Err(wrong()),
        }
    }

    /// Whose it is, a short hash, and the key.
    #[must_use]
    pub fn text(&self) -> String {
        let id = HEXLOWER.encode(&self.id());
        format!("{}+{id}+{}", name_of(self.vault), BASE64.encode(&self.typed()))
    }

    /// Whose it is.
    #[must_use]
    pub fn vault(&self) -> Uuid {
        self.vault
    }

    fn id(&self) -> [u8; 4] {
        let hash: Hash =
            sha256(&[name_of(self.vault).as_bytes(), b"\n", &self.typed()[..]].concat());
        [hash[0], hash[1], hash[2], hash[3]]
    }

    fn typed(&self) -> Vec<u8> {
        [&[ED25519], &self.key.to_bytes()[..]].concat()
    }
}

/// The signing key, which is wiped when it is dropped.
fn signing_key(keys: &Keys) -> SigningKey {
    SigningKey::from_bytes(&keys.sign)
}

fn name_of(vault: Uuid) -> String {
    format!("vault/{}", vault.simple())
}

fn vault_of(name: &str) -> Option<Uuid> {
    let vault = Uuid::try_parse(name.strip_prefix("vault/")?).ok()?;
    (name_of(vault) == name).then_some(vault)
}

/// How a line with a signature begins: an em dash and a space.
const SIGNATURE: &str = "— ";

/// The sort of signature, in the notes of C2SP.
const ED25519: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(root: u8) -> Keys {
        let root = zeroize::Zeroizing::new([root; 32]);
        Keys::derive(age::x25519::Identity::generate(), root, Uuid::from_bytes([7; 16]), 1)
    }

    fn head() -> Head {
        let at = Timestamp(1_800_000_000_123);
        let vault = Uuid::from_bytes([7; 16]);
        Head { vault, epoch: 1, seq: 42, hash: [9; 32], counter: 3, at }
    }

    fn parsed(text: &str) -> Option<Checkpoint> {
        let (text, signatures) = text.split_once("\n\n")?;
        let (text, signatures) = (text.lines(), signatures.lines());
        Checkpoint::parse(&text.collect::<Vec<_>>(), &signatures.collect::<Vec<_>>())
    }

    #[test]
    fn what_is_written_is_read_and_signed_by_one_key_only() {
        let (mine, vault) = (keys(1), Uuid::from_bytes([7; 16]));
        let public = PublicKey::of(&mine, vault);
        let note = Checkpoint::sign(head(), &mine);
        let read = parsed(&note.text(&public)).unwrap();
        assert_eq!(read, note);
        assert!(read.is_signed_by(&PublicKey::parse(&public.text()).unwrap()));
        assert!(!read.is_signed_by(&PublicKey::of(&keys(2), vault)));
        assert!(!read.is_signed_by(&PublicKey::of(&mine, Uuid::from_bytes([8; 16]))));
        for change in [Head { seq: 43, ..head() }, Head { hash: [8; 32], ..head() }] {
            assert!(!Checkpoint { head: change, ..note.clone() }.is_signed_by(&public));
        }
    }

    #[test]
    fn one_form_only() {
        let mine = keys(1);
        let text = Checkpoint::sign(head(), &mine).text(&PublicKey::of(&mine, head().vault));
        for (from, to) in [
            ("42", "+42"),
            ("42", "042"),
            ("vault/07", "vault/7"),
            ("epoch 1", "epoch 01"),
            ("counter", "count"),
            (".123Z", ".1230Z"),
            ("— vault", "- vault"),
            ("\n\n", "\nextra\n\n"),
        ] {
            assert!(parsed(&text.replacen(from, to, 1)).is_none(), "{from} as {to}");
        }
        assert!(parsed(&text).is_some());
        let key = PublicKey::of(&mine, head().vault).text();
        for bad in ["", "x", &key[1..], &key[..key.len() - 4], &key.replace("vault/07", "vault/08")]
        {
            assert!(PublicKey::parse(bad).is_err(), "{bad}");
        }
    }
}
