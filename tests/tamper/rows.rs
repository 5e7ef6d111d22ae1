//! Attacks on which rows there are.

use super::*;

pub(crate) const OLD_FOXTROT: &str = "
    INSERT INTO credential SELECT * FROM old.credential WHERE name = 'foxtrot';
    INSERT INTO secret SELECT * FROM old.secret
        WHERE credential = (SELECT id FROM old.credential WHERE name = 'foxtrot');";
pub(crate) const OLD_VALUES: &str = "
    INSERT INTO secret SELECT * FROM old.secret
        WHERE credential = (SELECT id FROM old.credential WHERE name = 'foxtrot');";
pub(crate) const OLD_ALPHA: &str = "
    DELETE FROM credential WHERE name = 'alpha';
    INSERT INTO credential SELECT * FROM old.credential WHERE name = 'alpha';";
/// Hides the current row of alpha under another name, where only its hash counts.
pub(crate) const OLD_ALPHA_BESIDE: &str = "
    UPDATE credential SET name = 'zz', deleted_at = 1 WHERE name = 'alpha';
    INSERT INTO credential SELECT * FROM old.credential WHERE name = 'alpha';
    UPDATE credential SET bucket = -1 WHERE name = 'alpha';";
/// Attacks on which rows there are.
pub(crate) const ON_SET: &[Attack] = &[
    attack(
        "trash a live one",
        |s| alpha(s, "deleted_at = 1"),
        &["reveal alpha", "list", "trash alpha", "doctor"],
    ),
    attack(
        "resurrect from the trash",
        |s| s.sql("UPDATE credential SET deleted_at = NULL WHERE name = 'echo'"),
        &["reveal echo", "show echo", "list", "doctor"],
    ),
    attack("delete a row", |s| s.sql("DELETE FROM credential WHERE name = 'alpha'"), ALPHA),
    attack(
        "delete a row and the tree's trace",
        |s| s.sql_and_tree("DELETE FROM credential WHERE name = 'alpha'"),
        UNLOCK,
    ),
    attack(
        "delete a row and its nodes, not the root",
        |s| {
            let db = s.db();
            let root = one(&db, "SELECT root FROM vault");
            db.execute_batch("DELETE FROM credential WHERE name = 'alpha'").unwrap();
            fix_tree(&db);
            db.execute("UPDATE vault SET root = ?1", [root]).unwrap();
        },
        ALPHA,
    ),
    attack(
        "delete row, values and the tree's trace",
        |s| {
            s.sql_and_tree(
            "DELETE FROM secret WHERE credential = (SELECT id FROM credential WHERE name = 'alpha');
             DELETE FROM credential WHERE name = 'alpha'")
        },
        UNLOCK,
    ),
    attack(
        "delete one from the trash",
        |s| s.sql("DELETE FROM credential WHERE name = 'echo'"),
        &["trash echo", "list", "doctor"],
    ),
    attack(
        "resurrect a purged one",
        |s| drop(s.with_old(OLD_FOXTROT)),
        &["reveal foxtrot", "list", "doctor"],
    ),
    attack(
        "resurrect a purged one without its tombstone",
        |s| s.with_old_and_tree(&format!("{OLD_FOXTROT} DELETE FROM tombstone;")),
        UNLOCK,
    ),
    attack(
        "resurrect a purged one outside the tree",
        |s| {
            drop(s.with_old(&format!(
                "{OLD_FOXTROT} UPDATE credential SET bucket = -1 WHERE name = 'foxtrot';"
            )))
        },
        &["reveal foxtrot", "show foxtrot", "list", "doctor"],
    ),
    attack(
        "resurrect a purged one beyond the tree",
        |s| {
            drop(s.with_old(&format!(
                "{OLD_FOXTROT} UPDATE credential SET bucket = 262144 WHERE name = 'foxtrot';"
            )))
        },
        &["reveal foxtrot", "show foxtrot", "list", "doctor"],
    ),
    attack(
        "resurrect a purged one in an empty leaf",
        |s| {
            drop(s.with_old(&format!("{OLD_FOXTROT} UPDATE credential SET bucket = (bucket + 77) % 262144 WHERE name = 'foxtrot';")))
        },
        &["reveal foxtrot", "show foxtrot", "list", "doctor"],
    ),
    attack(
        "bring back a former name outside the tree",
        |s| {
            drop(s.with_old(
                "INSERT INTO credential SELECT * FROM old.credential WHERE name = 'golf';
                             UPDATE credential SET bucket = -1 WHERE name = 'golf';",
            ))
        },
        &["reveal golf", "show golf", "list", "doctor"],
    ),
    attack("roll back a row", |s| drop(s.with_old(OLD_ALPHA)), ALPHA),
    attack("roll back a row and the tree", |s| s.with_old_and_tree(OLD_ALPHA), UNLOCK),
    attack("roll back a row beside the current one", |s| drop(s.with_old(OLD_ALPHA_BESIDE)), ALPHA),
    attack(
        "roll back a row and its values",
        |s| drop(s.with_old(&format!("{OLD_ALPHA} DELETE FROM secret WHERE version = 2;"))),
        ALPHA,
    ),
    attack(
        "roll back a value and its head",
        |s| {
            drop(s.with_old("UPDATE credential SET heads = (SELECT heads FROM old.credential WHERE name = 'alpha')
                             WHERE name = 'alpha'; DELETE FROM secret WHERE version = 2;"))
        },
        ALPHA,
    ),
    attack(
        "the same row under another name",
        |s| {
            s.sql(
                "CREATE TEMP TABLE t AS SELECT * FROM credential WHERE name = 'alpha';
                   UPDATE t SET name = 'mallory'; INSERT INTO credential SELECT * FROM t",
            )
        },
        &["reveal mallory", "show mallory", "list", "doctor"],
    ),
    attack(
        "another row under the same name, outside the tree",
        |s| {
            s.sql("UPDATE credential SET name = 'zz', deleted_at = 1 WHERE name = 'alpha';
                   CREATE TEMP TABLE t AS SELECT * FROM credential WHERE name = 'bravo';
                   UPDATE t SET name = 'alpha', bucket = -1; INSERT INTO credential SELECT * FROM t")
        },
        ALPHA,
    ),
    attack(
        "a forged row",
        |s| forge_row(s, false),
        &["reveal mallory", "show mallory", "list", "doctor"],
    ),
    attack("a forged row and the tree", |s| forge_row(s, true), UNLOCK),
    attack("remove a tombstone", |s| s.sql("DELETE FROM tombstone"), SET),
    attack("remove a tombstone and its trace", |s| s.sql_and_tree("DELETE FROM tombstone"), UNLOCK),
    attack("change a tombstone", |s| s.sql("UPDATE tombstone SET purged_at = 1"), &["doctor"]),
    attack("drop the tree", |s| s.sql("DELETE FROM node"), ALPHA),
    attack("a stray node", |s| s.sql("INSERT INTO node VALUES (2, 4095, x'00')"), SET),
    attack("a second root", |s| s.sql("INSERT INTO node VALUES (0, 1, x'00')"), SET),
    attack(
        "delete a row, not its index entry",
        |s| s.behind_index("credential_leaf", "DELETE FROM credential WHERE name = 'alpha'"),
        ALPHA,
    ),
    attack(
        "roll back a row, not its index entry",
        |s| s.behind_index("credential_leaf", OLD_ALPHA),
        ALPHA,
    ),
    attack(
        "hide a row from the index of names",
        |s| {
            alpha(s, "deleted_at = 1");
            let back = "UPDATE credential SET deleted_at = NULL WHERE name = 'alpha'";
            s.behind_index("credential_live", back);
        },
        &["doctor"],
    ),
];

/// A row of the attacker's own, with a value sealed to his own recipient.
pub(crate) fn forge_row(site: &Site, and_tree: bool) {
    let id = [7_u8; 16];
    let own = age::x25519::Identity::generate();
    let sealed = age::encrypt(&own.to_public(), b"mine").unwrap();
    let db = site.db();
    db.execute_batch(
        "CREATE TEMP TABLE t AS SELECT * FROM credential WHERE name = 'bravo';
         CREATE TEMP TABLE u AS SELECT * FROM secret WHERE credential = (SELECT id FROM t);
         UPDATE t SET name = 'mallory'",
    )
    .unwrap();
    let row = params![id, forge::bucket(&id)];
    db.execute("UPDATE t SET id = ?1, bucket = ?2", row).unwrap();
    db.execute("UPDATE u SET credential = ?1, sealed = ?2", params![id, sealed]).unwrap();
    db.execute_batch("INSERT INTO credential SELECT * FROM t; INSERT INTO secret SELECT * FROM u")
        .unwrap();
    if and_tree {
        fix_tree(&db);
    }
}
