//! Values as other languages write them: so that whoever reads the text gets back the same bytes, whatever
//! they are, and never takes one for a command.

use data_encoding::BASE64;
use std::ops::RangeInclusive;
use zeroize::Zeroizing;

/// The text, or why there is none: what follows "the value …".
pub type Quoted = Result<Zeroizing<Vec<u8>>, &'static str>;

/// Writes a value in some language.
pub type Quote = fn(&[u8]) -> Quoted;

/// As it is.
///
/// # Errors
/// None.
pub fn raw(value: &[u8]) -> Quoted {
    Ok(put(value.len(), |out| out.extend_from_slice(value)))
}

/// A JSON string, with its quotes (RFC 8259).
///
/// # Errors
/// When the value is not UTF-8.
pub fn json(value: &[u8]) -> Quoted {
    let text = text(value)?;
    Ok(put(value.len() + 2, |out| double_quoted(text, out, json_escape)))
}

/// One word of a shell: sh, dash, bash, zsh and their kin.
///
/// # Errors
/// When there is a NUL byte in it.
pub fn shell(value: &[u8]) -> Quoted {
    single_quoted(value, |byte| if byte == b'\'' { Some(br"'\''") } else { None })
}

/// One word of fish, which reads backslashes inside of single quotes.
///
/// # Errors
/// When there is a NUL byte in it.
pub fn fish(value: &[u8]) -> Quoted {
    single_quoted(value, |byte| match byte {
        b'\'' => Some(br"\'"),
        b'\\' => Some(br"\\"),
        _ => None,
    })
}

/// A double-quoted scalar on one line (YAML 1.1 and 1.2).
///
/// # Errors
/// When the value is not UTF-8.
pub fn yaml(value: &[u8]) -> Quoted {
    let text = text(value)?;
    Ok(put(value.len() + 2, |out| double_quoted(text, out, yaml_escape)))
}

/// A quoted template of HCL, in which `${` and `%{` mean nothing.
///
/// # Errors
/// When the value is not UTF-8, has a NUL byte, or a letter that Terraform might join with another.
pub fn hcl(value: &[u8]) -> Quoted {
    let text = text(value)?;
    if text.contains('\0') {
        return Err(NUL);
    }
    if !text.chars().all(|c| STABLE.iter().any(|range| range.contains(&c))) {
        return Err(COMPOSED);
    }
    let opens = text.contains("${") || text.contains("%{");
    Ok(put(value.len() + 2, |out| {
        double_quoted(text, out, if opens { hcl_template_escape } else { hcl_escape });
    }))
}

/// Percent-encoded, all but letters, digits and `-._~` (RFC 3986).
///
/// # Errors
/// None.
pub fn url(value: &[u8]) -> Quoted {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    Ok(put(value.len() * 3, |out| {
        for byte in value {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    out.push(*byte);
                }
                byte => {
                    let digit = |nibble: u8| DIGITS[usize::from(nibble)];
                    out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
                }
            }
        }
    }))
}

/// Base64 on one line, padded (RFC 4648, section 4).
///
/// # Errors
/// None.
pub fn base64(value: &[u8]) -> Quoted {
    let mut out = Zeroizing::new(vec![0; BASE64.encode_len(value.len())]);
    BASE64.encode_mut(value, &mut out);
    Ok(out)
}

/// The value as text.
///
/// # Errors
/// When it is not UTF-8.
pub fn text(value: &[u8]) -> Result<&str, &'static str> {
    std::str::from_utf8(value).map_err(|_| NO_TEXT)
}

/// What is the same in Unicode's composed form, whatever of these stands beside it. Terraform brings all text
/// into that form; what is not known to be in it is refused.
const STABLE: &[RangeInclusive<char>] = &[
    '\0'..='\u{2ff}',          // ASCII, Latin
    '\u{391}'..='\u{3ce}',     // Greek
    '\u{400}'..='\u{482}',     // Cyrillic
    '\u{5d0}'..='\u{5ea}',     // Hebrew
    '\u{621}'..='\u{64a}',     // Arabic
    '\u{2002}'..='\u{20bf}',   // punctuation, currencies
    '\u{2190}'..='\u{2328}',   // arrows, mathematics
    '\u{2500}'..='\u{27bf}',   // drawings, signs
    '\u{3041}'..='\u{3096}',   // Hiragana
    '\u{30a1}'..='\u{30fa}',   // Katakana
    '\u{4e00}'..='\u{9fff}',   // Han
    '\u{ac00}'..='\u{d7a3}',   // Hangul
    '\u{fe0f}'..='\u{fe0f}',   // of emoji
    '\u{1f300}'..='\u{1faff}', // emoji
];

/// How a character is written instead of itself.
enum Escape {
    /// A backslash and this.
    Short(u8),
    /// Its number.
    Number,
}

fn json_escape(c: char) -> Option<Escape> {
    match c {
        '"' => Some(Escape::Short(b'"')),
        '\\' => Some(Escape::Short(b'\\')),
        '\n' => Some(Escape::Short(b'n')),
        '\r' => Some(Escape::Short(b'r')),
        '\t' => Some(Escape::Short(b't')),
        '\u{8}' => Some(Escape::Short(b'b')),
        '\u{c}' => Some(Escape::Short(b'f')),
        '\0'..='\u{1f}' => Some(Escape::Number),
        _ => None,
    }
}

/// Whatever some reader might take for the end of a line, or not take at all, is escaped.
fn yaml_escape(c: char) -> Option<Escape> {
    match c {
        '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
            Some(Escape::Number)
        }
        c => json_escape(c),
    }
}

/// HCL knows fewer letters after a backslash.
fn hcl_escape(c: char) -> Option<Escape> {
    match json_escape(c) {
        Some(Escape::Short(b'b' | b'f')) => Some(Escape::Number),
        escape => escape,
    }
}

/// By their numbers, `$` and `%` open nothing, whatever stands beside them.
fn hcl_template_escape(c: char) -> Option<Escape> {
    if matches!(c, '$' | '%') { Some(Escape::Number) } else { hcl_escape(c) }
}

fn double_quoted(text: &str, out: &mut Vec<u8>, escape: fn(char) -> Option<Escape>) {
    out.push(b'"');
    for c in text.chars() {
        match escape(c) {
            None => push(out, c),
            Some(Escape::Short(letter)) => out.extend_from_slice(&[b'\\', letter]),
            Some(Escape::Number) => {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
            }
        }
    }
    out.push(b'"');
}

fn single_quoted(value: &[u8], escape: fn(u8) -> Option<&'static [u8]>) -> Quoted {
    if value.contains(&0) {
        return Err(NUL);
    }
    Ok(put(value.len() + 2, |out| {
        out.push(b'\'');
        for byte in value {
            match escape(*byte) {
                Some(instead) => out.extend_from_slice(instead),
                None => out.push(*byte),
            }
        }
        out.push(b'\'');
    }))
}

fn push(out: &mut Vec<u8>, c: char) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

fn put(capacity: usize, write: impl FnOnce(&mut Vec<u8>)) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(capacity));
    write(&mut out);
    out
}

/// Why a value has no place where text belongs.
pub const NO_TEXT: &str = "is not UTF-8 text";
/// Why a value has no place where text is normalised.
const COMPOSED: &str = "has letters that might be joined into others";
/// Why a value has no place in a shell.
pub const NUL: &str = "has a NUL byte";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(quoted: Quoted) -> String {
        String::from_utf8(quoted.unwrap().to_vec()).unwrap()
    }

    #[test]
    fn quotes_are_those_of_the_language() {
        let value = b"it's a \"$(x)\" \\ ${y}\n\t\0".as_slice();
        let line = &value[..value.len() - 1];
        assert_eq!(said(shell(line)), "'it'\\''s a \"$(x)\" \\ ${y}\n\t'");
        assert_eq!(said(fish(line)), "'it\\'s a \"$(x)\" \\\\ ${y}\n\t'");
        assert_eq!(said(json(value)), r#""it's a \"$(x)\" \\ ${y}\n\t\u0000""#);
        assert_eq!(said(hcl(line)), r#""it's a \"\u0024(x)\" \\ \u0024{y}\n\t""#);
        assert_eq!(said(yaml("a\u{85}\u{2028}é".as_bytes())), r#""a\u0085\u2028é""#);
        assert_eq!(said(url(b"a b/~\xff")), "a%20b%2F~%FF");
        assert_eq!(said(base64(b"a\xff")), "Yf8=");
        assert_eq!(said(hcl(b"$a 5%\x08")), r#""$a 5%\u0008""#);
    }

    #[test]
    fn what_a_language_cannot_hold_is_refused() {
        for quote in [shell as Quote, fish] {
            assert_eq!(quote(b"a\0").err(), Some(NUL));
        }
        for quote in [json as Quote, yaml, hcl] {
            assert_eq!(quote(b"\xff").err(), Some(NO_TEXT));
        }
        assert_eq!(hcl(b"a\0").err(), Some(NUL));
        for composed in ["e\u{301}", "\u{1100}\u{1161}", "\u{212b}", "\u{37e}"] {
            assert_eq!(hcl(composed.as_bytes()).err(), Some(COMPOSED), "{composed:?}");
        }
        assert!(hcl("größe Größe é ключ 鍵 열쇠 かぎ € ✓ 🔑".as_bytes()).is_ok());
    }

    proptest! {
        #[test]
        fn json_comes_back(text: String) {
            let back: String = serde_json::from_slice(&json(text.as_bytes()).unwrap()).unwrap();
            prop_assert_eq!(&back, &text);
            // what YAML writes is JSON too
            let back: String = serde_json::from_slice(&yaml(text.as_bytes()).unwrap()).unwrap();
            prop_assert_eq!(&back, &text);
        }

        #[test]
        fn bytes_come_back(bytes: Vec<u8>) {
            prop_assert_eq!(&BASE64.decode(&base64(&bytes).unwrap()).unwrap(), &bytes);
            let encoded = url(&bytes).unwrap();
            prop_assert!(encoded.iter().all(|b| b.is_ascii_graphic() && *b != b'&'));
        }
    }
}
