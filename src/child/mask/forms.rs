//! The forms a secret can have in a text: as it is, and as programs encode it. Each form can be
//! followed through a text byte by byte, and can tell how a text in it begins. Knows nothing of streams.

use std::cmp::Ordering;
use std::sync::Arc;

/// How many bytes of the beginning of a form are looked for first. No secret is shorter.
pub(super) const BEGINNING: usize = 8;

/// One way to write a value.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Form {
    /// As it is; a line may end in LF, CR LF, or what a terminal makes of these.
    Raw,
    /// Base64 of either alphabet, after so many bytes (modulo 3) of something else. Only the characters
    /// that the value alone decides. Lines may be broken.
    Base64(u8),
    /// Hexadecimal, in either case. Lines may be broken.
    Hex,
    /// Percent-encoded, whichever characters the encoder leaves alone; a space may be `+`.
    Url,
    /// Within a JSON string, whichever characters are escaped, and how; also with backslashes, as
    /// shells have it.
    Json,
}

/// A value in one form.
#[derive(Clone)]
pub(super) struct Pattern {
    form: Form,
    value: Arc<[u8]>,
}

/// How far along a pattern a text is.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    /// How many units of the value have been seen: bytes, or characters of base64, or digits.
    pub(super) seen: usize,
    within: Within,
}

/// What has been seen of the next unit.
#[derive(Clone, Copy, Default)]
enum Within {
    #[default]
    Nothing,
    /// So many characters of white space, at the end of a line.
    Gap(u8),
    Percent,
    PercentDigit,
    Backslash {
        low: bool,
    },
    Digits {
        low: bool,
        count: u8,
        code: u16,
    },
    /// The first half of a pair.
    Half,
}

/// What one more byte does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// It fits.
    On,
    /// It fits, and was the last one.
    Done,
    /// It does not fit.
    No,
}

impl Pattern {
    pub(super) fn new(form: Form, value: Arc<[u8]>) -> Self {
        Self { form, value }
    }

    /// Goes one byte further.
    pub(super) fn step(&self, place: &mut Place, byte: u8) -> Step {
        match self.form {
            Form::Raw => self.raw(place, byte),
            Form::Base64(_) | Form::Hex => self.digit(place, byte),
            Form::Url => self.url(place, byte),
            Form::Json => self.json(place, byte),
        }
    }

    fn raw(&self, place: &mut Place, byte: u8) -> Step {
        let wanted = self.value[place.seen];
        if wanted == b'\n' && byte == b'\r' {
            return Self::gap(place, EOL_LONGEST);
        }
        self.advance_if(byte == wanted, place, 1)
    }

    fn digit(&self, place: &mut Place, byte: u8) -> Step {
        let is_gap = matches!(place.within, Within::Gap(_));
        if place.seen > 0
            && (matches!(byte, b'\r' | b'\n') || is_gap && matches!(byte, b' ' | b'\t'))
        {
            return Self::gap(place, GAP_LONGEST);
        }
        let fits = match self.form {
            Form::Hex => byte.to_ascii_lowercase() == LOWER[self.nibble(place.seen)],
            _ => self.sextet(place.seen).contains(&byte),
        };
        self.advance_if(fits, place, 1)
    }

    fn url(&self, place: &mut Place, byte: u8) -> Step {
        let wanted = self.value[place.seen];
        let digit = |high: bool| LOWER[usize::from(if high { wanted >> 4 } else { wanted & 15 })];
        match place.within {
            Within::Percent if byte.to_ascii_lowercase() == digit(true) => {
                place.within = Within::PercentDigit;
                Step::On
            }
            Within::PercentDigit => {
                self.advance_if(byte.to_ascii_lowercase() == digit(false), place, 1)
            }
            Within::Percent => Step::No,
            _ if byte == b'%' => {
                place.within = Within::Percent;
                Step::On
            }
            _ => self.advance_if(byte == wanted || (wanted, byte) == (b' ', b'+'), place, 1),
        }
    }

    fn json(&self, place: &mut Place, byte: u8) -> Step {
        let wanted = self.value[place.seen];
        match place.within {
            Within::Backslash { low } if byte == b'u' => {
                place.within = Within::Digits { low, count: 0, code: 0 };
                Step::On
            }
            Within::Backslash { low: false } => {
                self.advance_if(escaped(byte) == Some(wanted), place, 1)
            }
            Within::Digits { low, count, code } => self.code(place, byte, (low, count, code)),
            Within::Half if byte == b'\\' => {
                place.within = Within::Backslash { low: true };
                Step::On
            }
            Within::Half | Within::Backslash { low: true } => Step::No,
            _ if byte == b'\\' => {
                place.within = Within::Backslash { low: false };
                Step::On
            }
            _ => self.advance_if(byte == wanted, place, 1),
        }
    }

    /// One of the four digits of a code.
    fn code(&self, place: &mut Place, byte: u8, (low, count, code): (bool, u8, u16)) -> Step {
        let Some(digit) = char::from(byte).to_digit(16).and_then(|d| u16::try_from(d).ok()) else {
            return Step::No;
        };
        let code = code << 4 | digit;
        if count < 3 {
            place.within = Within::Digits { low, count: count + 1, code };
            return Step::On;
        }
        let (wanted, length) = character(&self.value, place.seen);
        let mut units = [0; 2];
        let units = wanted.encode_utf16(&mut units);
        if units.get(usize::from(low)) != Some(&code) {
            return Step::No;
        }
        if units.len() == 2 && !low {
            place.within = Within::Half;
            return Step::On;
        }
        self.advance_if(true, place, length)
    }

    /// The unit at `seen`: of two patterns in the same form, both fit the next byte alike if it is the same.
    /// None at the end.
    fn unit(&self, seen: usize) -> Option<u32> {
        (seen < self.units()).then(|| match self.form {
            Form::Raw | Form::Url => u32::from(self.value[seen]),
            Form::Hex => u32::try_from(self.nibble(seen)).unwrap_or_default(),
            Form::Base64(_) => u32::from(self.sextet(seen)[0]),
            Form::Json => {
                let (unit, length) = character(&self.value, seen);
                u32::from(unit) | u32::try_from(length).unwrap_or_default() << 24
            }
        })
    }

    /// Whether both are in the same form.
    pub(super) fn has_form_of(&self, other: &Self) -> bool {
        self.form == other.form
    }

    /// Whether the next byte means the same to both.
    pub(super) fn is_alike(&self, other: &Self, place: Place) -> bool {
        self.unit(place.seen) == other.unit(place.seen)
    }

    /// The order in which patterns lie side by side that begin alike: by form, then unit by unit, a shorter
    /// one before those that it is the beginning of.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let forms = self.form.cmp(&other.form);
        forms.then_with(|| {
            (0..)
                .map(|at| (self.unit(at), other.unit(at)))
                .find_map(differ)
                .unwrap_or(Ordering::Equal)
        })
    }

    /// Whether a text can be told to be the one and not the other.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.order(other).is_eq()
    }

    fn gap(place: &mut Place, longest: u8) -> Step {
        let so_far = if let Within::Gap(so_far) = place.within { so_far } else { 0 };
        place.within = Within::Gap(so_far + 1);
        if so_far < longest { Step::On } else { Step::No }
    }

    fn advance_if(&self, fits: bool, place: &mut Place, units: usize) -> Step {
        if !fits {
            return Step::No;
        }
        *place = Place { seen: place.seen + units, within: Within::Nothing };
        if place.seen >= self.units() { Step::Done } else { Step::On }
    }

    /// How many units there are.
    fn units(&self) -> usize {
        match self.form {
            Form::Raw | Form::Url | Form::Json => self.value.len(),
            Form::Hex => self.value.len() * 2,
            Form::Base64(after) => (self.value.len() * 8 - skipped_bits(after)) / 6,
        }
    }

    fn nibble(&self, at: usize) -> usize {
        let byte = self.value[at / 2];
        usize::from(if at.is_multiple_of(2) { byte >> 4 } else { byte & 15 })
    }

    /// The character of base64 at `at`, in both alphabets.
    fn sextet(&self, at: usize) -> [u8; 2] {
        let Form::Base64(after) = self.form else { return [0; 2] };
        let bit = skipped_bits(after) + at * 6;
        let next = self.value.get(bit / 8 + 1).copied().unwrap_or_default();
        let pair = u16::from_be_bytes([self.value[bit / 8], next]);
        let six = usize::from(pair >> (10 - bit % 8) & 63);
        [STANDARD[six], URL_SAFE[six]]
    }
}

/// How two units differ, if that decides; equal ends decide, too.
fn differ((one, other): (Option<u32>, Option<u32>)) -> Option<Ordering> {
    match one.cmp(&other) {
        Ordering::Equal if one.is_some() => None,
        order => Some(order),
    }
}

/// The beginnings that a text in this form can have. Each has [`BEGINNING`] bytes.
pub(super) fn beginnings(pattern: &Pattern, may_be_wrapped: bool) -> Vec<[u8; BEGINNING]> {
    let mut found = Vec::new();
    for escape_all in [false, true] {
        extend(pattern, 0, escape_all, &mut Vec::new(), &mut found);
    }
    if may_be_wrapped && matches!(pattern.form, Form::Base64(_) | Form::Hex) {
        let wrapped: Vec<_> = found.iter().flat_map(wrapped).collect();
        found.extend(wrapped);
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Adds to `found` all beginnings that continue `text`, which stands for `seen` units.
fn extend(
    pattern: &Pattern,
    seen: usize,
    escape_all: bool,
    text: &mut Vec<u8>,
    found: &mut Vec<[u8; BEGINNING]>,
) {
    if let Some(whole) = text.first_chunk() {
        found.push(*whole);
        return;
    }
    if seen >= pattern.units() {
        return; // shorter than what is looked for: it cannot be told from other text
    }
    for (written, units) in spellings(pattern, seen, escape_all) {
        let before = text.len();
        text.extend_from_slice(&written);
        extend(pattern, seen + units, escape_all, text, found);
        text.truncate(before);
    }
}

/// How the next unit can be written, and how many units that stands for.
fn spellings(pattern: &Pattern, seen: usize, escape_all: bool) -> Vec<(Vec<u8>, usize)> {
    let one = |text: &[u8]| (text.to_vec(), 1);
    match pattern.form {
        Form::Raw => match pattern.value[seen] {
            b'\n' => [&b"\n"[..], b"\r\n", b"\r\r\n"].map(one).into(),
            byte => vec![one(&[byte])],
        },
        Form::Hex => {
            let digit = LOWER[pattern.nibble(seen)];
            vec![one(&[if escape_all { digit.to_ascii_uppercase() } else { digit }])]
        }
        Form::Base64(_) => vec![one(&[pattern.sextet(seen)[usize::from(escape_all)]])],
        Form::Url => url_spellings(pattern.value[seen], escape_all),
        Form::Json => json_spellings(&pattern.value, seen, escape_all),
    }
}

fn url_spellings(byte: u8, escape_all: bool) -> Vec<(Vec<u8>, usize)> {
    let mut all = Vec::new();
    if !escape_all && byte != b'%' {
        all.push(vec![byte]);
    }
    if byte == b' ' {
        all.push(b"+".to_vec());
    }
    if escape_all || !byte.is_ascii_alphanumeric() {
        all.extend([format!("%{byte:02X}"), format!("%{byte:02x}")].map(String::into_bytes));
    }
    all.into_iter().map(|text| (text, 1)).collect()
}

fn json_spellings(value: &[u8], seen: usize, escape_all: bool) -> Vec<(Vec<u8>, usize)> {
    let byte = value[seen];
    let (character, length) = character(value, seen);
    let mut all = Vec::new();
    if !escape_all && byte != b'\\' {
        all.push((vec![byte], 1));
    }
    let short = (b' '..=b'~').find(|short| escaped(*short) == Some(byte));
    all.extend(short.filter(|_| !escape_all).map(|short| (vec![b'\\', short], 1)));
    if escape_all || !byte.is_ascii_alphanumeric() {
        let mut units = [0; 2];
        let units = character.encode_utf16(&mut units);
        for spell in [|unit: &u16| format!("\\u{unit:04x}"), |unit: &u16| format!("\\u{unit:04X}")]
        {
            all.push((units.iter().map(spell).collect::<String>().into_bytes(), length));
        }
    }
    all
}

/// The same, broken somewhere by the end of a line.
fn wrapped(whole: &[u8; BEGINNING]) -> impl Iterator<Item = [u8; BEGINNING]> {
    let ends = [&b"\n"[..], b"\r\n"].into_iter();
    ends.flat_map(move |end| {
        (1..BEGINNING).filter_map(move |at| {
            let (before, after) = whole.split_at(at);
            [before, end, after].concat().first_chunk().copied()
        })
    })
}

/// What a backslash and this character stand for.
fn escaped(short: u8) -> Option<u8> {
    match short {
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        b'b' => Some(8),
        b'f' => Some(12),
        b' ' => Some(b' '),
        other => other.is_ascii_punctuation().then_some(other),
    }
}

/// The character at `at` and its length; what is not UTF-8 counts as Latin-1.
fn character(value: &[u8], at: usize) -> (char, usize) {
    let few = &value[at..value.len().min(at + 4)];
    let valid = few.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
    valid.map_or((char::from(value[at]), 1), |found| (found, found.len_utf8()))
}

/// How many bits of the value share a character with what stands before it.
fn skipped_bits(after: u8) -> usize {
    [0, 4, 2][usize::from(after % 3)]
}

const LOWER: &[u8; 16] = b"0123456789abcdef";
const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// How many CR may stand before the LF of a line, and how much white space where a line is broken.
const EOL_LONGEST: u8 = 2;
const GAP_LONGEST: u8 = 40;
