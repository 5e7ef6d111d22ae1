//! Connection strings. Where they lead is read from them; the password never is.

use super::{Field, Kind, checks, dsn, fill, value_of};
use crate::model::{Attr, FieldName, Metadata, Secret};

pub(super) const KIND: Kind = Kind {
    name: "connection_string",
    aliases: &["db_dsn", "dsn"],
    about: "A database address with its password; host and database are read from it",
    fields: &[
        Field::secret("connection_string", "The whole address, password included")
            .service("set the role's password in the database{at} to the new one")
            .env("DATABASE_URL")
            .example("postgres://app:s-0123456789@db.internal:5432/app")
            .check(checks::connection_string),
        Field::public("scheme", "What speaks there").example("postgres"),
        Field::public("host", "Server name or address").example("db.internal"),
        Field::public("port", "Port").example("5432"),
        Field::public("database", "Name of the database").example("app"),
        Field::public("username", "Role to log in as").example("app"),
    ],
    open: false,
    learn: Some(learn),
};

fn learn(secrets: &[(FieldName, Secret)], meta: &mut Metadata) {
    let Some(parts) = value_of(secrets, "connection_string").map(dsn::read) else {
        return;
    };
    if let Some(scheme) = parts.scheme {
        fill(meta, "scheme", scheme);
    }
    meta.port = meta.port.or(parts.port);
    let texts = [
        (Attr::Host, parts.host),
        (Attr::Database, parts.database),
        (Attr::Username, parts.username),
    ];
    for (attr, text) in texts {
        if meta.get(attr).is_none() {
            meta.set(attr, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(dsn: &str, mut meta: Metadata) -> Metadata {
        let secrets = [("connection_string".parse().unwrap(), Secret::from_bytes(dsn.as_bytes()))];
        learn(&secrets, &mut meta);
        meta
    }

    #[test]
    fn places_are_read() {
        let meta = learned("postgres://app:hunter2@db.internal:5433/shop", Metadata::default());
        assert_eq!(meta.get(Attr::Host), Some("db.internal"));
        assert_eq!(meta.get(Attr::Database), Some("shop"));
        assert_eq!(meta.get(Attr::Username), Some("app"));
        assert_eq!(meta.port, Some(5433));
        assert_eq!(meta.fields[&"scheme".parse().unwrap()], "postgres");
        assert!(!format!("{meta:?}").contains("hunter2"));
    }

    #[test]
    fn what_the_user_set_stays() {
        let mut mine = Metadata::default();
        mine.port = Some(1);
        mine.set(Attr::Host, Some("mine".into()));
        let meta = learned("postgres://app:hunter2@db.internal:5433/shop", mine);
        assert_eq!((meta.get(Attr::Host), meta.port), (Some("mine"), Some(1)));
    }
}
