//! Hiding secrets in what a program says. A stream goes through; where a secret stands in it, in any of
//! its forms, there are asterisks instead. Knows nothing of terminals.
//!
//! What may be the beginning of a secret is held back until it is known, and nothing else is. Of a long
//! secret the first 64 units decide: from there on it is hidden for as long as it goes on, so that little
//! has to be held back, and a part of it is hidden too.

mod finder;
mod forms;
#[cfg(test)]
mod tests;

use crate::model::Secret;
use finder::Finder;
use forms::{BEGINNING, Form, Pattern, Place, Step, beginnings};
use std::io::{self, Write};
use std::mem;
use std::sync::Arc;

/// Secrets shorter than this many bytes are not hidden: they stand in other words too often.
pub const SHORTEST: usize = BEGINNING;

/// What stands in place of a secret, however long it is.
pub const MASK: &[u8] = b"********";

/// What is to be hidden.
pub struct Hidden {
    patterns: Vec<Pattern>,
    finder: Finder,
}

impl Hidden {
    /// All forms of `secrets`, and of each line of those that have several.
    #[must_use]
    pub fn of(secrets: &[Secret]) -> Self {
        let mut patterns = Vec::new();
        let mut begin = Vec::new();
        for value in secrets.iter().map(Secret::expose) {
            let (whole, lines) = parts(value);
            for (at, part) in whole.into_iter().chain(lines).enumerate() {
                for pattern in forms_of(part) {
                    let number = u32::try_from(patterns.len()).unwrap_or(u32::MAX);
                    begin.extend(beginnings(&pattern, at == 0).into_iter().map(|b| (b, number)));
                    patterns.push(pattern);
                }
            }
        }
        Self { patterns, finder: Finder::new(begin.into_iter()) }
    }

    /// Whether there is nothing to hide.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }
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

/// One stream that goes through.
pub struct Masker {
    hidden: Arc<Hidden>,
    /// What was held back, and what came with it. All places are counted from its beginning.
    buffer: Vec<u8>,
    /// Up to here beginnings have been looked for.
    searched: usize,
    /// Up to here everything has been passed on, or hidden.
    passed: usize,
    /// Up to here it is hidden.
    covered: usize,
    trails: Vec<Trail>,
    /// Long secrets that were hidden, and up to where: within itself none is looked for again, or one
    /// that repeats itself would take for ever.
    ended: Vec<(u32, usize)>,
}

/// A secret that the text has followed so far.
struct Trail {
    pattern: u32,
    start: usize,
    place: Place,
    /// Whether asterisks have been written for it.
    is_covered: bool,
}

/// A part of the text that is a secret; one that goes on has its asterisks already.
type Found = (usize, usize, bool);

impl Masker {
    /// A stream in which `hidden` is to be hidden.
    #[must_use]
    pub fn new(hidden: Arc<Hidden>) -> Self {
        Self {
            hidden,
            buffer: Vec::new(),
            searched: 0,
            passed: 0,
            covered: 0,
            trails: Vec::new(),
            ended: Vec::new(),
        }
    }

    /// Passes on `input` to `out`, but for what must be hidden or held back.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn feed(&mut self, input: &[u8], out: &mut impl Write) -> io::Result<()> {
        let mut buffer = mem::take(&mut self.buffer);
        if buffer.is_empty() {
            let held = self.work(input, 0, out)?;
            self.buffer = input[held..].to_vec();
            return Ok(());
        }
        let known = buffer.len();
        buffer.extend_from_slice(input);
        let held = self.work(&buffer, known, out)?;
        buffer.drain(..held);
        self.buffer = buffer;
        Ok(())
    }

    /// Whether something is held back that is so short that it should be let go when nothing follows
    /// soon: the end of a prompt may be how a secret begins.
    #[must_use]
    pub fn is_hesitating(&self) -> bool {
        self.buffer.len() <= FEW && self.passed < self.buffer.len()
    }

    /// Lets the few bytes go. If a secret does go on there, the rest of it is hidden.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn relax(&mut self, out: &mut impl Write) -> io::Result<()> {
        if !self.is_hesitating() {
            return Ok(());
        }
        let from = mem::replace(&mut self.passed, self.buffer.len());
        out.write_all(&self.buffer[from..])
    }

    /// Lets go what is held back: nothing follows.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn finish(&mut self, out: &mut impl Write) -> io::Result<()> {
        let (buffer, from) = (mem::take(&mut self.buffer), mem::take(&mut self.passed));
        *self = Self::new(Arc::clone(&self.hidden));
        out.write_all(&buffer[from..])
    }

    /// Looks at `text`, of which `known` bytes have been seen before; tells from where on it is to be
    /// held back.
    fn work(&mut self, text: &[u8], known: usize, out: &mut impl Write) -> io::Result<usize> {
        let mut found = Vec::new();
        self.follow(text, known, &mut found);
        self.search(text, &mut found);
        found.sort_unstable();
        for one in found {
            self.cover(text, one, out)?;
        }
        let unsure = self.trails.iter().filter(|trail| !trail.is_covered).map(|trail| trail.start);
        let held = unsure.min().unwrap_or(text.len()).min(self.searched);
        if self.passed < held {
            out.write_all(&text[self.passed..held])?;
            self.passed = held;
        }
        self.forget(held);
        Ok(held)
    }

    /// Lets the secrets that have begun go on.
    fn follow(&mut self, text: &[u8], known: usize, found: &mut Vec<Found>) {
        for mut trail in mem::take(&mut self.trails) {
            if trail.goes_on(&self.hidden, text, known, found) {
                self.trails.push(trail);
            } else {
                self.ended.extend(trail.ended(found));
            }
        }
    }

    /// Looks for new ones.
    fn search(&mut self, text: &[u8], found: &mut Vec<Found>) {
        let Self { hidden, trails, ended, .. } = self;
        hidden.finder.each(text, self.searched, |start, pattern| {
            let is_within = trails.iter().any(|one| one.pattern == pattern && one.is_covered)
                || ended.iter().any(|one| one.0 == pattern && start < one.1);
            if is_within {
                return;
            }
            let mut trail = Trail { pattern, start, place: Place::default(), is_covered: false };
            if trail.goes_on(hidden, text, start, found) {
                trails.push(trail);
            } else if let Some(end) = trail.ended(found) {
                ended.retain(|one| one.0 != pattern);
                ended.push(end);
            }
        });
        self.searched = hidden.finder.cut_off(text, self.searched);
    }

    /// Hides one part.
    fn cover(
        &mut self,
        text: &[u8],
        (start, end, goes_on): Found,
        out: &mut impl Write,
    ) -> io::Result<()> {
        if !goes_on && start >= self.covered {
            if self.passed < start {
                out.write_all(&text[self.passed..start])?;
            }
            out.write_all(MASK)?;
        }
        self.covered = self.covered.max(end);
        self.passed = self.passed.max(end);
        Ok(())
    }

    /// Counts all places from `held` on.
    fn forget(&mut self, held: usize) {
        let places = [&mut self.searched, &mut self.passed, &mut self.covered];
        let places = places.into_iter().chain(self.trails.iter_mut().map(|trail| &mut trail.start));
        let places = places.chain(self.ended.iter_mut().map(|(_, end)| end));
        places.for_each(|place| *place = place.saturating_sub(held));
        self.ended.retain(|(_, end)| *end > 0);
    }
}

impl Trail {
    /// Follows `text` from `from` on. Whether it may go on after its end.
    fn goes_on(
        &mut self,
        hidden: &Hidden,
        text: &[u8],
        from: usize,
        found: &mut Vec<Found>,
    ) -> bool {
        let pattern = usize::try_from(self.pattern).ok().and_then(|at| hidden.patterns.get(at));
        let Some(pattern) = pattern else { return false };
        for (at, byte) in (from..).zip(&text[from..]) {
            match pattern.step(&mut self.place, *byte) {
                Step::On => {}
                Step::Done => {
                    found.push((self.start, at + 1, self.is_covered));
                    return false;
                }
                Step::No => {
                    self.cover_to(at, found);
                    return false;
                }
            }
        }
        self.cover_to(text.len(), found);
        true
    }

    /// Where it ended, if it was long.
    fn ended(&self, found: &[Found]) -> Option<(u32, usize)> {
        let end = found.last().filter(|_| self.place.seen >= SURE)?.1;
        Some((self.pattern, end))
    }

    /// Hides what has been seen, if it is enough to be sure.
    fn cover_to(&mut self, end: usize, found: &mut Vec<Found>) {
        if self.place.seen >= SURE {
            found.push((self.start, end, self.is_covered));
            self.is_covered = true;
        }
    }
}

/// How much of a secret leaves no doubt that the rest follows.
const SURE: usize = 64;
/// How little is let go when nothing follows.
const FEW: usize = 3;
/// How many lines of one value are looked for by themselves.
const MOST_LINES: usize = 10_000;
