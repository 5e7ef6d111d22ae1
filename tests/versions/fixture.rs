//! A vault with one credential that has a past, at times of the test's choosing.

use rusqlite::Connection;
use std::rc::Rc;
use vault::error::{ErrorKind, Result};
use vault::model::{CredName, FieldName, Metadata, Secret, Timestamp};
use vault::vault::*;
use vault::world::World;

pub const START: i64 = 1_800_000_000_000;
pub const DAY: i64 = 86_400_000;

pub struct Fixture {
    dir: tempfile::TempDir,
    key: Key,
    pub now: std::cell::Cell<i64>,
}

impl Fixture {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = Key::Identity(new_key_file(Timestamp(0)));
        let fixture = Self { dir, key, now: START.into() };
        Vault::init(&fixture.place(), fixture.world(), &fixture.key, "key file").unwrap();
        fixture
    }

    pub fn place(&self) -> Place {
        Place { file: self.dir.path().join("vault.db"), state_dir: self.dir.path().join("state") }
    }

    pub fn world(&self) -> Rc<World> {
        Rc::new(World::fake(&[], Some(Timestamp(self.now.get()))))
    }

    pub fn locked(&self) -> Vault<Locked> {
        let purpose = Purpose { reason: Some("ticket 42".into()), incident: None };
        Vault::open(&self.place(), self.world(), purpose).unwrap()
    }

    pub fn unlocked(&self) -> Vault<Unlocked> {
        self.locked().unlock(&self.key).unwrap()
    }

    /// With `x`, whose password has had these values.
    pub fn with(values: &[&str]) -> Self {
        let fixture = Self::new();
        fixture.add("x", values[0]);
        for value in &values[1..] {
            fixture.set("x", value);
        }
        fixture
    }

    pub fn add(&self, text: &str, value: &str) {
        let mut meta = Metadata::default();
        meta.kind = "password".into();
        let secrets = vec![(field("password"), secret(value)), (field("notes"), secret("a note"))];
        self.unlocked().add(NewCredential { name: name(text), meta, secrets }).unwrap();
    }

    pub fn set(&self, text: &str, value: &str) {
        self.unlocked().set(&name(text), password(value)).unwrap();
    }

    pub fn edit(&self, edit: impl FnOnce(&mut Metadata)) {
        let edit = |meta: &mut Metadata| {
            edit(meta);
            Ok(())
        };
        let change = Change { edit: Some(Box::new(edit)), secrets: Vec::new() };
        self.unlocked().set(&name("x"), change).unwrap();
    }

    pub fn value(&self, version: u32) -> Result<String> {
        let value = self.unlocked().reveal_version(&name("x"), None, version)?;
        Ok(String::from_utf8(value.expose().to_vec()).unwrap())
    }

    /// The versions of the password that still have a value, oldest first.
    pub fn kept(&self) -> Vec<u32> {
        let versions = self.unlocked().history(&name("x"), Some(&field("password")), false);
        let mut kept: Vec<u32> = versions
            .unwrap()
            .iter()
            .filter(|version| version.purged_at.is_none())
            .map(|version| version.version)
            .collect();
        kept.reverse();
        kept
    }

    pub fn sound(&self) {
        let mut v = self.unlocked();
        let findings = v.doctor().unwrap();
        assert!(findings.iter().all(|f| f.level == "ok"), "{findings:?}");
        assert!(v.verify_log(&mut |_, _| {}).unwrap().gaps.is_empty());
    }

    pub fn last(&self) -> Entry {
        let mut last = None;
        let filter = EntryFilter { limit: Some(1), ..EntryFilter::default() };
        self.locked()
            .entries(&filter, &mut |entry| {
                last = Some(entry.clone());
                Ok(())
            })
            .unwrap();
        last.unwrap()
    }

    /// The ciphertext of a version.
    pub fn sealed(&self, version: u32) -> Vec<u8> {
        let db = Connection::open(self.place().file).unwrap();
        let sql = "SELECT sealed FROM secret WHERE field = 'password' AND version = ?1";
        db.query_row(sql, [version], |row| row.get(0)).unwrap()
    }

    /// Whether any 24 bytes in a row of an age file, which all begin alike, are in a file of the vault.
    pub fn has(&self, bytes: &[u8]) -> bool {
        let files = ["vault.db", "vault.db-wal", "vault.db-shm"];
        let files = files.map(|file| std::fs::read(self.dir.path().join(file)).unwrap_or_default());
        let pieces: std::collections::HashSet<&[u8]> = bytes[40..].windows(24).collect();
        files.iter().any(|file| file.windows(24).any(|window| pieces.contains(window)))
    }
}

pub fn name(text: &str) -> CredName {
    text.parse().unwrap()
}

pub fn field(text: &str) -> FieldName {
    text.parse().unwrap()
}

pub fn secret(text: &str) -> Secret {
    Secret::from_bytes(text.as_bytes())
}

pub fn password(value: &str) -> Change<'static> {
    Change { edit: None, secrets: vec![(field("password"), secret(value))] }
}

pub fn expect(version: u32) -> Expect {
    Expect { field: None, version }
}

pub fn kind<T>(result: Result<T>) -> ErrorKind {
    result.err().unwrap().kind()
}
