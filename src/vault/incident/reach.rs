//! How far an incident reaches, as it leaves the vault: plain values without keys and without secrets.

use super::view::Incident;
use crate::error::{Error, Result};
use crate::model::Timestamp;
use crate::vault::blast::Holder;
use crate::vault::note::{Checkpoint, PublicKey};
use crate::vault::view::{Entry, LogVerdict};

/// The time to look at. What is not said is the time since it happened, or since it was opened, until
/// now.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Window {
    /// Not before this.
    pub since: Option<Timestamp>,
    /// Not after this.
    pub until: Option<Timestamp>,
}

impl Window {
    /// Refuses a time in which nothing can have happened.
    ///
    /// # Errors
    /// Usage (2) for the future, and for an end before the beginning.
    pub fn check(self, now: Timestamp) -> Result<()> {
        let future = |option: &str, at: Option<Timestamp>| match at.is_some_and(|at| at > now) {
            true => Err(Error::usage(format!("`{option}` lies in the future"))
                .hint("leave out `--until` for all until now")),
            false => Ok(()),
        };
        future("--since", self.since)?;
        future("--until", self.until)?;
        match self.since.zip(self.until).is_some_and(|(since, until)| until < since) {
            true => Err(empty()),
            false => Ok(()),
        }
    }

    /// Both ends, for an incident.
    ///
    /// # Errors
    /// Usage (2) for the future, and for an end before the beginning.
    pub(super) fn of(self, incident: &Incident, now: Timestamp) -> Result<(Timestamp, Timestamp)> {
        self.check(now)?;
        let since = self.since.unwrap_or_else(|| incident.since());
        match self.until {
            Some(until) if until < since => Err(empty().hint(format!(
                "{} is looked at since {since}; say since when: --since WHEN",
                incident.listing.number
            ))),
            until => Ok((since, until.unwrap_or_else(|| now.max(since)))),
        }
    }
}

fn empty() -> Error {
    Error::usage("nothing lies between `--since` and `--until`")
}

/// How far an incident reaches.
pub struct Blast {
    /// The incident, with the credentials it has to do with.
    pub incident: Incident,
    /// From when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// The places of each value that a linked credential holds or held, and another, too.
    pub same: Vec<Vec<Holder>>,
    /// What others have in common with a linked credential.
    pub near: Vec<Near>,
    /// What was handed out in that time, and to whom, the oldest first.
    pub uses: Vec<Use>,
    /// What verifying the log found, the marks under its keys included.
    pub log: LogVerdict,
}

/// Credentials that are not linked, and have something in common with one that is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Near {
    /// `client`, `host`, `owner` or `tag`.
    pub what: &'static str,
    /// Which.
    pub value: String,
    /// How many they are.
    pub count: usize,
    /// Which they are, in order; none if they are more than [`Near::MOST`].
    pub names: Vec<String>,
}

impl Near {
    /// So many are named.
    pub const MOST: usize = 25;
}

/// Something that was handed out, or that somebody tried to get.
#[derive(Clone, Debug)]
pub struct Use {
    /// What the log says.
    pub entry: Entry,
    /// Which versions: those that were asked for, or those of then, by the clock.
    pub versions: Vec<(String, u32)>,
}

/// What the log says of a time.
pub struct Evidence {
    /// From when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// What verifying the whole log found, the marks under its keys included; or why it is not intact.
    pub log: std::result::Result<LogVerdict, String>,
    /// The entries, the oldest first.
    pub entries: Vec<Entry>,
    /// The last stored checkpoint that the vault's key of now has signed, and that key.
    pub checkpoint: Option<(Checkpoint, PublicKey)>,
}

impl Blast {
    /// The places that are not linked, each with those of the same value that are.
    #[must_use]
    pub fn others(&self) -> Vec<(&Holder, Vec<&Holder>)> {
        let is_linked = |holder: &&Holder| {
            self.incident.links.iter().any(|l| l.credential == holder.credential)
        };
        let mut others = Vec::new();
        for group in &self.same {
            let (linked, rest): (Vec<&Holder>, Vec<&Holder>) = group.iter().partition(is_linked);
            others.extend(rest.into_iter().map(|holder| (holder, linked.clone())));
        }
        others.sort();
        others
    }
}

/// All that a report says.
pub struct Dossier {
    /// The incident, with its texts.
    pub incident: Incident,
    /// The entries about it and about the credentials it has to do with.
    pub evidence: Evidence,
    /// Who made it.
    pub made_by: String,
    /// On which machine.
    pub made_on: String,
    /// When.
    pub made_at: Timestamp,
}
