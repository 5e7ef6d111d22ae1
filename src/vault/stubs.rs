//! Destroying single versions. The row of a destroyed version stays as a stub, so that there is no gap;
//! all later versions of the field hang on it, and are tagged anew (FORMAT.md, "Purged versions").

use super::audit::Draft;
use super::keys::Keys;
use super::store::{CredentialRow, SecretRow};
use super::tx::Tx;
use super::versions::{Chain, Origin, changed_from_outside};
use crate::error::{Error, Result};
use crate::model::{FieldName, Metadata};
use std::ops::RangeInclusive;

/// Versions of one field that are to be destroyed. The current one is never among them.
pub(super) struct Doomed {
    pub(super) field: FieldName,
    pub(super) versions: RangeInclusive<u32>,
}

/// What is no longer kept once each of `changing` has one version more: under a new number to keep, of
/// every field.
pub(super) fn surplus(
    tx: &Tx<'_>,
    old: &CredentialRow,
    meta: &Metadata,
    changing: &[&FieldName],
    origin: Origin,
) -> Result<Vec<Doomed>> {
    let Some(keep) = meta.keep else { return Ok(Vec::new()) };
    let mut surplus = Vec::new();
    for head in &old.heads {
        let grows = changing.contains(&&head.field);
        if !grows && meta.keep == old.meta.keep {
            continue;
        }
        let kept = keep.max(if grows { origin.spares() } else { 1 });
        let last = (head.version + u32::from(grows)).saturating_sub(kept);
        let first = SecretRow::oldest(tx.db(), old.id, &head.field)?.filter(|first| *first <= last);
        surplus.extend(first.map(|first| Doomed {
            field: head.field.clone(),
            versions: first..=last.min(head.version),
        }));
    }
    Ok(surplus)
}

/// Says in an entry what goes with the change.
pub(super) fn note(draft: Draft, doomed: &[Doomed]) -> Draft {
    if doomed.is_empty() {
        return draft;
    }
    let words = doomed.iter().map(|Doomed { field, versions }| {
        let (first, last) = (versions.start(), versions.end());
        if first == last { format!("{field} {first}") } else { format!("{field} {first}-{last}") }
    });
    draft.detail("purged", words.collect::<Vec<_>>().join(","))
}

/// Destroys versions of a field, and tags those after them anew; the new tag of the current one goes
/// into `row`.
pub(super) fn destroy(
    tx: &Tx<'_>,
    keys: &Keys,
    row: &mut CredentialRow,
    doomed: &Doomed,
) -> Result<()> {
    let (db, vault, first) = (tx.db(), tx.vault(), *doomed.versions.start());
    let at = row.heads.iter().position(|head| head.field == doomed.field);
    let at = at.ok_or_else(|| Error::internal("a field without a version is to be purged"))?;
    // What was changed from outside must not be tagged as genuine.
    Chain::of(tx, Some(keys), row, &row.heads[at]).walk(first, |_| Ok(()))?;
    let mut previous = None;
    for number in first..=row.heads[at].version {
        let found = SecretRow::find(db, row.id, &doomed.field, number)?;
        let mut version = found.ok_or_else(|| changed_from_outside(row, &doomed.field))?;
        let dies = doomed.versions.contains(&number) && version.purged_at.is_none();
        if dies {
            version.sealed.clear();
            version.purged_at = Some(tx.now());
        }
        version.previous = previous.or(version.previous);
        version.row_tag = keys.row.tag(version.message(vault).as_bytes());
        version.update(db, dies)?;
        previous = Some(version.row_tag);
    }
    row.heads[at].tag = previous.unwrap_or(row.heads[at].tag);
    Ok(())
}
