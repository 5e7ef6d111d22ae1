//! Nothing that somebody else has written is taken over: a rekey would tag it as genuine.

use super::*;

/// What an attacker without keys changes, in each table. All of it is found before or while it is read.
const FORGED: &[(&str, &str)] = &[
    ("a credential", "UPDATE credential SET url = 'https://evil.example' WHERE name = 'alpha'"),
    ("one in the trash", "UPDATE credential SET deleted_at = NULL WHERE name = 'old'"),
    ("one that is gone", "DELETE FROM credential WHERE name = 'big'"),
    ("a value", "UPDATE secret SET sealed = zeroblob(300) WHERE version = 4"),
    ("an older value", "UPDATE secret SET author = 'mallory' WHERE version = 1 AND field = 'password'"),
    ("a stub", "UPDATE secret SET purged_at = purged_at + 1 WHERE purged_at IS NOT NULL"),
    ("a stub that is gone", "DELETE FROM secret WHERE purged_at IS NOT NULL"),
    (
        "a value too many",
        "INSERT INTO secret SELECT zeroblob(16), field, version, created_at, origin, author, reason, media,
         purged_at, previous, sealed, row_tag FROM secret WHERE version = 3",
    ),
    ("a version too many", "INSERT INTO secret SELECT credential, field, 9, created_at, origin, author,
         reason, media, purged_at, previous, sealed, row_tag FROM secret WHERE version = 3"),
    ("a tombstone", "UPDATE tombstone SET purged_at = purged_at + 1"),
    ("a tombstone that is gone", "DELETE FROM tombstone"),
    ("an incident", "UPDATE incident SET title = 'nothing' WHERE number = 1"),
    ("its texts", "UPDATE incident SET sealed = zeroblob(300) WHERE number = 1"),
    ("an event", "UPDATE incident_event SET author = 'mallory' WHERE number = 2"),
    ("an event that is gone", "DELETE FROM incident_event WHERE incident = 2 AND number = 2"),
    ("a link", "UPDATE incident_link SET exposure = 'not_exposed'"),
    ("a segment", "UPDATE segment SET host = 'elsewhere'"),
    ("a segment's key", "UPDATE segment SET sealed_key = zeroblob(300)"),
    ("a segment's cause", "UPDATE segment SET cause = 'rekey'"),
    ("an entry", "UPDATE entry SET user_name = 'mallory' WHERE seq = 3"),
    ("an entry that is gone", "DELETE FROM entry WHERE seq = 3"),
    ("a checkpoint", "UPDATE checkpoint SET counter = counter + 1"),
    ("a checkpoint that is gone", "DELETE FROM checkpoint"),
    ("a slot", "UPDATE slot SET label = 'mine'"),
    ("a slot's recipient", "UPDATE slot SET recipient = NULL"),
    (
        "a slot too many",
        "INSERT INTO slot SELECT zeroblob(16), 'mine', kind, created_at, sealed, recipient, row_tag FROM slot",
    ),
    ("the vault's row", "UPDATE vault SET created_at = created_at + 1"),
    ("the epoch", "UPDATE vault SET epoch = 2"),
];

#[test]
fn whatever_does_not_check_ends_it_and_changes_nothing() {
    let s = rich();
    for (name, sql) in FORGED {
        let forged = s.copy();
        let db = rusqlite::Connection::open(forged.database()).unwrap();
        assert!(db.execute(sql, []).unwrap() > 0, "{name}");
        drop(db);
        let content = forged.content();
        let answer = forged.run(&["rekey", "--yes"]);
        assert_eq!(answer.code, 15, "{name}: {}", answer.err);
        assert_eq!(forged.content(), content, "{name}");
    }
    rekey(&s);
    sound(&s);
}

/// With the keys of an epoch that is over, or the words of one that never was, nobody makes the log look
/// as if it had gone on.
#[test]
fn epochs_that_never_were_are_noticed() {
    let s = rich();
    rekey(&s);
    for (name, sql) in [
        ("another cause", "UPDATE segment SET cause = 'missing' WHERE id = 2"),
        ("an epoch more", "UPDATE segment SET cause = 'rekey' WHERE id = 1"),
        ("a checkpoint's epoch", "UPDATE checkpoint SET epoch = 2"),
        ("an older epoch", "UPDATE vault SET epoch = 1"),
        ("a newer epoch", "UPDATE vault SET epoch = 3"),
        ("another beginning", "UPDATE segment SET first_seq = first_seq + 1 WHERE id = 2"),
        ("no segment", "DELETE FROM segment WHERE id = 2"),
    ] {
        for unlocked in [true, false] {
            let forged = s.copy();
            let db = rusqlite::Connection::open(forged.database()).unwrap();
            assert_eq!(db.execute(sql, []).unwrap(), 1, "{name}");
            drop(db);
            let mut verify = forged.vault(&["audit", "verify"]);
            if !unlocked {
                verify.env_remove("VAULT_KEY_FILE");
            }
            let answer = Answer::of(&mut verify);
            assert_eq!(answer.code, 15, "{name}, unlocked: {unlocked}: {}", answer.err);
        }
    }
}

/// Who had the old keys can still make the MACs of the old segments. Nothing is believed that goes on with one
/// of them once the epoch is over; before, it would have been.
#[test]
fn old_keys_add_nothing_to_the_log_of_the_new_epoch() {
    let s = rich();
    let db = || rusqlite::Connection::open(s.database()).unwrap();
    let key = vault::model::Secret::from_bytes(&fs::read(s.path("key")).unwrap());
    let first = forge::Owner::open(&db(), &key).segment_key(&db(), 1);
    let verify = |s: &Sandbox| {
        forge::append(&rusqlite::Connection::open(s.database()).unwrap(), 2, 1, first);
        s.run(&["audit", "verify"])
    };
    let before = verify(&s.copy());
    assert_eq!(before.code, 0, "the keys of the epoch make entries: {}", before.err);
    rekey(&s);
    for args in [&["audit", "verify"][..], &["doctor"], &["rekey", "--yes"]] {
        let forged = s.copy();
        let answer = verify(&forged);
        assert_eq!(answer.code, 15, "{}", answer.err);
        assert!(answer.err.contains("goes on with a segment of an epoch"), "{}", answer.err);
        let answer = forged.run(args);
        assert!([15, 16].contains(&answer.code), "{args:?}: {}", answer.err);
    }
    // nor without keys, where nobody can tell a MAC
    let forged = s.copy();
    verify(&forged);
    let mut locked = forged.vault(&["audit", "verify"]);
    assert_eq!(Answer::of(locked.env_remove("VAULT_KEY_FILE")).code, 15);
    sound(&s);
}
