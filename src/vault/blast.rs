//! What a leak reaches: who else has a value that some credentials have or had. Nothing is handed out.

use super::keys::{Keys, MacKey, random_32};
use super::leak::Fit;
use super::store::{CredentialRow, SecretRow};
use super::survey::{Feeder, Job, Survey};
use super::tlv::Hash;
use super::tx::Tx;
use super::{Unlocked, Vault};
use crate::error::Result;
use crate::model::{FieldName, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use uuid::Uuid;

/// A place where a value is or was.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Holder {
    /// The credential's name.
    pub name: String,
    /// Which credential.
    pub credential: Uuid,
    /// When that went into the trash; none for a live one.
    pub deleted_at: Option<Timestamp>,
    /// The secret field.
    pub field: FieldName,
    /// Its version.
    pub version: u32,
    /// Whether that is the current one.
    pub is_current: bool,
}

impl Vault<Unlocked> {
    /// Which other credentials have, or had in an older version, a value that one of `ids` has or had:
    /// for each such value all places, in order of name. The trash counts; notes do not, nor do values
    /// that others have by chance, being short. `progress` hears how many of how many values are done.
    /// Logged as one `check`.
    ///
    /// # Errors
    /// Integrity (15), I/O (18).
    pub fn same_values(
        &mut self,
        ids: &[Uuid],
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Vec<Vec<Holder>>> {
        let ids: BTreeSet<Uuid> = ids.iter().copied().collect();
        let count = |tx: &Tx<'_>, _: &Keys| {
            let values = SecretRow::count_kept(tx.db(), NOTES)?;
            Ok(u64::try_from(values).unwrap_or_default())
        };
        self.survey("same", count, |survey, values| {
            survey.same_values(&ids, &mut |done| progress(done, values))
        })
    }
}

impl Survey<'_> {
    /// See [`Vault::same_values`].
    pub(super) fn same_values(
        &self,
        ids: &BTreeSet<Uuid>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Vec<Vec<Holder>>> {
        // Under a key that is random and gone afterwards: tells equal values without keeping them.
        let marks = &MacKey::new(&random_32());
        let mut before = 0;
        let mut heard = |done| {
            before = done;
            progress(done);
        };
        let own = look(self, |id| ids.contains(&id), |value| mark(marks, value), &mut heard)?;
        let known: HashSet<Hash> = own.iter().map(|(mark, _)| *mark).collect();
        let shared = |value: &[u8]| mark(marks, value).filter(|mark| known.contains(mark));
        let progress = &mut |done| progress(before + done);
        let others = look(self, |id| !ids.contains(&id), shared, progress)?;
        Ok(groups(own, others))
    }
}

const NOTES: &str = "notes";

/// Equal for equal values, but for white space around them; none for those that are too short.
fn mark(key: &MacKey, value: &[u8]) -> Option<Hash> {
    let bare = value.trim_ascii();
    (bare.len() >= Fit::LEAST).then(|| key.tag(bare))
}

/// The marks of all versions of the credentials that are wanted, and where they are.
fn look(
    survey: &Survey<'_>,
    wanted: impl Fn(Uuid) -> bool,
    mark: impl Fn(&[u8]) -> Option<Hash> + Sync,
    progress: &mut dyn FnMut(u64),
) -> Result<Vec<(Hash, Job)>> {
    let read = |feeder: &mut Feeder<'_>| {
        CredentialRow::each(survey.db, |row| {
            let heads = row.heads.iter().filter(|head| head.field.as_str() != NOTES);
            for head in heads.filter(|_| wanted(row.id)) {
                feeder.versions(&row, head)?;
            }
            Ok(())
        })
    };
    survey.look(read, |job, value| Some((mark(value)?, job.clone())), progress)
}

/// The places of each value that others have, too.
fn groups(own: Vec<(Hash, Job)>, others: Vec<(Hash, Job)>) -> Vec<Vec<Holder>> {
    let shared: HashSet<Hash> = others.iter().map(|(mark, _)| *mark).collect();
    let mut groups: BTreeMap<Hash, Vec<Holder>> = BTreeMap::new();
    for (mark, job) in own.into_iter().chain(others).filter(|(mark, _)| shared.contains(mark)) {
        groups.entry(mark).or_default().push(job.into());
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    for group in &mut groups {
        group.sort();
    }
    groups.sort();
    groups
}

impl From<Job> for Holder {
    fn from(job: Job) -> Self {
        Self {
            is_current: job.replaced_at.is_none(),
            name: job.name,
            credential: job.credential,
            deleted_at: job.deleted_at,
            field: job.field,
            version: job.version,
        }
    }
}
