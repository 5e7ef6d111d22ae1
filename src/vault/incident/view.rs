//! What leaves the vault of incidents, and what comes in.

use crate::model::incident::{
    Exposure, IncidentMeta, IncidentNumber, IncidentOutcome, IncidentStatus, IncidentTexts,
    IncidentType, Severity,
};
use crate::model::{CredName, Timestamp};
use uuid::Uuid;

/// Which incidents to list. Empty means all that are not in the trash.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct IncidentFilter {
    /// By type.
    pub kind: Option<IncidentType>,
    /// By severity.
    pub severity: Option<Severity>,
    /// By status.
    pub status: Option<IncidentStatus>,
    /// Those that are not resolved, or those that are.
    pub open: Option<bool>,
    /// By client.
    pub client: Option<String>,
    /// By service.
    pub service: Option<String>,
    /// By machine or system.
    pub infra: Option<String>,
    /// By owner.
    pub owner: Option<String>,
    /// Those that have to do with this credential, by its name then or now.
    pub credential: Option<String>,
    /// Those with this text, whatever its case, in the title, client, service, infra or owner.
    pub text: Option<String>,
    /// Those in the trash instead.
    pub deleted: bool,
}

/// An incident to be opened.
pub struct NewIncident {
    /// What stands in clear.
    pub meta: IncidentMeta,
    /// What is sealed.
    pub texts: IncidentTexts,
    /// Where it comes from: `person`, or `alert:` and the alert's id.
    pub source: String,
    /// The credentials it has to do with.
    pub links: Vec<(CredName, Exposure)>,
}

/// One incident as a list shows it.
#[derive(Clone)]
pub struct Listing {
    /// `INC-7`.
    pub number: IncidentNumber,
    /// Never reused.
    pub id: Uuid,
    /// What stands in clear.
    pub meta: IncidentMeta,
    /// How far the work is.
    pub status: IncidentStatus,
    /// What it turned out to be.
    pub outcome: Option<IncidentOutcome>,
    /// `person`, `canary`, or `alert:` and the alert's id.
    pub source: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was contained; the last time, if it was reopened.
    pub contained_at: Option<Timestamp>,
    /// When it was resolved.
    pub resolved_at: Option<Timestamp>,
    /// When anything of it changed last.
    pub updated_at: Timestamp,
    /// When it went into the trash.
    pub deleted_at: Option<Timestamp>,
    /// +1 with every change.
    pub revision: u32,
    /// Whether it was checked against the vault's keys.
    pub verified: bool,
}

/// One incident with all that belongs to it.
pub struct Incident {
    /// What a list shows.
    pub listing: Listing,
    /// What is sealed; none while locked.
    pub texts: Option<IncidentTexts>,
    /// The timeline, the first event first.
    pub events: Vec<IncidentEvent>,
    /// The credentials, in order of name.
    pub links: Vec<Linked>,
}

impl Incident {
    /// When exposed credentials count as exposed from.
    #[must_use]
    pub fn since(&self) -> Timestamp {
        self.listing.meta.occurred_at.unwrap_or(self.listing.opened_at)
    }
}

/// One event of a timeline.
pub struct IncidentEvent {
    /// 1 and up, without gaps.
    pub number: u32,
    /// When it was written down.
    pub at: Timestamp,
    /// When it happened, if that was said.
    pub happened_at: Option<Timestamp>,
    /// `open`, `edit`, `note`, `link`, `contain`, `rotate`, …
    pub kind: String,
    /// The user.
    pub author: String,
    /// The credential it is about, by its name then.
    pub credential: Option<(Uuid, String)>,
    /// In a few words.
    pub detail: Option<String>,
    /// What somebody wrote; none while locked.
    pub text: Option<String>,
    /// Whether there is a text.
    pub has_text: bool,
}

/// A credential that an incident has to do with.
pub struct Linked {
    /// Never reused.
    pub credential: Uuid,
    /// What it is called now, or was when it was linked, if it is gone.
    pub name: String,
    /// What it has to do with the incident.
    pub exposure: Exposure,
    /// When it was linked.
    pub linked_at: Timestamp,
    /// `live`, `trash` or `purged`.
    pub place: &'static str,
    /// What was done about it.
    pub state: LinkState,
}

/// What was done about a linked credential since the incident began.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LinkState {
    /// Nothing yet.
    Open,
    /// Some of its secret fields have new values; these have not.
    Partly(Vec<String>),
    /// All of its secret fields have new values, the last since then.
    Rotated(Timestamp),
    /// And it was tested, or somebody said, that the new one works and the old one does not.
    Verified(Timestamp),
    /// Somebody said, with a reason, that nothing is to be done.
    Waived(Timestamp),
    /// It is not exposed.
    NotExposed,
}

impl LinkState {
    /// Whether the incident can be resolved as far as this credential is concerned.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Verified(_) | Self::Waived(_) | Self::NotExposed)
    }

    /// Whether it must still get new values.
    #[must_use]
    pub fn needs_rotation(&self) -> bool {
        matches!(self, Self::Open | Self::Partly(_))
    }

    /// Its word in answers.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Partly(_) => "partly_rotated",
            Self::Rotated(_) => "rotated",
            Self::Verified(_) => "verified",
            Self::Waived(_) => "waived",
            Self::NotExposed => "not_exposed",
        }
    }
}

/// What is changed of a link.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LinkChange {
    /// What the credential has to do with the incident; what is new is `unknown`.
    pub exposure: Option<Exposure>,
    /// Somebody says that the new value works and the old one does not.
    pub verified: bool,
    /// Why nothing is to be done about it.
    pub waive: Option<String>,
}

/// Something to be written into a timeline.
#[derive(Clone, Default)]
pub struct Note {
    /// What somebody wrote.
    pub text: Option<String>,
    /// When it happened, if not now.
    pub happened_at: Option<Timestamp>,
}
