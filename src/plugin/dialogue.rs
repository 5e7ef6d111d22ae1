//! What is said between a plugin and us, in two phases: first we say all that it needs, then it asks and
//! answers until it is done. Knows no processes.

use super::fault::{Fault, Result, line_of};
use super::stanza::written;
use super::{Identities, Name, Talk};
use crate::model::Secret;
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use age_core::secrecy::ExposeSecret;
use data_encoding::BASE64_NOPAD;
use std::collections::HashSet;

/// The other end.
pub(super) trait Wire {
    /// Sends a whole message.
    fn send(&mut self, message: &[u8]) -> Result<()>;

    /// The next message.
    fn receive(&mut self) -> Result<Stanza>;
}

/// A dialogue with a plugin.
pub(super) struct Dialogue<'d, W> {
    wire: &'d mut W,
    talk: &'d dyn Talk,
    name: &'d Name,
    questions: usize,
}

impl<'d, W: Wire> Dialogue<'d, W> {
    pub(super) fn new(wire: &'d mut W, talk: &'d dyn Talk, name: &'d Name) -> Self {
        Self { wire, talk, name, questions: 0 }
    }

    /// Lets it wrap the key of a file for `recipient`: the stanzas, and the labels of all of them.
    pub(super) fn wrap(
        &mut self,
        recipient: &str,
        file_key: &FileKey,
    ) -> Result<(Vec<Stanza>, HashSet<String>)> {
        self.say("add-recipient", &[recipient], b"")?;
        self.say("wrap-file-key", &[], file_key.expose_secret())?;
        self.say("extension-labels", &[], b"")?;
        self.say("done", &[], b"")?;
        let (mut stanzas, mut labels, mut errors) = (Vec::new(), None, Vec::new());
        while let Some(stanza) = self.next()? {
            match stanza.tag.as_str() {
                "recipient-stanza" => stanzas.push(inner(stanza)?),
                "labels" if labels.is_none() => labels = Some(labels_of(stanza)?),
                "labels" => return Err(Fault::Garbage("it sent labels twice")),
                "error" => errors.push(line_of(&stanza.body)),
                _ => {
                    self.say("unsupported", &[], b"")?;
                    continue;
                }
            }
            self.say("ok", &[], b"")?;
        }
        match errors.into_iter().next() {
            Some(error) => Err(Fault::Said(error)),
            None if stanzas.is_empty() => Err(Fault::Garbage("it sent neither result nor error")),
            None => Ok((stanzas, labels.unwrap_or_default())),
        }
    }

    /// Lets it unwrap the key of the file that begins with `stanzas`. None if it has no key for it.
    pub(super) fn unwrap(
        &mut self,
        identities: &Identities,
        stanzas: &[Stanza],
    ) -> Result<Option<FileKey>> {
        for identity in identities.each() {
            self.say("add-identity", &[identity], b"")?;
        }
        for stanza in stanzas {
            let mut args = vec!["0", &stanza.tag];
            args.extend(stanza.args.iter().map(String::as_str));
            self.say("recipient-stanza", &args, &stanza.body)?;
        }
        self.say("done", &[], b"")?;
        let (mut found, mut errors) = (None, Vec::new());
        while let Some(stanza) = self.next()? {
            match stanza.tag.as_str() {
                "file-key" if found.is_none() => found = Some(file_key(&stanza)?),
                "file-key" => return Err(Fault::Garbage("it sent a key twice")),
                // about a stanza: with this key it is not to be opened, which is no fault
                "error" if stanza.args.first().is_some_and(|kind| kind == "stanza") => {}
                "error" => errors.push(line_of(&stanza.body)),
                _ => {
                    self.say("unsupported", &[], b"")?;
                    continue;
                }
            }
            self.say("ok", &[], b"")?;
        }
        match (found, errors.into_iter().next()) {
            (Some(key), _) => Ok(Some(key)),
            (None, Some(error)) => Err(Fault::Said(error)),
            (None, None) => Ok(None),
        }
    }

    /// The next message that is a result; what is for people is answered meanwhile. None at the end.
    fn next(&mut self) -> Result<Option<Stanza>> {
        loop {
            let stanza = self.wire.receive()?;
            match stanza.tag.as_str() {
                "done" => return Ok(None),
                "msg" | "confirm" | "request-public" | "request-secret" => self.answer(&stanza)?,
                _ => return Ok(Some(stanza)),
            }
        }
    }

    /// Hands on what is for people.
    fn answer(&mut self, stanza: &Stanza) -> Result<()> {
        self.questions += 1;
        if self.questions > QUESTIONS {
            return Err(Fault::TooMuch);
        }
        let text = line_of(&stanza.body);
        match stanza.tag.as_str() {
            "msg" => {
                self.talk.message(self.name, &text);
                self.say("ok", &[], b"")
            }
            "confirm" => self.confirm(&text, &stanza.args),
            tag => {
                let answer = self.talk.ask(self.name, &text, tag == "request-secret");
                match answer.map_err(Fault::Ours)? {
                    Some(answer) => self.say("ok", &[], Secret::expose(&answer)),
                    None => self.say("fail", &[], b""),
                }
            }
        }
    }

    fn confirm(&mut self, question: &str, args: &[String]) -> Result<()> {
        let label = |at: usize| args.get(at).map(|arg| BASE64_NOPAD.decode(arg.as_bytes()));
        let (Some(Ok(yes)), Ok(no)) = (label(0), label(1).transpose()) else {
            return Err(Fault::Garbage("a question has no answers"));
        };
        let (yes, no) = (line_of(&yes), no.map(|no| line_of(&no)));
        let chosen = self.talk.choose(self.name, question, &yes, no.as_deref());
        match chosen.map_err(Fault::Ours)? {
            Some(true) => self.say("ok", &["yes"], b""),
            Some(false) => self.say("ok", &["no"], b""),
            None => self.say("fail", &[], b""),
        }
    }

    fn say(&mut self, tag: &str, args: &[&str], body: &[u8]) -> Result<()> {
        self.wire.send(&written(tag, args, body))
    }
}

/// The stanza for the file that a message brings.
fn inner(mut stanza: Stanza) -> Result<Stanza> {
    if stanza.args.len() < 2 || stanza.args[0] != "0" {
        return Err(Fault::Garbage("a result is for no file of ours"));
    }
    let tag = stanza.args.remove(1);
    stanza.args.remove(0);
    Ok(Stanza { tag, args: stanza.args, body: stanza.body })
}

fn labels_of(stanza: Stanza) -> Result<HashSet<String>> {
    let count = stanza.args.len();
    let labels: HashSet<String> = stanza.args.into_iter().collect();
    match labels.len() == count {
        true => Ok(labels),
        false => Err(Fault::Garbage("a label stands twice")),
    }
}

fn file_key(stanza: &Stanza) -> Result<FileKey> {
    let bytes: Option<&[u8; FILE_KEY_BYTES]> = stanza.body.as_slice().try_into().ok();
    match (bytes, stanza.args.as_slice()) {
        (Some(bytes), [file]) if file == "0" => Ok(FileKey::init_with_mut(|key| *key = *bytes)),
        (Some(_), _) => Err(Fault::Garbage("a key is for no file of ours")),
        (None, _) => Err(Fault::Garbage("a key has the wrong length")),
    }
}

/// So many messages and questions are for people.
const QUESTIONS: usize = 64;
