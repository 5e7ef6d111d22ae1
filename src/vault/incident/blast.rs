//! How far an incident reaches: who holds the same values, who has something in common with a linked
//! credential, and who used these. All of it is read at one moment, after the log was verified.
//! Values are only compared; none is handed out.

use super::evidence::{Progress, Source, within};
use super::reach::{Blast, Near, Use, Window};
use crate::error::Result;
use crate::model::incident::IncidentNumber;
use crate::model::{Attr, Timestamp};
use crate::vault::keys::Keys;
use crate::vault::store::{CredentialRow, Db, SecretRow};
use crate::vault::survey::Survey;
use crate::vault::tx::Tx;
use crate::vault::versions::Chain;
use crate::vault::view::{Entry, EntryFilter};
use crate::vault::{Unlocked, Vault, state};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// The actions that hand something out.
const USES: &[&str] = &["decrypt", "run", "inject", "copy", "export", "test"];

/// Those that hand out all there is, and name no credential.
const OF_ALL: &[&str] = &["export", "backup", "run", "inject"];

impl Vault<Unlocked> {
    /// How far an incident reaches. Writes the event `blast` into the timeline. Logged as `view`, as one
    /// `check` of all values, and as `incident_note`.
    ///
    /// # Errors
    /// Not found (10), usage (2) for a time in which nothing can have happened, integrity (15), also of
    /// the log; I/O (18).
    pub fn blast(
        &mut self,
        number: IncidentNumber,
        window: Window,
        progress: &mut Progress<'_>,
    ) -> Result<Blast> {
        self.tied(number, |vault| {
            let (incident, window) = vault.looked_at(number, window)?;
            // The seal is read first: whoever commits now may move it past what is seen here.
            let (found, _) = vault.core.seal_file().read()?;
            let count = |tx: &Tx<'_>, _: &Keys| {
                SecretRow::count_kept(tx.db(), "notes").map(|n| u64::try_from(n).unwrap_or(0))
            };
            let (since, until) = window;
            let blast = vault.survey("incident", count, |survey, values| {
                let linked = Linked::load(survey, number)?;
                let same = survey.same_values(&linked.ids, &mut |done| progress(done, values))?;
                let near = Neighbours::meet_all(survey.db, &linked)?;
                let source = Source { db: survey.db, vault: survey.vault, keys: survey.keys };
                let log = source.verify(&found, since, progress)?;
                let uses = uses(&source, &linked, source.told(number, window)?, window)?;
                Ok(Blast { incident, since, until, same, near, uses, log })
            })?;
            let detail = format!("{since} to {until}: {} uses", blast.uses.len());
            vault.enter_event(number, "blast", &detail)?;
            Ok(blast)
        })
    }
}

/// The credentials that the incident has to do with, as far as they are still there.
struct Linked {
    rows: Vec<CredentialRow>,
    ids: BTreeSet<Uuid>,
    /// When which version of a field was stored, the newest first.
    versions: HashMap<(Uuid, String), Vec<(u32, Timestamp)>>,
}

impl Linked {
    fn load(survey: &Survey<'_>, number: IncidentNumber) -> Result<Self> {
        let (db, vault, keys) = (survey.db, survey.vault, survey.keys);
        let ids = Source { db, vault, keys }.checked(number)?;
        let mut rows = Vec::with_capacity(ids.len());
        let mut versions: HashMap<_, Vec<_>> = HashMap::new();
        for id in &ids {
            let Some(row) = CredentialRow::by_id(db, *id, state::bucket(*id))? else { continue };
            for head in &row.heads {
                let known = versions.entry((*id, head.field.to_string())).or_default();
                Chain { db, vault, keys: Some(keys), row: &row, head }.walk(1, |version| {
                    known.push((version.version, version.created_at));
                    Ok(())
                })?;
            }
            rows.push(row);
        }
        Ok(Self { rows, ids: ids.into_iter().collect(), versions })
    }

    /// Which version of a field was the current one.
    fn version_at(&self, id: Uuid, field: &str, at: Timestamp) -> Option<u32> {
        let known = self.versions.get(&(id, field.to_owned()))?;
        known.iter().find(|(_, stored)| *stored <= at).map(|(version, _)| *version)
    }
}

/// What linked credentials have that others can have, too, and the live ones that do.
struct Neighbours(BTreeMap<(&'static str, String), (usize, Vec<String>)>);

impl Neighbours {
    fn of(linked: &[CredentialRow]) -> Self {
        Self(linked.iter().flat_map(traits).map(|one| (one, (0, Vec::new()))).collect())
    }

    /// All live ones that are not linked.
    fn meet_all(db: &Db, linked: &Linked) -> Result<Vec<Near>> {
        let mut near = Self::of(&linked.rows);
        CredentialRow::each(db, |row| {
            if row.deleted_at.is_none() && !linked.ids.contains(&row.id) {
                near.meet(&row);
            }
            Ok(())
        })?;
        Ok(near.told())
    }

    fn meet(&mut self, row: &CredentialRow) {
        for one in traits(row) {
            if let Some((count, names)) = self.0.get_mut(&one) {
                *count += 1;
                if names.len() <= Near::MOST {
                    names.push(row.name.clone());
                }
            }
        }
    }

    fn told(self) -> Vec<Near> {
        let told = self.0.into_iter().filter(|(_, (count, _))| *count > 0);
        told.map(|((what, value), (count, names))| {
            let names = if count > Near::MOST { Vec::new() } else { names };
            Near { what, value, count, names }
        })
        .collect()
    }
}

fn traits(row: &CredentialRow) -> impl Iterator<Item = (&'static str, String)> + '_ {
    let attrs = [Attr::Client, Attr::Host, Attr::Owner];
    let attrs =
        attrs.into_iter().filter_map(|attr| Some((attr.name(), row.meta.get(attr)?.into())));
    attrs.chain(row.meta.tags.iter().map(|tag| ("tag", tag.to_string())))
}

/// What was handed out of the linked credentials, and of all at once.
fn uses(
    source: &Source<'_>,
    linked: &Linked,
    entries: Vec<Entry>,
    (since, until): (Timestamp, Timestamp),
) -> Result<Vec<Use>> {
    // a failed attempt has a name, and no id
    let of_linked = |entry: &Entry| {
        entry.credential.map_or(entry.name.is_some(), |id| linked.ids.contains(&id))
    };
    let entries = entries.into_iter().filter(|entry| USES.contains(&entry.action.as_str()));
    let mut all: Vec<Entry> = entries.filter(of_linked).collect();
    let actions = OF_ALL.iter().map(|action| (*action).to_owned()).collect();
    let of_all = source.entries(&[EntryFilter { actions, ..within(since, until) }])?;
    all.extend(of_all.into_iter().filter(|e| e.credential.is_none() && e.name.is_none()));
    all.sort_by_key(|entry| entry.seq);
    Ok(all.into_iter().map(|entry| linked.used(entry)).collect())
}

impl Linked {
    fn used(&self, entry: Entry) -> Use {
        // asked for by its number
        let asked = entry.detail("version").and_then(|number| number.parse().ok());
        let of = |field: &String| {
            let id = entry.credential?;
            let version = asked.or_else(|| self.version_at(id, field, entry.at))?;
            Some((field.clone(), version))
        };
        let versions = entry.fields.iter().filter_map(of).collect();
        Use { entry, versions }
    }
}
