//! The first opening of a vault on a machine (A4). Whoever knows a public SSH key can make a whole vault
//! that its owner's key opens, and would read what is kept in it from then on. What catches it: the
//! fingerprint, the seal, and the record of which vault stood in a place.

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

#[allow(dead_code, reason = "the attacker of another test needs the rest")]
mod forge;
mod support;

use forge::Owner;
use rusqlite::Connection;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use support::pty::Pty;
use support::{Answer, Sandbox, json, require};
use vault::model::Secret;
use vault::vault::{Key, Place, SshKey, Vault};
use vault::world::World;

/// A machine with the owner's SSH key on it.
struct Machine(Sandbox);

impl Machine {
    fn new(key: &str) -> Self {
        let sandbox = Sandbox::bare();
        sandbox.file("id_ed25519", key);
        Self(sandbox)
    }

    /// With the vault of the owner, which the SSH key opens.
    fn with_vault(key: &str) -> Self {
        let Self(sandbox) = Self::new(key);
        let place = Place { file: sandbox.database(), state_dir: sandbox.path("state/vault") };
        fs::create_dir(sandbox.path("data/vault")).unwrap();
        let text = Secret::from_bytes(key.as_bytes());
        let key = Key::Ssh(SshKey::read(&text, || panic!("it has no passphrase")).unwrap());
        drop(Vault::init(&place, Rc::new(World::real()), &key, "ssh").unwrap());
        Self(sandbox)
    }

    fn put(&self, database: &Path) {
        fs::create_dir_all(self.0.path("data/vault")).unwrap();
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(self.0.path(&format!("data/vault/vault.db{suffix}")));
        }
        fs::copy(database, self.0.database()).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.0.vault(&["--no-input", "--key-file", "id_ed25519"]);
        command.args(args);
        command
    }

    /// Keeps a secret: what the attacker waits for.
    fn keep(&self, options: &[&str]) -> Answer {
        let args = [&["cred", "add", "x", "--stdin"], options].concat();
        Answer::fed(&mut self.command(&args), b"hunter2")
    }

    fn fingerprint(&self) -> String {
        let status = json(&Answer::of(&mut self.command(&["status", "--json"])).out);
        status["fingerprint"].as_str().unwrap_or_default().to_owned()
    }

    fn is_empty(&self) -> bool {
        let db = Connection::open(self.0.database()).unwrap();
        forge::one(&db, "SELECT count(*) FROM credential") == 0_i64.into()
    }
}

/// A key pair of the owner: the private key, and the public one, which everybody knows.
fn key_pair() -> Option<(String, String)> {
    if !require("ssh-keygen") {
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("id");
    let mut make = Command::new("ssh-keygen");
    make.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&path);
    assert!(make.status().unwrap().success());
    let public = fs::read_to_string(path.with_extension("pub")).unwrap();
    Some((fs::read_to_string(&path).unwrap(), public.trim().to_owned()))
}

/// A vault of the attacker's own for that public key, under the id of another one if given.
fn forged(public: &str, id: Option<&[u8]>) -> Sandbox {
    let sandbox = Sandbox::new();
    let key = Secret::from_bytes(&fs::read(sandbox.path("key")).unwrap());
    let db = Connection::open(sandbox.database()).unwrap();
    if let Some(id) = id {
        Owner::open(&db, &key).take_over_identity(&db, id);
    }
    Owner::open(&db, &key).give_to(&db, public);
    db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    sandbox
}

/// The fingerprint of the attacker's vault: his machine has its seal.
fn fingerprint_of(attacker: &Sandbox) -> String {
    json(&attacker.ok(&["status", "--json"], b""))["fingerprint"].as_str().unwrap().to_owned()
}

#[test]
fn a_vault_that_anybody_could_have_made_is_not_opened_unseen() {
    let Some((key, public)) = key_pair() else { return };
    let attacker = forged(&public, None);
    let machine = Machine::new(&key);
    machine.put(&attacker.database());
    let theirs = fingerprint_of(&attacker);
    let ours = Machine::with_vault(&key).fingerprint();
    assert!(ours.len() == 39 && ours != theirs, "{ours} {theirs}");
    // without a word on which vault it is
    let answer = machine.keep(&[]);
    assert_eq!(answer.code, 14, "{}", answer.err);
    assert!(answer.err.contains(&format!("its fingerprint is {theirs}")), "{}", answer.err);
    // it is not there to be pasted: the right one has to come from elsewhere
    assert!(answer.err.contains("--pin FINGERPRINT"), "{}", answer.err);
    assert!(!answer.err.contains(&format!("--pin {theirs}")), "{}", answer.err);
    // with the fingerprint of the one that is meant
    for pinned in [ours.clone(), ours.to_uppercase().replace('-', " ")] {
        let answer = machine.keep(&["--pin", &pinned]);
        assert_eq!(answer.code, 15, "{}", answer.err);
        let names_both = answer.err.contains(&ours) && answer.err.contains(&theirs);
        assert!(names_both, "{}", answer.err);
    }
    let mut command = machine.command(&["cred", "list", "--verify"]);
    let answer = Answer::of(command.env("VAULT_FINGERPRINT", &ours));
    assert_eq!(answer.code, 15, "{}", answer.err);
    assert!(machine.is_empty() && machine.fingerprint().is_empty());
    // control: nothing else would have stopped it
    let answer = machine.keep(&["--pin", &theirs]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(!machine.is_empty());
}

#[test]
fn a_seal_and_a_path_catch_it_without_a_fingerprint() {
    let Some((key, public)) = key_pair() else { return };
    let machine = Machine::with_vault(&key);
    let kept = machine.keep(&[]);
    assert_eq!(kept.code, 0, "{}", kept.err);
    let db = Connection::open(machine.0.database()).unwrap();
    let id = forge::blob(forge::one(&db, "SELECT vault_id FROM vault"));
    drop(db);
    // in the same place, under its own id: the path is known
    machine.put(&forged(&public, None).database());
    let answer = machine.keep(&[]);
    assert_eq!(answer.code, 15, "{}", answer.err);
    assert!(answer.err.contains("is not the vault that was there before"), "{}", answer.err);
    // under the id of the owner's vault, in any place: the seal is known
    let attacker = forged(&public, Some(&id));
    for file in ["data/vault/vault.db", "elsewhere.db"] {
        fs::copy(attacker.database(), machine.0.path(file)).unwrap();
        let file = machine.0.path(file);
        let answer = machine.keep(&["--vault", file.to_str().unwrap()]);
        assert_eq!(answer.code, 15, "{}", answer.err);
        assert!(answer.err.contains("that this machine knows by its name"), "{}", answer.err);
    }
    // and it is not accepted for a restored one, unless somebody says its fingerprint
    let answer = Answer::of(&mut machine.command(&["trust-state", "--yes"]));
    assert_ne!(answer.code, 0, "{}", answer.err);
    let accept = ["trust-state", "--yes", "--vault", "elsewhere.db"];
    let answer = Answer::of(&mut machine.command(&accept));
    assert_ne!(answer.code, 0, "{}", answer.err);
    // control: on a machine that knows neither, it is this vault that opens
    let fresh = Machine::new(&key);
    fresh.put(&attacker.database());
    let answer = fresh.keep(&[]);
    assert_eq!(answer.code, 14, "{}", answer.err);
    let shown = answer.err.split("its fingerprint is ").nth(1).unwrap().lines().next().unwrap();
    assert_eq!(fresh.keep(&["--pin", shown]).code, 0);
}

#[test]
fn another_vault_in_a_known_place_needs_its_fingerprint_to_be_accepted() {
    let Some((key, public)) = key_pair() else { return };
    let machine = Machine::with_vault(&key);
    let attacker = forged(&public, None);
    machine.put(&attacker.database());
    let answer = Answer::of(&mut machine.command(&["trust-state", "--yes"]));
    assert_eq!(answer.code, 14, "{}", answer.err);
    let theirs = fingerprint_of(&attacker);
    let mut other = machine.command(&["trust-state", "--yes", "--pin", &"a".repeat(32)]);
    assert_eq!(Answer::of(&mut other).code, 15);
    // control
    let mut accept = machine.command(&["trust-state", "--yes", "--json", "--pin", &theirs]);
    let answer = Answer::of(&mut accept);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(json(&answer.out)["instead_of"].is_string(), "{}", answer.text());
}

#[test]
fn a_person_compares_once() {
    let Some((key, _)) = key_pair() else { return };
    let known = Machine::with_vault(&key);
    let fingerprint = known.fingerprint();
    let new = Machine::new(&key);
    let db = Connection::open(known.0.database()).unwrap();
    db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    drop(db);
    new.put(&known.0.database());
    let open = ["--key-file", "id_ed25519", "cred", "list", "--verify"];
    for (typed, code) in [("n\r", 15), ("\r", 15), ("\u{3}", 3), ("y\r", 0)] {
        let mut terminal = Pty::vault(&new.0, &open, &[]);
        terminal.expect(&fingerprint);
        terminal.expect("Is it the same?");
        terminal.send(typed);
        let (got, screen) = terminal.end();
        assert_eq!(got, code, "{screen}");
    }
    // from then on there is a seal
    assert_eq!(new.fingerprint(), fingerprint);
    let answer = new.keep(&[]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    let segments = json(
        &Answer::of(&mut new.command(&["audit", "show", "--action", "segment", "--json"])).out,
    );
    let items = segments["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["details"]["cause"]), (1, &"missing".into()), "{segments}");
}

/// Nobody can make a vault that your passphrase or your key file opens: nothing is asked. A fingerprint
/// that was given is compared all the same.
#[test]
fn a_key_of_ones_own_needs_no_question() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let fingerprint = fingerprint_of(&sandbox);
    fs::remove_dir_all(sandbox.path("state/vault")).unwrap();
    let other = "aaaa".repeat(8);
    assert_eq!(sandbox.run(&["cred", "get", "x", "--pin", &other]).code, 15);
    assert_eq!(sandbox.run(&["cred", "get", "x"]).out, b"hunter2");
    // with a seal, too
    assert_eq!(sandbox.run(&["cred", "get", "x", "--pin", &other]).code, 15);
    assert_eq!(sandbox.run(&["cred", "get", "x", "--pin", &fingerprint]).out, b"hunter2");
    // whatever the vault is unlocked for
    let content = sandbox.content();
    for args in [
        &["rekey", "--yes"][..],
        &["key", "add", "a", "--new-key-file", "new"],
        &["key", "rm", "key file", "--yes"],
        &["key", "test"],
        &["trust-state", "--yes"],
    ] {
        let answer = sandbox.run(&[args, &["--pin", &other]].concat());
        // there is nothing to accept, which is found first
        let code = if args[0] == "trust-state" { 13 } else { 15 };
        assert_eq!(answer.code, code, "{args:?}: {}", answer.err);
    }
    assert_eq!(sandbox.content(), content);
    // what is none is not quoted: it may be a PIN
    for none in ["123456", "hunter2-canary"] {
        let answer = sandbox.run(&["cred", "get", "x", "--pin", none]);
        assert!(answer.code == 2 && !answer.err.contains(none), "{}", answer.err);
        assert!(answer.err.contains("8 groups of 4"), "{}", answer.err);
        let mut get = sandbox.vault(&["cred", "get", "x"]);
        let answer = Answer::of(get.env("VAULT_FINGERPRINT", none));
        assert!(answer.code == 2 && !answer.err.contains(none), "{}", answer.err);
        // before a key is looked for, let alone asked for
        let mut get = sandbox.detached(&["cred", "get", "x"]);
        let get = get.env_remove("VAULT_KEY_FILE").env("VAULT_FINGERPRINT", none);
        let answer = Answer::of(get);
        assert_eq!(answer.code, 2, "{}", answer.err);
    }
}
