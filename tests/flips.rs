//! Flipped bytes (T6): whatever byte of the database or of the seal file is changed, the readers
//! either refuse or answer as they would have. Never a different value, never a panic.
//!
//! The default run samples the database: every `VAULT_TEST_FLIP_STEP`-th byte. The full run is
//! `VAULT_TEST_FLIP_STEP=1 cargo test --release --test flips`.

use std::collections::BTreeMap;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use vault::error::{ErrorKind, Result};
use vault::model::{Attr, Metadata, Secret, Timestamp};
use vault::vault::*;
use vault::world::World;

/// Coprime to every size in the file format, so that all kinds of bytes are met.
const STEP: usize = 211;

/// Live, live, and in the trash.
const NAMES: &[&str] = &["one", "two", "three"];

/// Entries of the history: what later readers append is not compared.
const HISTORY: usize = 7;

/// A closed vault, and its files as they were.
struct Site {
    dir: tempfile::TempDir,
    key: Key,
    database: Vec<u8>,
    seal: Vec<u8>,
    seal_path: PathBuf,
}

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = Key::Identity(new_key_file(Timestamp(0)));
        let mut site =
            Self { key, database: Vec::new(), seal: Vec::new(), seal_path: PathBuf::new(), dir };
        site.make().unwrap();
        // Closing the last connection moves the write-ahead log into the database.
        let db = rusqlite::Connection::open(site.file()).unwrap();
        let busy: i64 =
            db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).unwrap();
        assert_eq!(busy, 0);
        drop(db);
        site.seal_path = seal_under(&site.place().state_dir);
        site.database = std::fs::read(site.file()).unwrap();
        site.seal = std::fs::read(&site.seal_path).unwrap();
        site
    }

    fn make(&self) -> Result<()> {
        let mut v = Vault::init(&self.place(), world(), &self.key, "key file")?;
        for name in NAMES {
            v.add(credential(name))?;
        }
        v.set(
            &"one".parse()?,
            Change {
                edit: None,
                secrets: vec![("password".parse()?, Secret::from_bytes(b"one again"))],
            },
        )?;
        v.remove(&"three".parse()?)?;
        v.reveal(&"two".parse()?, None).map(drop)
    }

    fn place(&self) -> Place {
        Place { file: self.file(), state_dir: self.dir.path().join("state") }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("vault.db")
    }

    /// Puts the files in place, without a write-ahead log.
    fn put(&self, database: &[u8], seal: &[u8]) {
        for suffix in ["-wal", "-shm", "-journal"] {
            let _ = std::fs::remove_file(self.dir.path().join(format!("vault.db{suffix}")));
        }
        write_private(&self.file(), database);
        write_private(&self.seal_path, seal);
    }

    fn unlock(&self) -> Result<Vault<Unlocked>> {
        Vault::open(&self.place(), world(), Purpose::default())?.unlock(&self.key)
    }

    /// What every reader says; each on its own may fail.
    fn read(&self) -> BTreeMap<String, Result<String>> {
        let mut v = match self.unlock() {
            Ok(v) => v,
            Err(e) => return BTreeMap::from([("unlock".into(), Err(e))]),
        };
        let mut said = BTreeMap::new();
        for text in NAMES {
            let name = text.parse().unwrap();
            let value = v.reveal_all(&name).map(|(c, values)| {
                let values = values.iter().map(|(f, s)| (f.as_str(), s.expose()));
                format!("{c:?} {:?}", values.collect::<Vec<_>>())
            });
            said.insert(format!("reveal {text}"), value);
            let trashed = v.show(&name, true).map(|c| format!("{c:?}"));
            said.insert(format!("trash {text}"), trashed);
        }
        said.insert("list".into(), list(&mut v, false));
        said.insert("list trash".into(), list(&mut v, true));
        said.insert("log".into(), log(&mut v));
        let _ = v.doctor();
        said
    }
}

fn list(v: &mut Vault<Unlocked>, deleted: bool) -> Result<String> {
    let mut shown = String::new();
    let filter = Filter { deleted, ..Filter::default() };
    v.list(&filter, &mut |row| {
        shown += &format!("{:?}\n", row.credential()?);
        Ok(())
    })?;
    Ok(shown)
}

fn log(v: &mut Vault<Unlocked>) -> Result<String> {
    let verdict = v.verify_log(&mut |_, _| {})?;
    let mut entries = Vec::new();
    v.entries(&EntryFilter::default(), &mut |e| {
        entries.push(format!("{e:?}"));
        Ok(())
    })?;
    entries.reverse();
    entries.truncate(HISTORY);
    Ok(format!("{} {entries:?}", verdict.authenticated))
}

fn world() -> Rc<World> {
    Rc::new(World::real())
}

fn credential(name: &str) -> NewCredential {
    let mut meta = Metadata::default();
    meta.kind = "password".into();
    meta.set(Attr::Url, Some(format!("https://{name}.example.com")));
    meta.set(Attr::Username, Some(format!("user of {name}")));
    meta.tags.insert("prod".parse().unwrap());
    meta.fields.insert("region".parse().unwrap(), "eu".into());
    meta.expires_at = Some(Timestamp(4_000_000_000_000));
    NewCredential {
        name: name.parse().unwrap(),
        meta,
        secrets: vec![(
            "password".parse().unwrap(),
            Secret::from_bytes(format!("secret of {name}").as_bytes()),
        )],
    }
}

fn write_private(path: &Path, bytes: &[u8]) {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path).unwrap().write_all(bytes).unwrap();
}

/// The only seal file under a state directory.
fn seal_under(state: &Path) -> PathBuf {
    let dirs = std::fs::read_dir(state).unwrap();
    let mut seals = dirs.map(|dir| dir.unwrap().path().join("seal"));
    seals.find(|path| path.exists()).unwrap()
}

/// The masks for the byte at a position: lowest bit, all bits, and one bit that varies.
fn masks(at: usize) -> [u8; 3] {
    [1, 0xff, 1 << (at.wrapping_mul(2_654_435_761) >> 7 & 7)]
}

/// Compares what readers say with the truth; a text per difference.
fn differences(
    said: &BTreeMap<String, Result<String>>,
    truth: &BTreeMap<String, Result<String>>,
) -> Vec<String> {
    let differs = |(reader, said): (&String, &Result<String>)| {
        let fine = match (said, truth.get(reader)) {
            (Ok(said), Some(Ok(true_one))) => said == true_one,
            // "Not there" is an answer, too.
            (Err(e), truth) if e.kind() == ErrorKind::NotFound => {
                matches!(truth, Some(Err(t)) if t.kind() == ErrorKind::NotFound)
            }
            (Err(_), _) => true,
            (Ok(_), _) => false,
        };
        (!fine).then(|| format!("`{reader}` said {said:?}"))
    };
    said.iter().filter_map(differs).collect()
}

/// How the flips of a run ended.
#[derive(Debug, Default)]
struct Tally {
    noticed: usize,
    harmless: usize,
}

/// Tries one pair of files.
fn attempt(site: &Site, truth: &BTreeMap<String, Result<String>>, tally: &mut Tally, what: &str) {
    let said = catch_unwind(AssertUnwindSafe(|| site.read()));
    let said = said.unwrap_or_else(|_| panic!("{what}: a panic"));
    let wrong = differences(&said, truth);
    assert!(wrong.is_empty(), "{what}: {}", wrong.join("\n"));
    let refused = said
        .iter()
        .any(|(reader, said)| said.is_err() && truth.get(reader).is_none_or(|truth| truth.is_ok()));
    match refused {
        true => tally.noticed += 1,
        false => tally.harmless += 1,
    }
}

/// Flips bytes of the database from `first` on, every `step`-th.
fn flip_database(first: usize, step: usize) -> Tally {
    let site = Site::new();
    let truth = site.read();
    let mut tally = Tally::default();
    for at in (first..site.database.len()).step_by(step) {
        for mask in masks(at) {
            let mut database = site.database.clone();
            database[at] ^= mask;
            site.put(&database, &site.seal);
            let what = format!("byte {at} of the database ^ {mask:#04x}");
            attempt(&site, &truth, &mut tally, &what);
        }
    }
    tally
}

fn step() -> usize {
    let given = std::env::var("VAULT_TEST_FLIP_STEP").ok();
    given.and_then(|step| step.parse().ok()).unwrap_or(STEP)
}

#[test]
fn bytes_of_the_database() {
    let step = step();
    let other = std::thread::spawn(move || flip_database(step, 2 * step));
    let (one, two) = (flip_database(0, 2 * step), other.join().unwrap());
    // Pages have free space, so some flips must be harmless; and most must not.
    let noticed = one.noticed + two.noticed;
    let harmless = one.harmless + two.harmless;
    assert!(noticed > harmless / 20 && harmless > 0, "{one:?} {two:?}");
}

#[test]
fn bytes_of_the_seal() {
    let site = Site::new();
    let truth = site.read();
    let mut tally = Tally::default();
    for at in 0..site.seal.len() {
        for mask in masks(at) {
            let mut seal = site.seal.clone();
            seal[at] ^= mask;
            site.put(&site.database, &seal);
            let what = format!("byte {at} of the seal ^ {mask:#04x}");
            attempt(&site, &truth, &mut tally, &what);
            // A damaged seal is a visible gap from then on, never silence.
            let gaps = site.unlock().unwrap().verify_log(&mut |_, _| {}).unwrap();
            assert!(gaps.gaps.iter().any(|gap| gap.contains("damaged")), "{what}");
        }
    }
    assert_eq!(tally.noticed, 0, "a damaged seal locks nobody out");
}

/// Control: a reader that checks nothing is deceived by some of these flips.
#[test]
fn a_reader_without_checks_is_deceived() {
    let site = Site::new();
    let text = b"https://one.example.com";
    let found: Vec<usize> = (0..site.database.len() - text.len())
        .filter(|at| site.database[*at..].starts_with(text))
        .collect();
    assert!(!found.is_empty());
    let url = || {
        let db = rusqlite::Connection::open(site.file()).ok()?;
        let sql = "SELECT url FROM credential WHERE name = 'one'";
        db.query_row(sql, [], |row| row.get::<_, String>(0)).ok()
    };
    let mut deceived = 0;
    for at in found {
        let mut database = site.database.clone();
        database[at + 8] ^= 1;
        site.put(&database, &site.seal);
        deceived += usize::from(url().is_some_and(|url| url == "https://nne.example.com"));
        let mut v = site.unlock().unwrap();
        let shown = v.show(&"one".parse().unwrap(), false);
        assert!(shown.is_err_and(|e| e.kind() == ErrorKind::Integrity));
    }
    assert!(deceived > 0);
}
