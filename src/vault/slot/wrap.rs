//! Whom a new slot is made for: a recipient, a passphrase, or both, one inside the other.

use super::key::{KEY_FILE, PASSPHRASE, PLUGIN, RECOVERY, SSH, TWO_FACTOR, secret_string};
use super::{Key, crypto, parse_identity};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use age::{Recipient, scrypt, ssh, x25519};
use std::str::FromStr;
use zeroize::Zeroizing;

/// The scrypt work factor of every slot we write: N = 2^18, 256 MiB, whatever the machine.
const WORK_FACTOR: u8 = 18;

/// Whom a slot is made for. Kept with the slot, sealed, are recipients; passphrases are not.
pub struct Wrap {
    recipient: Option<To>,
    passphrase: Option<Secret>,
}

struct To {
    kind: &'static str,
    text: String,
    recipient: Box<dyn Recipient>,
}

impl Wrap {
    /// For a passphrase.
    #[must_use]
    pub fn passphrase(passphrase: Secret) -> Self {
        Self { recipient: None, passphrase: Some(passphrase) }
    }

    /// For whoever has this key.
    ///
    /// # Errors
    /// Wrong key (11) for an identity that is none; usage (2) for a plugin's, whose recipient must be
    /// named, and for two keys at once.
    pub fn for_key(key: &Key) -> Result<Self> {
        match key {
            Key::Identity(file) => Ok(Self::native(&parse_identity(file)?.to_public(), KEY_FILE)),
            Key::Ssh(key) => Self::ssh(key.public()),
            Key::Passphrase(secret) => Ok(Self::passphrase(Secret::from_bytes(secret.expose()))),
            Key::Plugin(_) | Key::Both(..) => Err(Error::usage("its recipient must be named")
                .hint("name both: the file of the identity, and --recipient RECIPIENT")),
        }
    }

    /// For an age identity that is printed on paper.
    ///
    /// # Errors
    /// Wrong key (11) when it is none.
    pub fn recovery(identity: &Secret) -> Result<Self> {
        Ok(Self::native(&parse_identity(identity)?.to_public(), RECOVERY))
    }

    /// For a recipient as people write it: `age1…`, `ssh-ed25519 …`, `ssh-rsa …`. That of a plugin,
    /// `age1NAME1…`, needs its program: see [`Wrap::plugin`].
    ///
    /// # Errors
    /// Usage (2) for what is none, unsupported (4) for SSH keys that cannot decrypt.
    pub fn recipient(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.starts_with("ssh-") || text.starts_with("ecdsa-") || text.starts_with("sk-") {
            return Self::ssh(text);
        }
        match x25519::Recipient::from_str(text) {
            Ok(recipient) => Ok(Self::native(&recipient, KEY_FILE)),
            Err(_) => Err(no_recipient(text)),
        }
    }

    /// For the recipient that a slot of this type is kept with.
    pub(in crate::vault) fn again(kind: &str, text: &str) -> Result<Self> {
        let mut wrap = Self::recipient(text)?;
        if let Some(to) = wrap.recipient.as_mut().filter(|_| kind == RECOVERY) {
            to.kind = RECOVERY;
        }
        Ok(wrap)
    }

    /// Whether such a recipient is that of a plugin: `age1NAME1…`.
    pub(in crate::vault) fn is_plugins(text: &str) -> bool {
        text.strip_prefix("age1").is_some_and(|rest| rest.contains('1'))
    }

    /// For a plugin's recipient, by what asks its program.
    #[must_use]
    pub fn plugin(text: &str, recipient: Box<dyn Recipient>) -> Self {
        let text = text.to_owned();
        Self { recipient: Some(To { kind: PLUGIN, text, recipient }), passphrase: None }
    }

    /// And for a passphrase besides: then both are needed.
    #[must_use]
    pub fn and_passphrase(self, passphrase: Secret) -> Self {
        Self { passphrase: Some(passphrase), ..self }
    }

    /// Whether both are made for the same recipient.
    #[must_use]
    pub fn is_for_same(&self, other: &Self) -> bool {
        self.recipient_text().is_some() && self.recipient_text() == other.recipient_text()
    }

    /// The type of the slot.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match (&self.recipient, &self.passphrase) {
            (Some(_), Some(_)) => TWO_FACTOR,
            (Some(to), None) => to.kind,
            (None, _) => PASSPHRASE,
        }
    }

    /// The recipient, for making the slot again without its key.
    pub(in crate::vault) fn recipient_text(&self) -> Option<&str> {
        self.recipient.as_ref().map(|to| &*to.text)
    }

    /// The age file of `parts`, inside one to the recipient if there are both.
    pub(super) fn seal(&self, parts: &[&[u8]]) -> Result<Vec<u8>> {
        let inner = match &self.passphrase {
            None => None,
            Some(passphrase) => {
                let mut recipient = scrypt::Recipient::new(secret_string(passphrase)?);
                recipient.set_work_factor(WORK_FACTOR);
                Some(Zeroizing::new(crypto::encrypt(&recipient, parts)?))
            }
        };
        match (&self.recipient, inner) {
            (Some(to), Some(inner)) => crypto::encrypt(&*to.recipient, &[&inner]),
            (Some(to), None) => crypto::encrypt(&*to.recipient, parts),
            (None, Some(inner)) => Ok(inner.to_vec()),
            (None, None) => Err(Error::internal("a slot for nobody")),
        }
    }

    fn native(recipient: &x25519::Recipient, kind: &'static str) -> Self {
        let to = To { kind, text: recipient.to_string(), recipient: Box::new(recipient.clone()) };
        Self { recipient: Some(to), passphrase: None }
    }

    fn ssh(line: &str) -> Result<Self> {
        let recipient = ssh::Recipient::from_str(line).map_err(|wrong| refused(&wrong))?;
        let to = To { kind: SSH, text: recipient.to_string(), recipient: Box::new(recipient) };
        Ok(Self { recipient: Some(to), passphrase: None })
    }
}

/// What seems to be wrong with `text`, of which nothing is quoted: it may be a key.
fn no_recipient(text: &str) -> Error {
    let text = text.to_ascii_uppercase();
    if ["AGE-SECRET-KEY-", "AGE-PLUGIN-"].iter().any(|start| text.starts_with(start)) {
        return Error::usage("this is no recipient, but the key itself")
            .hint("name its file: --new-key-file FILE")
            .hint("if it stood on the command line, others may have seen it: make another one");
    }
    let what = match text.starts_with("AGE1") {
        true => "this is no recipient: a character is wrong or missing",
        false => "this is no recipient",
    };
    Error::usage(what).hint("one looks like `age1…`, `ssh-ed25519 AAAA…` or `ssh-rsa AAAA…`")
}

/// Why a public SSH key cannot be taken.
pub(super) fn refused(wrong: &ssh::ParseRecipientKeyError) -> Error {
    use ssh::ParseRecipientKeyError as E;
    let unsupported = |what: String| {
        Error::new(ErrorKind::Unsupported, what)
            .hint("use an Ed25519 key, or an RSA key of 2048 to 4096 bits")
    };
    match wrong {
        E::RsaModulusTooSmall => unsupported("the RSA key has fewer than 2048 bits".into()),
        E::RsaModulusTooLarge => unsupported("the RSA key has more than 4096 bits".into()),
        E::Unsupported(kind) => {
            unsupported(format!("an SSH key of the type `{kind}` cannot decrypt"))
        }
        _ => Error::usage("this is no public SSH key")
            .hint("one looks like `ssh-ed25519 AAAA…` or `ssh-rsa AAAA…`"),
    }
}
