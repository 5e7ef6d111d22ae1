//! `vault incident note`.

use super::words::{from_stdin, past, written};
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::editing::{Editing, Sheet};
use crate::cli::report::{Cell, Report};
use crate::error::{Error, Result};
use crate::model::Secret;
use crate::model::incident::IncidentNumber;
use crate::vault::Note;
use clap_complete::engine::ArgValueCompleter;

/// Write a note into the timeline
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault incident note INC-7 'called the client, they lock the account'
  vault incident note INC-7 --at 2026-11-20T08:30:00Z 'first login from abroad'
  vault incident note INC-7 --stdin < mail.txt
  vault incident note INC-7

Without a text your editor opens. Notes are sealed, and cannot be changed afterwards.")]
pub struct Args {
    /// Which incident: INC-7, or 7
    #[arg(value_name = "INCIDENT", add = ArgValueCompleter::new(complete::incidents))]
    number: IncidentNumber,

    /// The note; what others must not see among the arguments goes through `--stdin` or the editor
    text: Option<String>,

    /// Read the note from standard input
    #[arg(long, conflicts_with = "text")]
    stdin: bool,

    /// When it happened, if not now: 2026-11-20T08:30:00Z, or 2h ago
    #[arg(long, value_name = "WHEN")]
    at: Option<String>,
}

const SHEET: Sheet = Sheet {
    file: "note.txt",
    secret: true,
    instead: "vault incident note INCIDENT --stdin < FILE",
};

/// Writes it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let happened_at = args.at.as_deref().map(|at| past("--at", at, cx)).transpose()?.flatten();
    let text = match (&args.text, args.stdin) {
        (Some(text), _) => Some(written(text.as_bytes())?),
        (None, true) => Some(from_stdin()?),
        (None, false) => None,
    };
    if text.is_none() && cx.terminal().is_none() {
        return Err(Error::usage("no text for the note, and no terminal for an editor")
            .hint(format!("hand it in: vault incident note {} --stdin < FILE", args.number)));
    }
    let desk = text.is_none().then(|| Editing::new(cx, SHEET)).transpose()?;
    let mut vault = cx.unlocked()?;
    let text = match desk {
        Some(desk) => {
            vault.incident(args.number)?; // before anything is typed in vain
            written(desk.round(&Secret::from_bytes(b""))?.expose())?
        }
        None => text.unwrap_or_default(),
    };
    vault.note_incident(args.number, &Note { text: Some(text), happened_at })?;
    Ok(Report::Done {
        message: format!("noted in {}", args.number),
        item: vec![("number", Cell::owned(args.number.to_string()))],
    })
}
