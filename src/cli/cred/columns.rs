//! The columns of a list: their names, which are the JSON keys, what stands in them, and what a list
//! can be sorted by.

use super::show::words;
use crate::cli::report::{Cell, Column};
use crate::error::{Error, Result};
use crate::model::Attr;
use crate::vault::{Listed, Order, SortKey};
use std::collections::BTreeSet;

/// A row on its way out. The id is text already, as somebody must own it.
pub struct Shown<'r> {
    /// The row.
    pub row: &'r Listed<'r>,
    /// Its id; empty in a brief list.
    pub id: &'r str,
}

/// A column that can be chosen.
pub struct ListColumn {
    /// Its heading and JSON key.
    pub name: &'static str,
    /// What stands in it.
    pub cell: for<'r> fn(&Shown<'r>) -> Result<Cell<'r>>,
}

/// The columns of these names, in their order.
///
/// # Errors
/// Usage (2) when one is named twice.
pub fn by_name(names: &[String]) -> Result<Vec<&'static ListColumn>> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = names.iter().find(|name| !seen.insert(*name)) {
        return Err(
            Error::usage(format!("`--columns` has `{twice}` twice")).hint("name each column once")
        );
    }
    let find = |name: &String| ALL.iter().find(|column| column.name == *name);
    Ok(names.iter().filter_map(find).collect())
}

/// The names of all columns.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|column| column.name)
}

/// The headings of these columns.
pub fn headings(columns: &[&'static ListColumn]) -> Vec<Column> {
    columns.iter().map(|column| Column { name: column.name }).collect()
}

/// What `--sort` says: a column, or one behind a minus.
///
/// # Errors
/// Usage (2) with what there is to sort by.
pub fn order(text: &str) -> Result<Order> {
    let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
    let name = name.replace('-', "_");
    let key = KEYS.iter().find(|(key, _)| *key == name).map(|(_, key)| *key);
    key.or_else(|| attr(&name)).map(|by| Order { by, descending }).ok_or_else(|| {
        let keys = KEYS.iter().map(|(key, _)| *key);
        let all: Vec<_> = keys.chain(Attr::ALL.map(Attr::name)).collect();
        Error::usage("`--sort` has a key that lists are not sorted by")
            .hint(format!("keys, with a minus for descending order: {}", all.join(", ")))
    })
}

fn attr(name: &str) -> Option<SortKey> {
    Attr::ALL.into_iter().find(|attr| attr.name() == name).map(SortKey::Attr)
}

/// What can be sorted by besides the attributes.
const KEYS: &[(&str, SortKey)] = &[
    ("name", SortKey::Name),
    ("type", SortKey::Kind),
    ("port", SortKey::Port),
    ("expires", SortKey::Expires),
    ("due", SortKey::Due),
    ("last_rotated", SortKey::LastRotated),
    ("last_verified", SortKey::LastVerified),
    ("last_read", SortKey::LastRead),
    ("created", SortKey::Created),
    ("updated", SortKey::Updated),
    ("deleted", SortKey::Deleted),
];

/// What a list has for people.
pub const USUAL: [&str; 6] = ["name", "type", "username", "url", "client", "expires"];

/// What only the log knows, and JSON therefore does not have unless it is asked for.
pub const LAST_READ: &str = "last_read";

const fn column(
    name: &'static str,
    cell: for<'r> fn(&Shown<'r>) -> Result<Cell<'r>>,
) -> ListColumn {
    ListColumn { name, cell }
}

/// How many columns a list has at most.
pub const MOST: usize = ALL.len();

/// Every column, in the order in which JSON has them.
pub const ALL: &[ListColumn] = &[
    column("name", |s| Ok(Cell::text(Some(s.row.name()?)))),
    column("type", |s| Ok(Cell::text(Some(s.row.kind()?)))),
    column("username", |s| s.attr(Attr::Username)),
    column("url", |s| s.attr(Attr::Url)),
    column("host", |s| s.attr(Attr::Host)),
    column("database", |s| s.attr(Attr::Database)),
    column("client", |s| s.attr(Attr::Client)),
    column("service", |s| s.attr(Attr::Service)),
    column("infra", |s| s.attr(Attr::Infra)),
    column("environment", |s| s.attr(Attr::Environment)),
    column("owner", |s| s.attr(Attr::Owner)),
    column("description", |s| s.attr(Attr::Description)),
    column("port", |s| Ok(s.row.port()?.map_or(Cell::None, Cell::Int))),
    column("tags", |s| Ok(Cell::List(s.row.tags()?.map(Into::into).collect()))),
    column("requires_vpn", |s| Ok(Cell::Flag(s.row.requires_vpn()?))),
    column("requires_2fa", |s| Ok(Cell::Flag(s.row.requires_2fa()?))),
    column("expires", |s| Ok(Cell::time(s.row.expires_at()?))),
    column("rotate_every", |s| {
        Ok(s.row.rotate_every()?.map_or(Cell::None, |span| Cell::owned(words(span))))
    }),
    column("due", |s| Ok(Cell::time(s.row.due_at()?))),
    column("keep", |s| Ok(s.row.keep()?.map_or(Cell::None, Cell::Int))),
    column("last_rotated", |s| Ok(Cell::time(s.row.last_rotated_at()?))),
    column("last_verified", |s| Ok(Cell::time(s.row.last_verified_at()?))),
    column("verdict", |s| Ok(Cell::text(s.row.verdict()?))),
    column("fields", |s| {
        let fields = s.row.fields()?.into_iter();
        Ok(Cell::Map(fields.map(|(key, value)| (key.into_string(), Cell::owned(value))).collect()))
    }),
    column("versions", |s| {
        let secrets = s.row.secrets()?.into_iter();
        Ok(Cell::Map(secrets.map(|(key, n)| (key.into_string(), Cell::Int(n.into()))).collect()))
    }),
    column("id", |s| Ok(Cell::text(Some(s.id)))),
    column("created", |s| Ok(Cell::Time(s.row.created_at()?))),
    column("updated", |s| Ok(Cell::Time(s.row.updated_at()?))),
    column("deleted", |s| Ok(Cell::time(s.row.deleted_at()?))),
    column("verified", |s| Ok(Cell::Flag(s.row.verified()))),
    column(LAST_READ, |s| Ok(Cell::time(s.row.last_read()?))),
];

impl<'r> Shown<'r> {
    fn attr(&self, attr: Attr) -> Result<Cell<'r>> {
        Ok(Cell::text(self.row.attr(attr)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attributes_stand_in_their_order() {
        let names: Vec<_> = names().skip(2).take(Attr::ALL.len()).collect();
        assert_eq!(names, Attr::ALL.map(Attr::name));
    }

    #[test]
    fn what_can_be_sorted_by_is_a_column() {
        let columns: Vec<_> = names().collect();
        for (key, _) in KEYS {
            assert!(columns.contains(key), "{key}");
        }
        assert!(USUAL.iter().all(|name| columns.contains(name)));
        assert!(super::order("-last-read").is_ok_and(|order| order.by == SortKey::LastRead));
        let order = order("-client").unwrap();
        assert!(order.descending && order.by == SortKey::Attr(Attr::Client));
        for wrong in ["", "-", "--name", "fields", "Name", "name "] {
            assert!(super::order(wrong).is_err(), "{wrong:?}");
        }
    }
}
