//! `vault audit export`.

use super::filter::FilterArgs;
use crate::cli::context::Context;
use crate::cli::record::{self, cef, csv};
use crate::cli::report::{Cell, Report};
use crate::cli::save::Output;
use crate::error::{Error, Result};
use crate::vault::{EntryFilter, Export, Record, State, Vault};
use std::io::Write;
use std::path::Path;

/// Hand the log to other programs: JSON Lines, CSV or CEF, oldest first
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault audit export -o log.jsonl
  vault audit export --csv --spreadsheet-safe --since 30d -o log.csv
  vault audit export --cef --outcome refused | logger

JSON Lines have all that the chain is computed from, so that others can check it. The export is
entered in the log before anything of it leaves.")]
pub struct Args {
    /// One JSON object a line; the default
    #[arg(long, conflicts_with_all = ["csv", "cef"])]
    jsonl: bool,

    /// Comma-separated values, with a heading
    #[arg(long, conflicts_with = "cef")]
    csv: bool,

    /// Common Event Format
    #[arg(long)]
    cef: bool,

    /// Put an apostrophe before what a spreadsheet would take for a formula
    #[arg(long, requires = "csv")]
    spreadsheet_safe: bool,

    /// Unlock; needed where the log has no seal, and done anyway when a key source is configured
    #[arg(long)]
    unlock: bool,

    #[command(flatten)]
    output: Output,

    #[command(flatten)]
    which: FilterArgs,

    /// At most so many, the newest; 0 for all
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    limit: u64,
}

/// How an entry is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Format {
    JsonLines,
    Csv { spreadsheet: bool },
    Cef,
}

/// Exports it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let limit = Some(args.limit).filter(|limit| *limit > 0);
    let filter = EntryFilter { limit, ..args.which.filter(cx.world.now())? };
    args.output.checked()?;
    match args.unlock || cx.has_key_source() {
        true => export(cx.unlocked()?, &args, &filter, cx),
        false => export(cx.locked()?, &args, &filter, cx),
    }
}

fn export<S: State + 'static>(
    mut vault: Vault<S>,
    args: &Args,
    filter: &EntryFilter,
    cx: &Context,
) -> Result<Report> {
    let format = args.format();
    let export = vault.enter_export(filter, format.word())?;
    if export.entries() == 0 {
        cx.note_later("no entries that fit");
    }
    let Some(path) = args.output.checked()? else {
        let mut lines = Lines::new(format);
        let (later, mut export) = (cx.later(), Some(export));
        let each = move |line: &mut dyn FnMut(&str) -> Result<()>| {
            let Some(export) = export.take() else { return Ok(()) };
            lines.write(&mut vault, &export, line)?;
            later.borrow_mut().extend(lines.remark());
            Ok(())
        };
        let are_json = format == Format::JsonLines;
        return Ok(Report::Lines { lines: Box::new(each), are_json });
    };
    let count = i64::try_from(export.entries()).unwrap_or(i64::MAX);
    let mut lines = Lines::new(format);
    args.output.save(path, |out| into(out, path, &mut vault, &export, &mut lines))?;
    if let Some(remark) = lines.remark() {
        cx.note_later(remark);
    }
    Ok(Report::Done {
        message: format!("{count} entries are in {}", path.display()),
        item: vec![
            ("file", Cell::owned(path.display().to_string())),
            ("format", Cell::owned(format.word())),
            ("entries", Cell::Int(count)),
        ],
    })
}

fn into<S: State>(
    out: &mut dyn Write,
    path: &Path,
    vault: &mut Vault<S>,
    export: &Export,
    lines: &mut Lines,
) -> Result<()> {
    lines.write(vault, export, &mut |line| {
        let written = out.write_all(line.as_bytes()).and_then(|()| out.write_all(b"\n"));
        written.map_err(|e| Error::io(format!("cannot write `{}`", path.display()), &e))
    })
}

impl Args {
    fn format(&self) -> Format {
        match (self.csv, self.cef) {
            (true, _) => Format::Csv { spreadsheet: self.spreadsheet_safe },
            (_, true) => Format::Cef,
            (false, false) => Format::JsonLines,
        }
    }
}

impl Format {
    fn word(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Csv { .. } => "csv",
            Self::Cef => "cef",
        }
    }
}

/// Makes lines of entries, and remembers what it changed.
struct Lines {
    format: Format,
    begun: bool,
    defused: u64,
}

impl Lines {
    fn new(format: Format) -> Self {
        Self { format, begun: false, defused: 0 }
    }

    fn write<S: State>(
        &mut self,
        vault: &mut Vault<S>,
        export: &Export,
        line: &mut dyn FnMut(&str) -> Result<()>,
    ) -> Result<()> {
        vault.export(export, &mut |record| self.one(record, line))
    }

    fn one(&mut self, record: &Record<'_>, line: &mut dyn FnMut(&str) -> Result<()>) -> Result<()> {
        match self.format {
            Format::JsonLines => line(&record::json(record)),
            Format::Cef => line(&cef::line(record)),
            Format::Csv { spreadsheet } => {
                if !std::mem::replace(&mut self.begun, true) {
                    line(&format!("{}\r", csv::head(record)))?;
                }
                line(&format!("{}\r", csv::line(record, spreadsheet, &mut self.defused)))
            }
        }
    }

    /// What a person should know of what was changed.
    fn remark(&self) -> Option<String> {
        let spreadsheet = self.format == Format::Csv { spreadsheet: true };
        spreadsheet.then(|| format!("an apostrophe stands before {} cells", self.defused))
    }
}
