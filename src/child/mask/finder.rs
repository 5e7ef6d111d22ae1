//! Finding where one of many beginnings stands in a text, at the speed of the memory. Every fifth block
//! of four bytes is looked up in a bitmap: any beginning, which has eight bytes, contains one whole block.
//! Only where one is known it is looked closer.

use super::forms::BEGINNING;

/// The beginnings, each with the number of what begins so.
pub(super) struct Finder {
    /// Sorted. A key is the beginning as a number, so that keys sort as texts do.
    keys: Vec<(u64, u32)>,
    blocks: Bitmap,
    wholes: Bitmap,
}

impl Finder {
    pub(super) fn new(beginnings: impl Iterator<Item = ([u8; BEGINNING], u32)>) -> Self {
        let mut keys: Vec<_> =
            beginnings.map(|(text, of)| (u64::from_be_bytes(text), of)).collect();
        keys.sort_unstable();
        keys.dedup();
        let (mut blocks, mut wholes) = (Bitmap::new(), Bitmap::new());
        for (key, _) in &keys {
            let text = key.to_be_bytes();
            text.windows(BLOCK).filter_map(<[u8]>::first_chunk).for_each(|b| blocks.set(block(*b)));
            wholes.set(*key);
        }
        Self { keys, blocks, wholes }
    }

    /// Tells `found` every place at or after `from` where a whole beginning stands, in order, and what
    /// begins there.
    pub(super) fn each(&self, text: &[u8], from: usize, mut found: impl FnMut(usize, u32)) {
        let Some(last) = text.len().checked_sub(BEGINNING) else { return };
        let mut at = from;
        while let Some(bytes) = text.get(at..).and_then(<[u8]>::first_chunk) {
            if self.blocks.has(block(*bytes)) {
                for start in (at + 1).saturating_sub(STRIDE).max(from)..=at.min(last) {
                    self.at(text, start, &mut found);
                }
            }
            at += STRIDE;
        }
    }

    fn at(&self, text: &[u8], start: usize, found: &mut impl FnMut(usize, u32)) {
        let Some(bytes) = text[start..].first_chunk() else { return };
        let key = u64::from_be_bytes(*bytes);
        if !self.wholes.has(key) {
            return;
        }
        let first = self.keys.partition_point(|known| known.0 < key);
        let same = self.keys[first..].iter().take_while(|known| known.0 == key);
        same.for_each(|known| found(start, known.1));
    }

    /// Where, at or after `from`, a beginning may stand that goes on after the end of `text`; its end
    /// when there is no such place.
    pub(super) fn cut_off(&self, text: &[u8], from: usize) -> usize {
        let first = (text.len() + 1).saturating_sub(BEGINNING).max(from);
        (first..text.len()).find(|start| self.begins(&text[*start..])).unwrap_or(text.len())
    }

    /// Whether a beginning begins with `text`, which is shorter.
    fn begins(&self, text: &[u8]) -> bool {
        let mut low = [0; BEGINNING];
        low[..text.len()].copy_from_slice(text);
        let first = self.keys.partition_point(|known| known.0 < u64::from_be_bytes(low));
        self.keys.get(first).is_some_and(|known| known.0.to_be_bytes().starts_with(text))
    }
}

/// A set of numbers that may have more than were put in, and never fewer.
struct Bitmap(Box<[u64; WORDS]>);

impl Bitmap {
    fn new() -> Self {
        Self(Box::new([0; WORDS]))
    }

    fn set(&mut self, number: u64) {
        let (word, bit) = Self::place(number);
        self.0[word] |= bit;
    }

    #[inline]
    fn has(&self, number: u64) -> bool {
        let (word, bit) = Self::place(number);
        self.0[word] & bit != 0
    }

    #[inline]
    fn place(number: u64) -> (usize, u64) {
        let mixed = number.wrapping_mul(ODD) >> (64 - WORDS.ilog2() - 6);
        ((mixed >> 6) as usize % WORDS, 1 << (mixed & 63))
    }
}

#[inline]
fn block(bytes: [u8; BLOCK]) -> u64 {
    u64::from(u32::from_le_bytes(bytes))
}

const BLOCK: usize = 4;
const STRIDE: usize = BEGINNING - BLOCK + 1;
/// 16 KiB, so that it stays in the first cache.
const WORDS: usize = 2048;
/// Spreads similar numbers (2^64 divided by the golden ratio).
const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
