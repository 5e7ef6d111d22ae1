//! Versions through the library: what there was, bringing it back, rotating, keeping only so many, and
//! destroying single ones without a trace of their ciphertext.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::format_push_string,
    reason = "helpers of tests may do what tests may, and clarity comes before speed"
)]

mod fixture;

use fixture::{DAY, Fixture, START, expect, field, kind, name, password, secret};
use vault::error::ErrorKind;
use vault::model::{Metadata, Timestamp};
use vault::vault::*;

#[test]
fn every_change_of_a_secret_is_a_version_that_can_be_read() {
    let f = Fixture::with(&["one", "two", "three"]);
    assert_eq!((1..=3).map(|n| f.value(n).unwrap()).collect::<Vec<_>>(), ["one", "two", "three"]);
    let last = f.last();
    assert_eq!((last.action.as_str(), last.fields[0].as_str()), ("decrypt", "password"));
    assert!(last.details.unwrap().contains(r#""version":"3""#));
    for wrong in [0, 4, u32::MAX] {
        let error = f.value(wrong).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.hints()[0].contains("versions 1 to 3"), "{:?}", error.hints());
    }
    let versions = f.unlocked().history(&name("x"), None, false).unwrap();
    let shown: Vec<_> = versions
        .iter()
        .map(|v| (v.field.to_string(), v.version, v.is_current, v.origin.as_str(), v.verified))
        .collect();
    let expected = [
        ("notes".to_owned(), 1, true, "set", true),
        ("password".to_owned(), 3, true, "set", true),
        ("password".to_owned(), 2, false, "set", true),
        ("password".to_owned(), 1, false, "set", true),
    ];
    assert_eq!(shown, expected);
    assert_eq!(versions[2].reason.as_deref(), Some("ticket 42"));
    assert!(f.locked().history(&name("x"), None, false).unwrap().iter().all(|v| !v.verified));
    assert_eq!(f.last().action, "view");
    assert_eq!(kind(f.locked().history(&name("y"), None, false)), ErrorKind::NotFound);
    assert_eq!(
        kind(f.locked().history(&name("x"), Some(&field("totp")), false)),
        ErrorKind::NotFound
    );
}

#[test]
fn a_rollback_is_a_new_version_with_the_old_value() {
    let f = Fixture::with(&["one", "two"]);
    let after = f.unlocked().rollback(&name("x"), None, 1).unwrap();
    assert_eq!(after, (field("password"), 3));
    assert_eq!(f.value(3).unwrap(), "one");
    assert_eq!(f.value(2).unwrap(), "two");
    let versions = f.unlocked().history(&name("x"), Some(&field("password")), false).unwrap();
    assert_eq!(versions[0].origin, "rollback");
    let mut v = f.unlocked();
    assert_eq!(kind(v.rollback(&name("x"), None, 3)), ErrorKind::Conflict);
    assert_eq!(kind(v.rollback(&name("x"), None, 9)), ErrorKind::NotFound);
    assert_eq!(f.last().outcome, "failed");
    let mut rollbacks = Vec::new();
    let filter = EntryFilter { actions: vec!["rollback".into()], ..EntryFilter::default() };
    v.entries(&filter, &mut |entry| {
        rollbacks.push((entry.outcome.clone(), entry.details.clone().unwrap_or_default()));
        Ok(())
    })
    .unwrap();
    let done = rollbacks.last().unwrap();
    assert!(done.0 == "ok" && done.1.contains(r#""from":"2""#) && done.1.contains(r#""to":"1""#));
    f.sound();
}

#[test]
fn a_rotation_moves_the_dates_and_a_set_does_not() {
    let f = Fixture::with(&["one"]);
    f.edit(|meta| meta.expires_at = Some(Timestamp(START + 90 * DAY)));
    f.now.set(START + 60 * DAY);
    f.set("x", "two");
    let before = f.unlocked().show(&name("x"), false).unwrap();
    assert_eq!(before.meta.last_rotated_at, None);
    assert_eq!(before.meta.expires_at, Some(Timestamp(START + 90 * DAY)));
    let after = f.unlocked().rotate(&name("x"), password("three")).unwrap();
    assert_eq!(after.meta.last_rotated_at, Some(Timestamp(START + 60 * DAY)));
    assert_eq!(after.meta.expires_at, Some(Timestamp(START + 150 * DAY)));
    // the second time, from the last rotation on
    f.now.set(START + 70 * DAY);
    let after = f.unlocked().rotate(&name("x"), password("four")).unwrap();
    assert_eq!(after.meta.expires_at, Some(Timestamp(START + 160 * DAY)));
    // another field than the one that expires
    let notes = Change { edit: None, secrets: vec![(field("notes"), secret("another"))] };
    let after = f.unlocked().rotate(&name("x"), notes).unwrap();
    assert_eq!(after.meta.expires_at, Some(Timestamp(START + 160 * DAY)));
    // what is said outright counts
    let edit = |meta: &mut Metadata| {
        meta.expires_at = None;
        Ok(())
    };
    let change = Change { edit: Some(Box::new(edit)), ..password("five") };
    let after = f.unlocked().rotate(&name("x"), change).unwrap();
    assert_eq!(after.meta.expires_at, None);
    let versions = f.unlocked().history(&name("x"), Some(&field("password")), false).unwrap();
    let origins: Vec<_> = versions.iter().map(|version| version.origin.as_str()).collect();
    assert_eq!(origins, ["rotate", "rotate", "rotate", "set", "set"]);
    // one that was to be for ever stays within what can be written as a date
    f.edit(|meta| meta.expires_at = Some(Timestamp::LAST));
    let after = f.unlocked().rotate(&name("x"), password("six")).unwrap();
    assert_eq!(after.meta.expires_at.unwrap().to_string(), "9999-12-31T23:59:59.999Z");
    // there is no rotation without a value, whatever else is to change
    let edit = |meta: &mut Metadata| {
        meta.requires_vpn = true;
        Ok(())
    };
    let change = Change { edit: Some(Box::new(edit)), secrets: Vec::new() };
    assert_eq!(kind(f.unlocked().rotate(&name("x"), change)), ErrorKind::Usage);
    f.sound();
}

#[test]
fn nothing_happens_when_the_version_has_moved() {
    let f = Fixture::with(&["one", "two"]);
    let (x, old, now) = (name("x"), expect(1), expect(2));
    let (stale, fresh) = ((&x, Some(&old)), (&x, Some(&now)));
    let mut v = f.unlocked();
    let before = v.show(&x, false).unwrap().revision;
    assert_eq!(kind(v.set(stale, password("no"))), ErrorKind::Conflict);
    assert_eq!(kind(v.rotate(stale, password("no"))), ErrorKind::Conflict);
    assert_eq!(kind(v.rollback(stale, None, 1)), ErrorKind::Conflict);
    assert_eq!(kind(v.rename(stale, &name("y"))), ErrorKind::Conflict);
    assert_eq!(kind(v.remove(stale)), ErrorKind::Conflict);
    assert_eq!(kind(v.purge(stale, false)), ErrorKind::Conflict);
    assert_eq!(kind(v.purge_version(stale, None, 1, false)), ErrorKind::Conflict);
    let error = v.remove(stale).err().unwrap();
    assert_eq!(error.message(), "`password` of `x` is at version 2, not 1");
    assert_eq!(v.show(&x, false).unwrap().revision, before);
    v.remove(fresh).unwrap();
    assert_eq!(kind(v.restore(stale)), ErrorKind::Conflict);
    v.restore(fresh).unwrap();
    v.set(fresh, password("three")).unwrap();
    assert_eq!(kind(v.set(fresh, password("no"))), ErrorKind::Conflict);
    // a field that is to be new
    let totp = |version| Expect { field: Some(field("totp")), version };
    let change =
        || Change { edit: None, secrets: vec![(field("totp"), secret("JBSWY3DPEHPK3PXP"))] };
    assert_eq!(kind(v.set((&x, Some(&totp(1))), change())), ErrorKind::Conflict);
    v.set((&x, Some(&totp(0))), change()).unwrap();
    assert_eq!(kind(v.set((&x, Some(&totp(0))), change())), ErrorKind::Conflict);
    f.sound();
}

#[test]
fn only_so_many_are_kept() {
    let f = Fixture::with(&["1", "2", "3", "4", "5"]);
    f.edit(|meta| meta.keep = Some(3));
    assert_eq!(f.kept(), [3, 4, 5]);
    assert!(f.last().action == "view" && f.value(2).is_err());
    f.set("x", "6");
    assert_eq!(f.kept(), [4, 5, 6]);
    // a change of metadata alone destroys nothing
    f.edit(|meta| meta.requires_vpn = true);
    assert_eq!(f.kept(), [4, 5, 6]);
    f.edit(|meta| meta.keep = Some(10));
    f.set("x", "7");
    assert_eq!(f.kept(), [4, 5, 6, 7]);
    f.edit(|meta| meta.keep = Some(1));
    assert_eq!(f.kept(), [7]);
    // nobody can write this, but whoever calls the library could
    f.edit(|meta| meta.keep = Some(0));
    assert_eq!((f.kept(), f.value(7).unwrap()), (vec![7], "7".to_owned()));
    f.sound();
}

/// The service may not know the new value yet.
#[test]
fn a_rotation_keeps_the_value_before_whatever_is_to_be_kept() {
    let f = Fixture::with(&["1", "2"]);
    f.edit(|meta| meta.keep = Some(1));
    f.unlocked().rotate(&name("x"), password("3")).unwrap();
    assert_eq!(f.kept(), [2, 3]);
    f.edit(|meta| meta.requires_vpn = true);
    assert_eq!(f.kept(), [2, 3]);
    f.unlocked().rollback(&name("x"), None, 2).unwrap();
    assert_eq!(f.kept(), [3, 4]);
    assert_eq!(f.value(4).unwrap(), "2");
    f.set("x", "5");
    assert_eq!(f.kept(), [5]);
    f.sound();
}

#[test]
fn a_purged_version_leaves_a_stub_and_no_byte_of_its_ciphertext() {
    for size in [1, 700, 9_000, 200_000] {
        let value = |n: u8| String::from_utf8(vec![b'a' + n; size]).unwrap();
        let (one, two, three) = (value(0), value(1), value(2));
        let f = Fixture::with(&[&one, &two, &three]);
        let (old, new) = (f.sealed(2), f.sealed(3));
        assert!(f.has(&old), "the control: it is found while it is there");
        f.unlocked().purge_version(&name("x"), None, 2, false).unwrap();
        assert!(!f.has(&old), "{size} bytes");
        assert!(f.has(&new));
        assert_eq!(f.kept(), [1, 3]);
        let error = f.value(2).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.message().contains("was purged on 2027-01-15"), "{error}");
        assert_eq!((f.value(1).unwrap(), f.value(3).unwrap()), (one, three));
        f.sound();
    }
}

#[test]
fn what_keep_lets_go_leaves_the_disk_too() {
    let f = Fixture::with(&["one", "two"]);
    let old = f.sealed(1);
    assert!(f.has(&old));
    f.edit(|meta| meta.keep = Some(1));
    assert!(!f.has(&old));
    let old = f.sealed(2);
    f.set("x", "three");
    assert!(!f.has(&old));
}

#[test]
fn what_cannot_be_purged() {
    let f = Fixture::with(&["one", "two", "three"]);
    let mut v = f.unlocked();
    let mut purge = |number| v.purge_version(&name("x"), None, number, false);
    assert_eq!(kind(purge(3)), ErrorKind::Refused);
    assert_eq!(kind(purge(4)), ErrorKind::NotFound);
    purge(1).unwrap();
    assert_eq!(kind(purge(1)), ErrorKind::NotFound);
    assert_eq!(kind(v.rollback(&name("x"), None, 1)), ErrorKind::NotFound);
    v.remove(&name("x")).unwrap();
    v.purge_version(&name("x"), None, 2, true).unwrap();
    v.restore(&name("x")).unwrap();
    drop(v);
    assert_eq!(f.kept(), [3]);
    f.sound();
}

#[test]
fn the_trash_is_emptied_by_age() {
    let f = Fixture::new();
    for (n, text) in ["a", "b", "a", "c"].into_iter().enumerate() {
        f.now.set(START + DAY * i64::try_from(n).unwrap());
        f.add(text, "value");
        f.unlocked().remove(&name(text)).unwrap();
    }
    f.add("live", "value");
    let mut v = f.unlocked();
    let old = v.trashed_until(Timestamp(START + DAY)).unwrap();
    assert_eq!(old.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    let mut done = Vec::new();
    v.restore(&name("b")).unwrap();
    v.empty_trash(&old, &mut |item, result| {
        done.push((item.name.to_string(), result.err().map(|e| e.kind())));
    });
    assert_eq!(done, [("a".into(), None), ("b".into(), Some(ErrorKind::NotFound))]);
    assert_eq!(v.names("", true, 9).unwrap(), ["a", "c"]);
    assert_eq!(v.names("", false, 9).unwrap(), ["b", "live"]);
    v.restore(&name("a")).unwrap();
    assert_eq!(v.show(&name("a"), false).unwrap().created_at, Timestamp(START + 2 * DAY));
    f.sound();
}

/// Which one of a name was put into the trash last is only certain if none was taken away.
#[test]
fn what_lies_in_the_trash_is_not_believed_when_something_was_taken_out_of_it() {
    let f = Fixture::new();
    for (n, value) in ["old", "new"].into_iter().enumerate() {
        f.now.set(START + DAY * i64::try_from(n).unwrap());
        f.add("x", value);
        f.unlocked().remove(&name("x")).unwrap();
    }
    let shown = f.unlocked().show(&name("x"), true).unwrap();
    assert_eq!(shown.created_at, Timestamp(START + DAY));
    let db = rusqlite::Connection::open(f.place().file).unwrap();
    db.execute("DELETE FROM credential WHERE created_at > ?1", [START]).unwrap();
    drop(db);
    let mut v = f.unlocked();
    assert_eq!(kind(v.show(&name("x"), true)), ErrorKind::Integrity);
    assert_eq!(kind(v.history(&name("x"), None, true)), ErrorKind::Integrity);
    assert_eq!(kind(v.restore(&name("x"))), ErrorKind::Integrity);
    assert_eq!(kind(v.purge_version(&name("x"), None, 1, true)), ErrorKind::Integrity);
    assert_eq!(kind(v.purge(&name("x"), true)), ErrorKind::Integrity);
}

#[test]
fn a_thousand_versions_are_no_burden() {
    let f = Fixture::with(&["1"]);
    let mut v = f.unlocked();
    for n in 2..=1_000 {
        v.set(&name("x"), password(&n.to_string())).unwrap();
    }
    let start = std::time::Instant::now();
    let versions = v.history(&name("x"), Some(&field("password")), false).unwrap();
    assert_eq!((versions.len(), versions[0].version, versions[999].version), (1_000, 1_000, 1));
    assert!(start.elapsed().as_secs() < 60);
    drop(v);
    assert_eq!(f.value(1).unwrap(), "1");
    assert_eq!(f.value(500).unwrap(), "500");
    f.edit(|meta| meta.keep = Some(10));
    assert_eq!(f.kept(), (991..=1_000).collect::<Vec<_>>());
    f.set("x", "one more");
    assert_eq!(f.kept(), (992..=1_001).collect::<Vec<_>>());
    f.sound();
}
