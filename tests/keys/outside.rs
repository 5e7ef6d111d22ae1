//! A slot that somebody put into the file is never taken over: not even by a change that has begun before.

use std::path::Path;
use std::rc::Rc;
use vault::error::ErrorKind;
use vault::model::{SlotLabel, Timestamp};
use vault::vault::*;
use vault::world::World;

fn label(text: &str) -> SlotLabel {
    text.parse().unwrap()
}

fn place(dir: &Path) -> Place {
    Place { file: dir.join("vault.db"), state_dir: dir.join("state") }
}

fn world() -> Rc<World> {
    Rc::new(World::real())
}

fn unlocked(dir: &Path, key: &Key) -> Vault<Unlocked> {
    Vault::open(&place(dir), world(), Purpose::default()).unwrap().unlock(key).unwrap()
}

/// Puts a copy of a slot beside it, as whoever can write the file does.
fn put_another(dir: &Path) {
    let db = rusqlite::Connection::open(dir.join("vault.db")).unwrap();
    let sql = "INSERT INTO slot SELECT randomblob(16), 'mine', kind, created_at, sealed, recipient,
               row_tag FROM slot LIMIT 1";
    assert_eq!(db.execute(sql, []).unwrap(), 1);
}

type Verb = fn(&mut Vault<Unlocked>, &Key) -> vault::error::Result<()>;

/// What each verb says when a slot was put there after the vault was unlocked, if `forged`.
fn outcomes(forged: bool) -> Vec<Option<ErrorKind>> {
    let verbs: [Verb; 4] = [
        |vault, key| {
            let slot = vault.new_slot(&label("new"), &Wrap::for_key(key)?, key)?;
            vault.store_slot(&slot)
        },
        |vault, key| {
            let slot = vault.changed_slot(&label("first"), &Wrap::for_key(key)?, key)?;
            vault.store_slot(&slot)
        },
        |vault, _| vault.remove_slot(&label("second")).map(drop),
        |vault, _| vault.slots().map(drop),
    ];
    let run = |verb: &Verb| {
        let dir = tempfile::tempdir().unwrap();
        let key = Key::Identity(new_key_file(Timestamp(0)));
        let mut vault = Vault::init(&place(dir.path()), world(), &key, "first").unwrap();
        let second = vault.new_slot(&label("second"), &Wrap::for_key(&key).unwrap(), &key).unwrap();
        vault.store_slot(&second).unwrap();
        drop(vault);
        let mut vault = unlocked(dir.path(), &key);
        if forged {
            put_another(dir.path());
        }
        let outcome = verb(&mut vault, &key).err().map(|e| e.kind());
        drop(vault);
        // it stays noticed afterwards
        let again = Vault::open(&place(dir.path()), world(), Purpose::default()).unwrap();
        let again = again.unlock(&key).err().map(|e| e.kind());
        assert_eq!(again, forged.then_some(ErrorKind::Integrity));
        outcome
    };
    verbs.iter().map(run).collect()
}

#[test]
fn a_slot_put_there_from_outside_is_not_taken_over() {
    assert_eq!(outcomes(true), [Some(ErrorKind::Integrity); 4]);
    assert_eq!(outcomes(false), [None; 4]);
}

#[test]
fn a_slot_that_was_made_is_not_there_until_it_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let key = Key::Identity(new_key_file(Timestamp(0)));
    let mut vault = Vault::init(&place(dir.path()), world(), &key, "first").unwrap();
    let other = Key::Identity(new_key_file(Timestamp(0)));
    let slot = vault.new_slot(&label("new"), &Wrap::for_key(&other).unwrap(), &other).unwrap();
    assert_eq!(vault.slots().unwrap().len(), 1);
    vault.store_slot(&slot).unwrap();
    // the same once more: somebody was faster
    assert_eq!(vault.store_slot(&slot).unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(vault.remove_slot(&label("first")).unwrap().left, 1);
    assert_eq!(vault.remove_slot(&label("new")).unwrap_err().kind(), ErrorKind::Refused);
    drop(vault);
    assert!(unlocked(dir.path(), &other).slots().unwrap()[0].is_current);
}
