//! Key slots: one age file each, whose plaintext is an ordinary age identity file with the
//! vault's root in a comment (FORMAT.md, "Slots"). Stock `age -d` opens them.

mod key;
mod wrap;

pub(in crate::vault) use key::TWO_FACTOR;
pub use key::{Device, Key, SshKey, new_key_file, new_recovery_key, parse_identity};
use key::{PLUGIN, SSH};
pub use wrap::Wrap;

use super::Person;
use super::crypto::{self, DecryptFault};
use super::keys::{AuthRoot, Keys};
use super::store::{SlotRow, VaultRow};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Secret, Timestamp};
use age::secrecy::ExposeSecret;
use age::{scrypt, x25519};
use data_encoding::BASE64;
use key::secret_string;
use std::str::FromStr;
use uuid::Uuid;
use zeroize::Zeroizing;

/// The work factors that we accept on reading; anything else is refused before any derivation.
const WORK_FACTORS: std::ops::RangeInclusive<u8> = 15..=20;

/// What was in a slot.
type Plain = Zeroizing<Vec<u8>>;

/// What all slots of an epoch wrap, as text: an age identity file with the vault's root.
pub(super) fn content(keys: &Keys, vault_id: Uuid, epoch: u32, now: Timestamp) -> Secret {
    let root = Zeroizing::new(BASE64.encode(&keys.root[..]));
    let head =
        format!("# vault v1 id={} epoch={epoch} created={now}\n# auth-root: ", vault_id.simple());
    let identity = keys.identity.to_string();
    let parts: [&[u8]; 5] =
        [head.as_bytes(), root.as_bytes(), b"\n", identity.expose_secret().as_bytes(), b"\n"];
    let mut text = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
    for part in parts {
        text.extend_from_slice(part);
    }
    Secret::new(text)
}

/// Reads what a slot wraps.
///
/// # Errors
/// Integrity (15) for anything but the keys of this vault and epoch.
pub(super) fn read_content(plain: &[u8], vault_id: Uuid, epoch: u32) -> Result<Keys> {
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
    Ok(Keys::derive(identity, auth_root, vault_id, epoch))
}

/// What a slot is called, and since when it is there.
#[derive(Clone, Copy)]
pub(super) struct SlotAbout<'a> {
    pub(super) id: Uuid,
    pub(super) label: &'a str,
    pub(super) created_at: Timestamp,
}

/// A slot of the vault that `vault` will be, with its tag; not yet stored.
pub(super) fn make(
    about: SlotAbout<'_>,
    to: &Wrap,
    content: &Secret,
    vault: &VaultRow,
    keys: &Keys,
) -> Result<SlotRow> {
    let recipient =
        to.recipient_text().map(|text| crypto::encrypt(keys.recipient(), &[text.as_bytes()]));
    let mut slot = SlotRow {
        id: about.id,
        label: about.label.to_owned(),
        kind: to.kind().to_owned(),
        created_at: about.created_at,
        sealed: to.seal(&[content.expose()])?,
        recipient: recipient.transpose()?,
        row_tag: [0; 32],
    };
    if !slot.is_readable() {
        let what = format!("the slot `{}` would be larger than 64 KiB", slot.label);
        return Err(Error::new(ErrorKind::Refused, what));
    }
    slot.row_tag = keys.row.tag(slot.message(vault).as_bytes());
    Ok(slot)
}

/// The recipient that a slot was made for, if it was made for one.
///
/// # Errors
/// Integrity (15) when it does not open.
pub(super) fn recipient_of(slot: &SlotRow, keys: &Keys) -> Result<Option<String>> {
    let damaged = || Error::integrity(format!("slot `{}` is damaged", slot.label));
    let Some(sealed) = &slot.recipient else { return Ok(None) };
    let text = crypto::decrypt(&keys.identity, sealed).map_err(|_| damaged())?;
    std::str::from_utf8(&text).map(|text| Some(text.to_owned())).map_err(|_| damaged())
}

/// Whether a recipient is known to others anyway: a public SSH key, a plugin's. That of a key file is in no
/// file but the vault, and is nobody's business.
pub(super) fn is_known(recipient: &str) -> bool {
    x25519::Recipient::from_str(recipient).is_err()
}

/// Opens the first slot that `key` fits, and says which.
///
/// # Errors
/// Wrong key (11) when none opens; integrity (15) when one opens onto nonsense; whatever kept a plugin from
/// answering, and `person`.
pub(super) fn unwrap<'r>(
    key: &Key,
    slots: &'r [SlotRow],
    vault_id: Uuid,
    epoch: u32,
    person: &dyn Person,
) -> Result<(Keys, &'r SlotRow)> {
    for slot in slots.iter().filter(|slot| key.fits(&slot.kind)) {
        if let Some(plain) = open(key, slot)? {
            return Ok((read_content(&plain, vault_id, epoch)?, slot));
        }
    }
    let mut wrong_passphrase = None;
    for slot in slots.iter().filter(|slot| key.is_half(&slot.kind)) {
        match open_both(key, slot, person) {
            Ok(Some(plain)) => return Ok((read_content(&plain, vault_id, epoch)?, slot)),
            Ok(None) => {}
            // another slot of the same key may be for it
            Err(e) if e.kind() == ErrorKind::WrongKey => drop(wrong_passphrase.get_or_insert(e)),
            // nor is an attempt undone by giving up the next one
            Err(e) => return Err(wrong_passphrase.unwrap_or(e)),
        }
    }
    Err(wrong_passphrase.unwrap_or_else(|| wrong_key(key, slots)))
}

/// What is in a slot that takes a passphrase besides `key`; none if it is not for this key.
///
/// # Errors
/// As [`unwrap`]; wrong key (11) for the wrong passphrase.
fn open_both(key: &Key, slot: &SlotRow, person: &dyn Person) -> Result<Option<Plain>> {
    let Some(inner) = open(key, slot)? else { return Ok(None) };
    let passphrase = Key::Passphrase(person.second_factor(&slot.label)?);
    opened(&passphrase, &inner, &slot.label)?.map(Some).ok_or_else(|| {
        let what = format!("the passphrase does not open the slot `{}`", slot.label);
        Error::new(ErrorKind::WrongKey, what).hint("see which slots there are: vault key list")
    })
}

/// What is in a slot, if `key` opens it, alone or with a passphrase that `person` is asked for.
///
/// # Errors
/// As [`unwrap`].
pub(super) fn open_with(key: &Key, slot: &SlotRow, person: &dyn Person) -> Result<Option<Plain>> {
    match key.is_half(&slot.kind) {
        true => open_both(key, slot, person),
        false if key.fits(&slot.kind) => open(key, slot),
        false => Ok(None),
    }
}

/// Whether anybody who knows a public key can make such a slot.
pub(super) fn is_public(kind: &str) -> bool {
    kind == SSH || kind == PLUGIN
}

/// What is in a slot; none if it is not for this key.
pub(super) fn open(key: &Key, slot: &SlotRow) -> Result<Option<Plain>> {
    opened(key, &slot.sealed, &slot.label)
}

fn opened(key: &Key, sealed: &[u8], label: &str) -> Result<Option<Plain>> {
    let tried = match key {
        Key::Passphrase(passphrase) => {
            check_work_factor(sealed)?;
            let mut identity = scrypt::Identity::new(secret_string(passphrase)?);
            identity.set_max_work_factor(*WORK_FACTORS.end());
            crypto::decrypt(&identity, sealed)
        }
        Key::Identity(file) => crypto::decrypt(&parse_identity(file)?, sealed),
        Key::Ssh(key) => crypto::decrypt(&key.identity, sealed),
        Key::Plugin(device) => {
            let tried = crypto::decrypt(device.as_ref() as &dyn age::Identity, sealed);
            device.failure().map_or(Ok(()), Err)?;
            tried
        }
        Key::Both(first, passphrase) => {
            let Some(inner) = opened(first, sealed, label)? else { return Ok(None) };
            let passphrase = Key::Passphrase(Secret::from_bytes(passphrase.expose()));
            return opened(&passphrase, &inner, label);
        }
    };
    match tried {
        Ok(plain) => Ok(Some(plain)),
        Err(DecryptFault::WrongKey) => Ok(None),
        Err(DecryptFault::Damaged) => Err(damaged(key, label)),
    }
}

/// A plugin that gives a key at random cannot be told from a slot that was changed.
fn damaged(key: &Key, label: &str) -> Error {
    match key {
        Key::Plugin(_) => Error::integrity(format!(
            "slot `{label}` is damaged, or the plugin gave a key that is not its own"
        )),
        _ => Error::integrity(format!("slot `{label}` is damaged")),
    }
}

/// Proves that `key` opens a new slot, onto what it is to wrap.
///
/// # Errors
/// Wrong key (11) if not; whatever kept a plugin from answering.
pub(super) fn prove(key: &Key, slot: &SlotRow, content: &Secret) -> Result<()> {
    let opened = if key.fits(&slot.kind) { open(key, slot)? } else { None };
    if opened.is_some_and(|plain| plain[..] == *content.expose()) {
        return Ok(());
    }
    let what = format!("the key given does not open the new slot `{}`", slot.label);
    Err(Error::new(ErrorKind::WrongKey, what)
        .hint("give the private half of the very key that the slot is for"))
}

/// What a key is called in an error.
pub(super) fn word(key: &Key) -> &'static str {
    match key {
        Key::Passphrase(_) => "passphrase",
        Key::Identity(_) => "key",
        Key::Ssh(_) => "SSH key",
        Key::Plugin(_) => "plugin's key",
        Key::Both(..) => "key and passphrase together",
    }
}

pub(super) fn wrong_key(key: &Key, slots: &[SlotRow]) -> Error {
    let what = format!("the {} does not open this vault", word(key));
    let error = Error::new(ErrorKind::WrongKey, what);
    match (key, slots.iter().any(|slot| key.fits(&slot.kind))) {
        (Key::Passphrase(_), false) if slots.iter().any(|slot| slot.kind == TWO_FACTOR) => error
            .hint(
                "its passphrase goes with a key, which is to be given besides: `--key-file FILE`",
            ),
        (Key::Passphrase(_), false) => {
            error.hint("this vault has no passphrase: give its key with `--key-file FILE`")
        }
        _ => error.hint("see what opens it: vault key list"),
    }
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
