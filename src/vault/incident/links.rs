//! Which credentials an incident has to do with, and what was done about them since.

use super::change::{Happening, Work};
use super::view::{LinkChange, LinkState, Linked, Note};
use crate::error::{Error, ErrorKind, Result};
use crate::model::incident::{Exposure, IncidentNumber};
use crate::model::{CredName, Timestamp};
use crate::vault::keys::Keys;
use crate::vault::store::{CredentialRow, Head, IncidentRow, LinkRow, SecretRow};
use crate::vault::tx::Tx;
use crate::vault::{Unlocked, Vault, check, lookup, state, versions};

impl Vault<Unlocked> {
    /// Links credentials to an incident, or changes what they have to do with it. Logged as
    /// `incident_link` for each. Returns how many links are new or were changed.
    ///
    /// # Errors
    /// Not found (10) for one that is not there, refused (14) for an exposure that is not true yet;
    /// integrity (15), I/O (18). Nothing is linked then.
    pub fn link_incident(
        &mut self,
        number: IncidentNumber,
        names: &[CredName],
        change: &LinkChange,
    ) -> Result<usize> {
        self.change_incident("incident_link", number, |work| {
            let mut links = work.links()?;
            let mut changed = 0;
            for name in names {
                changed += usize::from(link(work, &mut links, name, change)?);
            }
            if changed > 0 {
                work.put_links(links);
                work.finish()?;
            }
            Ok(changed)
        })
    }

    /// Takes credentials off an incident. Logged as `incident_unlink` for each.
    ///
    /// # Errors
    /// Not found (10) for one that is not linked; integrity (15), I/O (18). Nothing is changed then.
    pub fn unlink_incident(
        &mut self,
        number: IncidentNumber,
        names: &[CredName],
        note: &Note,
    ) -> Result<()> {
        self.change_incident("incident_unlink", number, |work| {
            let mut links = work.links()?;
            for name in names {
                let at = position(work, &links, name)?.ok_or_else(|| not_linked(number, name))?;
                let link = links.remove(at);
                let draft = work.draft().concerning(link.credential, name.as_str());
                let receipt = work.enter(draft)?;
                let event = Happening::new("unlink").about(link.credential, name.as_str());
                work.happened(event.note(note), &receipt)?;
                link.delete(work.tx.db())?;
            }
            work.put_links(links);
            work.finish()
        })
    }

    /// Writes down what a rotation for the sake of an incident came to. Logged as `incident_note`.
    ///
    /// # Errors
    /// Not found (10), integrity (15), I/O (18).
    pub fn enter_rotation(
        &mut self,
        number: IncidentNumber,
        name: &CredName,
        result: &str,
    ) -> Result<()> {
        self.change_incident("incident_note", number, |work| {
            let row = lookup::find(work.tx, Some(work.keys), name, false)?;
            let draft = work.draft().detail("event", "rotate").concerning(row.id, name.as_str());
            let receipt = work.enter(draft)?;
            let event = Happening::new("rotate").about(row.id, name.as_str()).detail(result);
            work.happened(event, &receipt)?;
            work.finish()
        })
    }
}

/// Links one credential, or changes its link. Whether there was anything to do.
fn link(
    work: &mut Work<'_, '_>,
    links: &mut Vec<LinkRow>,
    name: &CredName,
    change: &LinkChange,
) -> Result<bool> {
    let Some(at) = position(work, links, name)? else {
        let row = lookup::find(work.tx, Some(work.keys), name, false)?;
        let exposure = change.exposure.unwrap_or(Exposure::Unknown);
        links.push(put(work, &row, exposure)?);
        let at = links.len() - 1;
        alter(work, &mut links[at], name, &LinkChange { exposure: None, ..change.clone() })?;
        check_true(work, &links[at], change)?;
        return Ok(true);
    };
    alter(work, &mut links[at], name, change)
}

/// Changes a link that is there. Whether there was anything to change.
fn alter(
    work: &mut Work<'_, '_>,
    link: &mut LinkRow,
    name: &CredName,
    change: &LinkChange,
) -> Result<bool> {
    let now = work.tx.now();
    let mut said: Vec<(&'static str, String)> = Vec::new();
    if let Some(exposure) = change.exposure {
        let took_back = takes_back(link, exposure);
        if took_back || exposure != link.exposure {
            let what = if took_back { ", neither verified nor waived any more" } else { "" };
            let (old, new) = (link.exposure.word(), exposure.word());
            said.push(("exposure", format!("{old} -> {new}{what}")));
        }
        link.exposure = exposure;
    }
    if change.verified {
        link.verified_at = Some(now);
        said.push(("verify", String::new()));
    }
    if change.waive.is_some() {
        link.waived_at = Some(now);
        said.push(("waive", String::new()));
    }
    check_true(work, link, change)?;
    for (kind, detail) in &said {
        let draft = work.draft().detail("event", *kind).concerning(link.credential, name.as_str());
        let receipt = work.enter(draft)?;
        let note =
            Note { text: change.waive.clone().filter(|_| *kind == "waive"), happened_at: None };
        let event = Happening::new(kind).about(link.credential, name.as_str());
        work.happened(event.detail(detail.as_str()).note(&note), &receipt)?;
    }
    if !said.is_empty() {
        work.write_link(link)?;
    }
    Ok(!said.is_empty())
}

/// Takes back what was said of a link, if it is said to be exposed after that. Whether there was
/// anything.
fn takes_back(link: &mut LinkRow, exposure: Exposure) -> bool {
    match exposure {
        Exposure::Unknown | Exposure::Exposed => {
            let said = (link.verified_at.take(), link.waived_at.take());
            said.0.is_some() || said.1.is_some()
        }
        Exposure::NotExposed | Exposure::Contained => false,
    }
}

/// Refuses to write down what is not so: that a value was replaced which was not.
pub(super) fn check_true(work: &Work<'_, '_>, link: &LinkRow, change: &LinkChange) -> Result<()> {
    if !change.verified && change.exposure != Some(Exposure::Contained) {
        return Ok(());
    }
    let linked = look(work.tx, Some(work.keys), &work.row, link)?;
    let (name, number) = (&linked.name, work.row.number);
    let refuse = |what: String| {
        let error = Error::new(ErrorKind::Refused, what);
        Err(ways_on(&[&linked], number).into_iter().fold(error, Error::hint))
    };
    if change.verified && !matches!(linked.state, LinkState::Verified(_)) {
        return refuse(format!("`{name}` cannot be verified: {}", linked.says()));
    }
    if change.exposure == Some(Exposure::Contained) && !linked.state.is_settled() {
        return refuse(format!("`{name}` is not contained: {}", linked.says()));
    }
    Ok(())
}

/// What can be done about some of its credentials, as commands.
pub(super) fn ways_on(links: &[&Linked], number: IncidentNumber) -> Vec<String> {
    let any = |what: fn(&LinkState) -> bool| links.iter().any(|link| what(&link.state));
    let rotated = |state: &LinkState| matches!(state, LinkState::Rotated(_));
    let ways = [
        (any(LinkState::needs_rotation), "rotate it: vault incident rotate INC"),
        (
            any(rotated),
            "when the new value works, and the old one does not: vault incident link INC NAME --verified",
        ),
        (
            any(|state| !state.is_settled()),
            "or say why not: vault incident link INC NAME --waive REASON",
        ),
        (
            any(LinkState::is_settled),
            "if it is exposed after all: vault incident link INC NAME --exposure exposed",
        ),
    ];
    let ways = ways.into_iter().filter(|(applies, _)| *applies);
    ways.map(|(_, way)| way.replace("INC", &number.to_string())).collect()
}

/// Links a credential that is not linked yet, with an entry and an event.
pub(super) fn put(
    work: &mut Work<'_, '_>,
    row: &CredentialRow,
    exposure: Exposure,
) -> Result<LinkRow> {
    let mut link = LinkRow {
        incident: work.row.number,
        credential: row.id,
        name: row.name.parse()?,
        exposure,
        linked_at: work.tx.now(),
        verified_at: None,
        waived_at: None,
        row_tag: [0; 32],
    };
    let draft = work.draft_of("incident_link").detail("exposure", exposure.word());
    let receipt = work.enter(draft.concerning(row.id, &row.name))?;
    let event = Happening::new("link").about(row.id, &row.name).detail(exposure.word());
    work.happened(event, &receipt)?;
    work.write_link(&mut link)?;
    Ok(link)
}

/// Where the link of a credential is: of the live one that has this name now, or else of one that was
/// called so.
fn position(work: &Work<'_, '_>, links: &[LinkRow], name: &CredName) -> Result<Option<usize>> {
    match lookup::find(work.tx, Some(work.keys), name, false) {
        Ok(row) => Ok(links.iter().position(|link| link.credential == row.id)),
        Err(e) if e.kind() == ErrorKind::NotFound => {
            Ok(links.iter().position(|link| link.name == *name))
        }
        Err(e) => Err(e),
    }
}

fn not_linked(number: IncidentNumber, name: &CredName) -> Error {
    Error::new(ErrorKind::NotFound, format!("`{name}` is not linked to {number}"))
        .hint(format!("vault incident show {number}"))
}

/// The live credentials of these names, checked.
pub(super) fn find_all<'n>(
    tx: &Tx<'_>,
    keys: &Keys,
    names: impl Iterator<Item = &'n CredName>,
) -> Result<Vec<CredentialRow>> {
    names.map(|name| lookup::find(tx, Some(keys), name, false)).collect()
}

/// What was done about a linked credential; with keys, all that it depends on is checked.
pub(super) fn look(
    tx: &Tx<'_>,
    keys: Option<&Keys>,
    incident: &IncidentRow,
    link: &LinkRow,
) -> Result<Linked> {
    let mut row = CredentialRow::by_id(tx.db(), link.credential, state::bucket(link.credential))?;
    if let (Some(row), Some(keys)) = (&mut row, keys) {
        check::check_credential(tx, keys, row)?;
    }
    if let (None, Some(keys)) = (&row, keys) {
        // that it is gone is only true if nobody took it away
        state::check_all(tx.db(), tx.vault(), keys)?;
    }
    let place = match &row {
        None => "purged",
        Some(row) if row.deleted_at.is_some() => "trash",
        Some(_) => "live",
    };
    let since = incident.meta.occurred_at.unwrap_or(incident.opened_at);
    Ok(Linked {
        credential: link.credential,
        name: row.as_ref().map_or_else(|| link.name.to_string(), |row| row.name.clone()),
        exposure: link.exposure,
        linked_at: link.linked_at,
        place,
        state: state_of(tx, keys, row.as_ref(), link, since)?,
    })
}

fn state_of(
    tx: &Tx<'_>,
    keys: Option<&Keys>,
    row: Option<&CredentialRow>,
    link: &LinkRow,
    since: Timestamp,
) -> Result<LinkState> {
    if let Some(at) = link.waived_at {
        return Ok(LinkState::Waived(at));
    }
    if link.exposure == Exposure::NotExposed {
        return Ok(LinkState::NotExposed);
    }
    let Some(row) = row else { return Ok(LinkState::Open) };
    let (mut left, mut last) = (Vec::new(), since);
    for head in row.heads.iter().filter(|head| head.field.as_str() != "notes") {
        let changed_at = changed_at(tx, keys, row, head)?;
        last = last.max(changed_at);
        if changed_at < since {
            left.push(head.field.to_string());
        }
    }
    let all = row.heads.iter().filter(|head| head.field.as_str() != "notes").count();
    if !left.is_empty() {
        let none = left.len() == all;
        return Ok(if none { LinkState::Open } else { LinkState::Partly(left) });
    }
    let tested = row.meta.last_verified_at.filter(|_| row.meta.verdict.as_deref() == Some("valid"));
    let verified = link.verified_at.max(tested).filter(|at| *at >= last);
    Ok(verified.map_or(LinkState::Rotated(last), LinkState::Verified))
}

/// Since when the current value of a field is the one it is. An older value that was brought back is
/// as old as it was; so is the first one that the vault got, which nobody replaced.
fn changed_at(
    tx: &Tx<'_>,
    keys: Option<&Keys>,
    row: &CredentialRow,
    head: &Head,
) -> Result<Timestamp> {
    let version: Option<SecretRow> = match keys {
        Some(keys) => Some(versions::checked(tx.db(), tx.vault(), keys, row, head)?),
        None => SecretRow::find(tx.db(), row.id, &head.field, head.version)?,
    };
    let is_new = |version: &SecretRow| match version.origin.as_str() {
        "rotate" => true,
        "rollback" => false,
        _ => version.version > 1,
    };
    let version = version.filter(is_new);
    Ok(version.map_or(Timestamp(i64::MIN), |version| version.created_at))
}

impl Linked {
    /// What was done about it, in words.
    #[must_use]
    pub fn says(&self) -> String {
        match &self.state {
            LinkState::Open if self.place == "purged" => "purged, but not waived".into(),
            LinkState::Open => "not rotated".into(),
            LinkState::Partly(left) => format!("not rotated: {}", left.join(", ")),
            LinkState::Rotated(_) => "rotated, but nobody says that the new value works".into(),
            LinkState::Verified(at) => format!("rotated and verified on {}", at.day()),
            LinkState::Waived(at) => format!("waived on {}", at.day()),
            LinkState::NotExposed => "not exposed".into(),
        }
    }
}
