//! A client of age plugins (C2SP age-plugin): other programs that wrap and unwrap the key of an age file,
//! with a token or a chip. Knows nothing of vaults, and not where programs and people are found.
//!
//! The `age` crate has a client, too. It takes whatever program of the right name comes first in `PATH`, waits
//! for it for ever, reads as much as is sent, and leaves it running: none of which may happen while a vault is
//! opened. So the dialogue is spoken here, with stanzas as `age-core` reads them.

mod dialogue;
mod fault;
mod name;
mod program;
mod running;
mod stanza;
#[cfg(test)]
mod tests;

pub use name::{Identities, Name, Recipient as RecipientText, is_identity, is_recipient};
pub use program::{Program, judge};

use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use age::{DecryptError, EncryptError};
use age_core::format::{FileKey, Stanza};
use dialogue::Dialogue;
use std::cell::RefCell;
use std::collections::HashSet;
use std::io;

/// Who answers a plugin. What comes from a plugin is text of a stranger: whoever shows it escapes it.
pub trait Talk {
    /// Shows what it says.
    fn message(&self, plugin: &Name, text: &str);

    /// Asks what it wants to know; hidden if that is a secret. None when nobody can be asked.
    ///
    /// # Errors
    /// Aborted (3) by who was asked.
    fn ask(&self, plugin: &Name, question: &str, is_secret: bool) -> Result<Option<Secret>>;

    /// Lets one of two answers be chosen, or one be agreed to. None when nobody can be asked.
    ///
    /// # Errors
    /// Aborted (3) by who was asked.
    fn choose(
        &self,
        plugin: &Name,
        question: &str,
        yes: &str,
        no: Option<&str>,
    ) -> Result<Option<bool>>;

    /// Says that it has said nothing for a while; whether there is anybody it could be waiting for.
    fn waits(&self, plugin: &Name) -> bool;
}

/// The recipient of a plugin: wraps by asking its program.
pub struct Recipient {
    text: RecipientText,
    program: Program,
    talk: Box<dyn Talk>,
}

impl Recipient {
    /// One that asks `program`.
    #[must_use]
    pub fn new(text: RecipientText, program: Program, talk: Box<dyn Talk>) -> Self {
        Self { text, program, talk }
    }

    fn wrap(&self, file_key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>)> {
        let mut running = self.program.start("recipient-v1", &*self.talk)?;
        let mut dialogue = Dialogue::new(&mut running, &*self.talk, self.program.name());
        let wrapped = dialogue.wrap(self.text.as_str(), file_key);
        running.end(wrapped).map_err(|fault| fault.told(self.program.name(), ErrorKind::Io))
    }
}

impl age::Recipient for Recipient {
    /// What is wrong is an [`Error`] inside of the error.
    fn wrap_file_key(
        &self,
        file_key: &FileKey,
    ) -> std::result::Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        self.wrap(file_key).map_err(|e| EncryptError::Io(io::Error::other(e)))
    }
}

/// Identities of one plugin: unwrap by asking its program.
pub struct Identity {
    identities: Identities,
    program: Program,
    talk: Box<dyn Talk>,
    failure: RefCell<Option<Error>>,
}

impl Identity {
    /// One that asks `program`.
    #[must_use]
    pub fn new(identities: Identities, program: Program, talk: Box<dyn Talk>) -> Self {
        Self { identities, program, talk, failure: RefCell::default() }
    }

    /// Why the program could not even try, the last time it was to. Told once.
    #[must_use]
    pub fn failure(&self) -> Option<Error> {
        self.failure.take()
    }

    fn unwrap(&self, stanzas: &[Stanza]) -> Result<Option<FileKey>> {
        let mut running = self.program.start("identity-v1", &*self.talk).map_err(no_way_in)?;
        let mut dialogue = Dialogue::new(&mut running, &*self.talk, self.program.name());
        let unwrapped = dialogue.unwrap(&self.identities, stanzas);
        running.end(unwrapped).map_err(|fault| fault.told(self.program.name(), ErrorKind::Locked))
    }
}

impl age::Identity for Identity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<std::result::Result<FileKey, DecryptError>> {
        let copy = Stanza {
            tag: stanza.tag.clone(),
            args: stanza.args.clone(),
            body: stanza.body.clone(),
        };
        self.unwrap_stanzas(&[copy])
    }

    fn unwrap_stanzas(
        &self,
        stanzas: &[Stanza],
    ) -> Option<std::result::Result<FileKey, DecryptError>> {
        self.failure.take();
        match self.unwrap(stanzas) {
            Ok(key) => key.map(Ok),
            Err(e) => {
                self.failure.replace(Some(e));
                None
            }
        }
    }
}

/// A program that is not there must not look like a credential that is not.
fn no_way_in(e: Error) -> Error {
    match e.kind() {
        ErrorKind::NotFound | ErrorKind::Io => {
            let error = Error::new(ErrorKind::Locked, e.message());
            e.hints().iter().fold(error, |error, hint| error.hint(hint.as_str()))
        }
        _ => e,
    }
}
