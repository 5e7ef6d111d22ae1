//! Slots of every sort over a rekey: proven, untested, dropped, and what is said of each.

use super::*;
use forge::{Owner, blob, message, one, rows, sha};
use rusqlite::types::Value;
use rusqlite::{Connection, params};
use std::process::Command;
use support::pty::Pty;
use vault::model::Secret;

/// The owner's toolkit: another slot, made as the format says.
pub(super) struct Maker {
    db: Connection,
    owner: Owner,
    content: Vec<u8>,
    vault: age::x25519::Recipient,
}

impl Maker {
    pub(super) fn of(s: &Sandbox) -> Self {
        let db = Connection::open(s.database()).unwrap();
        let owner = Owner::open(&db, &Secret::from_bytes(&fs::read(s.path("key")).unwrap()));
        let content =
            age::decrypt(&owner.identity, &blob(one(&db, "SELECT sealed FROM slot"))).unwrap();
        let text = String::from_utf8(content.clone()).unwrap();
        let inner: age::x25519::Identity = text.lines().nth(2).unwrap().parse().unwrap();
        Self { db, owner, content, vault: inner.to_public() }
    }

    pub(super) fn add(&self, label: &str, kind: &str, sealed: &[u8], recipient: Option<&str>) {
        let recipient = recipient.map(|text| age::encrypt(&self.vault, text.as_bytes()).unwrap());
        let id = sha(label.as_bytes())[..16].to_vec();
        self.db
            .execute(
                "INSERT INTO slot (id, label, kind, created_at, sealed, recipient, row_tag)
                 VALUES (?1, ?2, ?3, 1, ?4, ?5, zeroblob(32))",
                params![id, label, kind, sealed, recipient],
            )
            .unwrap();
        let sql = "SELECT v.vault_id, v.epoch, s.id, label, kind, s.created_at, sealed, recipient
                   FROM slot s, vault v ORDER BY s.id";
        let mut all = b"vault/slots/v1".to_vec();
        for mut row in rows(&self.db, sql) {
            for cell in &mut row[6..] {
                if let Value::Blob(bytes) = cell {
                    *cell = Value::Blob(sha(bytes).to_vec());
                }
            }
            let tag = forge::mac(&self.owner.row, &message("vault/slot/v1", &row));
            let id = blob(row[2].clone());
            self.db
                .execute("UPDATE slot SET row_tag = ?1 WHERE id = ?2", params![tag, id])
                .unwrap();
            all.extend(id);
            all.extend(tag);
        }
        self.db.execute("UPDATE vault SET slots = ?1", params![sha(&all)]).unwrap();
        self.owner.sign_state(&self.db);
    }

    /// An age file that a passphrase opens; cheap to derive, and within what is accepted.
    fn scrypt(passphrase: &str, content: &[u8]) -> Vec<u8> {
        use std::io::Write;
        let mut to = age::scrypt::Recipient::new(passphrase.to_owned().into());
        to.set_work_factor(15);
        let to: &dyn age::Recipient = &to;
        let encryptor = age::Encryptor::with_recipients(std::iter::once(to)).unwrap();
        let mut sealed = Vec::new();
        let mut writer = encryptor.wrap_output(&mut sealed).unwrap();
        writer.write_all(content).unwrap();
        writer.finish().unwrap();
        sealed
    }

    fn passphrase(&self, label: &str, passphrase: &str) {
        self.add(label, "passphrase", &Self::scrypt(passphrase, &self.content), None);
    }

    fn key(&self, label: &str, kind: &str, to: &age::x25519::Recipient) {
        self.add(label, kind, &age::encrypt(to, &self.content).unwrap(), Some(&to.to_string()));
    }

    fn two_factor(&self, label: &str, to: &age::x25519::Recipient, passphrase: &str) {
        let inner = Self::scrypt(passphrase, &self.content);
        self.add(label, "two_factor", &age::encrypt(to, &inner).unwrap(), Some(&to.to_string()));
    }

    fn ssh(&self, label: &str, public: &str) {
        let to: age::ssh::Recipient = public.parse().unwrap();
        self.add(label, "ssh", &age::encrypt(&to, &self.content).unwrap(), Some(&to.to_string()));
    }
}

/// A key file in the sandbox, and whom it is for.
fn key_file(s: &Sandbox, name: &str) -> age::x25519::Recipient {
    use age::secrecy::ExposeSecret;
    let identity = age::x25519::Identity::generate();
    s.file(name, identity.to_string().expose_secret());
    identity.to_public()
}

/// A vault with a slot of each sort, and the keys to all of them in files.
pub(super) fn many() -> Sandbox {
    let s = Sandbox::new();
    s.add("alpha", b"hunter2");
    let maker = Maker::of(&s);
    maker.passphrase("home", "correct horse battery staple");
    s.file("home.txt", "correct horse battery staple\n");
    maker.key("laptop", "key_file", &key_file(&s, "laptop.key"));
    maker.key("sheet", "recovery", &key_file(&s, "sheet.key"));
    maker.two_factor("both", &key_file(&s, "both.key"), "second factor");
    s.file("second.txt", "second factor");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
        .arg(s.path("ssh.key"))
        .status();
    assert!(made.unwrap().success());
    maker.ssh("ssh", &fs::read_to_string(s.path("ssh.key.pub")).unwrap());
    drop(maker);
    sound(&s);
    s
}

const ALL: &[&str] = &["home", "laptop", "sheet", "both", "ssh"];
pub(super) const KEYS: &[&str] = &[
    "--slot",
    "home=home.txt",
    "--slot",
    "laptop=laptop.key",
    "--slot",
    "sheet=sheet.key",
    "--slot",
    "both=both.key",
    "--slot",
    "ssh=ssh.key",
];

/// Whether what is in this file opens the vault, alone or with a second factor.
fn opens(s: &Sandbox, file: &str, second: Option<&str>) -> bool {
    let mut get = s.vault(&["cred", "get", "alpha"]);
    get.env_remove("VAULT_KEY_FILE");
    match file {
        "home.txt" => get.env("VAULT_PASSPHRASE_FILE", s.path(file)),
        _ => get.env("VAULT_KEY_FILE", s.path(file)),
    };
    if let Some(second) = second {
        get.env("VAULT_PASSPHRASE_FILE", s.path(second));
    }
    let answer = Answer::of(&mut get);
    assert!([0, 11].contains(&answer.code), "{file}: {}", answer.err);
    answer.out == b"hunter2"
}

fn fates(told: &Json) -> Vec<String> {
    let slots = told["slots"].as_array().unwrap().iter();
    let word = |slot: &Json, key: &str| slot[key].as_str().unwrap().to_owned();
    let mut fates: Vec<_> =
        slots.map(|slot| format!("{} {}", word(slot, "label"), word(slot, "fate"))).collect();
    fates.sort();
    fates
}

pub(super) fn rekey_with(s: &Sandbox, options: &[&str]) -> Answer {
    let mut command = s.detached(&[&["rekey", "--yes", "--json"], options].concat());
    Answer::of(command.env("VAULT_PASSPHRASE_FILE", s.path("second.txt")))
}

#[test]
fn every_sort_of_slot_is_proven_with_its_key_and_opens_afterwards() {
    let s = many();
    let kinds = |s: &Sandbox| {
        let db = Connection::open(s.database()).unwrap();
        rows(&db, "SELECT id, label, kind, created_at FROM slot ORDER BY id")
    };
    let before = kinds(&s);
    let answer = rekey_with(&s, KEYS);
    assert_eq!(answer.code, 0, "{}", answer.err);
    let fates = fates(&json(&answer.out));
    assert_eq!(fates.len(), 6);
    assert!(fates.iter().all(|fate| fate.ends_with(" proven")), "{fates:?}");
    assert_eq!(kinds(&s), before, "ids, labels, types and times are what they were");
    for file in ["key", "home.txt", "laptop.key", "sheet.key", "ssh.key"] {
        assert!(opens(&s, file, None), "{file}");
    }
    assert!(opens(&s, "both.key", Some("second.txt")));
    s.file("wrong.txt", "first factor");
    assert!(!opens(&s, "both.key", Some("wrong.txt")));
    sound(&s);
    // recipients are kept again: without keys, once more
    let again = ["--untested", "laptop", "--untested", "sheet", "--untested", "ssh"];
    let answer = rekey_with(&s, &[&again[..], &["--drop", "home", "--drop", "both"]].concat());
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(
        answer.err.contains("slot `ssh`") && answer.err.contains("not at hand"),
        "{}",
        answer.err
    );
    let told = json(&answer.out);
    let expected = ["key file proven", "laptop untested", "sheet untested", "ssh untested"];
    assert_eq!(self::fates(&told), expected);
    assert_eq!(told["dropped"], serde_json::json!(["home", "both"]));
    for file in ["key", "laptop.key", "sheet.key", "ssh.key"] {
        assert!(opens(&s, file, None), "{file}");
    }
    assert!(!opens(&s, "home.txt", None) && !opens(&s, "both.key", Some("second.txt")));
    let entry = &s.log(&["--action", "rekey"])[0];
    assert_eq!(entry["details"]["proven"], "key file");
    let mut untested: Vec<_> = entry["details"]["untested"].as_str().unwrap().split(", ").collect();
    untested.sort_unstable();
    assert_eq!(untested, ["laptop", "sheet", "ssh"]);
    let mut dropped: Vec<_> = entry["details"]["dropped"].as_str().unwrap().split(", ").collect();
    dropped.sort_unstable();
    assert_eq!(dropped, ["both", "home"]);
    sound(&s);
}

#[test]
fn nobody_to_ask_names_every_slot_and_what_can_be_said_of_it() {
    let s = many();
    let content = s.content();
    let answer = rekey_with(&s, &["--slot", "home=home.txt"]);
    assert_eq!(answer.code, 2, "{}", answer.err);
    for label in ["laptop", "sheet", "ssh"] {
        let hint = format!("`--slot {label}=FILE`, or `--untested {label}`, or `--drop {label}`");
        assert!(answer.err.contains(&hint), "{}", answer.err);
    }
    assert!(answer.err.contains("`--slot both=FILE`, or `--drop both`"), "{}", answer.err);
    assert!(!answer.err.contains("slot home"), "{}", answer.err);
    assert_eq!(s.content(), content);
}

#[test]
fn what_does_not_prove_a_slot_changes_nothing() {
    let s = many();
    s.file("other.txt", "another passphrase");
    key_file(&s, "other.key");
    let rest = |but: &str| -> Vec<String> {
        let others = ALL.iter().filter(|label| **label != but);
        others.flat_map(|label| ["--drop".to_owned(), (*label).to_owned()]).collect()
    };
    let content = s.content();
    let shut = "does not open the slot";
    for (label, options, code, said) in [
        ("home", ["--slot", "home=other.txt"], 11, shut),
        ("laptop", ["--slot", "laptop=other.key"], 11, shut),
        ("laptop", ["--slot", "laptop=sheet.key"], 11, shut),
        ("laptop", ["--slot", "laptop=ssh.key"], 11, "the SSH key does not open"),
        ("ssh", ["--slot", "ssh=laptop.key"], 11, "the key does not open"),
        ("both", ["--slot", "both=laptop.key"], 11, ""),
        ("laptop", ["--slot", "laptop=nowhere"], 10, ""),
        ("home", ["--untested", "home"], 2, ""),
        ("both", ["--untested", "both"], 2, ""),
    ] {
        let rest = rest(label);
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        let answer = rekey_with(&s, &[&options[..], &rest].concat());
        assert_eq!(answer.code, code, "{options:?}: {}", answer.err);
        assert!(answer.err.contains(said), "{options:?}: {}", answer.err);
        assert_eq!(s.content(), content, "{options:?}");
    }
    // not without one that is known to open
    let rest: Vec<&str> = ALL.iter().flat_map(|label| ["--untested", label]).collect();
    let rest: Vec<&str> = rest
        .chunks(2)
        .filter(|pair| !["home", "both"].contains(&pair[1]))
        .flatten()
        .copied()
        .collect();
    let options = [&rest[..], &["--drop", "home", "--drop", "both", "--drop", "key file"]].concat();
    let answer = rekey_with(&s, &options);
    assert_eq!(answer.code, 14, "{}", answer.err);
    assert_eq!(s.content(), content);
}

#[test]
fn a_passphrase_that_unlocks_and_one_that_is_typed() {
    let s = many();
    let drop = ["--drop", "sheet", "--drop", "both", "--drop", "ssh", "--drop", "key file"];
    let mut pty =
        Pty::vault(&s, &[&["rekey", "--slot", "laptop=laptop.key"], &drop[..]].concat(), &[]);
    pty.expect("The slot `home` (passphrase)");
    pty.send("type\r");
    pty.expect("Passphrase of `home`");
    pty.send("something else\r");
    pty.expect("does not open the slot");
    pty.send("type\r");
    pty.expect("Passphrase of `home`");
    pty.send("correct horse battery staple\r");
    pty.expect("Seal 1 value anew under new keys?");
    pty.send("y\r");
    let (code, said) = pty.end();
    assert_eq!(code, 0, "{said}");
    assert!(
        opens(&s, "home.txt", None) && opens(&s, "laptop.key", None) && !opens(&s, "key", None)
    );
    let mut again = s.vault(&["rekey", "--yes", "--json", "--drop", "laptop"]);
    again.env_remove("VAULT_KEY_FILE").env("VAULT_PASSPHRASE_FILE", s.path("home.txt"));
    let told = json(&Answer::of(&mut again).out);
    assert_eq!(fates(&told), ["home proven"]);
    assert!(opens(&s, "home.txt", None) && !opens(&s, "laptop.key", None));
    assert!(!contains(&fs::read(s.database()).unwrap(), b"correct horse"));
}

#[test]
fn a_plugins_slot_needs_its_program() {
    let s = Sandbox::new();
    let maker = Maker::of(&s);
    maker.add(
        "token",
        "plugin",
        b"nobody opens this",
        Some("age1yubikey1q2w7u3vpya839jxxuq8g0sedh3d740d4xvn639sqhr95ejj8vu3hyfumptt"),
    );
    drop(maker);
    let content = s.content();
    let answer = rekey_with(&s, &["--untested", "token"]);
    assert_eq!(answer.code, 14, "{}", answer.err);
    assert!(answer.err.contains("--drop"), "{}", answer.err);
    assert_eq!(s.content(), content);
    let answer = rekey_with(&s, &["--drop", "token"]);
    assert_eq!(answer.code, 0, "{}", answer.err);
}

/// A colleague chose the label.
#[test]
fn what_a_label_does_to_a_terminal_is_not_done() {
    let s = Sandbox::new();
    s.file("pass", "correct horse battery staple");
    s.ok(&["key", "add", "a\u{202e}b", "--new-passphrase-file", "pass"], b"");
    let mut pty = Pty::vault(&s, &["rekey"], &[]);
    pty.expect("What becomes of");
    pty.send("drop\r");
    pty.expect("Seal 0 values anew");
    pty.send("y\r");
    let (code, said) = pty.end();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("The slot `a\\u{202e}b`") && !said.contains('\u{202e}'), "{said}");
    // there is no sheet to write anything on
    assert!(said.contains("write it into VAULT_FINGERPRINT"), "{said}");
}
