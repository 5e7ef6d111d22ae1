//! What is said of incidents: that it can be so, what follows from it, and that nobody can hide it.

use super::{DAY, House, START, incident, name};
use vault::error::ErrorKind;
use vault::model::Timestamp;
use vault::model::incident::{Exposure, IncidentMeta, Severity, Step};
use vault::vault::{IncidentFilter, LinkChange, Note, Tick};

#[test]
fn steps_tick_themselves_off_for_as_long_as_they_are_done() {
    let house = House::new();
    let number = house.at(1).open_incident(&incident("Laptop stolen", &["mail"])).unwrap();
    let ticks = |day| -> Vec<(String, Option<i64>)> {
        let seen = house.at(day).incident(number).unwrap();
        let itself = |tick| match tick {
            Tick::ByItself { at } => (at.0 - START) / DAY,
            Tick::ByHand { .. } => -1,
        };
        let steps = seen.steps().into_iter();
        let steps = steps.map(|step| (step.todo.key.clone(), step.tick.map(itself)));
        steps.filter(|(_, tick)| tick.is_some()).collect()
    };
    let tick = |key: &str, day| (key.to_owned(), Some(day));
    assert_eq!(ticks(1), []);
    house.rotate(2, "mail");
    house.at(3).enter_event(number, "blast", "").unwrap();
    house.at(4).enter_event(number, "report", "").unwrap();
    house.at(5).step_incident(number, Step::Contain, None, &Note::default()).unwrap();
    // whether the new value works nobody has said yet
    assert_eq!(ticks(6), [tick("gather", 3), tick("contain", 5)]);
    let verified = LinkChange { verified: true, ..LinkChange::default() };
    house.at(6).link_incident(number, &[name("mail")], &verified).unwrap();
    assert_eq!(ticks(6), [tick("gather", 3), tick("rotate", 6), tick("contain", 5)]);
    house.at(7).link_incident(number, &[name("db/main")], &LinkChange::default()).unwrap();
    house.at(7).step_incident(number, Step::Reopen, None, &Note::default()).unwrap();
    assert_eq!(ticks(8), [tick("gather", 3)]);
    // by hand comes first: somebody has said so
    let seen = house.at(8).incident(number).unwrap();
    let mut texts = seen.texts.clone().unwrap();
    for todo in &mut texts.todos {
        todo.done = Some((START, "ann".into()));
    }
    house.at(8).edit_incident(&seen, seen.listing.meta.clone(), &texts).unwrap();
    assert!(ticks(9).iter().all(|(_, tick)| *tick == Some(-1)));
    assert!(house.locked(9).incident(number).unwrap().steps().is_empty());
}

#[test]
fn what_cannot_be_is_not_stored_whoever_asks() {
    let house = House::new();
    let mut tomorrow = incident("Leak", &[]);
    tomorrow.meta.occurred_at = Some(Timestamp(START + 2 * DAY));
    let refused = house.at(1).open_incident(&tomorrow).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Usage);
    let number = house.at(3).open_incident(&tomorrow).unwrap();
    let early = Note { text: None, happened_at: Some(Timestamp(START + DAY)) };
    let contain = |note| house.at(3).step_incident(number, Step::Contain, None, note);
    assert_eq!(contain(&early).unwrap_err().kind(), ErrorKind::Usage);
    assert!(contain(&Note::default()).is_ok());
    let seen = house.at(3).incident(number).unwrap();
    let untitled = IncidentMeta { title: "a\u{1b}".into(), ..seen.listing.meta.clone() };
    let refused = house.at(3).edit_incident(&seen, untitled, &seen.texts.clone().unwrap());
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Usage);
    // a credential that is named twice is linked once
    let twice = house.at(4).open_incident(&incident("Twice", &["mail", "mail"])).unwrap();
    assert_eq!(house.at(4).incident(twice).unwrap().links.len(), 1);
}

#[test]
fn a_credential_knows_its_open_incidents_and_nobody_can_hide_one() {
    let house = House::new();
    let number = house.at(1).open_incident(&incident("Laptop stolen", &["mail"])).unwrap();
    let known = |day| house.at(day).show(&name("mail"), false).map(|mail| mail.incidents);
    assert_eq!(known(1).unwrap(), [(number, Exposure::Exposed)]);
    let locked = house.locked(1).show(&name("mail"), false).unwrap().incidents;
    assert_eq!(locked, [(number, Exposure::Exposed)]);
    let status = house.locked(1).status().unwrap();
    assert_eq!(status.incidents, [(Severity::High, 1)]);
    for attack in [
        "UPDATE incident SET status = 'resolved'",
        "UPDATE incident SET deleted_at = 1",
        "DELETE FROM incident_link",
        "DELETE FROM incident ",
    ] {
        let db = rusqlite::Connection::open(house.place().file).unwrap();
        let tables = ["incident", "incident_link"];
        let copy = |t| format!("CREATE TEMP TABLE copy_{t} AS SELECT * FROM {t};");
        let back = |t| format!("DELETE FROM {t}; INSERT INTO {t} SELECT * FROM copy_{t};");
        db.execute_batch(&tables.map(copy).concat()).unwrap();
        db.execute_batch(attack).unwrap();
        assert_eq!(known(2).unwrap_err().kind(), ErrorKind::Integrity, "{attack}");
        let hidden = house.at(2).incidents(&IncidentFilter::default(), &mut |_| Ok(()));
        assert_eq!(hidden.is_err(), attack.contains("incident "), "{attack}: {hidden:?}");
        db.execute_batch(&tables.map(back).concat()).unwrap();
    }
    assert_eq!(known(2).unwrap(), [(number, Exposure::Exposed)]);
}

#[test]
fn what_is_said_of_a_link_must_be_so_and_can_be_taken_back() {
    let house = House::new();
    let mut contained = incident("Leak", &["mail"]);
    contained.links[0].1 = Exposure::Contained;
    let refused = house.at(1).open_incident(&contained).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused, "it was not rotated");
    let number = house.at(1).open_incident(&incident("Leak", &["mail"])).unwrap();
    let link = |day, which: &str, change: &LinkChange| {
        house.at(day).link_incident(number, &[name(which)], change)
    };
    let exposure = |exposure| LinkChange { exposure: Some(exposure), ..LinkChange::default() };
    let contained = exposure(Exposure::Contained);
    assert_eq!(link(1, "db/main", &contained).unwrap_err().kind(), ErrorKind::Refused);
    let waived = LinkChange { waive: Some("switched off".into()), ..contained.clone() };
    assert_eq!(link(1, "db/main", &waived).unwrap(), 1);
    let states = |day| {
        let seen = house.at(day).incident(number).unwrap();
        seen.links.iter().map(|link| link.state.word()).collect::<Vec<_>>()
    };
    assert_eq!(states(2), ["waived", "open"]);
    // it is in use after all: the waiver does not stand any more
    assert_eq!(link(2, "db/main", &exposure(Exposure::Exposed)).unwrap(), 1);
    assert_eq!(states(2), ["open", "open"]);
    house.rotate(3, "mail");
    link(3, "mail", &LinkChange { verified: true, ..LinkChange::default() }).unwrap();
    assert_eq!(states(4), ["open", "verified"]);
    assert_eq!(link(4, "mail", &exposure(Exposure::Exposed)).unwrap(), 1);
    assert_eq!(states(4), ["open", "rotated"]);
    assert_eq!(link(4, "mail", &exposure(Exposure::Exposed)).unwrap(), 0);
}

#[test]
fn a_name_means_the_live_credential_that_has_it() {
    let house = House::new();
    let number = house.at(1).open_incident(&incident("Leak", &["mail"])).unwrap();
    house.at(2).rename(&name("mail"), &name("mail/old")).unwrap();
    house.at(2).add(crate::credential("mail")).unwrap();
    let waive = LinkChange { waive: Some("switched off".into()), ..LinkChange::default() };
    assert_eq!(
        house.at(3).unlink_incident(number, &[name("mail")], &Note::default()).unwrap_err().kind(),
        ErrorKind::NotFound,
        "the new one is not linked"
    );
    assert_eq!(house.at(3).link_incident(number, &[name("mail")], &waive).unwrap(), 1);
    let seen = house.at(4).incident(number).unwrap();
    let states: Vec<_> = seen.links.iter().map(|l| (l.name.as_str(), l.state.word())).collect();
    assert_eq!(states, [("mail", "waived"), ("mail/old", "open")]);
    // the name it once had still does when nobody else has it
    house.at(5).rename(&name("mail"), &name("post")).unwrap();
    assert_eq!(house.at(5).link_incident(number, &[name("mail")], &waive).unwrap(), 1);
}

/// Names that somebody exchanged in the file. The control is above.
#[test]
fn names_that_were_exchanged_waive_nothing() {
    let house = House::new();
    let both = &["vpn/alice", "mail"];
    let number = house.at(1).open_incident(&incident("Leak", both)).unwrap();
    let db = rusqlite::Connection::open(house.place().file).unwrap();
    db.execute_batch(
        "UPDATE credential SET name = 'x' WHERE name = 'mail';
         UPDATE credential SET name = 'mail' WHERE name = 'vpn/alice';
         UPDATE credential SET name = 'vpn/alice' WHERE name = 'x'",
    )
    .unwrap();
    let waive = LinkChange { waive: Some("switched off".into()), ..LinkChange::default() };
    for which in both {
        let refused = house.at(2).link_incident(number, &[name(which)], &waive).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Integrity, "{which}");
        let names = [name(which)];
        let refused = house.at(2).unlink_incident(number, &names, &Note::default()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Integrity, "{which}");
    }
}
