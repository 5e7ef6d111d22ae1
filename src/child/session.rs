//! A program whose output has secrets hidden in it. At a terminal it gets one of its own, so that colours,
//! prompts, keys and sizes work as without us; pipes go through pipes.

use super::mask::{Hidden, Masker};
use super::monitor::{self, Word};
use super::pumps::{MOMENT, Pump};
use super::terminal::{Pty, Terminal, resize};
use super::{Mask, Start};
use crate::model::Secret;
use crate::sys::{self, Caught};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, getpgrp, kill_process_group};
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::thread::JoinHandle;

/// Whether there is anything to hide, and anywhere.
#[must_use]
pub fn is_needed(secrets: &[Secret], mask: Mask) -> bool {
    applies(mask) && secrets.iter().any(|secret| secret.len() >= super::mask::SHORTEST)
}

/// Whether there is output in which secrets are to be hidden.
#[must_use]
pub fn applies(mask: Mask) -> bool {
    match mask {
        Mask::Auto => io::stdout().is_terminal() || io::stderr().is_terminal(),
        Mask::Always => true,
        Mask::Never => false,
    }
}

/// Runs the program to its end. At a terminal a copy of this process is made, which nothing else may be
/// doing anything in: `beside`, which may start threads, is called after that. `plain` runs a program that
/// needs no terminal of its own.
///
/// # Errors
/// It could not be started, or there is no terminal for it.
pub fn masked(
    start: Start,
    beside: impl FnOnce() -> io::Result<()>,
    plain: impl FnOnce(Command) -> io::Result<ExitStatus>,
) -> io::Result<ExitStatus> {
    let Start { mut command, secrets, mask, has_input } = start;
    let mut pumps = Vec::new();
    if mask == Mask::Always && !io::stdout().is_terminal() {
        let (pump, writer) = Pump::into(io::stdout().as_fd().try_clone_to_owned()?)?;
        pumps.push(pump);
        command.stdout(writer);
    }
    if mask == Mask::Always && !io::stderr().is_terminal() {
        let (pump, writer) = Pump::into(io::stderr().as_fd().try_clone_to_owned()?)?;
        pumps.push(pump);
        command.stderr(writer);
    }
    if io::stdout().is_terminal() {
        let shown = io::stdout().as_fd().try_clone_to_owned()?;
        return at_terminal(command, has_input, secrets, pumps, shown, beside);
    }
    if io::stderr().is_terminal() {
        let shown = io::stderr().as_fd().try_clone_to_owned()?;
        return at_terminal(command, has_input, secrets, pumps, shown, beside);
    }
    let running = start_all(pumps, &Arc::new(Hidden::of(&secrets)));
    drop(secrets);
    beside()?;
    let status = plain(command);
    join(&running)?;
    status
}

fn start_all(pumps: Vec<Pump>, hidden: &Arc<Hidden>) -> Vec<JoinHandle<()>> {
    pumps.into_iter().map(|pump| pump.start(hidden)).collect()
}

/// Waits until nobody writes any more, or we are told not to: what the program has left behind in the
/// background may hold a pipe for ever.
fn join(running: &[JoinHandle<()>]) -> io::Result<()> {
    let caught = Caught::these(&[libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM])?;
    let mut patience = Timespec { tv_sec: 0, tv_nsec: 500_000 };
    while running.iter().any(|pump| !pump.is_finished()) {
        let mut told = [PollFd::new(caught.socket(), PollFlags::IN)];
        if poll(&mut told, Some(&patience)).is_ok_and(|count| count > 0) {
            break;
        }
        patience.tv_nsec = (patience.tv_nsec * 2).min(MOMENT.tv_nsec);
    }
    Ok(())
}

/// Gives the program a terminal in place of ours.
fn at_terminal(
    mut command: Command,
    has_input: bool,
    secrets: Vec<Secret>,
    pumps: Vec<Pump>,
    shown: OwnedFd,
    beside: impl FnOnce() -> io::Result<()>,
) -> io::Result<ExitStatus> {
    let terminal = Terminal::here(shown.as_fd())?;
    let Pty { ours, theirs } = Pty::like(&terminal)?;
    if io::stdin().is_terminal() && !has_input {
        command.stdin(theirs.try_clone()?);
    }
    if io::stdout().is_terminal() {
        command.stdout(theirs.try_clone()?);
    }
    if io::stderr().is_terminal() {
        command.stderr(theirs.try_clone()?);
    }
    // part of a pipeline shares the keys with others: it has to ask for them
    let is_whole = io::stdin().is_terminal() && io::stdout().is_terminal();
    let is_attached = is_whole && terminal.is_ours();
    let modes = terminal.modes();
    let (socket, other) = UnixStream::pair()?;
    if sys::fork()?.is_none() {
        drop((socket, ours, pumps, secrets, beside));
        monitor::live(command, &theirs, is_attached, &other, (&terminal, modes));
    }
    drop((command, theirs, other));
    let hidden = Arc::new(Hidden::of(&secrets));
    drop(secrets);
    let caught = Caught::these(&[PASSED_ON, OWN].concat())?;
    let running = start_all(pumps, &hidden);
    beside()?;
    let masker = Masker::new(hidden);
    let shown = File::from(shown);
    let typed = Vec::new();
    let wants_terminal = is_whole;
    let mut session = Session {
        terminal,
        ours,
        socket,
        caught,
        masker,
        shown,
        typed,
        is_attached,
        wants_terminal,
    };
    let status = session.live();
    drop(session);
    join(&running)?;
    status
}

/// Our side of it.
struct Session {
    terminal: Terminal,
    ours: File,
    socket: UnixStream,
    caught: Caught,
    masker: Masker,
    shown: File,
    /// Keys that the program's terminal has not taken yet.
    typed: Vec<u8>,
    /// Whether the program has our terminal.
    is_attached: bool,
    /// Whether it is to have it when we are in the foreground.
    wants_terminal: bool,
}

/// What there is to do.
#[derive(Clone, Copy, Default)]
struct Ready {
    signal: bool,
    word: bool,
    output: bool,
    room: bool,
    keys: bool,
}

impl Session {
    fn live(&mut self) -> io::Result<ExitStatus> {
        if self.is_attached {
            self.attach()?;
        }
        loop {
            let ready = self.wait()?;
            if ready.signal {
                self.signal();
            }
            if ready.output {
                self.show();
            }
            if ready.room {
                self.type_on();
            }
            if ready.keys {
                self.read_keys();
            }
            if ready.word {
                // a monitor that was killed takes the terminal of the program with it
                let hung_up = Word::Ended(libc::SIGHUP);
                match Word::receive(&self.socket).unwrap_or(hung_up) {
                    Word::Ended(status) => return Ok(self.end(ExitStatus::from_raw(status))),
                    Word::Failed(number) => return Err(io::Error::from_raw_os_error(number)),
                    Word::Stopped(signal) => self.stopped(signal),
                    Word::Signal(_) | Word::GoOn(_) | Word::Raw(_) => {}
                }
            }
        }
    }

    fn wait(&mut self) -> io::Result<Ready> {
        let wants_keys = self.is_attached && self.typed.len() < MOST_TYPED;
        let of_program = match self.typed.is_empty() {
            true => PollFlags::IN,
            false => PollFlags::IN | PollFlags::OUT,
        };
        let mut fds = vec![
            PollFd::new(self.caught.socket(), PollFlags::IN),
            PollFd::new(&self.socket, PollFlags::IN),
            PollFd::new(&self.ours, of_program),
        ];
        if wants_keys {
            fds.push(PollFd::new(self.terminal.keys(), PollFlags::IN));
        }
        let patience = self.masker.is_hesitating().then_some(&MOMENT);
        let count = match poll(&mut fds, patience) {
            Err(Errno::INTR) => return Ok(Ready::default()),
            other => other?,
        };
        let has = |at: usize, flags| fds.get(at).is_some_and(|fd| fd.revents().intersects(flags));
        let there = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
        let ready = Ready {
            signal: has(0, there),
            word: has(1, there),
            output: has(2, PollFlags::IN),
            room: has(2, PollFlags::OUT),
            keys: has(3, there),
        };
        if count == 0 {
            let _ = self.masker.relax(&mut self.shown);
        }
        Ok(ready)
    }

    /// Shows what the program says. A terminal that has gone cannot be told; the program hears of it by a
    /// signal.
    fn show(&mut self) -> bool {
        let mut block = [0; 16 << 10];
        let Ok(read @ 1..) = self.ours.read(&mut block) else { return false };
        let _ = self.masker.feed(&block[..read], &mut Patient(&self.shown));
        true
    }

    fn type_on(&mut self) {
        if let Ok(taken) = self.ours.write(&self.typed) {
            self.typed.drain(..taken);
        }
    }

    fn read_keys(&mut self) {
        let mut block = [0; 4096];
        match self.terminal.keys().read(&mut block) {
            Ok(read @ 1..) => self.typed.extend_from_slice(&block[..read]),
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            // it has gone
            Ok(_) | Err(_) => self.is_attached = false,
        }
        self.type_on();
    }

    fn signal(&mut self) {
        match self.caught.next().map(|came| came.signal) {
            Ok(libc::SIGWINCH) => resize(&self.ours, &self.terminal),
            Ok(libc::SIGCONT) => self.go_on(),
            Ok(signal) => self.say(Word::Signal(signal)),
            Err(_) => {}
        }
    }

    /// The program was stopped. If it only wants the terminal, it gets it; otherwise we stop as well.
    fn stopped(&mut self, signal: i32) {
        let wants_terminal = matches!(signal, libc::SIGTTIN | libc::SIGTTOU);
        if wants_terminal && self.terminal.is_ours() {
            self.wants_terminal = true;
            return self.go_on();
        }
        self.rest();
        self.wants_terminal |= wants_terminal;
        self.detach();
        sys::stop_group(if wants_terminal { libc::SIGSTOP } else { signal });
        self.go_on();
    }

    /// Lets the program go on, with our terminal if it is to have it and it is ours.
    fn go_on(&mut self) {
        self.detach();
        if self.wants_terminal && self.terminal.is_ours() && self.attach().is_ok() {
            resize(&self.ours, &self.terminal);
        }
        self.say(Word::GoOn(i32::from(self.is_attached)));
    }

    fn attach(&mut self) -> io::Result<()> {
        self.say(Word::Raw(1));
        self.terminal.make_raw()?;
        self.is_attached = true;
        Ok(())
    }

    fn detach(&mut self) {
        if self.terminal.is_ours() {
            self.terminal.put_back();
        }
        self.is_attached = false;
        self.say(Word::Raw(0));
    }

    /// A monitor that has gone has said how the program ended.
    fn say(&self, word: Word) {
        let _ = word.send(&self.socket);
    }

    /// Shows what is on its way already.
    fn rest(&mut self) {
        let mut has_more = true;
        while has_more {
            let mut fds = [PollFd::new(&self.ours, PollFlags::IN)];
            has_more =
                poll(&mut fds, Some(&ON_ITS_WAY)).is_ok_and(|count| count > 0) && self.show();
        }
    }

    fn end(&mut self, status: ExitStatus) -> ExitStatus {
        self.rest();
        let _ = self.masker.finish(&mut Patient(&self.shown));
        let was_attached = self.is_attached;
        self.detach();
        // without us, what was typed would have reached the whole group
        if let Some(signal @ (libc::SIGINT | libc::SIGQUIT)) = status.signal()
            && was_attached
            && let Some(signal) = Signal::from_named_raw(signal)
        {
            let _ = kill_process_group(getpgrp(), signal);
        }
        status
    }
}

/// Writes to a terminal that somebody may have made one that does not wait.
struct Patient<'a>(&'a File);

impl Write for Patient<'_> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        loop {
            match self.0.write(text) {
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => {
                    let _ = poll(&mut [PollFd::new(self.0, PollFlags::OUT)], None);
                }
                other => return other,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Signals to us that mean the program.
const PASSED_ON: &[i32] =
    &[libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGUSR1, libc::SIGUSR2];
/// Signals that mean our terminal.
const OWN: &[i32] = &[libc::SIGTSTP, libc::SIGCONT, libc::SIGWINCH];

/// How many keys are read ahead.
const MOST_TYPED: usize = 4096;

/// What was said before the end is there after this time without anything new.
const ON_ITS_WAY: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
