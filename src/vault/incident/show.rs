//! Listing incidents, and showing one with all that belongs to it.

use super::view::{Incident, IncidentEvent, IncidentFilter, Listing};
use super::{check, links, not_found, texts};
use crate::error::Result;
use crate::model::incident::{Exposure, IncidentNumber};
use crate::vault::audit::{Draft, Receipt};
use crate::vault::canary;
use crate::vault::keys::Keys;
use crate::vault::lookup::check_state;
use crate::vault::store::{EventRow, IncidentRow, LinkRow, VaultRow};
use crate::vault::tx::Tx;
use crate::vault::{State, Vault};
use uuid::Uuid;

impl<S: State> Vault<S> {
    /// Lists incidents, the newest first, one call of `row` each; checked if unlocked. Logged as one
    /// `view`.
    ///
    /// # Errors
    /// Those of `row`, integrity (15), I/O (18).
    pub fn incidents(
        &mut self,
        filter: &IncidentFilter,
        row: &mut dyn FnMut(&Listing) -> Result<()>,
    ) -> Result<()> {
        let tx = self.begin()?;
        let _ = tx.append(Draft::new("view").detail("list", "incidents"))?;
        tx.commit()?;
        let keys = self.state.with().map(|with| with.keys);
        let core = &self.core;
        core.db.begin_read()?;
        let listed = VaultRow::load(&core.db).and_then(|vault| {
            if let Some(keys) = keys {
                check_state(core, keys, &vault)?;
                check::check_tags(&core.db, &vault, keys)?;
            }
            let wanted = filter.text.as_ref().map(|text| text.to_lowercase());
            IncidentRow::fitting(&core.db, filter, |found| {
                match wanted.as_ref().is_none_or(|wanted| says(&found, wanted)) {
                    true => row(&listing(found, keys.is_some())),
                    false => Ok(()),
                }
            })
        });
        core.db.roll_back();
        listed
    }

    /// One incident with its timeline and its credentials; checked and with its texts if unlocked.
    /// Logged as `view`.
    ///
    /// # Errors
    /// Not found (10), integrity (15), I/O (18).
    pub fn incident(&mut self, number: IncidentNumber) -> Result<Incident> {
        let keys = self.state.with().map(|with| with.keys);
        let done = Tx::begin(&mut self.core, self.state.with()).and_then(|tx| {
            let incident = show(&tx, keys, number)?;
            tx.commit()?;
            Ok(incident)
        });
        done.inspect_err(|e| self.note_incident_failure("view", Some(number), e))
    }

    /// The numbers and titles of all incidents, or of those in the trash, for completion: unlocks
    /// nothing, writes no entry.
    ///
    /// # Errors
    /// Integrity or I/O.
    pub fn incident_titles(&self, deleted: bool) -> Result<Vec<(IncidentNumber, String)>> {
        let mut titles = Vec::new();
        let filter = IncidentFilter { deleted, ..IncidentFilter::default() };
        IncidentRow::fitting(&self.core.db, &filter, |row| {
            titles.push((row.number, row.meta.title));
            Ok(())
        })?;
        Ok(titles)
    }

    /// The incident that came from `source`, if there is one: for opening none twice.
    ///
    /// # Errors
    /// Integrity or I/O.
    pub fn incident_from(&self, source: &str) -> Result<Option<IncidentNumber>> {
        IncidentRow::from_source(&self.core.db, source)
    }
}

/// The incidents that are open and have to do with a credential, and how exposed it is; with keys,
/// checked. Not those of a canary: whoever looks at one is not to see that it was noticed.
pub(in crate::vault) fn concerning(
    tx: &Tx<'_>,
    keys: Option<&Keys>,
    credential: Uuid,
) -> Result<Vec<(IncidentNumber, Exposure)>> {
    let (db, vault) = (tx.db(), tx.vault());
    let Some(keys) = keys else { return LinkRow::open_with(db, credential, canary::SOURCE) };
    check::check_set(db, vault)?;
    let mut open = Vec::new();
    IncidentRow::each(db, |row| {
        check::check_tag(&row, vault, keys)?;
        if row.status.is_open() && row.deleted_at.is_none() && row.source != canary::SOURCE {
            open.push(row);
        }
        Ok(())
    })?;
    let mut found = Vec::new();
    for row in open {
        let links = check::links(db, vault, Some(keys), &row)?;
        let link = links.into_iter().find(|link| link.credential == credential);
        found.extend(link.map(|link| (row.number, link.exposure)));
    }
    Ok(found)
}

fn show(tx: &Tx<'_>, keys: Option<&Keys>, number: IncidentNumber) -> Result<Incident> {
    let (db, vault) = (tx.db(), tx.vault());
    if keys.is_some() {
        check::check_set(db, vault)?;
    }
    let row = IncidentRow::find(db, number)?.ok_or_else(|| not_found(number, false))?;
    keys.map_or(Ok(()), |keys| check::check_tag(&row, vault, keys))?;
    let receipt = tx.append(Draft::incident("view", row.id, number))?;
    let mut linked = Vec::new();
    for link in check::links(db, vault, keys, &row)? {
        linked.push(links::look(tx, keys, &row, &link)?);
    }
    linked.sort_by(|a, b| a.name.cmp(&b.name));
    let mut events = Vec::new();
    for event in check::events(db, vault, keys, &row)? {
        events.push(view(vault, keys, &row, event, &receipt)?);
    }
    let texts = keys.map(|keys| texts::open(vault, keys, &row, &receipt)).transpose()?;
    Ok(Incident { listing: listing(row, keys.is_some()), texts, events, links: linked })
}

fn view(
    vault: &VaultRow,
    keys: Option<&Keys>,
    row: &IncidentRow,
    event: EventRow,
    receipt: &Receipt<'_>,
) -> Result<IncidentEvent> {
    let text = match keys {
        Some(keys) => texts::open_note(vault, keys, row, &event, receipt)?,
        None => None,
    };
    Ok(IncidentEvent {
        number: event.number,
        at: event.at,
        happened_at: event.happened_at,
        kind: event.kind,
        author: event.author,
        credential: event.credential,
        detail: event.detail,
        text,
        has_text: event.sealed.is_some(),
    })
}

fn listing(row: IncidentRow, verified: bool) -> Listing {
    Listing {
        number: row.number,
        id: row.id,
        meta: row.meta,
        status: row.status,
        outcome: row.outcome,
        source: row.source,
        opened_at: row.opened_at,
        contained_at: row.contained_at,
        resolved_at: row.resolved_at,
        updated_at: row.updated_at,
        deleted_at: row.deleted_at,
        revision: row.revision,
        verified,
    }
}

/// Whether a text stands in what can be read of an incident, whatever its case.
fn says(row: &IncidentRow, wanted: &str) -> bool {
    let meta = &row.meta;
    [
        Some(&meta.title),
        meta.client.as_ref(),
        meta.service.as_ref(),
        meta.infra.as_ref(),
        meta.owner.as_ref(),
    ]
    .into_iter()
    .flatten()
    .any(|text| text.to_lowercase().contains(wanted))
}
