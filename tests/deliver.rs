//! Handing out several values at once: what references mean, what the log says, and that it is all or
//! nothing.

#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and has surroundings of its own"
)]

use std::rc::Rc;
use vault::error::{Error, ErrorKind};
use vault::model::{Attr, Metadata, Secret, Timestamp};
use vault::vault::*;
use vault::world::World;

struct Fixture {
    vault: Vault<Unlocked>,
    _dir: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place =
            Place { file: dir.path().join("vault.db"), state_dir: dir.path().join("state") };
        let key = Key::Identity(new_key_file(Timestamp(0)));
        let vault = Vault::init(&place, Rc::new(World::real()), &key, "key file").unwrap();
        Self { vault, _dir: dir }
    }

    fn add(&mut self, name: &str, kind: &str, secrets: &[(&str, &[u8])], meta: Metadata) {
        let secrets = secrets.iter().map(|(f, v)| (f.parse().unwrap(), Secret::from_bytes(v)));
        let mut meta = meta;
        meta.kind = kind.into();
        let new = NewCredential { name: name.parse().unwrap(), meta, secrets: secrets.collect() };
        self.vault.add(new).unwrap();
    }

    fn deliver(&mut self, references: &[&str]) -> Result<Vec<String>, Error> {
        let want =
            |text: &&str| Want { what: What::Reference(text.parse().unwrap()), mode: Mode::Env };
        let wants: Vec<Want> = references.iter().map(want).collect();
        let errand = Errand { action: "run", command: Some("psql".into()) };
        let handed = self.vault.deliver(&wants, &errand)?;
        Ok(handed
            .iter()
            .map(|one| String::from_utf8(one.value.expose().to_vec()).unwrap())
            .collect())
    }

    /// Outcome, fields and details of the entries with this action, newest first.
    fn log(&mut self, action: &str) -> Vec<(String, Vec<String>, String)> {
        let mut found = Vec::new();
        let filter = EntryFilter { actions: vec![action.into()], ..EntryFilter::default() };
        self.vault
            .entries(&filter, &mut |entry| {
                found.push((
                    entry.outcome.clone(),
                    entry.fields.clone(),
                    entry.details.clone().unwrap_or_default(),
                ));
                Ok(())
            })
            .unwrap();
        found
    }
}

#[test]
fn references_name_secrets_versions_codes_and_public_fields() {
    let mut f = Fixture::new();
    let mut meta = Metadata::default();
    meta.set(Attr::Host, Some("db.internal".into()));
    meta.port = Some(5432);
    let seed = b"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    f.add("db/main", "password", &[("password", b"one"), ("totp", seed)], meta);
    let change = Change {
        edit: None,
        secrets: vec![("password".parse().unwrap(), Secret::from_bytes(b"two"))],
    };
    f.vault.set(&"db/main".parse().unwrap(), change).unwrap();
    let got = f.deliver(&[
        "vault://db/main",
        "vault://db/main/password?version=1",
        "vault://db%2Fmain/host",
        "vault://db/main/port",
        "vault://db/main?attribute=totp",
    ]);
    let got = got.unwrap();
    assert_eq!(got[..4], ["two", "one", "db.internal", "5432"]);
    assert!(got[4].len() == 6 && got[4].bytes().all(|b| b.is_ascii_digit()), "a code, no seed");
    let log = f.log("run");
    assert_eq!(log.len(), 3, "of now, of then, and a code");
    let says = |fields: &[&str], parts: &[&str]| {
        log.iter().any(|(_, f, details)| f == fields && parts.iter().all(|p| details.contains(p)))
    };
    let psql = r#""command":"psql","#;
    assert!(says(&["password"], &[psql, r#""mode":"env","slot":"#]), "{log:?}");
    assert!(says(&["password"], &[psql, r#""version":"1""#]), "{log:?}");
    assert!(says(&["totp"], &[psql, r#""made":"code""#]), "{log:?}");
}

#[test]
fn what_can_mean_two_things_is_refused_and_what_is_written_for_certain_is_not() {
    let mut f = Fixture::new();
    f.add("a", "custom", &[("b", b"field b of a")], Metadata::default());
    assert_eq!(f.deliver(&["vault://a/b"]).unwrap(), ["field b of a"]);
    f.add("a/b", "password", &[("password", b"of a/b")], Metadata::default());
    let error = f.deliver(&["vault://a/b"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(error.candidate_names(), ["vault://a/b", "vault://a%2Fb"]);
    assert_eq!(f.deliver(&["vault://a%2Fb"]).unwrap(), ["of a/b"]);
    assert_eq!(f.deliver(&["vault://a%2Fb/password"]).unwrap(), ["of a/b"]);
    assert_eq!(f.deliver(&["vault://a/b/password"]).unwrap(), ["of a/b"]);
}

#[test]
fn all_that_leads_nowhere_is_named_and_nothing_is_handed_out() {
    let mut f = Fixture::new();
    f.add("a", "password", &[("password", b"hunter2")], Metadata::default());
    let error =
        f.deliver(&["vault://a", "vault://b", "vault://a/token", "vault://c/d"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.candidate_names(), ["vault://b", "vault://a/token", "vault://c/d"]);
    assert!(!format!("{error:?}").contains("hunter2"));
    let log = f.log("run");
    assert!(log.len() == 1 && log[0].0 == "failed" && log[0].1.is_empty(), "{log:?}");
}

#[test]
fn a_variable_cannot_hold_everything() {
    let mut f = Fixture::new();
    f.add("nul", "password", &[("password", b"a\0b")], Metadata::default());
    f.add("long", "password", &[("password", &vec![b'x'; 130_000])], Metadata::default());
    for name in ["vault://nul", "vault://long"] {
        let error = f.deliver(&[name]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.hints()[0].contains("--file"), "{error:?}");
    }
    assert!(f.log("run").iter().all(|entry| entry.0 != "ok"));
}

#[test]
fn a_credential_under_customary_and_full_names() {
    let mut f = Fixture::new();
    let mut meta = Metadata::default();
    meta.set(Attr::Username, Some("root".into()));
    f.add("web/1", "ssh", &[("password", b"hunter2"), ("notes", b"mine")], meta);
    let mut named = |what: fn(vault::model::CredName) -> What| {
        let want = Want { what: what("web/1".parse().unwrap()), mode: Mode::Env };
        let errand = Errand { action: "export", command: None };
        let handed = f.vault.deliver(&[want], &errand).unwrap();
        handed.into_iter().map(|one| (one.variable.unwrap(), one.is_secret)).collect::<Vec<_>>()
    };
    let pair = |name: &str, is_secret| (name.to_owned(), is_secret);
    assert_eq!(named(What::Customary), [pair("SSH_PASSWORD", true), pair("SSH_USER", false)]);
    assert_eq!(named(What::Full), [pair("WEB_1_PASSWORD", true), pair("WEB_1_USERNAME", false)]);
}

/// What the log says of a read must hold for each of its fields: `whose` and `blast` go by it.
#[test]
fn versions_and_codes_have_entries_of_their_own() {
    let mut f = Fixture::new();
    let (old, now) = (b"the-first-password", b"the-second-password");
    let seed = b"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let mut meta = Metadata::default();
    meta.set(Attr::Host, Some("db.internal".into()));
    f.add("db", "password", &[("password", old), ("totp", seed)], meta);
    f.add("other", "password", &[("password", now)], Metadata::default());
    let secrets = vec![("password".parse().unwrap(), Secret::from_bytes(now))];
    f.vault.set(&"db".parse().unwrap(), Change { edit: None, secrets }).unwrap();
    f.deliver(&["vault://db", "vault://db?version=1", "vault://db?attribute=totp"]).unwrap();
    f.deliver(&["vault://db?version=1", "vault://db?version=2", "vault://db/host"]).unwrap();
    let mut reads = |value: &[u8]| {
        let text = Secret::from_bytes(value);
        let trace = f.vault.whose(&text, &Filter::default(), &mut |_, _| {}).unwrap();
        let hit = trace.hits.into_iter().find(|hit| hit.name == "db").unwrap();
        let told = |reader: &Reader| (reader.reads, reader.command.clone());
        hit.readers.iter().map(told).collect::<Vec<_>>()
    };
    let psql = Some("psql".to_owned());
    assert_eq!(reads(old), [(2, psql.clone())]);
    assert_eq!(reads(now), [(2, psql)]);
    assert_eq!(reads(seed), [], "a code is not its seed");
    // what is public is no use of a secret
    f.deliver(&["vault://db/host"]).unwrap();
    let views = f.log("view");
    assert!(views.iter().all(|(outcome, fields, _)| outcome == "ok" && fields.is_empty()));
    assert!(views[0].2.contains(r#""command":"psql""#), "{views:?}");
    assert!(f.log("run").iter().all(|(_, fields, _)| !fields.is_empty()));
}
