//! `status` and `doctor`: what the vault looks like from outside, and what is wrong with it.

use super::check::check_tag;
use super::keys::Keys;
use super::seal::Found;
use super::store::anchor::PrunedRow;
use super::store::overview::{self, Moments, Overview};
use super::store::vault::Tombstone;
use super::store::{CredentialRow, IncidentRow, SecretRow, SlotRow, VaultRow, log};
use super::versions::Chain;
use super::view::{Finding, Status};
use super::{State, Vault, check, files, incident, state};
use crate::error::{Error, Result};
use crate::model::{Timestamp, counted};
use std::path::Path;

/// "Soon" in `status`: 30 days, in milliseconds.
const SOON: i64 = 30 * 86_400_000;

/// And how long nobody must have read what is unused: 90 days.
const QUARTER: i64 = 90 * 86_400_000;

impl<S: State> Vault<S> {
    /// Counts and dates, without unlocking and without an entry.
    ///
    /// # Errors
    /// Integrity (15), I/O (18).
    pub fn status(&mut self) -> Result<Status> {
        // The seal is read first: a process that commits now may move it past what is seen here.
        let (found, _) = self.core.seal_file().read()?;
        self.core.db.begin_read()?;
        let status = self.status_beside(&found);
        self.core.db.roll_back();
        status
    }

    fn status_beside(&self, found: &Found) -> Result<Status> {
        let core = &self.core;
        let vault = VaultRow::load(&core.db)?;
        let now = core.world.now();
        let end = log::end(&core.db, vault.vault_id)?;
        let pruned = PrunedRow::load(&core.db)?.map(|row| row.seq);
        let (soon, quarter) = (Timestamp(now.0 + SOON), Timestamp(now.0 - QUARTER));
        let counts = Overview::of(&core.db, Moments { now, soon, quarter })?;
        Ok(Status {
            file: core.place.file.clone(),
            bytes: std::fs::metadata(&core.place.file).map_or(0, |about| about.len()),
            vault_id: vault.vault_id,
            epoch: vault.epoch,
            created_at: vault.created_at,
            counter: vault.counter,
            live: counts.live,
            trashed: counts.trashed,
            expired: counts.expired,
            expiring: counts.expiring,
            overdue: counts.overdue,
            due_soon: counts.due_soon,
            never_rotated: counts.never_rotated,
            unused: counts.unused,
            kinds: counts.kinds.into_iter().collect(),
            entries: end.seq - pruned.unwrap_or_default(),
            pruned_to: pruned,
            last_entry_at: end.at,
            last_action: overview::last_action(&core.db)?,
            last_verified: overview::last_verified(&core.db)?,
            incidents: IncidentRow::count_open(&core.db)?,
            slots: SlotRow::all(&core.db)?
                .into_iter()
                .map(|slot| (slot.label, slot.kind, slot.created_at))
                .collect(),
            seal: match found {
                Found::Missing => "missing",
                Found::Damaged => "damaged",
                Found::Present(seal) if seal.seq > end.seq || seal.counter > vault.counter => {
                    "ahead"
                }
                Found::Present(_) => "present",
            },
            fingerprint: match found {
                Found::Present(seal) => Some(check::fingerprint_of(&seal.pin)),
                Found::Missing | Found::Damaged => None,
            },
        })
    }

    /// Looks at files, database, state and log; at every row when unlocked.
    ///
    /// # Errors
    /// None for what it finds; only when it cannot look.
    pub fn doctor(&mut self) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        let mut note = |check, outcome: Result<String>| findings.push(finding(check, outcome));
        note("files", self.check_files());
        note("disk", check_disk(&self.core.place.file));
        note("database", self.check_database());
        let verdict = self.verify_log(&mut |_, _| {});
        note(
            "log",
            verdict
                .as_ref()
                .map(|v| format!("{}, intact", counted(v.entries, "entry")))
                .map_err(again),
        );
        if let Ok(verdict) = verdict {
            findings.extend(verdict.gaps.into_iter().map(|gap| Finding {
                level: "warning",
                check: "log",
                message: gap,
            }));
        }
        match self.state.with() {
            Some(with) => findings.push(finding("rows", self.check_rows(with.keys))),
            None => findings.push(Finding {
                level: "warning",
                check: "rows",
                message: "not checked while locked".into(),
            }),
        }
        Ok(findings)
    }

    fn check_files(&self) -> Result<String> {
        let file = &self.core.place.file;
        for suffix in ["", "-wal", "-shm", ".lock"] {
            files::check(&files::beside(file, suffix))?;
        }
        files::check_dir(file.parent().unwrap_or(Path::new("/")))?;
        match self.core.seal_file().read()?.0 {
            Found::Present(_) => Ok("private, and the seal is there".into()),
            Found::Missing => Err(Error::internal("there is no seal file on this machine")),
            Found::Damaged => Err(Error::internal("the seal file on this machine is damaged")),
        }
    }

    fn check_database(&self) -> Result<String> {
        let found = self.core.db.integrity_check()?;
        match found.first() {
            None => Ok("SQLite finds it whole".into()),
            Some(first) => Err(Error::integrity(format!("SQLite finds damage: {first}"))),
        }
    }

    /// Every row tag, every version, and the state tree over them.
    fn check_rows(&self, keys: &Keys) -> Result<String> {
        let db = &self.core.db;
        db.begin_read()?;
        let checked = VaultRow::load(db).and_then(|vault| {
            let (found, _) = self.core.seal_file().read()?;
            check::check_vault(&vault, keys, &found)?;
            state::check_all(db, &vault, keys)?;
            Tombstone::each(db, |stone| {
                match keys.row.verify(stone.message(&vault).as_bytes(), &stone.row_tag) {
                    true => Ok(()),
                    false => Err(Error::integrity("a tombstone was changed from outside")),
                }
            })?;
            let (mut credentials, mut versions) = (0, 0);
            CredentialRow::each(db, |mut row| {
                check_tag(&mut row, &vault, keys)?;
                versions += self.check_versions(&row, &vault, keys)?;
                credentials += 1;
                Ok(())
            })?;
            let incidents = incident::check::check_all(db, &vault, keys)?;
            match versions == SecretRow::count(db)? {
                true => Ok(format!(
                    "{}, {}, {}, all genuine",
                    counted(credentials, "credential"),
                    counted(versions, "value"),
                    counted(incidents, "incident")
                )),
                false => Err(Error::integrity("there are values that belong to no credential")),
            }
        });
        db.roll_back();
        checked
    }

    /// The chain of versions of each field: the current one is named by the credential, each names
    /// the one before it. Returns how many there are.
    fn check_versions(&self, row: &CredentialRow, vault: &VaultRow, keys: &Keys) -> Result<i64> {
        let mut count = 0;
        for head in &row.heads {
            let chain = Chain { db: &self.core.db, vault, keys: Some(keys), row, head };
            chain.walk(1, |_| {
                count += 1;
                Ok(())
            })?;
        }
        Ok(count)
    }
}

fn finding(check: &'static str, outcome: Result<String>) -> Finding {
    match outcome {
        Ok(message) => Finding { level: "ok", check, message },
        Err(e) if e.kind() == crate::error::ErrorKind::Internal => {
            Finding { level: "warning", check, message: e.message().to_owned() }
        }
        Err(e) => Finding { level: "problem", check, message: e.message().to_owned() },
    }
}

/// The same error once more, for a report that goes on.
fn again(e: &Error) -> Error {
    Error::new(e.kind(), e.message())
}

/// Locks and the write-ahead log need a local disk.
fn check_disk(file: &Path) -> Result<String> {
    /// `statfs(2)` magic numbers of NFS, SMB, SMB2 and CIFS.
    const REMOTE: [u64; 4] = [0x6969, 0x517b, 0xfe53_4d42, 0xff53_4d42];
    let about =
        rustix::fs::statfs(file).map_err(|e| Error::io("cannot look at the disk", &e.into()))?;
    let kind = u64::try_from(about.f_type).unwrap_or_default();
    match REMOTE.contains(&kind) {
        true => {
            Err(Error::internal("the vault is on a network disk, where locks are not reliable"))
        }
        false => Ok("a local file system".into()),
    }
}
