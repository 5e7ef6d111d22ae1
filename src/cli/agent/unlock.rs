//! `vault unlock`.

use super::client::exchange;
use super::held::{self, About, Held, Terms};
use super::place::Found;
use super::renew::{self, Renewed};
use super::request::Verb;
use super::wire::frame;
use super::{lock, place, start};
use crate::cli::context::Context;
use crate::cli::cred::words;
use crate::cli::read::quoted;
use crate::cli::report::{Cell, Report};
use crate::cli::unlock;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Timestamp, parse_duration};
use crate::vault::Place;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

/// Keep the vault unlocked for a while: an agent holds the keys, and other commands use it
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault unlock
  vault unlock --idle 5m --max 1h
  vault unlock --foreground

One agent for each user and vault holds the keys in memory that the system protects, and carries out commands
for you from any terminal, over SSH, in tmux and in cron. It never hands out keys, and never changes them: what
does asks for a key again. Time that the machine sleeps counts. Whoever runs code as you can use the vault as
you can while it is unlocked, and each use is an entry in the log.

It drops the keys at `vault lock`, when the time is up, when it is told to end, and when the vault's file is
replaced. Unlock again to begin anew, with other times.")]
pub struct Args {
    /// Lock when it was not used for that long
    #[arg(long, value_name = "SPAN", default_value = "15m", value_parser = span)]
    idle: Span,

    /// Lock after that time, used or not
    #[arg(long, value_name = "SPAN", default_value = "8h", value_parser = span)]
    max: Span,

    /// Stay in the foreground, for service managers; started with a socket, wait there to be unlocked
    #[arg(long)]
    foreground: bool,
}

/// A time, in seconds.
#[derive(Clone, Copy, Debug)]
struct Span(u64);

/// Unlocks it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    if !cfg!(target_os = "linux") {
        return Err(Error::new(ErrorKind::Unsupported, "there is no agent on this system")
            .hint("give each command the key: VAULT_KEY_FILE"));
    }
    if args.foreground && start::is_activated(&cx.world) {
        return Err(start::activated(cx));
    }
    let place = cx.place()?;
    let socket = place::prepare(&cx.world, &place)?;
    let there = place::find(&cx.world, &place, |_| ());
    if args.foreground && there.is_some() {
        return Err(Error::new(ErrorKind::Conflict, "an agent serves this vault already")
            .hint("vault lock"));
    }
    drop(there);
    let (keys, about) = keys(&args, cx)?;
    if args.foreground {
        return Err(start::foreground(cx, &socket, keys));
    }
    let renewed = hand_over(cx, &place, &socket, &keys)?;
    Ok(done(&about, renewed))
}

/// The keys in a file for the agent; the vault is closed again when this returns.
fn keys(args: &Args, cx: &Context) -> Result<(OwnedFd, About)> {
    let mut vault = unlock::vault(cx)?;
    let lent = vault.lend(&words_of(args.idle.0), &words_of(args.max.0))?;
    let terms = Terms {
        slot: lent.slot.clone(),
        since: cx.world.now().0,
        idle: args.idle.0,
        max: args.max.0,
    };
    let Place { file, state_dir } = lent.place.clone();
    let about = About { file, state_dir, terms };
    vault.leave();
    Ok((held::file(&about, &lent)?, about))
}

/// Has the agent that is there go on, or starts one; whether there was one that had the keys already. They are
/// given to one that is started here, and to one that a service manager has started for them.
fn hand_over(cx: &Context, place: &Place, socket: &Path, keys: &OwnedFd) -> Result<bool> {
    let held = Held::read(keys).ok_or_else(|| Error::internal("keys that cannot be read"))?;
    // others may unlock and lock at the same time
    let mut tries = (0..TRIES).map(|_| hand_over_once(cx, place, socket, (keys, &held)));
    let done = tries.find_map(Result::transpose);
    // one that has them now needs them; else they are wiped
    if matches!(done, Some(Ok(false))) {
        held.leave();
    }
    done.unwrap_or_else(|| {
        let who = format!("find out who listens: ss -xlp | grep {}", quoted(socket));
        Err(Error::new(ErrorKind::Conflict, "agents of this vault come and go").hint(who))
    })
}

/// The same for what is there now; none if it is to be tried again.
fn hand_over_once(
    cx: &Context,
    place: &Place,
    socket: &Path,
    (keys, held): (&OwnedFd, &Held),
) -> Result<Option<bool>> {
    let keys = keys.try_clone().map_err(|e| Error::io("cannot hand over the keys", &e))?;
    let Some((path, stream, pid)) = place::find(&cx.world, place, |why| cx.warn(why)) else {
        return match start::detached(cx, socket, keys) {
            Ok(()) => Ok(Some(false)),
            // somebody else may have started one meanwhile
            Err(_) if place::find(&cx.world, place, |_| ()).is_some() => Ok(None),
            Err(e) => Err(e),
        };
    };
    match renew::ask(cx, place, &stream, held) {
        Renewed::Yes => return Ok(Some(true)),
        Renewed::Locked if fill(cx, place, &path, keys) => return Ok(Some(false)),
        Renewed::Version(version) => cx.note(&format!("an agent of version {version} makes way")),
        Renewed::Locked | Renewed::No => {}
    }
    lock::end(cx, place, &path, pid, "replaced").map(|()| None)
}

/// Gives keys to one that waits for them at the socket of a service manager; who it is is known only now that
/// it has answered once.
fn fill(cx: &Context, place: &Place, path: &Path, keys: OwnedFd) -> bool {
    let Found::Agent(stream, pid) = place::call(path) else { return false };
    if !may_be_this_program(pid) {
        cx.warn(&format!("process {pid} waits for keys and is not this program: it gets none"));
        return false;
    }
    let answer = exchange(&stream, Verb::Fill, cx, place, ("", &[keys]), PATIENCE);
    let is_taken = answer.is_some_and(|answer| answer.sort == frame::ENDED);
    if is_taken {
        cx.note(&format!("process {pid}, which was waiting for them, has the keys"));
    }
    is_taken
}

/// Whether a process is this program, as far as the system tells: of one that has refused debuggers, as an
/// agent has, it tells the superuser only, or hides it.
fn may_be_this_program(pid: i32) -> bool {
    let program = |pid: &str| std::fs::metadata(format!("/proc/{pid}/exe"));
    match (program(&pid.to_string()), program("self")) {
        (Ok(theirs), Ok(ours)) => (theirs.dev(), theirs.ino()) == (ours.dev(), ours.ino()),
        (Err(_), Ok(_)) => lock::runs(pid),
        (_, Err(_)) => false,
    }
}

fn done(about: &About, renewed: bool) -> Report {
    let (idle, max) = (words_of(about.terms.idle), words_of(about.terms.max));
    let again = if renewed { " again" } else { "" };
    let number = |seconds: u64| Cell::Int(i64::try_from(seconds).unwrap_or(i64::MAX));
    Report::Done {
        message: format!("unlocked{again} for {max}, or until it was not used for {idle}"),
        item: vec![
            ("file", Cell::owned(about.file.display().to_string())),
            ("since", Cell::Time(Timestamp(about.terms.since))),
            ("idle", number(about.terms.idle)),
            ("max", number(about.terms.max)),
            ("renewed", Cell::Flag(renewed)),
        ],
    }
}

fn words_of(seconds: u64) -> String {
    words(i64::try_from(seconds).unwrap_or(i64::MAX))
}

fn span(text: &str) -> Result<Span> {
    let seconds = parse_duration(text)?;
    match u64::try_from(seconds) {
        Ok(seconds @ 1..=LONGEST) => Ok(Span(seconds)),
        _ => Err(Error::usage("an agent holds keys for 1 second to 30 days").hint("--max 8h")),
    }
}

/// The longest time: 30 days.
const LONGEST: u64 = 30 * 86_400;
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is tried, when others unlock and lock at the same time.
const TRIES: usize = 5;
