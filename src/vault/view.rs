//! What the vault shows to the door: plain values without keys.

use crate::model::{Attr, CredName, FieldName, Label, Metadata, Secret, Timestamp};
use std::path::PathBuf;
use uuid::Uuid;

/// One credential as the clear columns tell it.
#[derive(Clone, Debug)]
pub struct Credential {
    pub id: Uuid,
    pub name: String,
    pub meta: Metadata,
    /// The secret fields and their current versions, in order of name (`notes` among them).
    pub secrets: Vec<(FieldName, u32)>,
    /// +1 with every change of anything.
    pub revision: u32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub deleted_at: Option<Timestamp>,
    /// Whether the row was checked against the vault's keys.
    pub verified: bool,
}

/// Which credentials to list. Empty means all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub kind: Option<String>,
    /// Attributes that must be equal.
    pub attrs: Vec<(Attr, String)>,
    pub tag: Option<Label>,
    /// Substring of any clear text, ASCII letters compared without case.
    pub search: Option<String>,
    /// The trash instead of the live ones.
    pub deleted: bool,
    pub limit: Option<u64>,
    pub offset: u64,
    /// Only name, kind, user name, URL, client and expiry are wanted.
    pub brief: bool,
}

/// How a name on the command line finds its credential.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Match {
    /// The whole name only: for commands that change things.
    Exact,
    /// The whole name, else a prefix that fits one name only.
    Prefix,
}

/// A change to a credential: what is absent stays.
#[derive(Default)]
pub struct Change {
    pub meta: Option<Metadata>,
    pub secrets: Vec<(FieldName, Secret)>,
}

/// A credential to be stored.
pub struct NewCredential {
    pub name: CredName,
    pub meta: Metadata,
    /// At least one; `notes` is a field like others.
    pub secrets: Vec<(FieldName, Secret)>,
}

/// One entry of the audit log.
#[derive(Clone, Debug)]
pub struct Entry {
    /// 1 and up, without gaps.
    pub seq: i64,
    pub id: Uuid,
    pub at: Timestamp,
    pub action: String,
    /// `ok`, `refused` or `failed`.
    pub outcome: String,
    pub credential: Option<Uuid>,
    /// The credential's name as it was.
    pub name: Option<String>,
    pub fields: Vec<String>,
    pub user: String,
    pub uid: u32,
    pub host: String,
    pub tty: Option<String>,
    /// Remote address of the SSH session.
    pub remote: Option<String>,
    /// The program that started this one.
    pub program: Option<String>,
    /// The program that started that.
    pub parent: Option<String>,
    /// `vault/VERSION`.
    pub agent: String,
    pub incident: Option<String>,
    pub reason: Option<String>,
    /// A small JSON object.
    pub details: Option<String>,
    /// The log segment; none for an entry written while no seal was there.
    pub segment: Option<i64>,
    /// SHA-256 of the public chain.
    pub hash: [u8; 32],
}

/// Which entries to show. Empty means all.
#[derive(Clone, Debug, Default)]
pub struct EntryFilter {
    /// A credential's name, past or present.
    pub cred: Option<String>,
    pub action: Option<String>,
    pub actor: Option<String>,
    pub outcome: Option<String>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub limit: Option<u64>,
    pub offset: u64,
}

/// What `audit verify` found. Damage is an error (exit 15) and not in here.
#[derive(Clone, Debug)]
pub struct LogVerdict {
    pub entries: u64,
    /// Last sequence number.
    pub last: i64,
    /// SHA-256 of the last entry, the head of the chain.
    pub head: [u8; 32],
    /// Whether entry MACs were checked too (needs the keys), or the public chain only.
    pub authenticated: bool,
    /// The log is complete up to this sequence number, as the seal file attests; none when there is
    /// no seal on this machine.
    pub complete_to: Option<i64>,
    /// Visible gaps: a sentence each (a lost seal, entries written without one).
    pub gaps: Vec<String>,
}

/// What `status` tells, without unlocking.
#[derive(Clone, Debug)]
pub struct Status {
    pub file: PathBuf,
    pub bytes: u64,
    pub vault_id: Uuid,
    pub epoch: u32,
    pub created_at: Timestamp,
    /// State counter: +1 per change.
    pub counter: i64,
    pub live: u64,
    pub trashed: u64,
    pub expired: u64,
    /// Expiring within 30 days.
    pub expiring: u64,
    /// Kind and number of live credentials.
    pub kinds: Vec<(String, u64)>,
    pub entries: i64,
    pub last_entry_at: Option<Timestamp>,
    /// Slots: label, type (`passphrase`, `key_file`), creation.
    pub slots: Vec<(String, String, Timestamp)>,
    /// `present`, `missing`, `damaged`, or `ahead` (the database was rolled back).
    pub seal: &'static str,
}

/// One finding of `doctor`.
#[derive(Clone, Debug)]
pub struct Finding {
    /// `ok`, `warning` or `problem`.
    pub level: &'static str,
    /// What was looked at.
    pub check: &'static str,
    pub message: String,
}
