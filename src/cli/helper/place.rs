//! Places on the network, as programs ask for them and as credentials name them. Only a credential whose
//! own address says that it is for a place is ever handed out there. Knows nothing of vaults.

use std::net::Ipv6Addr;

/// A scheme, a host and a port; a path, if there is one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    scheme: String,
    /// In small letters; an IPv6 address as Rust writes it, in brackets.
    host: String,
    port: Option<u16>,
    /// Without the slashes around it.
    path: String,
}

/// How well what is stored fits what is asked for: the greater the better.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Fit {
    /// Nobody told the path, and what is stored is for one.
    AnyPath,
    /// What is stored is for all that begins with so many bytes.
    Below(usize),
}

impl Place {
    /// An address, as a credential has it, and the user in it.
    #[must_use]
    pub fn of_url(url: &str) -> Option<(Self, Option<&str>)> {
        let (scheme, rest) = url.split_once("://")?;
        let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (user, authority) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user.split(':').next().unwrap_or(user)), place),
            None => (None, authority),
        };
        if user.is_some_and(|user| user.contains(['\\', '@', '['])) {
            return None; // readers disagree on where such a user ends
        }
        let path = tail.split(['?', '#']).next().unwrap_or_default();
        Some((Self::of(scheme, authority, path)?, user.filter(|user| !user.is_empty())))
    }

    /// A place as a program takes it apart. Nothing for what could mean another host to somebody else.
    #[must_use]
    pub fn of(scheme: &str, authority: &str, path: &str) -> Option<Self> {
        if path.contains(char::is_control) {
            return None;
        }
        let after = authority.rfind(']').map_or(0, |at| at + 1);
        let (name, port) = match authority[after..].find(':') {
            Some(colon) => authority.split_at(after + colon),
            None => (authority, ""),
        };
        let port = match port.strip_prefix(':') {
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                Some(digits.parse().ok().filter(|port| *port != 0)?)
            }
            Some(_) => return None,
            None => usual_port(scheme),
        };
        let scheme = scheme.to_ascii_lowercase();
        Some(Self { scheme, host: host(name)?, port, path: path.trim_matches('/').to_owned() })
    }

    /// Whether what is kept for this place may be handed out at the place `asked`, and how well it fits.
    #[must_use]
    pub fn serves(&self, asked: &Self) -> Option<Fit> {
        if (&self.scheme, &self.host, self.port) != (&asked.scheme, &asked.host, asked.port) {
            return None;
        }
        match (self.path.as_str(), asked.path.as_str()) {
            ("", _) => Some(Fit::Below(0)),
            (_, "") => Some(Fit::AnyPath),
            (kept, path) if is_below(kept, path) => Some(Fit::Below(kept.len())),
            _ => None,
        }
    }

    /// How it is reached.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The host alone.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Host, port if it is not the usual one, and path: part of a name.
    #[must_use]
    pub fn short(&self) -> String {
        let port = self.port.filter(|port| Some(*port) != usual_port(&self.scheme));
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let slash = if self.path.is_empty() { "" } else { "/" };
        format!("{}{port}{slash}{}", self.host, self.path)
    }

    /// The address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.short())
    }
}

/// Letters, digits, `.`, `-` and `_`, not beginning or ending with a dot; or an IPv6 address.
fn host(text: &str) -> Option<String> {
    if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().ok().map(|address| format!("[{address}]"));
    }
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    let is_fine = (1..=253).contains(&text.len())
        && text.chars().all(is_plain)
        && !text.starts_with('.')
        && !text.ends_with('.');
    is_fine.then(|| text.to_ascii_lowercase())
}

/// Whether `path` is `kept` or below it. What servers could read as another path is below none; `.git`
/// at the end makes no difference.
fn is_below(kept: &str, path: &str) -> bool {
    let odd = |part: &str| matches!(part, "" | "." | "..") || part.contains(['%', '\\', ';']);
    if path.split('/').any(odd) {
        return false;
    }
    let kept = kept.strip_suffix(".git").unwrap_or(kept);
    match path.strip_prefix(kept) {
        Some(rest) => {
            matches!(rest, "" | ".git") || rest.starts_with('/') || rest.starts_with(".git/")
        }
        None => false,
    }
}

fn usual_port(scheme: &str) -> Option<u16> {
    match scheme.to_ascii_lowercase().as_str() {
        "http" => Some(80),
        "https" => Some(443),
        "ssh" => Some(22),
        "imap" => Some(143),
        "imaps" => Some(993),
        "smtp" => Some(25),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fit(kept: &str, asked: &str) -> Option<Fit> {
        Place::of_url(kept).unwrap().0.serves(&Place::of_url(asked)?.0)
    }

    #[test]
    fn a_credential_is_for_its_own_place_only() {
        let kept = "https://git.example.com";
        for good in [
            "https://git.example.com",
            "https://git.example.com/",
            "https://GIT.Example.COM:443/acme/x.git",
            "HTTPS://git.example.com/a?b#c",
        ] {
            assert_eq!(fit(kept, good), Some(Fit::Below(0)), "{good}");
        }
        for bad in [
            "http://git.example.com",
            "https://example.com",
            "https://x.git.example.com",
            "https://git.example.com.evil.net",
            "https://evilgit.example.com",
            "https://git.example.com:8443",
            "https://git.example.com.",
            "https://git.example.com@evil.net",
            "https://git.example.com:x@evil.net/",
            "https://evil.net/https://git.example.com",
            "https://evil.net#git.example.com",
            "https://evil.net?@git.example.com",
            "https://evil.net\\@git.example.com",
            "https://git.example.com\r",
            "https://git.example.com%00.evil.net",
            "https://gіt.example.com",
            "https://git.example.com:0",
            "https://git.example.com:+443",
            "https://git.example.com:99999",
            "ssh://git.example.com",
        ] {
            assert_eq!(fit(kept, bad), None, "{bad}");
        }
    }

    #[test]
    fn paths_are_compared_by_their_parts() {
        let kept = "https://h.example/acme/";
        assert_eq!(fit(kept, "https://h.example/acme/x.git"), Some(Fit::Below(4)));
        assert_eq!(fit(kept, "https://h.example/acme"), Some(Fit::Below(4)));
        assert_eq!(fit(kept, "https://h.example"), Some(Fit::AnyPath));
        for bad in [
            "acmeevil",
            "ACME",
            "acme/../evil",
            "acme/%2e%2e/evil",
            "x/acme",
            "acme//x",
            "acme/.\\x",
        ] {
            assert_eq!(fit(kept, &format!("https://h.example/{bad}")), None, "{bad}");
        }
        let kept = "https://h.example/acme/x.git";
        assert!(fit(kept, "https://h.example/acme/x").is_some());
        assert!(fit(kept, "https://h.example/acme/xy.git").is_none());
        assert!(Fit::Below(9) > Fit::Below(4) && Fit::Below(0) > Fit::AnyPath);
    }

    #[test]
    fn addresses_of_the_sixth_version_are_numbers() {
        assert!(fit("https://[::1]:8443", "https://[0:0::1]:8443/x").is_some());
        assert!(fit("https://[::1]", "https://[::2]").is_none());
        assert!(Place::of_url("https://[::1").is_none() && Place::of_url("https://[x]").is_none());
    }

    #[test]
    fn the_user_of_an_address_is_told() {
        assert_eq!(Place::of_url("https://alice@h.example/x").unwrap().1, Some("alice"));
        assert_eq!(Place::of_url("https://h.example/x@y").unwrap().1, None);
        let place = Place::of("https", "h.example:443", "/a/b/").unwrap();
        assert_eq!(
            (place.short().as_str(), place.url().as_str()),
            ("h.example/a/b", "https://h.example/a/b")
        );
        assert_eq!(Place::of("https", "h.example:8443", "").unwrap().short(), "h.example:8443");
    }

    proptest! {
        #[test]
        fn a_host_with_anything_odd_in_it_is_none(
            before in "[a-z.]{0,8}", odd in "[@/\\\\#?%: \\r\\n\\t\\x00<>;,&=]", after in "[a-z.]{1,8}",
        ) {
            prop_assert_eq!(Place::of("https", &format!("{before}{odd}{after}"), ""), None);
        }

        #[test]
        fn no_text_at_all_is_taken_for_another_host(text: String, path in "[a-c./%:@]{0,12}") {
            let kept = Place::of("https", "git.example.com", "a").unwrap();
            let asked = Place::of("https", &text, &path);
            let serves = asked.is_some_and(|asked| kept.serves(&asked).is_some());
            prop_assert!(!serves || text.eq_ignore_ascii_case("git.example.com"));
        }
    }
}
