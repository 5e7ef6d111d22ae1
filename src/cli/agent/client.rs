//! The client: has a command carried out by the agent, if there is one, and does for it what only the client
//! can: open an editor, pass signals on, start programs.

use super::deputy::{told, unpacked};
use super::place;
use super::request::{Ready, Verb, plain, whole};
use super::wire::{Frame, LONGEST, borrowed, frame, items, receive, send};
use crate::cli::context::Context;
use crate::cli::editing;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use crate::sys::{self, Caught};
use crate::vault::{Handed, Place};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// How long an agent may take to begin.
const PATIENCE: Duration = Duration::from_mins(1);

/// What became of something that was asked of an agent.
pub enum Outcome {
    /// Nothing: there is none, or it cannot do it.
    Nothing,
    /// It was done: the exit code, and whether an interrupt ended it.
    Ended(u8, bool),
    /// Values for a program.
    Values(Vec<Handed>),
}

/// Has the agent carry out the command line of `cx`, or find its values. Says why if there is one that does
/// not do it.
///
/// # Errors
/// I/O (18) when it ended in between, so that nobody knows what was done.
pub(super) fn ask(verb: Verb, cx: &Context, texts: &[Secret]) -> Result<Outcome> {
    let Ok(place) = cx.place() else { return Ok(Outcome::Nothing) };
    let found = place::find(&cx.world, &place, |why| cx.warn(why));
    let Some((_, stream, _)) = found else { return Ok(Outcome::Nothing) };
    let Some(ready) = whole(verb, cx, &place, texts) else { return Ok(Outcome::Nothing) };
    let terminal = cx.terminal().and_then(|terminal| Some((terminal.settings()?, terminal)));
    let signals = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGTSTP];
    let Ok(caught) = Caught::these(&signals) else { return Ok(Outcome::Nothing) };
    let asked = Asked { cx, stream, caught, sent: None, values: None };
    asked.outcome(&ready, || {
        if let Some((before, terminal)) = &terminal {
            terminal.restore(before);
        }
    })
}

struct Asked<'c> {
    cx: &'c Context,
    stream: UnixStream,
    caught: Caught,
    /// The last signal that was passed on.
    sent: Option<libc::c_int>,
    values: Option<Vec<Handed>>,
}

impl Asked<'_> {
    fn outcome(mut self, ready: &Ready, restore: impl Fn()) -> Result<Outcome> {
        let patience = Some(PATIENCE);
        let _ = self.stream.set_write_timeout(patience);
        if send(&self.stream, frame::REQUEST, &ready.body, &borrowed(&ready.files)).is_err() {
            return Ok(Outcome::Nothing);
        }
        let Some(answer) = self.first() else { return Ok(Outcome::Nothing) };
        if answer.sort != frame::ACCEPTED {
            self.explain(&answer);
            return Ok(Outcome::Nothing);
        }
        let _ = self.stream.set_read_timeout(None);
        let ended = self.attend();
        drop(self.caught);
        match (ended, self.values) {
            (Some((0, false)), Some(values)) => Ok(Outcome::Values(values)),
            (Some((code, interrupted)), _) => Ok(Outcome::Ended(code, interrupted)),
            (None, _) => {
                restore();
                if let Some(signal) = self.sent {
                    sys::end_by(signal);
                }
                Err(broken())
            }
        }
    }

    /// The first answer, unless the agent goes or takes too long. Until then signals do what they do otherwise.
    fn first(&mut self) -> Option<Frame> {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = Timespec::try_from(end.saturating_duration_since(Instant::now())).ok()?;
            let (signals, client) = (self.caught.socket(), &self.stream);
            let mut all = [PollFd::new(signals, PollFlags::IN), PollFd::new(client, PollFlags::IN)];
            match poll(&mut all, Some(&left)) {
                Ok(0) => return None,
                Ok(_) if !all[1].revents().is_empty() => break,
                Ok(_) => {
                    let came = self.caught.next().ok()?;
                    if came.signal != libc::SIGTSTP {
                        sys::end_by(came.signal);
                    }
                }
                Err(_) => {}
            }
        }
        receive(&self.stream, LONGEST, Some(PATIENCE)).ok().map(|(answer, _)| answer)
    }

    /// Until it has ended; none when the worker has gone without a word.
    fn attend(&mut self) -> Option<(u8, bool)> {
        loop {
            let (signals, client) = (self.caught.socket(), &self.stream);
            let mut all = [PollFd::new(signals, PollFlags::IN), PollFd::new(client, PollFlags::IN)];
            if poll(&mut all, None).is_err() {
                continue;
            }
            let (signal, said) = (!all[0].revents().is_empty(), !all[1].revents().is_empty());
            if signal {
                self.pass_signal();
            }
            if !said {
                continue;
            }
            let (answer, _) = receive(&self.stream, LONGEST, None).ok()?;
            match (answer.sort, &answer.body[..]) {
                (frame::ENDED, [code, interrupted]) => return Some((*code, *interrupted == 1)),
                (frame::EDIT, body) => self.edit(body)?,
                (frame::VALUES, body) => self.values = Some(unpacked(body)?),
                _ => return None,
            }
        }
    }

    /// Passes a signal on; a stop is left out, as nobody could be stopped with us.
    fn pass_signal(&mut self) {
        let Ok(came) = self.caught.next() else { return };
        if let Some(number) =
            u8::try_from(came.signal).ok().filter(|_| came.signal != libc::SIGTSTP)
        {
            self.sent = Some(came.signal);
            let _ = send(&self.stream, frame::SIGNAL, &[number], &[]);
        }
    }

    fn edit(&self, body: &[u8]) -> Option<()> {
        let items = items(body)?;
        let [file, [secret], text] = items[..] else { return None };
        let edited = editing::once(self.cx, file, *secret == 1, &Secret::from_bytes(text));
        send(&self.stream, frame::EDITED, &told(&edited), &[]).ok()
    }

    fn explain(&self, answer: &Frame) {
        let Some((why, text)) = refusal(answer) else { return };
        match why.as_str() {
            "version" => self.cx.note(&format!(
                "the agent is of version {text} and is not used: vault lock && vault unlock"
            )),
            "elsewhere" => {
                self.cx.note("the agent sees other files than this process, and is not used");
            }
            _ => {}
        }
    }
}

/// Why something was refused, and what goes with it.
pub(super) fn refusal(answer: &Frame) -> Option<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match items(&answer.body)?[..] {
        [why, said] if answer.sort == frame::REFUSED => Some((text(why), text(said))),
        _ => None,
    }
}

/// Sends something about the agent itself, with `files`; its answer.
pub(super) fn exchange(
    stream: &UnixStream,
    verb: Verb,
    cx: &Context,
    place: &Place,
    with: (&str, &[OwnedFd]),
    patience: Duration,
) -> Option<Frame> {
    let ready = plain(verb, cx, place, with.0);
    let _ = stream.set_write_timeout(Some(patience));
    send(stream, frame::REQUEST, &ready.body, &borrowed(with.1)).ok()?;
    receive(stream, LONGEST, Some(patience)).ok().map(|(answer, _)| answer)
}

fn broken() -> Error {
    Error::new(ErrorKind::Io, "the agent ended before it had answered")
        .hint("see what was done: vault audit show --limit 5")
}
