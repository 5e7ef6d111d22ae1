//! Inner loops, through the library's public face: `cargo bench --locked --bench inner`.
//!
//! Whole processes, with start-up and peers beside them, are `process.sh`'s matter.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot do its work should stop")]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use std::rc::Rc;
use tempfile::TempDir;
use vault::cli::render::{self, Format, Style};
use vault::cli::report::{Cell, Column, Report, Sink};
use vault::error::Result;
use vault::model::{Attr, CredName, FieldName, Metadata, Secret, Timestamp};
use vault::vault::{
    Change, Filter, Key, Locked, NewCredential, Place, Purpose, Unlocked, Vault, new_key_file,
};
use vault::world::World;

fn main() {
    divan::main();
}

const SMALL: usize = 1_000;
const LARGE: usize = 10_000;

/// Opening the file and trading a key file for the vault's keys: what every unlocking command does
/// first.
#[divan::bench(args = [SMALL, LARGE])]
fn open_and_unlock(bencher: Bencher<'_, '_>, size: usize) {
    let fixture = Fixture::new(size);
    bencher.bench_local(|| fixture.unlocked());
}

/// One secret, its entry synced to the disk.
#[divan::bench(args = [SMALL, LARGE])]
fn reveal(bencher: Bencher<'_, '_>, size: usize) {
    let fixture = Fixture::new(size);
    let mut vault = fixture.unlocked();
    let name = name(size / 2);
    bencher.bench_local(|| vault.reveal(&name, None).unwrap());
}

/// What a completion asks for: ten names with a common beginning.
#[divan::bench(args = [SMALL, LARGE])]
fn names(bencher: Bencher<'_, '_>, size: usize) {
    let fixture = Fixture::new(size);
    let vault = fixture.locked();
    bencher.bench_local(|| vault.names(black_box("org05/"), false, 10).unwrap());
}

/// A beginning that fits one name only.
#[divan::bench(args = [SMALL, LARGE])]
fn resolve(bencher: Bencher<'_, '_>, size: usize) {
    let fixture = Fixture::new(size);
    let vault = fixture.locked();
    let whole = name(size / 2);
    let beginning = &whole.as_str()[..whole.as_str().len() - 1];
    let found = vault.search(beginning, false).is_ok();
    bencher.bench_local(|| vault.search(black_box(beginning), false).is_ok() == found);
}

/// Every row of a locked vault, as `cred list` reads it; one entry.
#[divan::bench(args = [LARGE], sample_count = 30)]
fn list(bencher: Bencher<'_, '_>, size: usize) {
    let fixture = Fixture::new(size);
    let mut vault = fixture.locked();
    let filter = Filter { brief: true, ..Filter::default() };
    bencher.counter(ItemsCount::new(size)).bench_local(|| {
        let mut bytes = 0;
        vault.list(&filter, &mut |row| row.name().map(|name| bytes += name.len())).unwrap();
        bytes
    });
}

/// The same, every row checked against the keys, as `cred list --verify` does.
#[divan::bench(args = [LARGE], sample_count = 20)]
fn list_verified(bencher: Bencher<'_, '_>, size: usize) {
    let fixture = Fixture::new(size);
    let mut vault = fixture.unlocked();
    let filter = Filter { brief: true, ..Filter::default() };
    bencher.counter(ItemsCount::new(size)).bench_local(|| {
        let mut bytes = 0;
        vault.list(&filter, &mut |row| row.name().map(|name| bytes += name.len())).unwrap();
        bytes
    });
}

/// A new version of one secret, synced to the disk.
#[divan::bench(args = [SMALL, LARGE])]
fn set(bencher: Bencher<'_, '_>, size: usize) {
    let fixture = Fixture::new(size);
    let mut vault = fixture.unlocked();
    let name = name(size / 2);
    bencher.bench_local(|| {
        let secrets = vec![(password(), Secret::from_bytes(b"another value"))];
        vault.set(&name, Change { edit: None, secrets }).unwrap()
    });
}

/// Many credentials into an empty vault, in one transaction.
#[divan::bench(args = [SMALL], sample_count = 10, sample_size = 1)]
fn import(bencher: Bencher<'_, '_>, size: usize) {
    bencher
        .counter(ItemsCount::new(size))
        .with_inputs(|| Fixture::new(0))
        .bench_local_refs(|fixture| fixture.fill(size));
}

/// The whole log: chain and marks.
#[divan::bench(args = [LARGE], sample_count = 20)]
fn verify_log(bencher: Bencher<'_, '_>, size: usize) {
    let fixture = Fixture::new(size);
    let mut vault = fixture.unlocked();
    let entries = vault.verify_log(&mut |_, _| {}).unwrap().entries;
    bencher
        .counter(ItemsCount::new(entries))
        .bench_local(|| vault.verify_log(&mut |_, _| {}).unwrap());
}

/// Rows on their way out, in each format.
#[divan::bench(args = [Format::Plain, Format::Json, Format::Table], sample_count = 30)]
fn render_rows(bencher: Bencher<'_, '_>, format: Format) {
    bencher.counter(ItemsCount::new(LARGE)).bench_local(|| {
        let report = Report::Table { columns: COLUMNS.into(), rows: Box::new(rows), empty: "" };
        let (mut out, mut err) = (std::io::sink(), std::io::sink());
        render::report(report, format, &mut out, &mut err, &Style::default()).unwrap();
    });
}

const fn column(name: &'static str) -> Column {
    Column { name }
}

const COLUMNS: &[Column] = &[column("name"), column("username"), column("url"), column("expires")];

fn rows(sink: &mut Sink<'_>) -> Result<()> {
    (0..LARGE).try_for_each(|k| {
        let url = format!("https://s{k}.example.com/login");
        sink(&[
            Cell::owned(name(k).as_str()),
            Cell::text(Some("user@example.com")),
            Cell::text(Some(&url)),
            Cell::Time(Timestamp(1_800_000_000_000)),
        ])
    })
}

/// A vault in a directory of its own, which is removed when this is dropped.
struct Fixture {
    dir: TempDir,
    key: Key,
}

impl Fixture {
    fn new(size: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = Key::Identity(new_key_file(Timestamp(0)));
        let fixture = Self { dir, key };
        Vault::init(&fixture.place(), world(), &fixture.key, "key file").unwrap();
        if size > 0 {
            fixture.fill(size);
        }
        fixture
    }

    fn fill(&self, size: usize) {
        let mut all = (0..size).map(credential);
        let stored = self.unlocked().import(&mut || Ok(all.next()), &mut |_| {}).unwrap();
        assert_eq!(usize::try_from(stored).unwrap(), size);
    }

    fn place(&self) -> Place {
        Place { file: self.dir.path().join("vault.db"), state_dir: self.dir.path().join("state") }
    }

    fn locked(&self) -> Vault<Locked> {
        Vault::open(&self.place(), world(), Purpose::default()).unwrap()
    }

    fn unlocked(&self) -> Vault<Unlocked> {
        self.locked().unlock(&self.key).unwrap()
    }
}

fn world() -> Rc<World> {
    Rc::new(World::real())
}

fn name(k: usize) -> CredName {
    format!("org{:02}/service{:02}/account{k:06}", k % 37, k / 37 % 100).parse().unwrap()
}

fn password() -> FieldName {
    "password".parse().unwrap()
}

fn credential(k: usize) -> NewCredential {
    let mut meta = Metadata::default();
    meta.kind = "password".into();
    meta.set(Attr::Username, Some(format!("user{k:05}@example.com")));
    meta.set(Attr::Url, Some(format!("https://s{k}.example.com/login")));
    let value = Secret::from_bytes(b"Tr0ub4dor-and-3-horses!!");
    NewCredential { name: name(k), meta, secrets: vec![(password(), value)] }
}
