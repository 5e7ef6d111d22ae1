//! Writing every row anew: read as it was, checked, sealed and tagged with the new keys.

use super::mill::{Mill, Work};
use crate::error::{Error, Result};
use crate::vault::audit::RekeyReceipt;
use crate::vault::check::check_tag;
use crate::vault::crypto;
use crate::vault::incident;
use crate::vault::keys::Keys;
use crate::vault::state;
use crate::vault::store::anchor::PrunedRow;
use crate::vault::store::log::SegmentRow;
use crate::vault::store::vault::Tombstone;
use crate::vault::store::{CredentialRow, Db, Head, SecretRow, VaultRow};
use crate::vault::tlv::Hash;
use crate::vault::versions::{Chain, changed_from_outside, put_head};
use std::collections::VecDeque;

/// Rows of the log that the running transaction may itself have written.
pub(super) struct Held {
    segments: Vec<SegmentRow>,
    pruned: Option<PrunedRow>,
}

impl Held {
    pub(super) fn load(db: &Db) -> Result<Self> {
        Ok(Self { segments: SegmentRow::all(db)?, pruned: PrunedRow::load(db)? })
    }
}

/// What is on its way from one epoch to the next.
pub(super) struct Renewal<'a> {
    /// The vault as it was.
    pub(super) old: &'a Db,
    /// And where it will be.
    pub(super) new: &'a Db,
    pub(super) keys: (&'a Keys, &'a Keys),
    pub(super) before: &'a VaultRow,
    pub(super) after: &'a VaultRow,
    pub(super) receipt: &'a RekeyReceipt,
}

impl Renewal<'_> {
    /// The segments of the log, whose first keys are wrapped anew, and what stands for pruned entries. The
    /// whole log was verified, and with it their tags.
    pub(super) fn log(&self, held: Held) -> Result<()> {
        let audit = &self.keys.1.audit;
        for mut segment in held.segments {
            segment.sealed_key = crypto::rewrap(self.keys, &segment.sealed_key, self.receipt)?;
            segment.row_tag = audit.tag(segment.message(self.after).as_bytes());
            segment.insert(self.new)?;
        }
        if let Some(mut pruned) = held.pruned {
            pruned.row_tag = audit.tag(pruned.message(self.after).as_bytes());
            pruned.store(self.new)?;
        }
        Ok(())
    }

    pub(super) fn tombstones(&self) -> Result<()> {
        let (from, to) = (&self.keys.0.row, &self.keys.1.row);
        Tombstone::each(self.old, |mut stone| {
            if !from.verify(stone.message(self.before).as_bytes(), &stone.row_tag) {
                return Err(Error::integrity("a tombstone was changed from outside")
                    .hint("restore the vault from a backup; `vault doctor` names what is wrong"));
            }
            stone.row_tag = to.tag(stone.message(self.after).as_bytes());
            stone.insert(self.new)
        })
    }

    pub(super) fn incidents(&self) -> Result<()> {
        incident::renew((self.old, self.new), self.keys, (self.before, self.after), self.receipt)
    }

    /// All credentials with all versions of their values, on all cores. Returns how many values there are.
    pub(super) fn credentials(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<u64> {
        let all = SecretRow::count(self.old)?;
        let work = Work { keys: self.keys, vault: self.after.vault_id, receipt: self.receipt };
        let written = std::thread::scope(|scope| {
            let mill = Mill::start(scope, work);
            let mut line = Line::new(self, mill, u64::try_from(all).unwrap_or_default(), progress);
            CredentialRow::each(self.old, |mut row| {
                check_tag(&mut row, self.before, self.keys.0)?;
                row.heads.iter().try_for_each(|head| line.versions(&row, head))?;
                line.push(Step::Credential(Box::new(row)))
            })?;
            line.finish()
        })?;
        match i64::try_from(written) == Ok(all) {
            true => Ok(written),
            false => Err(Error::integrity("there are values that belong to no credential")
                .hint("restore the vault from a backup; `vault doctor` names what is wrong")),
        }
    }
}

/// What is written next: a version, as soon as it comes back, or the credential that those before it
/// belong to.
enum Step {
    Version,
    Credential(Box<CredentialRow>),
}

/// Rows in the order in which they are written.
struct Line<'a> {
    renewal: &'a Renewal<'a>,
    mill: Mill,
    steps: VecDeque<Step>,
    /// The tag of the version before, and the heads of the credential so far.
    previous: Option<Hash>,
    heads: Vec<Head>,
    written: u64,
    all: u64,
    progress: &'a mut dyn FnMut(u64, u64),
}

impl<'a> Line<'a> {
    fn new(
        renewal: &'a Renewal<'a>,
        mill: Mill,
        all: u64,
        progress: &'a mut dyn FnMut(u64, u64),
    ) -> Self {
        let (steps, heads) = (VecDeque::new(), Vec::new());
        Self { renewal, mill, steps, previous: None, heads, written: 0, all, progress }
    }

    /// Hands in all versions of a field, the oldest first, each having been checked.
    fn versions(&mut self, row: &CredentialRow, head: &Head) -> Result<()> {
        let Renewal { old: db, before: vault, keys: (from, _), .. } = *self.renewal;
        let chain = Chain { db, vault, keys: Some(from), row, head };
        if head.version == 1 {
            return chain.walk(1, |version| self.version(version));
        }
        // newest first is how they can be checked; nobody else writes, so that the second look sees the same
        chain.walk(1, |_| Ok(()))?;
        for number in 1..=head.version {
            let version = SecretRow::find(db, row.id, &head.field, number)?;
            self.version(version.ok_or_else(|| changed_from_outside(row, &head.field))?)?;
        }
        Ok(())
    }

    fn version(&mut self, version: SecretRow) -> Result<()> {
        self.mill.push(version)?;
        self.push(Step::Version)
    }

    fn push(&mut self, step: Step) -> Result<()> {
        self.steps.push_back(step);
        self.write()
    }

    fn finish(mut self) -> Result<u64> {
        self.mill.finish()?;
        self.write()?;
        match self.steps.is_empty() {
            true => Ok(self.written),
            false => Err(Error::internal("values were lost on their way")),
        }
    }

    /// Writes what can be written.
    fn write(&mut self) -> Result<()> {
        while let Some(step) = self.steps.pop_front() {
            match step {
                Step::Credential(row) => self.write_credential(*row)?,
                Step::Version => {
                    let Some(version) = self.mill.take() else {
                        self.steps.push_front(Step::Version);
                        return Ok(());
                    };
                    self.write_version(version)?;
                }
            }
        }
        Ok(())
    }

    fn write_version(&mut self, mut version: SecretRow) -> Result<()> {
        let Renewal { new, keys: (_, to), after, .. } = *self.renewal;
        version.previous = self.previous.filter(|_| version.version > 1);
        version.row_tag = to.row.tag(version.message(after).as_bytes());
        version.insert(new)?;
        self.previous = Some(version.row_tag);
        self.written += 1;
        if self.written.is_multiple_of(64) {
            (self.progress)(self.written, self.all);
        }
        let tag = version.row_tag;
        put_head(&mut self.heads, Head { field: version.field, version: version.version, tag });
        Ok(())
    }

    fn write_credential(&mut self, mut row: CredentialRow) -> Result<()> {
        let Renewal { new, keys: (_, to), after, .. } = *self.renewal;
        let heads = std::mem::take(&mut self.heads);
        let named = |heads: &[Head]| -> Vec<_> {
            heads.iter().map(|head| (head.field.clone(), head.version)).collect()
        };
        if named(&heads) != named(&row.heads) {
            return Err(Error::internal("a credential has lost a version on its way"));
        }
        row.heads = heads;
        row.row_tag = to.row.tag(row.message(after).as_bytes());
        row.insert(new, state::bucket(row.id))
    }
}
