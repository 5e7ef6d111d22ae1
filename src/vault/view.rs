//! What leaves the vault: plain values without keys.

use super::store::SecretRow;
use crate::error::Result;
use crate::kind::strength::Strength;
use crate::model::incident::{Exposure, IncidentNumber, Severity};
use crate::model::{CredName, Duty, FieldName, Metadata, Secret, Timestamp};
use std::path::PathBuf;
use uuid::Uuid;
use zeroize::Zeroizing;

mod elsewhere;
mod entry;
mod slot;

pub use elsewhere::{Anchor, Anchored, Prunable, Record, SinkState};
pub use entry::Entry;
pub use slot::{RemovedSlot, Slot, SlotUses, TriedSlot};

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
    /// The media types of those that came as files, in the same order; told by `show` and `look`.
    pub media: Vec<(FieldName, String)>,
    /// +1 with every change of anything.
    pub revision: u32,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When anything of it changed last.
    pub updated_at: Timestamp,
    /// When it went into the trash; none for a live one.
    pub deleted_at: Option<Timestamp>,
    /// When it came out of the trash last; none if it was never in there.
    pub restored_at: Option<Timestamp>,
    /// The open incidents it is linked to, and how exposed it is; told by `show` and `reveal_all`.
    pub incidents: Vec<(IncidentNumber, Exposure)>,
    /// Whether the row was checked against the vault's keys.
    pub verified: bool,
}

/// One version of a secret field, without its value.
#[derive(Clone, Debug)]
pub struct Version {
    /// The secret field.
    pub field: FieldName,
    /// 1 and up.
    pub version: u32,
    /// When it was stored.
    pub created_at: Timestamp,
    /// How it came: `set`, `import`, `rotate` or `rollback`.
    pub origin: String,
    /// The user who stored it.
    pub author: String,
    /// What the user gave as the reason.
    pub reason: Option<String>,
    /// The media type of a value that came as a file.
    pub media: Option<String>,
    /// When its value was destroyed; none if it is still there.
    pub purged_at: Option<Timestamp>,
    /// Whether it is the one in use.
    pub is_current: bool,
    /// Whether it was checked against the vault's keys.
    pub verified: bool,
}

impl Version {
    pub(super) fn of(row: SecretRow, is_current: bool, verified: bool) -> Self {
        Self {
            field: row.field,
            version: row.version,
            created_at: row.created_at,
            origin: row.origin,
            author: row.author,
            reason: row.reason,
            media: row.media,
            purged_at: row.purged_at,
            is_current,
            verified,
        }
    }
}

/// One credential in the trash.
#[derive(Clone, Debug)]
pub struct Trashed {
    /// Never reused.
    pub id: Uuid,
    /// What it was called; others may be, too.
    pub name: CredName,
    /// When it was put there.
    pub deleted_at: Timestamp,
}

/// Which version a change builds on: if another one is current by then, nothing is changed.
#[derive(Clone, Debug)]
pub struct Expect {
    /// The secret field it counts for; none means the primary one.
    pub field: Option<FieldName>,
    /// The version that must be the current one; 0 if there must be none yet.
    pub version: u32,
}

/// Which credential a change is for, and what it must still be like.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// Its whole name.
    pub name: &'a CredName,
    /// If there is nothing here, it may be as it likes.
    pub expect: Option<&'a Expect>,
}

impl<'a> From<&'a CredName> for Subject<'a> {
    fn from(name: &'a CredName) -> Self {
        Self { name, expect: None }
    }
}

impl<'a> From<(&'a CredName, Option<&'a Expect>)> for Subject<'a> {
    fn from((name, expect): (&'a CredName, Option<&'a Expect>)) -> Self {
        Self { name, expect }
    }
}

/// Where a value goes that is handed out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum To {
    /// To whoever asked: printed, or used by this program.
    Caller,
    /// To the clipboard of the desktop.
    Clipboard,
    /// To the clipboard of the terminal, by an escape sequence (OSC 52).
    Terminal,
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

/// Which entries of the log. Empty means all.
#[derive(Clone, Debug, Default)]
pub struct EntryFilter {
    /// By credential: its name, past or present.
    pub cred: Option<String>,
    /// By the client that the credential has now.
    pub client: Option<String>,
    /// By incident: its number.
    pub incident: Option<String>,
    /// About the credentials that this incident has to do with.
    pub linked_to: Option<IncidentNumber>,
    /// Any of these actions; empty for all.
    pub actions: Vec<String>,
    /// By user name.
    pub actor: Option<String>,
    /// By machine.
    pub host: Option<String>,
    /// By the calling program, or the one that values went to.
    pub program: Option<String>,
    /// By outcome.
    pub outcome: Option<String>,
    /// Part of the reason, ASCII letters compared without case.
    pub reason: Option<String>,
    /// Part of any text but the identifiers, in the same way.
    pub text: Option<String>,
    /// Not before this.
    pub since: Option<Timestamp>,
    /// Before this.
    pub until: Option<Timestamp>,
    /// Only those numbered higher.
    pub after: Option<i64>,
    /// Only those numbered no higher.
    pub up_to: Option<i64>,
    /// The oldest first, not the newest.
    pub oldest_first: bool,
    /// At most so many.
    pub limit: Option<u64>,
    /// Skip so many first.
    pub offset: u64,
}

/// What is counted of an entry.
#[derive(Clone, Copy, Debug)]
pub struct Glimpse<'a> {
    /// Its number.
    pub seq: i64,
    /// When it was written.
    pub at: Timestamp,
    /// One of `ACTIONS`.
    pub action: &'a str,
    /// `ok`, `refused` or `failed`.
    pub outcome: &'a str,
    /// The user.
    pub user: &'a str,
    /// The machine.
    pub host: &'a str,
    /// The calling program.
    pub program: Option<&'a str>,
    /// The credential's name as it was.
    pub name: Option<&'a str>,
    /// The credential.
    pub credential: Option<Uuid>,
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
    /// The last entry of those that were pruned, if any were.
    pub pruned_to: Option<i64>,
    /// Visible gaps: a sentence each (a lost seal, entries written without one).
    pub gaps: Vec<String>,
}

/// How deep a check looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Depth {
    /// At the clear columns and the log.
    Metadata,
    /// At every value, too.
    Values,
    /// The same, and their SHA-1 is wanted, to look it up in a list.
    Digests,
}

/// What a check found. No value is in it, nor anything that tells one.
#[derive(Default)]
pub struct Checkup {
    /// How many credentials fit.
    pub credentials: u64,
    /// What the clear columns and the log tell, with the names of the credentials.
    pub facts: Vec<(String, Fact)>,
    /// What was looked at, in order.
    pub values: Vec<Seen>,
    /// Which of these are the same, by their numbers, two or more each.
    pub same: Vec<Vec<usize>>,
}

/// Something about a credential that its owner should know.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fact {
    /// Its time has come.
    Overdue(Duty, Timestamp),
    /// It was never rotated, and its secrets are older than a year; when it was stored.
    NeverRotated(Timestamp),
    /// It is there for 90 days, and no value of it was handed out in that time; when one was last.
    Unused(Option<Timestamp>),
}

/// What a check saw of a value.
pub struct Seen {
    /// Whose it is.
    pub name: String,
    /// Which field.
    pub field: FieldName,
    /// How hard it is to guess, if it is of those that people choose.
    pub strength: Option<Strength>,
    /// Its SHA-1, if wanted. As good as the value to whoever guesses: never to be shown.
    pub sha1: Option<Zeroizing<[u8; 20]>>,
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
    /// Expired, or not rotated when they should have been.
    pub overdue: u64,
    /// Not overdue, but within 30 days.
    pub due_soon: u64,
    /// Never rotated.
    pub never_rotated: u64,
    /// There for 90 days, and not read in that time.
    pub unused: u64,
    /// Kind and number of live credentials.
    pub kinds: Vec<(String, u64)>,
    /// Entries in the log.
    pub entries: i64,
    /// The last of those that were pruned, and are not counted; not authenticated.
    pub pruned_to: Option<i64>,
    /// When the last one was written.
    pub last_entry_at: Option<Timestamp>,
    /// What it is about.
    pub last_action: Option<String>,
    /// When the log was found intact last, and whether its MACs were checked: by its own word.
    pub last_verified: Option<(Timestamp, bool)>,
    /// Open incidents of each severity, the worst first.
    pub incidents: Vec<(Severity, u64)>,
    /// Slots: label, type (`passphrase`, `key_file`), creation.
    pub slots: Vec<(String, String, Timestamp)>,
    /// `present`, `missing`, `damaged`, or `ahead` (the database was rolled back).
    pub seal: &'static str,
    /// What a person compares to know the vault again, as this machine's seal has it; none without one.
    pub fingerprint: Option<String>,
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
