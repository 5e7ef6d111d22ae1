//! The schema: numbered steps, and an exact comparison on every open, so that an added trigger,
//! view or index is noticed before anything is read.

use super::sqlite::{Db, Value};
use crate::error::{Error, ErrorKind, Result};

/// The steps, oldest first. A step's number is its position; it is written nowhere else.
const STEPS: &[&str] = &[include_str!("migrations/0001_initial.sql")];

/// The version this program reads and writes.
#[expect(clippy::cast_possible_wrap, reason = "there are few steps")]
const VERSION: i64 = STEPS.len() as i64;

/// Makes the schema in an empty database, in one transaction with its version.
pub(super) fn create(db: &Db) -> Result<()> {
    let steps = STEPS.concat();
    db.script(&format!("BEGIN IMMEDIATE; {steps} PRAGMA user_version = {VERSION}; COMMIT"))
}

/// Refuses newer formats untouched, and anything in the schema that is not ours.
pub(super) fn check(db: &Db) -> Result<()> {
    let version = db.int("PRAGMA user_version")?;
    if version > VERSION {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("the vault has format {version}, this program knows up to {VERSION}"),
        )
        .hint("use a newer version of this program; the file was not touched"));
    }
    if version < VERSION {
        return Err(foreign("its version number was changed"));
    }
    let mut expected: Vec<&str> = statements().collect();
    let mut surplus = false;
    db.each("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL", &[] as &[Value<'_>], |row| {
        let sql = row.text(0)?;
        match expected.iter().position(|statement| *statement == sql) {
            Some(at) => {
                expected.swap_remove(at);
            }
            None => surplus = true,
        }
        Ok(())
    })?;
    match (surplus, expected.is_empty()) {
        (false, true) => Ok(()),
        (true, _) => Err(foreign("something was added to it")),
        (false, false) => Err(foreign("something is missing from it")),
    }
}

fn foreign(why: &str) -> Error {
    Error::integrity(format!("the vault's schema is not this program's: {why}"))
        .hint("restore the vault from a backup")
}

/// The statements of all steps, as SQLite stores them: without the final semicolon.
fn statements() -> impl Iterator<Item = &'static str> {
    STEPS
        .iter()
        .flat_map(|step| step.split_inclusive(";\n"))
        .map(|s| s.trim().trim_end_matches(';'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_is_one_object() {
        assert!(statements().all(|s| s.starts_with("CREATE ") && !s.contains(';')));
        assert_eq!(statements().count(), STEPS.concat().matches("CREATE ").count());
    }
}
