//! The random numbers of the world: one ChaCha8 stream per (seed, stream, index).
//!
//! Every document and dialogue owns its stream, so any one of them can be made
//! without making the ones before it, and all arithmetic is on integers.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// What a stream of random numbers is used for; streams never overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Stream {
    Truth = 1,
    HeldOut = 2,
    Document = 3,
    Dialogue = 4,
    Question = 5,
    Crawl = 6,
    CrawlHtml = 7,
    CrawlSite = 8,
    Toxicity = 9,
    Adversarial = 10,
    Borderline = 11,
    AdversarialDialogue = 12,
    BorderlineDialogue = 13,
    SafetyDialogue = 14,
    InstructionDialogue = 15,
    Conversation = 16,
    Refusal = 17,
    Annotator = 18,
    Annotation = 19,
    Preference = 20,
    AdvicePage = 21,
    RulesPage = 22,
    RulesTurn = 23,
}

/// A deterministic source of choices.
#[derive(Debug, Clone)]
pub(crate) struct Dice {
    rng: ChaCha8Rng,
}

impl Dice {
    /// The stream `stream` number `index` of the world with this seed.
    pub(crate) fn new(seed: u64, stream: Stream, index: u64) -> Self {
        let mut bytes = [0u8; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&(stream as u64).to_le_bytes());
        bytes[16..24].copy_from_slice(&index.to_le_bytes());
        Self {
            rng: ChaCha8Rng::from_seed(bytes),
        }
    }

    /// A uniform number in `0..n`; 0 when `n` is 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        let n = n as u64;
        if n <= 1 {
            return 0;
        }
        // Reject the tail of the range, so that every value is equally likely.
        let zone = u64::MAX - (u64::MAX % n + 1) % n;
        loop {
            let x = self.rng.next_u64();
            if x <= zone {
                return (x % n) as usize;
            }
        }
    }

    /// A uniform number in `low..=high`.
    pub(crate) fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// True in `percent` of a hundred cases.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of the items.
    ///
    /// # Panics
    /// When there is none: the tables of the world are never empty.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// Fisher-Yates.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }

    /// The numbers `0..n` in random order.
    pub(crate) fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        self.shuffle(&mut order);
        order
    }

    /// `count` values dealt from a shuffled deck of `size` cards that is
    /// shuffled anew whenever it runs out: every card is used about equally often.
    pub(crate) fn deal(&mut self, size: usize, count: usize) -> Vec<usize> {
        let mut out = Vec::with_capacity(count);
        while out.len() < count {
            let mut deck = self.permutation(size);
            deck.truncate(count - out.len());
            out.append(&mut deck);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pinned numbers: another version of a library must not make another world.
    #[test]
    fn the_stream_is_the_same_for_ever() {
        let mut dice = Dice::new(1, Stream::Document, 2);
        let drawn: Vec<usize> = (0..8).map(|_| dice.below(1_000)).collect();
        assert_eq!(drawn, [99, 208, 155, 942, 304, 364, 592, 931]);
    }

    #[test]
    fn draws_are_in_range_and_even() {
        let mut dice = Dice::new(5, Stream::Truth, 0);
        let mut counts = [0usize; 7];
        for _ in 0..7_000 {
            counts[dice.below(7)] += 1;
        }
        assert!(
            counts.iter().all(|count| (850..1_150).contains(count)),
            "{counts:?}"
        );
        assert_eq!(dice.below(0), 0);
        assert_eq!(dice.below(1), 0);
        let mut order = dice.permutation(50);
        order.sort_unstable();
        assert!(order.into_iter().eq(0..50));
        let dealt = dice.deal(3, 10);
        for card in 0..3 {
            assert!((3..=4).contains(&dealt.iter().filter(|c| **c == card).count()));
        }
    }
}
