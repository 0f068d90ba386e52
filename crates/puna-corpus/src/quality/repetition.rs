//! Gopher's measures of repetition: lines, paragraphs and sequences of words.

use super::words::{Word, hash, mix};
use super::{Quality, fraction};

/// Fills in what concerns repetition.
pub(super) fn measure(text: &str, words: &[Word], quality: &mut Quality) {
    let characters = quality.characters;
    let mut seen = Seen::default();

    let lines = parts(text, 1);
    let (repeated, repeated_characters) = repeats(&lines, &mut seen);
    quality.duplicate_lines = fraction(repeated, lines.len() as u64);
    quality.duplicate_line_characters = fraction(repeated_characters, characters);

    let paragraphs = parts(text.trim(), 2);
    let (repeated, repeated_characters) = repeats(&paragraphs, &mut seen);
    quality.duplicate_paragraphs = fraction(repeated, paragraphs.len() as u64);
    quality.duplicate_paragraph_characters = fraction(repeated_characters, characters);

    // The rolling hash and the length of the words before each place, so that those of any sequence
    // are a difference.
    let mut sums = Vec::with_capacity(words.len() + 1);
    let mut lengths = Vec::with_capacity(words.len() + 1);
    let (mut sum, mut length) = (0u64, 0u64);
    sums.push(sum);
    lengths.push(length);
    for word in words {
        sum = sum.wrapping_mul(BASE).wrapping_add(word.hash);
        length += u64::from(word.length);
        sums.push(sum);
        lengths.push(length);
    }
    let sequences = Sequences { sums, lengths };
    for (share, size) in quality.top_ngram_characters.iter_mut().zip(2..) {
        *share = fraction(sequences.top(size, &mut seen), characters);
    }
    for (share, size) in quality.duplicate_ngram_characters.iter_mut().zip(5..) {
        *share = fraction(sequences.duplicates(size, &mut seen), characters);
    }
}

/// Odd, so that multiplication loses nothing.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

/// Pieces of a text between runs of at least `newlines` line feeds. Feeds at the ends part an empty
/// piece off, as the published code does.
fn parts(text: &str, newlines: usize) -> Vec<&str> {
    if text.is_empty() {
        return Vec::new();
    }
    let bytes = text.as_bytes();
    let mut parts = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < bytes.len() {
        let run = bytes[at..].iter().take_while(|&&b| b == b'\n').count();
        if run >= newlines {
            parts.push(&text[start..at]);
            start = at + run;
        }
        at += run.max(1);
    }
    parts.push(&text[start..]);
    parts
}

/// How many pieces occurred before, and their characters.
fn repeats(parts: &[&str], seen: &mut Seen) -> (u64, u64) {
    seen.clear(parts.len());
    let (mut count, mut characters) = (0, 0);
    for part in parts {
        if seen.add(hash(part.as_bytes())) > 0 {
            count += 1;
            characters += part.chars().count() as u64;
        }
    }
    (count, characters)
}

struct Sequences {
    sums: Vec<u64>,
    lengths: Vec<u64>,
}

impl Sequences {
    /// How many sequences of a size there are.
    fn count(&self, size: usize) -> usize {
        self.sums.len().saturating_sub(size)
    }

    fn hash(&self, at: usize, size: usize) -> u64 {
        let before = self.sums[at].wrapping_mul(BASE.wrapping_pow(size as u32));
        mix(self.sums[at + size].wrapping_sub(before))
    }

    fn letters(&self, at: usize, size: usize) -> u64 {
        self.lengths[at + size] - self.lengths[at]
    }

    /// Characters in all occurrences of the most frequent sequence, spaces between its words
    /// included; of equally frequent ones, the one that begins first.
    fn top(&self, size: usize, seen: &mut Seen) -> u64 {
        let count = self.count(size);
        seen.clear(count);
        let most = (0..count).map(|at| seen.add(self.hash(at, size)) + 1).max();
        let Some(most) = most else { return 0 };
        let first = (0..count).find(|&at| seen.times(self.hash(at, size)) == most);
        first.map_or(0, |at| {
            (self.letters(at, size) + size as u64 - 1) * u64::from(most)
        })
    }

    /// Characters, without spaces, in sequences that occurred before. Those do not overlap: the
    /// count goes on after a repeated one.
    fn duplicates(&self, size: usize, seen: &mut Seen) -> u64 {
        let count = self.count(size);
        seen.clear(count);
        let (mut at, mut characters) = (0, 0);
        while at < count {
            if seen.add(self.hash(at, size)) > 0 {
                characters += self.letters(at, size);
                at += size;
            } else {
                at += 1;
            }
        }
        characters
    }
}

/// A multiset of hashes, kept for use again.
#[derive(Default)]
struct Seen {
    /// Hash and times; zero times is an empty place.
    places: Vec<(u64, u32)>,
}

impl Seen {
    /// Empties it and makes room for a number of hashes.
    fn clear(&mut self, room: usize) {
        self.places.clear();
        self.places.resize((2 * room).next_power_of_two(), (0, 0));
    }

    fn place(&self, hash: u64) -> usize {
        let mask = self.places.len() - 1;
        let mut at = hash as usize & mask;
        while self.places[at].1 > 0 && self.places[at].0 != hash {
            at = (at + 1) & mask;
        }
        at
    }

    /// Adds a hash and says how often it had been added before.
    fn add(&mut self, hash: u64) -> u32 {
        let at = self.place(hash);
        let before = self.places[at].1;
        self.places[at] = (hash, before.saturating_add(1));
        before
    }

    fn times(&self, hash: u64) -> u32 {
        self.places[self.place(hash)].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_at_runs() {
        assert_eq!(parts("a\nb\n\n\nc\n", 1), ["a", "b", "c", ""]);
        assert_eq!(parts("a\nb\n\n\nc\n", 2), ["a\nb", "c\n"]);
        assert_eq!(parts("", 1), [""; 0]);
        assert_eq!(parts("\n", 1), ["", ""]);
    }
}
