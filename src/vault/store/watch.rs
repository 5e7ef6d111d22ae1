//! What the evaluator of alerts reads of the log: few columns, lent out as they lie in the database.

use super::{Db, Row, Value};
use crate::error::Result;
use crate::model::Timestamp;
use uuid::Uuid;

/// An entry as the evaluator sees it.
pub(in crate::vault) struct Seen<'r> {
    pub(in crate::vault) seq: i64,
    pub(in crate::vault) at: Timestamp,
    pub(in crate::vault) action: &'r str,
    pub(in crate::vault) is_ok: bool,
    pub(in crate::vault) user: &'r str,
    pub(in crate::vault) host: &'r str,
    pub(in crate::vault) program: Option<&'r str>,
    pub(in crate::vault) details: Option<&'r str>,
    row: &'r Row<'r>,
}

const COLUMNS: &str = "seq, at, action, outcome, user_name, host, program, details, credential";

impl<'r> Seen<'r> {
    fn read(row: &'r Row<'r>) -> Result<Self> {
        Ok(Self {
            seq: row.int(0)?,
            at: Timestamp(row.int(1)?),
            action: row.text(2)?,
            is_ok: row.text(3)? == "ok",
            user: row.text(4)?,
            host: row.text(5)?,
            program: row.opt_text(6)?,
            details: row.opt_text(7)?,
            row,
        })
    }

    /// The credential it is about.
    pub(in crate::vault) fn credential(&self) -> Result<Option<Uuid>> {
        self.row.opt_blob(8)?.map(|_| self.row.uuid(8)).transpose()
    }

    /// The credential's name as it was. Not in the tail.
    pub(in crate::vault) fn name(&self) -> Result<Option<&'r str>> {
        self.row.opt_text(9)
    }

    /// The incident it belongs to. Not in the tail.
    pub(in crate::vault) fn incident(&self) -> Result<Option<&'r str>> {
        self.row.opt_text(10)
    }
}

/// Calls `each` for the entries from `seq` on, oldest first.
pub(in crate::vault) fn each(
    db: &Db,
    seq: i64,
    mut each: impl FnMut(&Seen<'_>) -> Result<()>,
) -> Result<()> {
    let sql = format!("SELECT {COLUMNS}, name, incident FROM entry WHERE seq >= ?1 ORDER BY seq");
    db.each(&sql, &[Value::Int(seq)], |row| each(&Seen::read(row)?))
}

/// The same at every unlock; with each comes when the entry `back` was written.
pub(in crate::vault) fn tail(
    db: &Db,
    seq: i64,
    back: i64,
    mut each: impl FnMut(&Seen<'_>, Option<Timestamp>) -> Result<()>,
) -> Result<()> {
    let sql = format!(
        "SELECT {COLUMNS}, (SELECT at FROM entry WHERE seq = ?2) FROM entry WHERE seq >= ?1
         ORDER BY seq"
    );
    db.each(&sql, &[Value::Int(seq), Value::Int(back)], |row| {
        each(&Seen::read(row)?, row.opt_int(9)?.map(Timestamp))
    })
}

/// Whether this user, on this host, by this program, wrote an entry before number `seq`.
pub(in crate::vault) fn knows(db: &Db, who: &Seen<'_>, seq: i64) -> Result<bool> {
    let mut args = vec![Value::Text(who.user), Value::Text(who.host), Value::Int(seq)];
    let program = match who.program {
        Some(program) => {
            args.push(Value::Text(program));
            "program = ?4"
        }
        None => "program IS NULL",
    };
    let sql = format!(
        "SELECT 1 FROM entry WHERE user_name = ?1 AND host = ?2 AND {program} AND seq < ?3 LIMIT 1"
    );
    db.first(&sql, &args, |_| Ok(())).map(|found| found.is_some())
}

/// The first entry that was written at that time or later.
pub(in crate::vault) fn first_since(db: &Db, since: Timestamp) -> Result<Option<i64>> {
    let sql = "SELECT seq FROM entry WHERE at >= ?1 ORDER BY at, seq LIMIT 1";
    db.first(sql, &[Value::Int(since.0)], |row| row.int(0))
}

/// When the log begins.
pub(in crate::vault) fn begin(db: &Db) -> Result<Option<Timestamp>> {
    db.first("SELECT at FROM entry ORDER BY seq LIMIT 1", &[], |row| row.int(0).map(Timestamp))
}
