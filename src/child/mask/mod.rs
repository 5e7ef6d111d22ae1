//! Hiding secrets in what a program says. A stream goes through; where a secret stands in it, in any of
//! its forms, there are asterisks instead. Knows nothing of terminals.
//!
//! Secrets that begin alike are followed as one until the text tells them apart, so that ten thousand lines of
//! one sort cost no more than one. What may be the beginning of a secret is held back until it is known, and nothing else is. Of a long
//! secret the first 64 units decide: from there on it is hidden for as long as it goes on, so that little
//! has to be held back, and a part of it is hidden too.

mod finder;
mod forms;
mod hidden;
#[cfg(test)]
mod tests;

use forms::{BEGINNING, Pattern, Place, Step};
pub use hidden::Hidden;
use std::io::{self, Write};
use std::mem;
use std::ops::Range;
use std::sync::Arc;

/// Secrets shorter than this many bytes are not hidden: they stand in other words too often.
pub const SHORTEST: usize = BEGINNING;

/// What stands in place of a secret, however long it is.
pub const MASK: &[u8] = b"********";

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
    ended: Vec<(usize, usize)>,
}

/// Secrets that the text has followed so far.
#[derive(Clone)]
struct Trail {
    /// Which: they are alike up to here.
    patterns: Range<usize>,
    /// With what it began.
    alike: u32,
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
        for trail in mem::take(&mut self.trails) {
            self.go_on(trail, text, known, found);
        }
    }

    /// Looks for new ones.
    fn search(&mut self, text: &[u8], found: &mut Vec<Found>) {
        let hidden = Arc::clone(&self.hidden);
        hidden.finder.each(text, self.searched, |start, alike| {
            let Some(patterns) = usize::try_from(alike).ok().and_then(|at| hidden.alike.get(at))
            else {
                return;
            };
            let patterns = patterns.clone();
            if !self.is_within(&patterns, alike, start) {
                let place = Place::default();
                let trail = Trail { patterns, alike, start, place, is_covered: false };
                self.go_on(trail, text, start, found);
            }
        });
        self.searched = hidden.finder.cut_off(text, self.searched);
    }

    /// Whether a long secret, or many that began alike, is hidden there already.
    fn is_within(&self, patterns: &Range<usize>, alike: u32, start: usize) -> bool {
        let covered = self.trails.iter().filter(|one| one.is_covered);
        match patterns.len() {
            1 => {
                covered.clone().any(|one| one.patterns == *patterns)
                    || self.ended.iter().any(|one| one.0 == patterns.start && start < one.1)
            }
            _ => covered.filter(|one| one.alike == alike).count() >= MOST_ALIKE,
        }
    }

    /// Follows `text` from `from` on, for as long as it may be one of the secrets of `trail`.
    fn go_on(&mut self, trail: Trail, text: &[u8], from: usize, found: &mut Vec<Found>) {
        let hidden = Arc::clone(&self.hidden);
        let mut open = vec![(trail, from)];
        while let Some((mut trail, from)) = open.pop() {
            if trail.goes_on(&hidden, text, from, found, &mut open) {
                self.trails.push(trail);
            } else if let Some(end) = trail.ended(found) {
                self.ended.retain(|one| one.0 != end.0);
                self.ended.push(end);
            }
        }
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
    /// Follows `text` from `from` on. Whether it may go on after its end. Where the secrets part, those that are
    /// not followed here are put to `open`, with the place to follow them from.
    fn goes_on(
        &mut self,
        hidden: &Hidden,
        text: &[u8],
        from: usize,
        found: &mut Vec<Found>,
        open: &mut Vec<(Self, usize)>,
    ) -> bool {
        for (at, byte) in (from..).zip(&text[from..]) {
            self.part(hidden, at, open);
            let Some(pattern) = hidden.patterns.get(self.patterns.end - 1) else { return false };
            let before = self.place;
            match pattern.step(&mut self.place, *byte) {
                Step::On => self.leave_the_shorter(hidden, before, *byte, at, found),
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

    /// Goes on with those that the next byte means the same to as to the first.
    fn part(&mut self, hidden: &Hidden, at: usize, open: &mut Vec<(Self, usize)>) {
        let Range { start, end } = self.patterns;
        let is_alike = |pattern: &Pattern| pattern.is_alike(&hidden.patterns[start], self.place);
        if self.patterns.len() < 2 || is_alike(&hidden.patterns[end - 1]) {
            return;
        }
        let alike = hidden.patterns[start..end].partition_point(is_alike);
        open.push((Self { patterns: start + alike..end, ..self.clone() }, at));
        self.patterns.end = start + alike;
    }

    /// The first may be shorter than the others: it is hidden, and they go on.
    fn leave_the_shorter(
        &mut self,
        hidden: &Hidden,
        mut before: Place,
        byte: u8,
        at: usize,
        found: &mut Vec<Found>,
    ) {
        if self.patterns.len() > 1
            && hidden.patterns[self.patterns.start].step(&mut before, byte) == Step::Done
        {
            found.push((self.start, at + 1, self.is_covered));
            self.patterns.start += 1;
        }
    }

    /// Where it ended, if it was one alone, and long.
    fn ended(&self, found: &[Found]) -> Option<(usize, usize)> {
        let is_long = self.patterns.len() == 1 && self.place.seen >= SURE;
        let end = found.last().filter(|_| is_long)?.1;
        Some((self.patterns.start, end))
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
/// So many that began alike are followed at once where all that is already hidden.
const MOST_ALIKE: usize = 64;
/// How little is let go when nothing follows.
const FEW: usize = 3;
