//! The clipboard of a desktop is served by whoever copied last, for as long as that process lives. So
//! this program starts itself once more, as a holder: it gets the value through a pipe, serves it,
//! and ends when its time is up or when something else is copied.

use super::Keep;
use crate::cli::read;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use crate::sys;
use crate::world::World;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

/// The holder as seen by the command that started it.
pub(super) struct Holder {
    child: Child,
    status: ChildStdout,
}

impl Holder {
    /// Starts it; it has reached the clipboard when this returns, and holds nothing yet. It ends by
    /// itself when it is given nothing.
    ///
    /// # Errors
    /// Unsupported (4) when there is no clipboard.
    pub(super) fn start(world: &World, keep: Keep) -> Result<Self> {
        let mut command = again(world, keep)?;
        command.arg(DESKTOP).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|e| Error::io("cannot start a holder", &e))?;
        let status = child.stdout.take().ok_or_else(|| Error::internal("a pipe is missing"))?;
        let mut holder = Self { child, status };
        holder.expect(READY).map(|()| holder)
    }

    /// Hands the value over; the holder has the clipboard when this returns.
    ///
    /// # Errors
    /// Unsupported (4) when the clipboard has gone or refuses.
    pub(super) fn take(mut self, value: &Secret) -> Result<()> {
        let pipe = self.child.stdin.take();
        let mut pipe = pipe.ok_or_else(|| Error::internal("a pipe is missing"))?;
        pipe.write_all(value.expose()).map_err(|_| none())?;
        drop(pipe);
        self.expect(TAKEN)
    }

    /// Waits for the holder to say `word`; it is ended if it says anything else, or nothing.
    fn expect(&mut self, word: u8) -> Result<()> {
        let mut said = [0];
        let waiting = &mut [PollFd::new(&self.status, PollFlags::IN)];
        let heard = poll(waiting, Some(&PATIENCE)).is_ok_and(|ready| ready > 0)
            && self.status.read_exact(&mut said).is_ok();
        if heard && said == [word] {
            return Ok(());
        }
        // it may have ended by itself already
        let _ = self.child.kill();
        let _ = self.child.wait();
        Err(none())
    }
}

/// This program once more, with nothing of ours but what a desktop's programs need to find it.
pub(super) fn again(world: &World, keep: Keep) -> Result<Command> {
    let this = sys::this_program().map_err(|e| Error::io("cannot find this program", &e))?;
    let seconds = keep.0.map_or_else(|| NEVER.to_owned(), |span| span.as_secs().to_string());
    let mut command = Command::new(this);
    command.args([VERB, &seconds]).env_clear().current_dir("/").stderr(Stdio::null());
    command.envs(DESKTOP_ENV.iter().filter_map(|name| Some((name, world.var(name)?))));
    Ok(command)
}

fn none() -> Error {
    Error::new(ErrorKind::Unsupported, "no clipboard can be reached from here")
        .hint("let the terminal copy it: add --osc52")
        .hint("print it: vault cred get NAME, or vault cred totp NAME")
}

/// What the hidden command does, when the arguments of the program (its own name included) are those
/// of a holder.
#[must_use]
pub fn answer(args: &[OsString]) -> Option<ExitCode> {
    let [_, verb, seconds, way] = args else {
        return None;
    };
    if verb != VERB {
        return None;
    }
    // of what the command inherited, the holder keeps nothing, and no session ends it
    sys::close_inherited();
    let _ = rustix::process::setsid();
    let keep = match seconds.to_str() {
        Some(NEVER) => None,
        seconds => Some(Duration::from_secs(seconds.and_then(|s| s.parse().ok())?)),
    };
    let done = match way.to_str() {
        Some(DESKTOP) => hold(keep),
        Some(TERMINAL) => super::osc52::clear_later(keep),
        _ => None,
    };
    Some(if done.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The life of a holder; nothing when it went wrong, which the command has been told by then.
fn hold(keep: Option<Duration>) -> Option<()> {
    let mut clipboard = arboard::Clipboard::new().ok()?;
    let mut command = File::from(sys::duplicate(1).ok()?);
    command.write_all(&[READY]).ok()?;
    let value = read::stdin(Secret::MAX).ok()?;
    let text = std::str::from_utf8(value.expose()).ok().filter(|text| !text.is_empty())?;
    let (tell, lost) = mpsc::channel();
    let (own, told) = (text.to_owned(), tell.clone());
    // it ends with the process if it serves until then
    std::thread::spawn(move || serve(own, &told));
    settle(&mut clipboard, text, &lost)?;
    command.write_all(&[TAKEN]).ok()?;
    let held = watch(&mut clipboard, text, keep, &lost);
    drop(tell);
    held
}

/// Takes the clipboard and serves it. Says so when somebody else has taken it: the same text may be
/// copied twice, so what it holds tells nothing.
#[cfg(not(target_os = "macos"))]
fn serve(text: String, lost: &Sender<()>) {
    use arboard::SetExtLinux as _;
    if let Ok(mut clipboard) = arboard::Clipboard::new() {
        // a desktop that has gone is lost as well
        let _ = clipboard.set().exclude_from_history().wait().text(text);
    }
    let _ = lost.send(());
}

/// Takes the clipboard, which the system serves; whether it was lost is seen by looking.
#[cfg(target_os = "macos")]
fn serve(text: String, lost: &Sender<()>) {
    use arboard::SetExtApple as _;
    let set = |mut clipboard: arboard::Clipboard| clipboard.set().exclude_from_history().text(text);
    if arboard::Clipboard::new().and_then(set).is_err() {
        let _ = lost.send(());
    }
}

/// Waits until the clipboard has the value.
fn settle(clipboard: &mut arboard::Clipboard, text: &str, lost: &Receiver<()>) -> Option<()> {
    for _ in 0..TRIES {
        if lost.recv_timeout(MOMENT) != Err(RecvTimeoutError::Timeout) {
            return None;
        }
        if holds(clipboard, text) {
            return Some(());
        }
    }
    None
}

/// Waits until the clipboard is lost, or clears it when its time is up.
fn watch(
    clipboard: &mut arboard::Clipboard,
    text: &str,
    keep: Option<Duration>,
    lost: &Receiver<()>,
) -> Option<()> {
    let end = keep.and_then(|keep| Instant::now().checked_add(keep));
    loop {
        let left = end.map_or(EVERY, |end| end.saturating_duration_since(Instant::now()));
        let waited = lost.recv_timeout(left.min(EVERY));
        // an X server that has gone says nothing, so it is asked
        if waited != Err(RecvTimeoutError::Timeout) || !holds(clipboard, text) {
            return Some(());
        }
        if end.is_some_and(|end| Instant::now() >= end) {
            return clipboard.clear().ok();
        }
    }
}

fn holds(clipboard: &mut arboard::Clipboard, text: &str) -> bool {
    clipboard.get_text().is_ok_and(|now| now == text)
}

/// The hidden command.
const VERB: &str = "__clipboard";
const NEVER: &str = "never";
const DESKTOP: &str = "desktop";
pub(super) const TERMINAL: &str = "terminal";

/// What the holder says: the clipboard is there; the value is in it.
const READY: u8 = b'r';
const TAKEN: u8 = b't';

/// How long a desktop may take to answer.
const PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// How often the holder looks whether the clipboard still has its value.
const EVERY: Duration = Duration::from_secs(1);

/// How long, and how often, it waits for the clipboard to be taken.
const MOMENT: Duration = Duration::from_millis(10);
const TRIES: usize = 500;

/// How programs find the desktop.
const DESKTOP_ENV: &[&str] =
    &["DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR", "HOME"];
