//! The agent: one process without threads, that holds the keys and derives nothing from them. It lets a copy
//! of itself answer each client, and drops the keys when it is time.

use super::held::{Held, Terms};
use super::left::{Left, now};
use super::wire::{send_files, with_files};
use super::{renew, wire, worker};
use crate::sys::{self, Caught};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{
    Pid, Signal, WaitOptions, getpid, getppid, kill_process, set_parent_process_death_signal,
    waitpid,
};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What workers tell the agent.
pub(super) mod word {
    /// These are the new keys: the file of them, and the client who waits for the answer.
    pub const FILL: u8 = b'F';
    /// These are the new terms, and the client who waits for the answer.
    pub const RENEW: u8 = b'R';
    /// The keys are to be dropped: the client who waits for the answer. It has been entered.
    pub const LOCK: u8 = b'L';
    /// The keys are no longer those of the vault.
    pub const STALE: u8 = b'S';
    /// A command begins.
    pub const USED: u8 = b'U';
}

/// How a worker ends that has carried out a command: the vault was in use. And one that has not.
pub(super) const WAS_USED: i32 = 1;
pub(super) const UNUSED: i32 = 0;

/// How many clients are answered at once.
const MOST_WORKERS: usize = 64;
/// How long an agent without keys waits for them, in seconds.
const EMPTY: u64 = 30;
/// How often it looks whether the vault's file is still there.
const EVERY: u64 = 5;
/// How long workers may take to end when the keys are dropped.
const GRACE: Duration = Duration::from_secs(1);

/// The agent.
pub(super) struct Agent {
    listener: UnixListener,
    /// The socket that it has made, to be removed at the end.
    socket: Option<(PathBuf, (u64, u64))>,
    /// What workers tell, and where they tell it.
    told: UnixDatagram,
    pub(super) tell: UnixDatagram,
    caught: Option<Caught>,
    pub(super) held: Option<Held>,
    /// The vault's file as it was when the keys came.
    file: Option<(u64, u64)>,
    /// When the keys came, and when they were last used, in seconds of a clock that runs while the
    /// machine sleeps.
    filled: u64,
    used: u64,
    workers: BTreeSet<i32>,
}

impl Agent {
    /// One that listens; it has made the socket at `path`, if any.
    pub(super) fn new(listener: UnixListener, path: Option<PathBuf>) -> std::io::Result<Self> {
        listener.set_nonblocking(true)?;
        let signals = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT, libc::SIGCHLD];
        let caught = Caught::these(&signals)?;
        caught.socket().set_nonblocking(true)?;
        let (told, tell) = UnixDatagram::pair()?;
        told.set_nonblocking(true)?;
        let made = path.and_then(|path| {
            let made = identity(&path)?;
            Some((path, made))
        });
        let now = now();
        Ok(Self {
            listener,
            socket: made,
            told,
            tell,
            caught: Some(caught),
            held: None,
            file: None,
            filled: now,
            used: now,
            workers: BTreeSet::new(),
        })
    }

    /// Takes keys, if it has none.
    pub(super) fn fill(&mut self, file: &OwnedFd) -> bool {
        let Some(held) = Held::read(file) else { return false };
        let Some(identity) = held.place().identity().filter(|_| self.held.is_none()) else {
            held.leave();
            return false;
        };
        (self.held, self.file) = (Some(held), Some(identity));
        (self.filled, self.used) = (now(), now());
        true
    }

    /// Begins anew with other terms, as a worker has found that somebody with the keys wants it.
    fn renew(&mut self, terms: &[u8]) -> bool {
        match (&mut self.held, serde_json::from_slice::<Terms>(terms)) {
            (Some(held), Ok(terms)) => held.about.terms = terms,
            _ => return false,
        }
        (self.filled, self.used) = (now(), now());
        true
    }

    /// Serves until the keys are dropped.
    pub(super) fn serve(mut self) {
        let Ok(timer) = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::CLOEXEC) else {
            return self.lock("signal", None);
        };
        loop {
            if let Some(signal) = self.hear_signals() {
                debug_assert_ne!(signal, libc::SIGCHLD);
                return self.lock("signal", None);
            }
            if let Some((cause, client)) = self.hear_workers() {
                return self.lock(cause, client);
            }
            if let Some(cause) = self.is_over() {
                return self.lock(cause, None);
            }
            self.wait(&timer);
            // once more: somebody who comes when the time is up is not served
            if self.is_over().is_none() {
                self.admit();
            }
        }
    }

    /// Waits until something happens, or it is time to look.
    fn wait(&self, timer: &OwnedFd) {
        let left = self.left().map_or(EVERY, |left| left.idle.min(left.max)).clamp(1, EVERY);
        let next = Timespec { tv_sec: i64::try_from(left).unwrap_or(1), tv_nsec: 0 };
        let never = Timespec { tv_sec: 0, tv_nsec: 0 };
        let once = Itimerspec { it_interval: never, it_value: next };
        // without it, signals and clients still wake us
        let _ = timerfd_settime(timer, TimerfdTimerFlags::empty(), &once);
        let mut all =
            vec![PollFd::new(timer, PollFlags::IN), PollFd::new(&self.told, PollFlags::IN)];
        all.extend(self.caught.as_ref().map(|caught| PollFd::new(caught.socket(), PollFlags::IN)));
        if self.workers.len() < MOST_WORKERS {
            all.push(PollFd::new(&self.listener, PollFlags::IN));
        }
        // an interrupt is looked at by the caller, as is everything else
        let _ = poll(&mut all, None);
    }

    /// Lets a worker answer the next client.
    fn admit(&mut self) {
        if self.workers.len() >= MOST_WORKERS {
            return;
        }
        let Ok((client, _)) = self.listener.accept() else { return };
        let agent = getpid();
        match sys::fork() {
            Ok(None) => self.work(client, agent),
            Ok(Some(worker)) => _ = self.workers.insert(worker),
            // it is hung up on, and finds another way
            Err(_) => {}
        }
    }

    /// The life of a worker, which is over when that of `agent` is: nobody else could lock.
    fn work(&mut self, client: UnixStream, agent: Pid) -> ! {
        let told = set_parent_process_death_signal(Some(Signal::KILL));
        if told.is_err() || getppid() != Some(agent) {
            sys::end_copy(UNUSED);
        }
        drop(self.caught.take());
        sys::close_all_but(&[client.as_raw_fd(), self.tell.as_raw_fd()]);
        let left = self.left();
        let held = self.held.take();
        sys::end_copy(worker::serve(client, &self.tell, held, left.as_ref(), self.file))
    }

    /// How long the keys may still be held.
    fn left(&self) -> Option<Left> {
        let terms = &self.held.as_ref()?.about.terms;
        Some(Left::at(now(), (self.used, terms.idle), (self.filled, terms.max)))
    }

    /// Why the keys are to be dropped now, if they are.
    fn is_over(&self) -> Option<&'static str> {
        let (Some(held), Some(left)) = (&self.held, self.left()) else {
            return (now() >= self.filled + EMPTY).then_some("empty");
        };
        let is_there = || held.place().identity() == self.file && self.can_be_found();
        left.is_over(!self.workers.is_empty()).or_else(|| (!is_there()).then_some("replaced"))
    }

    /// Whether the socket is still the one that it has made: keys that nobody can use are held for nobody.
    fn can_be_found(&self) -> bool {
        self.socket.as_ref().is_none_or(|(path, made)| identity(path) == Some(*made))
    }

    /// Hears of signals; tells of one that ends us.
    fn hear_signals(&mut self) -> Option<libc::c_int> {
        let mut end = None;
        let mut told = [0; 12];
        while let Some(Ok(12)) = self.caught.as_ref().map(|caught| caught.socket().read(&mut told))
        {
            let signal = i32::from_ne_bytes([told[0], told[1], told[2], told[3]]);
            end = end.or((signal != libc::SIGCHLD).then_some(signal));
        }
        self.reap();
        end
    }

    fn reap(&mut self) {
        while let Ok(Some((pid, status))) = waitpid(None, WaitOptions::NOHANG) {
            self.workers.remove(&pid.as_raw_nonzero().get());
            // one whose client has gone is ended by a signal, perhaps just after it had answered
            if status.exit_status() != Some(UNUSED) {
                self.note_use();
            }
        }
    }

    /// Notes that a command begins or ends, unless that comes too late.
    fn note_use(&mut self) {
        if self.left().is_none_or(|left| !left.is_up()) {
            self.used = now();
        }
    }

    /// Hears what workers have to tell; why the keys are to be dropped, and who waits for that.
    fn hear_workers(&mut self) -> Option<(&'static str, Option<UnixStream>)> {
        loop {
            let (mut said, mut files) = ([0; 1 + renew::MOST], Vec::new());
            let Ok(length @ 1..) = with_files(&self.told, &mut said, &mut files) else {
                return None;
            };
            let mut files = files.into_iter();
            match said[0] {
                word::LOCK => return Some(("asked", files.next().map(UnixStream::from))),
                word::STALE => return Some(("keys_changed", None)),
                word::USED => self.note_use(),
                word::RENEW => {
                    let is_taken = self.renew(&said[1..length]);
                    if let Some(client) = files.next().map(UnixStream::from) {
                        worker::answer_fill(&client, is_taken);
                    }
                }
                word::FILL => {
                    let (keys, client) = (files.next(), files.next().map(UnixStream::from));
                    let is_taken = keys.is_some_and(|keys| self.fill(&keys));
                    if let Some(client) = client {
                        worker::answer_fill(&client, is_taken);
                    }
                }
                _ => {}
            }
        }
    }

    /// Drops the keys, and says so in the log unless that was done.
    fn lock(mut self, cause: &'static str, client: Option<UnixStream>) {
        let about = self.held.take().map(|held| held.about.clone());
        self.remove_socket();
        if cause == "keys_changed" {
            // the one that has told so is about to answer its client
            self.await_workers();
        }
        self.end_workers();
        if let Some(about) = about.filter(|_| cause != "asked") {
            super::enter::locked(&about, cause, None);
        }
        if let Some(client) = client {
            // it may not wait any more
            let _ = wire::send(&client, wire::frame::ENDED, &[0, 0], &[]);
            // it hears of our end when we have ended
            std::mem::forget(client);
        }
    }

    /// Removes the socket if it is still ours.
    fn remove_socket(&mut self) {
        let Some((path, made)) = self.socket.take() else { return };
        if identity(&path) == Some(made) {
            let _ = fs::remove_file(path);
        }
    }

    /// Ends those that still have the keys.
    fn end_workers(&mut self) {
        let end = |workers: &BTreeSet<i32>, signal| {
            for worker in workers.iter().filter_map(|pid| Pid::from_raw(*pid)) {
                let _ = kill_process(worker, signal); // it may have ended by itself
            }
        };
        end(&self.workers, Signal::TERM);
        self.await_workers();
        end(&self.workers, Signal::KILL);
    }

    /// Waits for them, but not for long.
    fn await_workers(&mut self) {
        let since = std::time::Instant::now();
        while !self.workers.is_empty() && since.elapsed() < GRACE {
            self.reap();
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Which file is at a path.
fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|about| (about.dev(), about.ino()))
}

/// Tells the agent something.
pub(super) fn tell(
    agent: &UnixDatagram,
    word: u8,
    with: &[u8],
    files: &[OwnedFd],
) -> std::io::Result<()> {
    send_files(agent, &[&[word], with].concat(), &wire::borrowed(files)).map(|_| ())
}

/// The life of an agent that was started for this: where it listens, and what it holds at first.
pub(super) fn live(
    listener: UnixListener,
    path: Option<PathBuf>,
    keys: Option<OwnedFd>,
    tells: bool,
) -> Option<()> {
    let mut agent = Agent::new(listener, path).ok()?;
    if let Some(keys) = keys {
        agent.fill(&keys).then_some(())?;
    }
    ready(tells);
    agent.serve();
    Some(())
}

/// Says to whoever started us that we serve, if he waits for that, and lets go of standard input and output.
fn ready(tells: bool) {
    if tells {
        let _ = std::io::Write::write_all(&mut std::io::stdout(), b"r\n");
    }
    if let Ok(null) = fs::File::options().read(true).write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdin(&null);
        let _ = rustix::stdio::dup2_stdout(&null);
    }
}
