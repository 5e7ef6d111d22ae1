//! An entry of the log, as it leaves the vault.

use crate::model::Timestamp;
use uuid::Uuid;

/// One entry of the audit log.
#[derive(Clone, Debug)]
pub struct Entry {
    /// 1 and up, without gaps.
    pub seq: i64,
    /// A version 7 UUID.
    pub id: Uuid,
    /// When it was written, by the clock of then.
    pub at: Timestamp,
    /// One of `ACTIONS`.
    pub action: String,
    /// `ok`, `refused` or `failed`.
    pub outcome: String,
    /// The credential it is about.
    pub credential: Option<Uuid>,
    /// The credential's name as it was.
    pub name: Option<String>,
    /// The secret fields it is about.
    pub fields: Vec<String>,
    /// The user's login name, from the system.
    pub user: String,
    /// The real user id.
    pub uid: u32,
    /// The machine.
    pub host: String,
    /// The terminal.
    pub tty: Option<String>,
    /// Remote address of the SSH session.
    pub remote: Option<String>,
    /// The nearest of three calling programs that is no shell, or else the direct one.
    pub program: Option<String>,
    /// The program that started this one.
    pub parent: Option<String>,
    /// `vault/VERSION`.
    pub agent: String,
    /// The incident it belongs to.
    pub incident: Option<String>,
    /// What the user gave as the reason.
    pub reason: Option<String>,
    /// A small JSON object.
    pub details: Option<String>,
    /// The log segment; none for an entry written while no seal was there.
    pub segment: Option<i64>,
    /// SHA-256 of the public chain.
    pub hash: [u8; 32],
}

impl Entry {
    /// One of its details, if it has that.
    #[must_use]
    pub fn detail(&self, key: &str) -> Option<String> {
        let details: serde_json::Value = serde_json::from_str(self.details.as_deref()?).ok()?;
        details.get(key)?.as_str().map(str::to_owned)
    }

    /// The program that the values went to, and how: `psql by env`.
    #[must_use]
    pub fn recipient(&self) -> Option<String> {
        match (self.detail("command"), self.detail("mode")) {
            (Some(command), Some(mode)) => Some(format!("{command} by {mode}")),
            (Some(one), None) | (None, Some(one)) => Some(one),
            (None, None) => None,
        }
    }
}
