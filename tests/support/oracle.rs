//! The judge of the tests that disturb the program: what a vault holds after it, read through the
//! library, and whether that agrees with what the program said.

use super::Sandbox;
use super::commands::{HANDING_OUT, INIT, MADE, SECRET};
use super::incidents::{Incident, incidents};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::rc::Rc;
use vault::model::{Attr, Secret};
use vault::vault::{EntryFilter, Key, Place, Purpose, Unlocked, Vault};
use vault::world::World;

/// The actions that change a row, and so count in the vault's state.
const CHANGES: &[&str] = &[
    "init",
    "create",
    "import",
    "update",
    "rotate",
    "rollback",
    "rename",
    "delete",
    "restore",
    "purge",
    "rekey",
    "incident_open",
    "incident_link",
    "incident_note",
    "incident_contain",
    "incident_resolve",
];

/// The actions that hand out a value.
const READS: &[&str] = &["decrypt", "run", "inject", "export"];

/// A credential as it can be read: the value, its metadata as far as tests change it, its revision, its
/// versions and whether they still have a value.
type Held = (Vec<u8>, Option<String>, u32, Vec<(u32, bool)>);

/// An entry of a change: action and name.
pub type Logged = (String, Option<String>);

/// What a vault holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Holding {
    live: BTreeMap<String, Held>,
    trash: BTreeSet<String>,
    /// Title, status, credentials and timeline of each incident, the newest first.
    incidents: Vec<Incident>,
    /// The state's counter.
    pub counter: i64,
    /// The log's entries of changes, oldest first.
    pub changes: Vec<Logged>,
    /// How many checkpoints were signed, and up to where the log was pruned.
    log: (usize, Option<i64>),
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
        self.copy_into(&copy);
        copy
    }

    /// Puts the same files into another sandbox.
    pub fn copy_into(&self, other: &Self) {
        copy_dir(self.root(), other.root());
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
        let status = vault.status().map_err(text)?;
        let log = (vault.checkpoints().map_err(text)?.len(), status.pruned_to);
        let counter = status.counter;
        let names = |deleted| vault.names("", deleted, u64::MAX).map_err(text);
        let (live, trash) = (names(false)?, names(true)?);
        let live = live.into_iter().map(|name| Ok((name.clone(), held(&mut vault, &name)?)));
        let live = live.collect::<Result<_, String>>()?;
        let (trash, incidents) = (trash.into_iter().collect(), incidents(&mut vault)?);
        let holding = Holding { live, trash, incidents, counter, changes, log };
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

    /// The names of the live credentials.
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
fn history(vault: &mut Vault<Unlocked>) -> Result<(Vec<Logged>, usize), String> {
    let (mut changes, mut decrypts) = (Vec::new(), 0);
    vault
        .entries(&EntryFilter::default(), &mut |entry| {
            if entry.outcome == "ok" && CHANGES.contains(&entry.action.as_str()) {
                changes.push((entry.action.clone(), entry.name.clone()));
            }
            decrypts += usize::from(entry.outcome == "ok" && READS.contains(&&*entry.action));
            Ok(())
        })
        .map_err(text)?;
    changes.reverse();
    let mut steps: Vec<&str> = changes.iter().map(|(action, _)| action.as_str()).collect();
    // an incident is opened with its links at once
    let belongs = |a: &str, b: &str| {
        matches!((a, b), ("import", "import") | ("incident_link", "incident_open"))
    };
    steps.dedup_by(|a, b| belongs(a, b));
    let status = vault.status().map_err(text)?;
    let (counter, steps_left) = (status.counter, i64::try_from(steps.len()).unwrap());
    match steps_left == counter || status.pruned_to.is_some() && steps_left < counter {
        true => Ok((changes, decrypts)),
        false => Err(format!("{} changes in the log, {counter} in the state", steps.len())),
    }
}

fn held(vault: &mut Vault<Unlocked>, name: &str) -> Result<Held, String> {
    let wrong = |e| format!("credential {name}: {e}");
    let name = name.parse().map_err(wrong)?;
    let about = vault.show(&name, false).map_err(wrong)?;
    let value = vault.reveal(&name, None).map_err(wrong)?;
    let url = about.meta.get(Attr::Url).map(str::to_owned);
    let versions = vault.history(&name, None, false).map_err(wrong)?;
    let versions = versions.iter().map(|v| (v.version, v.purged_at.is_none())).collect();
    Ok((value.expose().to_vec(), url, about.revision, versions))
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

/// A command, and what it does to a vault when nothing disturbs it.
pub struct Case {
    pub title: &'static str,
    pub args: &'static [&'static str],
    pub input: &'static [u8],
    pub base: Sandbox,
    /// What is there before it, after it, and after it has run once more.
    pub states: [Holding; 3],
    /// How often a secret was handed out before it.
    pub decrypts: usize,
    /// How the second run of the undisturbed command ends.
    pub again: i32,
}

/// How a disturbed run ended.
pub struct Outcome {
    /// None if it was killed.
    pub code: Option<i32>,
    pub out: Vec<u8>,
    pub err: String,
    /// Whether the disturbance took place.
    pub fired: bool,
    pub hung: bool,
    /// Whether the disk went on failing, so that a failed commit could not be taken back: then, and
    /// only then, the program may say that it does not know.
    pub lasting: bool,
}

impl Case {
    /// Learns from undisturbed runs what a command does.
    pub fn new(
        title: &'static str,
        args: &'static [&'static str],
        input: &'static [u8],
        base: &Sandbox,
    ) -> Self {
        let before = base.copy().seen().unwrap();
        let undisturbed = base.copy();
        undisturbed.ok(args, input);
        let after = undisturbed.copy().seen().unwrap();
        let again = undisturbed.run_in(args, input).code;
        let last = undisturbed.seen().unwrap();
        Self {
            title,
            args,
            input,
            base: base.copy(),
            states: [before.holding, after.holding, last.holding],
            decrypts: before.decrypts,
            again,
        }
    }

    /// The command that makes a vault.
    pub fn init() -> Self {
        let base = Sandbox::fast();
        let made = base.copy();
        made.ok(&["init"], b"");
        let state = made.seen().unwrap().holding;
        let states = [state.clone(), state.clone(), state];
        Self { title: INIT, args: &["init"], input: b"", base, states, decrypts: 0, again: 13 }
    }
}

/// A small vault with something of everything.
pub fn base() -> Sandbox {
    let sandbox = Sandbox::fast();
    sandbox.ok(&["init"], b"");
    sandbox.add("alpha", b"an older secret");
    sandbox.ok(&["cred", "set", "alpha", "password", "--stdin"], SECRET);
    for name in ["beta", "gamma", "old", "junk"] {
        sandbox.add(name, format!("the-secret-of-{name}").as_bytes());
    }
    sandbox.ok(&["cred", "rm", "old"], b"");
    sandbox.ok(&["incident", "open", "Odd logins"], b"");
    sandbox.ok(&["incident", "contain", "1"], b"");
    // to begin with an empty write-ahead log
    sandbox.add("gone", b"a secret no more");
    sandbox.ok(&["cred", "purge", "gone", "--yes"], b"");
    sandbox
}

/// A vault whose log a checkpoint covers, and the command that prunes it.
pub fn noted(base: &Sandbox) -> (Sandbox, &'static [&'static str]) {
    let sandbox = base.copy();
    sandbox.ok(&["audit", "checkpoint"], b"");
    let at = sandbox.log(&["--limit", "1"])[0]["at"].as_str().unwrap().to_owned();
    let args = ["audit", "prune", "--yes", "--before", Box::leak(at.into_boxed_str())];
    (sandbox, Box::leak(Box::new(args)))
}

/// Whether what the run said, and what it left, are in order.
pub fn judge(case: &Case, outcome: &Outcome, sandbox: &Sandbox) -> Result<(), String> {
    if outcome.hung {
        return Err("it hangs".into());
    }
    match case.title {
        INIT => judge_init(case, outcome, sandbox),
        _ => judge_change(case, outcome, sandbox),
    }
}

fn judge_change(case: &Case, outcome: &Outcome, sandbox: &Sandbox) -> Result<(), String> {
    let [before, after, last] = &case.states;
    let Seen { holding, decrypts } = sandbox.copy().seen()?;
    let (is_before, is_after) = (&holding == before, &holding == after);
    if !is_before && !is_after {
        return Err(format!("neither the old state nor the new: {holding:?}"));
    }
    if outcome.code == Some(0) && !is_after {
        return Err("reported as done, and lost".into());
    }
    let in_doubt =
        outcome.lasting && outcome.err.contains("whether the change was kept is not known");
    // only its answer was lost: the note is in the list
    let unheard = case.title == "checkpoint" && outcome.err.contains("cannot write");
    if outcome.code.is_some_and(|code| code != 0) && !is_before && !in_doubt && !unheard {
        return Err("reported as failed, and done all the same".into());
    }
    if HANDING_OUT.iter().any(|title| case.title.starts_with(title)) {
        let made = fs::read(sandbox.path(MADE)).unwrap_or_default();
        if !made.is_empty() && made != SECRET {
            return Err("a file that is not whole".into());
        }
        let handed_out = !outcome.out.is_empty() || !made.is_empty();
        if (handed_out || outcome.code == Some(0)) && decrypts != case.decrypts + 1 {
            return Err("a secret handed out without an entry".into());
        }
    }
    let (code, then) = if is_before { (0, after) } else { (case.again, last) };
    let again = sandbox.run_in(case.args, case.input);
    if again.code != code {
        return Err(format!(
            "run again, it ends with {} instead of {code}: {}",
            again.code, again.err
        ));
    }
    match &sandbox.seen()?.holding == then {
        true => Ok(()),
        false => Err("run again, it leaves something else".into()),
    }
}

/// After a disturbed `init` there is no vault and `init` works, or there is a good one.
fn judge_init(case: &Case, outcome: &Outcome, sandbox: &Sandbox) -> Result<(), String> {
    let there = sandbox.database().exists();
    match (outcome.code, there) {
        (Some(0), false) => return Err("reported as done, and lost".into()),
        (Some(1..), true) => return Err("reported as failed, and done all the same".into()),
        _ => {}
    }
    let again = sandbox.run(&["init"]);
    let code = if there { 13 } else { 0 };
    if again.code != code {
        return Err(format!(
            "run again, it ends with {} instead of {code}: {}",
            again.code, again.err
        ));
    }
    if !there && drafts(sandbox) {
        return Err("a draft was left behind".into());
    }
    match sandbox.seen()?.holding == case.states[1] {
        true => Ok(()),
        false => Err("not the vault that `init` makes".into()),
    }
}

fn drafts(sandbox: &Sandbox) -> bool {
    let dir = fs::read_dir(sandbox.path("data/vault")).unwrap();
    dir.flatten().any(|entry| entry.file_name().to_string_lossy().contains(".new-"))
}
