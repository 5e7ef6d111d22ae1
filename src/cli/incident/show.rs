//! `vault incident show`.

use super::tables::detail;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render::Format;
use crate::cli::report::{Cell, Report};
use crate::error::Result;
use crate::model::Timestamp;
use crate::model::incident::{IncidentNumber, IncidentOutcome};
use crate::vault::{Incident, IncidentEvent, Linked, Listing, Tick, TodoState};
use clap_complete::engine::ArgValueCompleter;

/// Show an incident: texts, steps to do, credentials and timeline
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault incident show INC-7
  vault incident show 7 --unlock
  vault incident show INC-7 --json

While locked, what is sealed is left out: texts, steps and notes.")]
pub struct Args {
    /// Which incident: INC-7, or 7
    #[arg(value_name = "INCIDENT", add = ArgValueCompleter::new(complete::incidents))]
    number: IncidentNumber,

    /// Unlock: show the texts too, and check against the vault's keys what is shown
    #[arg(long)]
    unlock: bool,
}

/// Shows it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let incident = if args.unlock || cx.has_key_source() {
        cx.unlocked()?.incident(args.number)?
    } else {
        let incident = cx.locked()?.incident(args.number)?;
        cx.note("texts are sealed, and nothing is verified while locked; `--unlock` shows them");
        incident
    };
    Ok(Report::Item(item(&incident, cx.format() != Format::Table)))
}

type Pairs = Vec<(&'static str, Cell<'static>)>;
type Row = Vec<(&'static str, Cell<'static>)>;

/// All of it; for programs, every fact has a key of its own.
fn item(incident: &Incident, for_programs: bool) -> Pairs {
    let mut item = head(&incident.listing);
    if let Some(texts) = &incident.texts {
        let text = |text: &Option<String>| text.clone().map_or(Cell::None, Cell::owned);
        let references = texts.references.iter().map(|reference| reference.clone().into());
        item.extend([
            ("description", text(&texts.description)),
            ("findings", text(&texts.findings)),
            ("remediation", text(&texts.remediation)),
            ("references", Cell::List(references.collect())),
        ]);
    }
    let steps = steps(incident.steps().into_iter(), for_programs);
    let (links, events) = (incident.links.iter(), incident.events.iter());
    let (links, events) = match for_programs {
        true => (links.map(link_keys).collect(), events.map(event_keys).collect()),
        false => (links.map(link_line).collect(), events.map(event_line).collect()),
    };
    let (links, events) = (Cell::Rows(links), Cell::Rows(events));
    item.extend([("steps", steps), ("credentials", links), ("timeline", events)]);
    let next = incident.listing.status.steps().map(|step| step.word().into());
    item.extend([
        ("next", Cell::List(next.collect())),
        ("verified", Cell::Flag(incident.listing.verified)),
    ]);
    item
}

fn head(listing: &Listing) -> Pairs {
    let meta = &listing.meta;
    let text = |text: &Option<String>| text.clone().map_or(Cell::None, Cell::owned);
    vec![
        ("number", Cell::owned(listing.number.to_string())),
        ("title", Cell::owned(meta.title.as_str())),
        ("type", Cell::text(Some(meta.kind.word()))),
        ("severity", Cell::text(Some(meta.severity.word()))),
        ("status", Cell::text(Some(listing.status.word()))),
        ("outcome", Cell::text(listing.outcome.map(IncidentOutcome::word))),
        ("client", text(&meta.client)),
        ("service", text(&meta.service)),
        ("infra", text(&meta.infra)),
        ("owner", text(&meta.owner)),
        ("source", Cell::owned(listing.source.as_str())),
        ("occurred", Cell::time(meta.occurred_at)),
        ("detected", Cell::time(meta.detected_at)),
        ("opened", Cell::Time(listing.opened_at)),
        ("contained", Cell::time(listing.contained_at)),
        ("resolved", Cell::time(listing.resolved_at)),
        ("updated", Cell::Time(listing.updated_at)),
        ("deleted", Cell::time(listing.deleted_at)),
        ("revision", Cell::Int(listing.revision.into())),
        ("id", Cell::owned(listing.id.to_string())),
    ]
}

/// The steps to do.
pub(super) fn steps<'t>(
    steps: impl Iterator<Item = TodoState<'t>>,
    for_programs: bool,
) -> Cell<'static> {
    let row = |(at, step): (usize, TodoState<'_>)| match for_programs {
        true => step_keys(&step),
        false => step_line(at + 1, &step),
    };
    Cell::Rows(steps.enumerate().map(row).collect())
}

fn step_line(number: usize, TodoState { todo, tick }: &TodoState<'_>) -> Row {
    let (mark, how) = match tick {
        None => ("[ ]", String::new()),
        Some(Tick::ByHand { at, by }) => ("[x]", format!(" (by hand: {by}, {})", at.day())),
        Some(Tick::ByItself { at }) => ("[x]", format!(" (by itself, {})", at.day())),
    };
    vec![
        ("number", Cell::owned(number.to_string())),
        ("key", Cell::owned(todo.key.as_str())),
        ("mark", Cell::text(Some(mark))),
        ("text", Cell::owned(format!("{}{how}", todo.text))),
    ]
}

fn step_keys(step: &TodoState<'_>) -> Row {
    let (how, at, by) = match step.tick {
        None => (None, None, None),
        Some(Tick::ByHand { at, by }) => (Some("by_hand"), Some(at), Some(by)),
        Some(Tick::ByItself { at }) => (Some("by_itself"), Some(at), None),
    };
    vec![
        ("key", Cell::owned(step.todo.key.as_str())),
        ("text", Cell::owned(step.todo.text.as_str())),
        ("done", Cell::Flag(step.tick.is_some())),
        ("how", Cell::text(how)),
        ("at", Cell::time(at)),
        ("by", by.map_or(Cell::None, Cell::owned)),
    ]
}

fn link_line(link: &Linked) -> Row {
    let place = match link.place {
        "live" => String::new(),
        place => format!(" ({place})"),
    };
    vec![
        ("name", Cell::owned(link.name.as_str())),
        ("exposure", Cell::text(Some(link.exposure.word()))),
        ("state", Cell::owned(format!("{}{place}", link.says()))),
    ]
}

fn link_keys(link: &Linked) -> Row {
    vec![
        ("name", Cell::owned(link.name.as_str())),
        ("exposure", Cell::text(Some(link.exposure.word()))),
        ("state", Cell::text(Some(link.state.word()))),
        ("says", Cell::owned(link.says())),
        ("settled", Cell::Flag(link.state.is_settled())),
        ("place", Cell::text(Some(link.place))),
        ("linked", Cell::Time(link.linked_at)),
        ("id", Cell::owned(link.credential.to_string())),
    ]
}

fn event_line(event: &IncidentEvent) -> Row {
    let mut said: Vec<String> = Vec::new();
    said.extend(event.credential.as_ref().map(|(_, name)| format!("`{name}`")));
    said.extend(detail(event).map(str::to_owned));
    said.extend(event.happened_at.map(|at| format!("(happened {})", minutes(at))));
    let mut text = said.join(" ");
    let note = event.text.as_deref().or(event.has_text.then_some("(sealed)"));
    if let Some(note) = note {
        text.extend([if text.is_empty() { "" } else { "\n" }, note]);
    }
    vec![
        ("at", Cell::Time(event.at)),
        ("event", Cell::owned(event.kind.as_str())),
        ("by", Cell::owned(event.author.as_str())),
        ("text", Cell::owned(text)),
    ]
}

fn event_keys(event: &IncidentEvent) -> Row {
    let (id, name) = match &event.credential {
        Some((id, name)) => (Cell::owned(id.to_string()), Cell::owned(name.as_str())),
        None => (Cell::None, Cell::None),
    };
    let text = |text: &Option<String>| text.clone().map_or(Cell::None, Cell::owned);
    vec![
        ("number", Cell::Int(event.number.into())),
        ("at", Cell::Time(event.at)),
        ("happened", Cell::time(event.happened_at)),
        ("event", Cell::owned(event.kind.as_str())),
        ("by", Cell::owned(event.author.as_str())),
        ("credential", name),
        ("credential_id", id),
        ("detail", text(&event.detail)),
        ("text", text(&event.text)),
        ("has_text", Cell::Flag(event.has_text)),
    ]
}

/// A day if it is one, else the moment to the minute.
fn minutes(at: Timestamp) -> String {
    match at.0.rem_euclid(86_400_000) {
        0 => at.day(),
        _ => at.to_string().chars().take(16).collect::<String>() + "Z",
    }
}
