//! Matches with a skip budget between a document and the samples of an index (paper A.6).

use super::index::{BOUNDARY, Index};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ops::Range;

/// Groups of so many positions remember the last passage that they were held against.
const LARGE_GROUP: usize = 8;

/// A passage that a sample and a document share, but for few tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    /// Number of the sample.
    pub sample: u32,
    /// Where it begins in the sample.
    pub start: u32,
    /// Its tokens.
    pub length: u32,
    /// Where it begins in the document.
    pub at: u32,
    /// Where they differ: distance from the beginning, and the document's token.
    pub differences: Vec<(u32, u32)>,
}

/// What a large group was last held against in a document: where, and how many tokens were looked at.
struct Seen {
    at: usize,
    looked_at: usize,
}

impl Index {
    /// All matches in a document that no longer one on the same diagonal with the same mismatches
    /// contains, in the order of their places in it.
    ///
    /// Of matches whose beginnings lie within the same run of equal tokens, the first reaches as far
    /// as the others and contains them; so a match is looked for only where the tokens before it
    /// differ.
    pub fn find(&self, document: &[u32], found: &mut Vec<Match>) {
        let mut seen: HashMap<u32, Seen> = HashMap::new();
        self.candidates(document, |at, hash| {
            let gram = &document[at..at + self.prefix];
            let Some((group, mut range)) = self.group_of(gram, hash) else {
                return;
            };
            let large = range.len() >= LARGE_GROUP;
            if large
                && let Some(last) = seen.get(&group)
                && last.is_repeated(document, at)
            {
                return;
            }
            let mut looked_at = 0;
            let mut extend = |range: Range<usize>| {
                for &position in &self.positions[range] {
                    looked_at = looked_at.max(self.extend(document, at, position, found));
                }
            };
            if let Some(before) = at.checked_sub(1).map(|last| document[last]) {
                let token_before = |&position: &u32| self.tokens[position as usize - 1];
                let group = &self.positions[range.clone()];
                let same = group.partition_point(|p| token_before(p) < before)
                    ..group.partition_point(|p| token_before(p) <= before);
                extend(range.start..range.start + same.start);
                range.start += same.end;
            }
            extend(range);
            if large {
                seen.insert(group, Seen { at, looked_at });
            }
        });
    }

    /// Extends equal tokens to the longest match; how many tokens of the document that took, of which
    /// one may be missing behind its end.
    fn extend(&self, document: &[u32], at: usize, position: u32, found: &mut Vec<Match>) -> usize {
        let sample = &self.tokens[position as usize..];
        let mut mismatches = Vec::new();
        let mut length = self.prefix;
        let mut looked_at = self.prefix;
        let mut kept = 0;
        loop {
            let theirs = sample[looked_at];
            if theirs == BOUNDARY {
                break;
            }
            looked_at += 1;
            let Some(&ours) = document.get(at + looked_at - 1) else {
                break;
            };
            if ours == theirs {
                length = looked_at;
                kept = mismatches.len();
            } else if mismatches.len() == self.budget {
                break;
            } else {
                mismatches.push((looked_at as u32 - 1, ours));
            }
        }
        // What differs at the end is no part of the match.
        mismatches.truncate(kept);
        let (number, start) = self.sample_at(position);
        found.push(Match {
            sample: number,
            start: position - start,
            length: length as u32,
            at: at as u32,
            differences: mismatches,
        });
        looked_at
    }
}

impl Seen {
    /// Whether what is here was there too, with the token before it: then the same matches were
    /// found there already. This keeps a long run of dashes linear.
    fn is_repeated(&self, document: &[u32], at: usize) -> bool {
        // Nothing precedes the first token of a document.
        let passage = |at: usize| document.get(at.checked_sub(1)?..at + self.looked_at);
        let last = passage(self.at);
        last.is_some() && last == passage(at)
    }
}
