//! A terminal that shows nothing of what is typed, and is put back however that ends.

use super::given_up;
use crate::error::{Error, Result};
use crate::sys::{self, Caught};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Signal, getpgrp, getpid, kill_process};
use rustix::termios::{self, LocalModes, OptionalActions, SpecialCodeIndex, Termios};
use std::fs::File;
use std::io::{ErrorKind, Read};

/// A terminal that neither echoes nor edits nor signals, until dropped.
pub(super) struct Quiet<'t> {
    tty: &'t File,
    before: Termios,
}

impl<'t> Quiet<'t> {
    pub(super) fn enter(tty: &'t File) -> Result<Self> {
        let before = termios::tcgetattr(tty).map_err(wrong)?;
        let mut hidden = before.clone();
        hidden.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        hidden.special_codes[SpecialCodeIndex::VMIN] = 1;
        hidden.special_codes[SpecialCodeIndex::VTIME] = 0;
        termios::tcsetattr(tty, OptionalActions::Drain, &hidden).map_err(wrong)?;
        Ok(Self { tty, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        // a shell that has taken it has set it for itself, and to touch it would stop us
        let is_taken = termios::tcgetpgrp(self.tty).is_ok_and(|group| group != getpgrp());
        if !is_taken {
            // nothing can be done if it fails; the shell resets the terminal at its own prompt
            let _ = termios::tcsetattr(self.tty, OptionalActions::Drain, &self.before);
        }
    }
}

fn wrong(e: Errno) -> Error {
    Error::io("cannot hide what is typed", &e.into())
}

/// Reads from a quiet terminal. A signal from elsewhere finds the terminal as it was, and after a stop it is
/// quiet again: a shell makes it echo meanwhile.
pub(super) struct Reader<'t> {
    tty: &'t File,
    quiet: Option<Quiet<'t>>,
    /// None where somebody catches signals already, and puts the terminal back.
    caught: Option<Caught>,
}

const STOP: libc::c_int = libc::SIGTSTP;
const HEARD: [libc::c_int; 6] =
    [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, STOP, libc::SIGCONT];

impl<'t> Reader<'t> {
    pub(super) fn of(tty: &'t File) -> Result<Self> {
        let mut reader = Self { tty, quiet: None, caught: None };
        reader.hide()?;
        Ok(reader)
    }

    fn hide(&mut self) -> Result<()> {
        // in the background this stops us, which must not find us deaf: who is stopped can be ended
        termios::tcdrain(self.tty).map_err(wrong)?;
        self.caught = Caught::unless_others_do(&HEARD);
        self.quiet = Some(Quiet::enter(self.tty)?);
        Ok(())
    }

    /// The next byte of what is typed; none at the end.
    pub(super) fn byte(&mut self) -> Result<Option<u8>> {
        let mut byte = [0u8];
        let wrong = |e: &std::io::Error| Error::io("cannot read from the terminal", e);
        loop {
            if let Some(signal) = self.signal().map_err(|e| wrong(&e))? {
                self.heed(signal)?;
                continue;
            }
            match (&*self.tty).read(&mut byte) {
                Ok(0) => return Ok(None),
                Ok(_) => return Ok(Some(byte[0])),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(wrong(&e)),
            }
        }
    }

    /// Waits for a key or a signal; which signal it is.
    fn signal(&self) -> std::io::Result<Option<libc::c_int>> {
        let Some(caught) = &self.caught else { return Ok(None) };
        let both = &mut [
            PollFd::new(caught.socket(), PollFlags::IN),
            PollFd::new(self.tty, PollFlags::IN),
        ];
        loop {
            match poll(both, None) {
                Err(Errno::INTR) => {}
                Err(e) => return Err(e.into()),
                Ok(_) if both[0].revents().is_empty() => return Ok(None),
                Ok(_) => return caught.next().map(|came| Some(came.signal)),
            }
        }
    }

    /// Does what `signal` asks for, and those that came with it, with the terminal as it was.
    fn heed(&mut self, signal: libc::c_int) -> Result<()> {
        let before = self.quiet.as_ref().map(|quiet| quiet.before.clone());
        let others = self.let_go();
        let came = || std::iter::once(signal).chain(others.iter().copied());
        if let Some(end) = came().find(|signal| ![STOP, libc::SIGCONT].contains(signal)) {
            give_self(end);
            return Err(given_up());
        }
        if signal == STOP {
            sys::end_by(STOP);
        }
        // set anew: a shell has changed it, and what is to be put back stays the same
        self.hide()?;
        if let (Some(quiet), Some(before)) = (&mut self.quiet, before) {
            quiet.before = before;
        }
        Ok(())
    }

    /// Puts the terminal back, and has signals do what they did; those that came until then.
    fn let_go(&mut self) -> Vec<libc::c_int> {
        self.quiet = None;
        self.caught.take().map(Caught::rest).unwrap_or_default()
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        // those that came when the answer was there already
        self.let_go().into_iter().filter(|signal| *signal != libc::SIGCONT).for_each(give_self);
    }
}

/// As if nobody had caught it: that ends us, or whoever asked learns of it.
fn give_self(signal: libc::c_int) {
    let _ = Signal::from_named_raw(signal).map(|signal| kill_process(getpid(), signal));
}
