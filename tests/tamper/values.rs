//! Attacks on values.

use super::*;

/// Attacks on values.
pub(crate) const ON_VALUES: &[Attack] = &[
    attack("swap ciphertexts between rows", |s| swap_values(s, "sealed"), VALUES),
    attack("swap ciphertexts with their tags", |s| swap_values(s, "sealed, row_tag"), VALUES),
    attack(
        "swap whole secret rows",
        |s| {
            swap_values(
                s,
                "created_at, origin, author, reason, media, purged_at, previous, sealed, row_tag",
            )
        },
        VALUES,
    ),
    attack(
        "swap ciphertexts between fields",
        |s| s.sql(&exchange("sealed", "field = 'notes'", "field = 'password' AND version = 2")),
        VALUE,
    ),
    attack(
        "swap ciphertexts between versions",
        |s| s.sql(&exchange("sealed", "field = 'password' AND version = 1", "version = 2")),
        VALUE,
    ),
    attack(
        "old version in place of the current one",
        |s| {
            s.sql(
                "DELETE FROM secret WHERE version = 2;
                   UPDATE secret SET version = 2 WHERE field = 'password' AND
                   credential = (SELECT id FROM credential WHERE name = 'alpha')",
            )
        },
        VALUE,
    ),
    attack("delete the current value", |s| s.sql("DELETE FROM secret WHERE version = 2"), VALUE),
    attack(
        "delete an old value",
        |s| {
            s.sql(
                "DELETE FROM secret WHERE version = 1 AND field = 'password' AND
                   credential = (SELECT id FROM credential WHERE name = 'alpha')",
            )
        },
        &["doctor", "whose", "same"],
    ),
    attack(
        "forge a value for an own recipient",
        |s| {
            let own = age::x25519::Identity::generate();
            let sealed = age::encrypt(&own.to_public(), b"mine").unwrap();
            let sql = "UPDATE secret SET sealed = ?1 WHERE version = 2";
            s.db().execute(sql, params![sealed]).unwrap();
        },
        VALUE,
    ),
    attack("change who stored a value", |s| s.sql("UPDATE secret SET author = 'eve'"), VALUES),
    attack("an empty value", |s| s.sql("UPDATE secret SET sealed = x''"), VALUES),
    attack("values that belong to nobody", |s| drop(s.with_old(OLD_VALUES)), &["doctor"]),
];

/// SQL that exchanges a column between two values of alpha.
pub(crate) fn exchange(column: &str, one: &str, two: &str) -> String {
    let of = "credential = (SELECT id FROM credential WHERE name = 'alpha')";
    format!(
        "CREATE TEMP TABLE x AS SELECT (SELECT {column} FROM secret WHERE {of} AND {one}) a,
             (SELECT {column} FROM secret WHERE {of} AND {two}) b;
         UPDATE secret SET {column} = (SELECT b FROM x) WHERE {of} AND {one};
         UPDATE secret SET {column} = (SELECT a FROM x) WHERE {of} AND {two}"
    )
}

/// Exchanges columns between the current passwords of alpha and bravo.
pub(crate) fn swap_values(site: &Site, columns: &str) {
    let db = site.db();
    let at = |name: &str, version: i64| {
        format!(
            "credential = (SELECT id FROM credential WHERE name = '{name}') AND
             field = 'password' AND version = {version}"
        )
    };
    let places = [at("alpha", 2), at("bravo", 1)];
    let get = |place: &String| {
        rows(&db, &format!("SELECT {columns} FROM secret WHERE {place}")).remove(0)
    };
    let values: Vec<Vec<Value>> = places.iter().map(get).collect();
    for (place, values) in places.iter().zip(values.into_iter().rev()) {
        for (column, value) in columns.split(", ").zip(values) {
            let sql = format!("UPDATE secret SET {column} = ?1 WHERE {place}");
            db.execute(&sql, [value]).unwrap();
        }
    }
}
