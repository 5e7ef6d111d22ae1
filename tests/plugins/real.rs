//! `age-plugin-xwing`, from its package: a key of lattices and curves that needs no token.

use super::SECRET;
use super::support::{Answer, Sandbox, json, require};
use age_core::format::Stanza;
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;
use vault::cli::context::{Context, Globals};
use vault::cli::plugins;
use vault::error::ErrorKind;
use vault::model::Secret;
use vault::plugin::{Identities, Identity, Name, Program, Recipient, RecipientText, Talk};
use vault::vault::{Key, Place, Purpose, Vault};
use vault::world::World;

/// Where the package has put it.
fn plugin() -> Option<PathBuf> {
    if !require("age-plugin-xwing") {
        return None;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let here = std::env::split_paths(&path).map(|dir| dir.join("age-plugin-xwing"));
    here.into_iter().find(|path| path.is_file())
}

/// A key in the file `name`, and its recipient.
fn key(sandbox: &Sandbox, name: &str) -> String {
    let made = Answer::of(&mut sandbox.command("age-plugin-xwing"));
    let text = made.text();
    sandbox.file(name, &text);
    text.lines().find_map(|line| line.strip_prefix("# recipient: ")).unwrap().to_owned()
}

fn named(plugin: &std::path::Path) -> Sandbox {
    let sandbox = Sandbox::bare();
    // where the package has put it, others may be allowed to write
    let program = sandbox.path("xwing");
    super::support::install(plugin, &program);
    fs::create_dir_all(sandbox.path("home/.config/vault")).unwrap();
    let table = format!("[plugin.xwing]\nprogram = '{}'\n", program.display());
    sandbox.file("home/.config/vault/config.toml", table);
    sandbox
}

#[test]
fn a_vault_that_a_real_plugin_opens() {
    let Some(plugin) = plugin() else { return };
    let sandbox = named(&plugin);
    let (recipient, other) = (key(&sandbox, "id"), key(&sandbox, "other"));
    let crossed = sandbox.run(&["init", "--key-file", "other", "--recipient", &recipient]);
    assert!(crossed.code == 11 && !sandbox.database().exists(), "{}", crossed.err);
    assert_ne!(recipient, other);
    sandbox.ok(&["init", "--key-file", "id", "--recipient", &recipient], b"");
    let run = |file: &str, args: &[&str], input: &[u8]| {
        let mut command = sandbox.vault(&[&["--key-file", file], args].concat());
        Answer::fed(&mut command, input)
    };
    assert_eq!(run("id", &["cred", "add", "alpha", "--stdin"], SECRET).code, 0);
    assert_eq!(run("id", &["cred", "get", "alpha"], b"").out, SECRET);
    assert_eq!(run("id", &["doctor", "--unlock"], b"").code, 0);
    let wrong = run("other", &["cred", "get", "alpha"], b"");
    assert_eq!(wrong.code, 11, "{}", wrong.err);
    let shown = run("id", &["audit", "show", "--json", "--limit", "1"], b"");
    let entry = json(&shown.out)["items"][0].clone();
    assert_eq!(
        (&entry["action"], &entry["details"]["type"]),
        (&"unlock_failed".into(), &"plugin".into())
    );
    // nobody else knows to whom the vault is sealed
    let database = fs::read(sandbox.database()).unwrap();
    assert!(!super::support::contains(&database, &recipient.as_bytes()[..40]));
}

/// Recovery without us: the slot is an age file that stock `age` opens with the same plugin.
#[test]
fn stock_age_opens_the_slot() {
    let Some(plugin) = plugin() else { return };
    if !require("age") || !require("sqlite3") {
        return;
    }
    let sandbox = named(&plugin);
    let recipient = key(&sandbox, "id");
    sandbox.ok(&["init", "--key-file", "id", "--recipient", &recipient], b"");
    let query =
        format!("SELECT writefile('{}', sealed) FROM slot", sandbox.path("slot.age").display());
    let written = Answer::of(sandbox.command("sqlite3").arg(sandbox.database()).arg(query));
    assert_eq!(written.code, 0, "{}", written.err);
    let opened = Answer::of(sandbox.command("age").args(["-d", "-i", "id", "slot.age"]));
    assert_eq!(opened.code, 0, "{}", opened.err);
    let text = opened.text();
    assert!(text.starts_with("# vault v1 id=") && text.contains("AGE-SECRET-KEY-1"));
}

/// The plugin's key and a passphrase, both or nothing.
#[test]
fn two_factors() {
    let Some(plugin) = plugin() else { return };
    let sandbox = named(&plugin);
    let recipient = key(&sandbox, "id");
    let config = sandbox.path("home/.config/vault/config.toml");
    let world = Rc::new(World::fake(&[("VAULT_CONFIG_FILE", config.as_os_str())], None));
    let cx = Context::new(Globals::default(), Rc::clone(&world));
    let held = || {
        let file = Secret::from_bytes(&fs::read(sandbox.path("id")).unwrap());
        plugins::key(&cx, file, "`id`").unwrap()
    };
    let passphrase = |text: &str| Secret::from_bytes(text.as_bytes());
    let both = |text: &str| Key::Both(Box::new(held()), passphrase(text));
    let wrap = plugins::wrap(&cx, &recipient).unwrap().and_passphrase(passphrase("right"));
    let place = Place { file: sandbox.path("two.db"), state_dir: sandbox.path("state/vault") };
    let init = |key: &Key| Vault::init_for(&place, Rc::clone(&world), (key, &wrap), "two");
    assert_eq!(init(&both("wrong")).err().unwrap().kind(), ErrorKind::WrongKey);
    assert_eq!(init(&held()).err().unwrap().kind(), ErrorKind::WrongKey);
    assert!(!place.file.exists());
    drop(init(&both("right")).unwrap());
    let unlock = |key: Key| {
        let vault = Vault::open(&place, Rc::clone(&world), Purpose::default()).unwrap();
        vault.unlock(&key).map(drop).map_err(|e| e.kind())
    };
    assert_eq!(unlock(both("right")), Ok(()));
    assert_eq!(unlock(both("wrong")), Err(ErrorKind::WrongKey));
    // nobody to ask for the second
    assert!(unlock(held()).is_err());
    assert_eq!(unlock(Key::Passphrase(passphrase("right"))), Err(ErrorKind::WrongKey));
}

type Answered<T> = vault::error::Result<Option<T>>;

/// Nobody is there.
struct Nobody;

impl Talk for Nobody {
    fn message(&self, _: &Name, _: &str) {}

    fn ask(&self, _: &Name, _: &str, _: bool) -> Answered<Secret> {
        Ok(None)
    }

    fn choose(&self, _: &Name, _: &str, _: &str, _: Option<&str>) -> Answered<bool> {
        Ok(None)
    }

    fn waits(&self, _: &Name) -> bool {
        false
    }
}

#[test]
fn files_go_to_and_from_stock_age() {
    let Some(plugin) = plugin() else { return };
    if !require("age") {
        return;
    }
    let sandbox = named(&plugin);
    let text = key(&sandbox, "id");
    let program = || {
        let name = Name::of("xwing").unwrap();
        Program::new(name, sandbox.path("xwing"), None, &World::real())
    };
    let identity = |file: &str| {
        let file = Secret::from_bytes(&fs::read(sandbox.path(file)).unwrap());
        Identity::new(Identities::parse(file, "it").unwrap(), program(), Box::new(Nobody))
    };
    sandbox.file("plain", SECRET);
    let sealed = Answer::of(sandbox.command("age").args(["-r", &text, "-o", "theirs", "plain"]));
    assert_eq!(sealed.code, 0, "{}", sealed.err);
    let theirs = fs::read(sandbox.path("theirs")).unwrap();
    assert_eq!(age::decrypt(&identity("id"), &theirs).unwrap(), SECRET);
    key(&sandbox, "other");
    assert!(age::decrypt(&identity("other"), &theirs).is_err());
    let recipient = RecipientText::parse(&text).unwrap();
    let ours = age::encrypt(&Recipient::new(recipient, program(), Box::new(Nobody)), SECRET);
    sandbox.file("ours", ours.unwrap());
    let opened = Answer::of(sandbox.command("age").args(["-d", "-i", "id", "ours"]));
    assert_eq!(opened.out, SECRET, "{}", opened.err);
    // nothing in the header that is not for this plugin makes it fail
    let stanza = Stanza { tag: "other".into(), args: vec![], body: vec![1; 32] };
    assert!(age::Identity::unwrap_stanza(&identity("id"), &stanza).is_none());
}
