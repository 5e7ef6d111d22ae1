//! How an incident is changed: checked, entered in the log, written into the timeline, tagged anew.

use super::check::{self, links_hash};
use super::view::{LinkChange, Note};
use super::{links, not_found, texts};
use crate::error::{Error, ErrorKind, Result};
use crate::model::incident::{
    Exposure, IncidentMeta, IncidentNumber, IncidentStatus, IncidentTexts,
};
use crate::vault::audit::{Draft, Receipt};
use crate::vault::keys::Keys;
use crate::vault::store::{CredentialRow, EventRow, IncidentRow, LinkRow};
use crate::vault::tx::Tx;
use uuid::Uuid;

/// One incident while it is changed.
pub(in crate::vault) struct Work<'t, 'v> {
    pub(super) tx: &'t Tx<'v>,
    pub(super) keys: &'t Keys,
    pub(super) row: IncidentRow,
    action: &'static str,
}

/// An event to be written into the timeline.
#[derive(Default)]
pub(in crate::vault) struct Happening {
    kind: &'static str,
    credential: Option<(Uuid, String)>,
    detail: Option<String>,
    note: Note,
}

impl Happening {
    pub(in crate::vault) fn new(kind: &'static str) -> Self {
        Self { kind, ..Self::default() }
    }

    pub(in crate::vault) fn about(mut self, id: Uuid, name: &str) -> Self {
        self.credential = Some((id, name.to_owned()));
        self
    }

    /// In a few words of ours; empty for none.
    pub(in crate::vault) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into()).filter(|detail| !detail.is_empty());
        self
    }

    pub(super) fn note(mut self, note: &Note) -> Self {
        self.note = note.clone();
        self
    }
}

impl<'t, 'v> Work<'t, 'v> {
    /// Takes up an incident for a change, all of them checked.
    pub(super) fn begin(
        tx: &'t Tx<'v>,
        keys: &'t Keys,
        action: &'static str,
        number: IncidentNumber,
        deleted: bool,
    ) -> Result<Self> {
        check::check_set(tx.db(), tx.vault())?;
        let found = IncidentRow::find(tx.db(), number)?;
        let row = found.ok_or_else(|| not_found(number, false))?;
        check::check_tag(&row, tx.vault(), keys)?;
        match row.deleted_at.is_some() == deleted {
            true => Ok(Self { tx, keys, row, action }),
            false => Err(not_found(number, deleted)),
        }
    }

    /// The entry for what is being done.
    pub(super) fn draft(&self) -> Draft {
        self.draft_of(self.action)
    }

    /// The entry for another action that is part of it.
    pub(super) fn draft_of(&self, action: &'static str) -> Draft {
        Draft::incident(action, self.row.id, self.row.number)
    }

    /// Appends an entry of this change.
    pub(super) fn enter(&self, draft: Draft) -> Result<Receipt<'t>> {
        self.tx.append_change(draft)
    }

    /// The links there are, checked.
    pub(super) fn links(&self) -> Result<Vec<LinkRow>> {
        check::links(self.tx.db(), self.tx.vault(), Some(self.keys), &self.row)
    }

    /// Puts other links in the place of those there are; `changed` are those that are new or other.
    pub(super) fn put_links(&mut self, mut links: Vec<LinkRow>) {
        links.sort_by_key(|link| link.credential);
        self.row.links = links_hash(&links);
    }

    /// Tags a link and writes it.
    pub(super) fn write_link(&self, link: &mut LinkRow) -> Result<()> {
        link.row_tag = self.keys.row.tag(link.message(self.tx.vault()).as_bytes());
        link.delete(self.tx.db())?;
        link.insert(self.tx.db())
    }

    /// Seals other texts in the place of those there are.
    pub(super) fn set_texts(&mut self, texts: &IncidentTexts, receipt: &Receipt<'_>) -> Result<()> {
        self.row.version += 1;
        self.row.sealed = texts::seal(self.tx.vault(), self.keys, &self.row, texts, receipt)?;
        Ok(())
    }

    /// Writes an event into the timeline.
    ///
    /// # Errors
    /// Usage (2) for something that happens in the future.
    pub(super) fn happened(&mut self, event: Happening, receipt: &Receipt<'_>) -> Result<()> {
        let (tx, row, now) = (self.tx, &mut self.row, self.tx.now());
        if event.note.happened_at.is_some_and(|at| at > now) {
            return Err(Error::usage("what has not happened yet cannot be written down"));
        }
        let number = row.events + 1;
        let sealed = match &event.note.text {
            Some(text) => {
                Some(texts::seal_note(tx.vault(), self.keys, row, number, text, receipt)?)
            }
            None => None,
        };
        let mut event = EventRow {
            incident: row.number,
            number,
            at: now,
            happened_at: event.note.happened_at,
            kind: event.kind.to_owned(),
            author: tx.author().0.to_owned(),
            credential: event.credential,
            detail: event.detail,
            previous: row.last_event,
            sealed,
            row_tag: [0; 32],
        };
        event.row_tag = self.keys.row.tag(event.message(tx.vault()).as_bytes());
        event.insert(tx.db())?;
        (row.events, row.last_event) = (number, Some(event.row_tag));
        Ok(())
    }

    /// Writes the incident as it is now.
    pub(super) fn finish(&mut self) -> Result<()> {
        let row = &mut self.row;
        row.revision += 1;
        row.updated_at = self.tx.now();
        row.row_tag = self.keys.row.tag(row.message(self.tx.vault()).as_bytes());
        self.tx.touch_incidents();
        row.replace(self.tx.db())
    }

    /// Refuses to go on while a credential is exposed and nothing was done about it.
    pub(super) fn check_settled(&self) -> Result<()> {
        let mut open = Vec::new();
        for link in self.links()? {
            let linked = links::look(self.tx, Some(self.keys), &self.row, &link)?;
            if !linked.state.is_settled() {
                open.push(linked);
            }
        }
        if open.is_empty() {
            return Ok(());
        }
        open.sort_by(|a, b| a.name.cmp(&b.name));
        let number = self.row.number;
        let what = match &open[..] {
            [one] => format!(
                "incident {number} has an exposed credential: `{}` ({})",
                one.name,
                one.says()
            ),
            _ => format!("incident {number} has {} exposed credentials", open.len()),
        };
        let error = Error::new(ErrorKind::Refused, what);
        let names: Vec<String> = open.iter().map(|one| one.name.clone()).collect();
        let shown = open.iter().take(10).map(|one| format!("`{}`: {}", one.name, one.says()));
        let error = match open.len() {
            1 => error,
            _ => shown.fold(error, Error::hint),
        };
        let rotate = format!("rotate them: vault incident rotate {number}");
        let verify =
            format!("say that new values work: vault incident link {number} NAME --verified");
        let (to_rotate, rotated): (Vec<_>, Vec<_>) =
            open.iter().partition(|one| one.state.needs_rotation());
        let fitting = [(rotate, !to_rotate.is_empty()), (verify, !rotated.is_empty())];
        let fitting = fitting.into_iter().filter(|(_, fits)| *fits);
        let error = fitting.fold(error, |error, (hint, _)| error.hint(hint));
        Err(error
            .candidates(names)
            .hint(format!("or say why not: vault incident link {number} NAME --waive REASON")))
    }
}

/// An incident that is being opened.
pub(in crate::vault) struct Opening<'a> {
    pub(in crate::vault) meta: &'a IncidentMeta,
    pub(in crate::vault) texts: &'a IncidentTexts,
    pub(in crate::vault) source: &'a str,
    /// The credentials, checked, and what they have to do with it.
    pub(in crate::vault) links: Vec<(&'a CredentialRow, Exposure)>,
    /// What the entry says besides.
    pub(in crate::vault) detail: Option<(&'static str, String)>,
}

/// Opens an incident in the running transaction.
pub(in crate::vault) fn open_in(
    tx: &Tx<'_>,
    keys: &Keys,
    opening: Opening<'_>,
) -> Result<IncidentNumber> {
    check::check_before(tx)?;
    let now = tx.now();
    let row = IncidentRow {
        number: IncidentRow::next(tx.db())?,
        id: tx.new_id(),
        meta: opening.meta.clone(),
        status: IncidentStatus::Investigating,
        outcome: None,
        source: opening.source.to_owned(),
        opened_at: now,
        contained_at: None,
        resolved_at: None,
        version: 0,
        sealed: Vec::new(),
        links: links_hash(&[]),
        events: 0,
        last_event: None,
        revision: 0,
        updated_at: now,
        deleted_at: None,
        row_tag: [0; 32],
    };
    let mut work = Work { tx, keys, row, action: "incident_open" };
    let mut draft = work
        .draft()
        .detail("severity", opening.meta.severity.word())
        .detail("type", opening.meta.kind.word());
    if let Some((key, value)) = opening.detail {
        draft = draft.detail(key, value);
        if let [(about, _)] = opening.links[..] {
            draft = draft.concerning(about.id, &about.name);
        }
    }
    let receipt = work.enter(draft)?;
    work.set_texts(opening.texts, &receipt)?;
    work.happened(Happening::new("open").detail(opening.source), &receipt)?;
    let mut rows = Vec::with_capacity(opening.links.len());
    for (credential, exposure) in &opening.links {
        if rows.iter().any(|row: &LinkRow| row.credential == credential.id) {
            continue; // it was named twice
        }
        let link = links::put(&mut work, credential, *exposure)?;
        let said = LinkChange { exposure: Some(*exposure), ..LinkChange::default() };
        links::check_true(&work, &link, &said)?;
        rows.push(link);
    }
    work.put_links(rows);
    work.finish()?;
    Ok(work.row.number)
}

/// The newest incident from `source`, checked, if there is one.
pub(in crate::vault) fn opened_from(
    tx: &Tx<'_>,
    keys: &Keys,
    source: &str,
) -> Result<Option<IncidentNumber>> {
    check::check_before(tx)?;
    let Some(number) = IncidentRow::from_source(tx.db(), source)? else { return Ok(None) };
    let row = IncidentRow::find(tx.db(), number)?.ok_or_else(|| not_found(number, false))?;
    check::check_tag(&row, tx.vault(), keys).map(|()| Some(number))
}

/// Writes a further event into the incident from `source` that is still open for a credential, in the
/// running transaction. Whether there is one.
pub(in crate::vault) fn note_in(
    tx: &Tx<'_>,
    keys: &Keys,
    source: &str,
    about: &CredentialRow,
    detail: (&'static str, String),
    event: Happening,
) -> Result<Option<IncidentNumber>> {
    check::check_before(tx)?;
    let Some(row) = IncidentRow::open_from(tx.db(), source, about.id)? else { return Ok(None) };
    check::check_tag(&row, tx.vault(), keys)?;
    let mut work = Work { tx, keys, row, action: "incident_note" };
    let draft = work.draft().detail(detail.0, detail.1).concerning(about.id, &about.name);
    let receipt = work.enter(draft)?;
    work.happened(event.about(about.id, &about.name), &receipt)?;
    work.finish()?;
    Ok(Some(work.row.number))
}
