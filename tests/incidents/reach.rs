//! How far an incident reaches, and what a report holds, through the library.

use super::*;
use vault::vault::Window;

fn blast(house: &House, day: i64, window: Window) -> Result<vault::vault::Blast, ErrorKind> {
    house.at(day).blast(INC_1, window, &mut |_, _| {}).map_err(|e| e.kind())
}

fn at(day: i64) -> Option<Timestamp> {
    Some(Timestamp(START + day * DAY))
}

fn window(since: Option<i64>, until: Option<i64>) -> Window {
    Window { since: since.and_then(at), until: until.and_then(at) }
}

/// What was read since it happened counts, by the version of then; another time can be asked for.
#[test]
fn uses_are_those_of_the_time_that_is_looked_at() {
    let house = House::new();
    let read = |day, which: &str| _ = house.at(day).reveal(&name(which), None).unwrap();
    read(1, "vpn/alice");
    let mut new = incident("Leak", &["vpn/alice"]);
    new.meta.occurred_at = at(2);
    house.at(3).open_incident(&new).unwrap();
    read(4, "vpn/alice");
    house.rotate(5, "vpn/alice");
    read(6, "vpn/alice");
    read(6, "mail");
    let seen = |day, window| {
        let uses = blast(&house, day, window).unwrap().uses;
        let days = uses.iter().map(|one| (one.entry.at.0 - START) / DAY);
        let versions = uses.iter().map(|one| one.versions[0].1);
        days.zip(versions).collect::<Vec<_>>()
    };
    assert_eq!(seen(7, Window::default()), [(4, 1), (6, 2)]);
    assert_eq!(seen(7, window(Some(0), None)), [(1, 1), (4, 1), (6, 2)]);
    assert_eq!(seen(7, window(Some(0), Some(4))), [(1, 1), (4, 1)]);
    assert_eq!(seen(7, window(Some(7), None)), []);
    for bad in [window(Some(8), None), window(None, Some(8)), window(None, Some(1))] {
        assert_eq!(blast(&house, 7, bad).err(), Some(ErrorKind::Usage), "{bad:?}");
    }
    assert_eq!(blast(&house, 7, window(Some(5), Some(4))).err(), Some(ErrorKind::Usage));
}

/// A try that came to nothing has a name, and no id; it is told all the same.
#[test]
fn attempts_in_vain_are_told_and_those_on_others_are_not() {
    let house = House::new();
    house.at(1).open_incident(&incident("Leak", &["mail"])).unwrap();
    let field = "nothing".parse().unwrap();
    assert!(house.at(2).reveal(&name("mail"), Some(&field)).is_err());
    assert!(house.at(2).reveal(&name("db/main"), Some(&field)).is_err());
    house.at(2).tied(INC_1, |vault| vault.reveal(&name("db/main"), None)).unwrap();
    let uses = blast(&house, 3, Window::default()).unwrap().uses;
    let told: Vec<_> =
        uses.iter().map(|one| (one.entry.name.as_deref(), &*one.entry.outcome)).collect();
    assert_eq!(told, [(Some("mail"), "failed")]);
    // a report has what was done on behalf of the incident, too
    let dossier = house.at(4).dossier(INC_1, Window::default(), "md", &mut |_, _| {}).unwrap();
    let own = |entry: &&vault::vault::Entry| entry.name.as_deref() == Some("db/main");
    assert_eq!(dossier.evidence.entries.iter().filter(own).count(), 1);
    assert!(dossier.evidence.log.is_ok_and(|log| log.authenticated));
    assert_eq!(dossier.incident.texts.unwrap().description.unwrap(), "the-sealed-description");
}

/// The same value elsewhere is found by its places; what is linked is no other.
#[test]
fn the_same_values_elsewhere_are_found_and_ended_ties_bind_nothing() {
    let house = House::new();
    let linked = ["vpn/alice", "db/main"];
    house.at(1).open_incident(&incident("Leak", &linked)).unwrap();
    house.rotate(2, "mail");
    house.at(2).remove(&name("mail")).unwrap();
    let seen = blast(&house, 3, Window::default()).unwrap();
    let others = seen.others();
    let [(holder, same)] = &others[..] else { panic!("{others:?}") };
    assert_eq!((&*holder.name, holder.version, holder.is_current), ("mail", 1, false));
    assert!(holder.deleted_at.is_some());
    assert_eq!(same.iter().map(|one| &*one.name).collect::<Vec<_>>(), ["db/main", "vpn/alice"]);
    let mut vault = house.at(4);
    vault.tied(INC_1, |vault| vault.show(&name("db/main"), false)).unwrap();
    vault.show(&name("db/main"), false).unwrap();
    let mut incidents = Vec::new();
    let filter =
        EntryFilter { actions: vec!["view".into()], limit: Some(2), ..EntryFilter::default() };
    vault
        .entries(&filter, &mut |entry| {
            incidents.push(entry.incident.clone());
            Ok(())
        })
        .unwrap();
    assert_eq!(incidents, [None, Some("INC-1".to_owned())]);
}

/// What ticks the step of gathering the log is in the timeline, and in the log as what it is.
#[test]
fn looking_is_written_down() {
    let house = House::new();
    house.at(1).open_incident(&incident("Leak", &["mail"])).unwrap();
    blast(&house, 2, Window::default()).unwrap();
    house.at(3).dossier(INC_1, Window::default(), "html", &mut |_, _| {}).unwrap();
    let seen = house.at(4).incident(INC_1).unwrap();
    let events: Vec<_> = seen.events[2..].iter().map(|e| (&*e.kind, e.detail.clone())).collect();
    let blast = "2027-01-16T08:00:00.000Z to 2027-01-17T08:00:00.000Z: 0 uses";
    assert_eq!(events, [("blast", Some(blast.into())), ("report", Some("html".into()))]);
    let mut vault = house.at(4);
    vault.remove_incident(INC_1).unwrap();
    drop(vault);
    assert_eq!(self::blast(&house, 5, Window::default()).err(), Some(ErrorKind::NotFound));
}
