//! What sort of content a file has: its media type (RFC 6838), told by its first bytes or by the
//! ending of its name. What is one plain line has none: it is a password, a token, a key.

/// The media type of a value that came from a file whose name ends with `extension`.
#[must_use]
pub fn of(value: &[u8], extension: Option<&str>) -> Option<&'static str> {
    let text = std::str::from_utf8(value).ok().filter(|text| !text.chars().any(is_odd));
    if text.is_some_and(|text| text.trim_end_matches(['\r', '\n']).lines().count() <= 1) {
        return None;
    }
    let begins = |magic: &&(&[u8], &str)| value.starts_with(magic.0);
    let magic = MAGIC.iter().find(begins).map(|(_, media)| *media);
    let extension = extension.map(str::to_ascii_lowercase).unwrap_or_default();
    let ending = || {
        let of_text = if text.is_some() { TEXTS } else { BINARIES };
        of_text.iter().find(|(ending, _)| *ending == extension).map(|(_, media)| *media)
    };
    let any = if text.is_some() { "text/plain" } else { "application/octet-stream" };
    Some(magic.or_else(|| pkcs12(value)).or_else(ending).unwrap_or(any))
}

/// Whether text has no business with `c`.
fn is_odd(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}')
}

/// A PKCS #12 store: a DER sequence that begins with the version, 3, and another sequence.
fn pkcs12(value: &[u8]) -> Option<&'static str> {
    let (&[0x30, length], rest) = value.split_first_chunk::<2>()? else {
        return None;
    };
    let skip = if length < 0x80 { 0 } else { usize::from(length & 0x7f) };
    rest.get(skip..)?.starts_with(b"\x02\x01\x03\x30").then_some("application/x-pkcs12")
}

/// What a file begins with.
const MAGIC: &[(&[u8], &str)] = &[
    (b"%PDF-", "application/pdf"),
    (b"-----BEGIN PGP ", "application/pgp-keys"),
    (b"-----BEGIN AGE ENCRYPTED FILE", "application/age"),
    (b"-----BEGIN ", "application/x-pem-file"),
    (b"age-encryption.org/", "application/age"),
    (b"<?xml", "application/xml"),
    (b"PK\x03\x04", "application/zip"),
    (b"PuTTY-User-Key-File-", "application/x-putty-private-key"),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
    (b"\x03\xd9\xa2\x9a", "application/x-keepass2"),
    (b"\x1f\x8b", "application/gzip"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xce\xce\xce\xce", "application/x-java-jce-keystore"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"\xfe\xed\xfe\xed", "application/x-java-keystore"),
    (b"\xff\xd8\xff", "image/jpeg"),
];

/// How the names of text files end.
const TEXTS: &[(&str, &str)] = &[
    ("asc", "application/pgp-keys"),
    ("csv", "text/csv"),
    ("json", "application/json"),
    ("ovpn", "application/x-openvpn-profile"),
    ("toml", "application/toml"),
    ("xml", "application/xml"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
];

/// How the names of other files end.
const BINARIES: &[(&str, &str)] = &[
    ("cer", "application/pkix-cert"),
    ("crt", "application/pkix-cert"),
    ("der", "application/pkix-cert"),
    ("gpg", "application/pgp-keys"),
    ("jks", "application/x-java-keystore"),
    ("keytab", "application/x-kerberos-keytab"),
    ("p12", "application/x-pkcs12"),
    ("p7b", "application/x-pkcs7-certificates"),
    ("p8", "application/pkcs8"),
    ("pfx", "application/x-pkcs12"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_plain_line_is_no_file() {
        for value in ["hunter2", "hunter2\n", "hunter2\r\n", "{\"a\":1}", "p\u{e4}ss", "a\tb", ""] {
            assert_eq!(of(value.as_bytes(), Some("json")), None, "{value:?}");
        }
    }

    #[test]
    fn content_comes_before_the_name() {
        let rows: [(&[u8], &str, &str); 11] = [
            (b"%PDF-1.7\n\xff", "txt", "application/pdf"),
            (b"-----BEGIN PRIVATE KEY-----\nx\n", "json", "application/x-pem-file"),
            (b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nx\n", "", "application/pgp-keys"),
            (b"{\n}\n", "JSON", "application/json"),
            (b"{\n}\n", "p12", "text/plain"),
            (b"a\nb", "", "text/plain"),
            (b"a\0b", "json", "application/octet-stream"),
            (b"\xff\xfe", "PFX", "application/x-pkcs12"),
            (b"\x30\x82\x01\x02\x02\x01\x03\x30\xff", "der", "application/x-pkcs12"),
            (b"\x30\x82\x01\x02\x30\xff", "der", "application/pkix-cert"),
            (b"a\x1b[2J", "", "application/octet-stream"),
        ];
        for (value, extension, media) in rows {
            assert_eq!(of(value, Some(extension)), Some(media), "{value:?}");
        }
        assert_eq!(of(b"\x30", None), None); // the digit 0
    }

    #[test]
    fn every_media_type_is_one() {
        let all =
            MAGIC.iter().map(|row| row.1).chain(TEXTS.iter().chain(BINARIES).map(|row| row.1));
        for media in all {
            let part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
            let parts: Vec<_> = media.split('/').collect();
            assert_eq!(parts.len(), 2, "{media}");
            assert!(parts.iter().all(|p| !p.is_empty() && p.chars().all(part)), "{media}");
        }
    }
}
