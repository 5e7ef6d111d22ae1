//! What leaves the vault of its log, and what comes back to be compared with it.

use super::Entry;
use crate::vault::note::Checkpoint;
use uuid::Uuid;

/// A head of the log that was kept elsewhere.
#[derive(Clone, Debug)]
pub struct Anchor {
    /// Where it stands in what was read: for messages.
    pub line: usize,
    /// Whose it is, if it says so.
    pub vault: Option<Uuid>,
    /// The entry.
    pub seq: i64,
    /// Its hash.
    pub hash: [u8; 32],
    /// The signed note that it comes from.
    pub note: Option<Checkpoint>,
}

/// What comparing the log with anchors gave. A difference is an error (exit 15) and not in here.
#[derive(Clone, Copy, Debug, Default)]
pub struct Anchored {
    /// The last entry that an anchor confirms.
    pub to: Option<i64>,
    /// How many are older than what was pruned, so that nothing can be said of them.
    pub pruned: u64,
    /// How many signatures were checked.
    pub signed: u64,
    /// How many signatures nobody could check.
    pub unchecked: u64,
}

/// Entries that can be pruned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Prunable {
    /// How many.
    pub entries: i64,
    /// The last of them.
    pub last: i64,
}

/// An entry with all that secures it, for whoever checks or keeps it elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Whose log it stands in.
    pub vault: Uuid,
    /// What was done.
    pub entry: &'a Entry,
    /// The state counter after it.
    pub counter: i64,
    /// Under the segment's key for this entry; none for one that was written without a seal.
    pub mac: Option<[u8; 32]>,
}

/// How far a sink is.
#[derive(Clone, Debug)]
pub struct SinkState {
    /// What the user calls it.
    pub name: String,
    /// What it is.
    pub kind: &'static str,
    /// Whether nothing is done that it does not hear of.
    pub must: bool,
    /// The last entry that it has.
    pub delivered_to: Option<i64>,
    /// How many it has not.
    pub behind: i64,
    /// What stands in the way.
    pub problem: Option<String>,
}
