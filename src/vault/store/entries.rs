//! Questions to the log: which entries fit.
//!
//! A pass over the table in its own order reads a million entries in a tenth of a second, and can stop
//! early. An index beats it only where few entries fit; where many do, each costs a look-up in no
//! order, and all must be sorted. So a condition goes by its index only after a count that ends early.

use super::filter::{Arg, Condition, anywhere};
use super::log::{COLUMNS, EntryRow};
use super::{Db, Row, Value};
use crate::error::Result;
use crate::model::Timestamp;
use crate::model::incident::IncidentNumber;
use crate::vault::audit::ACTIONS;
use crate::vault::view::{Entry, EntryFilter, Glimpse};
use std::collections::HashMap;
use uuid::Uuid;

/// So many entries are looked up one by one; more are passed over in order.
const FEW: i64 = 20_000;

/// So many different users, machines or programs are named in a statement.
const NAMED: usize = 64;

/// Calls `each` for the entries that fit, in the filter's order.
pub(in crate::vault) fn list(
    db: &Db,
    filter: &EntryFilter,
    mut each: impl FnMut(&Entry) -> Result<()>,
) -> Result<()> {
    scan(db, COLUMNS, filter, |row| each(&EntryRow::read(row)?.entry))
}

/// The same for what is counted of an entry.
pub(in crate::vault) fn glimpses(
    db: &Db,
    filter: &EntryFilter,
    mut each: impl FnMut(&Glimpse<'_>) -> Result<()>,
) -> Result<()> {
    let columns = "seq, at, action, outcome, user_name, host, program, name, credential";
    scan(db, columns, filter, |row| {
        each(&Glimpse {
            seq: row.int(0)?,
            at: Timestamp(row.int(1)?),
            action: row.text(2)?,
            outcome: row.text(3)?,
            user: row.text(4)?,
            host: row.text(5)?,
            program: row.opt_text(6)?,
            name: row.opt_text(7)?,
            credential: row.opt_blob(8)?.map(|_| row.uuid(8)).transpose()?,
        })
    })
}

/// The number of the last entry; 0 for an empty log.
pub(in crate::vault) fn last(db: &Db) -> Result<i64> {
    db.int("SELECT coalesce(max(seq), 0) FROM entry")
}

/// The clients of the credentials that have one.
pub(in crate::vault) fn clients(db: &Db) -> Result<HashMap<Uuid, String>> {
    let mut clients = HashMap::new();
    let sql = "SELECT id, client FROM credential WHERE client IS NOT NULL";
    db.each(sql, &[], |row| {
        clients.insert(row.uuid(0)?, row.text(1)?.to_owned());
        Ok(())
    })?;
    Ok(clients)
}

fn scan(
    db: &Db,
    columns: &str,
    filter: &EntryFilter,
    each: impl FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    let Condition { sql, mut args } = Plan::of(db, filter)?;
    args.push(Arg::count(filter.limit.unwrap_or(u64::MAX)));
    args.push(Arg::count(filter.offset));
    let (n, order) = (args.len(), if filter.oldest_first { "ASC" } else { "DESC" });
    let sql = format!(
        "SELECT {columns} FROM entry WHERE {sql} ORDER BY seq {order} LIMIT ?{} OFFSET ?{n}",
        n - 1
    );
    db.each(&sql, &values(&args), each)
}

fn values(args: &[Arg]) -> Vec<Value<'_>> {
    args.iter().map(Arg::value).collect()
}

/// A condition in the making.
struct Plan<'a> {
    db: &'a Db,
    all: Condition,
    /// Whether an index leads to the entries already; one is enough.
    led: bool,
}

impl<'a> Plan<'a> {
    /// What is cheap to ask comes first: the database asks in this order.
    fn of(db: &'a Db, filter: &EntryFilter) -> Result<Condition> {
        let all = Condition { sql: "1 = 1".into(), args: Vec::new() };
        // what is new since a moment ago is found by its numbers
        let mut plan = Plan { db, all, led: filter.after.is_some() };
        plan.range(filter);
        plan.by_index(filter)?;
        for (column, text) in [("user_name", &filter.actor), ("host", &filter.host)] {
            plan.equal(column, text.as_ref());
        }
        plan.program(filter.program.as_deref());
        if let Some(text) = &filter.reason {
            plan.all.and(Arg::Text(anywhere(text)), |n| contains("reason", n));
        }
        if let Some(text) = &filter.text {
            plan.search(text)?;
        }
        plan.client(filter.client.as_deref())?;
        Ok(plan.all)
    }

    fn range(&mut self, filter: &EntryFilter) {
        for (seq, condition) in [(filter.after, "seq > "), (filter.up_to, "seq <= ")] {
            if let Some(seq) = seq {
                self.all.and(Arg::Int(seq), |n| format!("{condition}?{n}"));
            }
        }
    }

    fn by_index(&mut self, filter: &EntryFilter) -> Result<()> {
        if let Some(incident) = &filter.incident {
            let n = self.arg(Arg::Text(incident.clone()));
            self.lead(&format!("incident = ?{n}"), &format!("{} = ?{n}", unindexed("incident")))?;
        }
        self.linked(filter.linked_to)?;
        self.cred(filter.cred.as_deref())?;
        if let Some(outcome) = &filter.outcome {
            let n = self.arg(Arg::Text(outcome.clone()));
            let test = format!("{} = ?{n}", unindexed("outcome"));
            match outcome == "ok" {
                true => self.all.plain(&test),
                false => self.lead(&format!("outcome = ?{n} AND outcome <> 'ok'"), &test)?,
            }
        }
        self.actions(&filter.actions)?;
        self.times(filter)
    }

    fn cred(&mut self, name: Option<&str>) -> Result<()> {
        let Some(name) = name else { return Ok(()) };
        let n = self.arg(Arg::Text(name.to_owned()));
        let ids = format!("IN (SELECT id FROM credential WHERE name = ?{n})");
        let rows = format!("name = ?{n} UNION ALL SELECT seq FROM entry WHERE credential {ids}");
        self.lead(
            &rows,
            &format!("({} = ?{n} OR coalesce(credential, id) {ids})", unindexed("name")),
        )
    }

    /// Failed attempts name a credential, and have no id of it.
    fn linked(&mut self, incident: Option<IncidentNumber>) -> Result<()> {
        let Some(number) = incident else { return Ok(()) };
        let n = self.arg(Arg::Int(number.0));
        let ids = format!("IN (SELECT credential FROM incident_link WHERE incident = ?{n})");
        let names = format!(
            "IN (SELECT name FROM incident_link WHERE incident = ?{n}
                 UNION SELECT name FROM credential WHERE id {ids})"
        );
        let rows = format!(
            "credential {ids}
             UNION ALL SELECT seq FROM entry WHERE name {names} AND credential IS NULL"
        );
        let test = format!(
            "(coalesce(credential, id) {ids}
              OR credential IS NULL AND {} {names})",
            unindexed("name")
        );
        self.lead(&rows, &test)
    }

    /// Asked last: it is the dearest.
    fn client(&mut self, client: Option<&str>) -> Result<()> {
        let Some(client) = client else { return Ok(()) };
        let n = self.arg(Arg::Text(client.to_owned()));
        let ids = format!("IN (SELECT id FROM credential WHERE client = ?{n})");
        self.lead(&format!("credential {ids}"), &format!("coalesce(credential, id) {ids}"))
    }

    fn actions(&mut self, actions: &[String]) -> Result<()> {
        if actions.is_empty() {
            return Ok(());
        }
        let list = self.named(actions);
        self.lead(&format!("action {list}"), &format!("{} {list}", unindexed("action")))
    }

    fn times(&mut self, filter: &EntryFilter) -> Result<()> {
        let mut rows = Vec::new();
        for (at, condition) in [(filter.since, "at >= "), (filter.until, "at < ")] {
            if let Some(at) = at {
                rows.push(format!("{condition}?{}", self.arg(Arg::Int(at.0))));
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        let tests: Vec<_> = rows.iter().map(|row| format!("+{row}")).collect();
        self.lead(&rows.join(" AND "), &tests.join(" AND "))
    }

    /// Takes the entries with `rows` by their index if they are few; tests every entry otherwise.
    fn lead(&mut self, rows: &str, test: &str) -> Result<()> {
        if !self.led && self.is_few(rows)? {
            self.led = true;
            self.all.plain(&format!("seq IN (SELECT seq FROM entry WHERE {rows})"));
        } else {
            self.all.plain(test);
        }
        Ok(())
    }

    fn is_few(&self, rows: &str) -> Result<bool> {
        let sql = format!(
            "SELECT count(*) FROM (SELECT seq FROM entry WHERE {rows} LIMIT {FEW}) AS some"
        );
        let count = self.db.first(&sql, &values(&self.all.args), |row| row.int(0))?;
        Ok(count.is_some_and(|count| count < FEW))
    }

    fn equal(&mut self, column: &str, text: Option<&String>) {
        if let Some(text) = text {
            let column = unindexed(column);
            self.all.and(Arg::Text(text.clone()), |n| format!("{column} = ?{n}"));
        }
    }

    /// The calling program, or the one that values went to.
    fn program(&mut self, name: Option<&str>) {
        let Some(name) = name else { return };
        let caller = self.arg(Arg::Text(name.to_owned()));
        let command = format!("\"command\":{}", serde_json::Value::from(name));
        let command = contains("details", self.arg(Arg::Text(anywhere(&command))));
        self.all.plain(&format!("({} = ?{caller} OR {command})", unindexed("program")));
    }

    /// Text anywhere in an entry. Users, machines, programs and actions are few, so it is looked for
    /// in their names here: asking every entry would take twice as long.
    fn search(&mut self, text: &str) -> Result<()> {
        let n = self.arg(Arg::Text(anywhere(text)));
        let columns = ["name", "reason", "remote", "details"];
        let mut tests: Vec<_> = columns.map(|column| contains(column, n)).into();
        let text = text.to_ascii_lowercase();
        let actions = ACTIONS.iter().filter(|action| action.contains(&text));
        let actions: Vec<_> = actions.map(|action| (*action).to_owned()).collect();
        let who = Who::with(self.db, &text)?;
        let sets = [
            ("action", actions),
            ("user_name", who.users),
            ("host", who.hosts),
            ("program", who.programs),
        ];
        for (column, names) in sets {
            match names.len() {
                0 => {}
                1..=NAMED => tests.push(format!("{} {}", unindexed(column), self.named(&names))),
                _ => tests.push(contains(column, n)),
            }
        }
        self.all.plain(&format!("({})", tests.join(" OR ")));
        Ok(())
    }

    fn named(&mut self, texts: &[String]) -> String {
        let numbers: Vec<_> =
            texts.iter().map(|text| format!("?{}", self.arg(Arg::Text(text.clone())))).collect();
        format!("IN ({})", numbers.join(", "))
    }

    /// Adds an argument, and tells its number.
    fn arg(&mut self, arg: Arg) -> usize {
        self.all.args.push(arg);
        self.all.args.len()
    }
}

/// A text column that is not looked up in an index.
fn unindexed(column: &str) -> String {
    format!("CAST({column} AS TEXT)")
}

fn contains(column: &str, n: usize) -> String {
    format!("({column} IS NOT NULL AND {column} LIKE ?{n} ESCAPE '\\')")
}

/// The users, machines and programs of the log whose names contain a text.
#[derive(Default)]
struct Who {
    users: Vec<String>,
    hosts: Vec<String>,
    programs: Vec<String>,
}

impl Who {
    /// `text` is in lower case.
    fn with(db: &Db, text: &str) -> Result<Self> {
        let mut who = Self::default();
        let sql = "SELECT DISTINCT user_name, host, program FROM entry";
        db.each(sql, &[], |row| {
            note(&mut who.users, row.opt_text(0)?, text);
            note(&mut who.hosts, row.opt_text(1)?, text);
            note(&mut who.programs, row.opt_text(2)?, text);
            Ok(())
        })?;
        Ok(who)
    }
}

fn note(names: &mut Vec<String>, name: Option<&str>, text: &str) {
    let Some(name) = name.filter(|name| name.to_ascii_lowercase().contains(text)) else { return };
    if names.len() <= NAMED && !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
}
