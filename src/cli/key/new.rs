//! Whom a new slot is for, as options say it: what can be read is read before the vault is unlocked, what must
//! be typed or made comes after. And what proves that the slot opens: none is stored that was not opened once.

use super::file;
use super::passphrase::NewPassphrase;
use crate::cli::context::Context;
use crate::cli::plugins;
use crate::cli::read::{self, Privacy, quoted};
use crate::cli::unlock::{self, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use crate::vault::{self, Key, SshKey, Wrap};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// How a new slot is to be opened.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "What opens it")]
pub struct NewKey {
    /// A passphrase; what is done when nothing else is said
    #[arg(long, group = "new_key")]
    passphrase: bool,

    /// A key file, which is made unless it is there already
    #[arg(long = "new-key-file", group = "new_key", value_name = "FILE",
          value_hint = clap::ValueHint::FilePath)]
    new_file: Option<PathBuf>,

    /// A private SSH key, Ed25519 or RSA; its passphrase is asked for
    #[arg(long, group = "new_key", value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    ssh: Option<PathBuf>,

    /// An age recipient, a plugin's too, or a public SSH key; the other half is in `--identity`
    #[arg(long, group = "new_key", value_name = "TEXT")]
    recipient: Option<String>,

    /// The same, in a file
    #[arg(long, group = "new_key", value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    recipient_file: Option<PathBuf>,

    /// A new key on a sheet to print: as text, and as a QR code
    #[arg(long, group = "new_key", conflicts_with = "with_passphrase")]
    recovery: bool,

    /// What opens for the recipient, to prove it with: an age identity file, a plugin's too, or a
    /// private SSH key
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    identity: Option<PathBuf>,

    /// And a passphrase besides: then both are needed
    #[arg(long, conflicts_with = "passphrase")]
    with_passphrase: bool,

    #[command(flatten)]
    secret: NewPassphrase,
}

/// What the options lead to without asking, or making anything.
pub enum Half {
    /// Nothing yet: a passphrase.
    Passphrase,
    /// A key file that is to be made.
    KeyFile(PathBuf),
    /// A key that is to be made, for a sheet.
    Recovery,
    /// Whom the slot is for, and what opens it.
    Ready(Box<(Wrap, Key)>),
}

impl NewKey {
    /// Whether a sheet is wanted.
    #[must_use]
    pub fn is_recovery(&self) -> bool {
        self.recovery
    }

    /// Fails for options that cannot be meant, and when a passphrase can come from nowhere.
    ///
    /// # Errors
    /// Usage (2).
    pub fn check(&self, cx: &Context) -> Result<()> {
        self.check_options()?;
        match self.with_passphrase || !self.names_key() {
            true => self.secret.ensure_source(cx),
            false => Ok(()),
        }
    }

    /// Reads the key that is named, and the new passphrase if an option leads to one.
    ///
    /// # Errors
    /// Usage (2), refused (14) and unsupported (4) for keys that cannot be used; wrong key (11); locked (12)
    /// when the passphrase of an SSH key cannot be asked for; what reading finds.
    pub fn read(&self, cx: &Context) -> Result<(Half, Option<Secret>)> {
        let half = self.half(cx)?;
        Ok((half, self.secret.given(cx)?))
    }

    /// Whom the slot is for, and what proves that it opens; asks and makes what is not there yet.
    ///
    /// # Errors
    /// Aborted (3), refused (14) for a weak passphrase, usage (2) when two do not match, I/O (18).
    pub fn wrap_and_proof(
        &self,
        half: Half,
        given: Option<Secret>,
        cx: &Context,
    ) -> Result<(Wrap, Key)> {
        let (wrap, key) = match half {
            Half::Passphrase => {
                let secret = self.secret.or_ask(given, "New passphrase", cx)?;
                return Ok((Wrap::passphrase(copy(&secret)), Key::Passphrase(secret)));
            }
            Half::KeyFile(path) => {
                let (key, made) = file::reuse_or_make(cx, &path)?;
                if made {
                    cx.note(&format!("made the key file {}", quoted(&path)));
                }
                (Wrap::for_key(&key)?, key)
            }
            Half::Recovery => {
                let key = vault::new_recovery_key();
                (Wrap::recovery(&key)?, Key::Identity(key))
            }
            Half::Ready(both) => *both,
        };
        if !self.with_passphrase {
            return Ok((wrap, key));
        }
        let secret = self.secret.or_ask(given, "New passphrase, besides the key", cx)?;
        Ok((wrap.and_passphrase(copy(&secret)), Key::Both(Box::new(key), secret)))
    }

    /// Whether it is a key, and not only a passphrase.
    fn names_key(&self) -> bool {
        self.recovery
            || self.new_file.is_some()
            || self.ssh.is_some()
            || self.recipient.is_some()
            || self.recipient_file.is_some()
    }

    fn check_options(&self) -> Result<()> {
        let for_recipient = self.recipient.is_some() || self.recipient_file.is_some();
        let wrong = |what: &str, hint: &str| Err(Error::usage(what).hint(hint));
        if self.identity.is_some() && !for_recipient {
            return wrong(
                "`--identity` proves a `--recipient`, and there is none",
                "--recipient TEXT",
            );
        }
        if self.with_passphrase && !self.names_key() {
            return wrong(
                "two factors are a passphrase and a key, and no key is named",
                "vault key add LABEL --new-key-file FILE --with-passphrase",
            );
        }
        if self.secret.is_given() && self.names_key() && !self.with_passphrase {
            return wrong(
                "a key needs no new passphrase, unless both are to be needed",
                "to need both: --with-passphrase",
            );
        }
        Ok(())
    }

    /// The key that the options name.
    fn half(&self, cx: &Context) -> Result<Half> {
        if self.recovery {
            return Ok(Half::Recovery);
        }
        if let Some(path) = &self.ssh {
            let key = ssh(cx, path)?;
            return ready(key);
        }
        if let Some(path) = &self.new_file {
            if path.symlink_metadata().is_err() {
                return Ok(Half::KeyFile(path.clone()));
            }
            let key = file::reuse(cx, path)?;
            return ready(key);
        }
        match self.recipient_text()? {
            Some(text) => self.for_recipient(&text, cx),
            None => Ok(Half::Passphrase),
        }
    }

    fn recipient_text(&self) -> Result<Option<String>> {
        let Some(path) = &self.recipient_file else { return Ok(self.recipient.clone()) };
        let (text, _) = read::key(path, Privacy::AsItIs)?;
        let wrong = || Error::usage(format!("{} holds no single recipient", quoted(path)));
        let text = std::str::from_utf8(text.expose()).map_err(|_| wrong())?;
        let mut lines = text.lines().map(str::trim);
        let mut lines = lines.by_ref().filter(|line| !line.is_empty() && !line.starts_with('#'));
        match (lines.next(), lines.next()) {
            (Some(line), None) => Ok(Some(line.to_owned())),
            _ => Err(wrong().hint("one line: `age1…`, `ssh-ed25519 AAAA…` or `ssh-rsa AAAA…`")),
        }
    }

    fn for_recipient(&self, text: &str, cx: &Context) -> Result<Half> {
        let wrap = plugins::wrap(cx, text)?;
        let Some(path) = &self.identity else {
            return Err(Error::usage(format!("{UNPROVEN}, and a recipient proves nothing"))
                .hint("name what opens for it as well: --identity FILE"));
        };
        let key = unlock::key(cx, &Source::KeyFile(path.clone()))?;
        Ok(Half::Ready(Box::new((wrap, key))))
    }
}

fn ready(key: Key) -> Result<Half> {
    Ok(Half::Ready(Box::new((Wrap::for_key(&key)?, key))))
}

/// The private SSH key in `path`, or beside a public one.
fn ssh(cx: &Context, path: &Path) -> Result<Key> {
    let shown = path.to_string_lossy();
    if shown.starts_with("ssh-") && shown.contains(' ') {
        return Err(public_only("a public key"));
    }
    if path.metadata().is_ok_and(|about| about.file_type().is_socket()) {
        let what = format!("{} is the socket of an SSH agent, {SIGNS}", quoted(path));
        return Err(
            Error::new(ErrorKind::Unsupported, what).hint("name the key's file: --ssh FILE")
        );
    }
    let (text, _) = read::key(path, Privacy::AsItIs)?;
    if SshKey::is_meant(&text) {
        return match path.metadata().is_ok_and(|about| about.is_file()) {
            // once more, as what others must not read
            true => unlock::key(cx, &Source::KeyFile(path.to_owned())),
            // a pipe can be read once
            false => unlock::file_key(cx, text, &format!("`{shown}`")),
        };
    }
    let line = std::str::from_utf8(text.expose()).ok().map(str::trim);
    let line = line.filter(|line| is_public(line)).ok_or_else(|| {
        Error::usage(format!("{} is no SSH key", quoted(path)))
            .hint("name the private key: --ssh ~/.ssh/id_ed25519")
    })?;
    // what cannot be used at all is said first
    let public = Wrap::recipient(line)?;
    let private = path.with_extension("");
    if path.extension().is_none_or(|extension| extension != "pub") || !private.exists() {
        return Err(public_only(&format!("{} is a public key, and", quoted(path))));
    }
    let key = unlock::key(cx, &Source::KeyFile(private.clone()))?;
    match Wrap::for_key(&key)?.is_for_same(&public) {
        true => Ok(key),
        false => Err(Error::usage(format!(
            "{} is not the public half of {}",
            quoted(path),
            quoted(&private)
        ))
        .hint("name the private key that you mean: --ssh FILE")),
    }
}

fn is_public(line: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-"].iter().any(|start| line.starts_with(start))
}

fn public_only(what: &str) -> Error {
    let what = format!("{UNPROVEN}: {what} proves nothing without the private one");
    Error::new(ErrorKind::Refused, what)
        .hint("name the private key's file: --ssh ~/.ssh/id_ed25519")
        .hint(format!("a key that only an SSH agent has cannot be used: it {SIGNS}"))
}

fn copy(secret: &Secret) -> Secret {
    Secret::from_bytes(secret.expose())
}

const UNPROVEN: &str = "a new slot must be proven to open";
const SIGNS: &str = "signs and cannot decrypt";
