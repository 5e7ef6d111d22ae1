//! Who used what, put together: a line for each person, machine, address and program, and for each
//! program that it went to.

use super::tables::{Row, integer, text};
use crate::cli::report::Cell;
use crate::model::Timestamp;
use crate::vault::{Entry, Use};
use std::collections::{BTreeMap, BTreeSet};

/// What one person did with one program from one place.
pub struct Person {
    user: String,
    host: String,
    remote: Option<String>,
    program: Option<String>,
    /// The program that the values went to, if it was another one.
    command: Option<String>,
    count: usize,
    /// How many of these came to nothing.
    failed: usize,
    first: Timestamp,
    last: Timestamp,
    actions: BTreeSet<String>,
    names: BTreeSet<String>,
}

/// All of them, those with the most uses first.
pub fn people(uses: &[Use]) -> Vec<Person> {
    let mut people: BTreeMap<_, Person> = BTreeMap::new();
    for Use { entry, .. } in uses {
        let command = entry.detail("command");
        let key = (&entry.user, &entry.host, &entry.remote, &entry.program, command);
        people.entry(key).or_insert_with(|| Person::of(entry)).add(entry);
    }
    let mut people: Vec<Person> = people.into_values().collect();
    people.sort_by_key(|person| std::cmp::Reverse(person.count));
    people
}

impl Person {
    fn of(entry: &Entry) -> Self {
        Self {
            user: entry.user.clone(),
            host: entry.host.clone(),
            remote: entry.remote.clone(),
            program: entry.program.clone(),
            command: entry.detail("command"),
            count: 0,
            failed: 0,
            first: entry.at,
            last: entry.at,
            actions: BTreeSet::new(),
            names: BTreeSet::new(),
        }
    }

    fn add(&mut self, entry: &Entry) {
        self.count += 1;
        self.failed += usize::from(entry.outcome != "ok");
        (self.first, self.last) = (self.first.min(entry.at), self.last.max(entry.at));
        self.actions.insert(entry.action.clone());
        self.names.extend(entry.name.clone());
    }

    /// For people.
    pub fn in_words(self) -> Row {
        let count = match (self.count, self.failed) {
            (1, 0) => "once".to_owned(),
            (count, 0) => format!("{count} times"),
            (count, failed) => format!("{count} times, {failed} in vain"),
        };
        let from = self.remote.map(|remote| format!("from {remote}"));
        let program = self.program.map(|program| format!("with {program}"));
        let command = self.command.map(|command| format!("to {command}"));
        let days = match (self.first.day(), self.last.day()) {
            (first, last) if first == last => format!("on {first}"),
            (first, last) => format!("{first} to {last}"),
        };
        vec![
            ("user", Cell::owned(format!("{} on {}", self.user, self.host))),
            ("remote", text(from.as_deref())),
            ("program", text(program.as_deref())),
            ("command", text(command.as_deref())),
            ("count", Cell::owned(count)),
            ("days", Cell::owned(days)),
            ("credentials", list(self.names)),
        ]
    }

    /// All of it.
    pub fn everything(self) -> Row {
        vec![
            ("user", Cell::owned(self.user)),
            ("host", Cell::owned(self.host)),
            ("remote", text(self.remote.as_deref())),
            ("program", text(self.program.as_deref())),
            ("command", text(self.command.as_deref())),
            ("count", integer(self.count)),
            ("failed", integer(self.failed)),
            ("first", Cell::Time(self.first)),
            ("last", Cell::Time(self.last)),
            ("actions", list(self.actions)),
            ("credentials", list(self.names)),
        ]
    }
}

fn list(texts: BTreeSet<String>) -> Cell<'static> {
    Cell::List(texts.into_iter().map(Into::into).collect())
}
