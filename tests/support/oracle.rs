//! The judge of the tests that disturb the program: what a vault holds after it, read through the
//! library, and whether that agrees with what the program said.

use super::Sandbox;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::rc::Rc;
use vault::model::{Attr, Secret};
use vault::vault::{EntryFilter, Key, Match, Place, Purpose, Unlocked, Vault};
use vault::world::World;

/// The actions that change a row, and so count in the vault's state.
const CHANGES: &[&str] =
    &["init", "create", "import", "update", "rename", "delete", "restore", "purge"];

/// A credential as it can be read: the value, its metadata as far as tests change it, its revision.
type Held = (Vec<u8>, Option<String>, u32);

/// What a vault holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Holding {
    live: BTreeMap<String, Held>,
    trash: BTreeSet<String>,
    /// The state's counter.
    pub counter: i64,
    /// The log's entries of changes, oldest first: action and name.
    pub changes: Vec<(String, Option<String>)>,
}

/// A holding, and how many times a secret was handed out according to the log.
#[derive(Clone, Debug)]
pub struct Seen {
    pub holding: Holding,
    pub decrypts: usize,
}

impl Sandbox {
    /// An empty place in memory if there is one: a killed process is not a power cut, and syncing
    /// costs most of the time.
    pub fn fast() -> Self {
        let memory = Path::new("/dev/shm");
        let dir = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).unwrap();
        let sandbox = Self { dir, keyed: true };
        for name in ["home", "data", "state", "tmp"] {
            fs::create_dir(sandbox.path(name)).unwrap();
        }
        sandbox
    }

    /// The same files in another place.
    pub fn copy(&self) -> Self {
        let copy = Self::fast();
        copy_dir(self.root(), copy.root());
        copy
    }

    /// The vault, opened through the library with its key file.
    pub fn open(&self) -> Result<Vault<Unlocked>, String> {
        let text = fs::read(self.path("key")).map_err(|e| format!("the key file: {e}"))?;
        let key = Key::Identity(Secret::from_bytes(&text));
        let place = Place { file: self.database(), state_dir: self.path("state/vault") };
        Vault::open(&place, Rc::new(World::fake(&[], None)), Purpose::default())
            .and_then(|vault| vault.unlock(&key))
            .map_err(|e| format!("opening: {e}"))
    }

    /// Everything the vault holds; an error unless log, rows and database are whole and sealed
    /// without a gap.
    pub fn seen(&self) -> Result<Seen, String> {
        let mut vault = self.open()?;
        sound(&mut vault)?;
        let (changes, decrypts) = history(&mut vault)?;
        let counter = vault.status().map_err(text)?.counter;
        let names = |deleted| vault.names("", deleted, u64::MAX).map_err(text);
        let (live, trash) = (names(false)?, names(true)?);
        let live = live.into_iter().map(|name| Ok((name.clone(), held(&mut vault, &name)?)));
        let live = live.collect::<Result<_, String>>()?;
        let holding = Holding { live, trash: trash.into_iter().collect(), counter, changes };
        Ok(Seen { holding, decrypts })
    }

    /// What `audit verify` and `doctor` must be content with.
    pub fn whole(&self) -> Result<(), String> {
        sound(&mut self.open()?)
    }
}

impl Holding {
    /// The value of a live credential.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        self.live.get(name).map(|held| &held.0[..])
    }

    /// How many changes the log and the state count; they agree unless something was made in bulk.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.live.keys().map(String::as_str)
    }
}

fn sound(vault: &mut Vault<Unlocked>) -> Result<(), String> {
    let verdict = vault.verify_log(&mut |_, _| {}).map_err(|e| format!("audit verify: {e}"))?;
    if !verdict.authenticated || verdict.complete_to.is_none() || !verdict.gaps.is_empty() {
        return Err(format!("audit verify: {verdict:?}"));
    }
    let findings = vault.doctor().map_err(|e| format!("doctor: {e}"))?;
    match findings.iter().find(|finding| finding.level != "ok") {
        Some(finding) => Err(format!("doctor: {finding:?}")),
        None => Ok(()),
    }
}

/// The entries of changes, and the number of secrets handed out. Between two imports lie other
/// changes in these tests, so that runs of imports count once, as the state does.
fn history(vault: &mut Vault<Unlocked>) -> Result<(Vec<(String, Option<String>)>, usize), String> {
    let (mut changes, mut decrypts) = (Vec::new(), 0);
    vault
        .entries(&EntryFilter::default(), &mut |entry| {
            if entry.outcome == "ok" && CHANGES.contains(&entry.action.as_str()) {
                changes.push((entry.action.clone(), entry.name.clone()));
            }
            decrypts += usize::from(entry.outcome == "ok" && entry.action == "decrypt");
            Ok(())
        })
        .map_err(text)?;
    changes.reverse();
    let mut steps: Vec<&str> = changes.iter().map(|(action, _)| action.as_str()).collect();
    steps.dedup_by(|a, b| a == b && *a == "import");
    let counter = vault.status().map_err(text)?.counter;
    match i64::try_from(steps.len()) == Ok(counter) {
        true => Ok((changes, decrypts)),
        false => Err(format!("{} changes in the log, {counter} in the state", steps.len())),
    }
}

fn held(vault: &mut Vault<Unlocked>, name: &str) -> Result<Held, String> {
    let wrong = |e| format!("credential {name}: {e}");
    let name = vault.resolve(name, Match::Exact, false).map_err(wrong)?;
    let about = vault.show(&name, false).map_err(wrong)?;
    let value = vault.reveal(&name, None).map_err(wrong)?;
    let url = about.meta.get(Attr::Url).map(str::to_owned);
    Ok((value.expose().to_vec(), url, about.revision))
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn text(e: vault::error::Error) -> String {
    e.to_string()
}

fn copy_dir(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            // the top of a sandbox is there already
            _ = DirBuilder::new().mode(0o700).create(&to);
            copy_dir(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
