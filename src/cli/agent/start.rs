//! Starting an agent: this program once more, with a hidden argument, the keys as its standard input, and
//! nothing of whoever starts it.

use super::{place, serve};
use crate::cli::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::sys;
use crate::world::World;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::ffi::OsString;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// The hidden command.
const VERB: &str = "__agent";
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
    command.stdin(keys).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|e| Error::io("cannot start an agent", &e))?;
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
    let become_it =
        |mut command: Command| Error::io("cannot start an agent", &command.stdin(keys).exec());
    again(cx, &[FOREGROUND.as_ref(), socket.as_os_str()]).map_or_else(|e| e, become_it)
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
            serve::live(listener, None, None)
        }
        _ => None,
    };
    Some(if lived.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Serves at `socket` with the keys in standard input.
fn at(socket: PathBuf, tells: bool) -> Option<()> {
    let keys = std::io::stdin().as_fd().try_clone_to_owned().ok()?;
    match place::listen(&socket) {
        Ok(listener) => serve::live(listener, Some(socket), Some(keys)),
        Err(why) => {
            let said = Error::io(format!("cannot listen at `{}`", socket.display()), &why);
            let out: &mut dyn std::io::Write =
                if tells { &mut std::io::stdout() } else { &mut std::io::stderr() };
            let _ = writeln!(out, "{}", said.message());
            None
        }
    }
}

/// The first descriptor that a service manager hands over.
const FIRST: i32 = 3;
