//! The promise of FORMAT.md, "Recovery without this program": its own text is run, with stock `age`
//! and `sqlite3`, and every secret must come out byte for byte.
//!
//! Skipped with a word where a program is missing, unless `VAULT_TEST_REQUIRE` is set.

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

mod support;

use rustix::termios::{LocalModes, tcgetattr};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use vault::model::{CredName, FieldName, Metadata, Secret, Timestamp};
use vault::vault::*;
use vault::world::World;

const PASSPHRASE: &str = "correct horse battery staple é";

/// The shell script of the section, as a reader would copy it.
fn script() -> String {
    let text = include_str!("../FORMAT.md");
    let section = text.split_once("\n## Recovery without this program\n").unwrap().1;
    let block = section.split_once("\n```sh\n").unwrap().1;
    block.split_once("\n```\n").unwrap().0.to_owned() + "\n"
}

/// What must come out: the value of each field of each credential.
type Secrets = BTreeMap<(&'static str, &'static str), Vec<u8>>;

struct Example {
    dir: TempDir,
    secrets: Secrets,
}

impl Example {
    /// A vault with many kinds of value, current ones and older ones, in the trash and purged.
    fn new(key: &Key) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place =
            Place { file: dir.path().join("my vault.db"), state_dir: dir.path().join("state") };
        let world = Rc::new(World::real());
        let mut vault = Vault::init(&place, world, key, "it").unwrap();
        let all: Vec<u8> = (0..=255).collect();
        let long: Vec<u8> = all.iter().rev().cycle().take(70_001).copied().collect();
        let secrets: Secrets = [
            (("db/main", "password"), b"third".to_vec()),
            (("db/main", "notes"), b"two\nlines\n\n".to_vec()),
            (("größe 'x' \"y\"", "api_key"), all),
            (("tls", "private_key"), long),
            (("tls", "passphrase"), b"\n".to_vec()),
            (("nul", "value"), b"a\0b\0\0".to_vec()),
            (("json", "value"), b"{\"len\":3}\n{\"len\":4}".to_vec()),
            (("none", "value"), Vec::new()),
            (("old", "token"), b"in the trash".to_vec()),
        ]
        .into();
        fill(&mut vault, &secrets);
        Self { dir, secrets }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, with_key: Option<&str>) -> String {
        fs::write(self.path("recover.sh"), script()).unwrap();
        let key = with_key.map_or(String::new(), |key| format!(" '{key}'"));
        format!("sh recover.sh 'my vault.db' out{key}")
    }

    fn compare(&self, said: &Output) {
        let text = String::from_utf8_lossy(&said.stderr).into_owned()
            + &String::from_utf8_lossy(&said.stdout);
        assert!(said.status.success(), "{text}");
        assert!(!text.contains("belongs elsewhere"), "{text}");
        let listed = fs::read_to_string(self.path("out/credentials.json")).unwrap();
        let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
        for ((name, field), value) in &self.secrets {
            let rows = listed.as_array().unwrap();
            let row = rows.iter().find(|row| row["name"] == *name).unwrap();
            let file = format!("out/{}.{field}", row["id"].as_str().unwrap());
            assert!(fs::read(self.path(&file)).unwrap() == *value, "{name} {field}");
            assert_eq!(row["in_trash"], i64::from(*name == "old"), "{name}");
        }
        // The secrets and the list; no key, no copy of the database, no older version.
        let files = fs::read_dir(self.path("out")).unwrap().count();
        assert_eq!(files, self.secrets.len() + 1);
    }
}

fn fill(vault: &mut Vault<Unlocked>, secrets: &Secrets) {
    let name = |text: &str| text.parse::<CredName>().unwrap();
    let add = |vault: &mut Vault<Unlocked>, to: &str, fields: Vec<(FieldName, Secret)>| {
        let mut meta = Metadata::default();
        meta.kind = "custom".to_owned();
        vault.add(NewCredential { name: name(to), meta, secrets: fields }).unwrap();
    };
    let mut names: Vec<&str> = secrets.keys().map(|(name, _)| *name).collect();
    names.dedup();
    for to in names {
        let of = secrets.iter().filter(|((name, _), _)| *name == to);
        let fields = of
            .map(|((_, field), value)| (field.parse().unwrap(), Secret::from_bytes(value)))
            .collect();
        add(vault, to, fields);
    }
    for password in ["second", "third"] {
        let secret = Secret::from_bytes(password.as_bytes());
        let change = Change { edit: None, secrets: vec![("password".parse().unwrap(), secret)] };
        vault.set(&name("db/main"), change).unwrap();
    }
    vault.remove(&name("old")).unwrap();
    let gone = vec![("value".parse().unwrap(), Secret::from_bytes(b"gone"))];
    add(vault, "gone", gone);
    vault.purge(&name("gone"), false).unwrap();
}

fn programs() -> bool {
    ["sh", "age", "sqlite3"].into_iter().all(support::require)
}

#[test]
fn a_key_file_recovers_every_secret_and_another_one_none() {
    if !programs() {
        return;
    }
    let key = new_key_file(Timestamp(0));
    let text = key.expose().to_vec();
    let example = Example::new(&Key::Identity(key));
    fs::write(example.path("the key"), text).unwrap();
    let other = new_key_file(Timestamp(0));
    fs::write(example.path("other"), other.expose()).unwrap();
    let said = run(&example, "other");
    assert_eq!(said.status.code(), Some(1), "{said:?}");
    assert!(fs::read_dir(example.path("out")).unwrap().next().is_none());
    fs::remove_dir(example.path("out")).unwrap();
    example.compare(&run(&example, "the key"));
}

/// Adds a slot to the example, which `key` opens.
fn add_slot(example: &Example, key: &Key, label: &str, to: &Wrap, proof: &Key) {
    let dir = example.dir.path();
    let place = Place { file: dir.join("my vault.db"), state_dir: dir.join("state") };
    let vault = Vault::open(&place, Rc::new(World::real()), Purpose::default()).unwrap();
    let mut vault = vault.unlock(key).unwrap();
    let slot = vault.new_slot(&label.parse().unwrap(), to, proof).unwrap();
    vault.store_slot(&slot).unwrap();
}

#[test]
fn a_recovery_sheet_and_an_ssh_key_recover_every_secret() {
    if !programs() || !support::require("ssh-keygen") {
        return;
    }
    let key = Key::Identity(new_key_file(Timestamp(0)));
    let example = Example::new(&key);
    let sheet = new_recovery_key();
    fs::write(example.path("typed"), sheet.expose()).unwrap();
    let to = Wrap::recovery(&sheet).unwrap();
    add_slot(&example, &key, "paper", &to, &Key::Identity(sheet));
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", "id"]);
    assert!(keygen.current_dir(example.dir.path()).status().unwrap().success());
    let text = Secret::from_bytes(&fs::read(example.path("id")).unwrap());
    let ssh = Key::Ssh(SshKey::read(&text, || panic!("it has no passphrase")).unwrap());
    add_slot(&example, &key, "ssh", &Wrap::for_key(&ssh).unwrap(), &ssh);
    for file in ["typed", "id"] {
        example.compare(&run(&example, file));
        fs::remove_dir_all(example.path("out")).unwrap();
    }
}

#[test]
fn a_value_in_another_ones_place_is_reported() {
    if !programs() {
        return;
    }
    let key = new_key_file(Timestamp(0));
    let text = key.expose().to_vec();
    let example = Example::new(&Key::Identity(key));
    fs::write(example.path("the key"), text).unwrap();
    let db = rusqlite::Connection::open(example.path("my vault.db")).unwrap();
    let swap = "UPDATE secret SET sealed = (SELECT sealed FROM secret WHERE field = 'api_key')
                WHERE field = 'token'";
    assert_eq!(db.execute(swap, []).unwrap(), 1);
    db.close().unwrap();
    let said = run(&example, "the key");
    let text = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!(text.matches(".token: belongs elsewhere").count(), 1, "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

fn run(example: &Example, key: &str) -> Output {
    Command::new("sh")
        .args(["-c", &example.command(Some(key))])
        .current_dir(example.dir.path())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn a_passphrase_recovers_every_secret_and_another_one_none() {
    if !programs() || !support::require("script") {
        return;
    }
    let key = Key::Passphrase(Secret::from_bytes(PASSPHRASE.as_bytes()));
    let example = Example::new(&key);
    let said = at_terminal(&example, "wrong");
    assert!(!said.status.success(), "{said:?}");
    assert!(fs::read_dir(example.path("out")).unwrap().next().is_none());
    fs::remove_dir(example.path("out")).unwrap();
    example.compare(&at_terminal(&example, PASSPHRASE));
}

/// Runs the recovery on a terminal of its own, and types once it is asked.
fn at_terminal(example: &Example, typed: &str) -> Output {
    let screen = example.path("screen");
    let mut child = Command::new("script")
        .args(["-q", "-e", "-c", &format!("tty >terminal; {}", example.command(None)), "/dev/null"])
        .current_dir(example.dir.path())
        .stdin(Stdio::piped())
        .stdout(fs::File::create(&screen).unwrap())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_mins(5);
    let shown = || String::from_utf8_lossy(&fs::read(&screen).unwrap()).into_owned();
    while !shown().contains("passphrase") {
        assert!(Instant::now() < deadline, "never asked: {}", shown());
        std::thread::sleep(Duration::from_millis(20));
    }
    // the question is printed just before the echo is turned off, which throws away what is typed until then
    let terminal = fs::read_to_string(example.path("terminal")).unwrap();
    let terminal = fs::File::open(terminal.trim()).unwrap();
    while tcgetattr(&terminal).unwrap().local_modes.contains(LocalModes::ECHO) {
        assert!(Instant::now() < deadline, "the echo stays on: {}", shown());
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(terminal);
    let mut keys = child.stdin.take().unwrap();
    keys.write_all(format!("{typed}\n").as_bytes()).unwrap();
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "hangs: {}", shown());
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(keys);
    child.wait_with_output().unwrap()
}
