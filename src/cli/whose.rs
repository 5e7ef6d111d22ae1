//! `vault whose`.

use super::context::Context;
use super::cred::filter::AllFilterArgs;
use super::cred::meant;
use super::read::{self, Privacy};
use super::render::Format;
use super::report::{Cell, Column, Report, Sink};
use super::usage::paste;
use super::{complete, progress};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Secret, Timestamp};
use crate::vault::{Filter, Fit, Hit, Reader, Trace};
use clap_complete::engine::ArgValueCompleter;
use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::PathBuf;

/// Find out whose secret a leaked text is, and who has read it, without showing any
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault whose
  vault whose < leaked.env
  vault whose --file paste.txt --client acme --json
  git show HEAD:.env | vault whose

On a terminal it asks; what is typed does not show. All versions are looked at, those in the trash,
too; what was purged nobody knows. `exact`: the text is the value, but for white space and quotes
around it. `inside`: the value stands in the text. `part`: the text is a part of the value. Words in
base64 or hexadecimal are decoded, and escapes as in a URL or in JSON. Less than 8 bytes fit only as
a whole.

Who has read a version is told by the log of this vault; `vault audit verify` proves that it is
whole. Whoever reads the file with another program, or an old backup, is not in it.

Exit code 10 when no value fits.")]
pub struct Args {
    /// Read the text from a file, up to 1 MiB; without it, from standard input
    #[arg(long, value_name = "PATH", value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,

    /// Only this credential, live or in the trash; may be given several times
    #[arg(long, value_name = "NAME", help_heading = "Which credentials",
          add = ArgValueCompleter::new(complete::names))]
    cred: Vec<String>,

    #[command(flatten)]
    filter: AllFilterArgs,
}

/// The longest text: 1 MiB.
const MOST: usize = 1 << 20;

/// So many credentials are named in what is to be done next.
const MOST_NAMED: usize = 5;

/// Looks for it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let filter = args.filter.filter(cx.world.now())?;
    let text = text(&args, cx)?;
    let mut vault = cx.unlocked()?;
    let names = args.cred.iter().map(|name| meant(cx, &vault, name, false));
    let filter = Filter { names: names.collect::<Result<_>>()?, ..filter };
    let trace = progress::of_many(cx, "values looked at", |progress| {
        vault.whose(&text, &filter, progress)
    })?;
    match trace.hits.is_empty() {
        true => Err(unknown(&trace, &text, &filter)),
        false => Ok(report(cx, trace)),
    }
}

/// What got away.
fn text(args: &Args, cx: &Context) -> Result<Secret> {
    let text = match &args.file {
        Some(path) => read::file(path, MOST, Privacy::AsItIs)?,
        None if std::io::stdin().is_terminal() => asked(cx)?,
        None => read::stdin(MOST)?,
    };
    match text.expose().trim_ascii().is_empty() {
        true => Err(Error::usage("there is nothing to look for: the text is empty")
            .hint("hand it in: `vault whose < FILE` or `vault whose --file PATH`")),
        false => Ok(text),
    }
}

fn asked(cx: &Context) -> Result<Secret> {
    let Some(mut terminal) = cx.terminal() else {
        return Err(Error::usage("nothing to look for, and no terminal to ask on")
            .hint("hand it in: `vault whose < FILE` or `vault whose --file PATH`"));
    };
    terminal.secret("Leaked text")
}

/// The error when nothing fits, with all that keeps it from being certain.
fn unknown(trace: &Trace, text: &Secret, filter: &Filter) -> Error {
    let what = "no value that is or was in the vault fits this text";
    let looked = format!("values looked at, older ones and the trash included: {}", trace.values);
    let cautions = [
        (true, looked),
        (!filter.is_empty(), "look at all credentials: leave the filters out".into()),
        (trace.purged > 0, format!("purged values, which nobody knows: {}", trace.purged)),
        (
            text.len() < Fit::LEAST,
            "so short a text fits only as a whole: hand in more of it".into(),
        ),
    ];
    let cautions = cautions.into_iter().filter(|(applies, _)| *applies);
    cautions.fold(Error::new(ErrorKind::NotFound, what), |error, (_, caution)| error.hint(caution))
}

fn report(cx: &Context, trace: Trace) -> Report {
    say(cx, &trace);
    let all = cx.format() == Format::Json;
    let rows = move |sink: &mut Sink<'_>| {
        trace.hits.iter().try_for_each(|hit| {
            let readers = hit.readers.iter().map(Some);
            let nobody = hit.readers.is_empty().then_some(None);
            readers.chain(nobody).try_for_each(|reader| match all {
                true => sink(&everything(hit, reader)),
                false => sink(&cells(hit, reader)),
            })
        })
    };
    let columns = if all { EVERYTHING } else { COLUMNS };
    Report::Table { columns: columns.into(), rows: Box::new(rows), empty: "" }
}

/// Says what was looked at, and what to do next.
fn say(cx: &Context, trace: &Trace) {
    cx.note_later(format!("{} of {} values fit", trace.hits.len(), trace.values));
    if trace.purged > 0 {
        cx.note_later(format!("purged values, which nobody knows: {}", trace.purged));
    }
    let is_older = |since: &Timestamp| trace.hits.iter().any(|hit| hit.stored_at < *since);
    if let Some(since) = trace.read_since.filter(is_older) {
        cx.note_later(format!("who read before {since} is not known: the log was pruned"));
    }
    let in_use = |hit: &&Hit| hit.replaced_at.is_none() && hit.deleted_at.is_none();
    let named = names(trace.hits.iter());
    let linked: Vec<&str> = named.iter().flat_map(|name| ["--cred", name]).collect();
    let in_use = names(trace.hits.iter().filter(in_use));
    let open = ["vault", "incident", "open", "Leak", "--type", "credential_leak"];
    // an old value that leaked is no reason to rotate the new one: that is for a person to say
    let exposed: &[&str] = if in_use == named { &["--exposure", "exposed"] } else { &[] };
    let enter = [&open[..], &linked, exposed].concat();
    cx.note_later(format!("enter what happened: {}", paste(&enter)));
    if in_use.is_empty() {
        cx.note_later("none of these values is in use; make sure that the services refuse them");
        return;
    }
    let rotate = [&["vault", "cred", "rotate"][..], &in_use].concat();
    cx.note_later(format!("rotate what is in use: {}", paste(&rotate)));
}

/// The names of their credentials, once each, or what stands for them when there are too many.
fn names<'a>(hits: impl Iterator<Item = &'a Hit>) -> Vec<&'a str> {
    let names: BTreeSet<&str> = hits.map(|hit| &*hit.name).collect();
    match names.len() > MOST_NAMED {
        true => vec!["NAME"],
        false => names.into_iter().collect(),
    }
}

/// For people and pipelines.
const COLUMNS: &[Column] = &[
    Column { name: "name" },
    Column { name: "field" },
    Column { name: "version" },
    Column { name: "status" },
    Column { name: "match" },
    Column { name: "reader" },
    Column { name: "reads" },
    Column { name: "last_read" },
];

fn cells<'a>(hit: &'a Hit, reader: Option<&'a Reader>) -> [Cell<'a>; 8] {
    [
        Cell::text(Some(&hit.name)),
        Cell::text(Some(hit.field.as_str())),
        Cell::Int(hit.version.into()),
        Cell::text(Some(status(hit))),
        Cell::text(Some(hit.fit.word())),
        reader.map_or(Cell::None, |reader| Cell::owned(shown(reader))),
        reader.map_or(Cell::None, reads),
        Cell::time(reader.map(|reader| reader.last)),
    ]
}

fn status(hit: &Hit) -> &'static str {
    match (hit.replaced_at, hit.deleted_at) {
        (None, None) => "current",
        (Some(_), None) => "older",
        (None, Some(_)) => "current, in the trash",
        (Some(_), Some(_)) => "older, in the trash",
    }
}

fn shown(Reader { user, host, program, command, .. }: &Reader) -> String {
    let program = program.as_ref().map(|program| format!(", {program}"));
    let command = command.as_ref().map(|command| format!(", to {command}"));
    format!("{user}@{host}{}{}", program.unwrap_or_default(), command.unwrap_or_default())
}

fn reads(reader: &Reader) -> Cell<'static> {
    Cell::Int(i64::try_from(reader.reads).unwrap_or(i64::MAX))
}

/// For programs.
const EVERYTHING: &[Column] = &[
    Column { name: "name" },
    Column { name: "field" },
    Column { name: "version" },
    Column { name: "current" },
    Column { name: "deleted" },
    Column { name: "match" },
    Column { name: "encoding" },
    Column { name: "stored" },
    Column { name: "replaced" },
    Column { name: "user" },
    Column { name: "host" },
    Column { name: "program" },
    Column { name: "command" },
    Column { name: "reads" },
    Column { name: "first_read" },
    Column { name: "last_read" },
];

fn everything<'a>(hit: &'a Hit, reader: Option<&'a Reader>) -> [Cell<'a>; 16] {
    [
        Cell::text(Some(&hit.name)),
        Cell::text(Some(hit.field.as_str())),
        Cell::Int(hit.version.into()),
        Cell::Flag(hit.replaced_at.is_none()),
        Cell::time(hit.deleted_at),
        Cell::text(Some(hit.fit.word())),
        Cell::text(Some(hit.encoding.word())),
        Cell::Time(hit.stored_at),
        Cell::time(hit.replaced_at),
        Cell::text(reader.map(|reader| &*reader.user)),
        Cell::text(reader.map(|reader| &*reader.host)),
        Cell::text(reader.and_then(|reader| reader.program.as_deref())),
        Cell::text(reader.and_then(|reader| reader.command.as_deref())),
        reader.map_or(Cell::Int(0), reads),
        Cell::time(reader.map(|reader| reader.first)),
        Cell::time(reader.map(|reader| reader.last)),
    ]
}
