//! From texts to counted words and the alphabet.

use rustc_hash::FxHashMap;

use crate::vocab::SPACE;

/// The character that SentencePiece takes for a boundary inside a sentence: it never enters a piece.
pub(super) const BOUNDARY: char = '\t';

/// Counts words: a run of spaces with the characters that follow, up to the next space. Spaces are kept
/// as U+0020 here.
#[derive(Debug)]
pub(super) struct WordCounter {
    counts: FxHashMap<Box<str>, u64>,
    whitespace_runs: bool,
    line: String,
}

impl WordCounter {
    /// Without `whitespace_runs`, every space begins a word.
    pub fn new(whitespace_runs: bool) -> Self {
        Self {
            counts: FxHashMap::default(),
            whitespace_runs,
            line: String::new(),
        }
    }

    /// Counts the words of each line, the dummy prefix before it.
    pub fn add(&mut self, text: &str) {
        let folded;
        let text = if text.contains(SPACE) {
            folded = text.replace(SPACE, " ");
            &folded
        } else {
            text
        };
        for line in text.split('\n').filter(|line| !line.is_empty()) {
            // The first word takes the prefix; the others need no copy.
            let first = self.word_end(line, 0);
            let mut head = std::mem::take(&mut self.line);
            head.clear();
            head.push(' ');
            head.push_str(&line[..first]);
            if self.whitespace_runs || !line.starts_with(' ') {
                self.count(&head);
            } else {
                self.count(" ");
                self.count(&line[..first]);
            }
            self.line = head;
            let mut from = first;
            while from < line.len() {
                let to = self.word_end(line, from);
                self.count(&line[from..to]);
                from = to;
            }
        }
    }

    /// End of the word that begins at `from`.
    fn word_end(&self, line: &str, from: usize) -> usize {
        let bytes = line.as_bytes();
        let mut at = from;
        if self.whitespace_runs {
            while bytes.get(at) == Some(&b' ') {
                at += 1;
            }
        } else if bytes.get(at) == Some(&b' ') {
            at += 1;
        }
        while bytes.get(at).is_some_and(|&b| b != b' ') {
            at += 1;
        }
        at
    }

    fn count(&mut self, word: &str) {
        match self.counts.get_mut(word) {
            Some(count) => *count += 1,
            None => {
                self.counts.insert(word.into(), 1);
            }
        }
    }

    /// Words with their counts, the most frequent first, then in the order of their text.
    pub fn finish(self) -> Vec<(Box<str>, u64)> {
        let mut words: Vec<_> = self.counts.into_iter().collect();
        words.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        words
    }
}

/// Characters that get a piece: the most frequent ones that make up `coverage` of the text (ties in the
/// order of code points), in pieces' spelling, with their counts.
pub(super) fn alphabet(words: &[(Box<str>, u64)], coverage: f64) -> Vec<(char, u64)> {
    let mut counts: FxHashMap<char, u64> = FxHashMap::default();
    for (word, count) in words {
        for c in word.chars() {
            *counts.entry(if c == ' ' { SPACE } else { c }).or_default() += count;
        }
    }
    counts.remove(&'\0');
    let all: u64 = counts.values().sum();
    let mut sorted: Vec<_> = counts.into_iter().collect();
    sorted.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let mut covered = 0;
    sorted.retain(|&(c, count)| {
        // Single precision, as SentencePiece compares.
        let keep = ((covered as f64 / all as f64) as f32) < coverage as f32;
        if keep {
            covered += count;
        }
        keep && c != BOUNDARY
    });
    sorted
}
