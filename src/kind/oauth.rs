//! OAuth 2 clients and the tokens they were given.

use super::checks;
use super::{Field, Kind};

pub(super) const KIND: Kind = Kind {
    name: "oauth",
    aliases: &["oauth2"],
    about: "An OAuth 2 client and its tokens",
    fields: &[
        Field::secret("client_secret", "Secret of the client")
            .service("enter the new secret in the settings of the application{at}")
            .env("OAUTH_CLIENT_SECRET")
            .example("s-0123456789")
            .check(checks::one_line),
        Field::secret("refresh_token", "Token that gets new access tokens")
            .service("revoke the old token{at}")
            .env("OAUTH_REFRESH_TOKEN")
            .example("r-0123456789")
            .check(checks::token)
            .optional(),
        Field::secret("access_token", "Token that is sent with requests")
            .service("revoke the old token{at}")
            .env("OAUTH_ACCESS_TOKEN")
            .example("a-0123456789")
            .check(checks::token)
            .optional(),
        Field::public("client_id", "Public name of the client")
            .env("OAUTH_CLIENT_ID")
            .example("app-1234"),
        Field::public("token_url", "Where tokens are issued")
            .env("OAUTH_TOKEN_URL")
            .example("https://login.example.com/oauth/token"),
        Field::public("scopes", "What may be asked for, separated by spaces")
            .env("OAUTH_SCOPES")
            .example("openid profile"),
        Field::public("username", "Account that gave consent").example("alice@example.com"),
        Field::public("url", "Address of the API").example("https://api.example.com/"),
    ],
    open: false,
    learn: None,
};
