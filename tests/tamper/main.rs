//! The attacker has write access to the vault's files, knows the format, and has no key (T7, T32).
//! Every attack is applied to a closed vault. Then every reader runs: whatever succeeds must answer
//! as the untouched vault would, and the operations that touch what was changed must refuse with
//! exit code 15, or report a problem.

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

#[path = "../forge/mod.rs"]
mod forge;

mod files;
mod hidden;
mod incidents;
mod log;
mod metadata;
mod readers;
mod references;
mod rows;
mod seals;
mod site;
mod state;
mod values;
mod versions;

use files::{ON_FILES, restore_database, substitute};
use forge::{Owner, blob, fix_chain, fix_tree, one, rows, sha};
use log::{FORGED_ENTRY, HEAD, ON_LOG};
use metadata::ON_METADATA;
use readers::{Report, Said, doctor, said, use_everything};
use rows::{OLD_VALUES, ON_SET};
use rusqlite::types::Value;
use rusqlite::{Connection, params};
use site::{Files, NAMES, Site, credential, name, touch, world, write_private};
use state::{ON_SLOTS, ON_STATE, own_slot};
use std::collections::BTreeMap;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use values::ON_VALUES;
use vault::error::ErrorKind;
use vault::model::{Attr, CredName, FieldName, Metadata, Secret, Timestamp};
use vault::vault::*;
use vault::world::World;

/// An attack, and what must catch it.
struct Attack {
    name: &'static str,
    apply: fn(&Site),
    /// Readers that must refuse; further ones may, with exit code 15.
    caught_by: &'static [&'static str],
    kind: ErrorKind,
}

/// Shorthand for the table.
const fn attack(
    name: &'static str,
    apply: fn(&Site),
    caught_by: &'static [&'static str],
) -> Attack {
    refused(name, apply, caught_by, ErrorKind::Integrity)
}

/// The same for what is refused with another exit code.
const fn refused(
    name: &'static str,
    apply: fn(&Site),
    caught_by: &'static [&'static str],
    kind: ErrorKind,
) -> Attack {
    Attack { name, apply, caught_by, kind }
}

const ALPHA: &[&str] = &[
    "reveal alpha",
    "deliver alpha",
    "show alpha",
    "set alpha",
    "list",
    "doctor",
    "whose",
    "same",
];
const BOTH: &[&str] = &[
    "reveal alpha",
    "deliver alpha",
    "show alpha",
    "set alpha",
    "reveal bravo",
    "set bravo",
    "list",
    "doctor",
    "whose",
];
const VALUE: &[&str] = &["reveal alpha", "deliver alpha", "doctor", "whose", "same"];
const VALUES: &[&str] =
    &["reveal alpha", "deliver alpha", "reveal bravo", "deliver bravo", "doctor", "whose", "same"];
const SET: &[&str] = &["list", "doctor", "whose", "same"];
const LOG: &[&str] = &["log", "doctor"];
const UNLOCK: &[&str] = &["unlock"];
const OPEN: &[&str] = &["open"];

/// Changes alpha's row.
fn alpha(site: &Site, change: &str) {
    site.sql(&format!("UPDATE credential SET {change} WHERE name = 'alpha'"));
}

/// What a report must not say under an attack; empty when all is well.
fn faults(attack: &Attack, report: &Report, truth: &Report) -> Vec<String> {
    let mut faults = Vec::new();
    let refused = report
        .iter()
        .any(|(reader, said)| reader.starts_with("set ") && *said == Err(ErrorKind::Integrity));
    for (reader, said) in report {
        let caught = matches!(said, Err(kind) if *kind == ErrorKind::Integrity);
        // A change that was refused leaves what the truth has changed.
        if refused && reader.starts_with("again ") {
            continue;
        }
        let expected = attack.caught_by.contains(&reader.as_str()) && *said == Err(attack.kind);
        if !caught && !expected && truth.get(reader) != Some(said) {
            faults.push(format!("`{reader}` said {said:.80?}"));
        }
    }
    for reader in attack.caught_by {
        if report.get(*reader) != Some(&Err(attack.kind)) {
            faults.push(format!("`{reader}` did not notice: {:.80?}", report.get(*reader)));
        }
    }
    // What was seen once must not be covered up by later changes.
    let problem = |reader: &str| matches!(report.get(reader), Some(Err(_)));
    for reader in ["doctor", "log", "list"] {
        if problem(reader) && !problem(&format!("again {reader}")) {
            faults.push(format!("`{reader}` no longer notices after other changes"));
        }
    }
    faults
}

/// Runs a table of attacks.
fn run(attacks: &[Attack]) {
    let site = Site::new();
    site.put(&site.after);
    let truth = use_everything(&site);
    let mut failures = String::new();
    for attack in attacks {
        site.put(&site.after);
        (attack.apply)(&site);
        for fault in faults(attack, &use_everything(&site), &truth) {
            failures += &format!("{}: {fault}\n", attack.name);
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn values() {
    run(ON_VALUES);
}

#[test]
fn metadata_of_a_row() {
    run(ON_METADATA);
}

#[test]
fn the_set_of_rows() {
    run(ON_SET);
}

#[test]
fn the_state() {
    run(ON_STATE);
}

#[test]
fn slots() {
    run(ON_SLOTS);
}

#[test]
fn the_log() {
    run(ON_LOG);
}

#[test]
fn files_and_schema() {
    run(ON_FILES);
}

/// Control: without an attack every reader answers, and with what was stored.
#[test]
fn an_untouched_vault_raises_no_alarm() {
    let site = Site::new();
    site.put(&site.after);
    let report = use_everything(&site);
    let gone = ["echo", "foxtrot", "golf", "mallory", "zz"];
    for (reader, said) in &report {
        let (verb, object) =
            reader.trim_start_matches("again ").split_once(' ').unwrap_or_default();
        let missing = match verb {
            "reveal" | "copy" | "deliver" | "show" => gone.contains(&object),
            "trash" => object != "echo",
            _ => false,
        };
        match missing {
            true => assert_eq!(*said, Err(ErrorKind::NotFound), "{reader}"),
            false => assert!(said.is_ok(), "{reader}: {said:?}"),
        }
    }
    let text = |reader: &str| report[reader].clone().unwrap();
    assert!(text("reveal alpha").contains("password=alpha-password-2"));
    assert!(text("reveal alpha").contains("https://alpha.example.com/v2"));
    assert!(text("list").contains("hotel password"));
    assert!(text("log").starts_with("true [] "), "{}", text("log"));
    assert_eq!(text("doctor"), "");
}

/// Control: who has the keys can change anything, and the same readers accept it. So what the
/// attacks above run into is the missing keys, not a mistake in the forgery.
#[test]
fn with_the_keys_a_forgery_is_accepted() {
    let site = Site::new();
    site.put(&site.after);
    let truth = use_everything(&site);
    site.put(&site.after);
    let db = site.db();
    let url = "UPDATE credential SET url = 'https://evil.example' WHERE name = 'alpha'";
    db.execute_batch(url).unwrap();
    Owner::open(&db, &site.key_text).sign_rows(&db);
    drop(db);
    let report = use_everything(&site);
    for (reader, said) in &report {
        assert_eq!(said.is_ok(), truth[reader].is_ok(), "{reader}: {said:?}");
    }
    let alpha = report["reveal alpha"].clone().unwrap();
    assert!(alpha.contains("https://evil.example") && alpha.contains("alpha-password-2"));
    // The substitute vault is a good one, too, where nobody remembers the true one.
    site.put(&site.after);
    substitute(&site);
    std::fs::remove_dir_all(&site.place.state_dir).unwrap();
    let mut v = site.unlock().unwrap();
    v.add(credential("alpha", "password")).unwrap();
    assert!(doctor(&mut v).is_ok());
}

/// An entry that nobody signed can be appended by anyone who can write to the file; it is shown as
/// what it is.
#[test]
fn unsealed_entries_are_a_visible_gap() {
    let site = Site::new();
    site.put(&site.after);
    site.sql_and_chain(&format!(
        "{FORGED_ENTRY} UPDATE entry SET segment = NULL, mac = NULL, action = 'view'
         WHERE seq = 15"
    ));
    let mut v = site.unlock().unwrap();
    let verdict = v.verify_log(&mut |_, _| {}).unwrap();
    assert!(!verdict.authenticated);
    assert_eq!(verdict.gaps, ["1 entries between 15 and 15 were written without a seal"]);
    assert!(doctor(&mut v).unwrap().contains("written without a seal"));
}

/// A slot that appears while the vault is unlocked must not be signed along with the next change.
#[test]
fn a_change_does_not_sign_someone_elses_slot() {
    let site = Site::new();
    site.put(&site.after);
    let mut v = site.unlock().unwrap();
    own_slot(&site);
    v.set(&name("alpha"), touch()).unwrap();
    drop(v);
    assert_eq!(site.unlock().err().map(|e| e.kind()), Some(ErrorKind::Integrity));
    site.sql("DELETE FROM slot WHERE label = 'mine'");
    assert_eq!(doctor(&mut site.unlock().unwrap()), Ok(String::new()));
}
