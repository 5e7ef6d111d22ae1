//! TLS certificates with their private key. The expiry is read from the certificate; no signature
//! or chain is checked.

use super::{Field, Kind, checks, value_of};
use crate::model::{FieldName, Metadata, Secret, Timestamp};
use data_encoding::BASE64;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::BasicConstraints;
use zeroize::Zeroizing;

pub(super) const KIND: Kind = Kind {
    name: "certificate",
    aliases: &["cert", "tls"],
    about: "A TLS certificate and its private key; expiry is read from it",
    fields: &[
        Field::secret("private_key", "Private key, in PEM")
            .service(
                "install the new key with its certificate{at}, and let the server read them anew",
            )
            .env("TLS_PRIVATE_KEY")
            .example("-----BEGIN PRIVATE KEY-----\n…\n-----END PRIVATE KEY-----\n")
            .check(checks::pem_private_key),
        Field::secret("passphrase", "Passphrase of the private key")
            .service("give the key file the new passphrase: `openssl pkey -aes256`")
            .env("TLS_PASSPHRASE")
            .example("correct-horse-battery-staple")
            .check(checks::one_line)
            .optional(),
        Field::public("chain", "Certificate and those that signed it, in PEM")
            .env("TLS_CERTIFICATE")
            .example("-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n"),
        Field::public("host", "Name it is for").example("www.example.com"),
        Field::public("url", "Where it is used").example("https://www.example.com/"),
    ],
    open: false,
    learn: Some(learn),
};

/// More certificates than any real chain has.
const LONGEST_CHAIN: usize = 32;

/// RFC 5280 writes "no expiry" as the last second of the year 9999.
const NEVER: u64 = 253_402_300_799;

fn learn(secrets: &[(FieldName, Secret)], meta: &mut Metadata) {
    if meta.expires_at.is_some() {
        return;
    }
    let chain = meta.fields.iter().find(|(name, _)| name.as_str() == "chain");
    let public = chain.and_then(|(_, pem)| expiry(pem));
    let bundled = || {
        let bundle = value_of(secrets, "private_key")?;
        expiry(std::str::from_utf8(bundle).ok()?)
    };
    meta.expires_at = public.or_else(bundled);
}

/// When the leaf ends: the first certificate that is not an authority's, else the first.
fn expiry(pem: &str) -> Option<Timestamp> {
    let chain: Vec<_> = certificates(pem).take(LONGEST_CHAIN).collect();
    let leaf = chain.iter().find(|cert| !is_authority(cert)).or(chain.first())?;
    let end = leaf.tbs_certificate().validity().not_after.to_unix_duration();
    let millis = i64::try_from(end.as_millis()).ok()?;
    (end.as_secs() < NEVER).then_some(Timestamp(millis))
}

/// The certificates of a PEM file that can be read; whatever else is in it is passed over.
fn certificates(pem: &str) -> impl Iterator<Item = Certificate> {
    pem.split("-----BEGIN CERTIFICATE-----").skip(1).filter_map(|block| {
        let (body, _) = block.split_once("-----END CERTIFICATE-----")?;
        // in a damaged bundle this may be the private key
        let mut base64 = Zeroizing::new(Vec::with_capacity(body.len()));
        base64.extend(body.bytes().filter(|byte| !byte.is_ascii_whitespace()));
        Certificate::from_der(&BASE64.decode(&base64).ok()?).ok()
    })
}

fn is_authority(cert: &Certificate) -> bool {
    let constraints = cert.tbs_certificate().get_extension::<BasicConstraints>();
    matches!(constraints, Ok(Some((_, constraints))) if constraints.ca)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    const AUTHORITY: &str = "\
-----BEGIN CERTIFICATE-----
MIIBcDCCARegAwIBAgIUA4b3cTr6CxZnC5UyN+21xfg+IBwwCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCQ0EwIBcNMjYxMTIxMjMyNDIzWhgPMjA1MTA3MTMyMzI0MjNa
MA0xCzAJBgNVBAMMAkNBMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAETf9nI76C
G9DpXXz7VMi5wjomUUPKZMI7922koUFsCmpesR3rRt4JicNvP8OSQpyRgWcxkNL8
4ip23P/HamwMFKNTMFEwHQYDVR0OBBYEFC/oM2btFORy4yxqiVjRNBotYEmpMB8G
A1UdIwQYMBaAFC/oM2btFORy4yxqiVjRNBotYEmpMA8GA1UdEwEB/wQFMAMBAf8w
CgYIKoZIzj0EAwIDRwAwRAIgf3OCKeNhs8k/n6gf263fDrF3g1EPasLzT73wVqR4
7vYCICMrkMqmej1WIcwWK51r5sJ5y5qS/GNbj476Lvb5a5dk
-----END CERTIFICATE-----
";
    const LEAF: &str = "\
-----BEGIN CERTIFICATE-----
MIIBFzCBvQIUWjxj3ocgVl5n/ZRGTKEvBqDgeHUwCgYIKoZIzj0EAwIwDTELMAkG
A1UEAwwCQ0EwHhcNMjYxMTIxMjMyNDIzWhcNMjgxMTIwMjMyNDIzWjAPMQ0wCwYD
VQQDDARsZWFmMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAErgk75h1TPjwMcQaS
guPe1IVmcZXGXdMIjdIr7LjQJ1sXcmZgmYfYZ+ExbTXO9INWv2ZhcBiN/lIHsOIW
yGFRnTAKBggqhkjOPQQDAgNJADBGAiEA7i1Y86rUq7zkukHDnQNJu0NhLT9Ca+ve
S74Om7noaL8CIQCoKkMjrs8Nj3Mhgf4e5PWyX1oYARpXpC6MKQwNkAtjiw==
-----END CERTIFICATE-----
";
    const LEAF_ENDS: &str = "2028-11-20T23:24:23.000Z";
    const AUTHORITY_ENDS: &str = "2051-07-13T23:24:23.000Z";

    fn learned(private_key: &str, chain: Option<&str>) -> Option<String> {
        let secrets =
            [("private_key".parse().unwrap(), Secret::from_bytes(private_key.as_bytes()))];
        let mut meta = Metadata::default();
        if let Some(chain) = chain {
            meta.fields.insert("chain".parse().unwrap(), chain.to_owned());
        }
        let before = meta.fields.clone();
        learn(&secrets, &mut meta);
        assert_eq!(meta.fields, before);
        meta.expires_at.map(|at| at.to_string())
    }

    #[test]
    fn the_leaf_tells_the_expiry_wherever_it_stands() {
        let leaf = Some(LEAF_ENDS.to_owned());
        assert_eq!(learned(KEY, Some(LEAF)), leaf);
        assert_eq!(learned(KEY, Some(&format!("{LEAF}{AUTHORITY}"))), leaf);
        assert_eq!(learned(KEY, Some(&format!("{AUTHORITY}{LEAF}"))), leaf);
        assert_eq!(learned(&format!("{KEY}{LEAF}"), None), leaf);
        assert_eq!(learned(&format!("{LEAF}{KEY}"), Some("nonsense")), leaf);
        assert_eq!(learned(&LEAF.replace('\n', "\r\n"), None), leaf);
        assert_eq!(learned(AUTHORITY, None).as_deref(), Some(AUTHORITY_ENDS));
        assert_eq!(learned(KEY, None), None);
    }

    #[test]
    fn what_the_user_set_stays() {
        let mut meta = Metadata::default();
        meta.expires_at = Some(Timestamp(1));
        learn(&[("private_key".parse().unwrap(), Secret::from_bytes(LEAF.as_bytes()))], &mut meta);
        assert_eq!(meta.expires_at, Some(Timestamp(1)));
    }

    #[test]
    fn a_cut_certificate_says_nothing() {
        for end in (0..LEAF.len()).step_by(7) {
            assert_eq!(learned(&LEAF[..end], None), None);
        }
    }

    proptest! {
        #[test]
        fn damage_is_survived(at in 0..LEAF.len(), byte in "[A-Za-z+/=\n-]") {
            let mut pem = LEAF.to_owned();
            pem.replace_range(at..=at, &byte);
            learned(&pem, Some(&pem));
        }

        #[test]
        fn any_der_is_survived(bytes: Vec<u8>) {
            let body = BASE64.encode(&bytes);
            learned(&format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"), None);
        }
    }
}
