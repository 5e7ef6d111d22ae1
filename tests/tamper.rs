//! The attacker has write access to the vault's files, knows the format, and has no key (T7, T32).
//! Every attack is applied to a closed vault. Then every reader runs: whatever succeeds must answer
//! as the untouched vault would, and the operations that touch what was changed must refuse with
//! exit code 15, or report a problem.

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

mod forge;

use forge::{Owner, blob, fix_chain, fix_tree, one, rows};
use rusqlite::types::Value;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use vault::error::ErrorKind;
use vault::model::{Attr, CredName, FieldName, Metadata, Secret, Timestamp};
use vault::vault::*;
use vault::world::World;

type Files = Vec<(PathBuf, Vec<u8>)>;

/// Names that readers ask for: the live ones, the trash, and those that are gone.
const NAMES: &[&str] =
    &["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "mallory", "zz"];

/// A vault with a history, and copies of its files from before and after.
struct Site {
    _dir: tempfile::TempDir,
    place: Place,
    key: Key,
    key_text: Secret,
    /// Before: foxtrot not yet purged, golf not yet renamed, echo not yet in the trash, alpha not yet
    /// changed.
    before: Files,
    after: Files,
    /// A database file of the time before, for picking rows from.
    old: PathBuf,
    /// Another vault with the same key.
    other: Place,
}

impl Site {
    fn new() -> Self {
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
    fn make(&mut self) {
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

    fn dir(&self) -> &Path {
        self.place.file.parent().unwrap()
    }

    /// Every file under the vault's directory.
    fn files(&self) -> Files {
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
    fn put(&self, files: &Files) {
        std::fs::remove_dir_all(self.dir()).unwrap();
        for (path, bytes) in files {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            write_private(path, bytes);
        }
    }

    fn db(&self) -> Connection {
        Connection::open(&self.place.file).unwrap()
    }

    fn sql(&self, sql: &str) {
        self.db().execute_batch(sql).unwrap();
    }

    /// With the database of the time before as `old`.
    fn with_old(&self, sql: &str) -> Connection {
        let db = self.db();
        db.execute("ATTACH ?1 AS old", params![self.old.to_str().unwrap()]).unwrap();
        db.execute_batch(sql).unwrap();
        db
    }

    /// The same, then the tree anew.
    fn with_old_and_tree(&self, sql: &str) {
        let db = self.with_old(sql);
        fix_tree(&db);
    }

    /// SQL, then the tree anew.
    fn sql_and_tree(&self, sql: &str) {
        let db = self.db();
        db.execute_batch(sql).unwrap();
        fix_tree(&db);
    }

    /// SQL, then the public chain anew.
    fn sql_and_chain(&self, sql: &str) {
        let db = self.db();
        db.execute_batch(sql).unwrap();
        fix_chain(&db);
    }

    /// Exchanges columns between alpha and bravo.
    fn swap(&self, columns: &str) {
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
    fn behind_index(&self, index: &str, sql: &str) {
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

    fn seal(&self) -> PathBuf {
        let db = self.db();
        let id = blob(one(&db, "SELECT vault_id FROM vault"));
        self.place.state_dir.join(data_encoding::HEXLOWER.encode(&id)).join("seal")
    }

    fn unlock(&self) -> vault::error::Result<Vault<Unlocked>> {
        Vault::open(&self.place, world(), Purpose::default())?.unlock(&self.key)
    }
}

fn write_private(path: &Path, bytes: &[u8]) {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path).unwrap().write_all(bytes).unwrap();
}

fn world() -> Rc<World> {
    Rc::new(World::real())
}

fn name(text: &str) -> CredName {
    text.parse().unwrap()
}

fn field(text: &str) -> FieldName {
    text.parse().unwrap()
}

/// A change of metadata that really changes something.
fn touch() -> Change<'static> {
    let edit = |meta: &mut Metadata| {
        meta.set(Attr::Owner, Some("somebody else".into()));
        Ok(())
    };
    Change { edit: Some(Box::new(edit)), secrets: Vec::new() }
}

fn metadata(name: &str, kind: &str, url: &str) -> Metadata {
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
    meta.fields.insert(field("region"), format!("region of {name}"));
    meta
}

fn credential(text: &str, kind: &str) -> NewCredential {
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

/// What a reader said: the answer as text, or the kind of the failure.
type Said = Result<String, ErrorKind>;
type Report = BTreeMap<String, Said>;

fn said<T>(result: vault::error::Result<T>, text: impl FnOnce(T) -> String) -> Said {
    result.map(text).map_err(|e| e.kind())
}

/// A credential without what any change moves.
fn about(c: &Credential) -> String {
    let trashed = c.deleted_at.is_some();
    assert!(c.verified, "an unlocked vault showed unverified data");
    format!("{} {} {:?} {:?} {trashed}", c.id, c.name, c.meta, c.secrets)
}

/// Runs every reader on an unlocked vault.
fn read_all(v: &mut Vault<Unlocked>, report: &mut Report) {
    for text in NAMES {
        let values = said(v.reveal_all(&name(text)), |(c, values)| {
            let shown =
                values.iter().map(|(f, s)| format!("{f}={}", String::from_utf8_lossy(s.expose())));
            format!("{} {:?}", about(&c), shown.collect::<Vec<_>>())
        });
        report.insert(format!("reveal {text}"), values);
        report.insert(format!("show {text}"), said(v.show(&name(text), false), |c| about(&c)));
        report.insert(format!("trash {text}"), said(v.show(&name(text), true), |c| about(&c)));
    }
    let search = |text: &str| Filter { search: Some(text.into()), ..Filter::default() };
    let trash = Filter { deleted: true, ..Filter::default() };
    let brief = Filter { brief: true, ..Filter::default() };
    for (label, filter) in [
        ("list", Filter::default()),
        ("list brief", brief),
        ("list trash", trash),
        ("list region", search("region of")),
    ] {
        report.insert(label.into(), list(v, &filter));
    }
    report.insert("log".into(), log(v));
    report.insert("doctor".into(), doctor(v));
}

/// What a list shows, row by row; as much as was shown counts even if the list then fails.
fn list(v: &mut Vault<Unlocked>, filter: &Filter) -> Said {
    let mut shown = String::new();
    let outcome = v.list(filter, &mut |row| {
        shown += &format!("{} {} {:?}\n", row.name()?, row.kind()?, row.attr(Attr::Url)?);
        if !filter.brief {
            let attrs: Vec<_> =
                Attr::ALL.into_iter().map(|a| row.attr(a)).collect::<Result<_, _>>()?;
            let tags: Vec<_> = row.tags()?.collect();
            shown += &format!("{attrs:?} {:?} {tags:?} {:?}\n", row.port()?, row.fields()?);
            shown += &format!("{:?} {:?}\n", row.requires_vpn()?, row.requires_2fa()?);
            shown += &format!("{:?} {:?}\n", row.expires_at()?, row.rotate_every()?);
        }
        Ok(())
    });
    said(outcome, |()| shown)
}

/// The first entries of the log as they were made, if it verifies, and its gaps.
fn log(v: &mut Vault<Unlocked>) -> Said {
    let verdict = v.verify_log(&mut |_, _| {}).map_err(|e| e.kind())?;
    let mut entries = Vec::new();
    v.entries(&EntryFilter::default(), &mut |e| {
        entries.push(format!("{} {} {} {:?} {:?}", e.seq, e.at, e.action, e.name, e.details));
        Ok(())
    })
    .map_err(|e| e.kind())?;
    entries.reverse();
    entries.truncate(HISTORY);
    Ok(format!("{} {:?} {entries:?}", verdict.authenticated, verdict.gaps))
}

/// Entries of the fixture's history.
const HISTORY: usize = 14;

fn doctor(v: &mut Vault<Unlocked>) -> Said {
    let findings = v.doctor().map_err(|e| e.kind())?;
    match findings.iter().any(|f| f.level == "problem") {
        true => Err(ErrorKind::Integrity),
        false => Ok(findings
            .iter()
            .filter(|f| f.level != "ok")
            .map(|f| format!("{}: {}\n", f.check, f.message))
            .collect()),
    }
}

/// Opens, unlocks, reads, changes, and reads again.
fn use_everything(site: &Site) -> Report {
    let mut report = Report::new();
    let locked = Vault::open(&site.place, world(), Purpose::default());
    let unlocked = match locked {
        Err(e) => return Report::from([("open".into(), Err(e.kind()))]),
        Ok(locked) => locked.unlock(&site.key),
    };
    let mut v = match unlocked {
        Err(e) => return Report::from([("unlock".into(), Err(e.kind()))]),
        Ok(v) => v,
    };
    read_all(&mut v, &mut report);
    for text in ["alpha", "bravo", "charlie", "delta"] {
        let done = v.set(&name(text), touch());
        report.insert(format!("set {text}"), said(done, |_| String::new()));
    }
    report
        .insert("add".into(), said(v.add(credential("newcomer", "password")), |()| String::new()));
    let mut again = Report::new();
    read_all(&mut v, &mut again);
    report.extend(again.into_iter().map(|(reader, said)| (format!("again {reader}"), said)));
    report
}

/// An attack, and what must catch it.
struct Attack {
    name: &'static str,
    apply: fn(&Site),
    /// Readers that must refuse; further ones may, with exit code 15.
    caught_by: &'static [&'static str],
    kind: ErrorKind,
}

/// Shorthand for the table.
const fn attack(
    name: &'static str,
    apply: fn(&Site),
    caught_by: &'static [&'static str],
) -> Attack {
    refused(name, apply, caught_by, ErrorKind::Integrity)
}

/// The same for what is refused with another exit code.
const fn refused(
    name: &'static str,
    apply: fn(&Site),
    caught_by: &'static [&'static str],
    kind: ErrorKind,
) -> Attack {
    Attack { name, apply, caught_by, kind }
}

const ALPHA: &[&str] = &["reveal alpha", "show alpha", "set alpha", "list", "doctor"];
const BOTH: &[&str] =
    &["reveal alpha", "show alpha", "set alpha", "reveal bravo", "set bravo", "list", "doctor"];
const VALUE: &[&str] = &["reveal alpha", "doctor"];
const VALUES: &[&str] = &["reveal alpha", "reveal bravo", "doctor"];
const SET: &[&str] = &["list", "doctor"];
const LOG: &[&str] = &["log", "doctor"];
const UNLOCK: &[&str] = &["unlock"];
const OPEN: &[&str] = &["open"];

const OLD_FOXTROT: &str = "
    INSERT INTO credential SELECT * FROM old.credential WHERE name = 'foxtrot';
    INSERT INTO secret SELECT * FROM old.secret
        WHERE credential = (SELECT id FROM old.credential WHERE name = 'foxtrot');";
const OLD_VALUES: &str = "
    INSERT INTO secret SELECT * FROM old.secret
        WHERE credential = (SELECT id FROM old.credential WHERE name = 'foxtrot');";
const OLD_ALPHA: &str = "
    DELETE FROM credential WHERE name = 'alpha';
    INSERT INTO credential SELECT * FROM old.credential WHERE name = 'alpha';";
/// Hides the current row of alpha under another name, where only its hash counts.
const OLD_ALPHA_BESIDE: &str = "
    UPDATE credential SET name = 'zz', deleted_at = 1 WHERE name = 'alpha';
    INSERT INTO credential SELECT * FROM old.credential WHERE name = 'alpha';
    UPDATE credential SET bucket = -1 WHERE name = 'alpha';";
const FORGED_ENTRY: &str = "
    INSERT INTO entry SELECT seq + 1, randomblob(16), at, 'decrypt', outcome, credential, name,
        fields, user_name, uid, host, tty, remote, program, parent, agent, incident, reason, details,
        counter, segment, hash, mac FROM entry ORDER BY seq DESC LIMIT 1;";

/// Attacks on values.
const ON_VALUES: &[Attack] = &[
    attack("swap ciphertexts between rows", |s| swap_values(s, "sealed"), VALUES),
    attack("swap ciphertexts with their tags", |s| swap_values(s, "sealed, row_tag"), VALUES),
    attack(
        "swap whole secret rows",
        |s| swap_values(s, "created_at, origin, author, reason, previous, sealed, row_tag"),
        VALUES,
    ),
    attack(
        "swap ciphertexts between fields",
        |s| s.sql(&exchange("sealed", "field = 'notes'", "field = 'password' AND version = 2")),
        VALUE,
    ),
    attack(
        "swap ciphertexts between versions",
        |s| s.sql(&exchange("sealed", "field = 'password' AND version = 1", "version = 2")),
        VALUE,
    ),
    attack(
        "old version in place of the current one",
        |s| {
            s.sql(
                "DELETE FROM secret WHERE version = 2;
                   UPDATE secret SET version = 2 WHERE field = 'password' AND
                   credential = (SELECT id FROM credential WHERE name = 'alpha')",
            )
        },
        VALUE,
    ),
    attack("delete the current value", |s| s.sql("DELETE FROM secret WHERE version = 2"), VALUE),
    attack(
        "delete an old value",
        |s| {
            s.sql(
                "DELETE FROM secret WHERE version = 1 AND field = 'password' AND
                   credential = (SELECT id FROM credential WHERE name = 'alpha')",
            )
        },
        &["doctor"],
    ),
    attack(
        "forge a value for an own recipient",
        |s| {
            let own = age::x25519::Identity::generate();
            let sealed = age::encrypt(&own.to_public(), b"mine").unwrap();
            let sql = "UPDATE secret SET sealed = ?1 WHERE version = 2";
            s.db().execute(sql, params![sealed]).unwrap();
        },
        VALUE,
    ),
    attack("change who stored a value", |s| s.sql("UPDATE secret SET author = 'eve'"), VALUES),
    attack("an empty value", |s| s.sql("UPDATE secret SET sealed = x''"), VALUES),
    attack("values that belong to nobody", |s| drop(s.with_old(OLD_VALUES)), &["doctor"]),
];

/// Attacks on one row's metadata.
const ON_METADATA: &[Attack] = &[
    attack("swap URLs", |s| s.swap("url"), BOTH),
    attack("swap user names", |s| s.swap("username"), BOTH),
    attack("swap expiries", |s| s.swap("expires_at"), BOTH),
    attack("swap tags", |s| s.swap("tags"), BOTH),
    attack("swap public fields", |s| s.swap("fields"), BOTH),
    attack("swap flags", |s| s.swap("requires_vpn, requires_2fa"), BOTH),
    attack("swap ports", |s| s.swap("port"), BOTH),
    attack("swap clients", |s| s.swap("client"), BOTH),
    attack("swap descriptions", |s| s.swap("description"), BOTH),
    attack("swap rotation policies", |s| s.swap("rotate_every"), BOTH),
    attack("swap heads", |s| s.swap("heads"), BOTH),
    attack("swap heads with tags", |s| s.swap("heads, row_tag"), BOTH),
    attack("swap ids", |s| s.swap("id"), BOTH),
    attack("swap ids and leaves", |s| s.swap("id, bucket"), BOTH),
    attack(
        "swap names",
        |s| {
            s.sql(
                "UPDATE credential SET name = 'tmp' WHERE name = 'alpha';
                   UPDATE credential SET name = 'alpha' WHERE name = 'bravo';
                   UPDATE credential SET name = 'bravo' WHERE name = 'tmp'",
            )
        },
        BOTH,
    ),
    attack("another kind", |s| alpha(s, "kind = 'custom'"), ALPHA),
    attack("a verdict", |s| alpha(s, "verdict = 'valid', last_verified_at = 1"), ALPHA),
    attack("a revision", |s| alpha(s, "revision = revision + 1"), ALPHA),
    attack("times", |s| alpha(s, "created_at = 1, updated_at = 1"), ALPHA),
    attack("a type", |s| alpha(s, "url = 'https://evil.example', port = 70000"), ALPHA),
    attack("a zero tag", |s| alpha(s, "row_tag = zeroblob(32)"), ALPHA),
    attack(
        "metadata and tree",
        |s| {
            s.sql_and_tree(
                "UPDATE credential SET url = 'https://evil.example' WHERE name = 'alpha'",
            )
        },
        ALPHA,
    ),
    attack("moved to another leaf", |s| alpha(s, "bucket = bucket + 1"), ALPHA),
    attack("moved out of the tree", |s| alpha(s, "bucket = -1"), ALPHA),
    attack("moved beyond the tree", |s| alpha(s, "bucket = 262144"), ALPHA),
    attack(
        "public fields with a second, hidden text",
        |s| alpha(s, r#"fields = '{"region":"decoy","region":"region of alpha"}'"#),
        &["list region"],
    ),
    attack(
        "public fields hidden from the search",
        |s| alpha(s, r#"fields = '{"region":"\u0072egion \u006ff alpha"}'"#),
        &["list region"],
    ),
    attack("tags in another order", |s| alpha(s, "tags = 'tag-alpha,prod'"), SET),
    attack("empty in place of nothing", |s| alpha(s, "owner = ''"), SET),
];

/// Attacks on which rows there are.
const ON_SET: &[Attack] = &[
    attack(
        "trash a live one",
        |s| alpha(s, "deleted_at = 1"),
        &["reveal alpha", "list", "trash alpha", "doctor"],
    ),
    attack(
        "resurrect from the trash",
        |s| s.sql("UPDATE credential SET deleted_at = NULL WHERE name = 'echo'"),
        &["reveal echo", "show echo", "list", "doctor"],
    ),
    attack("delete a row", |s| s.sql("DELETE FROM credential WHERE name = 'alpha'"), ALPHA),
    attack(
        "delete a row and the tree's trace",
        |s| s.sql_and_tree("DELETE FROM credential WHERE name = 'alpha'"),
        UNLOCK,
    ),
    attack(
        "delete a row and its nodes, not the root",
        |s| {
            let db = s.db();
            let root = one(&db, "SELECT root FROM vault");
            db.execute_batch("DELETE FROM credential WHERE name = 'alpha'").unwrap();
            fix_tree(&db);
            db.execute("UPDATE vault SET root = ?1", [root]).unwrap();
        },
        ALPHA,
    ),
    attack(
        "delete row, values and the tree's trace",
        |s| {
            s.sql_and_tree(
            "DELETE FROM secret WHERE credential = (SELECT id FROM credential WHERE name = 'alpha');
             DELETE FROM credential WHERE name = 'alpha'")
        },
        UNLOCK,
    ),
    attack(
        "delete one from the trash",
        |s| s.sql("DELETE FROM credential WHERE name = 'echo'"),
        &["trash echo", "list", "doctor"],
    ),
    attack(
        "resurrect a purged one",
        |s| drop(s.with_old(OLD_FOXTROT)),
        &["reveal foxtrot", "list", "doctor"],
    ),
    attack(
        "resurrect a purged one without its tombstone",
        |s| s.with_old_and_tree(&format!("{OLD_FOXTROT} DELETE FROM tombstone;")),
        UNLOCK,
    ),
    attack(
        "resurrect a purged one outside the tree",
        |s| {
            drop(s.with_old(&format!(
                "{OLD_FOXTROT} UPDATE credential SET bucket = -1 WHERE name = 'foxtrot';"
            )))
        },
        &["reveal foxtrot", "show foxtrot", "list", "doctor"],
    ),
    attack(
        "resurrect a purged one beyond the tree",
        |s| {
            drop(s.with_old(&format!(
                "{OLD_FOXTROT} UPDATE credential SET bucket = 262144 WHERE name = 'foxtrot';"
            )))
        },
        &["reveal foxtrot", "show foxtrot", "list", "doctor"],
    ),
    attack(
        "resurrect a purged one in an empty leaf",
        |s| {
            drop(s.with_old(&format!("{OLD_FOXTROT} UPDATE credential SET bucket = (bucket + 77) % 262144 WHERE name = 'foxtrot';")))
        },
        &["reveal foxtrot", "show foxtrot", "list", "doctor"],
    ),
    attack(
        "bring back a former name outside the tree",
        |s| {
            drop(s.with_old(
                "INSERT INTO credential SELECT * FROM old.credential WHERE name = 'golf';
                             UPDATE credential SET bucket = -1 WHERE name = 'golf';",
            ))
        },
        &["reveal golf", "show golf", "list", "doctor"],
    ),
    attack("roll back a row", |s| drop(s.with_old(OLD_ALPHA)), ALPHA),
    attack("roll back a row and the tree", |s| s.with_old_and_tree(OLD_ALPHA), UNLOCK),
    attack("roll back a row beside the current one", |s| drop(s.with_old(OLD_ALPHA_BESIDE)), ALPHA),
    attack(
        "roll back a row and its values",
        |s| drop(s.with_old(&format!("{OLD_ALPHA} DELETE FROM secret WHERE version = 2;"))),
        ALPHA,
    ),
    attack(
        "roll back a value and its head",
        |s| {
            drop(s.with_old("UPDATE credential SET heads = (SELECT heads FROM old.credential WHERE name = 'alpha')
                             WHERE name = 'alpha'; DELETE FROM secret WHERE version = 2;"))
        },
        ALPHA,
    ),
    attack(
        "the same row under another name",
        |s| {
            s.sql(
                "CREATE TEMP TABLE t AS SELECT * FROM credential WHERE name = 'alpha';
                   UPDATE t SET name = 'mallory'; INSERT INTO credential SELECT * FROM t",
            )
        },
        &["reveal mallory", "show mallory", "list", "doctor"],
    ),
    attack(
        "another row under the same name, outside the tree",
        |s| {
            s.sql("UPDATE credential SET name = 'zz', deleted_at = 1 WHERE name = 'alpha';
                   CREATE TEMP TABLE t AS SELECT * FROM credential WHERE name = 'bravo';
                   UPDATE t SET name = 'alpha', bucket = -1; INSERT INTO credential SELECT * FROM t")
        },
        ALPHA,
    ),
    attack(
        "a forged row",
        |s| forge_row(s, false),
        &["reveal mallory", "show mallory", "list", "doctor"],
    ),
    attack("a forged row and the tree", |s| forge_row(s, true), UNLOCK),
    attack("remove a tombstone", |s| s.sql("DELETE FROM tombstone"), SET),
    attack("remove a tombstone and its trace", |s| s.sql_and_tree("DELETE FROM tombstone"), UNLOCK),
    attack("change a tombstone", |s| s.sql("UPDATE tombstone SET purged_at = 1"), &["doctor"]),
    attack("drop the tree", |s| s.sql("DELETE FROM node"), ALPHA),
    attack("a stray node", |s| s.sql("INSERT INTO node VALUES (2, 4095, x'00')"), SET),
    attack("a second root", |s| s.sql("INSERT INTO node VALUES (0, 1, x'00')"), SET),
    attack(
        "delete a row, not its index entry",
        |s| s.behind_index("credential_leaf", "DELETE FROM credential WHERE name = 'alpha'"),
        ALPHA,
    ),
    attack(
        "roll back a row, not its index entry",
        |s| s.behind_index("credential_leaf", OLD_ALPHA),
        ALPHA,
    ),
    attack(
        "hide a row from the index of names",
        |s| {
            alpha(s, "deleted_at = 1");
            let back = "UPDATE credential SET deleted_at = NULL WHERE name = 'alpha'";
            s.behind_index("credential_live", back);
        },
        &["doctor"],
    ),
];

/// Attacks on the vault's own row.
const ON_STATE: &[Attack] = &[
    attack("counter up", |s| state(s, "counter = counter + 1"), UNLOCK),
    attack("counter down", |s| state(s, "counter = counter - 1"), UNLOCK),
    attack("log position", |s| state(s, "log_seq = log_seq - 1"), UNLOCK),
    attack("epoch", |s| state(s, "epoch = 2"), UNLOCK),
    attack("creation", |s| state(s, "created_at = 1"), UNLOCK),
    attack("root", |s| state(s, "root = zeroblob(32)"), UNLOCK),
    attack("slots", |s| state(s, "slots = zeroblob(32)"), UNLOCK),
    attack("mac", |s| state(s, "mac = zeroblob(32)"), UNLOCK),
    attack("short mac", |s| state(s, "mac = x''"), OPEN),
    attack("id", |s| state(s, "vault_id = zeroblob(16)"), OPEN),
    attack("no row", |s| s.sql("DELETE FROM vault"), OPEN),
    attack(
        "an older row",
        |s| drop(s.with_old("DELETE FROM vault; INSERT INTO vault SELECT * FROM old.vault;")),
        &["reveal alpha", "show bravo", "set bravo", "add", "list", "log", "doctor"],
    ),
];

/// Attacks on the slots.
const ON_SLOTS: &[Attack] = &[
    attack("relabel", |s| s.sql("UPDATE slot SET label = 'x'"), UNLOCK),
    attack("redate", |s| s.sql("UPDATE slot SET created_at = 1"), UNLOCK),
    attack("cut", |s| s.sql("UPDATE slot SET sealed = substr(sealed, 1, 100)"), UNLOCK),
    attack(
        "copy",
        |s| {
            s.sql("INSERT INTO slot SELECT randomblob(16), 'x', kind, created_at, sealed, row_tag FROM slot")
        },
        UNLOCK,
    ),
    attack("add an own one", own_slot, UNLOCK),
    attack(
        "take another vault's",
        |s| {
            let other = Connection::open(&s.other.file).unwrap();
            let sealed = one(&other, "SELECT sealed FROM slot");
            s.db().execute("UPDATE slot SET sealed = ?1", [sealed]).unwrap();
        },
        UNLOCK,
    ),
    refused("remove", |s| s.sql("DELETE FROM slot"), UNLOCK, ErrorKind::WrongKey),
    refused(
        "retype",
        |s| s.sql("UPDATE slot SET kind = 'passphrase'"),
        UNLOCK,
        ErrorKind::WrongKey,
    ),
    refused("garble", own_sealed, UNLOCK, ErrorKind::WrongKey),
];

/// What every operation must notice once the end of the log is not what the seal remembers.
const HEAD: &[&str] =
    &["reveal alpha", "reveal bravo", "show bravo", "set bravo", "add", "list", "log", "doctor"];

/// Attacks on the log.
const ON_LOG: &[Attack] = &[
    attack("edit", |s| s.sql("UPDATE entry SET name = 'x' WHERE seq = 10"), LOG),
    attack(
        "edit and chain",
        |s| s.sql_and_chain("UPDATE entry SET name = 'x' WHERE seq = 10"),
        HEAD,
    ),
    attack("edit a time", |s| s.sql("UPDATE entry SET at = at + 1 WHERE seq = 10"), LOG),
    attack("edit an outcome", |s| s.sql("UPDATE entry SET outcome = 'failed' WHERE seq = 10"), LOG),
    attack(
        "edit a counter",
        |s| s.sql("UPDATE entry SET counter = counter + 1 WHERE seq = 9"),
        LOG,
    ),
    attack("edit the last", |s| s.sql("UPDATE entry SET name = 'x' WHERE seq = 14"), LOG),
    attack(
        "edit the last and chain",
        |s| s.sql_and_chain("UPDATE entry SET name = 'x' WHERE seq = 14"),
        HEAD,
    ),
    attack("reorder", |s| s.sql(REORDER), LOG),
    attack("reorder and chain", |s| s.sql_and_chain(REORDER), HEAD),
    attack("delete one", |s| s.sql("DELETE FROM entry WHERE seq = 9"), LOG),
    attack(
        "delete one, close ranks and chain",
        |s| {
            s.sql_and_chain(
                "DELETE FROM entry WHERE seq = 9;
                             UPDATE entry SET seq = -seq WHERE seq > 9;
                             UPDATE entry SET seq = -seq - 1 WHERE seq < 0",
            )
        },
        HEAD,
    ),
    attack("delete the first", |s| s.sql("DELETE FROM entry WHERE seq = 1"), LOG),
    attack("cut the tail", |s| s.sql("DELETE FROM entry WHERE seq > 13"), HEAD),
    attack("cut a longer tail", |s| s.sql("DELETE FROM entry WHERE seq > 11"), HEAD),
    attack("delete all", |s| s.sql("DELETE FROM entry"), HEAD),
    attack(
        "cut and continue",
        |s| {
            s.sql_and_chain(&format!(
                "DELETE FROM entry WHERE seq > 13; {FORGED_ENTRY} {FORGED_ENTRY}"
            ))
        },
        HEAD,
    ),
    attack("append", |s| s.sql_and_chain(FORGED_ENTRY), HEAD),
    attack(
        "append without a MAC",
        |s| s.sql_and_chain(&format!("{FORGED_ENTRY} UPDATE entry SET mac = NULL WHERE seq = 15")),
        HEAD,
    ),
    attack("append without a chain", |s| s.sql(FORGED_ENTRY), HEAD),
    attack(
        "append beyond",
        |s| s.sql_and_chain(&format!("{FORGED_ENTRY} UPDATE entry SET seq = 99 WHERE seq = 15")),
        HEAD,
    ),
    attack(
        "append under another segment",
        |s| s.sql_and_chain(&format!("{FORGED_ENTRY} UPDATE entry SET segment = 2 WHERE seq = 15")),
        LOG,
    ),
    attack(
        "append under a forged segment",
        |s| {
            s.sql_and_chain(&format!(
                "{FORGED_ENTRY} UPDATE entry SET segment = 2 WHERE seq = 15;
             INSERT INTO segment SELECT 2, 15, (SELECT hash FROM entry WHERE seq = 14), created_at,
                 host, 'missing', sealed_key, row_tag FROM segment"
            ))
        },
        LOG,
    ),
    attack(
        "unseal the last",
        |s| s.sql_and_chain("UPDATE entry SET segment = NULL, mac = NULL WHERE seq = 14"),
        HEAD,
    ),
    attack(
        "unseal one in the middle",
        |s| s.sql("UPDATE entry SET segment = NULL, mac = NULL WHERE seq = 9"),
        LOG,
    ),
    attack("remove a MAC", |s| s.sql("UPDATE entry SET mac = NULL WHERE seq = 9"), LOG),
    attack("swap MACs", |s| s.sql(&exchange_entries("mac")), LOG),
    attack("drop the segment", |s| s.sql("DELETE FROM segment"), LOG),
    attack("move the segment", |s| s.sql("UPDATE segment SET first_seq = 2"), LOG),
    attack("rename the segment", |s| s.sql("UPDATE segment SET cause = 'restored'"), LOG),
    attack(
        "copy the segment",
        |s| {
            s.sql("INSERT INTO segment SELECT 2, first_seq, previous_hash, created_at, host, cause, sealed_key, row_tag FROM segment")
        },
        LOG,
    ),
    attack(
        "replay another segment's key",
        |s| {
            let other = Connection::open(&s.other.file).unwrap();
            let row = rows(&other, "SELECT sealed_key, row_tag FROM segment").remove(0);
            let sql = "UPDATE segment SET sealed_key = ?1, row_tag = ?2";
            s.db().execute(sql, rusqlite::params_from_iter(row)).unwrap();
        },
        LOG,
    ),
];

const REORDER: &str = "UPDATE entry SET seq = -1 WHERE seq = 10;
    UPDATE entry SET seq = 10 WHERE seq = 11; UPDATE entry SET seq = 11 WHERE seq = -1";

/// Attacks on files and schema.
const ON_FILES: &[Attack] = &[
    attack("roll back the file", |s| restore_database(&s.before), HEAD),
    attack(
        "drop the write-ahead log",
        |s| std::fs::remove_file(s.dir().join("vault.db-wal")).unwrap(),
        HEAD,
    ),
    attack(
        "garble the write-ahead log",
        |s| {
            let path = s.dir().join("vault.db-wal");
            let mut bytes = std::fs::read(&path).unwrap();
            bytes.iter_mut().skip(24).step_by(5).for_each(|b| *b ^= 0x55);
            write_private(&path, &bytes);
        },
        HEAD,
    ),
    attack("another vault", put_other, OPEN),
    attack("the same id, other keys", substitute, UNLOCK),
    attack("a rollback journal", |s| write_private(&s.dir().join("vault.db-journal"), b"x"), OPEN),
    attack(
        "a trigger",
        |s| s.sql("CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM entry; END"),
        OPEN,
    ),
    attack("a view", |s| s.sql("CREATE VIEW v AS SELECT * FROM credential"), OPEN),
    attack("an index", |s| s.sql("CREATE INDEX i ON credential (url)"), OPEN),
    attack("a table", |s| s.sql("CREATE TABLE t (x)"), OPEN),
    attack("statistics", |s| s.sql("ANALYZE"), OPEN),
    attack(
        "a renamed column",
        |s| s.sql("ALTER TABLE credential RENAME COLUMN url TO username2"),
        OPEN,
    ),
    attack("a renamed table", |s| s.sql("ALTER TABLE tombstone RENAME TO stone"), OPEN),
    attack("a dropped index", |s| s.sql("DROP INDEX credential_leaf"), OPEN),
    attack(
        "a view in place of a table",
        |s| s.sql("ALTER TABLE tombstone RENAME TO t; CREATE VIEW tombstone AS SELECT * FROM t"),
        OPEN,
    ),
    attack("an older format", |s| s.sql("PRAGMA user_version = 0"), OPEN),
    refused("a newer format", |s| s.sql("PRAGMA user_version = 2"), OPEN, ErrorKind::Unsupported),
    refused(
        "another application",
        |s| s.sql("PRAGMA application_id = 1"),
        OPEN,
        ErrorKind::Unsupported,
    ),
    refused("an empty file", |s| write_private(&s.place.file, b""), OPEN, ErrorKind::Unsupported),
    refused(
        "a text file",
        |s| write_private(&s.place.file, &[b'x'; 9000]),
        OPEN,
        ErrorKind::Unsupported,
    ),
    refused(
        "a link",
        |s| {
            std::fs::rename(&s.place.file, s.dir().join("real")).unwrap();
            std::os::unix::fs::symlink(s.dir().join("real"), &s.place.file).unwrap();
        },
        OPEN,
        ErrorKind::Refused,
    ),
    refused(
        "open to others",
        |s| {
            let open = std::fs::Permissions::from_mode(0o644);
            std::fs::set_permissions(&s.place.file, open).unwrap();
        },
        OPEN,
        ErrorKind::Refused,
    ),
];

/// Changes alpha's row.
fn alpha(site: &Site, change: &str) {
    site.sql(&format!("UPDATE credential SET {change} WHERE name = 'alpha'"));
}

/// Changes the vault's own row.
fn state(site: &Site, change: &str) {
    site.sql(&format!("UPDATE vault SET {change}"));
}

/// SQL that exchanges a column between two values of alpha.
fn exchange(column: &str, one: &str, two: &str) -> String {
    let of = "credential = (SELECT id FROM credential WHERE name = 'alpha')";
    format!(
        "CREATE TEMP TABLE x AS SELECT (SELECT {column} FROM secret WHERE {of} AND {one}) a,
             (SELECT {column} FROM secret WHERE {of} AND {two}) b;
         UPDATE secret SET {column} = (SELECT b FROM x) WHERE {of} AND {one};
         UPDATE secret SET {column} = (SELECT a FROM x) WHERE {of} AND {two}"
    )
}

/// SQL that exchanges a column between entries 9 and 10.
fn exchange_entries(column: &str) -> String {
    format!(
        "CREATE TEMP TABLE x AS SELECT (SELECT {column} FROM entry WHERE seq = 9) a,
             (SELECT {column} FROM entry WHERE seq = 10) b;
         UPDATE entry SET {column} = (SELECT b FROM x) WHERE seq = 9;
         UPDATE entry SET {column} = (SELECT a FROM x) WHERE seq = 10"
    )
}

/// Exchanges columns between the current passwords of alpha and bravo.
fn swap_values(site: &Site, columns: &str) {
    let db = site.db();
    let at = |name: &str, version: i64| {
        format!(
            "credential = (SELECT id FROM credential WHERE name = '{name}') AND
             field = 'password' AND version = {version}"
        )
    };
    let places = [at("alpha", 2), at("bravo", 1)];
    let get = |place: &String| {
        rows(&db, &format!("SELECT {columns} FROM secret WHERE {place}")).remove(0)
    };
    let values: Vec<Vec<Value>> = places.iter().map(get).collect();
    for (place, values) in places.iter().zip(values.into_iter().rev()) {
        for (column, value) in columns.split(", ").zip(values) {
            let sql = format!("UPDATE secret SET {column} = ?1 WHERE {place}");
            db.execute(&sql, [value]).unwrap();
        }
    }
}

/// A row of the attacker's own, with a value sealed to his own recipient.
fn forge_row(site: &Site, and_tree: bool) {
    let id = [7_u8; 16];
    let own = age::x25519::Identity::generate();
    let sealed = age::encrypt(&own.to_public(), b"mine").unwrap();
    let db = site.db();
    db.execute_batch(
        "CREATE TEMP TABLE t AS SELECT * FROM credential WHERE name = 'bravo';
         CREATE TEMP TABLE u AS SELECT * FROM secret WHERE credential = (SELECT id FROM t);
         UPDATE t SET name = 'mallory'",
    )
    .unwrap();
    let row = params![id, forge::bucket(&id)];
    db.execute("UPDATE t SET id = ?1, bucket = ?2", row).unwrap();
    db.execute("UPDATE u SET credential = ?1, sealed = ?2", params![id, sealed]).unwrap();
    db.execute_batch("INSERT INTO credential SELECT * FROM t; INSERT INTO secret SELECT * FROM u")
        .unwrap();
    if and_tree {
        fix_tree(&db);
    }
}

/// A slot for the attacker's own key, with made-up content.
fn own_slot(site: &Site) {
    let own = age::x25519::Identity::generate();
    let sealed = age::encrypt(&own.to_public(), b"# vault v1").unwrap();
    let sql = "INSERT INTO slot SELECT randomblob(16), 'mine', kind, created_at, ?1, row_tag
               FROM slot";
    site.db().execute(sql, [sealed]).unwrap();
}

/// The content of the only slot becomes something for another key.
fn own_sealed(site: &Site) {
    let own = age::x25519::Identity::generate();
    let sealed = age::encrypt(&own.to_public(), b"# vault v1").unwrap();
    site.db().execute("UPDATE slot SET sealed = ?1", [sealed]).unwrap();
}

/// Puts the database files of a copy back, not the seal.
fn restore_database(copy: &Files) {
    let is_database = |path: &Path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        matches!(name, "vault.db" | "vault.db-wal" | "vault.db-shm")
    };
    for (path, bytes) in copy.iter().filter(|(path, _)| is_database(path)) {
        write_private(path, bytes);
    }
}

/// Puts another vault in the place of this one.
fn put_other(site: &Site) {
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(site.dir().join(format!("vault.db{suffix}")));
    }
    std::fs::copy(&site.other.file, &site.place.file).unwrap();
}

/// The same with the id of the old one, signed with keys of its own. The attacker knows the public
/// key of the owner's slot here.
fn substitute(site: &Site) {
    let id = blob(one(&site.db(), "SELECT vault_id FROM vault"));
    put_other(site);
    let db = site.db();
    Owner::open(&db, &site.key_text).take_over_identity(&db, &id);
}

/// What a report must not say under an attack; empty when all is well.
fn faults(attack: &Attack, report: &Report, truth: &Report) -> Vec<String> {
    let mut faults = Vec::new();
    let refused = report
        .iter()
        .any(|(reader, said)| reader.starts_with("set ") && *said == Err(ErrorKind::Integrity));
    for (reader, said) in report {
        let caught = matches!(said, Err(kind) if *kind == ErrorKind::Integrity);
        // A change that was refused leaves what the truth has changed.
        if refused && reader.starts_with("again ") {
            continue;
        }
        let expected = attack.caught_by.contains(&reader.as_str()) && *said == Err(attack.kind);
        if !caught && !expected && truth.get(reader) != Some(said) {
            faults.push(format!("`{reader}` said {said:.80?}"));
        }
    }
    for reader in attack.caught_by {
        if report.get(*reader) != Some(&Err(attack.kind)) {
            faults.push(format!("`{reader}` did not notice: {:.80?}", report.get(*reader)));
        }
    }
    // What was seen once must not be covered up by later changes.
    let problem = |reader: &str| matches!(report.get(reader), Some(Err(_)));
    for reader in ["doctor", "log", "list"] {
        if problem(reader) && !problem(&format!("again {reader}")) {
            faults.push(format!("`{reader}` no longer notices after other changes"));
        }
    }
    faults
}

/// Runs a table of attacks.
fn run(attacks: &[Attack]) {
    let site = Site::new();
    site.put(&site.after);
    let truth = use_everything(&site);
    let mut failures = String::new();
    for attack in attacks {
        site.put(&site.after);
        (attack.apply)(&site);
        for fault in faults(attack, &use_everything(&site), &truth) {
            failures += &format!("{}: {fault}\n", attack.name);
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn values() {
    run(ON_VALUES);
}

#[test]
fn metadata_of_a_row() {
    run(ON_METADATA);
}

#[test]
fn the_set_of_rows() {
    run(ON_SET);
}

#[test]
fn the_state() {
    run(ON_STATE);
}

#[test]
fn slots() {
    run(ON_SLOTS);
}

#[test]
fn the_log() {
    run(ON_LOG);
}

#[test]
fn files_and_schema() {
    run(ON_FILES);
}

/// Control: without an attack every reader answers, and with what was stored.
#[test]
fn an_untouched_vault_raises_no_alarm() {
    let site = Site::new();
    site.put(&site.after);
    let report = use_everything(&site);
    let gone = ["echo", "foxtrot", "golf", "mallory", "zz"];
    for (reader, said) in &report {
        let (verb, object) =
            reader.trim_start_matches("again ").split_once(' ').unwrap_or_default();
        let missing = match verb {
            "reveal" | "show" => gone.contains(&object),
            "trash" => object != "echo",
            _ => false,
        };
        match missing {
            true => assert_eq!(*said, Err(ErrorKind::NotFound), "{reader}"),
            false => assert!(said.is_ok(), "{reader}: {said:?}"),
        }
    }
    let text = |reader: &str| report[reader].clone().unwrap();
    assert!(text("reveal alpha").contains("password=alpha-password-2"));
    assert!(text("reveal alpha").contains("https://alpha.example.com/v2"));
    assert!(text("list").contains("hotel password"));
    assert!(text("log").starts_with("true [] "), "{}", text("log"));
    assert_eq!(text("doctor"), "");
}

/// Control: who has the keys can change anything, and the same readers accept it. So what the
/// attacks above run into is the missing keys, not a mistake in the forgery.
#[test]
fn with_the_keys_a_forgery_is_accepted() {
    let site = Site::new();
    site.put(&site.after);
    let truth = use_everything(&site);
    site.put(&site.after);
    let db = site.db();
    let url = "UPDATE credential SET url = 'https://evil.example' WHERE name = 'alpha'";
    db.execute_batch(url).unwrap();
    Owner::open(&db, &site.key_text).sign_rows(&db);
    drop(db);
    let report = use_everything(&site);
    for (reader, said) in &report {
        assert_eq!(said.is_ok(), truth[reader].is_ok(), "{reader}: {said:?}");
    }
    let alpha = report["reveal alpha"].clone().unwrap();
    assert!(alpha.contains("https://evil.example") && alpha.contains("alpha-password-2"));
    // The substitute vault is a good one, too, where nobody remembers the true one.
    site.put(&site.after);
    substitute(&site);
    std::fs::remove_dir_all(&site.place.state_dir).unwrap();
    let mut v = site.unlock().unwrap();
    v.add(credential("alpha", "password")).unwrap();
    assert!(doctor(&mut v).is_ok());
}

/// An entry that nobody signed can be appended by anyone who can write to the file; it is shown as
/// what it is.
#[test]
fn unsealed_entries_are_a_visible_gap() {
    let site = Site::new();
    site.put(&site.after);
    site.sql_and_chain(&format!(
        "{FORGED_ENTRY} UPDATE entry SET segment = NULL, mac = NULL WHERE seq = 15"
    ));
    let mut v = site.unlock().unwrap();
    let verdict = v.verify_log(&mut |_, _| {}).unwrap();
    assert_eq!(verdict.gaps, ["1 entries between 15 and 15 were written without a seal"]);
    assert!(doctor(&mut v).unwrap().contains("written without a seal"));
}

/// A slot that appears while the vault is unlocked must not be signed along with the next change.
#[test]
fn a_change_does_not_sign_someone_elses_slot() {
    let site = Site::new();
    site.put(&site.after);
    let mut v = site.unlock().unwrap();
    own_slot(&site);
    v.set(&name("alpha"), touch()).unwrap();
    drop(v);
    assert_eq!(site.unlock().err().map(|e| e.kind()), Some(ErrorKind::Integrity));
    site.sql("DELETE FROM slot WHERE label = 'mine'");
    assert_eq!(doctor(&mut site.unlock().unwrap()), Ok(String::new()));
}

/// What each state of the seal file leads to: unlocking, revealing, verifying the log, `doctor`.
struct SealCase {
    name: &'static str,
    apply: fn(&Site),
    unlock: Result<(), ErrorKind>,
    reveal: Result<(), ErrorKind>,
    /// The gaps that verification names before the first use, if it verifies.
    log: Result<&'static [&'static str], ErrorKind>,
    /// `ok`, `warning` or `problem`.
    doctor: &'static str,
}

const INTEGRITY: Result<(), ErrorKind> = Err(ErrorKind::Integrity);

/// T32. A missing or damaged seal is a loss that must not lock the owner out: it is visible and work
/// goes on in a new segment. A seal that contradicts the database is an alarm.
const SEALS: &[SealCase] = &[
    SealCase {
        name: "as it was",
        apply: |_| {},
        unlock: Ok(()),
        reveal: Ok(()),
        log: Ok(&[]),
        doctor: "ok",
    },
    SealCase {
        name: "missing",
        apply: |s| std::fs::remove_file(s.seal()).unwrap(),
        unlock: Ok(()),
        reveal: Ok(()),
        log: Ok(&["there is no seal file on this machine"]),
        doctor: "warning",
    },
    SealCase {
        name: "stale",
        apply: |s| write_private(&s.seal(), &seal_of(&s.before)),
        unlock: Ok(()),
        reveal: Ok(()),
        log: Ok(&[]),
        doctor: "ok",
    },
    SealCase {
        name: "torn short",
        apply: |s| write_private(&s.seal(), &seal_of(&s.after)[..100]),
        unlock: Ok(()),
        reveal: Ok(()),
        log: Ok(&["the seal file on this machine is damaged"]),
        doctor: "warning",
    },
    SealCase {
        name: "torn between old and new",
        apply: |s| {
            let mut seal = seal_of(&s.after);
            seal[..64].copy_from_slice(&seal_of(&s.before)[..64]);
            write_private(&s.seal(), &seal);
        },
        unlock: Ok(()),
        reveal: Ok(()),
        log: Ok(&["the seal file on this machine is damaged"]),
        doctor: "warning",
    },
    SealCase {
        name: "empty",
        apply: |s| write_private(&s.seal(), b""),
        unlock: Ok(()),
        reveal: Ok(()),
        log: Ok(&["the seal file on this machine is damaged"]),
        doctor: "warning",
    },
    SealCase {
        name: "another vault's",
        apply: |s| {
            let dir = std::fs::read_dir(&s.other.state_dir).unwrap();
            let mut dirs = dir.map(|e| e.unwrap().path().join("seal"));
            let theirs = dirs.find(|path| path.exists()).unwrap();
            write_private(&s.seal(), &std::fs::read(theirs).unwrap());
        },
        unlock: INTEGRITY,
        reveal: INTEGRITY,
        log: Err(ErrorKind::Integrity),
        doctor: "problem",
    },
    SealCase {
        name: "ahead of a rolled-back database",
        apply: |s| restore_database(&s.before),
        unlock: Ok(()),
        reveal: INTEGRITY,
        log: Err(ErrorKind::Integrity),
        doctor: "problem",
    },
    SealCase {
        name: "forged: right sum, position and pin, wrong key",
        apply: |s| {
            let seal = seal_of(&s.before);
            write_private(&s.seal(), &with_sum(&seal, 76, &[0; 32]));
        },
        unlock: Ok(()),
        reveal: INTEGRITY,
        log: Ok(&[]),
        doctor: "ok",
    },
    SealCase {
        name: "forged: another pin",
        apply: |s| write_private(&s.seal(), &with_sum(&seal_of(&s.after), 116, &[0; 32])),
        unlock: INTEGRITY,
        reveal: INTEGRITY,
        log: Err(ErrorKind::Integrity),
        doctor: "problem",
    },
    SealCase {
        name: "a directory",
        apply: |s| {
            let seal = s.seal();
            std::fs::remove_file(&seal).unwrap();
            std::fs::create_dir(seal).unwrap();
        },
        unlock: Err(ErrorKind::Refused),
        reveal: Err(ErrorKind::Refused),
        log: Err(ErrorKind::Refused),
        doctor: "problem",
    },
    SealCase {
        name: "a link",
        apply: |s| {
            let seal = s.seal();
            std::fs::rename(&seal, s.dir().join("real")).unwrap();
            std::os::unix::fs::symlink(s.dir().join("real"), seal).unwrap();
        },
        unlock: Err(ErrorKind::Refused),
        reveal: Err(ErrorKind::Refused),
        log: Err(ErrorKind::Refused),
        doctor: "problem",
    },
];

/// The seal file of a copy.
fn seal_of(files: &Files) -> Vec<u8> {
    let seal = files.iter().find(|(path, _)| path.ends_with("seal"));
    seal.unwrap().1.clone()
}

/// A seal with some bytes replaced and the checksum made right.
fn with_sum(seal: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut body = seal[..160].to_vec();
    body[at..at + bytes.len()].copy_from_slice(bytes);
    let sum = forge::sha(&body);
    [body, sum.to_vec()].concat()
}

#[test]
fn seal_situations() {
    let site = Site::new();
    for case in SEALS {
        site.put(&site.after);
        (case.apply)(&site);
        let unlocked = site.unlock();
        assert_eq!(unlocked.as_ref().map(drop).map_err(|e| e.kind()), case.unlock, "{}", case.name);
        let mut v = match unlocked {
            Ok(v) => v,
            Err(_) => continue,
        };
        let verdict = v.verify_log(&mut |_, _| {});
        let gaps = verdict.map(|v| v.gaps).map_err(|e| e.kind());
        let expected = case.log.map(|gaps| gaps.iter().map(|g| (*g).to_owned()).collect());
        assert_eq!(gaps, expected, "{}", case.name);
        let levels: Vec<&str> = v.doctor().unwrap().iter().map(|f| f.level).collect();
        let worst = ["problem", "warning", "ok"].into_iter().find(|l| levels.contains(l));
        assert_eq!(worst, Some(case.doctor), "{}", case.name);
        let value = v.reveal(&name("alpha"), None);
        assert_eq!(value.as_ref().map(drop).map_err(|e| e.kind()), case.reveal, "{}", case.name);
        if let Ok(value) = value {
            assert_eq!(value.expose(), b"alpha-password-2", "{}", case.name);
            let verdict = v.verify_log(&mut |_, _| {}).unwrap();
            assert_eq!(verdict.complete_to, Some(verdict.last), "{}", case.name);
        }
    }
}
