//! Which two symbols may merge, and in what order.
//!
//! SentencePiece has no list of merges: any two neighbours whose joined text is a piece may merge, the
//! highest score first. Here that rule is turned once into a table over pairs of symbols.

use rustc_hash::FxHashMap;

use crate::Id;
use crate::vocab::{Merge, Vocab};

/// A symbol while merging: a piece's id, or a character without a piece (high bit and code point).
pub(crate) type Symbol = u32;

/// Set in the symbol of a character that has no piece.
pub(crate) const CHARACTER: Symbol = 1 << 31;

/// No merge exists.
pub(crate) const NO_RANK: u32 = u32::MAX;

/// The symbol of one character.
pub(crate) fn symbol_of(vocab: &Vocab, c: char) -> Symbol {
    let mut utf8 = [0; 4];
    vocab
        .normal(c.encode_utf8(&mut utf8))
        .unwrap_or(CHARACTER | c as u32)
}

/// One key for two symbols side by side.
pub(crate) fn pair(left: Symbol, right: Symbol) -> u64 {
    u64::from(left) << 32 | u64::from(right)
}

/// Ranks of pairs: a lower rank merges first; equal ranks merge from left to right.
#[derive(Debug)]
pub(crate) struct MergeTable {
    ranks: FxHashMap<u64, (u32, Id)>,
}

impl MergeTable {
    /// The table of a vocabulary, from its own list where a file gave one, else from its scores.
    pub fn new(vocab: &Vocab) -> Self {
        let mut ranks = FxHashMap::default();
        if let Some(list) = &vocab.explicit_merges {
            for (rank, merge) in (0..).zip(list) {
                ranks
                    .entry(pair(merge.left, merge.right))
                    .or_insert((rank, merge.result));
            }
            return Self { ranks };
        }
        let (mut rank, mut rank_score) = (0, None);
        for id in vocab.by_score() {
            let piece = &vocab.pieces[id as usize];
            for_each_split(vocab, &piece.text, |left, right| {
                // Only pieces that merges make take a rank, so ranks depend on merges alone.
                if rank_score
                    .replace(piece.score)
                    .is_some_and(|score| score != piece.score)
                {
                    rank += 1;
                }
                ranks.insert(pair(left, right), (rank, id));
            });
        }
        Self { ranks }
    }

    /// Rank and result of merging two symbols, [`NO_RANK`] if they do not merge.
    #[inline]
    pub fn get(&self, left: Symbol, right: Symbol) -> (u32, Id) {
        self.ranks
            .get(&pair(left, right))
            .copied()
            .unwrap_or((NO_RANK, 0))
    }
}

/// Calls `f` for every way to cut the text into two symbols that can exist while merging.
fn for_each_split(vocab: &Vocab, text: &str, mut f: impl FnMut(Symbol, Symbol)) {
    let symbol = |part: &str| -> Option<Symbol> {
        vocab.normal(part).or_else(|| {
            let mut chars = part.chars();
            // A single character without a piece can still be one half of a merge.
            chars
                .next()
                .filter(|_| chars.next().is_none())
                .map(|c| CHARACTER | c as u32)
        })
    };
    for (at, _) in text.char_indices().skip(1) {
        if let (Some(left), Some(right)) = (symbol(&text[..at]), symbol(&text[at..])) {
            f(left, right);
        }
    }
}

/// The merges that scores imply, as a list in the order of the usual conversion to `tokenizer.json`:
/// by falling score, then the longer left part first, then the longer right part.
pub(crate) fn merge_list(vocab: &Vocab) -> Vec<Merge> {
    if let Some(list) = &vocab.explicit_merges {
        return list.clone();
    }
    let mut list = Vec::new();
    for result in vocab.by_score() {
        for_each_split(vocab, &vocab.pieces[result as usize].text, |left, right| {
            if left | right < CHARACTER {
                list.push(Merge {
                    left,
                    right,
                    result,
                });
            }
        });
    }
    let text = |id: Id| &vocab.pieces[id as usize];
    // A stable sort: pieces of equal score and lengths keep the order of ids.
    list.sort_by(|a, b| {
        text(b.result)
            .score
            .total_cmp(&text(a.result).score)
            .then_with(|| {
                text(b.left)
                    .text
                    .chars()
                    .count()
                    .cmp(&text(a.left).text.chars().count())
            })
            .then_with(|| {
                text(b.right)
                    .text
                    .chars()
                    .count()
                    .cmp(&text(a.right).text.chars().count())
            })
    });
    list
}
