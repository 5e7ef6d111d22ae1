//! The process between us and a program at a terminal of its own. It leads the session there, so that the
//! program can be stopped and go on as under a shell; it starts the program, tells what becomes of it, and
//! passes signals on. It is a copy of this process and holds nothing of the vault.

use super::terminal::Terminal;
use crate::sys;
use rustix::process::{Pid, Signal, WaitOptions, getpgrp, ioctl_tiocsctty, setsid, waitpid};
use rustix::process::{kill_process, kill_process_group};
use rustix::termios::{Termios, tcgetpgrp, tcsetpgrp};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// What the two processes tell each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Word {
    /// The program could not be started: the number of the error.
    Failed(i32),
    /// It was stopped by this signal.
    Stopped(i32),
    /// It ended, with this status.
    Ended(i32),
    /// Pass this signal on.
    Signal(i32),
    /// Let it go on: in the foreground of its terminal (1), or behind it (0).
    GoOn(i32),
    /// The terminal outside is raw (1) or as it was (0).
    Raw(i32),
}

impl Word {
    pub(super) fn send(self, mut to: &UnixStream) -> io::Result<()> {
        let (tag, number) = match self {
            Self::Failed(number) => (b'f', number),
            Self::Stopped(number) => (b's', number),
            Self::Ended(number) => (b'e', number),
            Self::Signal(number) => (b'k', number),
            Self::GoOn(number) => (b'g', number),
            Self::Raw(number) => (b'r', number),
        };
        let [a, b, c, d] = number.to_ne_bytes();
        to.write_all(&[tag, a, b, c, d])
    }

    pub(super) fn receive(mut from: &UnixStream) -> io::Result<Self> {
        let mut bytes = [0; 5];
        from.read_exact(&mut bytes)?;
        let [tag, a, b, c, d] = bytes;
        let number = i32::from_ne_bytes([a, b, c, d]);
        Ok(match tag {
            b'f' => Self::Failed(number),
            b's' => Self::Stopped(number),
            b'e' => Self::Ended(number),
            b'k' => Self::Signal(number),
            b'g' => Self::GoOn(number),
            _ => Self::Raw(number),
        })
    }
}

/// The life of the monitor. `outside` is the terminal we were started at, with its modes: it is only touched
/// when the original was killed while it was raw.
pub(super) fn live(
    command: Command,
    own: &File,
    is_foreground: bool,
    main: &UnixStream,
    outside: (&Terminal, Option<Termios>),
) -> ! {
    match start(command, own, is_foreground) {
        Err(why) => {
            let _ = Word::Failed(why.raw_os_error().unwrap_or(libc::EIO)).send(main);
        }
        Ok(program) => {
            // a pipe that is kept open here would never end
            let kept = [own.as_fd(), main.as_fd(), outside.0.keys().as_fd()];
            sys::close_all_but(&kept.map(|fd| fd.as_raw_fd()));
            if let Ok(to) = main.try_clone() {
                std::thread::spawn(move || watch(program, &to));
                serve(program, own, main, outside);
            }
        }
    }
    sys::end_copy(0)
}

fn start(mut command: Command, own: &File, is_foreground: bool) -> io::Result<Pid> {
    setsid()?;
    ioctl_tiocsctty(own)?;
    command.process_group(0);
    if is_foreground {
        sys::begin_in_foreground(&mut command, own.try_clone()?.into());
    }
    let child = command.spawn()?;
    let number = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    number.ok_or_else(|| io::Error::other("a process without a number"))
}

/// Tells what becomes of the program; with its end the monitor ends.
fn watch(program: Pid, main: &UnixStream) {
    while let Ok(Some((_, status))) = waitpid(Some(program), WaitOptions::UNTRACED) {
        let word = match status.stopping_signal() {
            Some(signal) => Word::Stopped(signal),
            None => Word::Ended(status.as_raw()),
        };
        let told = word.send(main);
        if told.is_err() || matches!(word, Word::Ended(_)) {
            break;
        }
    }
    sys::end_copy(0)
}

/// Does what it is told, until the original has gone: then its terminal is put back, and the program is
/// told that nobody is there any more.
fn serve(
    program: Pid,
    own: &File,
    main: &UnixStream,
    (outside, modes): (&Terminal, Option<Termios>),
) {
    sys::ignore_hang_up();
    let mut is_raw = false;
    while let Ok(word) = Word::receive(main) {
        match word {
            Word::Signal(signal) => pass_on(program, signal),
            Word::GoOn(is_foreground) => go_on(program, own, is_foreground == 1),
            Word::Raw(now) => is_raw = now == 1,
            Word::Failed(_) | Word::Stopped(_) | Word::Ended(_) => {}
        }
    }
    if let Some(modes) = modes.filter(|_| is_raw) {
        outside.set(&modes);
    }
    let _ = kill_process_group(program, Signal::HUP);
    let _ = kill_process_group(program, Signal::CONT);
}

/// What a terminal sends goes to the whole group, as it would there.
fn pass_on(program: Pid, number: i32) {
    let Some(signal) = Signal::from_named_raw(number) else { return };
    let _ = match signal {
        Signal::INT | Signal::QUIT | Signal::HUP | Signal::TSTP => {
            kill_process_group(program, signal)
        }
        _ => kill_process(program, signal),
    };
}

fn go_on(program: Pid, own: &File, is_foreground: bool) {
    let _ = sys::without_background_stop(|| match tcgetpgrp(own) {
        Ok(now) if is_foreground && now == getpgrp() => tcsetpgrp(own, program),
        Ok(_) if !is_foreground => tcsetpgrp(own, getpgrp()),
        other => other.map(|_| ()),
    });
    let _ = kill_process_group(program, Signal::CONT);
}
