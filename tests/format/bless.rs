//! Makes the vault of `tests/vectors/` through the library: one of everything that can be in it.

use std::ffi::OsStr;
use std::path::Path;
use std::rc::Rc;
use vault::model::incident::*;
use vault::model::{Attr, Metadata, Secret, Timestamp};
use vault::vault::*;
use vault::world::World;

/// 2026-01-01, and a minute more for each step.
const START: i64 = 1_767_225_600_000;

/// Makes vault, seal and key file in `to`, working in `dir`.
pub fn make(dir: &Path, to: &Path) {
    let mut maker = Maker {
        place: Place { file: dir.join("vault.db"), state_dir: dir.join("state") },
        key_file: new_key_file(Timestamp(START)).expose().to_vec(),
        step: 0,
    };
    std::fs::write(to.join("vault.key"), &maker.key_file).unwrap();
    let world = maker.world();
    Vault::init(&maker.place, world, &maker.key(), "key file").unwrap();
    maker.store();
    maker.discard();
    maker.investigate();
    maker.prune();
    maker.lose_the_seal();
    maker.publish(to);
}

struct Maker {
    place: Place,
    key_file: Vec<u8>,
    step: i64,
}

impl Maker {
    fn world(&mut self) -> Rc<World> {
        self.step += 1;
        let ssh = ("SSH_CONNECTION", OsStr::new("203.0.113.7 50000 192.0.2.1 22"));
        let now = Timestamp(START + self.step * 60_000);
        Rc::new(World::fake(&[ssh], Some(now)))
    }

    fn key(&self) -> Key {
        Key::Identity(Secret::from_bytes(&self.key_file))
    }

    fn locked(&mut self) -> Vault<Locked> {
        let purpose = Purpose {
            reason: (self.step % 2 == 0).then(|| "an example".to_owned()),
            incident: None,
        };
        Vault::open(&self.place.clone(), self.world(), purpose).unwrap()
    }

    fn unlocked(&mut self) -> Vault<Unlocked> {
        let key = self.key();
        self.locked().unlock(&key).unwrap()
    }

    fn add(&mut self, name: &str, meta: Metadata, secrets: &[(&str, &[u8])]) {
        let new =
            NewCredential { name: name.parse().unwrap(), meta, secrets: self::secrets(secrets) };
        self.unlocked().add(new).unwrap();
    }

    /// Live credentials: every column, several fields, several versions, every size of padding.
    fn store(&mut self) {
        let all: Vec<u8> = (0..=255).collect();
        let long: Vec<u8> = all.iter().cycle().take(5_000).copied().collect();
        self.add("db/main", everything(), &[("password", b"first"), ("notes", b"two\nlines\n")]);
        for password in ["second", "third"] {
            let change =
                Change { edit: None, secrets: secrets(&[("password", password.as_bytes())]) };
            let name = "db/main".parse().unwrap();
            self.unlocked().set(&name, change).unwrap();
        }
        let (name, field) = ("db/main".parse().unwrap(), "password".parse().unwrap());
        self.unlocked().rollback(&name, Some(&field), 1).unwrap();
        self.unlocked().purge_version(&name, Some(&field), 2, false).unwrap();
        let of = |kind: &str| {
            let mut meta = Metadata::default();
            meta.kind = kind.to_owned();
            meta
        };
        self.add("größe: 1", of("api_key"), &[("api_key", &all)]);
        self.add("tls", of("certificate"), &[("private_key", &long)]);
        self.add("empty", of("custom"), &[("value", b"")]);
        let secrets = self::secrets(&[("password", b"nobody needs this")]);
        let (name, meta) = ("spare".parse().unwrap(), of("password"));
        self.unlocked().add_canary(NewCredential { name, meta, secrets }).unwrap();
        let (from, to) = ("tls".parse().unwrap(), "tls/www".parse().unwrap());
        self.unlocked().rename(&from, &to).unwrap();
    }

    /// One in the trash, one that was there, one purged; refusals; uses.
    fn discard(&mut self) {
        let back = "empty".parse().unwrap();
        self.unlocked().remove(&back).unwrap();
        self.unlocked().restore(&back).unwrap();
        let mut meta = Metadata::default();
        meta.kind = "password".to_owned();
        self.add("old", meta.clone(), &[("password", b"in the trash")]);
        self.unlocked().remove(&"old".parse().unwrap()).unwrap();
        self.add("gone", meta, &[("password", b"purged")]);
        self.unlocked().purge(&"gone".parse().unwrap(), false).unwrap();
        let wrong = Key::Identity(new_key_file(Timestamp(START)));
        assert!(self.locked().unlock(&wrong).is_err());
        let (name, gone) = ("db/main".parse().unwrap(), "gone".parse().unwrap());
        self.unlocked().reveal(&name, None).unwrap();
        assert!(self.unlocked().reveal(&gone, None).is_err());
        self.locked().show(&name, false).unwrap();
    }

    /// Incidents with every column, every sort of event, links; one in the trash.
    fn investigate(&mut self) {
        let some = |text: &str| Some(text.to_owned());
        let meta = IncidentMeta {
            title: "Laptop stolen".into(),
            kind: IncidentType::LostDevice,
            severity: Severity::High,
            client: some("Acme"),
            service: some("VPN"),
            infra: some("laptop-7"),
            owner: some("Alice"),
            occurred_at: Some(Timestamp(START)),
            detected_at: Some(Timestamp(START + 1)),
        };
        let texts = IncidentTexts {
            description: some("It was in the car."),
            findings: some("Two lines\nof findings."),
            remediation: None,
            references: vec!["ticket 42".into()],
            todos: IncidentType::LostDevice.template(),
        };
        let links = ["db/main", "empty"].map(|name| (name.parse().unwrap(), Exposure::Exposed));
        let (source, links) = ("person".into(), links.to_vec());
        let number = self.unlocked().open_incident(&NewIncident { meta, texts, source, links });
        let number = number.unwrap();
        let happened_at = Some(Timestamp(START + 2));
        let note = Note { text: some("Größe: 13 Zoll"), happened_at };
        self.unlocked().note_incident(number, &note).unwrap();
        let change =
            Change { edit: None, secrets: secrets(&[("password", b"fourth"), ("notes", b"")]) };
        self.unlocked().rotate(&"db/main".parse().unwrap(), change).unwrap();
        for (name, verified, waive) in [("db/main", true, None), ("empty", false, some("closed"))] {
            let change = LinkChange { exposure: None, verified, waive };
            let names = [name.parse().unwrap()];
            self.unlocked().link_incident(number, &names, &change).unwrap();
        }
        for step in [Step::Contain, Step::Resolve] {
            let outcome = Some(IncidentOutcome::NoImpact);
            self.unlocked().step_incident(number, step, outcome, &Note::default()).unwrap();
        }
        self.unlocked().remove_incident(number).unwrap();
        let mut vault = self.unlocked();
        let seen = vault.incident(number).unwrap();
        let (meta, texts) = (seen.listing.meta, IncidentTexts::default());
        let (source, links) = ("person".into(), Vec::new());
        vault.open_incident(&NewIncident { meta, texts, source, links }).unwrap();
    }

    /// A checkpoint, and the first entries pruned.
    fn prune(&mut self) {
        self.unlocked().checkpoint(&mut |_, _| {}).unwrap();
        let before = Timestamp(START + 4 * 60_000);
        let mut vault = self.unlocked();
        let old = vault.prunable(before).unwrap().unwrap();
        vault.prune(before, old, &mut |_, _| {}).unwrap();
    }

    /// An entry without a seal, then a second segment.
    fn lose_the_seal(&mut self) {
        std::fs::remove_dir_all(&self.place.state_dir).unwrap();
        let name = "db/main".parse().unwrap();
        self.locked().show(&name, false).unwrap();
        self.unlocked().reveal(&name, None).unwrap();
    }

    fn publish(mut self, to: &Path) {
        let id = self.locked().status().unwrap().vault_id;
        let seal = self.place.state_dir.join(id.simple().to_string());
        std::fs::copy(seal.join("seal"), to.join("seal")).unwrap();
        let db = rusqlite::Connection::open(&self.place.file).unwrap();
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        db.close().unwrap();
        std::fs::copy(&self.place.file, to.join("vault.db")).unwrap();
    }
}

fn secrets(all: &[(&str, &[u8])]) -> Vec<(vault::model::FieldName, Secret)> {
    let one = |value: &[u8]| {
        let media = (value.len() > 4096).then(|| "application/octet-stream".to_owned());
        Secret::from_bytes(value).with_media(media)
    };
    all.iter().map(|(field, value)| (field.parse().unwrap(), one(value))).collect()
}

/// Metadata with no column left out.
fn everything() -> Metadata {
    let mut meta = Metadata::default();
    meta.kind = "password".to_owned();
    for attr in Attr::ALL {
        meta.set(attr, Some(format!("{} é \"x\"", attr.name())));
    }
    meta.port = Some(5432);
    meta.tags = ["prod", "a", "ü"].map(|tag| tag.parse().unwrap()).into();
    meta.requires_vpn = true;
    meta.expires_at = Some(Timestamp(START + 86_400_000));
    meta.rotate_every = Some(7_776_000);
    meta.keep = Some(20);
    meta.last_rotated_at = Some(Timestamp(START - 1));
    meta.last_verified_at = Some(Timestamp(START - 2));
    meta.verdict = Some("valid".to_owned());
    let fields = [("sslmode", "require"), ("comment", "\"a\\b\"\n\u{1}é")];
    meta.fields = fields.map(|(name, value)| (name.parse().unwrap(), value.to_owned())).into();
    meta
}
