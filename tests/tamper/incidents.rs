//! Attacks on incidents: their rows, their timeline, their links and what is sealed of them.

use super::*;
use vault::model::incident::{
    Exposure, IncidentMeta, IncidentNumber, IncidentTexts, IncidentType, Severity,
};

type On = (&'static str, fn(&Site), &'static [&'static str]);

/// Who notices: every reader that shows what was changed, or would change it.
const ONE: &[&str] = &["show 1", "note 1", "list", "blast 1", "report 1", "doctor"];
const PARTS: &[&str] = &["show 1", "blast 1", "report 1", "doctor"];
const ALL: &[&str] =
    &["show 1", "show 2", "note 1", "note 2", "list", "blast 1", "report 1", "doctor"];

const ROW: &[On] = &[
    ("the title", |s| row(s, "title = 'Nothing at all'"), ONE),
    ("the status", |s| row(s, "status = 'resolved'"), ONE),
    ("the severity", |s| row(s, "severity = 'low'"), ONE),
    ("the outcome", |s| row(s, "outcome = 'false_positive'"), ONE),
    ("when it occurred", |s| row(s, "occurred_at = 1"), ONE),
    ("when it was resolved", |s| row(s, "resolved_at = 1"), ONE),
    ("where it came from", |s| row(s, "source = 'canary'"), ONE),
    (
        "into the trash",
        |s| row(s, "deleted_at = 1"),
        &["show 1", "blast 1", "report 1", "list", "doctor"],
    ),
    ("the version of the texts", |s| row(s, "version = version + 1"), ONE),
    ("the revision", |s| row(s, "revision = 1"), ONE),
    ("the ciphertext", |s| row(s, "sealed = x'00'"), ONE),
    ("the ciphertexts of two incidents exchanged", exchange_texts, ALL),
    ("one removed", |s| s.sql("DELETE FROM incident WHERE number = 1"), ALL),
    ("all removed", empty, ALL),
    (
        "all removed, and the hash over none",
        |s| {
            empty(s);
            let none = sha(b"vault/incidents/v1");
            s.db().execute("UPDATE vault SET incidents = ?1", params![none]).unwrap();
        },
        &["unlock"],
    ),
    ("another number", |s| s.sql("UPDATE incident SET number = 7 WHERE number = 1"), ALL),
    (
        "one added",
        |s| {
            s.sql(
                "CREATE TEMP TABLE t AS SELECT * FROM incident WHERE number = 1;
                 UPDATE t SET number = 9; INSERT INTO incident SELECT * FROM t;",
            );
        },
        ALL,
    ),
    ("rolled back alone", |s| old(s, "incident", "number = 1"), ALL),
    (
        "rolled back with all that belongs to it",
        |s| {
            old(s, "incident", "number = 1");
            old(s, "incident_event", "incident = 1");
            old(s, "incident_link", "incident = 1");
        },
        ALL,
    ),
    (
        "rolled back, and the hash over all made anew",
        |s| {
            old(s, "incident", "number = 1");
            old(s, "incident_event", "incident = 1");
            old(s, "incident_link", "incident = 1");
            fix_incidents(&s.db());
        },
        &["unlock"],
    ),
];

const TIMELINE: &[On] = &[
    ("the text of an event", |s| event(s, "sealed = x'00'", 4), PARTS),
    ("a word of an event", |s| event(s, "kind = 'resolve'", 4), PARTS),
    ("who wrote it", |s| event(s, "author = 'mallory'", 4), PARTS),
    ("when", |s| event(s, "at = at - 1", 4), PARTS),
    ("a detail", |s| event(s, "detail = 'false alarm'", 1), PARTS),
    ("the name of a credential", |s| event(s, "name = 'bravo'", 2), PARTS),
    (
        "one removed",
        |s| s.sql("DELETE FROM incident_event WHERE incident = 1 AND number = 4"),
        PARTS,
    ),
    (
        "the last one removed",
        |s| s.sql("DELETE FROM incident_event WHERE incident = 1 AND number = 6"),
        PARTS,
    ),
    ("the timeline emptied", |s| s.sql("DELETE FROM incident_event WHERE incident = 1"), PARTS),
    (
        "two in another order",
        |s| {
            s.sql(
                "UPDATE incident_event SET number = 40 WHERE incident = 1 AND number = 4;
                 UPDATE incident_event SET number = 4 WHERE incident = 1 AND number = 5;
                 UPDATE incident_event SET number = 5 WHERE incident = 1 AND number = 40;",
            );
        },
        PARTS,
    ),
    (
        "one of another incident",
        |s| {
            s.sql(
                "DELETE FROM incident_event WHERE incident = 1 AND number = 3;
                 UPDATE incident_event SET incident = 1, number = 3 WHERE incident = 2 AND number = 3;",
            );
        },
        PARTS,
    ),
    (
        "the texts of two events exchanged",
        |s| {
            s.sql(
                "CREATE TEMP TABLE t AS SELECT * FROM incident_event WHERE incident = 1;
                 UPDATE incident_event SET sealed = (SELECT sealed FROM t
                     WHERE t.number = 9 - incident_event.number)
                 WHERE incident = 1 AND number IN (4, 5)",
            );
        },
        PARTS,
    ),
    (
        "one added",
        |s| {
            s.sql(
                "CREATE TEMP TABLE t AS SELECT * FROM incident_event WHERE incident = 1 AND number = 5;
                 UPDATE t SET number = 7; INSERT INTO incident_event SELECT * FROM t;",
            );
        },
        PARTS,
    ),
    ("one of nobody added", orphan_event, &["doctor"]),
    ("the timeline as it was", |s| old(s, "incident_event", "incident = 1"), PARTS),
];

const LINKS: &[On] = &[
    ("the exposure", |s| link(s, "exposure = 'not_exposed'"), PARTS),
    ("waived", |s| link(s, "waived_at = 1"), PARTS),
    ("verified", |s| link(s, "verified_at = 9000000000000"), PARTS),
    ("the name", |s| link(s, "name = 'bravo'"), PARTS),
    (
        "to another credential",
        |s| link(s, "credential = (SELECT id FROM credential WHERE name = 'bravo')"),
        PARTS,
    ),
    ("removed", |s| s.sql("DELETE FROM incident_link WHERE incident = 1"), PARTS),
    ("moved to another incident", |s| link(s, "incident = 2"), &["show 1", "show 2", "doctor"]),
    (
        "one added",
        |s| {
            s.sql(
                "CREATE TEMP TABLE t AS SELECT * FROM incident_link WHERE incident = 1;
                 UPDATE t SET credential = (SELECT id FROM credential WHERE name = 'delta');
                 INSERT INTO incident_link SELECT * FROM t;",
            );
        },
        PARTS,
    ),
    ("as they were", |s| old(s, "incident_link", "incident = 1"), PARTS),
];

fn row(site: &Site, change: &str) {
    site.sql(&format!("UPDATE incident SET {change} WHERE number = 1"));
}

fn event(site: &Site, change: &str, number: u32) {
    site.sql(&format!(
        "UPDATE incident_event SET {change} WHERE incident = 1 AND number = {number}"
    ));
}

fn link(site: &Site, change: &str) {
    site.sql(&format!("UPDATE incident_link SET {change} WHERE incident = 1"));
}

fn empty(site: &Site) {
    site.sql("DELETE FROM incident; DELETE FROM incident_event; DELETE FROM incident_link");
}

fn exchange_texts(site: &Site) {
    site.sql(
        "CREATE TEMP TABLE t AS SELECT * FROM incident;
         UPDATE incident SET sealed = (SELECT sealed FROM t WHERE t.number = 3 - incident.number)
         WHERE number IN (1, 2)",
    );
}

fn orphan_event(site: &Site) {
    site.sql(
        "CREATE TEMP TABLE t AS SELECT * FROM incident_event WHERE incident = 1 AND number = 5;
         UPDATE t SET incident = 9; INSERT INTO incident_event SELECT * FROM t;",
    );
}

/// Puts rows of a table back as they were.
fn old(site: &Site, table: &str, which: &str) {
    drop(site.with_old(&format!(
        "DELETE FROM {table} WHERE {which}; INSERT INTO {table} SELECT * FROM old.{table} WHERE {which}"
    )));
}

/// Computes the hash over all incidents anew; the MAC over the vault's row stays what it was.
fn fix_incidents(db: &Connection) {
    let mut all = b"vault/incidents/v1".to_vec();
    for row in rows(db, "SELECT id, row_tag FROM incident ORDER BY number") {
        row.into_iter().for_each(|cell| all.extend(blob(cell)));
    }
    db.execute("UPDATE vault SET incidents = ?1", params![sha(&all)]).unwrap();
}

fn new(title: &str, links: &[&str]) -> NewIncident {
    NewIncident {
        meta: IncidentMeta {
            title: title.into(),
            kind: IncidentType::CredentialLeak,
            severity: Severity::High,
            client: None,
            service: None,
            infra: None,
            owner: None,
            occurred_at: None,
            detected_at: None,
        },
        texts: IncidentTexts {
            description: Some(format!("about {title}")),
            ..IncidentTexts::default()
        },
        source: "person".into(),
        links: links.iter().map(|link| (name(link), Exposure::Exposed)).collect(),
    }
}

fn note(text: &str) -> Note {
    Note { text: Some(text.into()), happened_at: None }
}

/// A vault with two incidents, and as `old` the file before the last changes of the first one.
fn house() -> Site {
    let mut site = Site::new();
    site.put(&site.after);
    let mut v = site.unlock().unwrap();
    let one = v.open_incident(&new("one", &["alpha"])).unwrap();
    let two = v.open_incident(&new("two", &["bravo"])).unwrap();
    v.note_incident(two, &note("a note on two")).unwrap();
    v.note_incident(one, &note("a first note on one")).unwrap();
    drop(v);
    site.db().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    std::fs::copy(&site.place.file, &site.old).unwrap();
    _ = std::fs::remove_file(site.old.with_extension("db-wal"));
    let mut v = site.unlock().unwrap();
    v.note_incident(one, &note("a second note on one")).unwrap();
    v.note_incident(one, &note("a third note on one")).unwrap();
    v.link_incident(
        one,
        &[name("alpha")],
        &LinkChange { exposure: Some(Exposure::Unknown), ..LinkChange::default() },
    )
    .unwrap();
    drop(v);
    site.after = site.files();
    site
}

fn told(incident: &Incident) -> String {
    let listing = &incident.listing;
    let events = incident.events.iter().map(|e| format!("{} {} {:?}", e.number, e.kind, e.text));
    let links = incident.links.iter().map(|l| format!("{} {:?} {:?}", l.name, l.exposure, l.state));
    format!(
        "{} {} {:?} {:?} {:?} {:?}",
        listing.number,
        listing.meta.title,
        listing.status,
        incident.texts.as_ref().and_then(|texts| texts.description.clone()),
        events.collect::<Vec<_>>(),
        links.collect::<Vec<_>>()
    )
}

/// What every reader of incidents says. The changing ones come last.
fn use_incidents(site: &Site) -> Report {
    let mut report = Report::new();
    let mut v = match site.unlock() {
        Ok(v) => v,
        Err(e) => return Report::from([("unlock".into(), Err(e.kind()))]),
    };
    let numbers = [1, 2].map(IncidentNumber);
    for number in numbers {
        let shown = said(v.incident(number), |incident| told(&incident));
        report.insert(format!("show {}", number.0), shown);
    }
    let mut listed = String::new();
    let list = v.incidents(&IncidentFilter::default(), &mut |row| {
        listed += &format!("{} {} {:?}\n", row.number, row.meta.title, row.status);
        Ok(())
    });
    report.insert("list".into(), said(list, |()| listed));
    report.insert("doctor".into(), doctor(&mut v));
    let blast = v.blast(numbers[0], Window::default(), &mut |_, _| {});
    report.insert("blast 1".into(), said(blast, |blast| format!("{}", blast.near.len())));
    let dossier = v.dossier(numbers[0], Window::default(), "md", &mut |_, _| {});
    report.insert("report 1".into(), said(dossier, |d| format!("{:?}", d.evidence.log.is_ok())));
    for number in numbers {
        let noted = v.note_incident(number, &note("seen"));
        report.insert(format!("note {}", number.0), said(noted, |()| String::new()));
    }
    report
}

fn run(attacks: &[On]) {
    let site = house();
    site.put(&site.after);
    let truth = use_incidents(&site);
    assert!(truth.values().all(Result::is_ok), "{truth:?}");
    let mut failures = String::new();
    for (what, apply, caught_by) in attacks {
        site.put(&site.after);
        apply(&site);
        let report = use_incidents(&site);
        for (reader, said) in &report {
            let caught = *said == Err(ErrorKind::Integrity);
            if !caught && truth.get(reader) != Some(said) {
                failures += &format!("{what}: `{reader}` said {said:?}\n");
            }
        }
        for reader in *caught_by {
            if report.get(*reader) != Some(&Err(ErrorKind::Integrity)) {
                failures +=
                    &format!("{what}: `{reader}` did not notice: {:?}\n", report.get(*reader));
            }
        }
        // what was changed is not made genuine by what is written afterwards
        if !report.contains_key("unlock") && use_incidents(&site)["doctor"].is_ok() {
            failures += &format!("{what}: nobody notices any more\n");
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn the_row_of_an_incident() {
    run(ROW);
}

#[test]
fn the_timeline_of_an_incident() {
    run(TIMELINE);
}

#[test]
fn the_links_of_an_incident() {
    run(LINKS);
}

/// Control: without an attack all readers answer, and with what was written.
#[test]
fn untouched_incidents_raise_no_alarm() {
    let site = house();
    site.put(&site.after);
    let report = use_incidents(&site);
    let text = |reader: &str| report[reader].clone().unwrap();
    assert!(text("show 1").contains("a third note on one") && text("show 1").contains("about one"));
    assert!(text("show 1").contains("alpha Unknown Open"), "{}", text("show 1"));
    assert!(text("show 2").contains("a note on two"));
    assert_eq!(text("list").lines().count(), 2);
    assert_eq!(text("doctor"), "");
    assert_eq!(text("report 1"), "true");
}

/// Control: who has the keys can change anything, so what stops the attacks above is the tags.
#[test]
fn with_the_keys_an_incident_can_be_forged() {
    let site = house();
    site.put(&site.after);
    row(&site, "title = 'Nothing at all'");
    let db = site.db();
    Owner::open(&db, &site.key_text).sign_incident(&db, 1);
    drop(db);
    let report = use_incidents(&site);
    assert!(report.values().all(Result::is_ok), "{report:?}");
    assert!(report["show 1"].clone().unwrap().contains("Nothing at all"));
    // what is sealed is bound to its incident even then
    site.put(&site.after);
    exchange_texts(&site);
    let db = site.db();
    let owner = Owner::open(&db, &site.key_text);
    owner.sign_incident(&db, 1);
    owner.sign_incident(&db, 2);
    drop(db);
    let report = use_incidents(&site);
    for reader in ["show 1", "report 1"] {
        assert_eq!(report[reader], Err(ErrorKind::Integrity), "{reader}");
    }
    assert!(report["list"].is_ok(), "the rows are genuine");
}
