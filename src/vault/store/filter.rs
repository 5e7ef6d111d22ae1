//! Which credentials, and in which order: what is behind every list. Only words of ours become
//! SQL text; what users wrote is an argument.

use super::credential::BRIEF;
use super::{Db, Row, Value, overview};
use crate::error::Result;
use crate::model::{Attr, Timestamp};
use crate::vault::filter::{Filter, Order, SortKey};
use std::fmt::Write;

/// An argument of a statement that is put together.
pub(super) enum Arg {
    Int(i64),
    Text(String),
}

impl Arg {
    pub(super) fn value(&self) -> Value<'_> {
        match self {
            Self::Int(value) => Value::Int(*value),
            Self::Text(value) => Value::Text(value),
        }
    }

    pub(super) fn count(n: u64) -> Self {
        Self::Int(i64::try_from(n).unwrap_or(i64::MAX))
    }
}

/// Calls `each` with `columns` of every credential that fits, in the filter's order. With them comes
/// the time of the last read, last, if the filter asks for it.
pub(super) fn each(
    db: &Db,
    columns: &str,
    filter: &Filter,
    mut each: impl FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    let (sql, args) = select(columns, filter);
    let values: Vec<Value<'_>> = args.iter().map(Arg::value).collect();
    let Some(since) = filter.unused_since else {
        return db.each(&sql, &values, each);
    };
    // The database would take thrice as long to leave out those that were read.
    let read = overview::read_since(db, since)?;
    let window = filter.offset..filter.offset.saturating_add(filter.limit.unwrap_or(u64::MAX));
    let mut count = 0;
    db.each(&sql, &values, |row| {
        if read.contains(&row.array(ID)?) {
            return Ok(());
        }
        count += 1;
        if window.contains(&(count - 1)) { each(row) } else { Ok(()) }
    })
}

/// Where the id stands in the columns of a row, and behind [`BRIEF`] when it is needed there.
const ID: usize = 6;

fn select(columns: &str, filter: &Filter) -> (String, Vec<Arg>) {
    let mut all = condition(filter);
    let (column, join) = match filter.needs_reads() {
        true => (", last_read", last_reads()),
        false => ("", String::new()),
    };
    let id = if filter.unused_since.is_some() && columns == BRIEF { ", id" } else { "" };
    let mut sql = format!(
        "SELECT {columns}{id}{column} FROM credential{join} WHERE {} ORDER BY {}",
        all.sql,
        order(&filter.sort)
    );
    let cut = filter.limit.is_some() || filter.offset > 0;
    if cut && filter.unused_since.is_none() {
        all.args.push(Arg::count(filter.limit.unwrap_or(u64::MAX)));
        all.args.push(Arg::count(filter.offset));
        let n = all.args.len();
        let _ = write!(sql, " LIMIT ?{} OFFSET ?{n}", n - 1);
    }
    (sql, all.args)
}

/// The `WHERE` of a list, with its arguments.
pub(super) struct Condition {
    pub(super) sql: String,
    pub(super) args: Vec<Arg>,
}

impl Condition {
    /// Adds a condition; `text` is told the number of its argument.
    pub(super) fn and(&mut self, arg: Arg, text: impl FnOnce(usize) -> String) {
        self.args.push(arg);
        let text = text(self.args.len());
        self.plain(&text);
    }

    pub(super) fn plain(&mut self, text: &str) {
        self.sql.push_str(" AND ");
        self.sql.push_str(text);
    }

    /// The same for a moment, if there is one.
    fn at(&mut self, at: Option<Timestamp>, text: impl FnOnce(usize) -> String) {
        if let Some(at) = at {
            self.and(Arg::Int(at.0), text);
        }
    }
}

fn condition(filter: &Filter) -> Condition {
    let which = if filter.deleted { "+deleted_at IS NOT NULL" } else { "+deleted_at IS NULL" };
    let mut all = Condition { sql: which.into(), args: Vec::new() };
    equal(filter, &mut all);
    if let Some(text) = &filter.search {
        all.args.push(Arg::Text(anywhere(&in_json(text))));
        let fields = all.args.len();
        all.and(Arg::Text(anywhere(text)), |n| search(n, fields, text));
    }
    all.at(filter.due_by, due);
    all.at(filter.expired_by, |n| format!("expires_at <= ?{n}"));
    all.at(filter.created_by, |n| format!("created_at <= ?{n}"));
    all.at(filter.stale_since, stale);
    if filter.never_rotated {
        all.plain("last_rotated_at IS NULL");
    }
    all
}

fn equal(filter: &Filter, all: &mut Condition) {
    if !filter.names.is_empty() {
        let first = all.args.len() + 1;
        all.args.extend(filter.names.iter().map(|name| Arg::Text(name.as_str().to_owned())));
        let numbers: Vec<_> = (first..=all.args.len()).map(|n| format!("?{n}")).collect();
        all.plain(&format!("name IN ({})", numbers.join(", ")));
    }
    if let Some(kind) = &filter.kind {
        all.and(Arg::Text(kind.clone()), |n| format!("kind = ?{n}"));
    }
    for (attr, value) in &filter.attrs {
        all.and(Arg::Text(value.clone()), |n| format!("{} = ?{n}", attr.name()));
    }
    if let Some(port) = filter.port {
        all.and(Arg::Int(port.into()), |n| format!("port = ?{n}"));
    }
    for (needed, column) in
        [(filter.requires_vpn, "requires_vpn"), (filter.requires_2fa, "requires_2fa")]
    {
        if needed {
            all.plain(&format!("{column} = 1"));
        }
    }
    for tag in &filter.tags {
        let arg = Arg::Text(format!(",{tag},"));
        all.and(arg, |n| format!("instr(',' || tags || ',', ?{n}) > 0"));
    }
    for (name, value) in &filter.fields {
        // Quotes within stored texts are escaped, so that this is found nowhere but at its key.
        let pair = format!("\"{name}\":{}", serde_json::Value::from(value.as_str()));
        all.and(Arg::Text(pair), |n| format!("instr(fields, ?{n}) > 0"));
    }
}

/// When the next rotation is due.
const ROTATION: &str = "coalesce(last_rotated_at, created_at) + rotate_every * 1000";

/// What has expired or should have been rotated by then; as [`crate::model::Metadata::due_at`] has it.
fn due(n: usize) -> String {
    format!("(expires_at <= ?{n} OR {ROTATION} <= ?{n})")
}

/// What has no version newer than that. A row that was not touched since needs no second look.
fn stale(n: usize) -> String {
    format!(
        "created_at <= ?{n} AND (updated_at <= ?{n} OR NOT EXISTS (SELECT 1 FROM secret
         WHERE secret.credential = credential.id AND secret.created_at > ?{n}))"
    )
}

/// Substring search over all clear text, ASCII letters compared without case: `LIKE` as `SQLite` has
/// it, `ILIKE` under a bytewise collation. Most columns of most rows are empty; asking for that first
/// halves the time. Kinds are few and known, so the text is looked for in their names here. Public
/// fields are stored as JSON, and `fields` is the number of the pattern for that.
fn search(n: usize, fields: usize, text: &str) -> String {
    let attrs = Attr::ALL.iter().map(|attr| (attr.name(), n));
    let mut tests = vec![format!("name LIKE ?{n} ESCAPE '\\'")];
    for (column, n) in attrs.chain([("tags", n), ("fields", fields)]) {
        tests.push(format!("({column} IS NOT NULL AND {column} LIKE ?{n} ESCAPE '\\')"));
    }
    let text = text.to_ascii_lowercase();
    let kinds = crate::kind::ALL.iter().filter(|kind| kind.name.contains(&text));
    tests.extend(kinds.map(|kind| format!("kind = '{}'", kind.name)));
    format!("({})", tests.join(" OR "))
}

/// `text` as it stands within a JSON string.
fn in_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// The pattern that finds `text` anywhere.
pub(super) fn anywhere(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// The last read of each credential, from the log.
fn last_reads() -> String {
    format!(
        " LEFT JOIN (SELECT credential AS reader, max(at) AS last_read FROM entry WHERE {}
          GROUP BY credential) AS reads ON reads.reader = credential.id",
        overview::reads()
    )
}

/// The `ORDER BY`: what is empty comes last either way; names decide between equals.
fn order(sort: &[Order]) -> String {
    let mut sql = String::new();
    for Order { by, descending } in sort {
        let column = column(*by);
        let direction = if *descending { " DESC" } else { "" };
        if is_optional(*by) {
            let _ = write!(sql, "({column}) IS NULL, ");
        }
        let _ = write!(sql, "{column}{direction}, ");
    }
    sql.push_str(if sort.iter().any(|order| order.by == SortKey::Name) {
        "id"
    } else {
        "name, id"
    });
    sql
}

fn column(key: SortKey) -> String {
    match key {
        SortKey::Name => "name",
        SortKey::Kind => "kind",
        SortKey::Attr(attr) => attr.name(),
        SortKey::Port => "port",
        SortKey::Expires => "expires_at",
        SortKey::Due => return next_due(),
        SortKey::LastRotated => "last_rotated_at",
        SortKey::LastVerified => "last_verified_at",
        SortKey::LastRead => "last_read",
        SortKey::Created => "created_at",
        SortKey::Updated => "updated_at",
        SortKey::Deleted => "deleted_at",
    }
    .into()
}

/// The earlier of expiry and next rotation.
fn next_due() -> String {
    format!(
        "CASE WHEN rotate_every IS NULL OR expires_at <= {ROTATION} THEN expires_at
              ELSE {ROTATION} END"
    )
}

fn is_optional(key: SortKey) -> bool {
    !matches!(key, SortKey::Name | SortKey::Kind | SortKey::Created | SortKey::Updated)
}
