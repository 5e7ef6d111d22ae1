//! API keys: one value, sent in a header or in the query.

use super::checks;
use super::{Field, Kind};

pub(super) const KIND: Kind = Kind {
    name: "api_key",
    aliases: &[],
    about: "An API key, sent in a header or in the query",
    fields: &[
        Field::secret("api_key", "The key")
            .service("put the new key in the place of the old one{at}")
            .env("API_KEY")
            .example("k-0123456789")
            .check(checks::token),
        Field::public("username", "Account or key ID it belongs to").example("app"),
        Field::public("url", "Address of the API").example("https://api.example.com/v1"),
        Field::public("host", "Host of the API, if there is no address").example("api.example.com"),
        Field::public("header", "Header that carries the key").example("X-Api-Key"),
        Field::public("query", "Query parameter that carries the key").example("key"),
    ],
    open: false,
    learn: None,
};
