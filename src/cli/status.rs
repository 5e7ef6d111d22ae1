//! `vault status`.

use super::agent;
use super::context::Context;
use super::cred::check;
use super::report::{Cell, Report};
use crate::error::Result;
use crate::vault::{Checkup, Depth, Filter, Status};

/// Tell where the vault is and how it stands, without unlocking
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault status
  vault status --check
  vault status --json

`vault cred due`, `vault cred check` and `vault cred list --never-rotated` name those that are
counted here.")]
pub struct Args {
    /// Unlock, and count what is weak or used twice, too; logged as check
    #[arg(long)]
    check: bool,
}

impl Args {
    /// Whether it needs the keys.
    pub(super) fn is_for_agent(&self) -> bool {
        self.check
    }
}

/// Tells it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let whole = Filter::default();
    let checkup = args.check.then(|| check::look(cx, &whole, Depth::Values)).transpose()?;
    let mut vault = cx.locked()?;
    let status = vault.status()?;
    match status.seal {
        "missing" => {
            cx.warn("there is no seal file for this vault here; the next unlocking makes one");
        }
        "damaged" => cx.warn("the seal file is damaged; see `vault doctor`"),
        "ahead" => {
            cx.warn(
                "the vault file is older than its seal; `vault trust-state` accepts a restored one",
            );
        }
        _ => {}
    }
    let mut item = item(status, checkup.as_ref());
    item.push(("agent", agent::standing(cx).map_or(Cell::None, Cell::Map)));
    Ok(Report::Item(item))
}

type Pairs = Vec<(&'static str, Cell<'static>)>;

fn item(status: Status, checkup: Option<&Checkup>) -> Pairs {
    let mut item = vec![
        ("file", Cell::owned(status.file.display().to_string())),
        ("bytes", count(status.bytes)),
        ("vault_id", Cell::owned(status.vault_id.to_string())),
        ("epoch", Cell::Int(status.epoch.into())),
        ("created", Cell::Time(status.created_at)),
        ("changes", Cell::Int(status.counter)),
    ];
    item.extend(credentials(&status));
    item.push(("weak", checkup.map_or(Cell::None, |checkup| count(check::weak_ones(checkup)))));
    item.push(("reused", checkup.map_or(Cell::None, |checkup| count(check::reused_ones(checkup)))));
    let open = status.incidents.iter().map(|(severity, n)| (severity.word().to_owned(), count(*n)));
    item.push(("open_incidents", Cell::Map(open.collect())));
    item.extend(log(&status));
    let slots = status.slots.into_iter().map(|(label, kind, at)| {
        let slot =
            vec![("type".to_owned(), Cell::owned(kind)), ("created".to_owned(), Cell::Time(at))];
        (label, Cell::Map(slot))
    });
    item.extend([("slots", Cell::Map(slots.collect())), ("seal", Cell::owned(status.seal))]);
    item.push(("fingerprint", status.fingerprint.map_or(Cell::None, Cell::owned)));
    item
}

fn credentials(status: &Status) -> Pairs {
    vec![
        ("credentials", count(status.live)),
        ("in_trash", count(status.trashed)),
        ("types", types(&status.kinds)),
        ("expired", count(status.expired)),
        ("expiring", count(status.expiring)),
        ("overdue", count(status.overdue)),
        ("due_soon", count(status.due_soon)),
        ("never_rotated", count(status.never_rotated)),
        ("unused", count(status.unused)),
    ]
}

/// How many of each, with bars where there is something to compare.
fn types(kinds: &[(String, u64)]) -> Cell<'static> {
    let most = kinds.iter().map(|(_, n)| *n).max().unwrap_or_default();
    let cell = |n: u64| match kinds.len() {
        1 => count(n),
        _ => Cell::Bar { count: int(n), most: int(most) },
    };
    Cell::Map(kinds.iter().map(|(kind, n)| (kind.clone(), cell(*n))).collect())
}

fn log(status: &Status) -> Pairs {
    let verified = status.last_verified.map_or(Cell::None, |(at, authenticated)| {
        let pairs = [("at", Cell::Time(at)), ("authenticated", Cell::Flag(authenticated))];
        Cell::Map(pairs.map(|(key, cell)| (key.to_owned(), cell)).into())
    });
    vec![
        ("entries", Cell::Int(status.entries)),
        ("pruned_to", status.pruned_to.map_or(Cell::None, Cell::Int)),
        ("last_entry", Cell::time(status.last_entry_at)),
        ("last_action", status.last_action.clone().map_or(Cell::None, Cell::owned)),
        ("last_verified", verified),
    ]
}

fn count(n: u64) -> Cell<'static> {
    Cell::Int(int(n))
}

fn int(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
