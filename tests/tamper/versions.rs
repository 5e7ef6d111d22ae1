//! Attacks on older versions: one that was purged is put back from an old copy of the file.

use super::site::field;
use super::*;

const OF_ALPHA: &str = "field = 'password' AND
    credential = (SELECT id FROM credential WHERE name = 'alpha')";

type PutBack = (&'static str, fn(&Site), bool);

/// What an attacker puts back, and whether the current value hangs on it.
const ATTACKS: &[PutBack] = &[
    ("the row", |s| back(s, "version = 1"), false),
    ("the ciphertext", |s| copy(s, "sealed"), false),
    ("the ciphertext and the date", |s| copy(s, "sealed, purged_at"), false),
    ("all but the tag", |s| copy(s, "sealed, purged_at, previous"), false),
    ("all versions", |s| back(s, "version < 9"), true),
    (
        "all versions and what names them",
        |s| {
            back(s, "version < 9");
            heads(s);
        },
        true,
    ),
    (
        "all versions and the whole credential",
        |s| {
            back(s, "version < 9");
            drop(s.with_old(rows::OLD_ALPHA));
        },
        true,
    ),
    (
        "nothing, but the stub is gone",
        |s| s.sql(&format!("DELETE FROM secret WHERE {OF_ALPHA} AND version = 1")),
        false,
    ),
    (
        "another date",
        |s| s.sql(&format!("UPDATE secret SET purged_at = 1 WHERE {OF_ALPHA} AND version = 1")),
        false,
    ),
    (
        "a stub in the place of the current one",
        |s| {
            s.sql(&format!(
                "UPDATE secret SET sealed = x'', purged_at = 1 WHERE {OF_ALPHA} AND version = 2"
            ))
        },
        true,
    ),
];

/// Puts versions of alpha's password back as they were.
fn back(site: &Site, which: &str) {
    let rows = format!(
        "DELETE FROM secret WHERE {OF_ALPHA} AND {which};
         INSERT INTO secret SELECT * FROM old.secret WHERE {OF_ALPHA} AND {which}"
    );
    drop(site.with_old(&rows));
}

/// Puts some columns of its first version back.
fn copy(site: &Site, columns: &str) {
    let first = format!("{OF_ALPHA} AND version = 1");
    let old = format!("(SELECT {columns} FROM old.secret WHERE {first})");
    drop(site.with_old(&format!("UPDATE secret SET ({columns}) = {old} WHERE {first}")));
}

fn heads(site: &Site) {
    drop(site.with_old(
        "UPDATE credential SET heads =
             (SELECT heads FROM old.credential WHERE name = 'alpha') WHERE name = 'alpha'",
    ));
}

/// A vault whose alpha has a purged first password, and as `old` the file before that.
fn purged() -> Site {
    let mut site = Site::new();
    site.put(&site.after);
    drop(site.db().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)"));
    std::fs::copy(&site.place.file, &site.old).unwrap();
    _ = std::fs::remove_file(site.old.with_extension("db-wal"));
    let mut v = site.unlock().unwrap();
    v.purge_version(&name("alpha"), Some(&field("password")), 1, false).unwrap();
    drop(v);
    site.after = site.files();
    site
}

fn first(v: &mut Vault<Unlocked>) -> Said {
    let value = v.reveal_version(&name("alpha"), Some(&field("password")), 1);
    said(value, |value| String::from_utf8_lossy(value.expose()).into_owned())
}

fn current(v: &mut Vault<Unlocked>) -> Said {
    let value = v.reveal(&name("alpha"), None);
    said(value, |value| String::from_utf8_lossy(value.expose()).into_owned())
}

fn history(v: &mut Vault<Unlocked>) -> Said {
    said(v.history(&name("alpha"), None, false), |all| format!("{}", all.len()))
}

#[test]
fn a_purged_version_stays_purged() {
    let site = purged();
    for (what, apply, whole) in ATTACKS {
        site.put(&site.after);
        apply(&site);
        let mut v = site.unlock().unwrap();
        let caught = Err(ErrorKind::Integrity);
        assert_eq!(first(&mut v), caught, "{what}");
        assert_eq!(history(&mut v), caught, "{what}");
        assert_eq!(doctor(&mut v), caught, "{what}");
        let value = if *whole { caught.clone() } else { Ok("alpha-password-2".into()) };
        assert_eq!(current(&mut v), value, "{what}");
        // nor is it made genuine by what is tagged anew with it
        for purge in [1, 2] {
            assert!(v.purge_version(&name("alpha"), None, purge, false).is_err(), "{what}");
        }
        let back = v.rollback(&name("alpha"), None, 1);
        assert_eq!(back.err().map(|e| e.kind()), Some(ErrorKind::Integrity), "{what}");
        assert_eq!(doctor(&mut v), caught, "{what}");
    }
}

/// Control: untouched, the version is gone and nothing is wrong. And whoever has the keys can bring
/// all of it back, so that what stops the attacks above is the tags.
#[test]
fn only_the_tags_keep_it_away() {
    let site = purged();
    site.put(&site.after);
    let mut v = site.unlock().unwrap();
    assert_eq!(first(&mut v), Err(ErrorKind::NotFound));
    assert_eq!(current(&mut v), Ok("alpha-password-2".into()));
    assert_eq!(history(&mut v), Ok("3".into()));
    assert_eq!(doctor(&mut v), Ok(String::new()));
    drop(v);
    back(&site, "version < 9");
    heads(&site);
    let db = site.db();
    Owner::open(&db, &site.key_text).sign_rows(&db);
    drop(db);
    let mut v = site.unlock().unwrap();
    assert_eq!(first(&mut v), Ok("alpha-password-1".into()));
    assert_eq!(doctor(&mut v), Ok(String::new()));
}
