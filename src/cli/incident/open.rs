//! `vault incident open`.

use super::fields::{self, FieldArgs, TextArgs};
use super::{form, show, words};
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::cred::meant;
use crate::cli::editing::Editing;
use crate::cli::report::{Cell, Report};
use crate::error::Result;
use crate::model::CredName;
use crate::model::incident::{Exposure, IncidentNumber, IncidentStatus, IncidentTexts};
use crate::vault::{NewIncident, TodoState, Unlocked, Vault};
use clap_complete::engine::ArgValueCompleter;

/// Open an incident
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault incident open 'Laptop stolen' --type lost_device --severity high --cred vpn/alice
  vault incident open 'Key in a public repository' --type credential_leak --cred ci-token \\
    --exposure exposed --occurred 2026-11-20 --reference https://git.example.com/issues/12
  vault incident open 'Odd logins at the mail server' --severity low --stdin < what-happened.txt
  vault incident open 'Phishing' --type phishing --edit

It gets a number that is never used again. The title is stored in clear: write nothing into it that
must not be read while the vault is locked.")]
pub struct Args {
    /// What happened, in one line
    title: String,

    #[command(flatten)]
    fields: FieldArgs,

    #[command(flatten)]
    texts: TextArgs,

    /// A credential it has to do with; may be given several times
    #[arg(long, value_name = "NAME", add = ArgValueCompleter::new(complete::names),
          help_heading = CREDENTIALS)]
    cred: Vec<String>,

    /// How exposed these are; unknown if it is not said
    #[arg(long, value_name = "EXPOSURE", value_parser = words::exposures(), requires = "cred",
          help_heading = CREDENTIALS)]
    exposure: Option<Exposure>,

    /// Write the texts, and change the rest, in your editor first
    #[arg(long)]
    edit: bool,
}

const CREDENTIALS: &str = "Which credentials";

/// Opens it.
pub fn run(mut args: Args, cx: &mut Context) -> Result<Report> {
    args.fields.check(Some(&args.title), cx)?;
    args.texts.read()?;
    let desk = args.edit.then(|| Editing::new(cx, form::SHEET)).transpose()?;
    let (mut meta, mut texts) = (fields::blank(&args.title), IncidentTexts::default());
    args.fields.apply(&mut meta, cx)?;
    args.texts.apply(&mut texts);
    texts.todos = meta.kind.template();
    let mut vault = cx.unlocked()?;
    let names = args.cred.iter().map(|name| meant(cx, &vault, name, false));
    let names: Vec<CredName> = names.collect::<Result<_>>()?;
    let exposure = args.exposure.unwrap_or(Exposure::Unknown);
    let links = names.iter().map(|name| (name.clone(), exposure)).collect();
    let mut new = NewIncident { meta, texts, source: "person".into(), links };
    let number = match desk {
        None => vault.open_incident(&new)?,
        Some(desk) => edited(&desk, &mut vault, &mut new, cx)?,
    };
    for todo in &new.texts.todos {
        cx.note_later(format!("to do: {}", todo.text));
    }
    if names.is_empty() {
        let link = format!("vault incident link {number} NAME --exposure exposed");
        cx.note_later(format!("say which credentials it exposes: `{link}`"));
    }
    cx.note_later(format!("see and tick off what is to do: `vault incident show {number}`"));
    cx.note_later(format!("see who read what: `vault incident blast {number}`"));
    cx.note_later(format!("when it cannot get worse: `vault incident contain {number}`"));
    let message = format!("opened {number}: {}", new.meta.title);
    Ok(Report::Done { message, item: item(number, &new, &names) })
}

/// Opens what is made of it in an editor; as it is if nothing is changed there.
fn edited(
    desk: &Editing<'_>,
    vault: &mut Vault<Unlocked>,
    new: &mut NewIncident,
    cx: &Context,
) -> Result<IncidentNumber> {
    let steps: Vec<_> = new.texts.todos.iter().map(|todo| TodoState { todo, tick: None }).collect();
    let first =
        form::write("An incident that is about to be opened.", &new.meta, &new.texts, &steps);
    let user = vault.user().to_owned();
    let opened = desk.until_taken(&first, |text| {
        let filled = form::read(text, &new.meta, &new.texts, &user, cx)?;
        (new.meta, new.texts) = (filled.meta, filled.texts);
        vault.open_incident(new)
    })?;
    opened.map_or_else(|| vault.open_incident(new), Ok)
}

fn item(
    number: IncidentNumber,
    new: &NewIncident,
    names: &[CredName],
) -> Vec<(&'static str, Cell<'static>)> {
    let meta = &new.meta;
    let steps = new.texts.todos.iter().map(|todo| TodoState { todo, tick: None });
    let names = names.iter().map(|name| name.to_string().into());
    vec![
        ("number", Cell::owned(number.to_string())),
        ("title", Cell::owned(meta.title.as_str())),
        ("type", Cell::text(Some(meta.kind.word()))),
        ("severity", Cell::text(Some(meta.severity.word()))),
        ("status", Cell::text(Some(IncidentStatus::Investigating.word()))),
        ("credentials", Cell::List(names.collect())),
        ("steps", show::steps(steps, true)),
    ]
}
