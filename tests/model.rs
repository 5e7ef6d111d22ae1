//! Random histories against a model (T27, small). Each operation reopens the vault, at a later time.
//! More cases: `VAULT_TEST_MODEL_CASES=1000 cargo test --release --test model`.

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

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError};
use std::collections::BTreeMap;
use std::rc::Rc;
use vault::error::ErrorKind;
use vault::model::{Attr, CredName, FieldName, Metadata, Secret, Timestamp};
use vault::vault::*;
use vault::world::World;

/// One operation. Names and fields are numbers out of a few, so that they meet.
#[derive(Clone, Debug)]
enum Op {
    Add(u8, Vec<u8>),
    SetSecret(u8, u8, Vec<u8>),
    SetUrl(u8, u8),
    Keep(u8, Option<u32>),
    Rotate(u8, u8, Vec<u8>),
    Rollback(u8, u8, u32),
    PurgeVersion(u8, u8, u32),
    RevealVersion(u8, u8, u32),
    Rename(u8, u8),
    Remove(u8),
    Restore(u8),
    Purge(u8),
    Reveal(u8, u8),
    WrongKey,
}

fn op() -> impl Strategy<Value = Op> {
    let name = || 0..4_u8;
    let field = || 0..2_u8;
    let value = || proptest::collection::vec(any::<u8>(), 0..400);
    let version = || 0..5_u32;
    prop_oneof![
        4 => (name(), value()).prop_map(|(n, v)| Op::Add(n, v)),
        4 => (name(), field(), value()).prop_map(|(n, f, v)| Op::SetSecret(n, f, v)),
        2 => (name(), any::<u8>()).prop_map(|(n, u)| Op::SetUrl(n, u)),
        2 => (name(), proptest::option::of(1..4_u32)).prop_map(|(n, k)| Op::Keep(n, k)),
        3 => (name(), field(), value()).prop_map(|(n, f, v)| Op::Rotate(n, f, v)),
        3 => (name(), field(), version()).prop_map(|(n, f, v)| Op::Rollback(n, f, v)),
        3 => (name(), field(), version()).prop_map(|(n, f, v)| Op::PurgeVersion(n, f, v)),
        2 => (name(), field(), version()).prop_map(|(n, f, v)| Op::RevealVersion(n, f, v)),
        2 => (name(), name()).prop_map(|(n, m)| Op::Rename(n, m)),
        3 => name().prop_map(Op::Remove),
        2 => name().prop_map(Op::Restore),
        1 => name().prop_map(Op::Purge),
        3 => (name(), field()).prop_map(|(n, f)| Op::Reveal(n, f)),
        1 => Just(Op::WrongKey),
    ]
}

/// The values of a field, in order of version; nothing for a purged one.
type Versions = Vec<Option<Vec<u8>>>;

/// A credential as the model knows it: URL, how many versions are kept, and those of each field.
#[derive(Clone, Debug, PartialEq)]
struct Known {
    url: String,
    keep: Option<u32>,
    secrets: BTreeMap<u8, Versions>,
}

impl Known {
    /// Stores a version; of that field at least `spared` stay.
    fn push(&mut self, field: u8, value: Vec<u8>, spared: u32) {
        let versions = self.secrets.entry(field).or_default();
        versions.push(Some(value));
        if let Some(keep) = self.keep {
            forget(versions, keep.max(spared));
        }
    }

    fn version(&self, field: u8, version: u32) -> Result<&[u8], ErrorKind> {
        let at = usize::try_from(version).unwrap().checked_sub(1).ok_or(ErrorKind::NotFound)?;
        let value = self.secrets.get(&field).and_then(|versions| versions.get(at)?.as_deref());
        value.ok_or(ErrorKind::NotFound)
    }

    fn current(&self, field: u8) -> u32 {
        u32::try_from(self.secrets.get(&field).map_or(0, Vec::len)).unwrap()
    }
}

fn forget(versions: &mut Versions, keep: u32) {
    let old = versions.len().saturating_sub(usize::try_from(keep).unwrap());
    versions[..old].fill(None);
}

/// The model: the live ones, and the trash in order of removal.
#[derive(Default)]
struct Model {
    live: BTreeMap<u8, Known>,
    trash: Vec<(u8, Known)>,
}

/// What an operation answers: a value for a reveal, nothing else; or a kind of failure.
type Answer = Result<Option<Vec<u8>>, ErrorKind>;

impl Model {
    fn apply(&mut self, op: &Op) -> Answer {
        match op {
            Op::Add(name, value) => self.add(*name, value),
            Op::SetSecret(name, field, value) => {
                self.find(*name)?.push(*field, value.clone(), 1);
                Ok(None)
            }
            Op::SetUrl(name, n) => {
                let known = self.find(*name)?;
                (known.url, known.keep) = (url(*n), None);
                Ok(None)
            }
            Op::Keep(name, keep) => {
                let known = self.find(*name)?;
                if let (Some(n), true) = (*keep, known.keep != *keep) {
                    known.secrets.values_mut().for_each(|versions| forget(versions, n));
                }
                known.keep = *keep;
                Ok(None)
            }
            Op::Rotate(name, field, value) => {
                self.find(*name)?.push(*field, value.clone(), 2);
                Ok(None)
            }
            Op::Rollback(name, field, version) => {
                let known = self.find(*name)?;
                let value = known.version(*field, *version)?.to_vec();
                if known.current(*field) == *version {
                    return Err(ErrorKind::Conflict);
                }
                known.push(*field, value, 2);
                Ok(None)
            }
            Op::PurgeVersion(name, field, version) => {
                let known = self.find(*name)?;
                known.version(*field, *version)?;
                if known.current(*field) == *version {
                    return Err(ErrorKind::Refused);
                }
                let at = usize::try_from(*version).unwrap() - 1;
                known.secrets.get_mut(field).unwrap()[at] = None;
                Ok(None)
            }
            Op::RevealVersion(name, field, version) => {
                Ok(Some(self.find(*name)?.version(*field, *version)?.to_vec()))
            }
            Op::Rename(from, to) => {
                self.find(*from)?;
                self.free(*to)?;
                let known = self.live.remove(from).ok_or(ErrorKind::NotFound)?;
                self.live.insert(*to, known);
                Ok(None)
            }
            Op::Remove(name) => {
                let known = self.live.remove(name).ok_or(ErrorKind::NotFound)?;
                self.trash.push((*name, known));
                Ok(None)
            }
            Op::Restore(name) => {
                let at = self.last_trashed(*name).ok_or(ErrorKind::NotFound)?;
                self.free(*name)?;
                let (_, known) = self.trash.remove(at);
                self.live.insert(*name, known);
                Ok(None)
            }
            Op::Purge(name) => match self.last_trashed(*name) {
                Some(at) => {
                    self.trash.remove(at);
                    Ok(None)
                }
                None => self.live.remove(name).ok_or(ErrorKind::NotFound).map(|_| None),
            },
            Op::Reveal(name, field) => {
                let known = self.find(*name)?;
                Ok(Some(known.version(*field, known.current(*field))?.to_vec()))
            }
            Op::WrongKey => Err(ErrorKind::WrongKey),
        }
    }

    fn add(&mut self, name: u8, value: &[u8]) -> Answer {
        self.free(name)?;
        let secrets = BTreeMap::from([(0, vec![Some(value.to_vec())])]);
        let known = Known { url: url(0), keep: None, secrets };
        self.live.insert(name, known);
        Ok(None)
    }

    fn find(&mut self, name: u8) -> Result<&mut Known, ErrorKind> {
        self.live.get_mut(&name).ok_or(ErrorKind::NotFound)
    }

    fn free(&self, name: u8) -> Result<(), ErrorKind> {
        match self.live.contains_key(&name) {
            true => Err(ErrorKind::Conflict),
            false => Ok(()),
        }
    }

    fn last_trashed(&self, name: u8) -> Option<usize> {
        self.trash.iter().rposition(|(n, _)| *n == name)
    }
}

fn name(n: u8) -> CredName {
    format!("name-{n}").parse().unwrap()
}

fn field(n: u8) -> FieldName {
    ["password", "notes"][usize::from(n)].parse().unwrap()
}

fn url(n: u8) -> String {
    format!("https://{n}.example.com")
}

fn metadata(n: u8) -> Metadata {
    let mut meta = Metadata::default();
    meta.kind = "password".into();
    meta.set(Attr::Url, Some(url(n)));
    meta
}

/// A vault under test.
struct Site {
    dir: tempfile::TempDir,
    key: Key,
    wrong: Key,
}

impl Site {
    fn new() -> Self {
        let site = Self {
            dir: tempfile::tempdir().unwrap(),
            key: Key::Identity(new_key_file(Timestamp(0))),
            wrong: Key::Identity(new_key_file(Timestamp(0))),
        };
        Vault::init(&site.place(), world(0), &site.key, "key file").unwrap();
        site
    }

    fn place(&self) -> Place {
        Place { file: self.dir.path().join("vault.db"), state_dir: self.dir.path().join("state") }
    }

    fn unlock(&self, key: &Key, second: usize) -> vault::error::Result<Vault<Unlocked>> {
        Vault::open(&self.place(), world(second), Purpose::default())?.unlock(key)
    }

    fn apply(&self, op: &Op, second: usize) -> Answer {
        self.run(op, second).map_err(|e| e.kind())
    }

    fn run(&self, op: &Op, second: usize) -> vault::error::Result<Option<Vec<u8>>> {
        let key = match op {
            Op::WrongKey => &self.wrong,
            _ => &self.key,
        };
        let mut v = self.unlock(key, second)?;
        let secret = |bytes: &[u8]| Secret::from_bytes(bytes);
        match op {
            Op::Add(n, value) => v.add(NewCredential {
                name: name(*n),
                meta: metadata(0),
                secrets: vec![(field(0), secret(value))],
            })?,
            Op::SetSecret(n, f, value) => v
                .set(&name(*n), Change { edit: None, secrets: vec![(field(*f), secret(value))] })
                .map(drop)?,
            Op::SetUrl(n, u) => {
                let edit = |meta: &mut Metadata| {
                    *meta = metadata(*u);
                    // a change that changes nothing is no change, and has no entry
                    meta.set(Attr::Owner, Some(second.to_string()));
                    Ok(())
                };
                v.set(&name(*n), Change { edit: Some(Box::new(edit)), secrets: Vec::new() })
                    .map(drop)?
            }
            Op::Keep(n, keep) => {
                let edit = |meta: &mut Metadata| {
                    meta.keep = *keep;
                    meta.set(Attr::Owner, Some(second.to_string()));
                    Ok(())
                };
                v.set(&name(*n), Change { edit: Some(Box::new(edit)), secrets: Vec::new() })
                    .map(drop)?
            }
            Op::Rotate(n, f, value) => v
                .rotate(&name(*n), Change { edit: None, secrets: vec![(field(*f), secret(value))] })
                .map(drop)?,
            Op::Rollback(n, f, to) => {
                v.rollback(&name(*n), Some(&field(*f)), *to).map(drop)?;
            }
            Op::PurgeVersion(n, f, version) => {
                v.purge_version(&name(*n), Some(&field(*f)), *version, false)?;
            }
            Op::RevealVersion(n, f, version) => {
                let value = v.reveal_version(&name(*n), Some(&field(*f)), *version)?;
                return Ok(Some(value.expose().to_vec()));
            }
            Op::Rename(from, to) => v.rename(&name(*from), &name(*to))?,
            Op::Remove(n) => v.remove(&name(*n))?,
            Op::Restore(n) => v.restore(&name(*n))?,
            Op::Purge(n) => {
                let name = name(*n);
                // the one in the trash, else the live one
                let trashed = v.names(name.as_str(), true, 1)? == [name.as_str()];
                v.purge(&name, trashed)?;
            }
            Op::Reveal(n, f) => {
                let value = v.reveal(&name(*n), Some(&field(*f)))?;
                return Ok(Some(value.expose().to_vec()));
            }
            Op::WrongKey => {}
        }
        Ok(None)
    }

    /// The live credentials as the vault has them.
    fn live(&self, v: &mut Vault<Unlocked>) -> BTreeMap<u8, Known> {
        let mut live = BTreeMap::new();
        for n in 0..4 {
            let Ok(credential) = v.show(&name(n), false) else {
                continue;
            };
            let mut secrets: BTreeMap<u8, Versions> = BTreeMap::new();
            for version in v.history(&name(n), None, false).unwrap().iter().rev() {
                let value = version.purged_at.is_none().then(|| {
                    let number = version.version;
                    let value = v.reveal_version(&name(n), Some(&version.field), number).unwrap();
                    value.expose().to_vec()
                });
                secrets.entry(u8::from(version.field.as_str() == "notes")).or_default().push(value);
            }
            let url = credential.meta.get(Attr::Url).unwrap_or_default().to_owned();
            live.insert(n, Known { url, keep: credential.meta.keep, secrets });
        }
        live
    }
}

fn world(second: usize) -> Rc<World> {
    let at = 1_800_000_000_000 + 1000 * i64::try_from(second).unwrap();
    Rc::new(World::fake(&[], Some(Timestamp(at))))
}

/// Plays a history on both, and compares every answer, the end, and the log.
fn play(ops: &[Op]) -> Result<(), TestCaseError> {
    let (site, mut model) = (Site::new(), Model::default());
    for (second, op) in (1..).zip(ops) {
        prop_assert_eq!(site.apply(op, second), model.apply(op), "{:?}", op);
    }
    let mut v = site.unlock(&site.key, ops.len() + 1).unwrap();
    let verdict = v.verify_log(&mut |_, _| {}).unwrap();
    prop_assert_eq!(verdict.entries, 1 + ops.len() as u64);
    prop_assert!(verdict.authenticated && verdict.gaps.is_empty());
    prop_assert_eq!(verdict.complete_to, Some(verdict.last));
    let findings = v.doctor().unwrap();
    let well = findings.iter().all(|f| f.level == "ok");
    prop_assert!(well, "{:?}", findings);
    prop_assert_eq!(v.names("", true, 10).unwrap(), trashed(&model));
    prop_assert_eq!(site.live(&mut v), model.live);
    Ok(())
}

/// The names in the model's trash, in order, once each.
fn trashed(model: &Model) -> Vec<String> {
    let names: std::collections::BTreeSet<u8> = model.trash.iter().map(|(n, _)| *n).collect();
    names.into_iter().map(|n| name(n).to_string()).collect()
}

fn cases() -> u32 {
    let given = std::env::var("VAULT_TEST_MODEL_CASES").ok();
    given.and_then(|cases| cases.parse().ok()).unwrap_or(24)
}

proptest! {
    #![proptest_config(Config { cases: cases(), failure_persistence: None, ..Config::default() })]

    #[test]
    fn the_vault_does_what_the_model_does(ops in proptest::collection::vec(op(), 15..25)) {
        play(&ops)?;
    }
}
