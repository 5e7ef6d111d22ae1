//! `vault incident blast`.

use super::people::{Person, people};
use super::tables::{self, Row, integer, text};
use super::window::WindowArgs;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::progress;
use crate::cli::render::Format;
use crate::cli::report::{Cell, Report};
use crate::cli::usage::paste;
use crate::error::Result;
use crate::model::counted;
use crate::model::incident::IncidentNumber;
use crate::vault::{Blast, Holder, LogVerdict, Near, Use};
use clap_complete::engine::ArgValueCompleter;
use std::collections::BTreeSet;

/// Find out how far an incident reaches: the same values elsewhere, and who used what
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault incident blast INC-7
  vault incident blast INC-7 --since 2027-01-01 --all
  vault incident blast INC-7 --json

Told are the linked credentials; others that hold, or held, a value that one of them holds or
held; others of the same client, host, owner or tag; and all that was handed out of the linked ones
in that time, as the log says: to whom, from where, to which program. All values are compared for
that, which is logged as a check; none is shown. The log is verified first. That it was looked at
goes into the timeline.")]
pub struct Args {
    /// Which incident: INC-7, or 7
    #[arg(value_name = "INCIDENT", add = ArgValueCompleter::new(complete::incidents))]
    number: IncidentNumber,

    #[command(flatten)]
    window: WindowArgs,

    /// Show each use, not only how many there were of each person and program
    #[arg(long)]
    all: bool,
}

/// Looks.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let window = args.window.window(cx.world.now())?;
    let is_dated = window.since.is_some();
    let mut vault = cx.unlocked()?;
    let blast =
        progress::of_many(cx, "looked at", |progress| vault.blast(args.number, window, progress))?;
    warn_of_gaps(cx, &blast.log);
    let next = next(&blast);
    if !is_dated && blast.incident.listing.meta.occurred_at.is_none() {
        let number = blast.incident.listing.number;
        cx.note_later(format!(
            "nobody said when it occurred, so uses before it was opened are not told: \
             vault incident blast {number} --since 30d"
        ));
    }
    if cx.format() != Format::Table {
        return Ok(Report::Item(everything(&blast, next)));
    }
    remarks(cx, &blast);
    for command in &next {
        cx.note_later(format!("next: {command}"));
    }
    Ok(Report::Item(in_words(&blast, args.all)))
}

/// Says where the log cannot tell everything.
pub fn warn_of_gaps(cx: &Context, log: &LogVerdict) {
    for gap in &log.gaps {
        cx.warn(gap);
    }
}

/// What to do next, as commands.
fn next(blast: &Blast) -> Vec<String> {
    let number = blast.incident.listing.number.to_string();
    let mut next = Vec::new();
    if blast.incident.links.is_empty() {
        next.push(format!("vault incident link {number} NAME --exposure exposed"));
    }
    let others = blast.others().into_iter().filter(|(holder, _)| holder.deleted_at.is_none());
    let same: BTreeSet<&str> = others.map(|(holder, _)| holder.name.as_str()).collect();
    if !same.is_empty() {
        let mut words = vec!["vault", "incident", "link", &number];
        words.extend(same.into_iter().take(Near::MOST));
        words.extend(["--exposure", "exposed"]);
        next.push(paste(&words));
    }
    if blast.incident.links.iter().any(|link| link.state.needs_rotation()) {
        next.push(format!("vault incident rotate {number}"));
    }
    next
}

fn remarks(cx: &Context, blast: &Blast) {
    if blast.same.is_empty() {
        cx.note("no other credential holds or held one of these values");
    }
    if blast.uses.is_empty() {
        cx.note("nothing of these credentials was handed out in that time");
    }
}

/// For people: what matters, in few columns.
fn in_words(blast: &Blast, all: bool) -> Row {
    let listing = &blast.incident.listing;
    let mut item = vec![
        ("incident", Cell::owned(listing.number.to_string())),
        ("title", Cell::owned(listing.meta.title.as_str())),
        ("since", Cell::Time(blast.since)),
        ("until", Cell::Time(blast.until)),
        ("log", Cell::owned(tables::verdict_in_words(&blast.log))),
        ("linked", Cell::Rows(blast.incident.links.iter().map(tables::linked_in_words).collect())),
        ("same values", Cell::Rows(blast.others().into_iter().map(same_in_words).collect())),
        ("in common", Cell::Rows(blast.near.iter().map(near_in_words).collect())),
        ("used by", Cell::Rows(people(&blast.uses).into_iter().map(Person::in_words).collect())),
    ];
    if all {
        item.push(("uses", Cell::Rows(blast.uses.iter().map(use_in_words).collect())));
    }
    item
}

fn everything(blast: &Blast, next: Vec<String>) -> Row {
    let listing = &blast.incident.listing;
    vec![
        ("incident", Cell::owned(listing.number.to_string())),
        ("title", Cell::owned(listing.meta.title.as_str())),
        ("since", Cell::Time(blast.since)),
        ("until", Cell::Time(blast.until)),
        ("log", tables::verdict(&blast.log)),
        ("credentials", Cell::Rows(blast.incident.links.iter().map(tables::linked).collect())),
        ("same_values", Cell::Rows(blast.others().into_iter().map(same).collect())),
        ("in_common", Cell::Rows(blast.near.iter().map(near).collect())),
        ("used_by", Cell::Rows(people(&blast.uses).into_iter().map(Person::everything).collect())),
        ("uses", Cell::Rows(blast.uses.iter().map(one_use).collect())),
        ("next", Cell::List(next.into_iter().map(Into::into).collect())),
    ]
}

fn words(holder: &Holder) -> String {
    let Holder { field, version, is_current, .. } = holder;
    let current = if *is_current { ", current" } else { "" };
    format!("{field} version {version}{current}")
}

fn same_in_words((holder, linked): (&Holder, Vec<&Holder>)) -> Row {
    let linked =
        linked.into_iter().map(|other| format!("`{}` {}", other.name, words(other)).into());
    vec![
        ("name", Cell::owned(holder.name.as_str())),
        ("holds", Cell::owned(words(holder))),
        ("place", text(holder.deleted_at.map(|_| "in the trash"))),
        ("same_as", Cell::List(linked.collect())),
    ]
}

fn held(holder: &Holder) -> Row {
    vec![
        ("name", Cell::owned(holder.name.as_str())),
        ("id", Cell::owned(holder.credential.to_string())),
        ("field", Cell::owned(holder.field.as_str())),
        ("version", Cell::Int(holder.version.into())),
        ("current", Cell::Flag(holder.is_current)),
        ("deleted", Cell::time(holder.deleted_at)),
    ]
}

fn same((holder, linked): (&Holder, Vec<&Holder>)) -> Row {
    let mut row = held(holder);
    row.push(("same_as", Cell::Rows(linked.into_iter().map(held).collect())));
    row
}

fn near_in_words(near: &Near) -> Row {
    let names = match near.names.is_empty() {
        true => Cell::owned(format!("`{}` lists them", list(near))),
        false => Cell::List(near.names.iter().map(|name| name.clone().into()).collect()),
    };
    vec![
        ("what", Cell::owned(format!("{} {}", near.what, near.value))),
        ("count", Cell::owned(counted(near.count, "other"))),
        ("names", names),
    ]
}

fn near(near: &Near) -> Row {
    vec![
        ("what", Cell::Text(near.what.into())),
        ("value", Cell::owned(near.value.as_str())),
        ("count", integer(near.count)),
        ("names", Cell::List(near.names.iter().map(|name| name.clone().into()).collect())),
        ("list", Cell::owned(list(near))),
    ]
}

/// The command that lists them.
fn list(near: &Near) -> String {
    paste(&["vault", "cred", "list", &format!("--{}={}", near.what, near.value)])
}

fn use_in_words(used: &Use) -> Row {
    let entry = &used.entry;
    let versions = used.versions.iter().map(|(field, n)| format!("{field} version {n}").into());
    let failed = Some(entry.outcome.clone()).filter(|outcome| outcome != "ok");
    let nameless = if failed.is_some() { "not known which" } else { "all there is" };
    vec![
        ("at", Cell::Time(entry.at)),
        ("action", Cell::owned(entry.action.as_str())),
        ("outcome", failed.map_or(Cell::None, Cell::owned)),
        ("name", Cell::owned(entry.name.as_deref().unwrap_or(nameless))),
        ("versions", Cell::List(versions.collect())),
        ("user", Cell::owned(format!("{} on {}", entry.user, entry.host))),
        ("from", text(entry.remote.as_deref().or(entry.tty.as_deref()))),
        ("program", text(entry.program.as_deref())),
        ("to", text(entry.recipient().as_deref())),
    ]
}

fn one_use(used: &Use) -> Row {
    let entry = &used.entry;
    let versions = used.versions.iter();
    let versions = versions.map(|(field, n)| (field.clone(), Cell::Int((*n).into()))).collect();
    vec![
        ("seq", Cell::Int(entry.seq)),
        ("at", Cell::Time(entry.at)),
        ("action", Cell::owned(entry.action.as_str())),
        ("outcome", Cell::owned(entry.outcome.as_str())),
        ("name", text(entry.name.as_deref())),
        ("fields", Cell::List(entry.fields.iter().map(|field| field.clone().into()).collect())),
        ("versions", Cell::Map(versions)),
        ("user", Cell::owned(entry.user.as_str())),
        ("uid", Cell::Int(entry.uid.into())),
        ("host", Cell::owned(entry.host.as_str())),
        ("tty", text(entry.tty.as_deref())),
        ("remote", text(entry.remote.as_deref())),
        ("program", text(entry.program.as_deref())),
        ("parent", text(entry.parent.as_deref())),
        ("mode", text(entry.detail("mode").as_deref())),
        ("command", text(entry.detail("command").as_deref())),
        ("incident", text(entry.incident.as_deref())),
        ("reason", text(entry.reason.as_deref())),
        ("hash", Cell::owned(tables::hex(&entry.hash))),
    ]
}
