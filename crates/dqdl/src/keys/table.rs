//! Hash tables of indices: one for keys, and one for the texts in them.

use std::hash::{BuildHasher, RandomState};

use super::TOO_MANY;

/// The number of a text that is not there.
const UNKNOWN: u32 = u32::MAX;

/// Numbers texts in the order they first occur.
#[derive(Debug, Default)]
pub(super) struct Interner {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    table: Table,
}

impl Interner {
    fn text(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(index).copied().unwrap_or(start);
        self.bytes.get(start..end).unwrap_or_default()
    }

    pub(super) fn find(&self, text: &[u8]) -> u32 {
        let found = self.table.find(self.table.hash_bytes(text), |index| self.text(index) == text);
        found.and_then(|index| u32::try_from(index).ok()).unwrap_or(UNKNOWN)
    }

    pub(super) fn insert(&mut self, text: &[u8]) -> Result<u32, String> {
        let known = self.find(text);
        if known != UNKNOWN {
            return Ok(known);
        }
        let (index, _) = self.table.insert(self.table.hash_bytes(text), |_| false);
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
        index.and_then(|index| u32::try_from(index).ok()).ok_or_else(|| TOO_MANY.to_owned())
    }
}

/// An open hash table of indices with linear probing; what they stand for is elsewhere.
#[derive(Debug)]
pub(super) struct Table {
    /// The upper half of the hash and the index plus one, 0 when empty. A power of two, at most half full.
    slots: Vec<u64>,
    len: usize,
    /// Different in every table, so that no input can be made to collide.
    seed: u64,
}

impl Default for Table {
    fn default() -> Self {
        Self { slots: vec![0; 16], len: 0, seed: RandomState::new().hash_one(0_u64) }
    }
}

/// Multiplies to 128 bits and folds the halves.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

impl Table {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Empties it, for as many as it had.
    pub(super) fn clear(&mut self) {
        self.slots.fill(0);
        self.len = 0;
    }

    pub(super) fn hash(&self, words: &[u64]) -> u64 {
        let hash = words.iter().fold(self.seed, |hash, word| fold(hash ^ word, MULTIPLIER));
        fold(hash ^ MULTIPLIER, self.seed | 1)
    }

    fn hash_bytes(&self, bytes: &[u8]) -> u64 {
        let (words, rest) = bytes.as_chunks::<8>();
        let hash = words.iter().fold(self.seed ^ bytes.len() as u64, |hash, word| {
            fold(hash ^ u64::from_le_bytes(*word), MULTIPLIER)
        });
        let tail = rest.iter().fold(0, |tail, byte| tail << 8 | u64::from(*byte));
        fold(fold(hash ^ tail, MULTIPLIER) ^ MULTIPLIER, self.seed | 1)
    }

    /// Reads the slots where keys would be: the waits for memory overlap, which they do not one insertion at a time.
    pub(super) fn touch(&self, hashes: &[u64]) {
        let mask = self.slots.len() - 1;
        let slots = hashes.iter().filter_map(|hash| self.slots.get((hash >> 32) as usize & mask));
        std::hint::black_box(slots.fold(0, |sum: u64, slot| sum ^ slot));
    }

    /// The slot of a key: `Ok` with its index, or `Err` with the empty slot where it would go.
    fn probe(&self, hash: u64, same: impl Fn(usize) -> bool) -> Result<usize, usize> {
        let mask = self.slots.len() - 1;
        let tag = hash >> 32;
        let mut at = tag as usize & mask;
        loop {
            let slot = self.slots.get(at).copied().unwrap_or(0);
            if slot == 0 {
                return Err(at);
            }
            if slot >> 32 == tag {
                let index = (slot & 0xffff_ffff) as usize - 1;
                if same(index) {
                    return Ok(index);
                }
            }
            at = (at + 1) & mask;
        }
    }

    pub(super) fn find(&self, hash: u64, same: impl Fn(usize) -> bool) -> Option<usize> {
        self.probe(hash, same).ok()
    }

    /// The index of a key and whether it is new; `None` when there is no room for more.
    pub(super) fn insert(&mut self, hash: u64, same: impl Fn(usize) -> bool) -> (Option<usize>, bool) {
        match self.probe(hash, same) {
            Ok(index) => (Some(index), false),
            Err(_) if self.len >= u32::MAX as usize - 1 => (None, false),
            Err(at) => {
                if let Some(slot) = self.slots.get_mut(at) {
                    *slot = (hash >> 32) << 32 | (self.len as u64 + 1);
                }
                self.len += 1;
                if self.len * 2 > self.slots.len() {
                    self.grow();
                }
                (Some(self.len - 1), true)
            }
        }
    }

    fn grow(&mut self) {
        let mask = self.slots.len() * 2 - 1;
        let mut slots = vec![0_u64; mask + 1];
        for slot in self.slots.iter().filter(|slot| **slot != 0) {
            let mut at = (slot >> 32) as usize & mask;
            while slots.get(at).is_some_and(|taken| *taken != 0) {
                at = (at + 1) & mask;
            }
            if let Some(place) = slots.get_mut(at) {
                *place = *slot;
            }
        }
        self.slots = slots;
    }
}
