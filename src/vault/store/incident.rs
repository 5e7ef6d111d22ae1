//! Incidents: their rows, and what they are linked to.

use super::{Db, Row, Value, VaultRow};
use crate::error::{Error, Result};
use crate::model::incident::{
    Exposure, IncidentMeta, IncidentNumber, IncidentOutcome, IncidentStatus, IncidentType, Severity,
};
use crate::model::{CredName, Timestamp};
use crate::vault::incident::IncidentFilter;
use crate::vault::tlv::{Hash, Tlv, sha256};
use std::str::FromStr;
use uuid::Uuid;

/// One incident, without its timeline and links.
#[derive(Clone)]
pub(in crate::vault) struct IncidentRow {
    pub(in crate::vault) number: IncidentNumber,
    pub(in crate::vault) id: Uuid,
    pub(in crate::vault) meta: IncidentMeta,
    pub(in crate::vault) status: IncidentStatus,
    pub(in crate::vault) outcome: Option<IncidentOutcome>,
    /// `person`, `canary`, or `alert:` and the alert's id.
    pub(in crate::vault) source: String,
    pub(in crate::vault) opened_at: Timestamp,
    pub(in crate::vault) contained_at: Option<Timestamp>,
    pub(in crate::vault) resolved_at: Option<Timestamp>,
    /// The version of the long texts, 1 and up.
    pub(in crate::vault) version: u32,
    /// The long texts: an age file.
    pub(in crate::vault) sealed: Vec<u8>,
    /// The hash over all links.
    pub(in crate::vault) links: Hash,
    /// How many events there are.
    pub(in crate::vault) events: u32,
    /// The tag of the last one.
    pub(in crate::vault) last_event: Option<Hash>,
    /// +1 with every change.
    pub(in crate::vault) revision: u32,
    pub(in crate::vault) updated_at: Timestamp,
    pub(in crate::vault) deleted_at: Option<Timestamp>,
    pub(in crate::vault) row_tag: Hash,
}

const COLUMNS: &str = "number, id, title, type, severity, status, outcome, source, client, service, \
    infra, owner, occurred_at, detected_at, opened_at, contained_at, resolved_at, links, events, \
    last_event, revision, updated_at, deleted_at, version, row_tag, sealed";

impl IncidentRow {
    pub(in crate::vault) fn message(&self, vault: &VaultRow) -> Tlv {
        let (meta, mut m) = (&self.meta, Tlv::new("vault/incident/v1"));
        m.bytes(vault.vault_id.as_bytes()).int(i64::from(vault.epoch));
        m.int(self.number.0).bytes(self.id.as_bytes()).text(&meta.title);
        m.text(meta.kind.word()).text(meta.severity.word()).text(self.status.word());
        m.opt_text(self.outcome.map(IncidentOutcome::word)).text(&self.source);
        for text in [&meta.client, &meta.service, &meta.infra, &meta.owner] {
            m.opt_text(text.as_deref());
        }
        m.opt_int(meta.occurred_at.map(|at| at.0)).opt_int(meta.detected_at.map(|at| at.0));
        m.int(self.opened_at.0).opt_int(self.contained_at.map(|at| at.0));
        m.opt_int(self.resolved_at.map(|at| at.0)).bytes(&sha256(&self.sealed)).bytes(&self.links);
        m.int(i64::from(self.events)).opt_bytes(self.last_event.as_ref().map(|tag| &tag[..]));
        m.int(i64::from(self.revision)).int(self.updated_at.0);
        m.opt_int(self.deleted_at.map(|at| at.0)).int(i64::from(self.version));
        m
    }

    pub(in crate::vault) fn find(db: &Db, number: IncidentNumber) -> Result<Option<Self>> {
        let sql = format!("SELECT {COLUMNS} FROM incident WHERE number = ?1");
        db.first(&sql, &[Value::Int(number.0)], Self::read)
    }

    /// The one that is still open, came from `source`, and concerns this credential.
    pub(in crate::vault) fn open_from(
        db: &Db,
        source: &str,
        credential: Uuid,
    ) -> Result<Option<Self>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM incident WHERE source = ?1 AND status <> ?2
             AND deleted_at IS NULL
             AND number IN (SELECT incident FROM incident_link WHERE credential = ?3)
             ORDER BY number DESC LIMIT 1"
        );
        let resolved = IncidentStatus::Resolved.word();
        let args = [Value::Text(source), Value::Text(resolved), Value::Blob(credential.as_bytes())];
        db.first(&sql, &args, Self::read)
    }

    /// The newest one that came from `source`.
    pub(in crate::vault) fn from_source(db: &Db, source: &str) -> Result<Option<IncidentNumber>> {
        let sql = "SELECT max(number) FROM incident WHERE source = ?1";
        let found = db.first(sql, &[Value::Text(source)], |row| row.opt_int(0))?;
        Ok(found.flatten().map(IncidentNumber))
    }

    /// The number of the next one.
    pub(in crate::vault) fn next(db: &Db) -> Result<IncidentNumber> {
        let last = db.int("SELECT coalesce(max(number), 0) FROM incident")?;
        match (0..1 << 48).contains(&last) {
            true => Ok(IncidentNumber(last + 1)),
            false => Err(Error::integrity("the incidents were changed from outside")),
        }
    }

    /// Calls `each` for every incident, those in the trash included, in order of number.
    pub(in crate::vault) fn each(db: &Db, mut each: impl FnMut(Self) -> Result<()>) -> Result<()> {
        let sql = format!("SELECT {COLUMNS} FROM incident ORDER BY number");
        db.each(&sql, &[], |row| each(Self::read(row)?))
    }

    /// How many are open of each severity, the worst first.
    pub(in crate::vault) fn count_open(db: &Db) -> Result<Vec<(Severity, u64)>> {
        let mut counts = Vec::new();
        let sql = "SELECT severity, count(*) FROM incident
                   WHERE status <> ?1 AND deleted_at IS NULL GROUP BY severity";
        db.each(sql, &[Value::Text(IncidentStatus::Resolved.word())], |row| {
            counts.push((word(row.text(0)?)?, u64::try_from(row.int(1)?).unwrap_or_default()));
            Ok(())
        })?;
        counts.sort_by_key(|(severity, _)| std::cmp::Reverse(*severity));
        Ok(counts)
    }

    /// Calls `each` for those that fit, the newest first.
    pub(in crate::vault) fn fitting(
        db: &Db,
        filter: &IncidentFilter,
        mut each: impl FnMut(Self) -> Result<()>,
    ) -> Result<()> {
        let mut sql = format!("SELECT {COLUMNS} FROM incident WHERE 1 = 1");
        let mut args: Vec<Value<'_>> = Vec::new();
        let mut add = |condition: &str, value| {
            args.push(value);
            sql.push_str(&condition.replace("?n", &format!("?{}", args.len())));
        };
        let words = [
            (" AND type = ?n", filter.kind.map(IncidentType::word)),
            (" AND severity = ?n", filter.severity.map(Severity::word)),
            (" AND status = ?n", filter.status.map(IncidentStatus::word)),
            (" AND client = ?n", filter.client.as_deref()),
            (" AND service = ?n", filter.service.as_deref()),
            (" AND infra = ?n", filter.infra.as_deref()),
            (" AND owner = ?n", filter.owner.as_deref()),
        ];
        for (condition, word) in words {
            if let Some(word) = word {
                add(condition, Value::Text(word));
            }
        }
        if let Some(open) = filter.open {
            let condition = if open { " AND status <> ?n" } else { " AND status = ?n" };
            add(condition, Value::Text(IncidentStatus::Resolved.word()));
        }
        if let Some(credential) = &filter.credential {
            let linked = " AND number IN (SELECT incident FROM incident_link WHERE name = ?n OR \
                          credential IN (SELECT id FROM credential WHERE name = ?n))";
            add(linked, Value::Text(credential));
        }
        let which = if filter.deleted { "IS NOT NULL" } else { "IS NULL" };
        sql.extend([" AND deleted_at ", which, " ORDER BY number DESC"]);
        db.each(&sql, &args, |row| each(Self::read(row)?))
    }

    pub(in crate::vault) fn insert(&self, db: &Db) -> Result<()> {
        let places: Vec<String> = (1..=26).map(|n| format!("?{n}")).collect();
        let sql = format!("INSERT INTO incident ({COLUMNS}) VALUES ({})", places.join(", "));
        let (meta, time) = (&self.meta, |at: Option<Timestamp>| Value::from(at.map(|at| at.0)));
        db.run(
            &sql,
            &[
                Value::Int(self.number.0),
                Value::Blob(self.id.as_bytes()),
                Value::Text(&meta.title),
                Value::Text(meta.kind.word()),
                Value::Text(meta.severity.word()),
                Value::Text(self.status.word()),
                self.outcome.map(IncidentOutcome::word).into(),
                Value::Text(&self.source),
                meta.client.as_deref().into(),
                meta.service.as_deref().into(),
                meta.infra.as_deref().into(),
                meta.owner.as_deref().into(),
                time(meta.occurred_at),
                time(meta.detected_at),
                Value::Int(self.opened_at.0),
                time(self.contained_at),
                time(self.resolved_at),
                Value::Blob(&self.links),
                Value::Int(i64::from(self.events)),
                self.last_event.as_ref().map(|tag| &tag[..]).into(),
                Value::Int(i64::from(self.revision)),
                Value::Int(self.updated_at.0),
                time(self.deleted_at),
                Value::Int(i64::from(self.version)),
                Value::Blob(&self.row_tag),
                Value::Blob(&self.sealed),
            ],
        )
        .map(drop)
    }

    /// Calls `each` with id and tag of every incident, in order of number.
    pub(in crate::vault) fn each_tag(db: &Db, mut each: impl FnMut(Uuid, Hash)) -> Result<()> {
        db.each("SELECT id, row_tag FROM incident ORDER BY number", &[], |row| {
            each(row.uuid(0)?, row.array(1)?);
            Ok(())
        })
    }

    /// Puts this one in the place of the one with the same number.
    pub(in crate::vault) fn replace(&self, db: &Db) -> Result<()> {
        db.run("DELETE FROM incident WHERE number = ?1", &[Value::Int(self.number.0)])?;
        self.insert(db)
    }

    fn read(row: &Row<'_>) -> Result<Self> {
        let time = |column| Ok::<_, Error>(row.opt_int(column)?.map(Timestamp));
        let text = |column| Ok::<_, Error>(row.opt_text(column)?.map(str::to_owned));
        Ok(Self {
            number: IncidentNumber(row.int(0)?),
            id: row.uuid(1)?,
            meta: IncidentMeta {
                title: row.text(2)?.to_owned(),
                kind: word(row.text(3)?)?,
                severity: word(row.text(4)?)?,
                client: text(8)?,
                service: text(9)?,
                infra: text(10)?,
                owner: text(11)?,
                occurred_at: time(12)?,
                detected_at: time(13)?,
            },
            status: word(row.text(5)?)?,
            outcome: row.opt_text(6)?.map(word).transpose()?,
            source: row.text(7)?.to_owned(),
            opened_at: Timestamp(row.int(14)?),
            contained_at: time(15)?,
            resolved_at: time(16)?,
            links: row.array(17)?,
            events: row.u32(18)?,
            last_event: row.opt_blob(19)?.map(|_| row.array(19)).transpose()?,
            revision: row.u32(20)?,
            updated_at: Timestamp(row.int(21)?),
            deleted_at: time(22)?,
            version: row.u32(23)?,
            row_tag: row.array(24)?,
            sealed: row.blob(25)?.to_vec(),
        })
    }
}

/// A word that was checked before it was stored.
fn word<T: FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| Error::integrity("an incident was changed from outside"))
}

/// What an incident has to do with a credential.
#[derive(Clone)]
pub(in crate::vault) struct LinkRow {
    pub(in crate::vault) incident: IncidentNumber,
    pub(in crate::vault) credential: Uuid,
    /// Its name when it was linked.
    pub(in crate::vault) name: CredName,
    pub(in crate::vault) exposure: Exposure,
    pub(in crate::vault) linked_at: Timestamp,
    /// When somebody said that the new value works and the old one does not.
    pub(in crate::vault) verified_at: Option<Timestamp>,
    /// When somebody said that nothing is to be done about it, with a reason.
    pub(in crate::vault) waived_at: Option<Timestamp>,
    pub(in crate::vault) row_tag: Hash,
}

impl LinkRow {
    pub(in crate::vault) fn message(&self, vault: &VaultRow) -> Tlv {
        let mut m = Tlv::new("vault/incident-link/v1");
        m.bytes(vault.vault_id.as_bytes()).int(i64::from(vault.epoch));
        m.int(self.incident.0).bytes(self.credential.as_bytes()).text(self.name.as_str());
        m.text(self.exposure.word()).int(self.linked_at.0);
        m.opt_int(self.verified_at.map(|at| at.0)).opt_int(self.waived_at.map(|at| at.0));
        m
    }

    /// The links of an incident, in order of credential.
    pub(in crate::vault) fn of(db: &Db, incident: IncidentNumber) -> Result<Vec<Self>> {
        let mut links = Vec::new();
        let sql = "SELECT incident, credential, name, exposure, linked_at, verified_at, waived_at,
                          row_tag
                   FROM incident_link WHERE incident = ?1 ORDER BY credential";
        db.each(sql, &[Value::Int(incident.0)], |row| {
            links.push(Self {
                incident: IncidentNumber(row.int(0)?),
                credential: row.uuid(1)?,
                name: super::credential::stored(row.text(2)?)?,
                exposure: word(row.text(3)?)?,
                linked_at: Timestamp(row.int(4)?),
                verified_at: row.opt_int(5)?.map(Timestamp),
                waived_at: row.opt_int(6)?.map(Timestamp),
                row_tag: row.array(7)?,
            });
            Ok(())
        })?;
        Ok(links)
    }

    /// The open incidents that a credential is linked to.
    pub(in crate::vault) fn open_with(
        db: &Db,
        credential: Uuid,
        but_from: &str,
    ) -> Result<Vec<(IncidentNumber, Exposure)>> {
        let mut found = Vec::new();
        let sql = "SELECT i.number, l.exposure
                   FROM incident_link l JOIN incident i ON i.number = l.incident
                   WHERE l.credential = ?1 AND i.status <> ?2 AND i.deleted_at IS NULL
                         AND i.source <> ?3 ORDER BY i.number";
        let resolved = Value::Text(IncidentStatus::Resolved.word());
        db.each(
            sql,
            &[Value::Blob(credential.as_bytes()), resolved, Value::Text(but_from)],
            |row| {
                found.push((IncidentNumber(row.int(0)?), word(row.text(1)?)?));
                Ok(())
            },
        )?;
        Ok(found)
    }

    /// How many links there are of all incidents.
    pub(in crate::vault) fn count(db: &Db) -> Result<i64> {
        db.int("SELECT count(*) FROM incident_link")
    }

    pub(in crate::vault) fn insert(&self, db: &Db) -> Result<()> {
        db.run(
            "INSERT INTO incident_link (incident, credential, name, exposure, linked_at,
                                        verified_at, waived_at, row_tag)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            &[
                Value::Int(self.incident.0),
                Value::Blob(self.credential.as_bytes()),
                Value::Text(self.name.as_str()),
                Value::Text(self.exposure.word()),
                Value::Int(self.linked_at.0),
                self.verified_at.map(|at| at.0).into(),
                self.waived_at.map(|at| at.0).into(),
                Value::Blob(&self.row_tag),
            ],
        )
        .map(drop)
    }

    pub(in crate::vault) fn delete(&self, db: &Db) -> Result<()> {
        let sql = "DELETE FROM incident_link WHERE incident = ?1 AND credential = ?2";
        let args = [Value::Int(self.incident.0), Value::Blob(self.credential.as_bytes())];
        db.run(sql, &args).map(drop)
    }
}
