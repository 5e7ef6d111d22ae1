//! A worker of the agent, as the command sees it that is carried out there: it has the keys, and knows the
//! client at the other end.

use super::held::Held;
use super::wire::{Frame, frame, items, list, send};
use crate::cli::context::Context;
use crate::cli::unlock::At;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use crate::vault::{Handed, Place, Unlocked, Vault};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::Receiver;

/// What a command in the agent has that others have not.
pub struct Deputy {
    pub(super) held: Held,
    pub(super) client: UnixStream,
    /// What the client answers, in order.
    pub(super) answers: Receiver<Frame>,
    /// Whether only values are wanted, for a program that the client starts.
    pub(super) is_for_values: bool,
    /// What the client has read already.
    pub(super) texts: RefCell<VecDeque<Secret>>,
    /// Whether the keys are no longer those of the vault.
    pub(super) is_stale: Cell<bool>,
    /// The vault's file as it was when the keys came.
    pub(super) file: Option<(u64, u64)>,
}

impl Deputy {
    /// Where the vault is, and nowhere else: the keys fit each copy of it, with a log that nobody reads.
    #[must_use]
    pub fn place(&self) -> Place {
        self.held.place()
    }

    /// The vault, with the keys that the agent holds.
    ///
    /// # Errors
    /// Locked (12) when they have changed since; conflict (13) when another file is there now; whatever
    /// opening finds.
    pub fn unlocked(&self, cx: &Context) -> Result<Vault<Unlocked>> {
        let vault = cx.locked()?;
        if vault.opened() != self.file {
            return Err(Error::new(
                ErrorKind::Conflict,
                "another file is there since it was unlocked",
            )
            .hint("vault unlock"));
        }
        let unlocked = self.held.unlock(vault, &At::of(cx));
        unlocked.inspect_err(|e| self.is_stale.set(e.kind() == ErrorKind::Locked))
    }

    /// Whether only values are wanted.
    #[must_use]
    pub fn is_for_values(&self) -> bool {
        self.is_for_values
    }

    /// The next text that the client has read.
    #[must_use]
    pub fn text(&self) -> Option<Secret> {
        self.texts.borrow_mut().pop_front()
    }

    /// Has the client open a text in the user's editor.
    ///
    /// # Errors
    /// What went wrong there; aborted (3) when the client has gone.
    pub fn edit(&self, file: &str, secret: bool, text: &Secret) -> Result<Secret> {
        let gone = || Error::new(ErrorKind::Aborted, "whoever asked for this has gone");
        let body = list([file.as_bytes(), &[u8::from(secret)], text.expose()]);
        send(&self.client, frame::EDIT, &body, &[]).map_err(|_| gone())?;
        let answer = self.answers.recv().map_err(|_| gone())?;
        edited(&answer.body).ok_or_else(gone)?
    }

    /// Sends values to the client.
    ///
    /// # Errors
    /// Aborted (3) when it has gone.
    pub fn hand_back(&self, handed: &[Handed]) -> Result<()> {
        let each: Vec<_> = handed.iter().map(packed).collect();
        let body = list(each.iter().map(|one| &one[..]));
        send(&self.client, frame::VALUES, &body, &[])
            .map_err(|_| Error::new(ErrorKind::Aborted, "whoever asked for this has gone"))
    }
}

fn packed(one: &Handed) -> zeroize::Zeroizing<Vec<u8>> {
    let variable = one.variable.as_deref();
    let marks = [u8::from(one.is_secret), u8::from(variable.is_some())];
    let want = u32::try_from(one.want).unwrap_or(u32::MAX).to_be_bytes();
    let (name, field) = (one.name.as_bytes(), one.field.as_bytes());
    let variable = variable.unwrap_or_default().as_bytes();
    list([&want[..], name, field, variable, &marks, one.value.expose()])
}

/// Values as they came from a worker.
pub(super) fn unpacked(body: &[u8]) -> Option<Vec<Handed>> {
    let one = |bytes: &[u8]| {
        let items = items(bytes)?;
        let [want, name, field, variable, marks, value] = items[..] else { return None };
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let [is_secret, has_variable] = marks else { return None };
        Some(Handed {
            want: u32::from_be_bytes(want.try_into().ok()?) as usize,
            name: text(name)?,
            field: text(field)?,
            variable: if *has_variable == 1 { Some(text(variable)?) } else { None },
            value: Secret::from_bytes(value),
            is_secret: *is_secret == 1,
        })
    };
    items(body)?.into_iter().map(one).collect()
}

/// What became of a text in the editor, as it is sent.
pub(super) fn told(edited: &Result<Secret>) -> zeroize::Zeroizing<Vec<u8>> {
    match edited {
        Ok(text) => list([&[0][..], text.expose()]),
        Err(e) => {
            let hints = e.hints().iter().map(String::as_bytes);
            list([&[e.kind().code()][..], e.message().as_bytes()].into_iter().chain(hints))
        }
    }
}

fn edited(body: &[u8]) -> Option<Result<Secret>> {
    let items = items(body)?;
    let (code, said, hints) = match &items[..] {
        [[code], said, hints @ ..] => (*code, said, hints),
        _ => return None,
    };
    if code == 0 {
        return Some(Ok(Secret::from_bytes(said)));
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let error = Error::new(ErrorKind::from_code(code), text(said));
    Some(Err(hints.iter().fold(error, |error, hint| error.hint(text(hint)))))
}
