//! Incidents through the library: what is written, what is sealed, what is refused.

#![allow(
    clippy::pedantic,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may, and clarity comes before speed"
)]

mod reach;
mod said;

use std::rc::Rc;
use vault::error::ErrorKind;
use vault::model::incident::{
    Exposure, IncidentMeta, IncidentNumber, IncidentOutcome, IncidentStatus, IncidentTexts,
    IncidentType, Severity, Step,
};
use vault::model::{CredName, Metadata, Secret, Timestamp};
use vault::vault::{
    Change, EntryFilter, IncidentFilter, Key, LinkChange, LinkState, Locked, NewCredential,
    NewIncident, Note, Place, Purpose, Unlocked, Vault, new_key_file,
};
use vault::world::World;

/// In milliseconds.
const DAY: i64 = 86_400_000;
const START: i64 = 1_800_000_000_000;

struct House {
    dir: tempfile::TempDir,
    key: Secret,
}

impl House {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("a")).unwrap();
        let house = Self { dir, key: new_key_file(Timestamp(START)) };
        Vault::init(&house.place(), world(START), &house.key(), "key").unwrap();
        for name in ["vpn/alice", "db/main", "mail"] {
            house.at(0).add(credential(name)).unwrap();
        }
        house
    }

    fn place(&self) -> Place {
        let at = |name: &str| self.dir.path().join(name);
        Place { file: at("a/vault.db"), state_dir: at("state") }
    }

    fn key(&self) -> Key {
        Key::Identity(Secret::from_bytes(self.key.expose()))
    }

    fn locked(&self, day: i64) -> Vault<Locked> {
        Vault::open(&self.place(), world(START + day * DAY), Purpose::default()).unwrap()
    }

    fn at(&self, day: i64) -> Vault<Unlocked> {
        self.locked(day).unlock(&self.key()).unwrap()
    }

    fn bytes(&self) -> Vec<u8> {
        let db = self.place().file;
        let wal = db.with_extension("db-wal");
        [std::fs::read(db).unwrap(), std::fs::read(wal).unwrap_or_default()].concat()
    }

    /// Gives a credential a new value.
    fn rotate(&self, day: i64, which: &str) {
        let secrets = vec![(
            "password".parse().unwrap(),
            Secret::from_bytes(format!("another one of day {day}").as_bytes()),
        )];
        self.at(day).rotate(&name(which), Change { edit: None, secrets }).unwrap();
    }
}

fn world(at: i64) -> Rc<World> {
    Rc::new(World::fake(&[], Some(Timestamp(at))))
}

fn name(text: &str) -> CredName {
    text.parse().unwrap()
}

fn credential(text: &str) -> NewCredential {
    let mut meta = Metadata::default();
    meta.kind = "password".into();
    let secrets = vec![("password".parse().unwrap(), Secret::from_bytes(b"the first one"))];
    NewCredential { name: name(text), meta, secrets }
}

fn incident(title: &str, links: &[&str]) -> NewIncident {
    NewIncident {
        meta: IncidentMeta {
            title: title.into(),
            kind: IncidentType::LostDevice,
            severity: Severity::High,
            client: Some("acme".into()),
            service: None,
            infra: None,
            owner: None,
            occurred_at: None,
            detected_at: None,
        },
        texts: IncidentTexts {
            description: Some("the-sealed-description".into()),
            todos: IncidentType::LostDevice.template(),
            ..IncidentTexts::default()
        },
        source: "person".into(),
        links: links.iter().map(|link| (name(link), Exposure::Exposed)).collect(),
    }
}

fn note(text: &str) -> Note {
    Note { text: Some(text.into()), happened_at: None }
}

const INC_1: IncidentNumber = IncidentNumber(1);

#[test]
fn what_people_wrote_is_sealed_and_the_rest_is_read_while_locked() {
    let house = House::new();
    let number = house.at(1).open_incident(&incident("Laptop stolen", &["vpn/alice"])).unwrap();
    assert_eq!(number, INC_1);
    house.at(2).note_incident(number, &note("the-sealed-note")).unwrap();
    let locked = house.locked(3).incident(number).unwrap();
    assert_eq!(locked.listing.meta.title, "Laptop stolen");
    assert_eq!(locked.listing.status, IncidentStatus::Investigating);
    assert!(locked.texts.is_none() && !locked.listing.verified);
    assert!(locked.events.iter().all(|event| event.text.is_none()));
    assert!(locked.events.iter().any(|event| event.has_text));
    let unlocked = house.at(3).incident(number).unwrap();
    let texts = unlocked.texts.unwrap();
    assert_eq!(texts.description.as_deref(), Some("the-sealed-description"));
    assert_eq!(texts.todos.len(), IncidentType::LostDevice.template().len());
    let kinds: Vec<&str> = unlocked.events.iter().map(|event| &*event.kind).collect();
    assert_eq!(kinds, ["open", "link", "note"]);
    assert_eq!(unlocked.events[2].text.as_deref(), Some("the-sealed-note"));
    let bytes = house.bytes();
    let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    assert!(!holds(b"the-sealed-description") && !holds(b"the-sealed-note"));
    assert!(holds(b"Laptop stolen"), "the title is to be found, or the search finds nothing");
}

#[test]
fn an_incident_is_resolved_only_when_every_exposed_credential_is_dealt_with() {
    let house = House::new();
    let links = ["vpn/alice", "db/main", "mail"];
    let number = house.at(1).open_incident(&incident("Laptop stolen", &links)).unwrap();
    let step = |day, step| house.at(day).step_incident(number, step, None, &Note::default());
    let refused = step(2, Step::Resolve).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    assert!(refused.message().contains("is investigating"), "{refused}");
    assert_eq!(step(2, Step::Contain).unwrap(), IncidentStatus::Contained);
    let refused = step(3, Step::Resolve).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    assert_eq!(refused.candidate_names(), ["db/main", "mail", "vpn/alice"]);
    let leads_to = |refused: &vault::error::Error, what| {
        refused.hints().iter().any(|hint| hint.contains(what))
    };
    assert!(leads_to(&refused, "rotate INC-1") && !leads_to(&refused, "--verified"));

    house.rotate(4, "vpn/alice");
    let refused = step(4, Step::Resolve).unwrap_err();
    assert!(leads_to(&refused, "vault incident link INC-1 NAME --verified"), "{refused:?}");
    let link = |day, which: &str, change: LinkChange| {
        house.at(day).link_incident(number, &[name(which)], &change)
    };
    let verified = LinkChange { verified: true, ..LinkChange::default() };
    let refused = link(5, "db/main", verified.clone()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused, "it was not rotated: {refused}");
    assert_eq!(link(5, "vpn/alice", verified).unwrap(), 1);
    let not_exposed = LinkChange { exposure: Some(Exposure::NotExposed), ..LinkChange::default() };
    assert_eq!(link(5, "db/main", not_exposed.clone()).unwrap(), 1);
    assert_eq!(link(5, "db/main", not_exposed).unwrap(), 0, "nothing to change");
    let verified = LinkChange { verified: true, ..LinkChange::default() };
    let refused = link(5, "db/main", verified).unwrap_err();
    assert!(leads_to(&refused, "--exposure exposed") && !leads_to(&refused, "rotate"));
    let refused = step(6, Step::Resolve).unwrap_err();
    assert_eq!(refused.candidate_names(), ["mail"]);
    let waive = LinkChange { waive: Some("the account is closed".into()), ..LinkChange::default() };
    assert_eq!(link(6, "mail", waive).unwrap(), 1);
    let outcome = Some(IncidentOutcome::NoImpact);
    let resolved = house.at(7).step_incident(number, Step::Resolve, outcome, &note("done"));
    assert_eq!(resolved.unwrap(), IncidentStatus::Resolved);
    let seen = house.at(8).incident(number).unwrap();
    assert_eq!(seen.listing.outcome, outcome);
    let states: Vec<&str> = seen.links.iter().map(|link| link.state.word()).collect();
    assert_eq!(states, ["not_exposed", "waived", "verified"]);
    assert_eq!(step(9, Step::Reopen).unwrap(), IncidentStatus::Investigating);
}

#[test]
fn a_rotation_before_it_happened_and_an_old_value_brought_back_do_not_count() {
    let house = House::new();
    house.rotate(1, "vpn/alice");
    let mut new = incident("Leak", &["vpn/alice"]);
    new.meta.occurred_at = Some(Timestamp(START + 2 * DAY));
    let number = house.at(3).open_incident(&new).unwrap();
    let state = |day| house.at(day).incident(number).unwrap().links.remove(0).state;
    assert_eq!(state(4), LinkState::Open);
    house.rotate(5, "vpn/alice");
    assert_eq!(state(6), LinkState::Rotated(Timestamp(START + 5 * DAY)));
    house.at(7).rollback(&name("vpn/alice"), None, 1).unwrap();
    assert_eq!(state(8), LinkState::Open);
}

#[test]
fn the_first_value_is_no_rotation_however_late_the_vault_got_it() {
    let house = House::new();
    let mut new = incident("Leak of last week", &["vpn/alice"]);
    new.meta.occurred_at = Some(Timestamp(START - 7 * DAY));
    let number = house.at(1).open_incident(&new).unwrap();
    let state = |day| house.at(day).incident(number).unwrap().links.remove(0).state;
    assert_eq!(state(1), LinkState::Open);
    house.rotate(2, "vpn/alice");
    assert_eq!(state(3), LinkState::Rotated(Timestamp(START + 2 * DAY)));
}

#[test]
fn every_change_is_in_the_log_and_numbers_are_never_used_again() {
    let house = House::new();
    let mut vault = house.at(1);
    vault.open_incident(&incident("One", &["mail"])).unwrap();
    vault.remove_incident(INC_1).unwrap();
    assert_eq!(vault.open_incident(&incident("Two", &[])).unwrap(), IncidentNumber(2));
    assert_eq!(vault.note_incident(INC_1, &note("x")).unwrap_err().kind(), ErrorKind::NotFound);
    vault.restore_incident(INC_1).unwrap();
    vault.unlink_incident(INC_1, &[name("mail")], &Note::default()).unwrap();
    let again = vault.unlink_incident(INC_1, &[name("mail")], &Note::default()).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::NotFound);
    let mut logged = Vec::new();
    vault
        .entries(&EntryFilter::default(), &mut |entry| {
            if entry.action.starts_with("incident") {
                let incident = entry.incident.clone().unwrap();
                logged.push(format!("{} {incident} {}", entry.action, entry.outcome));
            }
            Ok(())
        })
        .unwrap();
    logged.reverse();
    let expected = [
        "incident_open INC-1 ok",
        "incident_link INC-1 ok",
        "incident_rm INC-1 ok",
        "incident_open INC-2 ok",
        "incident_note INC-1 failed",
        "incident_restore INC-1 ok",
        "incident_unlink INC-1 ok",
        "incident_unlink INC-1 failed",
    ];
    assert_eq!(logged, expected);
    let findings = vault.doctor().unwrap();
    assert!(findings.iter().all(|finding| finding.level == "ok"), "{findings:?}");
    vault.verify_log(&mut |_, _| {}).unwrap();
}

#[test]
fn an_edit_over_what_is_not_there_any_more_is_refused() {
    let house = House::new();
    let number = house.at(1).open_incident(&incident("One", &[])).unwrap();
    let seen = house.at(1).incident(number).unwrap();
    let texts = seen.texts.clone().unwrap();
    assert!(
        house.at(1).edit_incident(&seen, seen.listing.meta.clone(), &texts).unwrap().is_empty()
    );
    let texts =
        IncidentTexts { findings: Some("it was Mallory".into()), ..seen.texts.clone().unwrap() };
    let mut meta = seen.listing.meta.clone();
    meta.severity = Severity::Critical;
    let changed = house.at(2).edit_incident(&seen, meta.clone(), &texts).unwrap();
    assert_eq!(changed, ["severity", "findings"]);
    let late = house.at(2).edit_incident(&seen, seen.listing.meta.clone(), &texts).unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Conflict);
    let now = house.at(2).incident(number).unwrap();
    assert_eq!(now.texts.unwrap().findings.as_deref(), Some("it was Mallory"));
}

#[test]
fn lists_are_narrowed_and_what_is_not_there_is_not_linked() {
    let house = House::new();
    let mut vault = house.at(1);
    vault.open_incident(&incident("Laptop stolen", &["mail"])).unwrap();
    let mut other = incident("Guessing at the VPN", &[]);
    (other.meta.kind, other.meta.client) = (IncidentType::BruteForce, None);
    vault.open_incident(&other).unwrap();
    let missing = vault.open_incident(&incident("Nothing", &["nobody"])).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    let titles = |filter: IncidentFilter| {
        let mut titles = Vec::new();
        house
            .locked(2)
            .incidents(&filter, &mut |row| {
                titles.push(row.meta.title.clone());
                Ok(())
            })
            .unwrap();
        titles
    };
    let all = IncidentFilter::default;
    assert_eq!(titles(all()), ["Guessing at the VPN", "Laptop stolen"]);
    let laptop: [IncidentFilter; 4] = [
        IncidentFilter { client: Some("acme".into()), ..all() },
        IncidentFilter { kind: Some(IncidentType::LostDevice), ..all() },
        IncidentFilter { credential: Some("mail".into()), ..all() },
        IncidentFilter { text: Some("LAPTOP".into()), ..all() },
    ];
    for filter in laptop {
        assert_eq!(titles(filter), ["Laptop stolen"]);
    }
    assert_eq!(titles(IncidentFilter { open: Some(false), ..all() }), [""; 0]);
}

#[test]
fn what_has_not_happened_yet_is_not_written_down() {
    let house = House::new();
    let number = house.at(1).open_incident(&incident("One", &[])).unwrap();
    let tomorrow = Note { text: None, happened_at: Some(Timestamp(START + 2 * DAY)) };
    assert_eq!(house.at(1).note_incident(number, &tomorrow).unwrap_err().kind(), ErrorKind::Usage);
    assert!(house.at(3).note_incident(number, &tomorrow).is_ok());
}
