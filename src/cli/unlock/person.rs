//! Who is asked while a vault is unlocked, and what the file of a key can be.

use super::fingerprint::{compare, wanted};
use super::{ATTEMPTS, ONCE_MORE, identity, key, passphrase_source, without_line_end};
use crate::cli::context::Context;
use crate::cli::{escape, plugins};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use crate::plugin;
use crate::vault::{Key, Nobody, Person, SshKey};
use std::cell::{Cell, OnceCell};

/// The user at the terminal, if there is one.
pub struct At<'c> {
    cx: &'c Context,
    was_asked: Cell<bool>,
    given: OnceCell<Secret>,
}

impl<'c> At<'c> {
    /// The user of `cx`.
    #[must_use]
    pub fn of(cx: &'c Context) -> Self {
        Self { cx, was_asked: Cell::default(), given: OnceCell::new() }
    }

    /// Whether a passphrase was wanted besides a key: the key is right, as far as it goes.
    pub(super) fn was_asked(&self) -> bool {
        self.was_asked.get()
    }
}

impl Person for At<'_> {
    fn second_factor(&self, label: &str) -> Result<Secret> {
        let cx = self.cx;
        self.was_asked.set(true);
        if let Some(source) = passphrase_source(cx) {
            // once, however many slots it is tried on: a pipe does not give it again
            if self.given.get().is_none()
                && let Key::Passphrase(secret) = key(cx, &source)?
            {
                let _ = self.given.set(secret);
            }
            let given = self.given.get().map(|secret| Secret::from_bytes(secret.expose()));
            return given.map_or_else(|| Nobody.second_factor(label), Ok);
        }
        let Some(mut terminal) = cx.terminal() else { return Nobody.second_factor(label) };
        let question = format!("Passphrase that goes with the key, for `{}`", escape::shown(label));
        without_line_end(terminal.secret(&question)?, "what was typed")
    }

    fn expects(&self, fingerprint: &str) -> Result<()> {
        let wanted = wanted(self.cx)?;
        wanted.map_or(Ok(()), |wanted| compare(&wanted, fingerprint))
    }

    fn recognises(&self, fingerprint: &str) -> Result<()> {
        let cx = self.cx;
        if let Some(wanted) = wanted(cx)? {
            return compare(&wanted, fingerprint);
        }
        let Some(mut terminal) = cx.terminal() else { return Nobody.recognises(fingerprint) };
        terminal.say(&format!("{UNKNOWN}\n    {fingerprint}\n\n{COMPARE}\n"))?;
        match terminal.confirm("Is it the same?")? {
            true => Ok(()),
            false => Err(Error::integrity("this is not the vault that you know")
                .hint("find out where this file came from; take yours from a backup")),
        }
    }
}

const UNKNOWN: &str =
    "This machine does not know this vault, and whoever knows your public key could have made
it. Its fingerprint:
";

const COMPARE: &str = "It stands on the recovery sheet, and `vault status` shows it on a machine that knows the vault.";

/// The key in a file: an age identity or a private SSH key, whose own passphrase is asked for.
///
/// # Errors
/// Wrong key (11) for what is neither, unsupported (4) for an SSH key that cannot decrypt, locked (12) when
/// its passphrase cannot be asked for.
pub fn file_key(cx: &Context, text: Secret, whence: &str) -> Result<Key> {
    match SshKey::is_meant(&text) {
        true => ssh_key(cx, &text, whence).map(Key::Ssh),
        false => text_key(cx, text, whence),
    }
}

/// A private SSH key; its passphrase may be typed wrong as often as that of a vault.
fn ssh_key(cx: &Context, text: &Secret, whence: &str) -> Result<SshKey> {
    let mut left = ATTEMPTS;
    loop {
        let mut was_asked = false;
        let read = SshKey::read(text, || {
            was_asked = true;
            ssh_passphrase(cx, whence)
        });
        left -= 1;
        match (read, cx.terminal()) {
            (Err(e), Some(mut terminal))
                if was_asked && left > 0 && e.kind() == ErrorKind::WrongKey =>
            {
                terminal.say(ONCE_MORE)?;
            }
            (read, _) => return read,
        }
    }
}

/// The key that a text is: an age identity, or that of a plugin, whose program must be configured.
pub(super) fn text_key(cx: &Context, text: Secret, whence: &str) -> Result<Key> {
    match plugin::is_identity(&text) {
        true => plugins::key(cx, text, whence),
        false => identity(text, whence),
    }
}

fn ssh_passphrase(cx: &Context, whence: &str) -> Result<Secret> {
    let Some(mut terminal) = cx.terminal() else {
        let what =
            format!("the SSH key {whence} has a passphrase, and there is no terminal to ask on");
        return Err(Error::new(ErrorKind::Locked, what).hint(
            "an SSH agent signs and cannot decrypt: use a key file for what runs unattended",
        ));
    };
    without_line_end(
        terminal.secret(&format!("Passphrase of the SSH key {whence}"))?,
        "what was typed",
    )
}
