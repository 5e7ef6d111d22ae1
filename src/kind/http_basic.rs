//! HTTP basic authentication.

use super::checks;
use super::{Field, Kind};

pub(super) const KIND: Kind = Kind {
    name: "http_basic",
    aliases: &["basic"],
    about: "A user name and password for HTTP basic authentication",
    fields: &[
        Field::secret("password", "The password")
            .service("give the user the new password on the server{at}")
            .env("BASIC_AUTH_PASSWORD")
            .example("correct-horse-battery-staple")
            .check(checks::one_line),
        Field::public("username", "Name to log in with").env("BASIC_AUTH_USER").example("app"),
        Field::public("url", "What it opens").example("https://api.example.com/"),
    ],
    open: false,
    learn: None,
};
