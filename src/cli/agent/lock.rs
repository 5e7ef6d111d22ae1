//! `vault lock`.

use super::client::exchange;
use super::place::{self, Found};
use super::request::Verb;
use crate::cli::context::Context;
use crate::cli::read::quoted;
use crate::cli::report::{Cell, Report};
use crate::error::{Error, ErrorKind, Result};
use crate::vault::Place;
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

/// Ends the agent at `path`; it has gone when this returns.
///
/// # Errors
/// Conflict (13) when it does not go.
pub(super) fn end(cx: &Context, place: &Place, path: &Path, pid: i32, cause: &str) -> Result<()> {
    let Found::Agent(stream, _) = place::call(path) else { return Ok(()) };
    // it answers, or just goes, when it is done
    let _ = exchange(&stream, Verb::Lock, cx, place, (cause, &[]), PATIENCE);
    drop(stream);
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        let is_there = pid > 0 && Path::new(&format!("/proc/{pid}")).exists();
        if !is_there || matches!(place::call(path), Found::Nothing) {
            return Ok(());
        }
        std::thread::sleep(MOMENT);
    }
    let what = format!("the agent at {} does not lock", quoted(path));
    Err(Error::new(ErrorKind::Conflict, what).hint(format!("kill {pid}")))
}

const PATIENCE: Duration = Duration::from_secs(10);
const MOMENT: Duration = Duration::from_millis(5);
