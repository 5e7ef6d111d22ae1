//! `vault selftest io`.

use super::deliveries::{DELIVERIES, Delivery, SAMPLES, Sample};
use super::stage::Stage;
use crate::cli::context::Context;
use crate::cli::render::Format;
use crate::cli::report::{Cell, Column, Report, Sink};
use crate::error::{Error, ErrorKind, Result};
use crate::world::World;
use std::num::NonZero;
use std::path::Path;
use std::process::Output;
use std::thread;

/// Send difficult values through every way out of the vault, and compare what arrives
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault selftest io
  vault selftest io --json

Each value is `same` when it arrived byte for byte, `refused` when this way cannot carry it and said so,
`DIFFERENT` when neither is true, and empty when the way was not tried: then the last column says why.
On a terminal they are counted and named; --json and --format plain tell each, and why it was refused.

The vault is a new one, with made-up values, and is thrown away; yours is not used. The clipboard is not
tried, because that would overwrite yours. Exit code 16 when anything is different.")]
pub struct Args {}

/// Said when there was no way to try.
const NOTHING: &str = "nothing was tried";

/// What became of a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It arrived byte for byte.
    Same,
    /// It was not handed over, with this reason.
    Refused(String),
    /// Something else arrived, or it was refused without need.
    Different(String),
}

/// What became of all values on one way, or why it was not tried.
pub struct Row {
    /// The way.
    pub name: &'static str,
    /// In the order of the samples.
    pub outcomes: std::result::Result<Vec<Outcome>, String>,
}

/// Tries all.
///
/// # Errors
/// As [`compare`].
pub fn run(_args: Args, cx: &mut Context) -> Result<Report> {
    let program = std::env::current_exe();
    let program = program.map_err(|e| Error::io("cannot find this program", &e))?;
    let rows = compare(&program, &cx.world, DELIVERIES)?;
    let failures = rows.iter().flat_map(Row::differences).count();
    if failures > 0 {
        cx.end_with(ErrorKind::Findings);
        cx.note_later(format!("{failures} did not arrive as they are; please report it"));
    }
    Ok(match cx.format() {
        Format::Table => overview(rows),
        Format::Json | Format::Plain => each(rows),
    })
}

/// What became of every value: as many columns as there are values.
fn each(rows: Vec<Row>) -> Report {
    let show = move |sink: &mut Sink<'_>| rows.iter().try_for_each(|row| sink(&row.cells()));
    let columns = ["delivery"].into_iter().chain(SAMPLES.iter().map(|sample| sample.name));
    let columns: Vec<Column> = columns.chain(["remark"]).map(|name| Column { name }).collect();
    Report::Table { columns: columns.into(), rows: Box::new(show), empty: NOTHING }
}

/// The same in the width of a terminal.
fn overview(rows: Vec<Row>) -> Report {
    let show = move |sink: &mut Sink<'_>| rows.iter().try_for_each(|row| sink(&row.summary()));
    let columns = ["delivery", "same", "refused", "different"].map(|name| Column { name });
    Report::Table { columns: columns.to_vec().into(), rows: Box::new(show), empty: NOTHING }
}

/// Sends all samples through `deliveries`, with `program` as the vault.
///
/// # Errors
/// I/O (18); internal (1) when nothing can be tried at all.
pub fn compare(program: &Path, world: &World, deliveries: &[Delivery]) -> Result<Vec<Row>> {
    let stage = Stage::set(program, world)?;
    let stored: Vec<Stored> = SAMPLES.iter().map(|sample| Stored::store(sample, &stage)).collect();
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let some = deliveries.len().div_ceil(threads).max(1);
    let row = |delivery: &Delivery| delivery.row(&stored, &stage);
    thread::scope(|scope| {
        let parts = deliveries.chunks(some);
        let parts: Vec<_> = parts
            .map(|part| scope.spawn(move || part.iter().map(row).collect::<Vec<Row>>()))
            .collect();
        let rows: Option<Vec<_>> = parts.into_iter().map(|part| part.join().ok()).collect();
        let rows = rows.ok_or_else(|| Error::internal("a part of the self-test broke off"))?;
        Ok(rows.into_iter().flatten().collect())
    })
}

impl Row {
    /// What is different, each with the name of the value.
    pub fn differences(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let outcomes = self.outcomes.iter().flatten().zip(SAMPLES);
        outcomes.filter_map(|(outcome, sample)| match outcome {
            Outcome::Different(how) => Some((sample.name, how.as_str())),
            Outcome::Same | Outcome::Refused(_) => None,
        })
    }

    fn cells(&self) -> Vec<Cell<'_>> {
        let mut cells = vec![Cell::text(Some(self.name))];
        match &self.outcomes {
            Ok(outcomes) => cells.extend(outcomes.iter().map(|o| Cell::text(Some(o.word())))),
            Err(_) => cells.extend(SAMPLES.iter().map(|_| Cell::None)),
        }
        cells.push(self.remark().map_or(Cell::None, Cell::owned));
        cells
    }

    fn summary(&self) -> [Cell<'_>; 4] {
        let name = Cell::text(Some(self.name));
        let Ok(outcomes) = &self.outcomes else {
            return [name, Cell::None, Cell::None, self.remark().map_or(Cell::None, Cell::owned)];
        };
        let same = outcomes.iter().filter(|outcome| **outcome == Outcome::Same).count();
        let refused = outcomes.iter().zip(SAMPLES);
        let refused = refused.filter(|(outcome, _)| matches!(outcome, Outcome::Refused(_)));
        let refused: Vec<&str> = refused.map(|(_, sample)| sample.name).collect();
        let different: Vec<String> =
            self.differences().map(|(name, how)| format!("{name}: {how}")).collect();
        let same = format!("{same} of {}", outcomes.len());
        [name, Cell::owned(same), Cell::owned(refused.join(" ")), Cell::owned(different.join("; "))]
    }

    /// Why it was not tried, or what is different, or else why something was refused first.
    fn remark(&self) -> Option<String> {
        let outcomes = match &self.outcomes {
            Ok(outcomes) => outcomes,
            Err(why) => return Some(format!("not tried: {why}")),
        };
        let different: Vec<_> =
            self.differences().map(|(name, how)| format!("{name}: {how}")).collect();
        let refused = outcomes.iter().zip(SAMPLES).find_map(|(outcome, sample)| match outcome {
            Outcome::Refused(why) if !sample.value().is_empty() => Some(why.clone()),
            Outcome::Refused(_) | Outcome::Same | Outcome::Different(_) => None,
        });
        if different.is_empty() { refused } else { Some(different.join("; ")) }
    }
}

impl Outcome {
    /// The word in the answer.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Refused(_) => "refused",
            Self::Different(_) => "DIFFERENT",
        }
    }
}

impl Delivery {
    fn row(&self, stored: &[Stored], stage: &Stage) -> Row {
        let outcomes = match self.obstacle(stage) {
            Some(why) => Err(why),
            None => Ok(stored.iter().map(|stored| self.outcome(stored, stage)).collect()),
        };
        Row { name: self.name, outcomes }
    }

    /// Why it cannot be tried.
    fn obstacle(&self, stage: &Stage) -> Option<String> {
        let (words, option) = self.needs;
        if !is_there(words, option) {
            return Some("this program cannot do it".into());
        }
        let missing = !self.program.is_empty() && !stage.has(self.program);
        missing.then(|| format!("`{}` is not installed", self.program))
    }

    fn outcome(&self, stored: &Stored, stage: &Stage) -> Outcome {
        if let Some(why) = &stored.refused {
            return Outcome::Refused(why.clone());
        }
        let (name, var) = (stored.name, format!("{}_VALUE", stored.name.to_ascii_uppercase()));
        let reference = format!("vault://{name}/value");
        let variables = [("NAME", name), ("REF", reference.as_str()), ("VAR", var.as_str())];
        match stage.play(self.line, &variables, b"") {
            None => Outcome::Different("it did not end in time".into()),
            Some(ended) if ended.status.success() => stored.compared(&ended.stdout),
            Some(ended) if (self.may_refuse)(&stored.value) => Outcome::Refused(said(&ended)),
            Some(ended) => Outcome::Different(format!("refused: {}", said(&ended))),
        }
    }
}

/// A sample in the vault.
struct Stored {
    name: &'static str,
    value: Vec<u8>,
    /// Why it could not be stored.
    refused: Option<String>,
}

impl Stored {
    fn store(sample: &Sample, stage: &Stage) -> Self {
        let (name, value) = (sample.name, sample.value());
        let line = "vault -q cred add $NAME --type custom --secret-field value --stdin --exact";
        let stored = stage.play(line, &[("NAME", name)], &value);
        let refused = match stored {
            Some(stored) if stored.status.success() => None,
            Some(stored) => Some(format!("cannot be stored: {}", said(&stored))),
            None => Some("cannot be stored in time".into()),
        };
        Self { name, value, refused }
    }

    /// The values are made up, but what is said of them shows none.
    fn compared(&self, arrived: &[u8]) -> Outcome {
        if arrived == self.value {
            return Outcome::Same;
        }
        let at = arrived.iter().zip(&self.value).take_while(|(a, b)| a == b).count();
        let (sent, got) = (self.value.len(), arrived.len());
        Outcome::Different(format!("{got} bytes arrived of {sent}, different from byte {at} on"))
    }
}

/// Whether this program has the command, and the command the option.
fn is_there(words: &[&str], option: &str) -> bool {
    let tree = crate::cli::command();
    let found = words.iter().try_fold(&tree, |command, word| command.find_subcommand(word));
    found.is_some_and(|command| {
        option.is_empty()
            || command.get_arguments().any(|argument| argument.get_long() == Some(option))
    })
}

/// The first line that it said on standard error.
fn said(ended: &Output) -> String {
    let text = String::from_utf8_lossy(&ended.stderr);
    let line = text.lines().find(|line| line.starts_with("error:")).or(text.lines().next());
    let line = line.unwrap_or("it said nothing");
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_terminal_values_are_counted_and_those_refused_or_different_are_named() {
        let mut outcomes = vec![Outcome::Same; SAMPLES.len()];
        outcomes[2] = Outcome::Refused("no NUL".into());
        outcomes[3] = Outcome::Different("cut short".into());
        let cells = |outcomes| {
            let row = Row { name: "run", outcomes };
            row.summary().map(|cell| match cell {
                Cell::Text(text) => text.into_owned(),
                _ => String::new(),
            })
        };
        assert_eq!(cells(Ok(outcomes)), ["run", "9 of 11", "nul", "crlf: cut short"]);
        let untried = cells(Err("`fish` is not installed".into()));
        assert_eq!(untried, ["run", "", "", "not tried: `fish` is not installed"]);
    }
}
