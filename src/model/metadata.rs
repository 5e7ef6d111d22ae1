//! The clear metadata of a credential.

use super::{FieldName, Label, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The single-text columns of a credential, in the order they are shown and tagged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Attr {
    /// The login name.
    Username,
    /// Where it is used.
    Url,
    /// The machine.
    Host,
    /// The database's name.
    Database,
    /// Whose credential it is.
    Client,
    /// For which service.
    Service,
    /// On which machine or system.
    Infra,
    /// `prod`, `staging`, …
    Environment,
    /// Who is responsible for it.
    Owner,
    /// Free text.
    Description,
}

impl Attr {
    /// All of them, in order; `attr as usize` is the position.
    pub const ALL: [Self; 10] = [
        Self::Username,
        Self::Url,
        Self::Host,
        Self::Database,
        Self::Client,
        Self::Service,
        Self::Infra,
        Self::Environment,
        Self::Owner,
        Self::Description,
    ];

    /// The name in SQL, JSON and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Url => "url",
            Self::Host => "host",
            Self::Database => "database",
            Self::Client => "client",
            Self::Service => "service",
            Self::Infra => "infra",
            Self::Environment => "environment",
            Self::Owner => "owner",
            Self::Description => "description",
        }
    }
}

/// Why something must be done to a credential.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Duty {
    /// It stops working.
    Expiry,
    /// It should have another secret.
    Rotation,
}

impl Duty {
    /// Expiry, and the next rotation: counted from `since`, the last one, or else the moment it was
    /// stored.
    pub fn all(
        expires_at: Option<Timestamp>,
        rotate_every: Option<i64>,
        since: Timestamp,
    ) -> impl Iterator<Item = (Self, Timestamp)> {
        let rotation = rotate_every.map(|span| since.0.saturating_add(span.saturating_mul(1000)));
        let expiry = expires_at.map(|at| (Self::Expiry, at));
        expiry.into_iter().chain(rotation.map(|at| (Self::Rotation, Timestamp(at))))
    }

    /// What is said of it, depending on whether its time has come.
    #[must_use]
    pub fn words(self, overdue: bool) -> &'static str {
        match (self, overdue) {
            (Self::Expiry, true) => "expired",
            (Self::Expiry, false) => "expires",
            (Self::Rotation, true) => "rotation overdue",
            (Self::Rotation, false) => "rotation due",
        }
    }
}

/// What is known of a credential without unlocking. Everything here is covered by the row tag.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Metadata {
    /// The kind's own name, never an alias.
    pub kind: String,
    text: [Option<String>; Attr::ALL.len()],
    /// TCP port, 1 to 65535.
    pub port: Option<u16>,
    /// Labels, in order.
    pub tags: BTreeSet<Label>,
    /// It works only inside a VPN.
    pub requires_vpn: bool,
    /// Its login asks for a second factor.
    pub requires_2fa: bool,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// How often the secret should be changed, in seconds.
    pub rotate_every: Option<i64>,
    /// How many versions of each secret field are kept; none keeps all.
    pub keep: Option<u32>,
    /// When its secret was last rotated; set by rotation, not by any change of a value.
    pub last_rotated_at: Option<Timestamp>,
    /// When it was last seen to work.
    pub last_verified_at: Option<Timestamp>,
    /// What the last test said.
    pub verdict: Option<String>,
    /// Further public fields.
    pub fields: BTreeMap<FieldName, String>,
}

impl Metadata {
    /// The text of one attribute.
    #[must_use]
    pub fn get(&self, attr: Attr) -> Option<&str> {
        self.text[attr as usize].as_deref()
    }

    /// What must be done by when.
    pub fn duties(&self, created_at: Timestamp) -> impl Iterator<Item = (Duty, Timestamp)> + use<> {
        let since = self.last_rotated_at.unwrap_or(created_at);
        Duty::all(self.expires_at, self.rotate_every, since)
    }

    /// When the first of that must be done.
    #[must_use]
    pub fn due_at(&self, created_at: Timestamp) -> Option<Timestamp> {
        self.duties(created_at).map(|(_, at)| at).min()
    }

    /// Sets or, with `None` or an empty text, clears one attribute.
    pub fn set(&mut self, attr: Attr, value: Option<String>) {
        self.text[attr as usize] = value.filter(|text| !text.is_empty());
    }
}
