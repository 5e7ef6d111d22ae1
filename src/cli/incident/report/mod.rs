//! `vault incident report`: one content, in three forms.

mod content;
mod markdown;
mod page;

use super::window::WindowArgs;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::progress;
use crate::cli::render::{self, Format, Style};
use crate::cli::report::{Cell, Report};
use crate::cli::save::Output;
use crate::error::{ErrorKind, Result};
use crate::model::incident::IncidentNumber;
use clap::builder::PossibleValuesParser;
use clap_complete::engine::ArgValueCompleter;
use content::Content;

/// Write a report on an incident: texts, timeline, credentials, and the log with its proof
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault incident report INC-7 --format html -o INC-7.html
  vault incident report INC-7 > INC-7.md
  vault incident report INC-7 --format json

It holds what is sealed in the vault: description, findings, remediation and notes; but no value of
a credential. A page is one file without scripts, that fetches nothing and prints well. The whole
log is verified, and each entry stands there with its number and hash: as long as the log has the
head that is named, what stands in the report is what stands in the log. When the log is not intact
the report says so, and the exit code is 15. Times are those of UTC. That it was made goes into the
timeline.")]
pub struct Args {
    /// Which incident: INC-7, or 7
    #[arg(value_name = "INCIDENT", add = ArgValueCompleter::new(complete::incidents))]
    number: IncidentNumber,

    // Has the id of the global option and so takes its place here; see `Context::format`.
    /// In which form [default: md]
    #[arg(id = "format", long = "format", value_name = "FORM",
          value_parser = PossibleValuesParser::new(["md", "html", "json"]))]
    _format: Option<String>,

    #[command(flatten)]
    output: Output,

    #[command(flatten)]
    window: WindowArgs,
}

/// Writes it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let window = args.window.window(cx.world.now())?;
    let file = args.output.checked()?;
    let form = form(cx);
    let mut vault = cx.unlocked()?;
    let dossier = progress::of_many(cx, "entries checked", |progress| {
        vault.dossier(args.number, window, form, progress)
    })?;
    match &dossier.evidence.log {
        Ok(log) => super::blast::warn_of_gaps(cx, log),
        Err(why) => {
            cx.warn(&format!("{why}; the report says so"));
            cx.end_with(ErrorKind::Integrity);
        }
    }
    let content = Content::of(dossier);
    if content.checkpoint.is_none() {
        cx.note_later("nobody outside can check the log of it: sign its head before, with `vault audit checkpoint`");
    }
    if let Some(path) = file {
        let bytes = match form {
            "html" => page::page(&content).into_bytes(),
            "json" => document(&content)?,
            _ => markdown::text(&content).into_bytes(),
        };
        args.output.save_bytes(path, &bytes)?;
        return Ok(saved(cx, &content, form, path.display().to_string()));
    }
    cx.note("the report holds what is sealed in the vault: mind who reads it");
    Ok(match form {
        "html" => Report::Text(page::page(&content)),
        "json" => Report::Item(content.item()),
        _ => Report::Text(markdown::text(&content)),
    })
}

/// The form that was asked for; that of other answers if it is JSON and nothing else was said.
fn form(cx: &Context) -> &'static str {
    match cx.globals.format.as_deref() {
        Some("html") => "html",
        Some("json") => "json",
        None if cx.globals.json => "json",
        Some(_) | None => "md",
    }
}

fn saved(cx: &Context, content: &Content, form: &str, shown: String) -> Report {
    cx.note_later(format!("`{shown}` holds what is sealed in the vault: mind who reads it"));
    Report::Done {
        message: format!("wrote the report on {} to {shown}", content.number),
        item: vec![
            ("incident", Cell::owned(content.number.to_string())),
            ("file", Cell::owned(shown)),
            ("form", Cell::owned(form)),
            ("intact", Cell::Flag(content.log.is_ok())),
        ],
    }
}

/// The document, as it would be the answer.
fn document(content: &Content) -> Result<Vec<u8>> {
    let (mut bytes, mut nobody) = (Vec::new(), std::io::sink());
    let report = Report::Item(content.item());
    render::report(report, Format::Json, &mut bytes, &mut nobody, &Style::default())?;
    Ok(bytes)
}
