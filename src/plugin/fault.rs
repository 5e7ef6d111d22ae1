//! What can be wrong with a plugin, and how it is told.

use super::Name;
use crate::error::{Error, ErrorKind, io_words};
use std::time::Duration;

/// What went wrong.
#[derive(Debug)]
pub(super) enum Fault {
    /// The program was not started.
    NotStarted(std::io::Error),
    /// It ended before it was done, and how.
    Ended(String),
    /// The system has stopped it.
    Stopped,
    /// It does not read or write any more, and runs.
    Closed,
    /// It did not answer in time.
    Late(Duration),
    /// What it sent cannot be understood.
    Garbage(&'static str),
    /// It sent more than anybody wants to know.
    TooMuch,
    /// It says itself that it failed.
    Said(String),
    /// Not its fault: somebody gave up, or there are no descriptors left.
    Ours(Error),
    /// The same as another, with the last that it wrote beside the protocol.
    Muttered(Box<Fault>, String),
}

pub(super) type Result<T> = std::result::Result<T, Fault>;

impl Fault {
    /// As an error of `kind`.
    pub(super) fn told(self, name: &Name, kind: ErrorKind) -> Error {
        let error = |what: String| Error::new(kind, format!("the plugin `{name}` {what}"));
        let slow = format!(
            "if it needs longer: timeout = \"5m\" in [plugin.{name}], see `vault help config`"
        );
        match self {
            Self::NotStarted(why) => error(format!("cannot be started: {}", io_words(&why))),
            Self::Ended(how) => error(format!("ended before it was done{how}")),
            Self::Closed => error("hung up before it was done".into()),
            Self::Stopped => error("was stopped, as it wants the terminal for itself".into())
                .hint("it should ask through us, or in a window: see its own manual"),
            Self::Late(limit) => {
                error(format!("did not answer within {} s", limit.as_secs_f32())).hint(slow)
            }
            Self::Garbage(what) => error(format!("does not keep to the protocol: {what}")),
            Self::TooMuch => error("does not keep to the protocol: it sent too much".into()),
            Self::Said(what) if what.is_empty() => error("failed, and did not say why".into()),
            Self::Said(what) => error(format!("failed: {what}")),
            Self::Ours(error) => error,
            Self::Muttered(fault, text) => fault.told(name, kind).hint(format!("it wrote: {text}")),
        }
    }
}

/// Text of a plugin as part of one line: not more than fits, and without line breaks at its ends.
pub(super) fn line_of(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let text = text.trim();
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// So many characters of one text are shown.
const LONGEST: usize = 500;
