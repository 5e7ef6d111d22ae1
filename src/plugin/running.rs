//! A plugin that runs: its pipes, how long it may take, how much it may send, and its end. No answer is waited
//! for without a limit, and nothing of its process group is left. Knows not what is said.

use super::dialogue::Wire;
use super::fault::{Fault, Result, line_of};
use super::stanza::received;
use super::{Name, Talk};
use crate::error::{Error, ErrorKind};
use crate::sys::Signals;
use age_core::format::Stanza;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process_group, waitid,
};
use std::fs::File;
use std::io::{ErrorKind as Io, Read, Write};
use std::process::Child;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How long a plugin may take.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// In all, without the time in which somebody is asked.
    whole: Duration,
    /// Until its first word, unless somebody is there whom it could wait for.
    silent: Duration,
}

impl Limits {
    /// What is configured, or the usual ones.
    pub(super) fn of(timeout: Option<Duration>) -> Self {
        match timeout {
            Some(whole) => Self { whole, silent: whole },
            None => Self { whole: WHOLE, silent: SILENT },
        }
    }
}

/// The process, which leads a group of its own.
pub(super) struct Running<'t> {
    child: Child,
    group: Pid,
    to: Option<File>,
    from: File,
    beside: Option<File>,
    heard: Zeroizing<Vec<u8>>,
    muttered: Vec<u8>,
    total: usize,
    limits: Limits,
    spent: Duration,
    is_silent: bool,
    name: &'t Name,
    talk: &'t dyn Talk,
    signals: Signals,
}

impl<'t> Running<'t> {
    /// Takes over `child`, which was started with three pipes.
    pub(super) fn new(
        mut child: Child,
        limits: Limits,
        name: &'t Name,
        talk: &'t dyn Talk,
    ) -> Result<Self> {
        let ends = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let (Some(to), Some(from), Some(beside), Some(group)) = (ends.0, ends.1, ends.2, group)
        else {
            return Err(Fault::Ours(Error::internal("a plugin without pipes")));
        };
        let running = Self {
            child,
            group,
            to: Some(OwnedFd::from(to).into()),
            from: OwnedFd::from(from).into(),
            beside: Some(OwnedFd::from(beside).into()),
            heard: Zeroizing::default(),
            muttered: Vec::new(),
            total: 0,
            limits,
            spent: Duration::ZERO,
            is_silent: true,
            name,
            talk,
            signals: Signals::noted(),
        };
        // from here on it is ended whatever happens
        for end in [running.to.as_ref(), Some(&running.from), running.beside.as_ref()] {
            end.map_or(Ok(()), |end| fcntl_setfl(end, OFlags::NONBLOCK))
                .map_err(|e| Fault::Ours(Error::io("cannot use a pipe", &e.into())))?;
        }
        Ok(running)
    }

    /// Lets it end, after a dialogue that ended so.
    pub(super) fn end<T>(mut self, said: Result<T>) -> Result<T> {
        match said {
            Ok(said) => {
                self.to = None;
                let until = Instant::now() + PARTING;
                while self.how_it_ended().is_none() && Instant::now() < until {
                    std::thread::sleep(MOMENT);
                }
                Ok(said)
            }
            Err(fault @ (Fault::Ours(_) | Fault::Said(_))) => Err(fault),
            Err(fault) => {
                self.listen_beside();
                let last = self.muttered.split(|b| *b == b'\n').rev().map(line_of);
                match last.into_iter().find(|line| !line.is_empty()) {
                    Some(line) => Err(Fault::Muttered(Box::new(fault), line)),
                    None => Err(fault),
                }
            }
        }
    }

    /// The next line, with its end.
    fn line(&mut self) -> Result<Zeroizing<Vec<u8>>> {
        let mut looked = 0;
        loop {
            if let Some(at) = self.heard[looked..].iter().position(|b| *b == b'\n') {
                let rest = self.heard.split_off(looked + at + 1);
                return Ok(std::mem::replace(&mut self.heard, Zeroizing::new(rest)));
            }
            looked = self.heard.len();
            if looked > LINE {
                return Err(Fault::TooMuch);
            }
            self.hear()?;
        }
    }

    /// Waits for more, and takes it.
    fn hear(&mut self) -> Result<()> {
        let mut block = Zeroizing::new([0; 4096]);
        loop {
            match self.from.read(block.as_mut()) {
                Ok(0) => return Err(self.gone()),
                Ok(count) => {
                    self.total += count;
                    self.heard.extend_from_slice(&block[..count]);
                    return if self.total > TOTAL { Err(Fault::TooMuch) } else { Ok(()) };
                }
                Err(e) if e.kind() == Io::WouldBlock => self.wait(PollFlags::IN)?,
                Err(e) if e.kind() == Io::Interrupted => {}
                Err(_) => return Err(self.gone()),
            }
        }
    }

    /// Waits a while for the pipe we read from, or the one we write to.
    fn wait(&mut self, what: PollFlags) -> Result<()> {
        let begun = Instant::now();
        self.look_at_time()?;
        let end = match (what, &self.to) {
            (PollFlags::OUT, Some(to)) => to,
            _ => &self.from,
        };
        let mut ends = vec![PollFd::new(end, what)];
        ends.extend(self.beside.as_ref().map(|beside| PollFd::new(beside, PollFlags::IN)));
        // a signal ends it early
        let ready = poll(&mut ends, Some(&TURN)).unwrap_or(0);
        let is_ready = ends.first().is_some_and(|end| !end.revents().is_empty());
        drop(ends);
        if ready > 0 {
            self.listen_beside();
        }
        self.spent += begun.elapsed();
        if self.signals.came() {
            let given_up = Error::new(ErrorKind::Aborted, "given up while a plugin was at work");
            return Err(Fault::Ours(given_up));
        }
        if !is_ready && self.is_stopped() {
            return Err(Fault::Stopped);
        }
        // something that it started may hold the pipe open
        match is_ready || self.how_it_ended().is_none() {
            true => Ok(()),
            false => self.last_words(),
        }
    }

    /// It has ended: what it wrote before is still to be read.
    fn last_words(&mut self) -> Result<()> {
        let mut ends = [PollFd::new(&self.from, PollFlags::IN)];
        let more = poll(&mut ends, Some(&Timespec::default())).is_ok_and(|ready| ready > 0);
        if more { Ok(()) } else { Err(self.gone()) }
    }

    fn look_at_time(&mut self) -> Result<()> {
        if self.spent >= self.limits.whole {
            return Err(Fault::Late(self.limits.whole));
        }
        if self.is_silent && self.spent >= self.limits.silent {
            // told once; then it has the whole time
            self.is_silent = false;
            if !self.talk.waits(self.name) {
                return Err(Fault::Late(self.limits.silent));
            }
        }
        Ok(())
    }

    /// Takes what it writes to its standard error, and keeps the end of it.
    fn listen_beside(&mut self) {
        let Some(beside) = &mut self.beside else { return };
        let mut block = [0; 4096];
        match beside.read(&mut block) {
            Ok(0) => self.beside = None,
            Ok(count) => {
                self.muttered.extend_from_slice(&block[..count]);
                let early = self.muttered.len().saturating_sub(MUTTERED);
                self.muttered.drain(..early);
            }
            Err(_) => {}
        }
    }

    /// It does not talk any more: how it ended, if it did.
    fn gone(&mut self) -> Fault {
        let until = Instant::now() + SETTLING;
        loop {
            if let Some(how) = self.how_it_ended() {
                return Fault::Ended(how);
            }
            if Instant::now() >= until {
                return Fault::Closed;
            }
            std::thread::sleep(MOMENT);
        }
    }

    /// It is not in the foreground of the terminal, and is stopped when it reads from there.
    fn is_stopped(&self) -> bool {
        let look = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(self.group), look).is_ok_and(|status| status.is_some())
    }

    /// It is not buried: as long as its number is taken, its group is its own.
    fn how_it_ended(&self) -> Option<String> {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::Pid(self.group), look).ok()??;
        Some(how(&status))
    }
}

fn how(status: &WaitIdStatus) -> String {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code @ 1..), _) => format!(", with code {code}"),
        (None, Some(signal)) => format!(", by signal {signal}"),
        (Some(_) | None, _) => String::new(),
    }
}

impl Wire for Running<'_> {
    fn send(&mut self, message: &[u8]) -> Result<()> {
        let mut rest = message;
        while !rest.is_empty() {
            let Some(to) = &mut self.to else { return Err(Fault::Closed) };
            match to.write(rest) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(e) if e.kind() == Io::WouldBlock => self.wait(PollFlags::OUT)?,
                Err(e) if e.kind() == Io::Interrupted => {}
                Err(_) => return Err(self.gone()),
            }
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<Stanza> {
        let stanza = received(|| self.line());
        self.is_silent = false;
        stanza
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let _ = kill_process_group(self.group, Signal::KILL);
        let _ = self.child.wait();
    }
}

/// Long enough for somebody to find a token and touch it.
const WHOLE: Duration = Duration::from_mins(2);
const SILENT: Duration = Duration::from_secs(10);
/// How long one may take to end that is done.
const PARTING: Duration = Duration::from_secs(2);
/// How long one takes to end that hung up, on a busy machine.
const SETTLING: Duration = Duration::from_secs(2);
const MOMENT: Duration = Duration::from_millis(1);
const TURN: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
const LINE: usize = 64 << 10;
const TOTAL: usize = 4 << 20;
const MUTTERED: usize = 4096;
