//! Slots as people see them, without what they wrap.

use crate::model::Timestamp;
use std::time::Duration;

/// One way to unlock.
#[derive(Clone, Debug)]
pub struct Slot {
    /// What people call it.
    pub label: String,
    /// `passphrase`, `key_file`, `recovery`, `ssh`, `plugin` or `two_factor`.
    pub kind: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// What the log tells of it.
    pub uses: SlotUses,
    /// The public key it is made for, if that may be known; told only when unlocked.
    pub recipient: Option<String>,
    /// Whether the vault was unlocked with it now.
    pub is_current: bool,
}

/// What was done with a slot since it was made, as far back as the log goes.
#[derive(Clone, Debug, Default)]
pub struct SlotUses {
    /// So many entries were written by whoever had unlocked with it.
    pub entries: u64,
    /// The last of them: when, which user, on which machine.
    pub last: Option<(Timestamp, String, String)>,
    /// How often values were handed out.
    pub reads: u64,
    /// When that was last.
    pub last_read: Option<Timestamp>,
    /// How many credentials these were values of.
    pub credentials: u64,
    /// Some of these by name, those that were read last first.
    pub names: Vec<String>,
}

/// A slot that is gone.
#[derive(Clone, Debug)]
pub struct RemovedSlot {
    /// What it was.
    pub slot: Slot,
    /// How many credentials it could read: all that have a secret now.
    pub could_read: u64,
    /// How many ways to unlock are left.
    pub left: usize,
    /// The slots that the same key opens still.
    pub twins: Vec<String>,
}

/// A slot that a key was tried on.
#[derive(Clone, Debug)]
pub struct TriedSlot {
    /// What people call it.
    pub label: String,
    /// Its type.
    pub kind: String,
    /// Whether it opens with that key.
    pub opens: bool,
    /// How long that took.
    pub took: Duration,
}
