//! Shared secrets: signing keys of webhooks, HMAC keys, pre-shared keys.

use super::checks;
use super::{Field, Kind};

pub(super) const KIND: Kind = Kind {
    name: "shared_secret",
    aliases: &[],
    about: "A secret both sides know, such as the signing key of a webhook",
    fields: &[
        Field::secret("secret", "The secret")
            .service("give the other side{at} the new secret")
            .env("SHARED_SECRET")
            .example("whs-0123456789")
            .check(checks::one_line),
        Field::public("username", "Account or key ID it belongs to").example("app"),
        Field::public("url", "Where it is used").example("https://example.com/hook"),
        Field::public("host", "Other side's name or address").example("vpn.example.com"),
    ],
    open: false,
    learn: None,
};
