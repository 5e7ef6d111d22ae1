//! Attacks on the log.

use super::*;

pub(crate) const FORGED_ENTRY: &str = "
    INSERT INTO entry SELECT seq + 1, randomblob(16), at, 'decrypt', outcome, credential, name,
        fields, user_name, uid, host, tty, remote, program, parent, agent, incident, reason, details,
        counter, segment, hash, mac FROM entry ORDER BY seq DESC LIMIT 1;";

/// What every operation must notice once the end of the log is not what the seal remembers.
pub(crate) const HEAD: &[&str] =
    &["reveal alpha", "reveal bravo", "show bravo", "set bravo", "add", "list", "log", "doctor"];

/// Attacks on the log.
pub(crate) const ON_LOG: &[Attack] = &[
    attack("edit", |s| s.sql("UPDATE entry SET name = 'x' WHERE seq = 10"), LOG),
    attack(
        "edit and chain",
        |s| s.sql_and_chain("UPDATE entry SET name = 'x' WHERE seq = 10"),
        HEAD,
    ),
    attack("edit a time", |s| s.sql("UPDATE entry SET at = at + 1 WHERE seq = 10"), LOG),
    attack("edit an outcome", |s| s.sql("UPDATE entry SET outcome = 'failed' WHERE seq = 10"), LOG),
    attack(
        "edit a counter",
        |s| s.sql("UPDATE entry SET counter = counter + 1 WHERE seq = 9"),
        LOG,
    ),
    attack("edit the last", |s| s.sql("UPDATE entry SET name = 'x' WHERE seq = 14"), LOG),
    attack(
        "edit the last and chain",
        |s| s.sql_and_chain("UPDATE entry SET name = 'x' WHERE seq = 14"),
        HEAD,
    ),
    attack("reorder", |s| s.sql(REORDER), LOG),
    attack("reorder and chain", |s| s.sql_and_chain(REORDER), HEAD),
    attack("delete one", |s| s.sql("DELETE FROM entry WHERE seq = 9"), LOG),
    attack(
        "delete one, close ranks and chain",
        |s| {
            s.sql_and_chain(
                "DELETE FROM entry WHERE seq = 9;
                             UPDATE entry SET seq = -seq WHERE seq > 9;
                             UPDATE entry SET seq = -seq - 1 WHERE seq < 0",
            )
        },
        HEAD,
    ),
    attack("delete the first", |s| s.sql("DELETE FROM entry WHERE seq = 1"), LOG),
    attack("cut the tail", |s| s.sql("DELETE FROM entry WHERE seq > 13"), HEAD),
    attack("cut a longer tail", |s| s.sql("DELETE FROM entry WHERE seq > 11"), HEAD),
    attack("delete all", |s| s.sql("DELETE FROM entry"), HEAD),
    attack(
        "cut and continue",
        |s| {
            s.sql_and_chain(&format!(
                "DELETE FROM entry WHERE seq > 13; {FORGED_ENTRY} {FORGED_ENTRY}"
            ))
        },
        HEAD,
    ),
    attack("append", |s| s.sql_and_chain(FORGED_ENTRY), HEAD),
    attack(
        "append without a MAC",
        |s| s.sql_and_chain(&format!("{FORGED_ENTRY} UPDATE entry SET mac = NULL WHERE seq = 15")),
        HEAD,
    ),
    attack("append without a chain", |s| s.sql(FORGED_ENTRY), HEAD),
    attack(
        "append beyond",
        |s| s.sql_and_chain(&format!("{FORGED_ENTRY} UPDATE entry SET seq = 99 WHERE seq = 15")),
        HEAD,
    ),
    attack(
        "append under another segment",
        |s| s.sql_and_chain(&format!("{FORGED_ENTRY} UPDATE entry SET segment = 2 WHERE seq = 15")),
        LOG,
    ),
    attack(
        "append under a forged segment",
        |s| {
            s.sql_and_chain(&format!(
                "{FORGED_ENTRY} UPDATE entry SET segment = 2 WHERE seq = 15;
             INSERT INTO segment SELECT 2, 15, (SELECT hash FROM entry WHERE seq = 14), created_at,
                 host, 'missing', sealed_key, row_tag FROM segment"
            ))
        },
        LOG,
    ),
    attack(
        "unseal the last",
        |s| s.sql_and_chain("UPDATE entry SET segment = NULL, mac = NULL WHERE seq = 14"),
        HEAD,
    ),
    attack(
        "unseal one in the middle",
        |s| s.sql("UPDATE entry SET segment = NULL, mac = NULL WHERE seq = 9"),
        LOG,
    ),
    attack("remove a MAC", |s| s.sql("UPDATE entry SET mac = NULL WHERE seq = 9"), LOG),
    attack("swap MACs", |s| s.sql(&exchange_entries("mac")), LOG),
    attack("drop the segment", |s| s.sql("DELETE FROM segment"), LOG),
    attack("move the segment", |s| s.sql("UPDATE segment SET first_seq = 2"), LOG),
    attack("rename the segment", |s| s.sql("UPDATE segment SET cause = 'restored'"), LOG),
    attack(
        "copy the segment",
        |s| {
            s.sql("INSERT INTO segment SELECT 2, first_seq, previous_hash, created_at, host, cause, sealed_key, row_tag FROM segment")
        },
        LOG,
    ),
    attack(
        "replay another segment's key",
        |s| {
            let other = Connection::open(&s.other.file).unwrap();
            let row = rows(&other, "SELECT sealed_key, row_tag FROM segment").remove(0);
            let sql = "UPDATE segment SET sealed_key = ?1, row_tag = ?2";
            s.db().execute(sql, rusqlite::params_from_iter(row)).unwrap();
        },
        LOG,
    ),
];

pub(crate) const REORDER: &str = "UPDATE entry SET seq = -1 WHERE seq = 10;
    UPDATE entry SET seq = 10 WHERE seq = 11; UPDATE entry SET seq = 11 WHERE seq = -1";

/// SQL that exchanges a column between entries 9 and 10.
pub(crate) fn exchange_entries(column: &str) -> String {
    format!(
        "CREATE TEMP TABLE x AS SELECT (SELECT {column} FROM entry WHERE seq = 9) a,
             (SELECT {column} FROM entry WHERE seq = 10) b;
         UPDATE entry SET {column} = (SELECT b FROM x) WHERE seq = 9;
         UPDATE entry SET {column} = (SELECT a FROM x) WHERE seq = 10"
    )
}
