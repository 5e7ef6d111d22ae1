//! `vault lock`.

use super::client::exchange;
use super::place::{self, Found};
use super::request::Verb;
use super::start::VERB;
use super::wire::frame;
use crate::cli::context::Context;
use crate::cli::read::quoted;
use crate::cli::report::{Cell, Report};
use crate::error::{Error, ErrorKind, Result};
use crate::vault::Place;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// Lock the vault: the agent drops the keys and ends
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault lock
  vault lock --all

Commands that the agent is carrying out are ended, too.")]
pub struct Args {
    /// All vaults that are unlocked for you
    #[arg(long)]
    all: bool,
}

/// Locks it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let place = cx.place()?;
    let mut ended = 0;
    if args.all {
        for path in place::all(&cx.world, &place.state_dir) {
            if let Found::Agent(_, pid) = place::call(&path) {
                end(cx, &place, &path, pid, "asked")?;
                ended += 1;
            }
        }
    } else if let Some((path, _, pid)) = place::find(&cx.world, &place, |why| cx.warn(why)) {
        end(cx, &place, &path, pid, "asked")?;
        ended += 1;
    }
    let message = match (ended, args.all) {
        (0, false) => "the vault is locked: no agent holds its keys".to_owned(),
        (0, true) => "no agent holds any keys".to_owned(),
        (_, false) => "locked".to_owned(),
        (1, true) => "locked 1 vault".to_owned(),
        (n, true) => format!("locked {n} vaults"),
    };
    Ok(Report::Done { message, item: vec![("locked", Cell::Int(ended))] })
}

/// Has an agent of this vault drop the keys, if there is one: for whatever changes slots or keys.
pub fn lock_if_there(cx: &Context) {
    let Ok(place) = cx.place() else { return };
    let found = place::find(&cx.world, &place, |_| ());
    let ended = found.map(|(path, _, pid)| end(cx, &place, &path, pid, "keys_changed"));
    match ended {
        Some(Ok(())) => cx.note_later("the vault was locked; to go on: vault unlock"),
        Some(Err(e)) => cx.warn(e.message()),
        None => {}
    }
}

/// Does so after a change of slots or keys, and hands on what became of it. One of which only a sink did not
/// hear, which is I/O, was made all the same.
///
/// # Errors
/// That of the change.
pub fn lock_after<T>(cx: &Context, changed: Result<T>) -> Result<T> {
    if changed.as_ref().err().is_none_or(|e| e.kind() == ErrorKind::Io) {
        lock_if_there(cx);
    }
    changed
}

/// Ends the agent at `path`; it has gone when this returns.
///
/// # Errors
/// Conflict (13) when it does not go.
pub(super) fn end(cx: &Context, place: &Place, path: &Path, pid: i32, cause: &str) -> Result<()> {
    let Found::Agent(stream, _) = place::call(path) else { return Ok(()) };
    // it answers, or just goes, when it is done
    let answer = exchange(&stream, Verb::Lock, cx, place, (cause, &[]), ANSWER);
    if answer.is_some_and(|answer| answer.sort == frame::ENDED) && has_gone(&stream) {
        // a service manager may be at the socket, and would start another for whoever calls again
        return Ok(());
    }
    drop(stream);
    // others may keep it from listening to us, but not from this; one that was stopped hears of this only
    let agent = || Pid::from_raw(pid).filter(|_| is_agent(pid));
    let _ = agent().map(|agent| kill_process(agent, Signal::TERM));
    if is_gone(path, pid, PATIENCE) {
        return Ok(());
    }
    let killed = agent().is_some_and(|agent| kill_process(agent, Signal::KILL).is_ok());
    if killed && is_gone(path, pid, PATIENCE) {
        cx.warn("the agent did not answer and was killed; of that there is no entry");
        return Ok(());
    }
    let what = format!("the agent at {} does not lock", quoted(path));
    Err(Error::new(ErrorKind::Conflict, what).hint(format!("kill {pid}")))
}

/// Whether nobody is there any more, before `patience` is over.
fn is_gone(path: &Path, pid: i32, patience: Duration) -> bool {
    let since = Instant::now();
    while since.elapsed() < patience {
        // of one in another container its number is not known: then its socket tells
        if (pid > 0 && !runs(pid)) || matches!(place::call(path), Found::Nothing) {
            return true;
        }
        std::thread::sleep(MOMENT);
    }
    false
}

/// Whether the agent hangs up, as it does when it ends.
fn has_gone(stream: &UnixStream) -> bool {
    let _ = stream.set_read_timeout(Some(PATIENCE));
    matches!((&mut &*stream).read(&mut [0]), Ok(0))
}

/// Whether there is such a process: `/proc` can be mounted so that it hides those that refuse debuggers.
pub(super) fn runs(pid: i32) -> bool {
    Pid::from_raw(pid).is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}

/// Whether a process is an agent, and not a service manager that listens for one: that does not hide.
fn is_agent(pid: i32) -> bool {
    match std::fs::read(format!("/proc/{pid}/cmdline")) {
        Ok(line) => line.split(|byte| *byte == 0).nth(1) == Some(VERB.as_bytes()),
        Err(_) => Path::new("/proc/self/exe").exists(),
    }
}

const ANSWER: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(10);
const MOMENT: Duration = Duration::from_millis(5);
