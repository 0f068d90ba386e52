//! For every token of every sample, the longest match that covers it: all thresholds in one pass.

use super::find::Match;
use serde::{Deserialize, Serialize};

/// A match and the document that holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The passage.
    #[serde(flatten)]
    pub passage: Match,
    /// The document's id in its file.
    pub document: String,
    /// Number of the piece of the corpus; the file of a piece need not say it.
    #[serde(skip)]
    pub part: u32,
}

/// The longest matches over the samples. Of equally long ones the first that was added counts, so
/// that the corpus's order decides and not the threads'.
#[derive(Debug)]
pub struct Covers(Vec<Cover>);

#[derive(Debug, Default)]
struct Cover {
    tokens: usize,
    /// For each token, length of the longest match over it and its number in `found`; empty without
    /// any match.
    longest: Vec<(u32, u32)>,
    found: Vec<Found>,
}

impl Covers {
    /// Nothing found yet, in samples of so many tokens.
    pub fn new(tokens: impl IntoIterator<Item = usize>) -> Self {
        let empty = |tokens| Cover {
            tokens,
            ..Cover::default()
        };
        Self(tokens.into_iter().map(empty).collect())
    }

    /// Adds a match, if it is the longest anywhere.
    pub fn add(&mut self, passage: Match, document: &str, part: u32) {
        self.0[passage.sample as usize].add(passage, document, part);
    }

    /// Adds a match that was read from a file, and may be nonsense.
    pub(super) fn add_checked(&mut self, found: Found, part: u32) -> Result<(), String> {
        let passage = &found.passage;
        let cover = self.0.get(passage.sample as usize);
        let end = passage.start as usize + passage.length as usize;
        let places = || passage.differences.iter().map(|&(place, _)| place);
        let ordered = places().is_sorted_by(|a, b| a < b);
        let within = places().all(|place| place < passage.length);
        if cover.is_none_or(|cover| end > cover.tokens) || !ordered || !within {
            let what = "it has a match that cannot be; remove it and run again";
            return Err(what.into());
        }
        self.add(found.passage, &found.document, part);
        Ok(())
    }

    /// Length of the longest match over each token of a sample; `None` without any match.
    pub fn longest(&self, sample: usize) -> Option<impl Iterator<Item = u32> + '_> {
        let cover = &self.0[sample];
        (!cover.found.is_empty()).then(|| cover.longest.iter().map(|l| l.0))
    }

    /// A sample's tokens under matches of at least so many tokens.
    pub fn contaminated(&self, sample: usize, shortest: u32) -> usize {
        let lengths = self.longest(sample).into_iter().flatten();
        lengths.filter(|&length| length >= shortest).count()
    }

    /// The matches that are the longest over some token of a sample, in the order they were added.
    pub fn found(&self, sample: usize) -> impl Iterator<Item = &Found> + '_ {
        let cover = &self.0[sample];
        let needed = cover.needed();
        let numbered = cover.found.iter().zip(needed);
        numbered.filter_map(|(found, needed)| needed.then_some(found))
    }

    /// All of these of all samples: added to an empty one in this order, they give the same again.
    pub fn into_found(self) -> Vec<Found> {
        let mut all = Vec::new();
        for mut cover in self.0 {
            cover.compact();
            all.append(&mut cover.found);
        }
        all
    }
}

impl Cover {
    fn add(&mut self, passage: Match, document: &str, part: u32) {
        if self.longest.is_empty() {
            self.longest = vec![(0, 0); self.tokens];
        }
        let (start, length) = (passage.start as usize, passage.length);
        let number = self.found.len() as u32;
        let mut better = false;
        for longest in &mut self.longest[start..start + length as usize] {
            if length > longest.0 {
                *longest = (length, number);
                better = true;
            }
        }
        if better {
            self.found.push(Found {
                passage,
                document: document.to_owned(),
                part,
            });
            if self.found.len() > 2 * self.tokens + 16 {
                self.compact();
            }
        }
    }

    fn needed(&self) -> Vec<bool> {
        let mut needed = vec![false; self.found.len()];
        for &(length, number) in &self.longest {
            if length > 0 {
                needed[number as usize] = true;
            }
        }
        needed
    }

    /// Forgets matches that longer ones have covered.
    fn compact(&mut self) {
        let needed = self.needed();
        let mut next = 0;
        let numbers: Vec<u32> = needed
            .iter()
            .map(|&needed| {
                let number = next;
                next += u32::from(needed);
                number
            })
            .collect();
        for longest in self.longest.iter_mut().filter(|longest| longest.0 > 0) {
            longest.1 = numbers[longest.1 as usize];
        }
        let mut needed = needed.into_iter();
        self.found.retain(|_| needed.next().unwrap_or(false));
    }
}
