//! What a report says, whatever its form.

use super::super::tables::{self, Row, hex, text};
use crate::cli::audit::checkpoint_item;
use crate::cli::html::shown;
use crate::cli::report::Cell;
use crate::model::Timestamp;
use crate::model::incident::{IncidentNumber, IncidentOutcome};
use crate::vault::{
    Checkpoint, Dossier, Entry, Evidence, Incident, IncidentEvent, LogVerdict, PublicKey, Tick,
};

/// What a report says.
pub struct Content {
    /// `INC-7`.
    pub number: IncidentNumber,
    /// Its title.
    pub title: String,
    /// What stands in clear of the incident, and who made the report.
    pub facts: Row,
    /// What people wrote at length, under their headings.
    pub texts: Vec<(&'static str, Option<String>)>,
    /// Tickets, mails, pages.
    pub references: Vec<String>,
    /// What is to be done.
    pub steps: Vec<Row>,
    /// What it has to do with which credential, in words and in full.
    pub credentials: (Vec<Row>, Vec<Row>),
    /// What happened, in order.
    pub timeline: Vec<Row>,
    /// From when until when the log was looked at.
    pub window: (Timestamp, Timestamp),
    /// What verifying the log found, or why it is not intact.
    pub log: Result<LogVerdict, String>,
    /// What the log says of that time.
    pub entries: Vec<Row>,
    /// The last signed head of the log, and what checks it.
    pub checkpoint: Option<(Checkpoint, PublicKey)>,
}

impl Content {
    /// What a report says.
    pub fn of(dossier: Dossier) -> Self {
        let facts = facts(&dossier);
        let Dossier { incident, evidence, .. } = dossier;
        let Evidence { since, until, log, entries, checkpoint } = evidence;
        let steps = steps(&incident);
        let timeline = timeline(&incident, &entries);
        let words = incident.links.iter().map(tables::linked_in_words).collect();
        let full = incident.links.iter().map(tables::linked).collect();
        let texts = incident.texts.unwrap_or_default();
        Self {
            number: incident.listing.number,
            title: incident.listing.meta.title,
            facts,
            texts: vec![
                ("description", texts.description),
                ("findings", texts.findings),
                ("remediation", texts.remediation),
            ],
            references: texts.references,
            steps,
            credentials: (words, full),
            timeline,
            window: (since, until),
            log,
            entries: entries.iter().map(entry).collect(),
            checkpoint,
        }
    }

    /// All of it for programs.
    pub fn item(&self) -> Row {
        let mut item: Row = self.facts.iter().map(|(key, cell)| (*key, copied(cell))).collect();
        item.extend(self.texts.iter().map(|(key, said)| (*key, text(said.as_deref()))));
        let references = self.references.iter().map(|reference| reference.clone().into());
        let log = match &self.log {
            Ok(log) => tables::verdict(log),
            Err(why) => Cell::Map(vec![
                ("intact".to_owned(), Cell::Flag(false)),
                ("why".to_owned(), Cell::owned(why.as_str())),
            ]),
        };
        item.extend([
            ("references", Cell::List(references.collect())),
            ("steps", rows(&self.steps)),
            ("credentials", rows(&self.credentials.1)),
            ("timeline", rows(&self.timeline)),
            ("since", Cell::Time(self.window.0)),
            ("until", Cell::Time(self.window.1)),
            ("log", log),
            ("checkpoint", self.checkpoint.as_ref().map_or(Cell::None, signed)),
            ("entries", rows(&self.entries)),
        ]);
        item
    }

    /// The note that the vault has signed, and the key that checks it.
    pub fn note(&self) -> Option<(String, String)> {
        self.checkpoint.as_ref().map(|(note, key)| (note.text(key), key.text()))
    }

    /// Above the entries: of which time they are.
    pub fn log_heading(&self) -> String {
        let (since, until) = (Cell::Time(self.window.0), Cell::Time(self.window.1));
        format!("Log from {} to {}", shown(&since), shown(&until))
    }

    /// What was found about the log as facts for people, or why nobody may rely on it.
    pub fn proof(&self) -> Result<Vec<(&'static str, String)>, &str> {
        let log = self.log.as_ref().map_err(String::as_str)?;
        let marks = match log.authenticated {
            true => "every entry was written by this program, in this order",
            false => "some entries have no mark: anyone who can write the file may have made them",
        };
        let complete = match log.complete_to {
            Some(seq) => format!("up to entry {seq}, as the seal of this machine attests"),
            None => "not known: this machine has no seal of the vault".into(),
        };
        let mut proof = vec![
            ("intact", marks.to_owned()),
            ("entries in the log", log.entries.to_string()),
            ("last entry", log.last.to_string()),
            ("head", hex(&log.head)),
            ("complete", complete),
        ];
        proof.extend(self.checkpoint.as_ref().map(|(note, _)| {
            let (seq, at) = (note.head.seq, note.head.at);
            ("signed", format!("up to entry {seq}, on {}", at.day()))
        }));
        proof.extend(log.gaps.iter().map(|gap| ("gap", gap.clone())));
        Ok(proof)
    }
}

fn signed((note, key): &(Checkpoint, PublicKey)) -> Cell<'static> {
    let item = checkpoint_item(note, key).into_iter();
    Cell::Map(item.map(|(key, cell)| (key.to_owned(), cell)).collect())
}

fn rows(rows: &[Row]) -> Cell<'static> {
    let row = |row: &Row| row.iter().map(|(key, cell)| (*key, copied(cell))).collect();
    Cell::Rows(rows.iter().map(row).collect())
}

/// The same cell once more. No secret is in a report.
fn copied(cell: &Cell<'static>) -> Cell<'static> {
    match cell {
        Cell::Text(text) => Cell::Text(text.clone()),
        Cell::Int(number) | Cell::Bar { count: number, .. } => Cell::Int(*number),
        Cell::Flag(flag) => Cell::Flag(*flag),
        Cell::Time(at) => Cell::Time(*at),
        Cell::List(items) => Cell::List(items.clone()),
        Cell::Map(pairs) => {
            Cell::Map(pairs.iter().map(|(key, cell)| (key.clone(), copied(cell))).collect())
        }
        Cell::Rows(inner) => rows(inner),
        Cell::Secret(_) | Cell::Hidden => Cell::Hidden,
        Cell::None => Cell::None,
    }
}

fn facts(dossier: &Dossier) -> Row {
    let listing = &dossier.incident.listing;
    let meta = &listing.meta;
    let made_by = format!("{} on {}", dossier.made_by, dossier.made_on);
    vec![
        ("incident", Cell::owned(listing.number.to_string())),
        ("title", Cell::owned(meta.title.as_str())),
        ("type", Cell::Text(meta.kind.word().into())),
        ("severity", Cell::Text(meta.severity.word().into())),
        ("status", Cell::Text(listing.status.word().into())),
        ("outcome", text(listing.outcome.map(IncidentOutcome::word))),
        ("client", text(meta.client.as_deref())),
        ("service", text(meta.service.as_deref())),
        ("infra", text(meta.infra.as_deref())),
        ("owner", text(meta.owner.as_deref())),
        ("occurred", Cell::time(meta.occurred_at)),
        ("detected", Cell::time(meta.detected_at)),
        ("opened", Cell::Time(listing.opened_at)),
        ("contained", Cell::time(listing.contained_at)),
        ("resolved", Cell::time(listing.resolved_at)),
        ("source", Cell::owned(listing.source.as_str())),
        ("id", Cell::owned(listing.id.to_string())),
        ("made", Cell::Time(dossier.made_at)),
        ("made_by", Cell::owned(made_by)),
    ]
}

fn steps(incident: &Incident) -> Vec<Row> {
    let step = |step: &crate::vault::TodoState<'_>| {
        let (at, by) = match step.tick {
            None => (None, None),
            Some(Tick::ByHand { at, by }) => (Some(at), Some(by)),
            Some(Tick::ByItself { at }) => (Some(at), Some("the vault")),
        };
        vec![
            ("step", Cell::owned(step.todo.text.as_str())),
            ("done", Cell::time(at)),
            ("by", text(by)),
        ]
    };
    incident.steps().iter().map(step).collect()
}

/// The events of the incident, and what the log says of its credentials, by time.
fn timeline(incident: &Incident, entries: &[Entry]) -> Vec<Row> {
    let of_credentials = entries.iter().filter(|entry| is_telling(entry));
    let entries = of_credentials.map(|entry| (entry.at, happened(entry)));
    let events = incident.events.iter();
    let events = events.map(|event| (event.happened_at.unwrap_or(event.at), noted(event)));
    let mut all: Vec<(Timestamp, Row)> = events.chain(entries).collect();
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, row)| row).collect()
}

/// Whether it tells more than that somebody looked, or what the incident's own timeline says.
fn is_telling(entry: &Entry) -> bool {
    entry.name.is_some() && entry.action != "view" && !entry.action.starts_with("incident_")
}

fn noted(event: &IncidentEvent) -> Row {
    let what = match tables::detail(event) {
        Some(detail) => format!("{}: {detail}", event.kind),
        None => event.kind.clone(),
    };
    vec![
        ("at", Cell::Time(event.happened_at.unwrap_or(event.at))),
        ("what", Cell::owned(what)),
        ("credential", text(event.credential.as_ref().map(|(_, name)| name.as_str()))),
        ("who", Cell::owned(event.author.as_str())),
        ("text", text(event.text.as_deref())),
        ("written", Cell::time(event.happened_at.map(|_| event.at))),
        ("entry", Cell::None),
    ]
}

fn happened(entry: &Entry) -> Row {
    let what = match entry.outcome.as_str() {
        "ok" => entry.action.clone(),
        outcome => format!("{} ({outcome})", entry.action),
    };
    let program = entry.program.as_ref().map(|program| format!(" with {program}"));
    let command = entry.detail("command").map(|command| format!(" to {command}"));
    let (program, command) = (program.unwrap_or_default(), command.unwrap_or_default());
    let who = format!("{} on {}{program}{command}", entry.user, entry.host);
    vec![
        ("at", Cell::Time(entry.at)),
        ("what", Cell::owned(what)),
        ("credential", text(entry.name.as_deref())),
        ("who", Cell::owned(who)),
        ("text", text(entry.reason.as_deref())),
        ("written", Cell::None),
        ("entry", Cell::Int(entry.seq)),
    ]
}

fn entry(entry: &Entry) -> Row {
    vec![
        ("seq", Cell::Int(entry.seq)),
        ("at", Cell::Time(entry.at)),
        ("action", Cell::owned(entry.action.as_str())),
        ("outcome", Cell::owned(entry.outcome.as_str())),
        ("name", text(entry.name.as_deref())),
        ("fields", Cell::List(entry.fields.iter().map(|field| field.clone().into()).collect())),
        ("user", Cell::owned(entry.user.as_str())),
        ("host", Cell::owned(entry.host.as_str())),
        ("remote", text(entry.remote.as_deref())),
        ("program", text(entry.program.as_deref())),
        ("command", text(entry.detail("command").as_deref())),
        ("reason", text(entry.reason.as_deref())),
        ("hash", Cell::owned(hex(&entry.hash))),
    ]
}
