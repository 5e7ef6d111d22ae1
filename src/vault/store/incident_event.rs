//! What happened in an incident: its timeline. No event is ever updated or deleted.

use super::{Db, Row, Value, VaultRow};
use crate::error::{Error, Result};
use crate::model::Timestamp;
use crate::model::incident::IncidentNumber;
use crate::vault::tlv::{Hash, Tlv, sha256};
use uuid::Uuid;

/// Something that happened, in the order in which it was written down.
#[derive(Clone)]
pub(in crate::vault) struct EventRow {
    pub(in crate::vault) incident: IncidentNumber,
    /// 1 and up, without gaps.
    pub(in crate::vault) number: u32,
    /// When it was written down.
    pub(in crate::vault) at: Timestamp,
    /// When it happened, if that was said.
    pub(in crate::vault) happened_at: Option<Timestamp>,
    /// `open`, `edit`, `note`, `link`, `contain`, `rotate`, …
    pub(in crate::vault) kind: String,
    /// The user.
    pub(in crate::vault) author: String,
    /// The credential it is about, and its name then.
    pub(in crate::vault) credential: Option<(Uuid, String)>,
    /// In a few words of ours; what people wrote is sealed.
    pub(in crate::vault) detail: Option<String>,
    /// The tag of the event before.
    pub(in crate::vault) previous: Option<Hash>,
    /// What somebody wrote about it: an age file.
    pub(in crate::vault) sealed: Option<Vec<u8>>,
    pub(in crate::vault) row_tag: Hash,
}

impl EventRow {
    pub(in crate::vault) fn message(&self, vault: &VaultRow) -> Tlv {
        let mut m = Tlv::new("vault/incident-event/v1");
        m.bytes(vault.vault_id.as_bytes()).int(i64::from(vault.epoch));
        m.int(self.incident.0).int(i64::from(self.number)).int(self.at.0);
        m.opt_int(self.happened_at.map(|at| at.0)).text(&self.kind).text(&self.author);
        let (id, name) =
            (self.credential.as_ref().map(|c| c.0), self.credential.as_ref().map(|c| &*c.1));
        m.opt_bytes(id.as_ref().map(|id| &id.as_bytes()[..])).opt_text(name);
        m.opt_text(self.detail.as_deref());
        m.opt_bytes(self.previous.as_ref().map(|tag| &tag[..]));
        m.opt_bytes(self.sealed.as_ref().map(|sealed| sha256(sealed)).as_ref().map(|h| &h[..]));
        m
    }

    /// Calls `each` for the events of an incident, the first one first.
    pub(in crate::vault) fn each(
        db: &Db,
        incident: IncidentNumber,
        mut each: impl FnMut(Self) -> Result<()>,
    ) -> Result<()> {
        let sql =
            "SELECT incident, number, at, happened_at, kind, author, credential, name, detail,
                          previous, row_tag, sealed
                   FROM incident_event WHERE incident = ?1 ORDER BY number";
        db.each(sql, &[Value::Int(incident.0)], |row| each(Self::read(row)?))
    }

    /// How many events there are of all incidents.
    pub(in crate::vault) fn count(db: &Db) -> Result<i64> {
        db.int("SELECT count(*) FROM incident_event")
    }

    pub(in crate::vault) fn insert(&self, db: &Db) -> Result<()> {
        let (id, name) =
            (self.credential.as_ref().map(|c| c.0), self.credential.as_ref().map(|c| &*c.1));
        db.run(
            "INSERT INTO incident_event (incident, number, at, happened_at, kind, author, credential,
                                         name, detail, previous, row_tag, sealed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            &[
                Value::Int(self.incident.0),
                Value::Int(i64::from(self.number)),
                Value::Int(self.at.0),
                self.happened_at.map(|at| at.0).into(),
                Value::Text(&self.kind),
                Value::Text(&self.author),
                id.as_ref().map(|id| &id.as_bytes()[..]).into(),
                name.into(),
                self.detail.as_deref().into(),
                self.previous.as_ref().map(|tag| &tag[..]).into(),
                Value::Blob(&self.row_tag),
                self.sealed.as_deref().into(),
            ],
        )
        .map(drop)
    }

    fn read(row: &Row<'_>) -> Result<Self> {
        let text = |column| Ok::<_, Error>(row.opt_text(column)?.map(str::to_owned));
        Ok(Self {
            incident: IncidentNumber(row.int(0)?),
            number: row.u32(1)?,
            at: Timestamp(row.int(2)?),
            happened_at: row.opt_int(3)?.map(Timestamp),
            kind: row.text(4)?.to_owned(),
            author: row.text(5)?.to_owned(),
            credential: match row.opt_blob(6)? {
                Some(_) => Some((row.uuid(6)?, row.text(7)?.to_owned())),
                None => None,
            },
            detail: text(8)?,
            previous: row.opt_blob(9)?.map(|_| row.array(9)).transpose()?,
            row_tag: row.array(10)?,
            sealed: row.opt_blob(11)?.map(<[u8]>::to_vec),
        })
    }
}
