//! A check of many credentials: what of them is weak, the same, overdue or forgotten.

use super::creds::describe;
use super::filter::Filter;
use super::keys::{Keys, MacKey, random_32};
use super::store::list::{self, Listed};
use super::store::{CredentialRow, Db};
use super::survey::{Job, Survey};
use super::tlv::Hash;
use super::tx::Tx;
use super::view::{Checkup, Depth, Fact, Seen};
use super::{Unlocked, Vault};
use crate::error::Result;
use crate::kind::strength::{is_chosen, strength};
use crate::model::{FieldName, Timestamp};
use sha1::{Digest, Sha1};
use std::collections::HashMap;
use zeroize::Zeroizing;

/// In milliseconds.
const DAY: i64 = 86_400_000;

impl Vault<Unlocked> {
    /// Looks at the credentials that fit, and at their current values as `depth` says, notes aside.
    /// `progress` hears how many of how many values are done. Logged as one `check`, with the number
    /// of values.
    ///
    /// # Errors
    /// Integrity (15), I/O (18).
    pub fn check(
        &mut self,
        filter: &Filter,
        depth: Depth,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Checkup> {
        let filter = &Filter { brief: false, last_read: false, ..filter.clone() };
        let count = |tx: &Tx<'_>, _: &Keys| match depth {
            Depth::Metadata => Ok(0),
            Depth::Values | Depth::Digests => count(tx.db(), filter),
        };
        self.survey(&describe(filter), count, |survey, values| {
            let mut checkup = facts(survey.db, filter, survey.now)?;
            if depth != Depth::Metadata {
                let seen = look(survey, filter, depth, &mut |done| progress(done, values))?;
                checkup.same = same(&seen);
                checkup.values = seen.into_iter().map(|(seen, _)| seen).collect();
            }
            Ok(checkup)
        })
    }
}

/// How many values are to be looked at.
fn count(db: &Db, filter: &Filter) -> Result<u64> {
    let mut values = 0;
    list::list(db, filter, false, |row| {
        values += row.secrets()?.iter().filter(|(field, _)| is_looked_at(field)).count();
        Ok(())
    })?;
    Ok(u64::try_from(values).unwrap_or(u64::MAX))
}

/// Notes are no credential, and the same ones in two places are no fault.
fn is_looked_at(field: &FieldName) -> bool {
    field.as_str() != "notes"
}

/// What the clear columns and the log tell.
fn facts(db: &Db, filter: &Filter, now: Timestamp) -> Result<Checkup> {
    let ago = |days: i64| Timestamp(now.0 - days * DAY);
    let earlier = |at: Option<Timestamp>, than| Some(at.map_or(than, |at| at.min(than)));
    let (year, quarter) = (ago(365), ago(90));
    let mut checkup = Checkup::default();
    list::list(db, filter, true, |row| {
        checkup.credentials += 1;
        let overdue = row.duties()?.filter(|(_, at)| *at <= now);
        let name = row.name()?;
        checkup.facts.extend(overdue.map(|(duty, at)| (name.to_owned(), Fact::Overdue(duty, at))));
        Ok(())
    })?;
    let mut also = |filter: &Filter, fact: &dyn Fn(&Listed<'_>) -> Result<Fact>| {
        list::list(db, filter, true, |row| {
            checkup.facts.push((row.name()?.to_owned(), fact(row)?));
            Ok(())
        })
    };
    let old = Filter {
        never_rotated: true,
        stale_since: earlier(filter.stale_since, year),
        ..filter.clone()
    };
    also(&old, &|row| Ok(Fact::NeverRotated(row.created_at()?)))?;
    let unused = Filter {
        unused_since: earlier(filter.unused_since, quarter),
        created_by: earlier(filter.created_by, quarter),
        last_read: true,
        ..filter.clone()
    };
    also(&unused, &|row| Ok(Fact::Unused(row.last_read()?)))?;
    Ok(checkup)
}

/// What is seen of each value, and a mark that equal ones have in common.
fn look(
    survey: &Survey<'_>,
    filter: &Filter,
    depth: Depth,
    progress: &mut dyn FnMut(u64),
) -> Result<Vec<(Seen, Hash)>> {
    // Under a key that is random and gone afterwards: tells equal values without keeping them.
    let marks = MacKey::new(&random_32());
    let look = |job: &Job, value: &[u8]| {
        let digest = || Zeroizing::new(Sha1::digest(value).into());
        let seen = Seen {
            name: job.name.clone(),
            field: job.field.clone(),
            strength: is_chosen(job.field.as_str()).then(|| strength(value)),
            sha1: (depth == Depth::Digests).then(digest),
        };
        Some((seen, marks.tag(value)))
    };
    survey.look(
        |feeder| {
            CredentialRow::fitting(survey.db, filter, |row| {
                let mut heads = row.heads.iter().filter(|head| is_looked_at(&head.field));
                heads.try_for_each(|head| feeder.current(&row, head))
            })
        },
        look,
        progress,
    )
}

/// Which are the same, by their numbers, two or more each.
fn same(seen: &[(Seen, Hash)]) -> Vec<Vec<usize>> {
    let mut groups: HashMap<Hash, Vec<usize>> = HashMap::with_capacity(seen.len());
    for (at, (_, mark)) in seen.iter().enumerate() {
        groups.entry(*mark).or_default().push(at);
    }
    let mut same: Vec<_> = groups.into_values().filter(|group| group.len() > 1).collect();
    same.sort();
    same
}
