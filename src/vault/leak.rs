//! A text that got away, and how a value fits it. Knows nothing of vaults.

use crate::model::Secret;
use data_encoding::{BASE64_NOPAD, HEXLOWER_PERMISSIVE};
use memchr::memmem;
use zeroize::Zeroizing;

/// How a value fits a text; the best first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Fit {
    /// The text is the value, but for white space and quotes around it.
    Exact,
    /// The value stands in the text.
    Inside,
    /// The text is a part of the value.
    Part,
}

/// In what form the value was found.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Encoding {
    /// As it is.
    Plain,
    /// A word in base64, of either alphabet.
    Base64,
    /// A word in hexadecimal digits.
    Hex,
    /// With `%` escapes, as in a URL.
    Url,
    /// With `\` escapes, as in JSON and in quotes.
    Json,
}

impl Fit {
    /// Shorter values and texts fit only as a whole: too many others have them by chance.
    pub const LEAST: usize = 8;

    /// The word for it in tables and JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Inside => "inside",
            Self::Part => "part",
        }
    }
}

impl Encoding {
    /// The word for it in tables and JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Base64 => "base64",
            Self::Hex => "hex",
            Self::Url => "url",
            Self::Json => "json",
        }
    }
}

/// The text, and what it says to those who decode it.
pub(super) struct Leak {
    forms: Vec<Form>,
}

struct Form {
    encoding: Encoding,
    text: Secret,
    /// Whether it is all of the text, and not some words of it.
    is_whole: bool,
}

impl Leak {
    pub(super) fn new(text: &Secret) -> Self {
        let text = text.expose();
        let form =
            |encoding, (bytes, is_whole)| Form { encoding, text: Secret::new(bytes), is_whole };
        let mut forms = vec![
            form(Encoding::Plain, (Zeroizing::new(text.to_vec()), true)),
            form(Encoding::Base64, words(text, is_base64, base64)),
            form(Encoding::Hex, words(text, |byte| byte.is_ascii_hexdigit(), hex)),
            form(Encoding::Url, (unescaped(text, percent), true)),
            form(Encoding::Json, (unescaped(text, backslash), true)),
        ];
        forms.retain(|form| !form.text.is_empty());
        Self { forms }
    }

    /// The best way in which `value` fits, and in which form.
    pub(super) fn fit(&self, value: &[u8]) -> Option<(Fit, Encoding)> {
        let find = |fit, fits: &dyn Fn(&Form, &[u8]) -> bool| {
            let found = self.forms.iter().find(|form| fits(form, form.text.expose()));
            found.map(|form| (fit, form.encoding))
        };
        let bare = value.trim_ascii();
        find(Fit::Exact, &|form, text| form.is_whole && (text == value || is_same(text, bare)))
            .or_else(|| find(Fit::Inside, &|_, text| has(text, bare)))
            .or_else(|| find(Fit::Part, &|_, text| has(value, unquoted(text))))
    }
}

fn is_same(text: &[u8], bare: &[u8]) -> bool {
    !bare.is_empty() && (text.trim_ascii() == bare || unquoted(text) == bare)
}

fn has(text: &[u8], part: &[u8]) -> bool {
    (Fit::LEAST..=text.len()).contains(&part.len()) && memmem::find(text, part).is_some()
}

/// Without the white space and quotes around it.
fn unquoted(mut text: &[u8]) -> &[u8] {
    let around = |byte: &u8| byte.is_ascii_whitespace() || b"\"'`".contains(byte);
    while let [first, rest @ ..] = text
        && around(first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && around(last)
    {
        text = rest;
    }
    text
}

type Bytes = Zeroizing<Vec<u8>>;

/// What the words of `text` decode to, a line each, and whether it is but one word. Short words among
/// others are no encoded secrets.
fn words(
    text: &[u8],
    is_part: fn(u8) -> bool,
    decode: fn(&[u8]) -> Option<Bytes>,
) -> (Bytes, bool) {
    let mut whole = unquoted(text);
    while let [rest @ .., b'='] = whole {
        whole = rest;
    }
    if whole.iter().all(|byte| is_part(*byte)) {
        return (decode(whole).unwrap_or_default(), true);
    }
    // with room for all of them, so that nothing of it is moved
    let mut all = Zeroizing::new(Vec::with_capacity(text.len()));
    let words = text.split(|byte| !is_part(*byte)).filter(|word| word.len() > Fit::LEAST);
    for decoded in words.filter_map(decode) {
        all.extend_from_slice(&decoded);
        all.push(b'\n');
    }
    (all, false)
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte)
}

fn base64(word: &[u8]) -> Option<Bytes> {
    let standard = |byte: &u8| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => *other,
    };
    let word: Bytes = Zeroizing::new(word.iter().map(standard).collect());
    BASE64_NOPAD.decode(&word).ok().map(Zeroizing::new)
}

fn hex(word: &[u8]) -> Option<Bytes> {
    HEXLOWER_PERMISSIVE.decode(word).ok().map(Zeroizing::new)
}

/// With every escape resolved, and the rest as it is; nothing if there is none. `escape` says what the
/// one stands for that `text` begins with, and how long it is.
fn unescaped(text: &[u8], escape: fn(&[u8]) -> Option<(u8, usize)>) -> Bytes {
    let mut plain = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let Some(first) = rest.first() {
        let (byte, length) = escape(rest).unwrap_or((*first, 1));
        plain.push(byte);
        rest = &rest[length..];
    }
    match plain.len() == text.len() {
        true => Bytes::default(),
        false => plain,
    }
}

fn percent(text: &[u8]) -> Option<(u8, usize)> {
    let digits = text.strip_prefix(b"%")?.first_chunk::<2>()?;
    Some((*hex(digits)?.first()?, 3))
}

/// Those of JSON, and the quote of shells. Of `\u` only what is one byte: programs write others as they
/// are.
fn backslash(text: &[u8]) -> Option<(u8, usize)> {
    let [first, rest @ ..] = text.strip_prefix(b"\\")? else { return None };
    let byte = match first {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'"' | b'\'' | b'\\' | b'/' => *first,
        b'u' => {
            let digits = rest.first_chunk::<4>()?.strip_prefix(b"00")?;
            return Some((*hex(digits)?.first().filter(|byte| byte.is_ascii())?, 6));
        }
        _ => return None,
    };
    Some((byte, 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fit(text: &[u8], value: &[u8]) -> Option<(Fit, Encoding)> {
        Leak::new(&Secret::from_bytes(text)).fit(value)
    }

    const VALUE: &[u8] = b"gravel/ostrich 7?";

    #[test]
    fn a_whole_value_in_every_dress() {
        use Encoding::{Base64, Hex, Plain, Url};
        for (text, encoding) in [
            (&b"gravel/ostrich 7?"[..], Plain),
            (b"gravel/ostrich 7?\n", Plain),
            (b"  \"gravel/ostrich 7?\"\r\n", Plain),
            (b"'gravel/ostrich 7?'", Plain),
            (b"Z3JhdmVsL29zdHJpY2ggNz8=", Base64),
            (b"Z3JhdmVsL29zdHJpY2ggNz8\n", Base64),
            (b"67726176656c2f6f73747269636820373F", Hex),
            (b"gravel%2Fostrich%207%3f", Url),
        ] {
            assert_eq!(fit(text, VALUE), Some((Fit::Exact, encoding)));
        }
        assert_eq!(fit(b"_-8_", &[0xff, 0xef, 0x3f]), Some((Fit::Exact, Base64)));
        // and the value in its own
        assert_eq!(fit(b"key", b"key\n"), Some((Fit::Exact, Plain)));
        assert_eq!(fit(b"\"key\"", b"\"key\""), Some((Fit::Exact, Plain)));
        assert_eq!(fit(b" ", b"\n"), None);
    }

    #[test]
    fn a_value_in_a_longer_text() {
        use Encoding::{Base64, Hex, Plain, Url};
        for (text, encoding) in [
            (&b"2026-11-22 login user=app password=gravel/ostrich 7? ok"[..], Plain),
            (b"A=1\nDB_PASSWORD=\"gravel/ostrich 7?\"\nB=2\n", Plain),
            (b"data:\n  password: Z3JhdmVsL29zdHJpY2ggNz8=\n", Base64),
            // user:password
            (b"Authorization: Basic YXBwOmdyYXZlbC9vc3RyaWNoIDc/", Base64),
            (b"0x67726176656c2f6f73747269636820373f;", Hex),
            (b"postgres://app:gravel%2Fostrich%207%3F@db/main", Url),
        ] {
            assert_eq!(fit(text, VALUE), Some((Fit::Inside, encoding)));
        }
        let key = b"-----BEGIN KEY-----\nMIIE/x==\n-----END KEY-----\n";
        let json =
            br#"{"id":1,"private_key":"-----BEGIN KEY-----\nMIIE\/x==\n-----END KEY-----\n"}"#;
        assert_eq!(fit(json, key), Some((Fit::Inside, Encoding::Json)));
        // too short to be told from others
        assert_eq!(fit(b"password=hunter2", b"hunter2"), None);
        assert_eq!(fit(b"password=hunter2!", b"hunter2!"), Some((Fit::Inside, Plain)));
    }

    #[test]
    fn a_text_in_a_longer_value() {
        let dsn = b"postgres://app:hunter2!@db/main";
        assert_eq!(fit(b"hunter2!\n", dsn), Some((Fit::Part, Encoding::Plain)));
        assert_eq!(fit(b"aHVudGVyMiE=", dsn), Some((Fit::Part, Encoding::Base64)));
        assert_eq!(fit(b"hunter2", dsn), None);
        assert_eq!(fit(b"hunter2!x", dsn), None);
    }

    #[test]
    fn what_is_nothing_in_an_encoding_is_left_as_it_is() {
        assert!(unescaped(b"100% of it, %zz %", percent).is_empty());
        assert_eq!(unescaped(b"%%41%4", percent).as_slice(), b"%A%4");
        assert!(unescaped(br"C:\dir \u \u00 \u00ff \", backslash).is_empty());
        assert_eq!(unescaped(br"\\n\u0026\n", backslash).as_slice(), b"\\n&\n");
        let (bytes, is_whole) =
            words(b"zz 67726176656c2f zz", |byte| byte.is_ascii_hexdigit(), hex);
        assert!(bytes.as_slice() == b"gravel/\n" && !is_whole);
        assert!(words(b"123", |byte| byte.is_ascii_hexdigit(), hex).0.is_empty());
    }

    proptest! {
        #[test]
        fn a_value_is_found_in_whatever_stands_around_it(
            value in prop::collection::vec(any::<u8>(), Fit::LEAST..200),
            before in "[ -~]{0,40}[ :=]",
            after in "[ ,;][ -~]{0,40}",
        ) {
            prop_assume!(value.trim_ascii().len() >= Fit::LEAST);
            let encoded = data_encoding::BASE64.encode(&value);
            for inner in [value.clone(), encoded.into_bytes()] {
                let text = [before.as_bytes(), &inner, after.as_bytes()].concat();
                prop_assert!(fit(&text, &value).is_some_and(|(fit, _)| fit == Fit::Inside));
                prop_assert!(fit(&inner, &value).is_some_and(|(fit, _)| fit == Fit::Exact));
            }
        }

        #[test]
        fn anything_can_be_looked_for(
            text in prop::collection::vec(any::<u8>(), 0..200), value in prop::collection::vec(any::<u8>(), 0..50),
        ) {
            let found = fit(&text, &value);
            let plain = memmem::find(&text, &value).is_some() && value.trim_ascii().len() >= Fit::LEAST;
            prop_assert!(!plain || found.is_some());
        }
    }
}
