//! A bounded memory of segments already encoded.
//!
//! Text repeats its words. A direct-mapped table of fixed size keeps the ids of short segments; a new
//! segment takes the place of the one that had its slot, so memory never grows.

use crate::Id;

/// Longest segment kept, in bytes.
pub(crate) const MAX_BYTES: usize = 16;
/// Most ids kept for one segment; with them an entry fills one cache line.
const MAX_IDS: usize = 11;
/// Entries, a power of two; at 64 bytes each the table takes 1 MiB.
const ENTRIES: usize = 1 << 14;

/// The bytes of a short segment, padded with zeros, and their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    low: u64,
    high: u64,
    len: u8,
}

impl Key {
    /// The key of `text[start..end]`, if it is short enough.
    #[inline]
    pub fn new(text: &[u8], start: usize, end: usize) -> Option<Self> {
        let len = end - start;
        if len > MAX_BYTES {
            return None;
        }
        let bytes = match text
            .get(start..start + MAX_BYTES)
            .and_then(|b| <[u8; MAX_BYTES]>::try_from(b).ok())
        {
            // Reading past the segment and masking is cheaper than a copy of its length.
            Some(block) if len > 0 => {
                u128::from_le_bytes(block) & (u128::MAX >> (8 * (MAX_BYTES - len)))
            }
            _ => {
                let mut block = [0; MAX_BYTES];
                block[..len].copy_from_slice(&text[start..end]);
                u128::from_le_bytes(block)
            }
        };
        Some(Self {
            low: bytes as u64,
            high: (bytes >> 64) as u64,
            len: len as u8,
        })
    }

    #[inline]
    fn slot(self) -> usize {
        let mixed = (self.low
            ^ self
                .high
                .rotate_left(29)
                .wrapping_mul(0x9E37_79B9_7F4A_7C15))
        .wrapping_mul(0xD6E8_FEB8_6659_FD93)
        .wrapping_add(u64::from(self.len));
        (mixed >> (64 - ENTRIES.trailing_zeros())) as usize
    }
}

#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Entry {
    low: u64,
    high: u64,
    /// Length of the segment; zero in a free entry, as no segment is empty.
    len: u8,
    count: u8,
    ids: [Id; MAX_IDS],
}

/// The table.
#[derive(Debug)]
pub(crate) struct Cache {
    entries: Box<[Entry]>,
}

impl Default for Cache {
    fn default() -> Self {
        let free = Entry {
            low: 0,
            high: 0,
            len: 0,
            count: 0,
            ids: [0; MAX_IDS],
        };
        Self {
            entries: vec![free; ENTRIES].into(),
        }
    }
}

impl Cache {
    /// The ids of a segment, if it is here.
    #[inline]
    pub fn get(&self, key: Key) -> Option<&[Id]> {
        let entry = &self.entries[key.slot()];
        let same = entry.low == key.low && entry.high == key.high && entry.len == key.len;
        if same {
            entry.ids.get(..usize::from(entry.count))
        } else {
            None
        }
    }

    /// Keeps the ids of a segment, if they fit.
    pub fn insert(&mut self, key: Key, ids: &[Id]) {
        let entry = &mut self.entries[key.slot()];
        if let Some(slots) = entry.ids.get_mut(..ids.len()) {
            slots.copy_from_slice(ids);
            (entry.low, entry.high, entry.len) = (key.low, key.high, key.len);
            entry.count = ids.len() as u8;
        }
    }
}
