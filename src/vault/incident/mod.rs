//! Verbs on incidents: each one transaction with its log entry, its event in the timeline, and all
//! incidents checked before.

mod blast;
mod change;
pub(super) mod check;
mod evidence;
mod links;
mod reach;
mod renew;
mod show;
mod texts;
mod todo;
mod view;

pub use reach::{Blast, Dossier, Evidence, Near, Use, Window};
pub use todo::{Tick, TodoState};
pub use view::{
    Incident, IncidentEvent, IncidentFilter, LinkChange, LinkState, Linked, Listing, NewIncident,
    Note,
};

pub(super) use change::{Happening, Opening, note_in, open_in, opened_from};
pub(super) use renew::renew;
pub(super) use show::concerning;

use super::audit::Draft;
use super::keys::Keys;
use super::private::Keyring;
use super::tx::Tx;
use super::{State, Unlocked, Vault};
use crate::error::{Error, ErrorKind, Result};
use crate::model::incident::{
    IncidentMeta, IncidentNumber, IncidentOutcome, IncidentStatus, IncidentTexts, Step,
};
use change::Work;

impl Vault<Unlocked> {
    /// Opens an incident. Logged as `incident_open`, and as `incident_link` for each credential.
    ///
    /// # Errors
    /// Usage (2) for what cannot be, not found (10) for a credential that is not there, integrity (15),
    /// I/O (18).
    pub fn open_incident(&mut self, new: &NewIncident) -> Result<IncidentNumber> {
        self.incident_verb("incident_open", None, |tx, keys| {
            new.meta.check(tx.now())?;
            let rows = links::find_all(tx, keys, new.links.iter().map(|(name, _)| name))?;
            let links = rows.iter().zip(&new.links).map(|(row, (_, exposure))| (row, *exposure));
            let opening = Opening {
                meta: &new.meta,
                texts: &new.texts,
                source: &new.source,
                links: links.collect(),
                detail: None,
            };
            open_in(tx, keys, opening)
        })
    }

    /// Changes what an incident says from what it was seen to say. Logged as `incident_edit` with the
    /// names of what changed. Returns them; none if nothing did.
    ///
    /// # Errors
    /// Usage (2) for what cannot be, conflict (13) when it has changed since, not found (10), integrity
    /// (15), I/O (18).
    pub fn edit_incident(
        &mut self,
        seen: &Incident,
        meta: IncidentMeta,
        texts: &IncidentTexts,
    ) -> Result<Vec<&'static str>> {
        let (number, revision) = (seen.listing.number, seen.listing.revision);
        let changed = differences(seen, &meta, texts);
        if changed.is_empty() {
            return Ok(changed);
        }
        self.change_incident("incident_edit", number, |work| {
            if work.row.revision != revision {
                return Err(moved(number));
            }
            meta.check(work.tx.now())?;
            let receipt = work.enter(work.draft().detail("changed", changed.join(",")))?;
            work.row.meta = meta;
            if seen.texts.as_ref() != Some(texts) {
                work.set_texts(texts, &receipt)?;
            }
            work.happened(Happening::new("edit").detail(changed.join(", ")), &receipt)?;
            work.finish()?;
            Ok(changed)
        })
    }

    /// Writes a note into the timeline. Logged as `incident_note`.
    ///
    /// # Errors
    /// Not found (10), integrity (15), I/O (18).
    pub fn note_incident(&mut self, number: IncidentNumber, note: &Note) -> Result<()> {
        self.change_incident("incident_note", number, |work| {
            let receipt = work.enter(work.draft())?;
            work.happened(Happening::new("note").note(note), &receipt)?;
            work.finish()
        })
    }

    /// Takes a step of the workflow. Logged as `incident_contain` and so on.
    ///
    /// # Errors
    /// Refused (14) for a step that does not lead on from here, and for resolving while a credential is
    /// exposed, with their names; usage (2) for a time before it occurred or after now; not found (10),
    /// integrity (15), I/O (18).
    pub fn step_incident(
        &mut self,
        number: IncidentNumber,
        step: Step,
        outcome: Option<IncidentOutcome>,
        note: &Note,
    ) -> Result<IncidentStatus> {
        self.change_incident(action(step), number, |work| {
            let status = work.row.status.after(step, number)?;
            let at = note.happened_at.unwrap_or_else(|| work.tx.now());
            if work.row.meta.occurred_at.is_some_and(|occurred| at < occurred) {
                return Err(Error::usage(
                    "this cannot have been done before the incident occurred",
                )
                .hint(format!("vault incident show {number}")));
            }
            if step == Step::Resolve {
                work.check_settled()?;
            }
            let mut draft = work.draft().detail("status", status.word());
            if let Some(outcome) = outcome {
                draft = draft.detail("outcome", outcome.word());
            }
            let receipt = work.enter(draft)?;
            let row = &mut work.row;
            row.status = status;
            row.outcome = outcome.or(row.outcome);
            match step {
                Step::Contain => row.contained_at = Some(at),
                Step::Resolve => row.resolved_at = Some(at),
                Step::Reopen => row.resolved_at = None,
                Step::Monitor => {}
            }
            let detail = outcome.map(IncidentOutcome::word).unwrap_or_default();
            work.happened(Happening::new(step.word()).detail(detail).note(note), &receipt)?;
            work.finish()?;
            Ok(status)
        })
    }

    /// Writes down that something was done which ticks a step off: the blast radius looked at, a report
    /// made. `kind` is the event's word. Logged as `incident_note`.
    ///
    /// # Errors
    /// Not found (10), integrity (15), I/O (18).
    pub fn enter_event(
        &mut self,
        number: IncidentNumber,
        kind: &'static str,
        detail: &str,
    ) -> Result<()> {
        self.change_incident("incident_note", number, |work| {
            let receipt = work.enter(work.draft().detail("event", kind))?;
            work.happened(Happening::new(kind).detail(detail), &receipt)?;
            work.finish()
        })
    }

    /// Does `work` on behalf of an incident: every entry until its end belongs to that.
    pub fn tied<T>(&mut self, number: IncidentNumber, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.core.purpose.incident.replace(number.to_string());
        let done = work(self);
        self.core.purpose.incident = before;
        done
    }

    /// Puts an incident into the trash. Logged as `incident_rm`.
    ///
    /// # Errors
    /// Not found (10), integrity (15), I/O (18).
    pub fn remove_incident(&mut self, number: IncidentNumber) -> Result<()> {
        self.change_incident("incident_rm", number, |work| {
            let receipt = work.enter(work.draft())?;
            work.row.deleted_at = Some(work.tx.now());
            work.happened(Happening::new("delete"), &receipt)?;
            work.finish()
        })
    }

    /// Takes an incident out of the trash. Logged as `incident_restore`.
    ///
    /// # Errors
    /// Not found (10), integrity (15), I/O (18).
    pub fn restore_incident(&mut self, number: IncidentNumber) -> Result<()> {
        self.incident_verb("incident_restore", Some(number), |tx, keys| {
            let mut work = Work::begin(tx, keys, "incident_restore", number, true)?;
            let receipt = work.enter(work.draft())?;
            work.row.deleted_at = None;
            work.happened(Happening::new("restore"), &receipt)?;
            work.finish()
        })
    }

    /// Runs `work` in a transaction and commits; a failure is logged on its own.
    fn incident_verb<T>(
        &mut self,
        action: &'static str,
        number: Option<IncidentNumber>,
        work: impl FnOnce(&Tx<'_>, &Keys) -> Result<T>,
    ) -> Result<T> {
        let keys = &self.state.keys;
        let done = Tx::begin(&mut self.core, self.state.with()).and_then(|tx| {
            let value = work(&tx, keys)?;
            tx.commit()?;
            Ok(value)
        });
        done.inspect_err(|e| self.note_incident_failure(action, number, e))
    }

    /// Finds an incident that is not in the trash, lets `work` change it, and commits.
    fn change_incident<T>(
        &mut self,
        action: &'static str,
        number: IncidentNumber,
        work: impl FnOnce(&mut Work<'_, '_>) -> Result<T>,
    ) -> Result<T> {
        self.incident_verb(action, Some(number), |tx, keys| {
            work(&mut Work::begin(tx, keys, action, number, false)?)
        })
    }
}

impl<S: State> Vault<S> {
    /// Notes a failed attempt on an incident.
    fn note_incident_failure(
        &mut self,
        action: &'static str,
        number: Option<IncidentNumber>,
        error: &Error,
    ) {
        let draft = Draft::new(action);
        let draft = number.map_or(draft.clone(), |number| draft.of(number));
        self.note_failure(draft, error);
    }
}

/// The word in the log for a step.
fn action(step: Step) -> &'static str {
    match step {
        Step::Contain => "incident_contain",
        Step::Monitor => "incident_monitor",
        Step::Resolve => "incident_resolve",
        Step::Reopen => "incident_reopen",
    }
}

fn moved(number: IncidentNumber) -> Error {
    let what = format!("incident {number} was changed by somebody else meanwhile");
    Error::new(ErrorKind::Conflict, what).hint(format!("vault incident show {number}"))
}

pub(super) fn not_found(number: IncidentNumber, deleted: bool) -> Error {
    let place = if deleted { " in the trash" } else { "" };
    let list = if deleted { "vault incident list --deleted" } else { "vault incident list" };
    Error::new(ErrorKind::NotFound, format!("no incident {number}{place}")).hint(list)
}

/// The names of what differs.
fn differences(seen: &Incident, new: &IncidentMeta, texts: &IncidentTexts) -> Vec<&'static str> {
    let (old, no_texts) = (&seen.listing.meta, IncidentTexts::default());
    let old_texts = seen.texts.as_ref().unwrap_or(&no_texts);
    [
        ("title", old.title != new.title),
        ("type", old.kind != new.kind),
        ("severity", old.severity != new.severity),
        ("client", old.client != new.client),
        ("service", old.service != new.service),
        ("infra", old.infra != new.infra),
        ("owner", old.owner != new.owner),
        ("occurred_at", old.occurred_at != new.occurred_at),
        ("detected_at", old.detected_at != new.detected_at),
        ("description", old_texts.description != texts.description),
        ("findings", old_texts.findings != texts.findings),
        ("remediation", old_texts.remediation != texts.remediation),
        ("references", old_texts.references != texts.references),
        ("steps", old_texts.todos != texts.todos),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}
