//! Passwords for people.

use super::{Field, Kind, checks, totp};

pub(super) const KIND: Kind = Kind {
    name: "password",
    aliases: &[],
    about: "A user name and password, as typed into a login form",
    fields: &[
        Field::secret("password", "The password")
            .service("log in{at} and change the password there")
            .env("PASSWORD")
            .example("correct-horse-battery-staple")
            .check(checks::one_line),
        totp::FIELD,
        Field::public("username", "Name to log in with")
            .env("LOGIN_USER")
            .example("alice@example.com"),
        Field::public("url", "Where to log in").example("https://example.com/login"),
    ],
    open: false,
    learn: None,
};
