//! `vault incident list`.

use super::words;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render::Format;
use crate::cli::report::{Cell, Column, Report, Sink};
use crate::error::Result;
use crate::model::incident::{IncidentOutcome, IncidentStatus, IncidentType, Severity};
use crate::vault::{IncidentFilter, Listing, State, Vault};
use clap_complete::engine::ArgValueCompleter;

/// List incidents, without unlocking
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault incident list
  vault incident list --open --severity critical
  vault incident list --client acme --type credential_leak --json
  vault incident list --cred vpn/alice
  vault incident list --search laptop --unlock

The newest comes first.")]
pub struct Args {
    /// Only of this client
    #[arg(long, value_name = "TEXT")]
    client: Option<String>,
    /// Only at this service
    #[arg(long, value_name = "TEXT")]
    service: Option<String>,
    /// Only on this system
    #[arg(long, value_name = "TEXT")]
    infra: Option<String>,
    /// Only those that this person deals with
    #[arg(long, value_name = "TEXT")]
    owner: Option<String>,
    /// Only of this type
    #[arg(long = "type", value_name = "TYPE", value_parser = words::types())]
    kind: Option<IncidentType>,
    /// Only of this severity
    #[arg(long, value_name = "SEVERITY", value_parser = words::severities())]
    severity: Option<Severity>,
    /// Only of this status
    #[arg(long, value_name = "STATUS", value_parser = words::statuses())]
    status: Option<IncidentStatus>,
    /// Only those that are not resolved
    #[arg(long)]
    open: bool,
    /// Only those that are resolved
    #[arg(long, conflicts_with = "open")]
    closed: bool,
    /// Only those that have to do with this credential
    #[arg(long, value_name = "NAME", add = ArgValueCompleter::new(complete::names))]
    cred: Option<String>,
    /// Only those with this text in title, client, service, system or owner; sealed texts are not
    /// searched
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Those in the trash
    #[arg(long)]
    deleted: bool,
    /// Unlock, and check against the vault's keys what is listed
    #[arg(long)]
    unlock: bool,
}

impl Args {
    /// Whether it needs the keys.
    pub(super) fn is_for_agent(&self) -> bool {
        self.unlock
    }
}

/// Lists them.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let unlock = args.unlock;
    let filter = args.filter();
    let empty = match filter == IncidentFilter::default() {
        true => "no incidents yet; open the first: vault incident open TITLE",
        false => "no incidents, or none that fit",
    };
    let listed = match unlock {
        true => all(cx.unlocked()?, &filter)?,
        false => all(cx.locked()?, &filter)?,
    };
    Ok(match cx.format() {
        Format::Json => {
            let rows =
                move |sink: &mut Sink<'_>| listed.iter().try_for_each(|one| sink(&everything(one)));
            Report::Table { columns: EVERYTHING.into(), rows: Box::new(rows), empty }
        }
        Format::Plain => {
            let rows =
                move |sink: &mut Sink<'_>| listed.iter().try_for_each(|one| sink(&usual(one)));
            Report::Table { columns: USUAL.into(), rows: Box::new(rows), empty }
        }
        Format::Table => for_people(listed, empty),
    })
}

/// In few and narrow columns: the day it was opened, and what none of them has is left out.
fn for_people(listed: Vec<Listing>, empty: &'static str) -> Report {
    let has = |at: usize| listed.iter().any(|one| !matches!(usual(one)[at], Cell::None));
    let kept: Vec<usize> = (0..USUAL.len()).filter(|at| has(*at)).collect();
    let columns: Vec<Column> = kept.iter().map(|at| column(USUAL[*at].name)).collect();
    let rows = move |sink: &mut Sink<'_>| {
        listed.iter().try_for_each(|one| {
            let mut cells = usual(one).map(Some);
            let kept = kept.iter().filter_map(|at| cells[*at].take());
            let short = |cell| match cell {
                Cell::Time(at) => Cell::owned(at.day()),
                other => other,
            };
            sink(&kept.map(short).collect::<Vec<_>>())
        })
    };
    Report::Table { columns: columns.into(), rows: Box::new(rows), empty }
}

impl Args {
    fn filter(self) -> IncidentFilter {
        let open = self.open.then_some(true).or(self.closed.then_some(false));
        IncidentFilter {
            kind: self.kind,
            severity: self.severity,
            status: self.status,
            open,
            client: self.client,
            service: self.service,
            infra: self.infra,
            owner: self.owner,
            credential: self.cred,
            text: self.search.filter(|text| !text.is_empty()),
            deleted: self.deleted,
        }
    }
}

/// Incidents are few: what is written about them later need not be streamed.
fn all<S: State>(mut vault: Vault<S>, filter: &IncidentFilter) -> Result<Vec<Listing>> {
    let mut listed = Vec::new();
    vault.incidents(filter, &mut |one| {
        listed.push(one.clone());
        Ok(())
    })?;
    Ok(listed)
}

fn usual(one: &Listing) -> [Cell<'_>; 8] {
    [
        Cell::owned(one.number.to_string()),
        Cell::text(Some(&one.meta.title)),
        Cell::text(Some(one.meta.kind.word())),
        Cell::text(Some(one.meta.severity.word())),
        Cell::text(Some(one.status.word())),
        Cell::Time(one.opened_at),
        Cell::text(one.meta.client.as_deref()),
        Cell::text(one.meta.owner.as_deref()),
    ]
}

fn everything(one: &Listing) -> [Cell<'_>; 21] {
    let [number, title, kind, severity, status, opened, client, owner] = usual(one);
    [
        number,
        title,
        kind,
        severity,
        status,
        Cell::text(one.outcome.map(IncidentOutcome::word)),
        client,
        Cell::text(one.meta.service.as_deref()),
        Cell::text(one.meta.infra.as_deref()),
        owner,
        Cell::text(Some(&one.source)),
        Cell::time(one.meta.occurred_at),
        Cell::time(one.meta.detected_at),
        opened,
        Cell::time(one.contained_at),
        Cell::time(one.resolved_at),
        Cell::Time(one.updated_at),
        Cell::time(one.deleted_at),
        Cell::Int(one.revision.into()),
        Cell::owned(one.id.to_string()),
        Cell::Flag(one.verified),
    ]
}

const fn column(name: &'static str) -> Column {
    Column { name }
}

const USUAL: &[Column] = &[
    column("number"),
    column("title"),
    column("type"),
    column("severity"),
    column("status"),
    column("opened"),
    column("client"),
    column("owner"),
];

/// JSON has every column.
const EVERYTHING: &[Column] = &[
    column("number"),
    column("title"),
    column("type"),
    column("severity"),
    column("status"),
    column("outcome"),
    column("client"),
    column("service"),
    column("infra"),
    column("owner"),
    column("source"),
    column("occurred"),
    column("detected"),
    column("opened"),
    column("contained"),
    column("resolved"),
    column("updated"),
    column("deleted"),
    column("revision"),
    column("id"),
    column("verified"),
];
