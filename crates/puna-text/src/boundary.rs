//! Where text can be cut without changing its ids.
//!
//! Two neighbouring characters can only end up in one token if they stand side by side in some piece.
//! Between all other neighbours lies a cut that no merge can cross, so each part can be encoded alone.
//! For Llama 2's vocabulary those are the starts of words, most punctuation and digits; a vocabulary
//! with spaces inside pieces simply has fewer cuts.

use crate::merges::pair;
use crate::vocab::{Kind, SPACE, Vocab};

/// Bits of the filter for pairs outside ASCII, a power of two.
const FILTER_BITS: u32 = 18;

/// Which neighbours may belong to one token. False positives are possible, false negatives are not.
#[derive(Debug)]
pub(crate) struct Boundaries {
    /// Bit `b` of entry `a`: the ASCII characters `a`, `b` stand side by side in a piece.
    ascii: Box<[u128; 128]>,
    /// A hashed set of the pairs with a character outside ASCII.
    others: Box<[u64]>,
}

/// A space counts as the character that stands for it in pieces.
#[inline]
pub(crate) fn fold_space(c: char) -> char {
    if c == SPACE { ' ' } else { c }
}

fn slot(left: char, right: char) -> (usize, u32) {
    let hash =
        pair(left as u32, right as u32).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - FILTER_BITS);
    ((hash >> 6) as usize, (hash & 63) as u32)
}

impl Boundaries {
    /// Collects the neighbours inside all pieces.
    pub fn new(vocab: &Vocab) -> Self {
        let mut new = Self {
            ascii: Box::new([0; 128]),
            others: vec![0; 1 << (FILTER_BITS - 6)].into(),
        };
        for piece in vocab.pieces.iter().filter(|p| p.kind == Kind::Normal) {
            let mut previous = None;
            for c in piece.text.chars().map(fold_space) {
                match previous.replace(c) {
                    None => {}
                    Some(p) if p.is_ascii() && c.is_ascii() => {
                        new.ascii[p as usize] |= 1 << (c as u32)
                    }
                    Some(p) => {
                        let (word, bit) = slot(p, c);
                        new.others[word] |= 1 << bit;
                    }
                }
            }
        }
        new
    }

    /// Whether a token might cover both of these ASCII neighbours.
    #[inline]
    pub fn joins_ascii(&self, left: u8, right: u8) -> bool {
        self.ascii[usize::from(left & 127)] >> (right & 127) & 1 != 0
    }

    /// Whether a token might cover both of these neighbours.
    #[inline]
    pub fn joins(&self, left: char, right: char) -> bool {
        let (left, right) = (fold_space(left), fold_space(right));
        if left.is_ascii() && right.is_ascii() {
            return self.joins_ascii(left as u8, right as u8);
        }
        let (word, bit) = slot(left, right);
        self.others[word] >> bit & 1 != 0
    }
}
