//! What must hold of incidents before anything of them is believed (FORMAT.md, "Incidents").

use crate::error::{Error, Result};
use crate::vault::keys::Keys;
use crate::vault::store::{Db, EventRow, IncidentRow, LinkRow, VaultRow};
use crate::vault::tlv::{Hash, sha256};
use uuid::Uuid;

const DOMAIN: &[u8] = b"vault/incidents/v1";

/// The hash over no incident at all.
pub(in crate::vault) fn none() -> Hash {
    sha256(DOMAIN)
}

/// The hash over all incidents: id and tag, in order of number.
pub(in crate::vault) fn hash(db: &Db) -> Result<Hash> {
    let mut all = DOMAIN.to_vec();
    IncidentRow::each_tag(db, |id, tag| put(&mut all, id, &tag))?;
    Ok(sha256(&all))
}

/// The hash over the links of one incident: id of the credential and tag, in order of the id.
pub(super) fn links_hash(links: &[LinkRow]) -> Hash {
    let mut all = b"vault/incident-links/v1".to_vec();
    for link in links {
        put(&mut all, link.credential, &link.row_tag);
    }
    sha256(&all)
}

fn put(all: &mut Vec<u8>, id: Uuid, tag: &Hash) {
    all.extend_from_slice(id.as_bytes());
    all.extend_from_slice(tag);
}

/// Checks that exactly those incidents are there that the vault's row commits to. Their tags are
/// checked one by one when they are used.
pub(super) fn check_set(db: &Db, vault: &VaultRow) -> Result<()> {
    match hash(db)? == vault.incidents {
        true => Ok(()),
        false => {
            Err(broken("the vault's incidents were changed, removed or put back from outside"))
        }
    }
}

/// Checks one incident's tag.
pub(super) fn check_tag(row: &IncidentRow, vault: &VaultRow, keys: &Keys) -> Result<()> {
    match keys.row.verify(row.message(vault).as_bytes(), &row.row_tag) {
        true => Ok(()),
        false => Err(changed(row)),
    }
}

/// Checks the tags of all incidents: of one that was changed, nobody knows whether it would fit a
/// filter.
pub(super) fn check_tags(db: &Db, vault: &VaultRow, keys: &Keys) -> Result<()> {
    check_set(db, vault)?;
    IncidentRow::each(db, |row| check_tag(&row, vault, keys))
}

/// The links of an incident; with keys, checked.
pub(super) fn links(
    db: &Db,
    vault: &VaultRow,
    keys: Option<&Keys>,
    row: &IncidentRow,
) -> Result<Vec<LinkRow>> {
    let links = LinkRow::of(db, row.number)?;
    let Some(keys) = keys else { return Ok(links) };
    let genuine = |link: &LinkRow| keys.row.verify(link.message(vault).as_bytes(), &link.row_tag);
    match links.iter().all(genuine) && links_hash(&links) == row.links {
        true => Ok(links),
        false => Err(changed(row)),
    }
}

/// The timeline of an incident, the first event first; with keys, checked: each hangs on the one
/// before it, and the incident names the last one.
pub(super) fn events(
    db: &Db,
    vault: &VaultRow,
    keys: Option<&Keys>,
    row: &IncidentRow,
) -> Result<Vec<EventRow>> {
    let mut events: Vec<EventRow> = Vec::new();
    EventRow::each(db, row.number, |event| {
        if let Some(keys) = keys {
            let follows = usize::try_from(event.number).ok() == Some(events.len() + 1)
                && event.previous == events.last().map(|last| last.row_tag)
                && keys.row.verify(event.message(vault).as_bytes(), &event.row_tag);
            if !follows {
                return Err(changed(row));
            }
        }
        events.push(event);
        Ok(())
    })?;
    let complete = usize::try_from(row.events).ok() == Some(events.len())
        && row.last_event == events.last().map(|last| last.row_tag);
    match complete || keys.is_none() {
        true => Ok(events),
        false => Err(changed(row)),
    }
}

/// Checks every incident with all that belongs to it. Returns how many there are.
pub(in crate::vault) fn check_all(db: &Db, vault: &VaultRow, keys: &Keys) -> Result<i64> {
    check_set(db, vault)?;
    let (mut incidents, mut parts) = (0, (0, 0));
    IncidentRow::each(db, |row| {
        check_tag(&row, vault, keys)?;
        parts.0 += events(db, vault, Some(keys), &row)?.len();
        parts.1 += links(db, vault, Some(keys), &row)?.len();
        incidents += 1;
        Ok(())
    })?;
    let count = |n: i64| usize::try_from(n).unwrap_or_default();
    match parts == (count(EventRow::count(db)?), count(LinkRow::count(db)?)) {
        true => Ok(incidents),
        false => Err(broken("there are events or links that belong to no incident")),
    }
}

pub(super) fn changed(row: &IncidentRow) -> Error {
    broken(&format!("incident {} was changed from outside", row.number))
}

fn broken(what: &str) -> Error {
    Error::integrity(what)
        .hint("restore the vault from a backup; `vault doctor` names what is wrong")
}
