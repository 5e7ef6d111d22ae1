//! Bearer tokens: `Authorization: Bearer …`.

use super::checks;
use super::{Field, Kind};

pub(super) const KIND: Kind = Kind {
    name: "bearer_token",
    aliases: &["token", "bearer"],
    about: "A token sent as Authorization: Bearer",
    fields: &[
        Field::secret("token", "The token, without the word Bearer")
            .service("put the new token in the place of the old one{at}")
            .env("TOKEN")
            .example("t-0123456789")
            .check(checks::token),
        Field::public("username", "Account it belongs to").example("app"),
        Field::public("url", "Address of the API").example("https://api.example.com/v1"),
        Field::public("host", "Host of the API, if there is no address").example("api.example.com"),
    ],
    open: false,
    learn: None,
};
