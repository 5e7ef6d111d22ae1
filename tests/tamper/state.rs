//! Attacks on the vault's own row, and on the slots.

use super::*;

/// Attacks on the vault's own row.
pub(crate) const ON_STATE: &[Attack] = &[
    attack("counter up", |s| state(s, "counter = counter + 1"), UNLOCK),
    attack("counter down", |s| state(s, "counter = counter - 1"), UNLOCK),
    attack("log position", |s| state(s, "log_seq = log_seq - 1"), UNLOCK),
    attack("epoch", |s| state(s, "epoch = 2"), UNLOCK),
    attack("creation", |s| state(s, "created_at = 1"), UNLOCK),
    attack("root", |s| state(s, "root = zeroblob(32)"), UNLOCK),
    attack("slots", |s| state(s, "slots = zeroblob(32)"), UNLOCK),
    attack("mac", |s| state(s, "mac = zeroblob(32)"), UNLOCK),
    attack("short mac", |s| state(s, "mac = x''"), OPEN),
    attack("id", |s| state(s, "vault_id = zeroblob(16)"), OPEN),
    attack("no row", |s| s.sql("DELETE FROM vault"), OPEN),
    attack(
        "an older row",
        |s| drop(s.with_old("DELETE FROM vault; INSERT INTO vault SELECT * FROM old.vault;")),
        &["reveal alpha", "show bravo", "set bravo", "add", "list", "log", "doctor"],
    ),
];

/// Attacks on the slots.
pub(crate) const ON_SLOTS: &[Attack] = &[
    attack("relabel", |s| s.sql("UPDATE slot SET label = 'x'"), UNLOCK),
    attack("redate", |s| s.sql("UPDATE slot SET created_at = 1"), UNLOCK),
    attack("cut", |s| s.sql("UPDATE slot SET sealed = substr(sealed, 1, 100)"), UNLOCK),
    attack(
        "copy",
        |s| {
            s.sql("INSERT INTO slot SELECT randomblob(16), 'x', kind, created_at, sealed, recipient, row_tag FROM slot")
        },
        UNLOCK,
    ),
    attack("add an own one", own_slot, UNLOCK),
    attack(
        "take another vault's",
        |s| {
            let other = Connection::open(&s.other.file).unwrap();
            let sealed = one(&other, "SELECT sealed FROM slot");
            s.db().execute("UPDATE slot SET sealed = ?1", [sealed]).unwrap();
        },
        UNLOCK,
    ),
    refused("remove", |s| s.sql("DELETE FROM slot"), UNLOCK, ErrorKind::WrongKey),
    refused(
        "retype",
        |s| s.sql("UPDATE slot SET kind = 'passphrase'"),
        UNLOCK,
        ErrorKind::WrongKey,
    ),
    refused("garble", own_sealed, UNLOCK, ErrorKind::WrongKey),
];

/// Changes the vault's own row.
pub(crate) fn state(site: &Site, change: &str) {
    site.sql(&format!("UPDATE vault SET {change}"));
}

/// A slot for the attacker's own key, with made-up content.
pub(crate) fn own_slot(site: &Site) {
    let own = age::x25519::Identity::generate();
    let sealed = age::encrypt(&own.to_public(), b"# vault v1").unwrap();
    let sql =
        "INSERT INTO slot SELECT randomblob(16), 'mine', kind, created_at, ?1, recipient, row_tag
               FROM slot";
    site.db().execute(sql, [sealed]).unwrap();
}

/// The content of the only slot becomes something for another key.
pub(crate) fn own_sealed(site: &Site) {
    let own = age::x25519::Identity::generate();
    let sealed = age::encrypt(&own.to_public(), b"# vault v1").unwrap();
    site.db().execute("UPDATE slot SET sealed = ?1", [sealed]).unwrap();
}
