//! Key slots: one age file each, whose plaintext is an ordinary age identity file with the
//! vault's root in a comment (FORMAT.md, "Slots"). Stock `age -d` opens them.

use super::crypto::{self, DecryptFault};
use super::keys::{AuthRoot, Keys};
use super::{Key, store::SlotRow};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Secret, Timestamp};
use age::secrecy::{ExposeSecret, SecretString};
use age::{scrypt, x25519};
use data_encoding::BASE64;
use std::str::FromStr;
use uuid::Uuid;
use zeroize::Zeroizing;

/// The scrypt work factor of every slot we write: N = 2^18, 256 MiB, whatever the machine.
const WORK_FACTOR: u8 = 18;
/// What we accept on reading; anything else is refused before any derivation.
const WORK_FACTORS: std::ops::RangeInclusive<u8> = 15..=20;

/// A slot opened with a passphrase.
pub(super) const PASSPHRASE: &str = "passphrase";
/// A slot opened with an age identity kept in a file.
pub(super) const KEY_FILE: &str = "key_file";

/// What all slots of an epoch wrap.
pub(super) struct Content {
    pub(super) identity: x25519::Identity,
    pub(super) auth_root: AuthRoot,
}

/// Reads an age identity file: comments and one `AGE-SECRET-KEY-1…`.
///
/// # Errors
/// Wrong key (11) when there is no identity in it; the text is never quoted.
pub fn parse_identity(file: &Secret) -> Result<x25519::Identity> {
    let malformed = || {
        Error::new(ErrorKind::WrongKey, "the key file holds no age identity")
            .hint("a key file has one line that begins with AGE-SECRET-KEY-1")
    };
    let text = std::str::from_utf8(file.expose()).map_err(|_| malformed())?;
    let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    let identity = lines.next().and_then(|line| x25519::Identity::from_str(line).ok());
    match (identity, lines.next()) {
        (Some(identity), None) => Ok(identity),
        _ => Err(malformed()),
    }
}

/// Makes the text of a new key file. It has no public key in it: that stays as secret as the rest.
#[must_use]
pub fn new_key_file(now: Timestamp) -> Secret {
    let identity = x25519::Identity::generate();
    let key = identity.to_string();
    let head =
        format!("# vault key file, created {now}\n# Whoever has this file opens the vault.\n");
    let mut text = Zeroizing::new(Vec::with_capacity(head.len() + key.expose_secret().len() + 1));
    text.extend_from_slice(head.as_bytes());
    text.extend_from_slice(key.expose_secret().as_bytes());
    text.push(b'\n');
    Secret::new(text)
}

/// The type of slot a key belongs to.
pub(super) fn type_of(key: &Key) -> &'static str {
    match key {
        Key::Passphrase(_) => PASSPHRASE,
        Key::Identity(_) => KEY_FILE,
    }
}

/// Wraps the vault's keys for one key.
pub(super) fn wrap(
    key: &Key,
    content: &Content,
    vault_id: Uuid,
    epoch: u32,
    now: Timestamp,
) -> Result<Vec<u8>> {
    let root = Zeroizing::new(BASE64.encode(&content.auth_root[..]));
    let head =
        format!("# vault v1 id={} epoch={epoch} created={now}\n# auth-root: ", vault_id.simple());
    let identity = content.identity.to_string();
    let parts: [&[u8]; 5] =
        [head.as_bytes(), root.as_bytes(), b"\n", identity.expose_secret().as_bytes(), b"\n"];
    match key {
        Key::Identity(file) => crypto::encrypt(&parse_identity(file)?.to_public(), &parts),
        Key::Passphrase(passphrase) => {
            let mut recipient = scrypt::Recipient::new(secret_string(passphrase)?);
            recipient.set_work_factor(WORK_FACTOR);
            crypto::encrypt(&recipient, &parts)
        }
    }
}

/// Opens the first slot that `key` fits, and says which.
///
/// # Errors
/// Wrong key (11) when none opens; integrity (15) when one opens onto nonsense.
pub(super) fn unwrap<'r>(
    key: &Key,
    slots: &'r [SlotRow],
    vault_id: Uuid,
    epoch: u32,
) -> Result<(Keys, &'r SlotRow)> {
    let identity: Box<dyn age::Identity> = match key {
        Key::Identity(file) => Box::new(parse_identity(file)?),
        Key::Passphrase(passphrase) => {
            let mut identity = scrypt::Identity::new(secret_string(passphrase)?);
            identity.set_max_work_factor(*WORK_FACTORS.end());
            Box::new(identity)
        }
    };
    let wanted = type_of(key);
    for slot in slots.iter().filter(|slot| slot.kind == wanted) {
        if wanted == PASSPHRASE {
            check_work_factor(&slot.sealed)?;
        }
        match crypto::decrypt(identity.as_ref(), &slot.sealed) {
            Ok(plain) => return Ok((read_content(&plain, vault_id, epoch)?, slot)),
            Err(DecryptFault::WrongKey) => {}
            Err(DecryptFault::Damaged) => {
                return Err(Error::integrity(format!("slot `{}` is damaged", slot.label)));
            }
        }
    }
    Err(wrong_key(wanted, slots))
}

fn wrong_key(wanted: &str, slots: &[SlotRow]) -> Error {
    let what = if wanted == PASSPHRASE { "passphrase" } else { "key" };
    let error = Error::new(ErrorKind::WrongKey, format!("the {what} does not open this vault"));
    match slots.iter().any(|slot| slot.kind == wanted) {
        true => error,
        false if wanted == PASSPHRASE => {
            error.hint("this vault has no passphrase: give its key with `--key-file FILE`")
        }
        false => error
            .hint("this vault has no key file: run without `--key-file` and give the passphrase"),
    }
}

fn secret_string(passphrase: &Secret) -> Result<SecretString> {
    let text = std::str::from_utf8(passphrase.expose())
        .map_err(|_| Error::usage("a passphrase is UTF-8 text"))?;
    Ok(SecretString::from(text.to_owned()))
}

/// Reads the cost from the scrypt stanza before anything is derived: a file writer could otherwise
/// ask for terabytes, or for a cost so low that watching the derivation helps him.
fn check_work_factor(sealed: &[u8]) -> Result<()> {
    let head = &sealed[..sealed.len().min(200)];
    let stanza = head.split(|b| *b == b'\n').nth(1).and_then(|line| std::str::from_utf8(line).ok());
    let factor = stanza
        .and_then(|line| line.strip_prefix("-> scrypt "))
        .and_then(|rest| rest.split(' ').nth(1))
        .and_then(|number| number.parse::<u8>().ok());
    match factor {
        Some(factor) if WORK_FACTORS.contains(&factor) => Ok(()),
        _ => Err(Error::integrity("a passphrase slot has a work factor outside 2^15 to 2^20")),
    }
}

fn read_content(plain: &[u8], vault_id: Uuid, epoch: u32) -> Result<Keys> {
    let wrong = || Error::integrity("a slot opens, but belongs to another vault or is damaged");
    let text = std::str::from_utf8(plain).map_err(|_| wrong())?;
    let head = format!("# vault v1 id={} epoch={epoch} ", vault_id.simple());
    let mut lines = text.lines();
    lines.next().filter(|line| line.starts_with(&head)).ok_or_else(wrong)?;
    let root =
        lines.next().and_then(|line| line.strip_prefix("# auth-root: ")).ok_or_else(wrong)?;
    let root = Zeroizing::new(BASE64.decode(root.as_bytes()).map_err(|_| wrong())?);
    let auth_root: AuthRoot = Zeroizing::new(<[u8; 32]>::try_from(&root[..]).map_err(|_| wrong())?);
    let identity = lines.next().and_then(|line| line.parse().ok()).ok_or_else(wrong)?;
    Ok(Keys::derive(identity, &auth_root, vault_id, epoch))
}
