//! Entries that an index leaves out: the log is whole, and whoever follows the index does not find them.

use super::*;
use vault::model::incident::{
    Exposure, IncidentMeta, IncidentNumber, IncidentTexts, IncidentType, Severity,
};

/// A vault with an incident about alpha, and as `old` the same file.
fn house() -> Site {
    let mut site = Site::new();
    site.put(&site.after);
    let new = NewIncident {
        meta: IncidentMeta {
            title: "one".into(),
            kind: IncidentType::CredentialLeak,
            severity: Severity::High,
            client: None,
            service: None,
            infra: None,
            owner: None,
            occurred_at: Some(Timestamp(1)),
            detected_at: None,
        },
        texts: IncidentTexts::default(),
        source: "person".into(),
        links: vec![(name("alpha"), Exposure::Exposed)],
    };
    site.unlock().unwrap().open_incident(&new).unwrap();
    site.db().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    std::fs::copy(&site.place.file, &site.old).unwrap();
    _ = std::fs::remove_file(site.old.with_extension("db-wal"));
    site.after = site.files();
    site
}

const DECRYPT: &str = "action = 'decrypt' AND name = 'alpha'";

/// How often alpha was handed out, as the filters of the log, a blast and a report tell it.
fn told(site: &Site) -> (usize, usize, usize) {
    let mut v = site.unlock().unwrap();
    let filter = EntryFilter { actions: vec!["decrypt".into()], ..EntryFilter::default() };
    let mut listed = 0;
    v.entries(&filter, &mut |entry| {
        listed += usize::from(entry.name.as_deref() == Some("alpha"));
        Ok(())
    })
    .unwrap();
    let (number, window) = (IncidentNumber(1), Window::default());
    let blast = v.blast(number, window, &mut |_, _| {}).unwrap();
    let dossier = v.dossier(number, window, "md", &mut |_, _| {}).unwrap();
    assert!(dossier.evidence.log.is_ok(), "the log itself is whole");
    let reported = dossier.evidence.entries.iter().filter(|entry| entry.action == "decrypt");
    (listed, blast.uses.len(), reported.count())
}

#[test]
fn what_an_index_leaves_out_is_told_of_an_incident_all_the_same() {
    let site = house();
    site.put(&site.after);
    assert_eq!(told(&site), (1, 1, 1), "the control");
    let mut blind = 0;
    for index in ["entry_credential", "entry_name", "entry_action", "entry_at"] {
        site.put(&site.after);
        site.sql(&format!("DELETE FROM entry WHERE {DECRYPT}"));
        let back = format!("INSERT INTO main.entry SELECT * FROM old.entry WHERE {DECRYPT}");
        site.behind_index(index, &back);
        let (listed, used, reported) = told(&site);
        assert_eq!((used, reported), (1, 1), "{index}");
        blind += usize::from(listed == 0);
    }
    assert!(blind > 0, "the attack hides nothing from anybody");
}

/// A checkpoint that is gone, with the entry that tells of it gone from an index.
#[test]
fn a_checkpoint_that_is_gone_is_missed_without_an_index() {
    let mut site = house();
    site.put(&site.after);
    site.unlock().unwrap().checkpoint(&mut |_, _| {}).unwrap();
    site.db().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    std::fs::copy(&site.place.file, &site.old).unwrap();
    site.after = site.files();
    let verify = |site: &Site| site.unlock().unwrap().verify_log(&mut |_, _| {}).map(drop);
    verify(&site).expect("the control");
    for index in ["entry_action", "entry_failure"] {
        site.put(&site.after);
        let which = "action = 'audit_checkpoint'";
        site.sql(&format!("DELETE FROM entry WHERE {which}; DELETE FROM checkpoint"));
        let back = format!("INSERT INTO main.entry SELECT * FROM old.entry WHERE {which}");
        site.behind_index(index, &back);
        assert_eq!(verify(&site).unwrap_err().kind(), ErrorKind::Integrity, "{index}");
    }
}

/// Entries that are missing from the index of times are not old.
#[test]
fn what_an_index_leaves_out_is_not_pruned() {
    let mut site = house();
    site.put(&site.after);
    site.unlock().unwrap().checkpoint(&mut |_, _| {}).unwrap();
    site.db().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    std::fs::copy(&site.place.file, &site.old).unwrap();
    site.after = site.files();
    let long_ago = Timestamp(1);
    let prunable = |site: &Site| site.unlock().unwrap().prunable(long_ago).unwrap();
    assert_eq!(prunable(&site), None, "the control");
    let last = one(&site.db(), "SELECT max(seq) FROM entry");
    let Value::Integer(last) = last else { panic!("a number") };
    let which = format!("seq < {last}");
    site.sql(&format!("DELETE FROM entry WHERE {which}"));
    let back = format!("INSERT INTO main.entry SELECT * FROM old.entry WHERE {which}");
    site.behind_index("entry_at", &back);
    assert_eq!(prunable(&site), None);
}
