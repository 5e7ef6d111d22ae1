//! Rows changed behind the program's back, each genuine at some time, with a right tag: only the
//! state tree can tell that they are out of place.

#![allow(
    clippy::pedantic,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::format_push_string,
    reason = "tests may, and clarity comes before speed"
)]

use rusqlite::Connection;
use std::rc::Rc;
use vault::error::ErrorKind;
use vault::model::{Metadata, Secret, Timestamp};
use vault::vault::*;
use vault::world::World;

struct Victim {
    _dir: tempfile::TempDir,
    place: Place,
    key: Key,
    db: Connection,
}

impl Victim {
    /// A vault with the credential `a`, of which the attacker has kept all rows.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = Key::Identity(new_key_file(Timestamp(0)));
        let place =
            Place { file: dir.path().join("vault.db"), state_dir: dir.path().join("state") };
        let world = Rc::new(World::real());
        let mut vault = Vault::init(&place, world, &key, "key file").unwrap();
        let mut meta = Metadata::default();
        meta.kind = "password".to_owned();
        let new = NewCredential { name: "a".parse().unwrap(), meta, secrets: password(b"old") };
        vault.add(new).unwrap();
        let db = Connection::open(&place.file).unwrap();
        db.execute_batch(
            "CREATE TEMP TABLE kept AS SELECT * FROM credential;
             CREATE TEMP TABLE kept_secret AS SELECT * FROM secret",
        )
        .unwrap();
        Self { _dir: dir, place, key, db }
    }

    fn vault(&self) -> Vault<Unlocked> {
        let world = Rc::new(World::real());
        let locked = Vault::open(&self.place, world, Purpose::default()).unwrap();
        locked.unlock(&self.key).unwrap()
    }

    /// A change after which what the attacker kept is old.
    fn update(&self) {
        let change = Change { edit: None, secrets: password(b"new") };
        self.vault().set(&"a".parse().unwrap(), change).unwrap();
    }

    fn attack(&self, sql: &str) {
        self.db.execute_batch(sql).unwrap();
    }

    /// Neither reveal nor list nor doctor may take the row for genuine.
    fn expect_refusal(&self) {
        let revealed = self.vault().reveal(&"a".parse().unwrap(), None);
        let kind = revealed.as_ref().err().map(vault::error::Error::kind);
        assert_eq!(kind, Some(ErrorKind::Integrity), "reveal");
        let shown = self.vault().show(&"a".parse().unwrap(), false);
        assert_eq!(shown.err().map(|e| e.kind()), Some(ErrorKind::Integrity));
        let listed = self.vault().list(&Filter::default(), &mut |_| Ok(()));
        let kind = listed.err().map(|e| e.kind());
        assert_eq!(kind, Some(ErrorKind::Integrity), "list");
        let findings = self.vault().doctor().unwrap();
        assert!(findings.iter().any(|f| f.level == "problem"), "doctor");
    }
}

fn password(value: &[u8]) -> Vec<(vault::model::FieldName, Secret)> {
    vec![("password".parse().unwrap(), Secret::from_bytes(value))]
}

#[test]
fn a_purged_credential_does_not_come_back() {
    let victim = Victim::new();
    victim.vault().purge(&"a".parse().unwrap(), false).unwrap();
    victim.attack(
        "UPDATE kept SET bucket = -1; INSERT INTO credential SELECT * FROM kept;
         INSERT INTO secret SELECT * FROM kept_secret",
    );
    victim.expect_refusal();
}

#[test]
fn an_older_row_does_not_pass_for_the_current_one() {
    let victim = Victim::new();
    victim.update();
    victim.attack(
        "UPDATE credential SET name = 'b'; UPDATE kept SET bucket = -1;
         INSERT INTO credential SELECT * FROM kept",
    );
    victim.expect_refusal();
}

#[test]
fn an_index_that_differs_from_its_table_hides_nothing() {
    let victim = Victim::new();
    victim.update();
    victim.attack(
        "PRAGMA writable_schema = ON;
         CREATE TEMP TABLE hidden AS SELECT * FROM sqlite_schema
           WHERE name IN ('credential_leaf', 'credential_live');
         DELETE FROM main.sqlite_schema WHERE name IN (SELECT name FROM hidden);
         PRAGMA writable_schema = RESET",
    );
    victim.attack(
        "DELETE FROM main.credential; INSERT INTO main.credential SELECT * FROM kept;
         PRAGMA writable_schema = ON;
         INSERT INTO main.sqlite_schema SELECT * FROM hidden;
         PRAGMA writable_schema = RESET",
    );
    victim.expect_refusal();
}

#[test]
fn a_text_is_as_it_was_written() {
    for change in ["owner = ''", "fields = '{}'"] {
        let victim = Victim::new();
        victim.attack(&format!("UPDATE credential SET {change}"));
        victim.expect_refusal();
    }
}

/// The same from the other side: a row that was only left alone is refused by nobody.
#[test]
fn an_untouched_vault_is_in_order() {
    let victim = Victim::new();
    victim.update();
    let value = victim.vault().reveal(&"a".parse().unwrap(), None).unwrap();
    assert_eq!(value.expose(), b"new");
    let findings = victim.vault().doctor().unwrap();
    assert!(findings.iter().all(|f| f.level == "ok"), "{findings:?}");
}
