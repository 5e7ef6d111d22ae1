//! Reads a connection string for the program that it is meant for: all of it, the password too. What may be
//! known in clear is for [`dsn`] to say.

use super::dsn::{self, percent_decode};
use zeroize::Zeroizing;

/// All that an address says, decoded. Nothing of it is guessed: what can be read in two ways is not read.
#[derive(Default)]
pub(super) struct Whole {
    /// A known scheme; none for keywords of libpq.
    pub(super) scheme: Option<&'static str>,
    parts: Vec<(&'static str, Zeroizing<String>)>,
}

impl Whole {
    /// Nothing when it is not understood.
    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let text = dsn::clean(value)?;
        match dsn::split_scheme(text) {
            Some((scheme, rest)) => {
                let mut whole =
                    Self { scheme: Some(dsn::known_scheme(scheme)?), ..Self::default() };
                whole.read_rest(rest)?;
                Some(whole)
            }
            None => Some(Self { scheme: None, parts: dsn::keywords(text)? }),
        }
    }

    /// A part by its keyword in libpq: `host`, `port`, `user`, `password`, `dbname`, `sslmode`, …
    pub(super) fn part(self, key: &str) -> Option<Zeroizing<String>> {
        // parameters come last, and count
        self.parts.into_iter().rev().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    fn read_rest(&mut self, rest: &str) -> Option<()> {
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let (user, place) = match rest.rsplit_once('@') {
            // the `@` may belong to a parameter
            Some((user, _)) if user.contains(['?', ';']) => return None,
            Some((user, place)) => (user, place),
            None => ("", rest),
        };
        let (place, query) = place.split_once('?').unwrap_or((place, ""));
        let (authority, path) = place.split_once('/').unwrap_or((place, ""));
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        let (hosts, ports) = hosts(authority);
        for (key, text) in [("host", &*hosts), ("port", &*ports), ("user", name)] {
            self.add(key, text)?;
        }
        self.add("password", password)?;
        self.add("dbname", path)?;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=')?;
            if let Some(known) = PARAMETERS.iter().find(|known| **known == key) {
                self.add(known, value)?;
            }
        }
        Some(())
    }

    fn add(&mut self, key: &'static str, text: &str) -> Option<()> {
        if !text.is_empty() {
            self.parts.push((key, percent_decode(text)?));
        }
        Some(())
    }
}

/// The hosts and the ports, with commas if there are several, without brackets.
fn hosts(authority: &str) -> (String, String) {
    let split = |place| {
        let (host, port) = super::address::split_host(place);
        (host.trim_start_matches('[').trim_end_matches(']'), port.unwrap_or_default())
    };
    let (hosts, ports): (Vec<&str>, Vec<&str>) = authority.split(',').map(split).unzip();
    let ports = if ports.iter().all(|port| port.is_empty()) { Vec::new() } else { ports };
    (hosts.join(","), ports.join(","))
}

const PARAMETERS: &[&str] = &[
    "channel_binding",
    "dbname",
    "host",
    "options",
    "password",
    "port",
    "sslmode",
    "sslrootcert",
    "user",
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(text: &str) -> Vec<String> {
        ["host", "port", "user", "password", "dbname", "sslmode"]
            .map(|key| {
                let found = Whole::read(text.as_bytes()).and_then(|whole| whole.part(key));
                found.map(|value| value.to_string()).unwrap_or_default()
            })
            .to_vec()
    }

    #[test]
    fn addresses_are_read_in_full() {
        for (text, expected) in [
            ("postgres://app:p%40s@db:5433/shop", ["db", "5433", "app", "p@s", "shop", ""]),
            ("postgresql+psycopg2://app:p@ss@db/shop", ["db", "", "app", "p@ss", "shop", ""]),
            (
                "postgres://postgres:postgres@db/postgres?sslmode=require&x=y",
                ["db", "", "postgres", "postgres", "postgres", "require"],
            ),
            ("postgres:///shop?host=/run/pg&user=app", ["/run/pg", "", "app", "", "shop", ""]),
            ("postgres://a:b@[::1]:5432/c", ["::1", "5432", "a", "b", "c", ""]),
            ("postgres://a:b@x:1,y:2/c", ["x,y", "1,2", "a", "b", "c", ""]),
            ("redis://:pw@cache", ["cache", "", "", "pw", "", ""]),
            ("host=db password='it\\'s'  dbname=x", ["db", "", "", "it's", "x", ""]),
            ("postgres://a:p?s@db/c", [""; 6]),
            ("postgres://a:%zz@db/c", [""; 6]),
            ("slack://T0/B0/secret", [""; 6]),
            ("hunter2", [""; 6]),
        ] {
            assert_eq!(parts(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn encoded_passwords_arrive(password in "\\PC{1,20}") {
            let encoded = crate::formats::quote::url(password.as_bytes()).unwrap();
            let encoded = std::str::from_utf8(&encoded).unwrap();
            let dsn = format!("postgres://app:{encoded}@db:5432/shop?sslmode=require");
            prop_assert_eq!(parts(&dsn), ["db", "5432", "app", &password, "shop", "require"]);
        }
    }
}
