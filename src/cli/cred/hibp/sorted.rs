//! A long list whose lines stand in order: searched where it lies, some thirty lines a hash.

use super::{Digest, LONGEST, cannot_read, entry, no_list};
use crate::error::Result;
use std::cmp::Ordering;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// A sorted list, searched without reading it.
pub(super) struct Lines<'p> {
    pub(super) file: File,
    pub(super) length: u64,
    pub(super) path: &'p Path,
}

/// A line, and where the next one begins.
struct Line {
    digest: Digest,
    count: u64,
    end: u64,
}

impl Lines<'_> {
    /// How often `digest` is there.
    pub(super) fn find(&self, digest: &Digest) -> Result<u64> {
        // Invariant: a line begins at `low`; `digest` stands nowhere else than in lines that begin in
        // `low..high`.
        let (mut low, mut high) = (0, self.length);
        while low < high {
            let middle = low + (high - low) / 2;
            let start = if middle == low { low } else { self.next_line(middle - 1)? };
            if start >= high {
                high = middle;
                continue;
            }
            let line = self.line(start)?;
            match line.digest.cmp(digest) {
                Ordering::Equal => return Ok(line.count),
                Ordering::Less => low = line.end,
                Ordering::Greater => high = middle,
            }
        }
        Ok(0)
    }

    /// Whether the lines stand in order, as far as some thousands of them tell: its two ends whole,
    /// and what lies between here and there.
    pub(super) fn are_sorted(&self) -> Result<bool> {
        let step = (self.length / SAMPLES).max(1024);
        let spots = (1..SAMPLES).map(|n| n * step).take_while(|at| *at < self.length);
        let starts = spots.map(|at| self.next_line(at)).collect::<Result<Vec<u64>>>()?;
        self.in_order(starts.into_iter())
            .and_then(|so_far| Ok(so_far && self.run(0)?))
            .and_then(|so_far| Ok(so_far && self.run(self.length.saturating_sub(END))?))
    }

    fn in_order(&self, starts: impl Iterator<Item = u64>) -> Result<bool> {
        let mut last = [0; 20];
        for start in starts.filter(|start| *start < self.length) {
            let digest = self.line(start)?.digest;
            if digest < last {
                return Ok(false);
            }
            last = digest;
        }
        Ok(true)
    }

    /// Whether the lines that follow `from` closely are in order.
    fn run(&self, from: u64) -> Result<bool> {
        let mut at = if from == 0 { 0 } else { self.next_line(from)? };
        let mut last = [0; 20];
        while at < self.length && at < from.saturating_add(END) {
            let line = self.line(at)?;
            if line.digest < last {
                return Ok(false);
            }
            (last, at) = (line.digest, line.end);
        }
        Ok(true)
    }

    /// Where the first line begins after the one that `at` is in.
    fn next_line(&self, at: u64) -> Result<u64> {
        let bytes = self.bytes(at)?;
        match bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) => Ok(at + end as u64 + 1),
            None if at + (bytes.len() as u64) < self.length => Err(no_list()),
            None => Ok(self.length),
        }
    }

    fn line(&self, start: u64) -> Result<Line> {
        let bytes = self.bytes(start)?;
        let length = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
        let (digest, count) = entry("", bytes[..length].trim_ascii_end()).ok_or_else(no_list)?;
        Ok(Line { digest, count, end: start + length as u64 + 1 })
    }

    fn bytes(&self, at: u64) -> Result<Vec<u8>> {
        let mut bytes = vec![0; LONGEST];
        let mut have = 0;
        while have < LONGEST {
            match self.file.read_at(&mut bytes[have..], at + have as u64) {
                Ok(0) => break,
                Ok(more) => have += more,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(cannot_read(self.path, &e)),
            }
        }
        bytes.truncate(have);
        Ok(bytes)
    }
}

/// How many lines are looked at to see whether a list is sorted.
const SAMPLES: u64 = 4096;

/// And how much of its ends, in bytes.
const END: u64 = 64 << 10;
