//! The list of credentials: rows as they lie in the database, lent to whoever shows them.

use super::credential::{BRIEF, COLUMNS, column, read_fields, read_heads};
use super::{Db, Row, filter};
use crate::error::Result;
use crate::model::{Attr, Duty, FieldName, Timestamp};
use crate::vault::filter::Filter;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Where the time of the last read stands: behind `COLUMNS`.
const LAST_READ: usize = 31;

/// A row of the list, borrowed from the database: nothing is copied until it is asked for.
pub struct Listed<'r> {
    row: &'r Row<'r>,
    verified: bool,
}

impl<'r> Listed<'r> {
    /// The credential's name.
    ///
    /// # Errors
    /// Integrity (15) for a value of the wrong type.
    pub fn name(&self) -> Result<&'r str> {
        self.row.text(0)
    }

    /// Its kind.
    ///
    /// # Errors
    /// Integrity (15) for a value of the wrong type.
    pub fn kind(&self) -> Result<&'r str> {
        self.row.text(1)
    }

    /// One attribute. In a brief list only user name, URL and client are there.
    ///
    /// # Errors
    /// Integrity (15) for a value of the wrong type.
    pub fn attr(&self, attr: Attr) -> Result<Option<&'r str>> {
        self.row.opt_text(column(attr))
    }

    /// When it expires.
    ///
    /// # Errors
    /// Integrity (15) for a value of the wrong type.
    pub fn expires_at(&self) -> Result<Option<Timestamp>> {
        Ok(self.row.opt_int(5)?.map(Timestamp))
    }

    /// Its port. This and all that follow are not in a brief list.
    ///
    /// # Errors
    /// Integrity (15) for a value of the wrong type.
    pub fn port(&self) -> Result<Option<i64>> {
        self.row.opt_int(14)
    }

    /// Its tags, in order.
    ///
    /// # Errors
    /// Integrity (15) for a value of the wrong type.
    pub fn tags(&self) -> Result<impl Iterator<Item = &'r str>> {
        Ok(self.row.opt_text(15)?.into_iter().flat_map(|tags| tags.split(',')))
    }

    /// Whether it works only inside a VPN.
    ///
    /// # Errors
    /// Integrity (15) for a value of the wrong type.
    pub fn requires_vpn(&self) -> Result<bool> {
        self.row.flag(16)
    }

    /// Whether its login asks for a second factor.
    ///
    /// # Errors
    /// Integrity (15) for a value of the wrong type.
    pub fn requires_2fa(&self) -> Result<bool> {
        self.row.flag(17)
    }

    /// How often it should be rotated, in seconds.
    ///
    /// # Errors
    /// Integrity (15) for a value of the wrong type.
    pub fn rotate_every(&self) -> Result<Option<i64>> {
        self.row.opt_int(18)
    }

    /// How many versions of each secret field are kept; none keeps all.
    ///
    /// # Errors
    /// Integrity (15) for a value of the wrong type.
    pub fn keep(&self) -> Result<Option<i64>> {
        self.row.opt_int(29)
    }

    /// When it was rotated last.
    ///
    /// # Errors
    /// Integrity (15) for a value of the wrong type.
    pub fn last_rotated_at(&self) -> Result<Option<Timestamp>> {
        Ok(self.row.opt_int(19)?.map(Timestamp))
    }

    /// When it was last seen to work.
    ///
    /// # Errors
    /// Integrity (15) for a value of the wrong type.
    pub fn last_verified_at(&self) -> Result<Option<Timestamp>> {
        Ok(self.row.opt_int(20)?.map(Timestamp))
    }

    /// What the last test said.
    ///
    /// # Errors
    /// Integrity (15) for a value of the wrong type.
    pub fn verdict(&self) -> Result<Option<&'r str>> {
        self.row.opt_text(21)
    }

    /// What must be done by when.
    ///
    /// # Errors
    /// Integrity (15) for a value of the wrong type.
    pub fn duties(&self) -> Result<impl Iterator<Item = (Duty, Timestamp)> + use<>> {
        let since = self.last_rotated_at()?.map_or_else(|| self.created_at(), Ok)?;
        Ok(Duty::all(self.expires_at()?, self.rotate_every()?, since))
    }

    /// When the first of that must be done.
    ///
    /// # Errors
    /// Integrity (15) for a value of the wrong type.
    pub fn due_at(&self) -> Result<Option<Timestamp>> {
        Ok(self.duties()?.map(|(_, at)| at).min())
    }

    /// Its further public fields.
    ///
    /// # Errors
    /// Integrity (15) for a value of the wrong type.
    pub fn fields(&self) -> Result<BTreeMap<FieldName, String>> {
        self.row.opt_text(22)?.map_or_else(|| Ok(BTreeMap::new()), read_fields)
    }

    /// Its secret fields and their versions.
    ///
    /// # Errors
    /// Integrity (15) for a value of the wrong type.
    pub fn secrets(&self) -> Result<Vec<(FieldName, u32)>> {
        Ok(read_heads(self.row.blob(23)?)?.into_iter().map(|h| (h.field, h.version)).collect())
    }

    /// Its id.
    ///
    /// # Errors
    /// Integrity (15) for a value of the wrong type.
    pub fn id(&self) -> Result<Uuid> {
        self.row.uuid(6)
    }

    /// When it was stored.
    ///
    /// # Errors
    /// Integrity (15) for a value of the wrong type.
    pub fn created_at(&self) -> Result<Timestamp> {
        self.row.int(25).map(Timestamp)
    }

    /// When anything of it changed last.
    ///
    /// # Errors
    /// Integrity (15) for a value of the wrong type.
    pub fn updated_at(&self) -> Result<Timestamp> {
        self.row.int(26).map(Timestamp)
    }

    /// When it went into the trash.
    ///
    /// # Errors
    /// Integrity (15) for a value of the wrong type.
    pub fn deleted_at(&self) -> Result<Option<Timestamp>> {
        Ok(self.row.opt_int(27)?.map(Timestamp))
    }

    /// When a value of it was handed out last, if the filter asks for that.
    ///
    /// # Errors
    /// Integrity (15) for a value of the wrong type.
    pub fn last_read(&self) -> Result<Option<Timestamp>> {
        Ok(self.row.opt_int(LAST_READ)?.map(Timestamp))
    }

    /// Whether all rows were checked against the vault's keys before this one was listed.
    #[must_use]
    pub fn verified(&self) -> bool {
        self.verified
    }
}

/// Calls `each` for the credentials that fit, in the filter's order. `verified`: the caller has
/// checked all rows.
pub(in crate::vault) fn list(
    db: &Db,
    filter: &Filter,
    verified: bool,
    mut each: impl FnMut(&Listed<'_>) -> Result<()>,
) -> Result<()> {
    let columns = if filter.brief { BRIEF } else { COLUMNS };
    filter::each(db, columns, filter, |row| each(&Listed { row, verified }))
}
