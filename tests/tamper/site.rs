//! A vault with a history, and what an attacker does to its files.

use super::*;

pub(crate) type Files = Vec<(PathBuf, Vec<u8>)>;

/// Names that readers ask for: the live ones, the trash, and those that are gone.
pub(crate) const NAMES: &[&str] =
    &["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "mallory", "zz"];

/// A vault with a history, and copies of its files from before and after.
pub(crate) struct Site {
    pub(crate) _dir: tempfile::TempDir,
    pub(crate) place: Place,
    pub(crate) key: Key,
    pub(crate) key_text: Secret,
    /// Before: foxtrot not yet purged, golf not yet renamed, echo not yet in the trash, alpha not yet
    /// changed.
    pub(crate) before: Files,
    pub(crate) after: Files,
    /// A database file of the time before, for picking rows from.
    pub(crate) old: PathBuf,
    /// Another vault with the same key.
    pub(crate) other: Place,
}

impl Site {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir(at("a")).unwrap();
        std::fs::create_dir(at("b")).unwrap();
        let place = Place { file: at("a/vault.db"), state_dir: at("a/state") };
        let other = Place { file: at("b/vault.db"), state_dir: at("b/state") };
        let key_text = new_key_file(Timestamp(0));
        let key = Key::Identity(Secret::from_bytes(key_text.expose()));
        let mut site = Self {
            place,
            key,
            key_text,
            before: Vec::new(),
            after: Vec::new(),
            old: at("old.db"),
            other,
            _dir: dir,
        };
        site.make();
        site
    }

    /// The history of the vault.
    pub(crate) fn make(&mut self) {
        Vault::init(&self.other, world(), &self.key, "key file").unwrap();
        drop(Connection::open(&self.other.file).unwrap());
        Vault::init(&self.place, world(), &self.key, "key file").unwrap();
        {
            let mut v = self.unlock().unwrap();
            for (name, kind) in [
                ("alpha", "password"),
                ("bravo", "password"),
                ("charlie", "api_key"),
                ("delta", "custom"),
                ("echo", "password"),
                ("foxtrot", "password"),
                ("golf", "password"),
            ] {
                v.add(credential(name, kind)).unwrap();
            }
            let _ = v.reveal(&name("bravo"), None).unwrap();
        }
        self.before = self.files();
        std::fs::copy(&self.place.file, &self.old).unwrap();
        let wal = self.dir().join("vault.db-wal");
        std::fs::copy(wal, self.old.with_extension("db-wal")).unwrap();
        let mut v = self.unlock().unwrap();
        v.set(
            &name("alpha"),
            Change {
                edit: Some(Box::new(|meta| {
                    *meta = metadata("alpha", "password", "https://alpha.example.com/v2");
                    Ok(())
                })),
                secrets: vec![(field("password"), Secret::from_bytes(b"alpha-password-2"))],
            },
        )
        .unwrap();
        v.remove(&name("echo")).unwrap();
        v.purge(&name("foxtrot"), false).unwrap();
        v.rename(&name("golf"), &name("hotel")).unwrap();
        let _ = v.reveal(&name("alpha"), None).unwrap();
        drop(v);
        self.after = self.files();
    }

    pub(crate) fn dir(&self) -> &Path {
        self.place.file.parent().unwrap()
    }

    /// Every file under the vault's directory.
    pub(crate) fn files(&self) -> Files {
        let mut files = Vec::new();
        let mut dirs = vec![self.dir().to_owned()];
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    dirs.push(path);
                } else {
                    files.push((path.clone(), std::fs::read(&path).unwrap()));
                }
            }
        }
        files
    }

    /// Puts files back, and nothing else but them.
    pub(crate) fn put(&self, files: &Files) {
        std::fs::remove_dir_all(self.dir()).unwrap();
        for (path, bytes) in files {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            write_private(path, bytes);
        }
    }

    pub(crate) fn db(&self) -> Connection {
        Connection::open(&self.place.file).unwrap()
    }

    pub(crate) fn sql(&self, sql: &str) {
        self.db().execute_batch(sql).unwrap();
    }

    /// With the database of the time before as `old`.
    pub(crate) fn with_old(&self, sql: &str) -> Connection {
        let db = self.db();
        db.execute("ATTACH ?1 AS old", params![self.old.to_str().unwrap()]).unwrap();
        db.execute_batch(sql).unwrap();
        db
    }

    /// The same, then the tree anew.
    pub(crate) fn with_old_and_tree(&self, sql: &str) {
        let db = self.with_old(sql);
        fix_tree(&db);
    }

    /// SQL, then the tree anew.
    pub(crate) fn sql_and_tree(&self, sql: &str) {
        let db = self.db();
        db.execute_batch(sql).unwrap();
        fix_tree(&db);
    }

    /// SQL, then the public chain anew.
    pub(crate) fn sql_and_chain(&self, sql: &str) {
        let db = self.db();
        db.execute_batch(sql).unwrap();
        fix_chain(&db);
    }

    /// Exchanges columns between alpha and bravo.
    pub(crate) fn swap(&self, columns: &str) {
        let db = self.db();
        let get = |name: &str| {
            rows(&db, &format!("SELECT {columns} FROM credential WHERE name = '{name}'")).remove(0)
        };
        let (alpha, bravo) = (get("alpha"), get("bravo"));
        assert_ne!(alpha, bravo, "nothing to swap in {columns}");
        for (name, values) in [("alpha", bravo), ("bravo", alpha)] {
            for (column, value) in columns.split(", ").zip(values) {
                let sql = format!("UPDATE credential SET {column} = ?1 WHERE name = ?2");
                db.execute(&sql, params![value, name]).unwrap();
            }
        }
    }

    /// Takes an index out of the schema, changes the table, and puts the index back as it was.
    pub(crate) fn behind_index(&self, index: &str, sql: &str) {
        let db = self.db();
        db.execute("ATTACH ?1 AS old", params![self.old.to_str().unwrap()]).unwrap();
        let find = format!(
            "SELECT type, name, tbl_name, rootpage, sql FROM main.sqlite_schema
             WHERE name = '{index}'"
        );
        let row = rows(&db, &find).remove(0);
        db.execute_batch(&format!(
            "PRAGMA writable_schema = ON; DELETE FROM main.sqlite_schema WHERE name = '{index}';
             PRAGMA writable_schema = RESET; {sql}; PRAGMA writable_schema = ON;"
        ))
        .unwrap();
        let put = "INSERT INTO main.sqlite_schema VALUES (?1, ?2, ?3, ?4, ?5)";
        db.execute(put, rusqlite::params_from_iter(row)).unwrap();
    }

    pub(crate) fn seal(&self) -> PathBuf {
        let db = self.db();
        let id = blob(one(&db, "SELECT vault_id FROM vault"));
        self.place.state_dir.join(data_encoding::HEXLOWER.encode(&id)).join("seal")
    }

    pub(crate) fn unlock(&self) -> vault::error::Result<Vault<Unlocked>> {
        Vault::open(&self.place, world(), Purpose::default())?.unlock(&self.key)
    }
}

pub(crate) fn write_private(path: &Path, bytes: &[u8]) {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path).unwrap().write_all(bytes).unwrap();
}

pub(crate) fn world() -> Rc<World> {
    Rc::new(World::real())
}

pub(crate) fn name(text: &str) -> CredName {
    text.parse().unwrap()
}

pub(crate) fn field(text: &str) -> FieldName {
    text.parse().unwrap()
}

/// A change of metadata that really changes something.
pub(crate) fn touch() -> Change<'static> {
    let edit = |meta: &mut Metadata| {
        meta.set(Attr::Owner, Some("somebody else".into()));
        Ok(())
    };
    Change { edit: Some(Box::new(edit)), secrets: Vec::new() }
}

pub(crate) fn metadata(name: &str, kind: &str, url: &str) -> Metadata {
    let mut meta = Metadata::default();
    meta.kind = kind.into();
    meta.set(Attr::Url, Some(url.into()));
    meta.set(Attr::Username, Some(format!("{name}-user")));
    meta.set(Attr::Client, Some(format!("{name}-client")));
    meta.set(Attr::Description, Some(format!("about {name}")));
    meta.port = Some(1000 + u16::from(name.as_bytes()[0]));
    meta.tags.insert(format!("tag-{name}").parse().unwrap());
    meta.tags.insert("prod".parse().unwrap());
    meta.requires_vpn = name == "alpha";
    meta.requires_2fa = name == "alpha";
    meta.expires_at = Some(Timestamp(4_000_000_000_000 + i64::from(name.as_bytes()[0])));
    meta.rotate_every = Some(86_400 * i64::from(name.as_bytes()[0]));
    meta.keep = Some(u32::from(name.as_bytes()[0]));
    meta.fields.insert(field("region"), format!("region of {name}"));
    meta
}

pub(crate) fn credential(text: &str, kind: &str) -> NewCredential {
    let primary = if kind == "api_key" { "api_key" } else { "password" };
    NewCredential {
        name: name(text),
        meta: metadata(text, kind, &format!("https://{text}.example.com")),
        secrets: vec![
            (field(primary), Secret::from_bytes(format!("{text}-{primary}-1").as_bytes())),
            (field("notes"), Secret::from_bytes(format!("{text}-notes-1").as_bytes())),
        ],
    }
}
