//! Every n-gram at which a match can begin, of the evaluation samples, in a table; a document is
//! held against it with a rolling hash.
//!
//! The paper builds a suffix array of everything. Here only the evaluation samples are in memory and
//! the corpus streams past once, so that memory is bounded by the samples and time is linear in the
//! corpus. A match begins with `prefix` equal tokens: these are looked up, compared token by token,
//! and extended in place.

use crate::error::{Error, Result};

/// Stands between samples; no tokenizer has so many pieces.
pub(super) const BOUNDARY: u32 = u32::MAX;
/// Multiplier of the rolling hash.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;
/// Bits of the filter for each n-gram, at least. More would let fewer positions through for nothing
/// (three bits set in one word: one in fifty, or fewer), but a filter that outgrows the caches costs more
/// than those.
const FILTER_BITS: usize = 10;

/// The n-grams of all samples.
#[derive(Debug)]
pub struct Index {
    /// Equal tokens at the front of a match.
    pub(super) prefix: usize,
    /// Positions at which a match may differ.
    pub(super) budget: usize,
    /// The samples' tokens, a boundary before each and behind the last.
    pub(super) tokens: Vec<u32>,
    /// Where each sample begins in them.
    pub(super) starts: Vec<u32>,
    /// Where n-grams begin, sorted by n-gram and by the token before it.
    pub(super) positions: Vec<u32>,
    /// For each distinct n-gram, its hash and its first position; ordered by hash.
    groups: Vec<(u64, u32)>,
    /// Open addressing: number of a group and 1, or 0 where there is none.
    slots: Vec<u32>,
    /// Three bits in a word for each hash that may be in the table. It fits caches where the table
    /// does not.
    filter: Vec<u64>,
    filter_shift: u32,
    /// `BASE` to the power of `prefix - 1`.
    top: u64,
}

impl Index {
    /// Builds the table of samples, whose numbers follow their order.
    pub fn build<'a>(
        samples: impl IntoIterator<Item = &'a [u32]>,
        prefix: u32,
        budget: u32,
    ) -> Result<Self> {
        let prefix = prefix as usize;
        let (mut tokens, mut starts) = (vec![BOUNDARY], Vec::new());
        for sample in samples {
            starts.push(tokens.len() as u32);
            tokens.extend_from_slice(sample);
            tokens.push(BOUNDARY);
            if tokens.len() > u32::MAX as usize {
                return Err(Error::Setting {
                    name: "evaluation sets",
                    what: "more than 4,294,967,295 tokens; give fewer sets at once".into(),
                });
            }
        }
        let mut index = Self {
            prefix,
            budget: budget as usize,
            tokens,
            starts,
            positions: Vec::new(),
            groups: Vec::new(),
            slots: Vec::new(),
            filter: Vec::new(),
            filter_shift: 0,
            top: (1..prefix).fold(1, |power: u64, _| power.wrapping_mul(BASE)),
        };
        index.group();
        index.fill_table();
        Ok(index)
    }

    /// Sorts the places of n-grams into groups of equal ones.
    fn group(&mut self) {
        let mut keys: Vec<(u64, u32)> = Vec::new();
        for (sample, &start) in self.starts.iter().enumerate() {
            let end = self.end(sample);
            for (hash, at) in self.hashes(&self.tokens[start as usize..end]).zip(start..) {
                keys.push((hash, at));
            }
        }
        let gram = |at: u32| &self.tokens[at as usize..at as usize + self.prefix];
        let before = |at: u32| self.tokens[at as usize - 1];
        keys.sort_unstable_by(|&(a, i), &(b, j)| {
            let equal_hash = || gram(i).cmp(gram(j)).then(before(i).cmp(&before(j)));
            a.cmp(&b).then_with(equal_hash).then(i.cmp(&j))
        });
        let mut groups: Vec<(u64, u32)> = Vec::new();
        for (n, &(hash, at)) in keys.iter().enumerate() {
            let first = n.checked_sub(1).is_none_or(|last| {
                let (other, there) = keys[last];
                other != hash || gram(there) != gram(at)
            });
            if first {
                groups.push((hash, n as u32));
            }
        }
        self.groups = groups;
        self.positions = keys.into_iter().map(|(_, at)| at).collect();
    }

    fn fill_table(&mut self) {
        let groups = self.groups.len();
        self.slots = vec![0; (2 * groups).next_power_of_two().max(2)];
        let words = (FILTER_BITS * groups / 64).next_power_of_two().max(2);
        self.filter = vec![0; words];
        self.filter_shift = 64 - words.ilog2();
        for (number, &(hash, _)) in self.groups.iter().enumerate() {
            self.filter[(hash >> self.filter_shift) as usize] |= filter_bits(hash);
            let mut slot = hash as usize & (self.slots.len() - 1);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (self.slots.len() - 1);
            }
            self.slots[slot] = number as u32 + 1;
        }
    }

    /// The hash of each n-gram of a text.
    fn hashes<'a>(&self, text: &'a [u32]) -> impl Iterator<Item = u64> + use<'a> {
        let (prefix, top) = (self.prefix, self.top);
        let front = text.get(..prefix);
        let rest = text.get(prefix..).unwrap_or(&[]);
        let mut state = front.unwrap_or(&[]).iter().fold(0u64, |state, &token| {
            state.wrapping_mul(BASE).wrapping_add(value(token))
        });
        let first = front.map(|_| finish(state));
        first
            .into_iter()
            .chain(text.iter().zip(rest).map(move |(&out, &token)| {
                state = state
                    .wrapping_sub(value(out).wrapping_mul(top))
                    .wrapping_mul(BASE)
                    .wrapping_add(value(token));
                finish(state)
            }))
    }

    /// Calls `each` with every place of a document whose n-gram may be in the table, and its hash.
    pub(super) fn candidates(&self, document: &[u32], mut each: impl FnMut(usize, u64)) {
        self.hashes(document).enumerate().for_each(|(at, hash)| {
            let bits = filter_bits(hash);
            if self.filter[(hash >> self.filter_shift) as usize] & bits == bits {
                each(at, hash);
            }
        });
    }

    /// The group of an n-gram: its number and its range of positions.
    pub(super) fn group_of(
        &self,
        gram: &[u32],
        hash: u64,
    ) -> Option<(u32, std::ops::Range<usize>)> {
        let mut slot = hash as usize & (self.slots.len() - 1);
        loop {
            let number = self.slots[slot].checked_sub(1)?;
            let (other, first) = self.groups[number as usize];
            let there = self.positions[first as usize] as usize;
            // Tokens decide, not the hash.
            if other == hash && self.tokens[there..there + self.prefix] == *gram {
                let next = self.groups.get(number as usize + 1);
                let end = next.map_or(self.positions.len(), |group| group.1 as usize);
                return Some((number, first as usize..end));
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }

    /// Where a sample ends in the tokens.
    fn end(&self, sample: usize) -> usize {
        let next = self.starts.get(sample + 1);
        next.map_or(self.tokens.len(), |&start| start as usize) - 1
    }

    /// The sample that a position lies in, and where it begins.
    pub(super) fn sample_at(&self, position: u32) -> (u32, u32) {
        let sample = self.starts.partition_point(|&start| start <= position) - 1;
        (sample as u32, self.starts[sample])
    }

    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.starts.len()
    }

    /// A sample's tokens.
    pub fn sample(&self, sample: usize) -> &[u32] {
        &self.tokens[self.starts[sample] as usize..self.end(sample)]
    }
}

fn value(token: u32) -> u64 {
    u64::from(token) + 1
}

/// The bits of a hash in its word of the filter.
fn filter_bits(hash: u64) -> u64 {
    1 << (hash & 63) | 1 << (hash >> 6 & 63) | 1 << (hash >> 12 & 63)
}

/// High and low bits that depend on all bits of the state.
fn finish(state: u64) -> u64 {
    let mixed = (state ^ state >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
    mixed ^ mixed >> 32
}
