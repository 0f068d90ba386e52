//! A line as hashed features: words, pairs of words, and letters in a row within words.

use super::normalise::Normaliser;
use super::training::Settings;

/// Makes the features of lines; holds memory to use again.
pub(super) struct Features {
    normaliser: Normaliser,
    words: WordFeatures,
}

/// Makes the features of words.
pub(super) struct WordFeatures {
    mask: u32,
    word_pairs: bool,
    shortest: usize,
    longest: usize,
    /// Ends of the characters of a word in its brackets.
    ends: Vec<usize>,
    bracketed: String,
}

impl Features {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            normaliser: Normaliser::new(settings.undo_disguises),
            words: WordFeatures {
                mask: (1 << settings.bucket_bits) - 1,
                word_pairs: settings.word_pairs,
                shortest: settings.shortest_letters,
                longest: settings.longest_letters,
                ends: Vec::new(),
                bracketed: String::new(),
            },
        }
    }

    /// Calls `take` with each bucket of a line, once for each occurrence.
    pub(super) fn each(&mut self, line: &str, mut take: impl FnMut(usize)) {
        let Self { normaliser, words } = self;
        let mut before = 0;
        normaliser.words(line, |word| {
            let hash = word_hash(word);
            if let Some(bucket) = words.pair(&mut before, hash) {
                take(bucket);
            }
            words.each(word, hash, &mut take);
        });
    }

    /// Calls `take` with each word of a line, its hash, the bucket of its pair with the word before,
    /// and what gives the other buckets.
    pub(super) fn each_word(
        &mut self,
        line: &str,
        mut take: impl FnMut(&str, u32, Option<usize>, &mut WordFeatures),
    ) {
        let Self { normaliser, words } = self;
        let mut before = 0;
        normaliser.words(line, |word| {
            let hash = word_hash(word);
            let pair = words.pair(&mut before, hash);
            take(word, hash, pair, words);
        });
    }
}

fn word_hash(word: &str) -> u32 {
    fnv(WORDS, word.as_bytes())
}

impl WordFeatures {
    fn bucket(&self, hash: u32) -> usize {
        (mix(hash) & self.mask) as usize
    }

    /// The bucket of a word and the one before it; the first word makes a pair with the beginning of
    /// the line.
    fn pair(&self, before: &mut u32, hash: u32) -> Option<usize> {
        let first = std::mem::replace(before, hash);
        let pair = (first ^ PAIRS).wrapping_mul(PRIME).rotate_left(7) ^ hash;
        self.word_pairs.then(|| self.bucket(pair))
    }

    /// The buckets of a word by itself: the word and its letters.
    pub(super) fn each(&mut self, word: &str, hash: u32, take: &mut impl FnMut(usize)) {
        take(self.bucket(hash));
        if self.longest == 0 {
            return;
        }
        self.bracketed.clear();
        self.bracketed.push('<');
        self.bracketed.push_str(word);
        self.bracketed.push('>');
        self.ends.clear();
        let ends = self
            .bracketed
            .char_indices()
            .map(|(at, c)| at + c.len_utf8());
        self.ends.extend(ends);
        let bytes = self.bracketed.as_bytes();
        let mut start = 0;
        for (first, &next) in self.ends.iter().enumerate() {
            let mut hash = LETTERS;
            let mut at = start;
            for (size, &end) in (1..=self.longest).zip(&self.ends[first..]) {
                hash = fnv(hash, &bytes[at..end]);
                at = end;
                if size >= self.shortest {
                    take(self.bucket(hash));
                }
            }
            start = next;
        }
    }
}

// Different beginnings, so that a word and the same letters within another are two features.
const WORDS: u32 = 0x811c_9dc5;
const LETTERS: u32 = 0x2f0b_4c47;
const PAIRS: u32 = 0x5bd1_e995;
const PRIME: u32 = 0x0100_0193;

fn fnv(hash: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(hash, |hash, &byte| {
        (hash ^ u32::from(byte)).wrapping_mul(PRIME)
    })
}

/// Brings the high bits down, as only low ones choose the bucket.
fn mix(hash: u32) -> u32 {
    let hash = (hash ^ (hash >> 16)).wrapping_mul(0x7feb_352d);
    hash ^ (hash >> 15)
}
