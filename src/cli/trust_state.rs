//! `vault trust-state`.

use super::agent;
use super::context::Context;
use super::report::{Cell, Report};
use super::sink;
use super::unlock;
use crate::error::Result;
use crate::model::counted;
use crate::vault::{Doubt, Doubted, Key, Point};
use std::rc::Rc;

/// Accept a vault file that is older than its seal, after you restored it yourself
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault trust-state
  vault trust-state --yes --reason 'restored from the backup of Monday'
  vault trust-state --yes --pin FINGERPRINT

Only do this when you know why the file is not the one that was here. Everything changed since is lost,
and a credential that was changed or deleted since is as it was. What is given up is shown first, and the
log keeps the fact. A vault whose keys this machine does not know, because it was rekeyed elsewhere or
could have been made by anybody who knows your public key, must have the fingerprint that you say.")]
pub struct Args {
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Accepts it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let place = cx.place()?;
    let open = || Doubted::open(&place, Rc::clone(&cx.world), cx.purpose());
    // closed again: a descriptor of the vault's own must not be taken for an inherited one
    let (shown, types) =
        open().and_then(|found| Ok((found.doubt().clone(), found.slot_types()?)))?;
    let tell = |text: String| cx.note(&text);
    told(&shown).into_iter().for_each(tell);
    if !args.yes {
        cx.confirm(&question(&shown), "vault trust-state --yes")?;
    }
    let accept = |key: Key, at: &unlock::At<'_>| {
        open()?.if_still(&shown)?.accept(&key, at, sink::all(&cx.world))
    };
    let doubt = unlock::trying(cx, || Ok(types), accept)?;
    agent::lock_if_there(cx);
    Ok(Report::Done { message: done(&doubt), item: item(&doubt) })
}

fn question(doubt: &Doubt) -> String {
    let found = doubt.found.counter;
    match doubt.sealed {
        _ if doubt.instead_of.is_some() => {
            "Did you put this vault here yourself, in the place of another one?".into()
        }
        Some(sealed) if sealed.epoch < doubt.found.epoch => {
            "Did you rekey this vault yourself, on another machine?".into()
        }
        Some(sealed) => format!(
            "Did you restore this vault file yourself, from state {} back to {found}?",
            sealed.counter
        ),
        None => format!("Did you restore this vault file yourself, in its state {found}?"),
    }
}

/// What does not fit, and what is given up as far as it can be told.
fn told(doubt: &Doubt) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(id) = doubt.instead_of {
        lines.push(format!("another vault was here before: {id}"));
    }
    if doubt.record_damaged {
        lines.push("this machine's record of which vault was here is damaged".into());
    }
    lines.push(match doubt.sealed {
        Some(sealed) => format!("this machine has seen {}", point(&sealed, "last used")),
        None => "this machine has no usable seal of this vault".into(),
    });
    lines.push(format!("the file has {}", point(&doubt.found, "last entry")));
    lines.extend(doubt.sealed.map(|sealed| lost(doubt, &sealed)));
    lines.extend(doubt.sealed.and_then(|sealed| let_in(doubt, &sealed)).map(str::to_owned));
    lines
}

/// Who gets in again with an older state: what took a key away is undone as well.
fn let_in(doubt: &Doubt, sealed: &Point) -> Option<&'static str> {
    match sealed.epoch > doubt.found.epoch {
        true => Some(
            "its keys are those from before it was rekeyed: whoever had them is let in again, until \
             the next `vault rekey`",
        ),
        false if doubt.lost_changes() > 0 => Some(
            "keys and passphrases that were taken away since then open it again: see `vault key list`",
        ),
        false => None,
    }
}

fn point(point: &Point, when: &str) -> String {
    let at = point.at.map(|at| format!(", {when} {at}")).unwrap_or_default();
    format!("state {}, entry {}, epoch {}{at}", point.counter, point.entry, point.epoch)
}

fn lost(doubt: &Doubt, sealed: &Point) -> String {
    match (doubt.lost_changes(), doubt.lost_entries()) {
        _ if sealed.epoch < doubt.found.epoch => {
            "the vault has other keys than this machine knows: its fingerprint is another one"
                .into()
        }
        (0, 0) => "the log went on differently; what this machine entered last is not in it".into(),
        (changes, entries) => format!(
            "given up: at least {} and {} of the log; who read what since then stands in a sink, if \
             there is one",
            counted(changes, "change"),
            counted(entries, "entry")
        ),
    }
}

fn done(doubt: &Doubt) -> String {
    let found = doubt.found.counter;
    match doubt.sealed {
        Some(sealed) => format!("accepted state {found}; the seal was at {}", sealed.counter),
        None => format!("accepted state {found}; there was no seal"),
    }
}

fn item(doubt: &Doubt) -> Vec<(&'static str, Cell<'static>)> {
    let sealed = doubt.sealed;
    let int = |value: Option<i64>| value.map_or(Cell::None, Cell::Int);
    vec![
        ("sealed", int(sealed.map(|at| at.counter))),
        ("sealed_entry", int(sealed.map(|at| at.entry))),
        ("sealed_epoch", int(sealed.map(|at| at.epoch.into()))),
        ("sealed_at", Cell::time(sealed.and_then(|at| at.at))),
        ("found", Cell::Int(doubt.found.counter)),
        ("found_entry", Cell::Int(doubt.found.entry)),
        ("found_epoch", Cell::Int(doubt.found.epoch.into())),
        ("found_at", Cell::time(doubt.found.at)),
        ("lost_changes", Cell::Int(doubt.lost_changes())),
        ("lost_entries", Cell::Int(doubt.lost_entries())),
        ("instead_of", doubt.instead_of.map_or(Cell::None, |id| Cell::owned(id.to_string()))),
    ]
}
