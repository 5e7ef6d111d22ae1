//! `vault unlock`.

use super::client::{exchange, refusal};
use super::held::{self, About};
use super::request::Verb;
use super::wire::{Frame, frame};
use super::{lock, place, start};
use crate::cli::context::Context;
use crate::cli::cred::words;
use crate::cli::report::{Cell, Report};
use crate::cli::unlock;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Timestamp, parse_duration};
use crate::vault::Place;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
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
    let renewed = hand_over(cx, &place, &socket, keys)?;
    Ok(done(&about, renewed))
}

/// The keys in a file for the agent; the vault is closed again when this returns.
fn keys(args: &Args, cx: &Context) -> Result<(OwnedFd, About)> {
    let mut vault = unlock::vault(cx)?;
    let lent = vault.lend(&words_of(args.idle.0), &words_of(args.max.0))?;
    let about = About {
        slot: lent.slot.clone(),
        file: lent.place.file.clone(),
        state_dir: lent.place.state_dir.clone(),
        since: cx.world.now().0,
        idle: args.idle.0,
        max: args.max.0,
    };
    vault.leave();
    Ok((held::file(&about, &lent)?, about))
}

/// Gives the keys to the agent that is there, or starts one; whether there was one.
fn hand_over(cx: &Context, place: &Place, socket: &Path, keys: OwnedFd) -> Result<bool> {
    let again = keys.try_clone().map_err(|e| Error::io("cannot hand over the keys", &e))?;
    if let Some((path, stream, pid)) = place::find(&cx.world, place, |why| cx.warn(why)) {
        let answer = fill(cx, place, &stream, again.try_clone().ok());
        if is_taken(answer.as_ref()) {
            return Ok(true);
        }
        let refused = answer.as_ref().and_then(refusal);
        if let Some((_, version)) = refused.filter(|(why, _)| why == "version") {
            cx.note(&format!("an agent of version {version} makes way"));
        }
        lock::end(cx, place, &path, pid, "replaced")?;
    }
    start::detached(cx, socket, keys).map(|()| false).or_else(|e| {
        // somebody else may have started one meanwhile
        let there = place::find(&cx.world, place, |_| ());
        let answer = there.and_then(|(_, stream, _)| fill(cx, place, &stream, Some(again)));
        if is_taken(answer.as_ref()) { Ok(true) } else { Err(e) }
    })
}

fn fill(cx: &Context, place: &Place, to: &UnixStream, keys: Option<OwnedFd>) -> Option<Frame> {
    exchange(to, Verb::Fill, cx, place, ("", &[keys?]), PATIENCE)
}

fn is_taken(answer: Option<&Frame>) -> bool {
    answer.is_some_and(|answer| answer.sort == frame::ENDED)
}

fn done(about: &About, renewed: bool) -> Report {
    let (idle, max) = (words_of(about.idle), words_of(about.max));
    let again = if renewed { " again" } else { "" };
    let number = |seconds: u64| Cell::Int(i64::try_from(seconds).unwrap_or(i64::MAX));
    Report::Done {
        message: format!("unlocked{again} for {max}, or until it was not used for {idle}"),
        item: vec![
            ("file", Cell::owned(about.file.display().to_string())),
            ("since", Cell::Time(Timestamp(about.since))),
            ("idle", number(about.idle)),
            ("max", number(about.max)),
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
