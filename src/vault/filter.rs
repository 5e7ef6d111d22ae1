//! Which credentials a list has, and in which order: plain values, which the store makes a statement of.

use crate::model::{Attr, CredName, FieldName, Label, Timestamp};

/// Which credentials to list. Empty means all.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Filter {
    /// Only credentials of these names.
    pub names: Vec<CredName>,
    /// A kind's own name.
    pub kind: Option<String>,
    /// Attributes that must be equal.
    pub attrs: Vec<(Attr, String)>,
    /// Its TCP port.
    pub port: Option<u16>,
    /// Only what works inside a VPN alone.
    pub requires_vpn: bool,
    /// Only what asks for a second factor.
    pub requires_2fa: bool,
    /// Public fields that must be equal.
    pub fields: Vec<(FieldName, String)>,
    /// Tags it must have, all of them.
    pub tags: Vec<Label>,
    /// Substring of any clear text, ASCII letters compared without case.
    pub search: Option<String>,
    /// Expired by then, or to be rotated by then.
    pub due_by: Option<Timestamp>,
    /// Expired by then.
    pub expired_by: Option<Timestamp>,
    /// Stored by then.
    pub created_by: Option<Timestamp>,
    /// No value of it was handed out since.
    pub unused_since: Option<Timestamp>,
    /// Its secrets are the same since.
    pub stale_since: Option<Timestamp>,
    /// Only what was never rotated.
    pub never_rotated: bool,
    /// The trash instead of the live ones.
    pub deleted: bool,
    /// In which order; by name if empty, and among equals.
    pub sort: Vec<Order>,
    /// At most so many.
    pub limit: Option<u64>,
    /// Skip so many first.
    pub offset: u64,
    /// Only name, kind, user name, URL, client and expiry are wanted.
    pub brief: bool,
    /// When each was read last is wanted, too.
    pub last_read: bool,
}

impl Filter {
    /// The longest text that can be searched for, in bytes: escaped, it is still a pattern that
    /// databases take.
    pub const LONGEST_SEARCH: usize = 4096;

    /// Whether every live credential fits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.used().is_empty()
    }

    /// The filters that are used, by name.
    #[must_use]
    pub fn used(&self) -> Vec<&'static str> {
        let mut used: Vec<_> = self.attrs.iter().map(|(attr, _)| attr.name()).collect();
        for (name, is_used) in [
            ("name", !self.names.is_empty()),
            ("type", self.kind.is_some()),
            ("port", self.port.is_some()),
            ("requires_vpn", self.requires_vpn),
            ("requires_2fa", self.requires_2fa),
            ("field", !self.fields.is_empty()),
            ("tag", !self.tags.is_empty()),
            ("search", self.search.is_some()),
            ("due", self.due_by.is_some()),
            ("expired", self.expired_by.is_some()),
            ("created", self.created_by.is_some()),
            ("unused", self.unused_since.is_some()),
            ("stale", self.stale_since.is_some()),
            ("never_rotated", self.never_rotated),
            ("deleted", self.deleted),
        ] {
            used.extend(is_used.then_some(name));
        }
        used
    }

    /// Whether the times of the last reads are needed.
    pub(super) fn needs_reads(&self) -> bool {
        self.last_read || self.sort.iter().any(|order| order.by == SortKey::LastRead)
    }
}

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Order {
    /// By what.
    pub by: SortKey,
    /// The greatest first. What is empty comes last either way.
    pub descending: bool,
}

/// What a list can be sorted by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SortKey {
    /// Its name.
    Name,
    /// Its kind.
    Kind,
    /// An attribute.
    Attr(Attr),
    /// Its TCP port.
    Port,
    /// When it expires.
    Expires,
    /// When it expires or is to be rotated, whichever is first.
    Due,
    /// When it was rotated last.
    LastRotated,
    /// When it was last seen to work.
    LastVerified,
    /// When a value of it was handed out last.
    LastRead,
    /// When it was stored.
    Created,
    /// When anything of it changed last.
    Updated,
    /// When it went into the trash.
    Deleted,
}
