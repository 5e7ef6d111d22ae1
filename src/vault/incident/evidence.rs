//! What the log says about an incident, for those who must believe it: the whole log is verified, and
//! read at the same moment.

use super::reach::{Dossier, Evidence, Window};
use super::view::Incident;
use super::{check, not_found};
use crate::error::{ErrorKind, Result};
use crate::model::Timestamp;
use crate::model::incident::IncidentNumber;
use crate::vault::audit::verify::verify;
use crate::vault::keys::Keys;
use crate::vault::lookup::check_state;
use crate::vault::note::{Checkpoint, PublicKey};
use crate::vault::seal::Found;
use crate::vault::store::{Db, IncidentRow, VaultRow, anchor, entries, watch};
use crate::vault::view::{Entry, EntryFilter, LogVerdict};
use crate::vault::{Unlocked, Vault};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Hears how many of how many values are compared, and then how many of how many entries are verified.
pub(super) type Progress<'p> = dyn FnMut(u64, u64) + 'p;

impl Vault<Unlocked> {
    /// All that a report on an incident says. Writes the event `report` into the timeline, with the word
    /// for its form. Logged as `view`, and as `incident_note`.
    ///
    /// # Errors
    /// As [`Vault::blast`]; but a log that is not intact is a finding of the report, not an error.
    pub fn dossier(
        &mut self,
        number: IncidentNumber,
        window: Window,
        form: &str,
        progress: &mut Progress<'_>,
    ) -> Result<Dossier> {
        self.tied(number, |vault| {
            let (incident, window) = vault.looked_at(number, window)?;
            let evidence = vault.evidence(number, window, progress)?;
            vault.enter_event(number, "report", form)?;
            let actor = vault.core.actor();
            let (made_by, made_on) = (actor.user.clone(), actor.host.clone());
            let made_at = vault.core.world.now();
            Ok(Dossier { incident, evidence, made_by, made_on, made_at })
        })
    }

    /// An incident that is not in the trash, as [`Vault::incident`] tells it.
    ///
    /// # Errors
    /// Not found (10), integrity (15), I/O (18).
    pub fn live_incident(&mut self, number: IncidentNumber) -> Result<Incident> {
        let incident = self.tied(number, |vault| vault.incident(number))?;
        match incident.listing.deleted_at {
            None => Ok(incident),
            Some(_) => Err(not_found(number, false)
                .hint(format!("it is in the trash: vault incident restore {number}"))),
        }
    }

    /// The incident, and the time to look at.
    pub(super) fn looked_at(
        &mut self,
        number: IncidentNumber,
        window: Window,
    ) -> Result<(Incident, (Timestamp, Timestamp))> {
        window.check(self.core.world.now())?;
        let incident = self.live_incident(number)?;
        let window = window.of(&incident, self.core.world.now())?;
        Ok((incident, window))
    }

    fn evidence(
        &mut self,
        number: IncidentNumber,
        window: (Timestamp, Timestamp),
        progress: &mut Progress<'_>,
    ) -> Result<Evidence> {
        let (core, keys) = (&self.core, &self.state.keys);
        core.db.begin_read()?;
        let evidence = core.seal_file().read().and_then(|(found, _)| {
            let vault = &VaultRow::load(&core.db)?;
            check_state(core, keys, vault)?;
            let source = Source { db: &core.db, vault, keys };
            source.checked(number)?;
            let log = match source.verify(&found, window.0, progress) {
                Err(e) if e.kind() == ErrorKind::Integrity => Err(e.message().to_owned()),
                verdict => Ok(verdict?),
            };
            let (since, until) = window;
            let checkpoint = source.checkpoint()?;
            Ok(Evidence { since, until, log, entries: source.told(number, window)?, checkpoint })
        });
        core.db.roll_back();
        evidence
    }
}

/// The vault at one moment.
pub(super) struct Source<'a> {
    pub(super) db: &'a Db,
    pub(super) vault: &'a VaultRow,
    pub(super) keys: &'a Keys,
}

impl Source<'_> {
    /// The ids of the linked credentials, all of it having been checked.
    pub(super) fn checked(&self, number: IncidentNumber) -> Result<Vec<Uuid>> {
        check::check_set(self.db, self.vault)?;
        let row = IncidentRow::find(self.db, number)?.ok_or_else(|| not_found(number, false))?;
        check::check_tag(&row, self.vault, self.keys)?;
        let links = check::links(self.db, self.vault, Some(self.keys), &row)?;
        Ok(links.into_iter().map(|link| link.credential).collect())
    }

    /// Verifies the whole log, the marks under its keys included. That it does not reach back to `since`
    /// is a gap.
    pub(super) fn verify(
        &self,
        found: &Found,
        since: Timestamp,
        progress: &mut Progress<'_>,
    ) -> Result<LogVerdict> {
        let mut log = verify(self.db, self.vault, Some(self.keys), found, progress)?;
        let begin = watch::begin(self.db)?.filter(|begin| *begin > since);
        if let Some((pruned, begin)) = log.pruned_to.zip(begin) {
            let gap = format!(
                "entries up to {pruned} were pruned: what was done before {begin} is not told"
            );
            log.gaps.push(gap);
        }
        Ok(log)
    }

    /// The last head of the log that was signed under the keys of now, and what checks the signature.
    fn checkpoint(&self) -> Result<Option<(Checkpoint, PublicKey)>> {
        let (vault, mut last) = (self.vault.vault_id, None);
        let public = PublicKey::of(self.keys, vault);
        anchor::checkpoints(self.db, vault, i64::MIN, |note| {
            if note.head.epoch == self.vault.epoch && note.is_signed_by(&public) {
                last = Some(note);
            }
            Ok(())
        })?;
        Ok(last.map(|note| (note, public)))
    }

    /// What the log says about the incident and its credentials.
    pub(super) fn told(
        &self,
        number: IncidentNumber,
        (since, until): (Timestamp, Timestamp),
    ) -> Result<Vec<Entry>> {
        let linked = EntryFilter { linked_to: Some(number), ..within(since, until) };
        let own = EntryFilter { incident: Some(number.to_string()), ..within(since, until) };
        self.entries(&[linked, own])
    }

    /// The entries that fit one of several filters, once each, the oldest first.
    pub(super) fn entries(&self, filters: &[EntryFilter]) -> Result<Vec<Entry>> {
        let mut all = BTreeMap::new();
        for filter in filters {
            entries::list(self.db, filter, |entry| {
                all.insert(entry.seq, entry.clone());
                Ok(())
            })?;
        }
        Ok(all.into_values().collect())
    }
}

/// In the order of the log itself, not by an index: one could have been made to leave entries out.
pub(super) fn within(since: Timestamp, until: Timestamp) -> EntryFilter {
    EntryFilter {
        since: Some(since),
        until: Some(Timestamp(until.0.saturating_add(1))),
        after: Some(0),
        oldest_first: true,
        ..EntryFilter::default()
    }
}
