//! Starting an agent: this program once more, with a hidden argument, and nothing of whoever starts it. The
//! keys come to it through a socket, its standard input, when it has hardened itself: until then other
//! processes of the user could take what it has open.

use super::wire::{borrowed, send_files, with_files};
use super::{place, serve};
use crate::cli::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::sys;
use crate::world::World;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

/// The hidden command.
pub(super) const VERB: &str = "__agent";
/// In which manner it lives.
const DETACHED: &str = "detached";
const FOREGROUND: &str = "foreground";
const ACTIVATED: &str = "activated";

/// How long it may take to begin.
const PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// What an agent keeps of the environment, for the entries it makes itself: where configuration is, and
/// where sinks find their programs.
const KEPT: &[&str] = &[
    "HOME",
    "PATH",
    "TZ",
    "VAULT_CONFIG_FILE",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME",
];

/// Starts one that lives on; it serves when this returns.
///
/// # Errors
/// I/O (18).
pub(super) fn detached(cx: &Context, socket: &Path, keys: OwnedFd) -> Result<()> {
    let mut command = again(cx, &[DETACHED.as_ref(), socket.as_os_str()])?;
    let cannot = |e: io::Error| Error::io("cannot start an agent", &e);
    let (ours, its) = UnixStream::pair().map_err(cannot)?;
    command.stdin(OwnedFd::from(its)).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(cannot)?;
    // its end, too
    drop(command);
    // what became of it, it says itself
    let _ = give(&ours, keys);
    let failed = |why: &str| Error::new(ErrorKind::Io, format!("the agent did not start: {why}"));
    let mut status = child.stdout.take().ok_or_else(|| Error::internal("a pipe is missing"))?;
    let waiting = &mut [PollFd::new(&status, PollFlags::IN)];
    if !poll(waiting, Some(&PATIENCE)).is_ok_and(|ready| ready > 0) {
        let _ = child.kill();
        return Err(failed("it said nothing"));
    }
    let mut said = String::new();
    let _ = status.read_to_string(&mut said);
    match said.trim_end() {
        "r" => Ok(()),
        why => Err(failed(if why.is_empty() { "it ended" } else { why })),
    }
}

/// Becomes one that serves at `socket`; returns only if that fails, with I/O (18).
pub(super) fn foreground(cx: &Context, socket: &Path, keys: OwnedFd) -> Error {
    let cannot = |e: io::Error| Error::io("cannot start an agent", &e);
    let begun = again(cx, &[FOREGROUND.as_ref(), socket.as_os_str()]).and_then(|command| {
        let (ours, its) = UnixStream::pair().map_err(cannot)?;
        if sys::fork().map_err(cannot)?.is_none() {
            // somebody must have the keys while we become it
            drop(its);
            let _ = give(&ours, keys);
            sys::end_copy(0)
        }
        Ok((command, its))
    });
    match begun {
        Ok((mut command, its)) => cannot(command.stdin(OwnedFd::from(its)).exec()),
        Err(e) => e,
    }
}

/// Gives the keys to an agent that was started, as soon as it asks for them.
fn give(agent: &UnixStream, keys: OwnedFd) -> io::Result<()> {
    agent.set_read_timeout(Some(Duration::from_secs(10)))?;
    (&mut &*agent).read_exact(&mut [0])?;
    send_files(agent, b"k", &borrowed(&[keys])).map(|_| ())
}

/// Asks for the keys, as an agent that was started.
fn take(starter: &UnixStream) -> io::Result<Option<OwnedFd>> {
    starter.set_read_timeout(Some(Duration::from_secs(10)))?;
    (&mut &*starter).write_all(b"r")?;
    let mut files = Vec::new();
    with_files(starter, &mut [0], &mut files)?;
    Ok(files.pop())
}

/// Becomes one that serves at the socket that the service manager has made, and waits for keys; returns only
/// if that fails, with I/O (18).
pub(super) fn activated(cx: &Context) -> Error {
    let become_it = |mut command: Command| Error::io("cannot start an agent", &command.exec());
    again(cx, &[ACTIVATED.as_ref()]).map_or_else(|e| e, become_it)
}

/// Whether a service manager has made a socket for this process (`sd_listen_fds(3)`).
pub(super) fn is_activated(world: &World) -> bool {
    let number = |name| world.var(name).and_then(|text| text.to_str()?.parse::<u32>().ok());
    number("LISTEN_PID") == Some(std::process::id()) && number("LISTEN_FDS") == Some(1)
}

fn again(cx: &Context, args: &[&std::ffi::OsStr]) -> Result<Command> {
    let this = sys::this_program().map_err(|e| Error::io("cannot find this program", &e))?;
    let mut command = Command::new(this);
    command.arg(VERB).args(args).env_clear().current_dir("/");
    command.envs(KEPT.iter().filter_map(|name| Some((name, cx.world.var(name)?))));
    Ok(command)
}

/// What the hidden command does, when the arguments of the program (its own name included) are those of an
/// agent.
#[must_use]
pub fn answer(args: &[OsString]) -> Option<ExitCode> {
    let [_, verb, manner, rest @ ..] = args else { return None };
    if verb != VERB {
        return None;
    }
    let lived = match (manner.to_str()?, rest) {
        (DETACHED, [socket]) => {
            sys::close_inherited();
            let _ = rustix::process::setsid();
            at(socket.into(), true)
        }
        (FOREGROUND, [socket]) => {
            sys::close_inherited();
            at(socket.into(), false)
        }
        (ACTIVATED, []) => {
            let listener = sys::duplicate(FIRST).ok().map(UnixListener::from);
            let listener = listener?;
            sys::close_all_but(&[listener.as_raw_fd()]);
            place::take_charge(&listener).ok()?;
            serve::live(listener, None, None, false)
        }
        _ => None,
    };
    Some(if lived.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Serves at `socket` with the keys that whoever is at standard input gives.
fn at(socket: PathBuf, tells: bool) -> Option<()> {
    let starter = io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from).ok()?;
    match place::listen(&socket) {
        Ok(listener) => {
            let keys = take(&starter).ok().flatten()?;
            drop(starter);
            serve::live(listener, Some(socket), Some(keys), tells)
        }
        Err(why) => {
            let said = Error::io(format!("cannot listen at `{}`", socket.display()), &why);
            let out: &mut dyn Write = if tells { &mut io::stdout() } else { &mut io::stderr() };
            let _ = writeln!(out, "{}", said.message());
            None
        }
    }
}

/// The first descriptor that a service manager hands over.
const FIRST: i32 = 3;
