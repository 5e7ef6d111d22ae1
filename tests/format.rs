//! FORMAT.md against the vault in `tests/vectors/`: a second implementation recomputes everything,
//! notices every change, and today's library opens what an older one wrote.
//!
//! `BLESS=1` makes new vectors.

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

#[path = "format/bless.rs"]
mod bless;
#[path = "format/reader.rs"]
mod reader;

use reader::{Disk, check, padded, sha256, unlock};
use rusqlite::types::Value;
use serde_json::Value as Json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::LazyLock;
use vault::model::Secret;
use vault::vault::{Key, Place, Purpose, Vault};
use vault::world::World;

static VECTORS: LazyLock<PathBuf> = LazyLock::new(|| {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    if std::env::var_os("BLESS").is_some() {
        let work = tempfile::tempdir().unwrap();
        bless::make(work.path(), &dir);
        let disk = Disk::read(&dir.join("vault.db"), &dir.join("seal"));
        let found = check(&disk, &unlock(&disk, &key_file(&dir)).unwrap()).unwrap();
        let text = serde_json::to_string_pretty(&found).unwrap();
        fs::write(dir.join("vectors.json"), text + "\n").unwrap();
    }
    dir
});

fn key_file(dir: &Path) -> String {
    fs::read_to_string(dir.join("vault.key")).unwrap()
}

fn disk() -> Disk {
    Disk::read(&VECTORS.join("vault.db"), &VECTORS.join("seal"))
}

fn expected() -> Json {
    serde_json::from_str(&fs::read_to_string(VECTORS.join("vectors.json")).unwrap()).unwrap()
}

#[test]
fn from_the_key_file_alone_everything_comes_out_as_published() {
    let disk = disk();
    let found = check(&disk, &unlock(&disk, &key_file(&VECTORS)).unwrap()).unwrap();
    let expected = expected();
    for (part, value) in expected.as_object().unwrap() {
        assert_eq!(&found[part], value, "{part}");
    }
    assert_eq!(found, expected);
}

#[test]
fn the_vectors_hold_one_of_everything() {
    let disk = disk();
    for table in disk.tables.values() {
        let columns = table[0].keys();
        for column in columns.filter(|column| *column != "incident") {
            let used = table.iter().any(|row| row[column] != Value::Null);
            assert!(used || ["deleted_at", "tty"].contains(&column.as_str()), "{column}");
        }
    }
    let entries = &disk.tables["entry"];
    assert!(entries.iter().any(|row| row["segment"] == Value::Null));
    assert_eq!(disk.tables["segment"].len(), 2);
    let trashed = |row: &reader::Row| row["deleted_at"] != Value::Null;
    assert!(disk.tables["credential"].iter().any(trashed));
    let canary = |row: &Json| {
        let message = row["message"].as_str().unwrap();
        message.contains(&data_encoding::HEXLOWER.encode(b"vault/canary/v1"))
    };
    assert_eq!(
        expected()["credential"].as_array().unwrap().iter().filter(|row| canary(row)).count(),
        1
    );
    let sizes: Vec<u64> = expected()["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value["plaintext_bytes"].as_u64().unwrap())
        .collect();
    assert!(sizes.contains(&256) && sizes.contains(&1024));
    assert!(sizes.iter().any(|size| *size > 4096));
}

#[test]
fn the_page_names_every_column_and_every_exit_code() {
    let page = include_str!("../FORMAT.md");
    for (table, rows) in &disk().tables {
        for column in rows[0].keys() {
            assert!(page.contains(&format!("`{column}`")), "{table}.{column}");
        }
    }
    for (code, word, meaning) in vault::error::EXIT_CODES {
        let row = format!("| {code} | `{word}` | {meaning} |");
        assert!(page.contains(&row), "{row}");
    }
}

#[test]
fn padme_adds_at_most_an_eighth() {
    for n in (4_097..3_000_000).step_by(1_009) {
        let p = padded(n);
        assert!(p >= n && (p - n) * 100 <= n * 12, "{n} -> {p}");
    }
}

#[test]
fn a_changed_value_in_any_column_of_any_row_is_noticed() {
    let (good, keys) = (disk(), unlock(&disk(), &key_file(&VECTORS)).unwrap());
    check(&good, &keys).unwrap();
    let mut tried = 0;
    for (table, rows) in &good.tables {
        for (i, row) in rows.iter().enumerate() {
            for (column, value) in row {
                for wrong in mutations(value) {
                    let mut bad = good.clone();
                    let rows = bad.tables.get_mut(table).unwrap();
                    rows[i].insert(column.clone(), wrong);
                    assert!(check(&bad, &keys).is_err(), "{table} {i} {column}");
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 1_000, "{tried}");
}

/// The value with a bit changed at both ends and in the middle; something instead of nothing.
fn mutations(value: &Value) -> Vec<Value> {
    let flipped = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        bytes
    };
    let places = |length: usize| [0, length / 2, length - 1];
    match value {
        Value::Null => vec![Value::Text(String::new()), Value::Integer(0)],
        Value::Integer(n) => vec![Value::Integer(n ^ 1), Value::Null],
        Value::Text(text) if text.is_ascii() && !text.is_empty() => places(text.len())
            .map(|at| Value::Text(String::from_utf8(flipped(text.as_bytes(), at)).unwrap()))
            .to_vec(),
        Value::Text(text) => vec![Value::Text(format!("{text}x"))],
        Value::Blob(bytes) if bytes.is_empty() => vec![Value::Blob(vec![0]), Value::Null],
        Value::Blob(bytes) => {
            places(bytes.len()).map(|at| Value::Blob(flipped(bytes, at))).to_vec()
        }
        Value::Real(_) => Vec::new(),
    }
}

#[test]
fn a_missing_row_is_noticed_and_so_is_one_that_is_there_twice() {
    let (good, keys) = (disk(), unlock(&disk(), &key_file(&VECTORS)).unwrap());
    for (table, rows) in &good.tables {
        for (i, row) in rows.iter().enumerate() {
            let mut bad = good.clone();
            bad.tables.get_mut(table).unwrap().remove(i);
            assert!(check(&bad, &keys).is_err(), "{table} {i} removed");
            let mut bad = good.clone();
            bad.tables.get_mut(table).unwrap().insert(i, row.clone());
            assert!(check(&bad, &keys).is_err(), "{table} {i} twice");
        }
    }
}

#[test]
fn a_changed_seal_is_noticed_with_and_without_a_new_checksum() {
    let (good, keys) = (disk(), unlock(&disk(), &key_file(&VECTORS)).unwrap());
    for at in 0..good.seal.len() {
        let mut bad = good.clone();
        bad.seal[at] ^= 1;
        assert!(check(&bad, &keys).is_err(), "byte {at}");
        // The 32 bytes of the key fail late, after the log was checked; one of them is enough.
        // What was looked at for alerts is only bounded.
        let end = good.seal.len() - 32;
        if at < end && !(77..108).contains(&at) && !(148..156).contains(&at) {
            let sum = sha256(&bad.seal[..end]);
            bad.seal[end..].copy_from_slice(&sum);
            assert!(check(&bad, &keys).is_err(), "byte {at}, new checksum");
        }
    }
}

#[test]
fn a_changed_header_slot_key_or_ciphertext_is_noticed() {
    let (good, key) = (disk(), key_file(&VECTORS));
    let keys = unlock(&good, &key).unwrap();
    let mut bad = good.clone();
    bad.application_id ^= 1;
    assert!(check(&bad, &keys).is_err());
    let mut bad = good.clone();
    bad.user_version ^= 1;
    assert!(check(&bad, &keys).is_err());
    let other = String::from_utf8(other_key().expose().to_vec()).unwrap();
    assert!(unlock(&good, &other).is_err(), "another key");
    for column in ["vault_id", "epoch"] {
        let mut bad = good.clone();
        let vault = &mut bad.tables.get_mut("vault").unwrap()[0];
        let wrong = mutations(&vault[column]).remove(0);
        vault.insert(column.into(), wrong);
        assert!(unlock(&bad, &key).is_err(), "{column}");
    }
    let Value::Blob(sealed) = good.tables["slot"][0]["sealed"].clone() else {
        panic!("a slot is a blob");
    };
    for at in (0..sealed.len()).step_by(31) {
        let (mut bad, mut sealed) = (good.clone(), sealed.clone());
        sealed[at] ^= 1;
        bad.tables.get_mut("slot").unwrap()[0].insert("sealed".into(), Value::Blob(sealed));
        assert!(unlock(&bad, &key).is_err(), "byte {at} of the slot");
    }
}

fn other_key() -> Secret {
    vault::vault::new_key_file(vault::model::Timestamp(0))
}

/// A copy with the permissions that a checkout does not keep.
fn copy(dir: &Path) -> Place {
    let id = expected()["keys"]["vault_id"].as_str().unwrap().to_owned();
    let place = Place { file: dir.join("vault.db"), state_dir: dir.join("state") };
    let seal = place.state_dir.join(id);
    fs::create_dir_all(&seal).unwrap();
    for (from, to) in [("vault.db", place.file.clone()), ("seal", seal.join("seal"))] {
        fs::copy(VECTORS.join(from), &to).unwrap();
        fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
    }
    place
}

#[test]
fn the_library_of_today_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let place = copy(dir.path());
    let key = Key::Identity(Secret::from_bytes(key_file(&VECTORS).as_bytes()));
    let world = Rc::new(World::real());
    let mut vault = Vault::open(&place, world, Purpose::default()).unwrap().unlock(&key).unwrap();
    let verdict = vault.verify_log(&mut |_, _| {}).unwrap();
    assert!(!verdict.authenticated, "one entry has no MAC: it was written without a seal");
    assert_eq!(verdict.complete_to, Some(verdict.last));
    assert_eq!(verdict.gaps.len(), 2, "{:?}", verdict.gaps);
    let findings = vault.doctor().unwrap();
    assert!(findings.iter().all(|f| f.level != "problem"), "{findings:?}");
    compare_values(&mut vault);
    let expected = "`db/main` expired on 2026-01-02 and should have been rotated by 2026-04-01";
    assert_eq!(vault.take_warnings(), [expected]);
}

/// A vault of the same making, rekeyed by the library, is as the page says.
#[test]
fn a_rekeyed_vault_is_as_the_page_says() {
    let dir = tempfile::tempdir().unwrap();
    let place = copy(dir.path());
    let open = || Vault::open(&place, Rc::new(World::real()), Purpose::default()).unwrap();
    let key = || Key::Identity(Secret::from_bytes(key_file(&VECTORS).as_bytes()));
    for epoch in 2..4 {
        let (mut vault, proof) = open().unlock_proving(key(), &vault::vault::Nobody).unwrap();
        let fates = vec![(proof.label().to_owned(), vault::vault::Fate::Proven(proof))];
        let no_plugin =
            |_: &str| -> vault::error::Result<vault::vault::Wrap> { panic!("no plugin") };
        let rekeyed = vault.rekey(fates, &no_plugin, &mut |_, _| {}).unwrap();
        assert!(rekeyed.is_clean && rekeyed.epoch == epoch);
    }
    let seal = place.state_dir.join(expected()["keys"]["vault_id"].as_str().unwrap()).join("seal");
    let disk = Disk::read(&place.file, &seal);
    assert_eq!(disk.seal.len(), 224);
    let found = check(&disk, &unlock(&disk, &key_file(&VECTORS)).unwrap()).unwrap();
    let values = |found: &Json| -> Vec<String> {
        let values = found["values"].as_array().unwrap().iter();
        values.map(|value| value["value"].to_string()).collect()
    };
    assert_eq!(values(&found), values(&expected()), "the same values");
    assert_ne!(found["keys"], expected()["keys"]);
    // the reader notices what the page forbids
    for (table, column, wrong) in
        [("segment", "cause", Value::Text("missing".into())), ("vault", "epoch", Value::Integer(4))]
    {
        let mut bad = disk.clone();
        let row = bad.tables.get_mut(table).unwrap().last_mut().unwrap();
        row.insert(column.into(), wrong);
        let keys = unlock(&disk, &key_file(&VECTORS)).unwrap();
        assert!(check(&bad, &keys).is_err(), "{table}.{column}");
    }
}

/// The current value of every field of every live credential.
fn compare_values(vault: &mut Vault<vault::vault::Unlocked>) {
    let expected = expected();
    let values = expected["values"].as_array().unwrap();
    let names = vault.names("", false, 100).unwrap();
    assert_eq!(names, ["db/main", "empty", "größe: 1", "spare", "tls/www"]);
    for name in names {
        let (credential, found) = vault.reveal_all(&name.parse().unwrap()).unwrap();
        for ((field, value), (_, version)) in found.iter().zip(&credential.secrets) {
            let row = values.iter().find(|row| {
                row["credential"] == credential.id.simple().to_string()
                    && row["field"] == field.as_str()
                    && row["version"] == *version
            });
            let hex = data_encoding::HEXLOWER.encode(value.expose());
            assert_eq!(row.unwrap()["value"], hex, "{name} {field}");
        }
    }
}
