//! Terminals: the one we are at, and one of our own for a program. Knows nothing of secrets.

use crate::sys;
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{self, OptionalActions, Termios};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// The terminal this process is at. Its modes are put back when this is dropped.
pub(super) struct Terminal {
    file: File,
    /// The modes it had, while it is raw.
    before: Option<Termios>,
}

impl Terminal {
    /// The controlling terminal; without one, `other`.
    pub(super) fn here(other: BorrowedFd<'_>) -> io::Result<Self> {
        let own = File::options().read(true).write(true).open("/dev/tty");
        let file = own.or_else(|_| other.try_clone_to_owned().map(File::from))?;
        Ok(Self { file, before: None })
    }

    /// Whether we are in its foreground. One that controls nobody is anybody's.
    pub(super) fn is_ours(&self) -> bool {
        let group = rustix::process::getpgrp();
        termios::tcgetpgrp(&self.file).map_or(true, |foreground| foreground == group)
    }

    /// Lets every key through as it is.
    pub(super) fn make_raw(&mut self) -> io::Result<()> {
        if self.before.is_none() {
            let before = termios::tcgetattr(&self.file)?;
            let mut raw = before.clone();
            raw.make_raw();
            termios::tcsetattr(&self.file, OptionalActions::Drain, &raw)?;
            self.before = Some(before);
        }
        Ok(())
    }

    /// Puts back the modes it had.
    pub(super) fn put_back(&mut self) {
        if let Some(before) = self.before.take() {
            self.set(&before);
        }
    }

    /// Its modes; nothing when it has gone.
    pub(super) fn modes(&self) -> Option<Termios> {
        termios::tcgetattr(&self.file).ok()
    }

    /// Gives it `modes`.
    pub(super) fn set(&self, modes: &Termios) {
        // one that has gone has no modes
        let _ = sys::without_background_stop(|| {
            termios::tcsetattr(&self.file, OptionalActions::Drain, modes)
        });
    }

    /// What is typed.
    pub(super) fn keys(&self) -> &File {
        &self.file
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.put_back();
    }
}

/// A terminal for a program: our end of it, and the program's.
pub(super) struct Pty {
    pub(super) ours: File,
    pub(super) theirs: File,
}

impl Pty {
    /// One with the modes and the size of `like`.
    pub(super) fn like(like: &Terminal) -> io::Result<Self> {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&ours)?;
        unlockpt(&ours)?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let theirs = rustix::fs::open(ptsname(&ours, Vec::new())?, flags, Mode::empty())?;
        let modes = termios::tcgetattr(&like.file)?;
        termios::tcsetattr(&theirs, OptionalActions::Now, &modes)?;
        rustix::io::ioctl_fionbio(&ours, true)?;
        let pty = Self { ours: ours.into(), theirs: theirs.into() };
        resize(&pty.ours, like);
        Ok(pty)
    }
}

/// Gives the terminal behind `ours` the size of `like`. The program is told by the system.
pub(super) fn resize(ours: impl AsFd, like: &Terminal) {
    // one without a size keeps the old one
    let _ = termios::tcgetwinsize(&like.file).and_then(|size| termios::tcsetwinsize(ours, size));
}
