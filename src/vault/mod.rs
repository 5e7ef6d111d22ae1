//! The strongroom. Its public face: `Vault<Locked>`, `Vault<Unlocked>` and their verbs.

use crate::error::Result;
use crate::model::{Attr, CredName, FieldName, Label, Metadata, Secret, Timestamp};
use crate::world::World;
use std::path::PathBuf;
use std::rc::Rc;
use uuid::Uuid;

/// Where a vault is: the database file, and the directory that holds the seal files.
#[derive(Clone, Debug)]
pub struct Place {
    pub file: PathBuf,
    pub state_dir: PathBuf,
}

/// Something that opens a slot.
pub enum Key {
    Passphrase(Secret),
    /// The text of an age identity file (`AGE-SECRET-KEY-1…`, comments allowed).
    Identity(Secret),
}

/// Why the vault is used: goes into every log entry of this run.
#[derive(Clone, Debug, Default)]
pub struct Purpose {
    pub reason: Option<String>,
}

/// No keys in memory. Can list and describe, cannot reveal or change.
pub struct Locked(());
/// Keys are in memory; dropping wipes them.
pub struct Unlocked(());

/// A vault, locked or unlocked: what cannot be done in a state has no method there.
pub struct Vault<S> {
    state: S,
}

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
}

/// A row of the list, borrowed from the database.
pub struct Listed<'r> {
    row: &'r (),
}

impl Listed<'_> {
    pub fn id(&self) -> Result<Uuid> { unimplemented!() }
    pub fn name(&self) -> Result<&str> { unimplemented!() }
    pub fn kind(&self) -> Result<&str> { unimplemented!() }
    pub fn attr(&self, attr: Attr) -> Result<Option<&str>> { unimplemented!() }
    pub fn port(&self) -> Result<Option<u16>> { unimplemented!() }
    /// In order, without copies.
    pub fn tags(&self) -> Result<impl Iterator<Item = &str>> { Ok(std::iter::empty()) }
    pub fn requires_vpn(&self) -> Result<bool> { unimplemented!() }
    pub fn requires_2fa(&self) -> Result<bool> { unimplemented!() }
    pub fn expires_at(&self) -> Result<Option<Timestamp>> { unimplemented!() }
    pub fn created_at(&self) -> Result<Timestamp> { unimplemented!() }
    pub fn updated_at(&self) -> Result<Timestamp> { unimplemented!() }
    pub fn deleted_at(&self) -> Result<Option<Timestamp>> { unimplemented!() }
    /// Everything, as owned values (slower; for JSON).
    pub fn credential(&self) -> Result<Credential> { unimplemented!() }
}

/// How a name on the command line finds its credential.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Match {
    /// The whole name only: for commands that change things.
    Exact,
    /// The whole name, else a prefix that fits one name only.
    Prefix,
}

/// One entry of the audit log.
#[derive(Clone, Debug)]
pub struct Entry {
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
    pub program: Option<String>,
    pub parent: Option<String>,
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

/// Which entries to show.
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

/// A change to a credential: what is `None` or absent stays.
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

impl Vault<Unlocked> {
    /// Makes a vault with one slot, and its seal file.
    ///
    /// # Errors
    /// Conflict when there is a vault already; I/O.
    pub fn init(place: &Place, world: Rc<World>, key: &Key, label: &str) -> Result<Self> { unimplemented!() }
}

impl Vault<Locked> {
    /// Opens an existing vault; nothing is decrypted.
    pub fn open(place: &Place, world: Rc<World>, purpose: Purpose) -> Result<Self> { unimplemented!() }
    /// Trades a locked vault for an unlocked one. Failed attempts are logged.
    pub fn unlock(self, key: &Key) -> Result<Vault<Unlocked>> { unimplemented!() }
    /// Whether any slot is of type `passphrase` / `key_file`: to know what to ask for.
    pub fn slot_types(&self) -> Result<Vec<String>> { unimplemented!() }
}

impl<S> Vault<S> {
    /// The names that begin with `prefix`, in order, at most `limit`. Writes no entry (completion).
    pub fn names(&self, prefix: &str, deleted: bool, limit: u64) -> Result<Vec<String>> { unimplemented!() }
    /// Finds the credential meant by `text`.
    /// Errors: not found (with the nearest names), conflict when a prefix fits several.
    pub fn resolve(&mut self, text: &str, how: Match, deleted: bool) -> Result<CredName> { unimplemented!() }
    /// The clear columns of a credential, logged as `view`; checked when unlocked.
    pub fn show(&mut self, name: &CredName, deleted: bool) -> Result<Credential> { unimplemented!() }
    /// Lists credentials in order of name, one call of `row` each. Logged as `view` once.
    pub fn list(&mut self, filter: &Filter, row: &mut dyn FnMut(&Listed<'_>) -> Result<()>) -> Result<()> { unimplemented!() }
    pub fn status(&mut self) -> Result<Status> { unimplemented!() }
    /// Entries, newest first, one call of `row` each.
    pub fn entries(&mut self, filter: &EntryFilter, row: &mut dyn FnMut(&Entry) -> Result<()>) -> Result<()> { unimplemented!() }
    /// One entry, by sequence number or UUID.
    pub fn entry(&mut self, id: &str) -> Result<Entry> { unimplemented!() }
    /// Checks the log: the public chain always, the MACs when unlocked.
    pub fn verify_log(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<LogVerdict> { unimplemented!() }
    /// Looks at files, permissions, schema, database and (when unlocked) every row.
    pub fn doctor(&mut self) -> Result<Vec<Finding>> { unimplemented!() }
}

impl Vault<Unlocked> {
    pub fn add(&mut self, new: NewCredential) -> Result<()> { unimplemented!() }
    /// Changes metadata, secrets or both; each secret becomes a new version.
    pub fn set(&mut self, name: &CredName, change: Change) -> Result<()> { unimplemented!() }
    /// Hands out the current value of a field (`None`: the primary one); logged as `decrypt`.
    pub fn reveal(&mut self, name: &CredName, field: Option<&FieldName>) -> Result<Secret> { unimplemented!() }
    /// The credential and all its secret values in one audited step (`show --reveal`).
    pub fn reveal_all(&mut self, name: &CredName) -> Result<(Credential, Vec<(FieldName, Secret)>)> { unimplemented!() }
    pub fn rename(&mut self, from: &CredName, to: &CredName) -> Result<()> { unimplemented!() }
    /// Into the trash.
    pub fn remove(&mut self, name: &CredName) -> Result<()> { unimplemented!() }
    /// Out of the trash.
    pub fn restore(&mut self, name: &CredName) -> Result<()> { unimplemented!() }
    /// Destroys a credential, trashed or live, and all its versions. Log entries stay.
    pub fn purge(&mut self, name: &CredName) -> Result<()> { unimplemented!() }
    /// Stores all or none, sealing on all cores. `next` yields the credentials in order (`None`: done);
    /// `progress` hears how many are stored. Returns how many.
    pub fn import(&mut self, next: &mut dyn FnMut() -> Result<Option<NewCredential>>, progress: &mut dyn FnMut(u64)) -> Result<u64> { unimplemented!() }
    /// Accepts a database older than its seal after a legitimate restore; logged, starts a new segment.
    /// Returns the counters (sealed, found).
    pub fn trust_state(&mut self) -> Result<(i64, i64)> { unimplemented!() }
}
