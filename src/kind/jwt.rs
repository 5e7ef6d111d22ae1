//! JSON web tokens. Expiry and issuer are read from the token; its signature is not checked, so
//! neither is proof of anything.

use super::checks;
use super::{Field, Kind, fill, public, value_of};
use crate::model::{FieldName, Metadata, Secret, Timestamp};
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use zeroize::Zeroizing;

pub(super) const KIND: Kind = Kind {
    name: "jwt",
    aliases: &[],
    about: "A JSON web token; expiry and issuer are read from it",
    fields: &[
        Field::secret("token", "The token, without the word Bearer")
            .service("use the new token in the place of the old one{at}, and revoke the old one")
            .env("TOKEN")
            .example("eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJleGFtcGxlIn0.c2lnbmF0dXJl")
            .check(checks::jwt),
        Field::public("issuer", "Who issued it").example("https://login.example.com/"),
        Field::public("username", "Account it belongs to").example("app"),
        Field::public("url", "Where it is used").example("https://api.example.com/"),
    ],
    open: false,
    learn: Some(learn),
};

/// The claims that are read; all others stay where they are.
#[derive(Deserialize)]
struct Claims {
    exp: Option<f64>,
    iss: Option<String>,
}

/// The end of the year 9999: later moments cannot be written down.
const LAST_SECOND: f64 = 253_402_300_799.0;

fn learn(secrets: &[(FieldName, Secret)], meta: &mut Metadata) {
    let Some(claims) = value_of(secrets, "token").and_then(claims) else {
        return;
    };
    if meta.expires_at.is_none() {
        meta.expires_at = claims.exp.and_then(moment);
    }
    if let Some(issuer) = claims.iss.filter(|issuer| is_plain(issuer)) {
        fill(meta, "issuer", &issuer);
    }
}

fn claims(token: &[u8]) -> Option<Claims> {
    let mut parts = token.trim_ascii().split(|byte| *byte == b'.');
    let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let json = Zeroizing::new(BASE64URL_NOPAD.decode(payload).ok()?);
    serde_json::from_slice(&json).ok()
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked first")]
fn moment(seconds: f64) -> Option<Timestamp> {
    let fits = (1.0..=LAST_SECOND).contains(&seconds);
    fits.then_some(Timestamp((seconds * 1000.0) as i64))
}

/// An issuer is a name or an address; anything longer or odder is not copied into the clear.
fn is_plain(issuer: &str) -> bool {
    let length = 1..=255;
    length.contains(&issuer.len())
        && !issuer.chars().any(char::is_control)
        && public::check_value(issuer).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn learned(payload: &str, mut meta: Metadata) -> Metadata {
        let token = format!("e30.{}.c2ln", BASE64URL_NOPAD.encode(payload.as_bytes()));
        let secrets = [("token".parse().unwrap(), Secret::from_bytes(token.as_bytes()))];
        learn(&secrets, &mut meta);
        meta
    }

    #[test]
    fn expiry_and_issuer_are_read() {
        let meta = learned(r#"{"exp":1800000000,"iss":"me","sub":"x"}"#, Metadata::default());
        assert_eq!(meta.expires_at, Some(Timestamp(1_800_000_000_000)));
        assert_eq!(meta.fields[&"issuer".parse().unwrap()], "me");
        assert_eq!(meta.fields.len(), 1);
    }

    #[test]
    fn what_the_user_set_stays() {
        let mut mine = Metadata::default();
        mine.expires_at = Some(Timestamp(1));
        mine.fields.insert("issuer".parse().unwrap(), "mine".into());
        assert_eq!(learned(r#"{"exp":1800000000,"iss":"me"}"#, mine.clone()), mine);
    }

    #[test]
    fn odd_claims_are_left_alone() {
        for odd in [
            "",
            "[]",
            "7",
            "{",
            r#"{"exp":"soon"}"#,
            r#"{"exp":-1}"#,
            r#"{"exp":1e300}"#,
            r#"{"exp":1,"exp":2}"#,
            r#"{"iss":7}"#,
            r#"{"iss":""}"#,
            r#"{"iss":"a\u0000b"}"#,
            r#"{"iss":"https://u:p@example.com/"}"#,
            r#"{"exp":null,"iss":null}"#,
        ] {
            assert_eq!(learned(odd, Metadata::default()), Metadata::default(), "{odd}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            let secrets = [("token".parse().unwrap(), Secret::from_bytes(&bytes))];
            learn(&secrets, &mut Metadata::default());
        }

        #[test]
        fn any_payload_is_survived(payload: String) {
            learned(&payload, Metadata::default());
        }
    }
}
