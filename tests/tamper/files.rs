//! Attacks on files and schema.

use super::*;

/// Attacks on files and schema.
pub(crate) const ON_FILES: &[Attack] = &[
    attack("roll back the file", |s| restore_database(&s.before), HEAD),
    attack(
        "drop the write-ahead log",
        |s| std::fs::remove_file(s.dir().join("vault.db-wal")).unwrap(),
        HEAD,
    ),
    attack(
        "garble the write-ahead log",
        |s| {
            let path = s.dir().join("vault.db-wal");
            let mut bytes = std::fs::read(&path).unwrap();
            bytes.iter_mut().skip(24).step_by(5).for_each(|b| *b ^= 0x55);
            write_private(&path, &bytes);
        },
        HEAD,
    ),
    attack("another vault", put_other, OPEN),
    attack("the same id, other keys", substitute, UNLOCK),
    attack("a rollback journal", |s| write_private(&s.dir().join("vault.db-journal"), b"x"), OPEN),
    attack(
        "a trigger",
        |s| s.sql("CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM entry; END"),
        OPEN,
    ),
    attack("a view", |s| s.sql("CREATE VIEW v AS SELECT * FROM credential"), OPEN),
    attack("an index", |s| s.sql("CREATE INDEX i ON credential (url)"), OPEN),
    attack("a table", |s| s.sql("CREATE TABLE t (x)"), OPEN),
    attack("statistics", |s| s.sql("ANALYZE"), OPEN),
    attack(
        "a renamed column",
        |s| s.sql("ALTER TABLE credential RENAME COLUMN url TO username2"),
        OPEN,
    ),
    attack("a renamed table", |s| s.sql("ALTER TABLE tombstone RENAME TO stone"), OPEN),
    attack("a dropped index", |s| s.sql("DROP INDEX credential_leaf"), OPEN),
    attack(
        "a view in place of a table",
        |s| s.sql("ALTER TABLE tombstone RENAME TO t; CREATE VIEW tombstone AS SELECT * FROM t"),
        OPEN,
    ),
    attack("an older format", |s| s.sql("PRAGMA user_version = 0"), OPEN),
    refused("a newer format", |s| s.sql("PRAGMA user_version = 2"), OPEN, ErrorKind::Unsupported),
    refused(
        "another application",
        |s| s.sql("PRAGMA application_id = 1"),
        OPEN,
        ErrorKind::Unsupported,
    ),
    refused("an empty file", |s| write_private(&s.place.file, b""), OPEN, ErrorKind::Unsupported),
    refused(
        "a text file",
        |s| write_private(&s.place.file, &[b'x'; 9000]),
        OPEN,
        ErrorKind::Unsupported,
    ),
    refused(
        "a link",
        |s| {
            std::fs::rename(&s.place.file, s.dir().join("real")).unwrap();
            std::os::unix::fs::symlink(s.dir().join("real"), &s.place.file).unwrap();
        },
        OPEN,
        ErrorKind::Refused,
    ),
    refused(
        "open to others",
        |s| {
            let open = std::fs::Permissions::from_mode(0o644);
            std::fs::set_permissions(&s.place.file, open).unwrap();
        },
        OPEN,
        ErrorKind::Refused,
    ),
];

/// Puts the database files of a copy back, not the seal.
pub(crate) fn restore_database(copy: &Files) {
    let is_database = |path: &Path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        matches!(name, "vault.db" | "vault.db-wal" | "vault.db-shm")
    };
    for (path, bytes) in copy.iter().filter(|(path, _)| is_database(path)) {
        write_private(path, bytes);
    }
}

/// Puts another vault in the place of this one.
pub(crate) fn put_other(site: &Site) {
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(site.dir().join(format!("vault.db{suffix}")));
    }
    std::fs::copy(&site.other.file, &site.place.file).unwrap();
}

/// The same with the id of the old one, signed with keys of its own. The attacker knows the public
/// key of the owner's slot here.
pub(crate) fn substitute(site: &Site) {
    let id = blob(one(&site.db(), "SELECT vault_id FROM vault"));
    put_other(site);
    let db = site.db();
    Owner::open(&db, &site.key_text).take_over_identity(&db, &id);
}
