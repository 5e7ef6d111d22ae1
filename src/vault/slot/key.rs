//! What opens slots: passphrases, age identities, SSH keys, plugins, and two of them together.

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Secret, Timestamp};
use age::secrecy::{ExposeSecret, SecretString};
use age::{ssh, x25519};
use std::str::FromStr;
use zeroize::Zeroizing;

/// A slot opened with a passphrase.
pub(in crate::vault) const PASSPHRASE: &str = "passphrase";
/// A slot opened with an age identity kept in a file.
pub(in crate::vault) const KEY_FILE: &str = "key_file";
/// The same, kept on paper.
pub(in crate::vault) const RECOVERY: &str = "recovery";
/// A slot opened with a private SSH key.
pub(in crate::vault) const SSH: &str = "ssh";
/// A slot opened by an age plugin: a token, a chip.
pub(in crate::vault) const PLUGIN: &str = "plugin";
/// A slot that takes one of the keys above and a passphrase.
pub(in crate::vault) const TWO_FACTOR: &str = "two_factor";

/// Something that opens a slot.
pub enum Key {
    /// UTF-8 text.
    Passphrase(Secret),
    /// The text of an age identity file (`AGE-SECRET-KEY-1…`, comments allowed).
    Identity(Secret),
    /// A private SSH key, without its own passphrase.
    Ssh(SshKey),
    /// What another program does with a token or a chip.
    Plugin(Box<dyn Device>),
    /// One of the others, and a passphrase.
    Both(Box<Key>, Secret),
}

/// The identity of an age plugin (C2SP age-plugin): it opens by asking another program.
pub trait Device: age::Identity {
    /// Why it could not even try, if so: the program is missing, or did not behave.
    fn failure(&self) -> Option<Error>;
}

impl Key {
    /// The types of slots it can open.
    pub(in crate::vault) fn fits(&self, kind: &str) -> bool {
        match self {
            Self::Passphrase(_) => kind == PASSPHRASE,
            Self::Identity(_) => kind == KEY_FILE || kind == RECOVERY,
            Self::Ssh(_) => kind == SSH,
            Self::Plugin(_) => kind == PLUGIN,
            Self::Both(..) => kind == TWO_FACTOR,
        }
    }

    /// Whether it can be one half of what opens such a slot.
    pub(in crate::vault) fn is_half(&self, kind: &str) -> bool {
        kind == TWO_FACTOR && !matches!(self, Self::Passphrase(_) | Self::Both(..))
    }

    /// What it is, as the log says it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Passphrase(_) => PASSPHRASE,
            Self::Identity(_) => KEY_FILE,
            Self::Ssh(_) => SSH,
            Self::Plugin(_) => PLUGIN,
            Self::Both(..) => TWO_FACTOR,
        }
    }
}

/// Reads an age identity file: comments and one `AGE-SECRET-KEY-1…`, which may have been typed from a sheet:
/// in groups, on several lines, in small letters. Its own check sum finds what was mistyped.
///
/// # Errors
/// Wrong key (11) when there is no identity in it; the text is never quoted.
pub fn parse_identity(file: &Secret) -> Result<x25519::Identity> {
    let text = std::str::from_utf8(file.expose()).map_err(|_| malformed(""))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let mut key = Zeroizing::new(String::with_capacity(text.len()));
    lines.flat_map(str::chars).filter(|c| !c.is_whitespace()).for_each(|c| key.push(c));
    key.make_ascii_uppercase();
    x25519::Identity::from_str(&key).map_err(|_| malformed(&key))
}

/// What begins every age identity, and how many characters follow.
const START: &str = "AGE-SECRET-KEY-1";
const REST: usize = 58;

/// What seems to be wrong with `text`, in capitals and without blanks, of which nothing is quoted.
fn malformed(text: &str) -> Error {
    let error = Error::new(ErrorKind::WrongKey, "the key file holds no age identity");
    let is_public = ["AGE1", "SSH-", "ECDSA-", "SK-"].iter().any(|start| text.starts_with(start));
    match text.strip_prefix(START).map(|rest| rest.chars().count()) {
        Some(REST) => error
            .hint(format!("a character after {START} is mistyped: compare them group by group"))
            .hint("1, B, I and O are not among them"),
        Some(n) => error.hint(format!("{n} characters follow {START}, and there must be {REST}")),
        None if is_public => {
            error.hint(format!("it is a public key; the private one begins with {START}"))
        }
        None if text.contains(START) => {
            error.hint(format!("copy only the line that begins with {START}, without the rest"))
        }
        None => error.hint(format!("a key file has one line that begins with {START}")),
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

/// Makes an identity for a recovery sheet: the bare `AGE-SECRET-KEY-1…`.
#[must_use]
pub fn new_recovery_key() -> Secret {
    Secret::from_bytes(x25519::Identity::generate().to_string().expose_secret().as_bytes())
}

/// A private SSH key that can open slots: Ed25519, or RSA with 2048 bits and more.
pub struct SshKey {
    pub(super) identity: ssh::Identity,
    /// The public half, as `ssh-keygen -y` prints it, without a comment.
    public: String,
}

impl SshKey {
    /// Whether `text` is meant to be a private SSH key, whatever its state.
    #[must_use]
    pub fn is_meant(text: &Secret) -> bool {
        let text = text.expose().trim_ascii_start();
        text.starts_with(b"-----BEGIN ") && !text.starts_with(b"-----BEGIN AGE")
    }

    /// Reads a private key file of OpenSSH. `ask` is called for its passphrase if it has one.
    ///
    /// # Errors
    /// Wrong key (11) for a wrong passphrase or a damaged file; unsupported (4) for a key that cannot
    /// decrypt, saying which sort it is; those of `ask`.
    pub fn read(text: &Secret, ask: impl FnOnce() -> Result<Secret>) -> Result<Self> {
        let damaged = || {
            Error::new(ErrorKind::WrongKey, "the SSH key is damaged or incomplete")
                .hint("see what OpenSSH makes of it: ssh-keygen -y -f FILE")
        };
        let read = ssh::Identity::from_buffer(text.expose(), None).map_err(|_| damaged())?;
        let public = ssh::Recipient::try_from(read.clone()).map(|public| public.to_string());
        let identity = match read {
            ssh::Identity::Unencrypted(_) => read,
            ssh::Identity::Encrypted(locked) => {
                let opened = locked.decrypt(secret_string(&ask()?)?);
                let wrong = || {
                    Error::new(ErrorKind::WrongKey, "the passphrase does not open the SSH key")
                        .hint("the SSH key's own passphrase is meant, not the vault's")
                };
                ssh::Identity::Unencrypted(opened.map_err(|_| wrong())?)
            }
            ssh::Identity::Unsupported(key) => return Err(unsupported(&key)),
        };
        let public = public.map_err(|wrong| super::wrap::refused(&wrong))?;
        Ok(Self { identity, public })
    }

    /// The public half, as `ssh-keygen -y` prints it, without a comment.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.public
    }
}

fn unsupported(key: &ssh::UnsupportedKey) -> Error {
    let unsupported = |what: String| Error::new(ErrorKind::Unsupported, what);
    let use_another = "use an Ed25519 or RSA key, or make one: ssh-keygen -t ed25519";
    match key {
        ssh::UnsupportedKey::EncryptedPem => {
            unsupported("the SSH key is encrypted in the old PEM format".into())
                .hint("bring it into the new one: ssh-keygen -p -f FILE")
        }
        ssh::UnsupportedKey::EncryptedSsh(cipher) => {
            unsupported(format!("the SSH key is encrypted with `{cipher}`"))
                .hint("encrypt it anew: ssh-keygen -p -Z aes256-ctr -f FILE")
        }
        ssh::UnsupportedKey::Hardware(kind) => {
            unsupported(format!("an SSH key of the type `{kind}` signs, but cannot decrypt"))
                .hint("for a token use its age plugin; or an Ed25519 or RSA key")
        }
        ssh::UnsupportedKey::Type(kind) => {
            unsupported(format!("an SSH key of the type `{kind}` cannot decrypt")).hint(use_another)
        }
    }
}

pub(super) fn secret_string(passphrase: &Secret) -> Result<SecretString> {
    let text = std::str::from_utf8(passphrase.expose())
        .map_err(|_| Error::usage("a passphrase is UTF-8 text"))?;
    Ok(SecretString::from(text.to_owned()))
}
