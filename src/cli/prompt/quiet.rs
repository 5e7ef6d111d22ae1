//! A terminal that shows nothing of what is typed, and is put back however that ends.

use super::given_up;
use crate::error::{Error, Result};
use crate::sys::{self, Caught};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Signal, getpid, kill_process};
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
        let wrong = |e: Errno| Error::io("cannot hide what is typed", &e.into());
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
        // nothing can be done if it fails; the shell resets the terminal at its own prompt
        let _ = termios::tcsetattr(self.tty, OptionalActions::Drain, &self.before);
    }
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
        let caught = Caught::unless_others_do(&HEARD);
        Ok(Self { tty, quiet: Some(Quiet::enter(tty)?), caught })
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

    /// Does what `signal` asks for, with the terminal as it was.
    fn heed(&mut self, signal: libc::c_int) -> Result<()> {
        if signal != libc::SIGCONT {
            self.quiet = None;
        }
        match signal {
            libc::SIGCONT => {}
            STOP => sys::end_by(STOP),
            _ => {
                self.give_back();
                send(signal);
                return Err(given_up());
            }
        }
        // set anew: a shell has changed it, and what is to be put back stays the same
        let before = self.quiet.take().map(|quiet| quiet.before.clone());
        let mut quiet = Quiet::enter(self.tty)?;
        quiet.before = before.unwrap_or_else(|| quiet.before.clone());
        self.quiet = Some(quiet);
        Ok(())
    }

    /// Puts the terminal back, and lets signals do what they do otherwise: also those that came while nobody
    /// waited for a key any more.
    fn give_back(&mut self) {
        self.quiet = None;
        let unheard = self.caught.take().map(Caught::end);
        unheard.into_iter().flatten().for_each(send);
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// As if nobody had caught it: that ends us, or whoever notes it learns of it.
fn send(signal: libc::c_int) {
    let _ = Signal::from_named_raw(signal).map(|signal| kill_process(getpid(), signal));
}
