//! `vault audit checkpoint`.

use crate::cli::context::Context;
use crate::cli::progress;
use crate::cli::render::Format;
use crate::cli::report::{Cell, Column, Report, Sink};
use crate::cli::save::Output;
use crate::error::{Error, Result};
use crate::vault::{Checkpoint, PublicKey};
use data_encoding::HEXLOWER;

/// Sign where the log is now, for keeping elsewhere
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault audit checkpoint
  vault audit checkpoint -o head.note
  vault audit checkpoint --list
  vault audit verify --anchor head.note

The whole log is verified first. The note names the last entry there was, its hash and the time; it is
kept in the vault, too, and what it covers can be pruned. Keep it where nobody who can write the vault
can write.")]
pub struct Args {
    /// Sign nothing; list the notes that were signed
    #[arg(long, conflicts_with_all = ["output", "force"])]
    list: bool,

    #[command(flatten)]
    output: Output,
}

/// Signs it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    args.output.checked()?;
    let mut vault = cx.unlocked()?;
    let key = vault.public_key();
    if args.list {
        return Ok(list(vault.checkpoints()?, key, cx.format()));
    }
    let bar = progress::bar(cx, "entries checked");
    let note = vault.checkpoint(&mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let note = note?;
    let text = note.text(&key);
    cx.note_later(format!("the key to check it with: {}", key.text()));
    let Some(path) = args.output.checked()? else {
        return Ok(match cx.format() {
            Format::Json => Report::Item(item(&note, &key)),
            Format::Table | Format::Plain => Report::Text(text),
        });
    };
    args.output.save(path, |out| {
        let failed = |e| Error::io(format!("cannot write `{}`", path.display()), &e);
        out.write_all(text.as_bytes()).map_err(failed)
    })?;
    let message = format!("signed the log up to entry {}: {}", note.head.seq, path.display());
    Ok(Report::Done { message, item: item(&note, &key) })
}

/// All of it, for programs.
pub fn item(note: &Checkpoint, key: &PublicKey) -> Vec<(&'static str, Cell<'static>)> {
    vec![
        ("last", Cell::Int(note.head.seq)),
        ("head", Cell::owned(HEXLOWER.encode(&note.head.hash))),
        ("at", Cell::Time(note.head.at)),
        ("note", Cell::owned(note.text(key))),
        ("public_key", Cell::owned(key.text())),
    ]
}

fn list(notes: Vec<Checkpoint>, key: PublicKey, format: Format) -> Report {
    // a note has many lines, so that only JSON has them
    let columns = &COLUMNS[..if format == Format::Json { 4 } else { 3 }];
    let rows = move |sink: &mut Sink<'_>| {
        notes.iter().try_for_each(|note| {
            let cells = [
                Cell::Int(note.head.seq),
                Cell::Time(note.head.at),
                Cell::owned(HEXLOWER.encode(&note.head.hash)),
                Cell::owned(note.text(&key)),
            ];
            sink(&cells[..columns.len()])
        })
    };
    Report::Table { columns: columns.into(), rows: Box::new(rows), empty: "nothing was signed yet" }
}

const COLUMNS: &[Column] = &[
    Column { name: "last" },
    Column { name: "at" },
    Column { name: "head" },
    Column { name: "note" },
];
