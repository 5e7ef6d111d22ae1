//! The log. Nothing is opened or sealed without a line in it: both demand a [`Receipt`], and only
//! appending makes one (FORMAT.md, "Audit log").

mod actor;
mod behind;
mod draft;
pub(super) mod verify;
pub(super) mod watch;

pub(super) use actor::Actor;
pub(super) use draft::Draft;

use super::keys::{Keys, MacKey, random_32};
use super::seal::{Found, Seal};
use super::store::log::{EntryRow, LogEnd, SegmentRow};
use super::store::{Db, VaultRow, log};
use super::tlv::Hash;
use super::view::Entry;
use super::{Purpose, crypto};
use crate::error::{Error, Result};
use crate::model::Timestamp;
use std::marker::PhantomData;
use uuid::Uuid;
use zeroize::Zeroizing;

/// What can be done to a vault. The words are frozen: they stand in logs.
pub const ACTIONS: &[&str] = &[
    "init",
    "create",
    "view",
    "decrypt",
    "update",
    "rename",
    "delete",
    "restore",
    "purge",
    "rotate",
    "rollback",
    "test",
    "check",
    "run",
    "inject",
    "copy",
    "export",
    "import",
    "unlock",
    "unlock_failed",
    "lock",
    "key_add",
    "key_remove",
    "passwd",
    "rekey",
    "backup",
    "restore_backup",
    "trust_state",
    "verify",
    "segment",
    "incident_open",
    "incident_edit",
    "incident_note",
    "incident_link",
    "incident_unlink",
    "incident_contain",
    "incident_monitor",
    "incident_resolve",
    "incident_reopen",
    "incident_rm",
    "incident_restore",
    "audit_checkpoint",
    "audit_export",
    "audit_prune",
];

/// Why a segment begins whose keys are those of a new epoch. The action before it has the same word.
pub(super) const REKEY: &str = "rekey";

/// How it ended.
pub const OUTCOMES: &[&str] = &["ok", "refused", "failed"];

/// Proof that an entry was appended in the running transaction. Opening and sealing ask for it.
///
/// Invariant: made only by [`Log::append`], for its only caller, the transaction, which lends it out
/// no longer than itself.
#[must_use]
pub(super) struct Receipt<'tx> {
    subject: Option<Uuid>,
    action: &'static str,
    seq: i64,
    tx: PhantomData<&'tx ()>,
}

impl Receipt<'_> {
    /// What was entered.
    pub(super) fn action(&self) -> &'static str {
        self.action
    }

    /// The number of the entry.
    pub(super) fn seq(&self) -> i64 {
        self.seq
    }

    /// Whether this is the receipt for touching this credential, or the texts of this incident.
    pub(super) fn covers(&self, subject: Uuid) -> Result<()> {
        match self.subject == Some(subject) {
            true => Ok(()),
            false => Err(Error::internal("a receipt was used for something else")),
        }
    }
}

/// Proof that a check of values was entered: they may be looked at, but neither handed out nor sealed.
///
/// Invariant: made only by [`Log::append_check`], whose entry has the action `check`, for its only
/// caller, the transaction, which commits that entry before it gives this away.
#[must_use]
pub(super) struct CheckReceipt(());

/// Proof that a rekey was entered: all values may be sealed anew. None is handed out by that.
///
/// Invariant: made only by [`Log::append_rekey`], whose entry has the action `rekey`, for its only
/// caller, the transaction.
#[must_use]
pub(super) struct RekeyReceipt(());

/// The log while a transaction is open.
pub(super) struct Log {
    end: LogEnd,
    /// Whether a rekey ended before its seal was written, and this has taken the seal on.
    crossed: bool,
    /// The seal as it will be written after the commit; none without one.
    seal: Option<Seal>,
}

/// What an entry needs of its surroundings.
pub(super) struct Author<'a> {
    pub(super) actor: &'a Actor,
    pub(super) purpose: &'a Purpose,
    pub(super) now: Timestamp,
    /// The entry's id.
    pub(super) id: Uuid,
}

impl Log {
    /// Takes up the log where it ends, having checked that it ends where the seal says, or after.
    pub(super) fn resume(
        db: &Db,
        vault: &VaultRow,
        keys: Option<&Keys>,
        found: Found,
    ) -> Result<Self> {
        let end = log::end(db, vault.vault_id)?;
        let before = match &found {
            Found::Present(seal) => seal.epoch,
            Found::Missing | Found::Damaged => vault.epoch,
        };
        let seal = match found {
            Found::Present(seal) => Some(behind::catch_up(db, vault, keys, seal, &end)?),
            Found::Missing | Found::Damaged => None,
        };
        if end.counter != vault.counter {
            return Err(Error::integrity(format!(
                "the rows and the log disagree: state {} against {}",
                vault.counter, end.counter
            ))
            .hint("restore the vault from a backup"));
        }
        Ok(Self { end, crossed: before != vault.epoch, seal })
    }

    /// The log of a vault that is being made.
    pub(super) fn fresh(vault_id: Uuid) -> Self {
        let end = LogEnd { seq: 0, hash: log::genesis(vault_id), counter: 0, at: None };
        Self { end, crossed: false, seal: None }
    }

    /// Whether what the last rekey left may still be in the write-ahead log.
    pub(super) fn has_crossed(&self) -> bool {
        self.crossed
    }

    /// Whether entries get MACs.
    pub(super) fn is_sealed(&self) -> bool {
        self.seal.is_some()
    }

    /// The seal to be written once the transaction is committed.
    pub(super) fn seal(&mut self) -> Option<&mut Seal> {
        self.seal.as_mut()
    }

    pub(super) fn seq(&self) -> i64 {
        self.end.seq
    }

    /// When the last entry was written, by the clock of then.
    pub(super) fn last_at(&self) -> Option<Timestamp> {
        self.end.at
    }

    /// Appends an entry. `counter` is the state counter after its effect.
    pub(super) fn append<'tx>(
        &mut self,
        db: &Db,
        author: &Author<'_>,
        draft: &Draft,
        counter: i64,
    ) -> Result<Receipt<'tx>> {
        let mut row = EntryRow { entry: self.compose(author, draft), counter, mac: None };
        row.entry.hash = row.chain(&self.end.hash);
        if let Some(seal) = &mut self.seal {
            let key = MacKey::new(&seal.key);
            row.mac = Some(key.tag(&row.entry.hash));
            seal.key = evolve(&key);
            seal.seq = row.entry.seq;
            seal.head = row.entry.hash;
        }
        row.insert(db)?;
        self.end =
            LogEnd { seq: row.entry.seq, hash: row.entry.hash, counter, at: Some(row.entry.at) };
        // A failed attempt entitles to nothing.
        let subject = draft.incident_id.or(draft.credential).filter(|_| draft.failure.is_none());
        Ok(Receipt { subject, action: draft.action, seq: row.entry.seq, tx: PhantomData })
    }

    /// Appends the entry of a check, which is about no single credential.
    pub(super) fn append_check(
        &mut self,
        db: &Db,
        author: &Author<'_>,
        draft: Draft,
        counter: i64,
    ) -> Result<CheckReceipt> {
        let draft = Draft { action: "check", credential: None, failure: None, ..draft };
        let _ = self.append(db, author, &draft, counter)?;
        Ok(CheckReceipt(()))
    }

    /// Appends the entry of a rekey, the last one of the epoch.
    pub(super) fn append_rekey(
        &mut self,
        db: &Db,
        author: &Author<'_>,
        draft: Draft,
        counter: i64,
    ) -> Result<RekeyReceipt> {
        let draft = Draft { action: "rekey", credential: None, failure: None, ..draft };
        let _ = self.append(db, author, &draft, counter)?;
        Ok(RekeyReceipt(()))
    }

    fn compose(&self, author: &Author<'_>, draft: &Draft) -> Entry {
        let actor = author.actor;
        Entry {
            seq: self.end.seq + 1,
            id: author.id,
            at: author.now,
            action: draft.action.to_owned(),
            outcome: draft.outcome().to_owned(),
            credential: draft.credential,
            name: draft.name.clone(),
            fields: draft.fields.clone(),
            user: actor.user.clone(),
            uid: actor.uid,
            host: actor.host.clone(),
            tty: actor.tty.clone(),
            remote: actor.remote.clone(),
            program: actor.program.clone(),
            parent: actor.parent.clone(),
            agent: concat!("vault/", env!("CARGO_PKG_VERSION")).to_owned(),
            incident: draft.incident.clone().or_else(|| author.purpose.incident.clone()),
            reason: author.purpose.reason.clone(),
            details: draft.details(),
            segment: self.seal.as_ref().map(|seal| seal.segment),
            hash: Hash::default(),
        }
    }

    /// Begins a new segment under a new key: for a new vault, a new machine, a lost seal, or a new epoch.
    /// It says so in the log itself.
    pub(super) fn start_segment(
        &mut self,
        db: &Db,
        vault: &VaultRow,
        keys: &Keys,
        author: &Author<'_>,
        cause: &'static str,
    ) -> Result<()> {
        let first_key = random_32();
        let mut row = SegmentRow {
            id: SegmentRow::next_id(db)?,
            first_seq: self.end.seq + 1,
            previous_hash: self.end.hash,
            created_at: author.now,
            host: author.actor.host.clone(),
            cause: cause.to_owned(),
            sealed_key: crypto::encrypt(keys.recipient(), &[&first_key[..]])?,
            row_tag: Hash::default(),
        };
        row.row_tag = keys.audit.tag(row.message(vault).as_bytes());
        row.insert(db)?;
        let watched = self.seal.as_ref().map(|seal| seal.watched).filter(|_| cause == REKEY);
        self.seal = Some(Seal {
            vault_id: vault.vault_id,
            epoch: vault.epoch,
            segment: row.id,
            seq: self.end.seq,
            head: self.end.hash,
            key: first_key,
            counter: vault.counter,
            pin: pin(keys, vault.vault_id),
            watched: watched.unwrap_or(self.end.seq),
            next_pin: [0; 32],
        });
        if cause != "init" {
            let draft = Draft::new("segment").detail("cause", cause);
            let _ = self.append(db, author, &draft, vault.counter)?;
        }
        Ok(())
    }
}

/// The key for the next entry. It cannot be turned back, so what was written stays as it was.
pub(super) fn evolve(key: &MacKey) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(key.tag(b"evolve"))
}

/// What only the keys of this very vault can compute: shows a vault put in its place.
pub(super) fn pin(keys: &Keys, vault_id: Uuid) -> Hash {
    let mut message = super::tlv::Tlv::new("vault/pin/v1");
    keys.pin.tag(message.bytes(vault_id.as_bytes()).as_bytes())
}
