//! `vault cred check`.

use super::filter::AllFilterArgs;
use super::hibp::Leaked;
use crate::cli::context::Context;
use crate::cli::progress;
use crate::cli::report::{Cell, Column, Report, Sink};
use crate::error::{ErrorKind, Result};
use crate::model::{Duty, counted};
use crate::vault::{Checkup, Depth, Fact, Filter, Seen};
use clap::builder::PossibleValuesParser;
use std::path::PathBuf;

/// Look for weak, reused, leaked, expired and forgotten secrets, without showing any
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault cred check
  vault cred check --client acme --only weak,reused
  vault cred check --hibp pwned-passwords-sha1-ordered-by-hash.txt
  vault cred check --json --only weak,leaked --hibp ~/pwned-ranges

Values are compared among those that fit. Only what people choose is called weak: passwords,
passphrases and PINs. `--hibp` takes a list of SHA-1 hashes, HASH or HASH:COUNT a line (sorted is
quickest), the answer to one range query in a file named by its five digits, or a directory of
these. It is read where it lies; nothing leaves this machine.

Exit code 16 when something is found.")]
pub struct Args {
    #[command(flatten)]
    filter: AllFilterArgs,

    /// Only these checks
    #[arg(long, value_name = "CHECK,…", value_delimiter = ',', help_heading = HEADING,
          value_parser = PossibleValuesParser::new(CHECKS))]
    only: Vec<String>,

    /// What scores less is weak: 1 to 4
    #[arg(long, value_name = "N", default_value_t = WEAK, help_heading = HEADING,
          value_parser = clap::value_parser!(u8).range(1..=4))]
    min_score: u8,

    /// Look them up in a list of leaked passwords
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::AnyPath,
          help_heading = HEADING)]
    hibp: Option<PathBuf>,
}

const HEADING: &str = "What to look for";

/// What is looked for. The words are frozen: they stand in the JSON.
const CHECKS: [&str; 7] =
    ["weak", "reused", "leaked", "expired", "overdue", "never_rotated", "unused"];

/// Something that was found.
struct Flaw {
    name: String,
    field: Option<String>,
    check: &'static str,
    severity: Severity,
    detail: String,
}

#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
enum Severity {
    Critical,
    High,
    Medium,
    Low,
}

/// Checks them.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let filter = args.filter.filter(cx.world.now())?;
    let leaked = args.hibp.as_deref().map(Leaked::open).transpose()?;
    let leaked = leaked.filter(|_| args.wants("leaked"));
    if args.hibp.is_none() && args.only.iter().any(|check| check == "leaked") {
        return Err(crate::error::Error::usage("nothing says what has leaked")
            .hint("give a list of hashes: --hibp FILE"));
    }
    let depth = match (&leaked, args.wants("weak") || args.wants("reused")) {
        (Some(_), _) => Depth::Digests,
        (None, true) => Depth::Values,
        (None, false) => Depth::Metadata,
    };
    let checkup = look(cx, &filter, depth)?;
    let mut flaws = facts(&checkup);
    flaws.extend(weak(&checkup.values, args.min_score));
    flaws.extend(reused(&checkup));
    if let Some(list) = leaked {
        flaws.extend(leaks(cx, &list, &checkup.values)?);
    }
    flaws.retain(|flaw| args.wants(flaw.check));
    flaws.sort_by(|a, b| a.order().cmp(&b.order()));
    Ok(report(cx, &checkup, flaws))
}

impl Args {
    fn wants(&self, check: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == check)
    }
}

/// Unlocks, and looks at what fits.
pub fn look(cx: &Context, filter: &Filter, depth: Depth) -> Result<Checkup> {
    let mut vault = cx.unlocked()?;
    progress::of_many(cx, "values looked at", |progress| vault.check(filter, depth, progress))
}

/// How many values are weak.
pub fn weak_ones(checkup: &Checkup) -> u64 {
    u64::try_from(weak(&checkup.values, WEAK).count()).unwrap_or(u64::MAX)
}

/// How many values stand in more than one place.
pub fn reused_ones(checkup: &Checkup) -> u64 {
    u64::try_from(checkup.same.iter().map(Vec::len).sum::<usize>()).unwrap_or(u64::MAX)
}

/// What scores less is weak, unless something else is said.
const WEAK: u8 = 3;

fn report(cx: &Context, checkup: &Checkup, flaws: Vec<Flaw>) -> Report {
    if !flaws.is_empty() {
        cx.end_with(ErrorKind::Findings);
    }
    cx.note_later(format!(
        "{} of {} looked at, {}",
        counted(checkup.values.len(), "value"),
        counted(checkup.credentials, "credential"),
        counted(flaws.len(), "finding")
    ));
    let empty = match checkup.credentials {
        0 => "no credentials, or none that fit: nothing was checked",
        _ => "nothing found",
    };
    let rows = move |sink: &mut Sink<'_>| flaws.iter().try_for_each(|flaw| sink(&flaw.cells()));
    Report::Table { columns: COLUMNS.into(), rows: Box::new(rows), empty }
}

fn facts(checkup: &Checkup) -> Vec<Flaw> {
    let flaw = |(name, fact): &(String, Fact)| {
        let (check, severity, detail) = match fact {
            Fact::Overdue(Duty::Expiry, at) => {
                ("expired", Severity::High, format!("expired on {}", at.day()))
            }
            Fact::Overdue(Duty::Rotation, at) => {
                let detail = format!("should have been rotated by {}", at.day());
                ("overdue", Severity::Medium, detail)
            }
            Fact::NeverRotated(at) => {
                let detail = format!("never rotated, stored on {}", at.day());
                ("never_rotated", Severity::Low, detail)
            }
            Fact::Unused(Some(at)) => {
                ("unused", Severity::Low, format!("last read on {}", at.day()))
            }
            Fact::Unused(None) => ("unused", Severity::Low, "never read".into()),
        };
        Flaw { name: name.clone(), field: None, check, severity, detail }
    };
    checkup.facts.iter().map(flaw).collect()
}

/// Values that are easier to guess than they should be.
fn weak(values: &[Seen], least: u8) -> impl Iterator<Item = Flaw> {
    values.iter().filter_map(move |seen| {
        let strength = seen.strength.filter(|strength| strength.score < least)?;
        let severity = match strength.score {
            0 | 1 => Severity::High,
            2 => Severity::Medium,
            _ => Severity::Low,
        };
        let detail = format!("{}, about {:.0} bits", strength.word, strength.bits);
        Some(Flaw::of(seen, "weak", severity, detail))
    })
}

/// Values that stand in several places.
fn reused(checkup: &Checkup) -> impl Iterator<Item = Flaw> {
    checkup.same.iter().flat_map(move |group| {
        let place = |at: &usize| {
            let seen = &checkup.values[*at];
            format!("`{}` {}", seen.name, seen.field)
        };
        group.iter().map(move |at| {
            let others = group.iter().filter(|other| *other != at);
            let mut named: Vec<_> = others.take(MOST_NAMED).map(place).collect();
            let more = group.len() - 1 - named.len();
            if more > 0 {
                named.push(format!("{more} more"));
            }
            let detail = format!("the same as {}", named.join(", "));
            Flaw::of(&checkup.values[*at], "reused", Severity::High, detail)
        })
    })
}

/// So many of those with the same value are named.
const MOST_NAMED: usize = 3;

/// Values that are in the list.
fn leaks(cx: &Context, list: &Leaked, values: &[Seen]) -> Result<Vec<Flaw>> {
    let digests: Vec<_> = values.iter().filter_map(|seen| seen.sha1.as_deref()).collect();
    let counts = list.counts(&digests)?;
    let unknown = counts.iter().filter(|count| count.is_none()).count();
    if unknown > 0 {
        let values = counted(unknown, "value");
        cx.warn(&format!("no range is there for {values}, which may have leaked"));
    }
    let hits = values.iter().zip(counts).filter_map(|(seen, count)| Some((seen, count?)));
    let flaw =
        |(seen, count): (&Seen, u64)| Flaw::of(seen, "leaked", Severity::Critical, times(count));
    Ok(hits.filter(|(_, count)| *count > 0).map(flaw).collect())
}

fn times(count: u64) -> String {
    match count {
        1 => "once in the list".to_owned(),
        more => format!("{more} times in the list"),
    }
}

impl Flaw {
    fn of(seen: &Seen, check: &'static str, severity: Severity, detail: String) -> Self {
        let (name, field) = (seen.name.clone(), Some(seen.field.to_string()));
        Self { name, field, check, severity, detail }
    }

    /// The worst first, and then by name.
    fn order(&self) -> (Severity, &str, Option<&str>, &str) {
        (self.severity, &self.name, self.field.as_deref(), self.check)
    }

    fn cells(&self) -> [Cell<'_>; 5] {
        [
            Cell::text(Some(&self.name)),
            Cell::text(self.field.as_deref()),
            Cell::text(Some(self.check)),
            Cell::text(Some(self.severity.word())),
            Cell::text(Some(&self.detail)),
        ]
    }
}

impl Severity {
    fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

const COLUMNS: &[Column] = &[
    Column { name: "name" },
    Column { name: "field" },
    Column { name: "check" },
    Column { name: "severity" },
    Column { name: "detail" },
];
