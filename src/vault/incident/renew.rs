//! Incidents in a new epoch: texts sealed and rows tagged with its keys.

use super::{check, texts};
use crate::error::Result;
use crate::vault::audit::RekeyReceipt;
use crate::vault::keys::Keys;
use crate::vault::store::{Db, EventRow, IncidentRow, LinkRow, VaultRow};

/// Reads all incidents from `old`, and writes them to `new`, where none is.
pub(in crate::vault) fn renew(
    (old, new): (&Db, &Db),
    keys: (&Keys, &Keys),
    (before, after): (&VaultRow, &VaultRow),
    receipt: &RekeyReceipt,
) -> Result<()> {
    let to = &keys.1.row;
    IncidentRow::each(old, |mut row| {
        check::check_tag(&row, before, keys.0)?;
        let mut last = None;
        for mut event in check::events(old, before, Some(keys.0), &row)? {
            event.sealed = texts::reseal_note(before, keys, &row, &event, receipt)?;
            event.previous = last;
            event.row_tag = to.tag(event.message(after).as_bytes());
            last = Some(event.row_tag);
            EventRow::insert(&event, new)?;
        }
        let mut links = check::links(old, before, Some(keys.0), &row)?;
        for link in &mut links {
            link.row_tag = to.tag(link.message(after).as_bytes());
            LinkRow::insert(link, new)?;
        }
        row.sealed = texts::reseal(before, keys, &row, receipt)?;
        (row.last_event, row.links) = (last, check::links_hash(&links));
        row.row_tag = to.tag(row.message(after).as_bytes());
        row.insert(new)
    })
}
