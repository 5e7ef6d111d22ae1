//! The vault's verbs through the library: what a credential goes through, and what it leaves.

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

use std::rc::Rc;
use vault::error::ErrorKind;
use vault::model::{Attr, CredName, FieldName, Metadata, Secret, Timestamp};
use vault::vault::*;
use vault::world::World;

struct Fixture {
    dir: tempfile::TempDir,
    key: Key,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = Key::Identity(new_key_file(Timestamp(0)));
        let fixture = Self { dir, key };
        Vault::init(&fixture.place(), world(), &fixture.key, "key file").unwrap();
        fixture
    }

    fn place(&self) -> Place {
        Place { file: self.dir.path().join("vault.db"), state_dir: self.dir.path().join("state") }
    }

    fn locked(&self) -> Vault<Locked> {
        Vault::open(&self.place(), world(), Purpose::default()).unwrap()
    }

    fn unlocked(&self) -> Vault<Unlocked> {
        self.locked().unlock(&self.key).unwrap()
    }

    fn add(&self, name: &str, value: &[u8]) {
        self.unlocked().add(new(name, value)).unwrap();
    }
}

fn world() -> Rc<World> {
    Rc::new(World::real())
}

fn name(text: &str) -> CredName {
    text.parse().unwrap()
}

fn field(text: &str) -> FieldName {
    text.parse().unwrap()
}

fn new(text: &str, value: &[u8]) -> NewCredential {
    let mut meta = Metadata::default();
    meta.kind = "password".into();
    meta.set(Attr::Url, Some("https://db.example.com".into()));
    NewCredential {
        name: name(text),
        meta,
        secrets: vec![(field("password"), Secret::from_bytes(value))],
    }
}

#[test]
fn what_another_process_has_changed_is_no_rollback_to_status() {
    let f = Fixture::new();
    let mut before = f.locked();
    f.add("x", b"value");
    let status = before.status().unwrap();
    assert_eq!((status.seal, status.live, status.counter), ("present", 1, 2));
    assert_eq!(f.locked().status().unwrap().counter, 2);
}

#[test]
fn every_list_is_in_the_log_and_a_second_pass_over_it_is_not() {
    let f = Fixture::new();
    f.add("x", b"value");
    let mut v = f.locked();
    let of = |client: &str| Filter {
        attrs: vec![(Attr::Client, client.to_owned())],
        ..Filter::default()
    };
    for client in ["acme", "acme", "example", "acme"] {
        v.list(&of(client), &mut |_| Ok(())).unwrap();
    }
    let mut lists = 0;
    v.entries(&EntryFilter { actions: vec!["view".into()], ..EntryFilter::default() }, &mut |e| {
        assert_eq!(e.details.as_deref(), Some(r#"{"list":"client"}"#));
        lists += 1;
        Ok(())
    })
    .unwrap();
    assert_eq!(lists, 3);
}

#[test]
fn what_goes_in_comes_out_and_every_step_is_in_the_log() {
    let f = Fixture::new();
    f.add("db/main", b"s3cret\0\xff\n");
    let value = f.unlocked().reveal(&name("db/main"), None).unwrap();
    assert_eq!(value.expose(), b"s3cret\0\xff\n");
    let mut v = f.unlocked();
    v.set(
        &name("db/main"),
        Change { edit: None, secrets: vec![(field("password"), Secret::from_bytes(b"two"))] },
    )
    .unwrap();
    assert_eq!(v.reveal(&name("db/main"), None).unwrap().expose(), b"two");
    v.rename(&name("db/main"), &name("db/old")).unwrap();
    v.remove(&name("db/old")).unwrap();
    assert_eq!(v.reveal(&name("db/old"), None).err().unwrap().kind(), ErrorKind::NotFound);
    v.restore(&name("db/old")).unwrap();
    assert_eq!(v.reveal(&name("db/old"), None).unwrap().expose(), b"two");
    v.purge(&name("db/old"), false).unwrap();
    let mut actions = Vec::new();
    v.entries(&EntryFilter::default(), &mut |e| {
        actions.push(format!("{} {}", e.action, e.outcome));
        Ok(())
    })
    .unwrap();
    actions.reverse();
    let expected = "init ok,create ok,decrypt ok,update ok,decrypt ok,rename ok,delete ok,\
                    decrypt failed,restore ok,decrypt ok,purge ok";
    assert_eq!(actions.join(","), expected);
    let verdict = v.verify_log(&mut |_, _| {}).unwrap();
    assert!(verdict.authenticated && verdict.gaps.is_empty());
    assert_eq!(verdict.complete_to, Some(verdict.last));
    let findings = v.doctor().unwrap();
    assert!(findings.iter().all(|f| f.level == "ok"), "{findings:?}");
}

#[test]
fn a_wrong_key_is_refused_and_recorded() {
    let f = Fixture::new();
    let other = Key::Identity(new_key_file(Timestamp(0)));
    let e = f.locked().unlock(&other).err().unwrap();
    assert_eq!(e.kind(), ErrorKind::WrongKey);
    let last = f.locked().entry("2").unwrap();
    assert_eq!((last.action.as_str(), last.outcome.as_str()), ("unlock_failed", "failed"));
    f.unlocked().verify_log(&mut |_, _| {}).unwrap();
}

#[test]
fn an_import_is_all_or_nothing() {
    let f = Fixture::new();
    f.add("n00100", b"x");
    let run = |count: usize, skip: usize| {
        let mut i = skip;
        f.unlocked().import(
            &mut || {
                i += 1;
                Ok((i <= count).then(|| new(&format!("n{i:05}"), format!("value {i}").as_bytes())))
            },
            &mut |_| {},
        )
    };
    assert_eq!(run(500, 0).err().unwrap().kind(), ErrorKind::Conflict);
    assert_eq!(f.locked().names("", false, 10).unwrap().len(), 1);
    assert_eq!(run(3_500, 100).unwrap(), 3_400);
    let mut v = f.unlocked();
    assert_eq!(v.reveal(&name("n03210"), None).unwrap().expose(), b"value 3210");
    let findings = v.doctor().unwrap();
    assert!(findings.iter().all(|f| f.level == "ok"), "{findings:?}");
    assert!(v.verify_log(&mut |_, _| {}).unwrap().gaps.is_empty());
}

#[test]
fn a_lost_seal_is_a_visible_gap_and_work_goes_on() {
    let f = Fixture::new();
    f.add("a", b"1");
    std::fs::remove_dir_all(f.dir.path().join("state")).unwrap();
    // Locked use without a seal: recorded, unsealed.
    f.locked().show(&name("a"), false).unwrap();
    let verdict = f.unlocked().verify_log(&mut |_, _| {}).unwrap();
    assert_eq!(verdict.complete_to, None);
    assert_eq!(f.unlocked().reveal(&name("a"), None).unwrap().expose(), b"1");
    let verdict = f.unlocked().verify_log(&mut |_, _| {}).unwrap();
    assert_eq!(verdict.complete_to, Some(verdict.last));
    assert_eq!(verdict.gaps.len(), 2, "{:?}", verdict.gaps);
}

#[test]
fn a_rolled_back_file_is_refused_until_it_is_trusted() {
    let f = Fixture::new();
    f.add("a", b"1");
    let copy = std::fs::read(f.place().file).unwrap();
    let wal = f.dir.path().join("vault.db-wal");
    let old_wal = std::fs::read(&wal).unwrap();
    f.add("b", b"2");
    std::fs::write(f.place().file, copy).unwrap();
    std::fs::write(&wal, old_wal).unwrap();
    let e = f.unlocked().reveal(&name("a"), None).err().unwrap();
    assert_eq!(e.kind(), ErrorKind::Integrity, "{e}");
    let doubted = Doubted::open(&f.place(), world(), Purpose::default()).unwrap();
    let doubt = doubted.accept(&f.key, &Nobody, Ok(Vec::new())).unwrap();
    assert_eq!((doubt.lost_changes(), doubt.lost_entries()), (1, 1), "{doubt:?}");
    assert_eq!(f.unlocked().reveal(&name("a"), None).unwrap().expose(), b"1");
    assert_eq!(f.unlocked().verify_log(&mut |_, _| {}).unwrap().gaps.len(), 1);
}

#[test]
fn a_search_finds_text_in_every_clear_place_and_takes_it_literally() {
    let f = Fixture::new();
    let mut v = f.unlocked();
    let add = |v: &mut Vault<Unlocked>, text: &str, edit: &dyn Fn(&mut Metadata)| {
        let mut credential = new(text, b"x");
        credential.meta.set(Attr::Url, None);
        edit(&mut credential.meta);
        v.add(credential).unwrap();
    };
    add(&mut v, "Plain-100%_sure", &|_| ());
    add(&mut v, "other", &|_| ());
    add(&mut v, "by-owner", &|m| m.set(Attr::Owner, Some("Ann NEEDLE".into())));
    add(&mut v, "by-tag", &|m| m.tags.extend(["needle-tag".parse().unwrap()]));
    add(&mut v, "by-field", &|m| m.fields.extend([(field("region"), "needle".into())]));
    add(&mut v, "by-kind", &|m| m.kind = "api_key".into());
    let mut found = |text: &str| {
        let filter = Filter { search: Some(text.into()), brief: true, ..Filter::default() };
        let mut names = Vec::new();
        v.list(&filter, &mut |row| {
            names.push(row.name()?.to_owned());
            Ok(())
        })
        .unwrap();
        names
    };
    assert_eq!(found("needle"), ["by-field", "by-owner", "by-tag"]);
    assert_eq!(found("API_"), ["by-kind"]);
    assert_eq!(found("plain"), ["Plain-100%_sure"]);
    assert_eq!(found("0%_s"), ["Plain-100%_sure"]);
    for nothing in ["0%s", "other_", "o%r", "\\", "needle\\"] {
        assert!(found(nothing).is_empty(), "{nothing}");
    }
}

#[test]
fn a_check_sees_one_state_and_keeps_nobody_waiting() {
    let f = Fixture::new();
    let mut i = 0;
    let mut next = || {
        i += 1;
        Ok((i <= 200).then(|| new(&format!("n{i:03}"), format!("value {}", i / 2).as_bytes())))
    };
    f.unlocked().import(&mut next, &mut |_| {}).unwrap();
    let mut v = f.unlocked();
    let mut heard = Vec::new();
    let checkup = v
        .check(&Filter::default(), Depth::Values, &mut |done, all| {
            if heard.is_empty() {
                // somebody else's change neither waits nor is seen
                f.add("other", b"value 1");
            }
            heard.push((done, all));
        })
        .unwrap();
    assert_eq!((checkup.credentials, checkup.values.len()), (200, 200));
    assert!(heard.len() > 1 && heard.iter().all(|(done, all)| done <= all && *all == 200));
    assert!(checkup.values.iter().all(|seen| seen.strength.is_some() && seen.sha1.is_none()));
    assert!(checkup.values.is_sorted_by_key(|seen| seen.name.clone()), "in order of name");
    // two have the same value each, but for the first and the last
    assert_eq!(checkup.same.len(), 99);
    let names = |group: &Vec<usize>| group.iter().map(|at| &*checkup.values[*at].name).collect();
    let names: Vec<Vec<&str>> = checkup.same.iter().map(names).collect();
    assert_eq!((&names[0][..], &names[98][..]), (&["n002", "n003"][..], &["n198", "n199"][..]));
    let again = v.check(&Filter::default(), Depth::Metadata, &mut |_, _| {}).unwrap();
    assert_eq!((again.credentials, again.values.len(), again.same.len()), (201, 0, 0));
    let mut last = Vec::new();
    let check = EntryFilter { actions: vec!["check".into()], ..EntryFilter::default() };
    v.entries(&check, &mut |e| {
        last.push(e.details.clone().unwrap());
        Ok(())
    })
    .unwrap();
    assert!(
        last[0].contains(r#""values":"0""#) && last[1].contains(r#""values":"200""#),
        "{last:?}"
    );
    v.verify_log(&mut |_, _| {}).unwrap();
}

#[test]
fn a_text_is_traced_in_one_state_and_keeps_nobody_waiting() {
    let f = Fixture::new();
    let mut i = 0;
    let mut next = || {
        i += 1;
        Ok((i <= 100).then(|| new(&format!("n{i:03}"), format!("value number {i}").as_bytes())))
    };
    f.unlocked().import(&mut next, &mut |_| {}).unwrap();
    let mut v = f.unlocked();
    let change = |text: &[u8]| Change {
        secrets: vec![("password".parse().unwrap(), Secret::from_bytes(text))],
        ..Change::default()
    };
    for text in [&b"another value"[..], b"and another value"] {
        v.set(&name("n007"), change(text)).unwrap();
    }
    v.purge_version(&name("n007"), None, 2, false).unwrap();
    let mut heard = Vec::new();
    let text = Secret::from_bytes(b"value number 7, value number 99 and value number 100");
    let trace = v.whose(&text, &Filter::default(), &mut |done, all| {
        if heard.is_empty() {
            // somebody else's change neither waits nor is seen
            f.add("other", b"value number 7");
        }
        heard.push((done, all));
    });
    let trace = trace.unwrap();
    assert_eq!((trace.values, trace.purged, heard.last()), (101, 1, Some(&(101, 101))));
    let hits: Vec<_> = trace.hits.iter().map(|hit| (&*hit.name, hit.version, hit.fit)).collect();
    // what stands in a longer value that is there is found, too
    let expected = [("n001", 1), ("n007", 1), ("n009", 1), ("n010", 1), ("n099", 1), ("n100", 1)];
    assert_eq!(hits, expected.map(|(name, version)| (name, version, Fit::Inside)));
    // the version after it was purged, but when that came is known
    let history = v.history(&name("n007"), None, false).unwrap();
    assert_eq!(trace.hits[1].stored_at, history[2].created_at);
    assert_eq!(trace.hits[1].replaced_at, Some(history[1].created_at));
    assert!(trace.hits[1].readers.is_empty() && trace.hits[0].replaced_at.is_none());
    v.verify_log(&mut |_, _| {}).unwrap();
}

#[test]
fn who_has_the_same_value_is_told_across_versions_and_the_trash() {
    let f = Fixture::new();
    let mut v = f.unlocked();
    for (text, value) in [
        ("leaked", &b"the shared value"[..]),
        ("live", b"the shared value\n"),
        ("was", b"the shared value"),
        ("gone", b"an older shared one"),
        ("short", b"hunter2"),
        ("short too", b"hunter2"),
        ("alone", b"nobody else has this"),
    ] {
        let mut new = new(text, value);
        new.secrets.push((field("notes"), Secret::from_bytes(b"the same notes everywhere")));
        v.add(new).unwrap();
    }
    let set = |v: &mut Vault<Unlocked>, text: &str, value: &[u8]| {
        let secrets = vec![(field("password"), Secret::from_bytes(value))];
        v.set(&name(text), Change { secrets, ..Change::default() }).unwrap();
    };
    set(&mut v, "was", b"another one by now");
    set(&mut v, "leaked", b"an older shared one");
    set(&mut v, "leaked", b"the current one, of nobody else");
    v.remove(&name("gone")).unwrap();
    let ids = ["leaked", "short"].map(|text| v.look(&name(text)).unwrap().id);
    let mut last = (0, 0);
    let groups = v.same_values(&ids, &mut |done, all| last = (done, all)).unwrap();
    assert_eq!(last, (10, 10));
    let shown = |holder: &Holder| (holder.name.clone(), holder.version, holder.is_current);
    let groups: Vec<Vec<_>> = groups.iter().map(|g| g.iter().map(shown).collect()).collect();
    let place = |text: &str, version, current| (text.to_owned(), version, current);
    let expected = vec![
        vec![place("gone", 1, true), place("leaked", 2, false)],
        vec![place("leaked", 1, false), place("live", 1, true), place("was", 1, false)],
    ];
    assert_eq!(groups, expected);
    // the question is one entry, and no read
    let mut said = Vec::new();
    v.entries(&EntryFilter { limit: Some(1), ..EntryFilter::default() }, &mut |e| {
        said.push(format!("{} {}", e.action, e.details.clone().unwrap_or_default()));
        Ok(())
    })
    .unwrap();
    assert!(said[0].starts_with("check ") && said[0].contains(r#""list":"same""#), "{said:?}");
    // nobody shares anything with what is not there
    assert!(v.same_values(&[uuid::Uuid::nil()], &mut |_, _| {}).unwrap().is_empty());
}
