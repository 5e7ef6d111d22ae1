//! `vault import`.

use super::context::Context;
use super::report::{Cell, Report};
use super::{jsonl, progress};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::{self, checks};
use crate::model::{CredName, Timestamp, counted};
use crate::sys;
use crate::vault::NewCredential;
use clap::builder::PossibleValuesParser;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// What a pipe may bring, in bytes; a file may be of any size.
const PIPE_MAX: u64 = 256 << 20;

/// The longest line: the largest value in base64, and then some.
const LINE_MAX: u64 = 64 << 20;
/// How many warnings are shown one by one.
const WARNINGS: usize = 20;

/// Store many credentials at once: all of them or none
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault import --format jsonl --dry-run export.jsonl
  vault import --format jsonl export.jsonl
  other-tool export | vault import --format jsonl

A line of JSON for each credential:
  {\"name\":\"db/main\",\"type\":\"password\",\"username\":\"app\",\"tags\":[\"prod\"],
   \"secrets\":{\"password\":\"…\"},\"notes\":\"…\"}          (in one line)
Keys: name, type (password if missing), username, url, host, port, database, client, service, infra,
environment, owner, description, tags, requires_vpn, requires_2fa, expires, rotate_every, keep,
fields, secrets, notes.
A secret that is no text is written {\"base64\":\"…\"}.")]
pub struct Args {
    /// What to read; standard input if it is missing or `-`
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,

    // Has the id of the global option and so takes its place here; see `Context::format`.
    /// The format of what is read; or how to answer: table, json, plain
    #[arg(id = "format", long = "format", value_name = "FORMAT",
          value_parser = PossibleValuesParser::new(["jsonl", "table", "json", "plain"]))]
    _format: Option<String>,

    /// Check everything, store nothing
    #[arg(long)]
    dry_run: bool,
}

/// Stores them.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let mut lines = Lines::open(args.file.as_deref(), cx.world.now())?;
    let count = match args.dry_run {
        true => check(cx, &mut lines)?,
        false => store(cx, &mut lines)?,
    };
    lines.say_warnings(cx);
    let what = if args.dry_run { "would import" } else { "imported" };
    Ok(Report::Done {
        message: format!("{what} {}", counted(count, "credential")),
        item: vec![
            ("imported", Cell::Int(if args.dry_run { 0 } else { integer(count) })),
            ("read", Cell::Int(integer(count))),
            ("dry_run", Cell::Flag(args.dry_run)),
        ],
    })
}

fn store(cx: &Context, lines: &mut Lines) -> Result<u64> {
    let mut vault = cx.unlocked()?;
    let bar = progress::bar(cx, "credentials stored");
    let count = vault.import(&mut || lines.next(), &mut |done| bar.set_position(done));
    bar.finish_and_clear();
    count
}

/// Reads it all, and looks for names that are taken.
fn check(cx: &Context, lines: &mut Lines) -> Result<u64> {
    let mut count = 0;
    while lines.next()?.is_some() {
        count += 1;
    }
    for name in cx.locked()?.names("", false, u64::MAX)? {
        if let Some(line) = lines.names.get(&name) {
            let what = format!("line {line}: there is a credential of this name already");
            return Err(Error::new(ErrorKind::Conflict, what));
        }
    }
    Ok(count)
}

/// A pipe is read to its end before the vault is opened: whoever writes to it may be waiting for the
/// vault, and nobody waits for a writer with the vault in hand.
fn to_the_end(pipe: File) -> Result<Zeroizing<Vec<u8>>> {
    let mut all = Zeroizing::new(Vec::new());
    let read = pipe.take(PIPE_MAX + 1).read_to_end(&mut all);
    read.map_err(|e| Error::io("cannot read what to import", &e))?;
    match u64::try_from(all.len()).is_ok_and(|length| length <= PIPE_MAX) {
        true => Ok(all),
        false => Err(Error::usage("a pipe brings at most 256 MiB")
            .hint("put it into a file on a memory disk, and import that")),
    }
}

struct Lines {
    from: Box<dyn BufRead>,
    line: Zeroizing<Vec<u8>>,
    number: u64,
    now: Timestamp,
    /// Names read so far, and where.
    names: HashMap<String, u64>,
    warnings: Vec<String>,
    more_warnings: u64,
}

impl Lines {
    fn open(path: Option<&Path>, now: Timestamp) -> Result<Self> {
        let file = match path.filter(|path| path.as_os_str() != "-") {
            Some(path) => {
                let wrong = |e| Error::io(format!("cannot read `{}`", path.display()), &e);
                let file = File::open(path).map_err(wrong)?;
                if file.metadata().map_err(wrong)?.is_dir() {
                    return Err(Error::usage(format!("`{}` is a directory", path.display())));
                }
                file
            }
            None => File::from(
                sys::duplicate(0).map_err(|e| Error::io("cannot read standard input", &e))?,
            ),
        };
        let is_file = file.metadata().is_ok_and(|about| about.is_file());
        let from: Box<dyn BufRead> = match is_file {
            true => Box::new(BufReader::with_capacity(256 << 10, file)),
            false => Box::new(Cursor::new(to_the_end(file)?)),
        };
        Ok(Self::from(from, now))
    }

    fn from(from: Box<dyn BufRead>, now: Timestamp) -> Self {
        Self {
            from,
            line: Zeroizing::new(Vec::with_capacity(4096)),
            number: 0,
            now,
            names: HashMap::new(),
            warnings: Vec::new(),
            more_warnings: 0,
        }
    }

    /// The next credential; none at the end.
    fn next(&mut self) -> Result<Option<NewCredential>> {
        loop {
            self.line.clear(); // overwritten by the next line, wiped in the end
            let read = self.from.by_ref().take(LINE_MAX).read_until(b'\n', &mut self.line);
            let read = read.map_err(|e| Error::io("cannot read what to import", &e))?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if u64::try_from(read) == Ok(LINE_MAX) {
                return Err(Error::usage(format!("line {} has more than 64 MiB", self.number)));
            }
            if !self.line.trim_ascii().is_empty() {
                break;
            }
        }
        let new = jsonl::parse(&self.line, self.number, self.now)?;
        self.claim(&new.name)?;
        self.look(&new)?;
        Ok(Some(new))
    }

    fn claim(&mut self, name: &CredName) -> Result<()> {
        match self.names.insert(name.as_str().to_owned(), self.number) {
            None => Ok(()),
            Some(first) => {
                let what = format!("line {}: the name of line {first} again", self.number);
                Err(Error::new(ErrorKind::Conflict, what))
            }
        }
    }

    fn look(&mut self, new: &NewCredential) -> Result<()> {
        let kind = kind::find(&new.meta.kind)?;
        for (field, value) in &new.secrets {
            for warning in checks::warnings(kind, field.as_str(), value.expose(), &new.meta) {
                if self.warnings.len() < WARNINGS {
                    self.warnings.push(format!("line {}: `{field}` {warning}", self.number));
                } else {
                    self.more_warnings += 1;
                }
            }
        }
        Ok(())
    }

    fn say_warnings(&self, cx: &Context) {
        self.warnings.iter().for_each(|warning| cx.warn(warning));
        if self.more_warnings > 0 {
            cx.warn(&format!("and {} more", self.more_warnings));
        }
    }
}

fn integer(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &'static str) -> Lines {
        Lines::from(Box::new(text.as_bytes()), Timestamp(0))
    }

    #[test]
    fn lines_are_counted_and_names_are_unique() {
        let mut lines = lines(
            "{\"name\":\"a\",\"type\":\"password\",\"secrets\":{\"password\":\"x\"}}\n\n\
             {\"name\":\"a\",\"type\":\"password\",\"secrets\":{\"password\":\"hunter2\"}}",
        );
        assert_eq!(lines.next().unwrap().unwrap().name.as_str(), "a");
        let error = lines.next().err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert_eq!(error.message(), "line 3: the name of line 1 again");
        assert!(lines.next().unwrap().is_none());
    }
}
