//! Addresses and ports. What an address keeps secret is refused; nothing here quotes a value.

use super::public::{check_value, smells};
use super::services;
use crate::error::{Error, ErrorKind, Result};

/// Reads a TCP port.
///
/// # Errors
/// Usage, unless it is a whole number from 1 to 65535.
pub fn parse_port(text: &str) -> Result<u16> {
    // `u16` would also take a plus sign
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = if digits { text.parse().ok() } else { None };
    port.filter(|port| *port != 0).ok_or_else(not_a_port)
}

/// Checks an address, `scheme://host` and whatever follows, and hands it back as it is.
///
/// # Errors
/// Usage when it is malformed; refused when it carries a password or a token.
pub fn parse_url(text: &str) -> Result<String> {
    check_value(text)?;
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Error::usage("an address has no white space and no control characters")
            .hint("write it like https://example.com/path, with %20 for a space"));
    }
    let (scheme, rest) = text.split_once("://").ok_or_else(not_a_url)?;
    let (authority, query) = split_authority(rest);
    let (user, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    if services::is_token(user) {
        return Err(address_with("a token"));
    }
    if query.split(['?', '&', '#', ';']).skip(1).any(is_secret_pair) {
        return Err(address_with("a secret"));
    }
    let (host, port) = split_host(place);
    if !is_scheme(scheme) || !is_host(host) {
        return Err(not_a_url());
    }
    port.map_or(Ok(0), parse_port)?;
    Ok(text.to_owned())
}

/// The host of an address.
pub(super) fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let (authority, _) = split_authority(rest);
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    Some(split_host(place).0)
}

/// Whether what follows `://` has a password before its host. Passwords are pasted unescaped, with
/// slashes in them, so `user:` must be followed by a port and nothing else to pass for a host.
pub(super) fn has_password(rest: &str) -> bool {
    let rest = rest.split(char::is_whitespace).next().unwrap_or_default();
    let Some((user, _)) = rest.rsplit_once('@') else {
        return false;
    };
    let (authority, tail) = split_authority(user);
    let Some((_, password)) = authority.split_once(':') else {
        return false;
    };
    if tail.is_empty() {
        return !password.is_empty();
    }
    !authority.starts_with('[') && parse_port(password).is_err()
}

/// Refuses what is not a name or an IP address.
pub(super) fn check_host(host: &str) -> Result<()> {
    check_value(host)?;
    let odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '/' | '@' | '?' | '#');
    match host.contains(odd) {
        true => Err(Error::usage("not a host")
            .hint("write a name or an IP address; use --url for an address")),
        false => Ok(()),
    }
}

/// The refusal of an address that carries `what`.
pub(super) fn address_with(what: &str) -> Error {
    Error::new(
        ErrorKind::Refused,
        format!("there is {what} in the address, which is stored in clear"),
    )
    .hint("leave it out of the address and store it sealed")
    .hint("to keep a whole address sealed: --type connection_string")
}

pub(super) fn not_a_port() -> Error {
    Error::usage("not a port").hint("write a whole number from 1 to 65535")
}

/// A host, brackets included, and the text behind its colon.
pub(super) fn split_host(place: &str) -> (&str, Option<&str>) {
    let after = place.rfind(']').map_or(0, |at| at + 1);
    place[after..]
        .find(':')
        .map_or((place, None), |at| (&place[..after + at], Some(&place[after + at + 1..])))
}

fn split_authority(rest: &str) -> (&str, &str) {
    rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()))
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.:".contains(&b))
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let letter = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    (1..=253).contains(&host.len()) && host.chars().all(letter)
}

fn is_secret_pair(pair: &str) -> bool {
    pair.split_once('=').is_some_and(|(key, value)| {
        !value.is_empty() && smells(&key.to_ascii_lowercase().replace('-', "_"))
    })
}

fn not_a_url() -> Error {
    Error::usage("not an address").hint("write it in full: https://example.com/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses() {
        for good in [
            "https://example.com",
            "http://localhost:8080/a?b=c#d",
            "ssh://git@example.com/x",
            "https://[::1]:443/",
            "https://registry.example:4873/@scope/x",
            "postgres://db/x",
            "https://größe.example/",
            "https://example.com/a:b@c",
            "jdbc:mysql://db/x",
        ] {
            assert_eq!(parse_url(good).as_deref().ok(), Some(good));
        }
        for bad in [
            "",
            "example.com",
            "https://",
            "https:///x",
            "://x",
            "1x://x",
            "https://a b",
            "https://a\n",
            "https://x:0/",
            "https://x:65536",
            "https://x:",
            "https://x:+1",
            "https://[::1",
            "https://[x]/",
            "https://a<b>/",
            "https://a\0",
        ] {
            assert_eq!(parse_url(bad).unwrap_err().kind(), ErrorKind::Usage, "{bad:?}");
        }
    }

    #[test]
    fn addresses_with_secrets_are_refused() {
        for bad in [
            "https://user:pw@example.com",
            "https://:pw@example.com/",
            "https://u:p/w@example.com",
            "https://u:p@w@example.com",
            "https://u:p?w#@example.com",
            "https://ghp_x@github.com/",
            "https://example.com/?password=x",
            "https://example.com/?a=b&access_token=x",
            "https://example.com/?next=https://u:p@x",
        ] {
            let error = parse_url(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Refused, "{bad}");
            assert!(!error.message().contains("pw") && !error.hints().is_empty());
        }
    }

    #[test]
    fn ports() {
        assert_eq!(parse_port("1").ok(), Some(1));
        assert_eq!(parse_port("65535").ok(), Some(65_535));
        for bad in ["", "0", "65536", "-1", "+1", " 1", "1 ", "x", "99999999999999999999"] {
            assert_eq!(parse_port(bad).unwrap_err().kind(), ErrorKind::Usage, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn passwords_before_a_host_are_found(password in "[^0-9\\s][^\\s]{0,20}") {
            let url = format!("https://user:{password}@example.com/x");
            prop_assert!(parse_url(&url).is_err(), "{url}");
        }

        #[test]
        fn any_text_is_survived(text: String, url in "[a-c:/?#@\\[\\]=&%é ]{0,30}") {
            for text in [&text, &url] {
                let _ = (parse_url(text), parse_port(text), host_of(text), check_host(text));
            }
        }
    }
}
