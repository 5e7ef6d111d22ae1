//! Makes stored text harmless to look at. It knows characters, not reports.
//!
//! What is escaped is what could drive a terminal (control characters) or deceive its reader
//! (characters that reorder, hide or join text).

use std::borrow::Cow;

/// Which characters a place tolerates.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rule {
    /// A terminal, read by people: controls and deceptive characters go.
    Shown,
    /// One cell of a line for programs: controls and the backslash go.
    Cell,
    /// One cell of a line for programs that ends up on a terminal: all of the above goes.
    ShownCell,
}

impl Rule {
    fn escapes(self, c: char) -> bool {
        match self {
            Self::Shown => c.is_control() || is_deceptive(c),
            Self::Cell => c.is_control() || c == '\\',
            Self::ShownCell => c.is_control() || c == '\\' || is_deceptive(c),
        }
    }
}

/// Text for a terminal; borrowed when nothing has to change.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    if is_printable_ascii(text.as_bytes()) || !text.chars().any(|c| Rule::Shown.escapes(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    each_piece(text, Rule::Shown, &mut |piece| out.push_str(piece));
    Cow::Owned(out)
}

/// Hands out `text` in pieces, escaped by `rule`. Nothing is allocated.
pub fn each_piece(text: &str, rule: Rule, put: &mut dyn FnMut(&str)) {
    let mut kept = 0;
    for (at, c) in text.char_indices().filter(|(_, c)| rule.escapes(*c)) {
        put(&text[kept..at]);
        kept = at + c.len_utf8();
        match c {
            '\n' => put("\\n"),
            '\t' => put("\\t"),
            '\r' => put("\\r"),
            '\\' => put("\\\\"),
            _ => put_code(c, put),
        }
    }
    put(&text[kept..]);
}

/// Whether every byte is a visible ASCII character or a space. The test most text passes, without
/// a branch per byte.
#[must_use]
pub fn is_printable_ascii(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |fine, byte| fine & (byte.wrapping_sub(b' ') < 0x5f))
}

/// Whether `c` is a control character (C0, C1, DEL) or deceives the reader of a terminal.
#[must_use]
pub fn is_harmful(c: char) -> bool {
    c.is_control() || is_deceptive(c)
}

/// Whether bytes may go to a terminal as they are: no control characters but tab, line feed and
/// the carriage return before a line feed. Bytes that are not UTF-8 are looked at one by one, for
/// some terminals obey the C1 controls as single bytes.
#[must_use]
pub fn is_tame(bytes: &[u8]) -> bool {
    let tame = |c: char| !c.is_control() || c == '\n' || c == '\t';
    match std::str::from_utf8(bytes) {
        Ok(text) => text.split("\r\n").all(|line| line.chars().all(tame)),
        Err(_) => bytes.split(|b| *b == b'\n').all(|line| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            line.iter().all(|b| tame(char::from(*b)))
        }),
    }
}

/// Characters that reorder, hide, join or annotate what is around them.
fn is_deceptive(c: char) -> bool {
    c as u32 >= 0xad && DECEPTIVE.iter().any(|(from, to)| (*from..=*to).contains(&c))
}

/// Writes `\u{1b}`, from a buffer on the stack.
fn put_code(c: char, put: &mut dyn FnMut(&str)) {
    let mut digits = [0_u8; 6];
    let mut at = digits.len();
    let mut rest = c as usize;
    while rest > 0 || at == digits.len() {
        at -= 1;
        digits[at] = b"0123456789abcdef"[rest % 16];
        rest /= 16;
    }
    put("\\u{");
    put(std::str::from_utf8(&digits[at..]).unwrap_or_default());
    put("}");
}

const DECEPTIVE: &[(char, char)] = &[
    ('\u{ad}', '\u{ad}'),       // soft hyphen
    ('\u{34f}', '\u{34f}'),     // combining grapheme joiner
    ('\u{600}', '\u{605}'),     // Arabic number signs, which enclose what follows
    ('\u{61c}', '\u{61c}'),     // Arabic letter mark
    ('\u{6dd}', '\u{6dd}'),     // Arabic end of ayah
    ('\u{70f}', '\u{70f}'),     // Syriac abbreviation mark
    ('\u{115f}', '\u{1160}'),   // Hangul fillers
    ('\u{17b4}', '\u{17b5}'),   // Khmer inherent vowels, invisible
    ('\u{180b}', '\u{180f}'),   // Mongolian selectors and vowel separator
    ('\u{200b}', '\u{200f}'),   // zero width, direction marks
    ('\u{2028}', '\u{202e}'),   // line and paragraph separators, embeddings, overrides
    ('\u{2060}', '\u{206f}'),   // invisible operators, isolates, deprecated controls
    ('\u{3164}', '\u{3164}'),   // Hangul filler
    ('\u{feff}', '\u{feff}'),   // byte order mark
    ('\u{ffa0}', '\u{ffa0}'),   // halfwidth Hangul filler
    ('\u{fff0}', '\u{fffb}'),   // unassigned, interlinear annotation
    ('\u{1bca0}', '\u{1bca3}'), // shorthand format controls
    ('\u{1d173}', '\u{1d17a}'), // musical format controls
    ('\u{e0000}', '\u{e0fff}'), // tags, variation selectors supplement
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_text_is_not_copied() {
        for text in ["", "db/main", "größe/日本語", "back\\slash", "🔑"] {
            assert!(matches!(shown(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn controls_and_deceptions_are_spelt_out() {
        assert_eq!(shown("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(shown("\0\n\t\r\u{7f}\u{9b}"), "\\u{0}\\n\\t\\r\\u{7f}\\u{9b}");
        for c in "\u{202a}\u{202e}\u{2066}\u{2069}\u{200e}\u{200f}\u{61c}\u{200b}\u{200d}\u{2060}\
                  \u{2064}\u{feff}\u{ad}\u{e0001}\u{e007f}\u{2028}\u{2029}\u{e0100}\u{e01ef}\
                  \u{fff9}\u{fffb}"
            .chars()
        {
            assert_eq!(shown(&c.to_string()), format!("\\u{{{:x}}}", u32::from(c)));
        }
    }

    #[test]
    fn what_may_reach_a_terminal_raw() {
        for fine in ["", "pässwörd", "a\tb\nc\n", "a\r\nb\r\n"] {
            assert!(is_tame(fine.as_bytes()), "{fine:?}");
        }
        assert!(is_tame(b"gr\xfcn\r\n"));
        for bad in [&b"a\x1b[2J"[..], b"a\rb", b"\x07", b"\xc2\x9b2J", b"\xff\x9b2J", b"\x7f"] {
            assert!(!is_tame(bad), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_harmful_is_left(text in any::<String>()) {
            prop_assert!(!shown(&text).chars().any(is_harmful));
        }

        #[test]
        fn a_cell_is_one_cell(text in any::<String>()) {
            let mut out = String::new();
            each_piece(&text, Rule::Cell, &mut |piece| out.push_str(piece));
            prop_assert!(!out.contains(char::is_control));
        }
    }
}
