//! What leaves the vault: plain values without keys.

use crate::error::Result;
use crate::model::{Attr, CredName, FieldName, Label, Metadata, Secret, Timestamp};
use std::path::PathBuf;
use uuid::Uuid;

/// One credential as the clear columns tell it.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Never reused.
    pub id: Uuid,
    /// Unique among the live ones.
    pub name: String,
    /// The clear columns.
    pub meta: Metadata,
    /// The secret fields and their current versions, in order of name (`notes` among them).
    pub secrets: Vec<(FieldName, u32)>,
    /// The media types of those that came as files, in the same order; told by `show` only.
    pub media: Vec<(FieldName, String)>,
    /// +1 with every change of anything.
    pub revision: u32,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When anything of it changed last.
    pub updated_at: Timestamp,
    /// When it went into the trash; none for a live one.
    pub deleted_at: Option<Timestamp>,
    /// Whether the row was checked against the vault's keys.
    pub verified: bool,
}

/// Which credentials to list. Empty means all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// A kind's own name.
    pub kind: Option<String>,
    /// Attributes that must be equal.
    pub attrs: Vec<(Attr, String)>,
    /// A tag it must have.
    pub tag: Option<Label>,
    /// Substring of any clear text, ASCII letters compared without case.
    pub search: Option<String>,
    /// Expired by then, or to be rotated by then.
    pub due_by: Option<Timestamp>,
    /// The trash instead of the live ones.
    pub deleted: bool,
    /// At most so many.
    pub limit: Option<u64>,
    /// Skip so many first.
    pub offset: u64,
    /// Only name, kind, user name, URL, client and expiry are wanted.
    pub brief: bool,
}

impl Filter {
    /// Whether every live credential fits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kind.is_none()
            && self.attrs.is_empty()
            && self.tag.is_none()
            && self.search.is_none()
            && self.due_by.is_none()
            && !self.deleted
    }
}

/// How a name on the command line finds its credential.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Match {
    /// The whole name only: for commands that change things.
    Exact,
    /// The whole name, else a prefix that fits one name only.
    Prefix,
}

/// Changes metadata in place, or says why not.
pub type Edit<'a> = dyn FnOnce(&mut Metadata) -> Result<()> + 'a;

/// A change to a credential: what is absent stays.
#[derive(Default)]
pub struct Change<'a> {
    /// What to do to the metadata. It runs inside the transaction, on what is there then, so that
    /// two changes at once are both kept.
    pub edit: Option<Box<Edit<'a>>>,
    /// New values.
    pub secrets: Vec<(FieldName, Secret)>,
}

/// A credential to be stored.
pub struct NewCredential {
    /// Must be free.
    pub name: CredName,
    /// The clear columns.
    pub meta: Metadata,
    /// At least one; `notes` is a field like others.
    pub secrets: Vec<(FieldName, Secret)>,
}

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

/// Which entries to show. Empty means all.
#[derive(Clone, Debug, Default)]
pub struct EntryFilter {
    /// By credential: its name, past or present.
    pub cred: Option<String>,
    /// By action.
    pub action: Option<String>,
    /// By user name.
    pub actor: Option<String>,
    /// By outcome.
    pub outcome: Option<String>,
    /// Not before this.
    pub since: Option<Timestamp>,
    /// Before this.
    pub until: Option<Timestamp>,
    /// At most so many.
    pub limit: Option<u64>,
    /// Skip so many first.
    pub offset: u64,
}

/// What `audit verify` found. Damage is an error (exit 15) and not in here.
#[derive(Clone, Debug)]
pub struct LogVerdict {
    /// How many there are.
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
    /// The database.
    pub file: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Which vault it is.
    pub vault_id: Uuid,
    /// +1 with every change of the vault's key.
    pub epoch: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// State counter: +1 per change.
    pub counter: i64,
    /// Credentials in use.
    pub live: u64,
    /// Credentials in the trash.
    pub trashed: u64,
    /// Live ones past their expiry.
    pub expired: u64,
    /// Expiring within 30 days.
    pub expiring: u64,
    /// Kind and number of live credentials.
    pub kinds: Vec<(String, u64)>,
    /// Entries in the log.
    pub entries: i64,
    /// When the last one was written.
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
    /// What was found.
    pub message: String,
}
