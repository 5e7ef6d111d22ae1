//! What is to be hidden: secrets and their lines in all their forms, sorted, and how each begins.

use super::SHORTEST;
use super::finder::Finder;
use super::forms::{BEGINNING, Form, Pattern, beginnings};
use crate::model::Secret;
use std::ops::Range;
use std::sync::Arc;

/// What is to be hidden.
pub struct Hidden {
    /// Sorted, so that those that begin alike lie side by side.
    pub(super) patterns: Vec<Pattern>,
    /// Those that can begin with one beginning, as ranges of `patterns`.
    pub(super) alike: Vec<Range<usize>>,
    pub(super) finder: Finder,
}

impl Hidden {
    /// All forms of `secrets`, and of each line of those that have several.
    #[must_use]
    pub fn of(secrets: &[Secret]) -> Self {
        let mut patterns = Vec::new();
        for value in secrets.iter().map(Secret::expose) {
            let (whole, lines) = parts(value);
            for (at, part) in whole.into_iter().chain(lines).enumerate() {
                patterns.extend(forms_of(part).into_iter().map(|pattern| (pattern, at == 0)));
            }
        }
        // of two that are the same, the one that may be wrapped stays
        patterns.sort_by(|(one, _), (other, _)| one.order(other));
        patterns.dedup_by(|(one, wraps), (kept, kept_wraps)| {
            let is_same = one.is_same(kept);
            *kept_wraps |= *wraps && is_same;
            is_same
        });
        let mut begin = Vec::new();
        for (number, (pattern, may_be_wrapped)) in patterns.iter().enumerate() {
            let all = beginnings(pattern, *may_be_wrapped).into_iter();
            begin.extend(all.map(|text| (text, number)));
        }
        let patterns: Vec<_> = patterns.into_iter().map(|(pattern, _)| pattern).collect();
        let (begin, alike) = ranges(begin, &patterns);
        Self { patterns, alike, finder: Finder::new(begin.into_iter()) }
    }

    /// Whether there is nothing to hide.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }
}

/// Beginnings, each with a number.
type Begins = Vec<([u8; BEGINNING], u32)>;

/// The beginnings, each with the number of a range of `patterns` that can begin so.
fn ranges(
    mut begin: Vec<([u8; BEGINNING], usize)>,
    patterns: &[Pattern],
) -> (Begins, Vec<Range<usize>>) {
    begin.sort_unstable();
    let (mut begins, mut alike) = (Vec::new(), Vec::<Range<usize>>::new());
    for (text, number) in begin {
        let goes_on = begins.last().is_some_and(|(last, _)| *last == text);
        match alike.last_mut() {
            Some(range) if goes_on && range.contains(&number) => {}
            Some(range)
                if goes_on
                    && range.end == number
                    && patterns[range.start].has_form_of(&patterns[number]) =>
            {
                range.end += 1;
            }
            _ => {
                begins.push((text, u32::try_from(alike.len()).unwrap_or(u32::MAX)));
                alike.push(number..number + 1);
            }
        }
    }
    (begins, alike)
}

/// The value without white space around it, and its lines if it has several.
fn parts(value: &[u8]) -> (Option<&[u8]>, Vec<&[u8]>) {
    let long = |part: &&[u8]| part.len() >= SHORTEST;
    let whole = Some(value.trim_ascii()).filter(long).or_else(|| Some(value).filter(long));
    let lines = whole.unwrap_or_default().split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let lines: Vec<_> = lines.filter(long).take(MOST_LINES).collect();
    match lines.first() {
        Some(line) if Some(*line) == whole => (whole, Vec::new()),
        _ => (whole, lines),
    }
}

fn forms_of(part: &[u8]) -> Vec<Pattern> {
    let value: Arc<[u8]> = part.into();
    let with_lf = match memchr::memchr(b'\r', part) {
        Some(_) => without_cr(part).into(),
        None => Arc::clone(&value),
    };
    let encoded =
        [Form::Base64(0), Form::Base64(1), Form::Base64(2), Form::Hex, Form::Url, Form::Json];
    let encoded = encoded.map(|form| Pattern::new(form, Arc::clone(&value)));
    [Pattern::new(Form::Raw, with_lf)].into_iter().chain(encoded).collect()
}

/// With LF alone at the ends of lines.
fn without_cr(part: &[u8]) -> Vec<u8> {
    let is_end = |at: usize| part[at] == b'\r' && part.get(at + 1) == Some(&b'\n');
    (0..part.len()).filter(|at| !is_end(*at)).map(|at| part[at]).collect()
}

/// How many lines of one value are looked for by themselves.
const MOST_LINES: usize = 10_000;
