//! Anything else: the user names the fields.

use super::{Field, Kind};

pub(super) const KIND: Kind = Kind {
    name: "custom",
    aliases: &[],
    about: "Anything else, with fields of your own",
    fields: &[
        Field::public("username", "Account it belongs to").example("app"),
        Field::public("url", "Where it is used").example("https://example.com/"),
        Field::public("host", "Server name or address").example("db.internal"),
        Field::public("port", "Port").example("8443"),
        Field::public("database", "Name of the database").example("app"),
    ],
    open: true,
    learn: None,
};
