//! What comes in between: another process, a plugin that misbehaves, a sink that fails.

use super::slots::{KEYS, Maker, many, rekey_with};
use super::*;
use std::collections::HashSet;
use std::rc::Rc;
use vault::error::{Error, ErrorKind};
use vault::model::Secret;
use vault::vault::{Fate, Key, Locked, Nobody, Person, Place, Purpose, Vault, Wrap};
use vault::world::World;

/// Somebody who is asked for a passphrase while another process rekeys the vault.
struct Slow<'s>(&'s Sandbox);

impl Person for Slow<'_> {
    fn second_factor(&self, _label: &str) -> Result<Secret, Error> {
        let rekeyed = rekey_with(self.0, KEYS);
        assert_eq!(rekeyed.code, 0, "{}", rekeyed.err);
        Ok(Secret::from_bytes(b"second factor"))
    }

    fn expects(&self, _fingerprint: &str) -> Result<(), Error> {
        Ok(())
    }

    fn recognises(&self, _fingerprint: &str) -> Result<(), Error> {
        panic!("this machine knows the vault")
    }
}

fn opened(s: &Sandbox) -> Vault<Locked> {
    let place = Place { file: s.database(), state_dir: s.path("state/vault") };
    Vault::open(&place, Rc::new(World::fake(&[], None)), Purpose::default()).unwrap()
}

fn key_in(s: &Sandbox, file: &str) -> Key {
    Key::Identity(Secret::from_bytes(&fs::read(s.path(file)).unwrap()))
}

/// Keys take a second to derive, and people take longer. It is no rollback when the vault is rekeyed meanwhile.
#[test]
fn who_unlocks_while_it_is_rekeyed_is_told_so() {
    let s = many();
    let refused = opened(&s).unlock_with(&key_in(&s, "both.key"), &Slow(&s)).err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Conflict, "{refused}");
    assert!(refused.message().contains("rekeyed meanwhile"), "{refused}");
    sound(&s);
}

/// The recipient of a plugin that makes more of a slot than can be read again.
struct Large;

impl age::Recipient for Large {
    fn wrap_file_key(
        &self,
        _file_key: &age_core::format::FileKey,
    ) -> Result<(Vec<age_core::format::Stanza>, HashSet<String>), age::EncryptError> {
        let body = vec![7; 70 << 10];
        let stanza = age_core::format::Stanza { tag: "large".into(), args: vec![], body };
        Ok((vec![stanza], HashSet::new()))
    }
}

#[test]
fn a_plugin_cannot_lock_everybody_out_by_a_slot_that_is_too_large() {
    let s = Sandbox::new();
    s.add("alpha", b"hunter2");
    let recipient = "age1yubikey1q2w7u3vpya839jxxuq8g0sedh3d740d4xvn639sqhr95ejj8vu3hyfumptt";
    Maker::of(&s).add("token", "plugin", b"nobody opens this", Some(recipient));
    let (mut vault, proof) = opened(&s).unlock_proving(key_in(&s, "key"), &Nobody).unwrap();
    let fates =
        vec![(proof.label().to_owned(), Fate::Proven(proof)), ("token".to_owned(), Fate::Untested)];
    let large = |text: &str| Ok(Wrap::plugin(text, Box::new(Large)));
    let refused = vault.rekey(fates, &large, &mut |_, _| {}).err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Refused, "{refused}");
    drop(vault);
    assert_eq!(s.ok(&["cred", "get", "alpha"], b""), b"hunter2");
    sound(&s);
}

/// What a sink did not hear of is done all the same: with the new keys, and without a word in the log that it
/// had failed.
#[test]
fn a_sink_that_fails_afterwards_does_not_undo_it() {
    let s = Sandbox::new();
    s.add("alpha", b"hunter2");
    s.script("take", "#!/bin/sh\ncat >/dev/null; exit 3\n");
    fs::create_dir_all(s.path("home/.config/vault")).unwrap();
    let take = s.path("take");
    let config = format!(
        "[sink.s]\ntype = 'command'\ncommand = ['{}']\non_failure = 'refuse'\n",
        take.display()
    );
    s.file("home/.config/vault/config.toml", config);
    let answer = s.run(&["rekey", "--yes"]);
    assert_eq!(answer.code, 18, "{}", answer.err);
    assert!(answer.err.contains("it is done and entered, but sink `s`"), "{}", answer.err);
    s.script("take", "#!/bin/sh\ncat >/dev/null\n");
    sound(&s);
    assert_eq!(json(&s.ok(&["status", "--json"], b""))["epoch"], 2);
    let entries = s.log(&["--action", "rekey"]);
    assert_eq!((entries.len(), &entries[0]["outcome"]), (1, &"ok".into()));
}
