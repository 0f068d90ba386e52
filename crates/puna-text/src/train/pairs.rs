//! Finding merges: the most frequent pair of neighbours, again and again.
//!
//! Counts are kept up to date by the places where a merge happens, so each merge costs as much as it has
//! occurrences. The order is that of SentencePiece: by count, then the shorter piece, then the order of
//! the pieces' text; a text that is a piece already is passed over.

use rustc_hash::{FxHashMap, FxHashSet};

use super::TrainOptions;
use super::valid::Shape;
use crate::merges::pair;
use crate::vocab::{Piece, SPACE};

/// Number of a symbol in training; the alphabet comes first.
type Symbol = u32;

/// A character outside the alphabet, which ends every pair.
const OTHER: Symbol = u32::MAX;
/// A place whose symbol was merged into its left neighbour.
const DEAD: Symbol = u32::MAX - 1;
/// No neighbour.
const NONE: u32 = u32::MAX;

/// Two neighbouring symbols.
#[derive(Debug)]
struct Pair {
    left: Symbol,
    right: Symbol,
    shape: Shape,
    count: u64,
    /// Where it began to occur; some of the places may have changed since.
    places: Vec<u32>,
}

/// The state of training.
struct Trainer<'a> {
    options: &'a TrainOptions,
    /// Text and shape of each symbol.
    texts: Vec<Box<str>>,
    shapes: Vec<Shape>,
    /// All words one after the other: symbol, neighbours and weight of each place.
    symbols: Vec<Symbol>,
    previous: Vec<u32>,
    next: Vec<u32>,
    weights: Vec<u64>,
    pairs: Vec<Pair>,
    /// Number of a pair; none for one that may not merge.
    numbers: FxHashMap<u64, Option<u32>>,
    /// Pairs whose count grew in the current merge.
    grown: Vec<u32>,
}

/// Learns up to `wanted` merges; fewer if the words have no more.
pub(super) fn learn(
    words: &[(Box<str>, u64)],
    alphabet: &[(char, u64)],
    wanted: usize,
    options: &TrainOptions,
    reserved: &[Piece],
) -> Vec<Box<str>> {
    let mut trainer = Trainer::new(words, alphabet, options);
    let mut taken: FxHashSet<Box<str>> = reserved.iter().map(|p| p.text.clone()).collect();
    let mut queue = Queue::default();
    for number in std::mem::take(&mut trainer.grown) {
        queue.push(&trainer, number);
    }
    let mut learned = Vec::with_capacity(wanted.min(1 << 20));
    while learned.len() < wanted {
        let Some(entry) = queue.pop(&trainer) else {
            break;
        };
        let count = trainer.pairs[entry.number as usize].count;
        if count == 0 {
            continue;
        }
        if count != entry.count {
            queue.push(&trainer, entry.number);
            continue;
        }
        let text = trainer.text(entry.number);
        if taken.insert(text.clone()) {
            trainer.merge(entry.number, text.clone());
            learned.push(text);
            let mut grown = std::mem::take(&mut trainer.grown);
            grown.sort_unstable();
            grown.dedup();
            for number in grown {
                queue.push(&trainer, number);
            }
        }
        trainer.pairs[entry.number as usize].places = Vec::new();
    }
    learned
}

impl<'a> Trainer<'a> {
    fn new(words: &[(Box<str>, u64)], alphabet: &[(char, u64)], options: &'a TrainOptions) -> Self {
        let known: FxHashMap<char, Symbol> = (0..)
            .zip(alphabet)
            .map(|(symbol, &(c, _))| (c, symbol))
            .collect();
        let mut trainer = Self {
            options,
            texts: alphabet.iter().map(|(c, _)| c.to_string().into()).collect(),
            shapes: alphabet
                .iter()
                .map(|&(c, _)| Shape::of(c, options))
                .collect(),
            symbols: Vec::new(),
            previous: Vec::new(),
            next: Vec::new(),
            weights: Vec::new(),
            pairs: Vec::new(),
            numbers: FxHashMap::default(),
            grown: Vec::new(),
        };
        for (word, count) in words {
            let begin = trainer.symbols.len();
            for c in word.chars() {
                let c = if c == ' ' { SPACE } else { c };
                let at = trainer.symbols.len() as u32;
                trainer
                    .symbols
                    .push(known.get(&c).copied().unwrap_or(OTHER));
                trainer.previous.push(at.wrapping_sub(1));
                trainer.next.push(at + 1);
                trainer.weights.push(*count);
            }
            let end = trainer.symbols.len();
            if begin < end {
                trainer.previous[begin] = NONE;
                trainer.next[end - 1] = NONE;
            }
            for at in begin + 1..end {
                trainer.occurs(at as u32 - 1, at as u32);
            }
        }
        trainer
    }

    /// The pair of two symbols, if they may merge.
    fn number(&mut self, left: Symbol, right: Symbol) -> Option<u32> {
        if left >= DEAD || right >= DEAD {
            return None;
        }
        *self.numbers.entry(pair(left, right)).or_insert_with(|| {
            let shape =
                self.shapes[left as usize].join(self.shapes[right as usize], self.options)?;
            self.pairs.push(Pair {
                left,
                right,
                shape,
                count: 0,
                places: Vec::new(),
            });
            Some(self.pairs.len() as u32 - 1)
        })
    }

    /// Counts the pair at two neighbouring places.
    fn occurs(&mut self, left: u32, right: u32) {
        if let Some(number) = self.number(self.symbols[left as usize], self.symbols[right as usize])
        {
            let pair = &mut self.pairs[number as usize];
            if pair.count == 0 || pair.places.is_empty() {
                self.grown.push(number);
            }
            pair.count += self.weights[left as usize];
            pair.places.push(left);
        }
    }

    /// Takes the pair at two neighbouring places out of the counts.
    fn vanishes(&mut self, left: u32, right: u32) {
        if let Some(number) = self.number(self.symbols[left as usize], self.symbols[right as usize])
        {
            let pair = &mut self.pairs[number as usize];
            pair.count = pair.count.saturating_sub(self.weights[left as usize]);
        }
    }

    fn text(&self, number: u32) -> Box<str> {
        let Pair { left, right, .. } = self.pairs[number as usize];
        [&*self.texts[left as usize], &*self.texts[right as usize]]
            .concat()
            .into()
    }

    /// Makes the pair a symbol, everywhere.
    fn merge(&mut self, number: u32, text: Box<str>) {
        let Pair {
            left: l,
            right: r,
            shape,
            ref mut places,
            ..
        } = self.pairs[number as usize];
        let mut places = std::mem::take(places);
        // Places come in order already, but the result must not hang on that.
        places.sort_unstable();
        let merged = self.texts.len() as Symbol;
        self.texts.push(text);
        self.shapes.push(shape);
        for left in places {
            let right = self.next[left as usize];
            let holds = self.symbols[left as usize] == l
                && right != NONE
                && self.symbols[right as usize] == r;
            if !holds {
                continue;
            }
            let before = self.previous[left as usize];
            let after = self.next[right as usize];
            if before != NONE {
                self.vanishes(before, left);
            }
            if after != NONE {
                self.vanishes(right, after);
                self.previous[after as usize] = left;
            }
            self.symbols[left as usize] = merged;
            self.symbols[right as usize] = DEAD;
            self.next[left as usize] = after;
            if before != NONE {
                self.occurs(before, left);
            }
            if after != NONE {
                self.occurs(left, after);
            }
        }
        self.pairs[number as usize].count = 0;
    }

    /// Whether pair `a` comes before pair `b`, given the counts they are queued with.
    fn precedes(&self, a: Entry, b: Entry) -> bool {
        let (x, y) = (
            &self.pairs[a.number as usize],
            &self.pairs[b.number as usize],
        );
        let bytes = |p: &Pair| {
            let (left, right) = (p.left as usize, p.right as usize);
            (&self.texts[left], &self.texts[right])
        };
        b.count
            .cmp(&a.count)
            .then(x.shape.chars.cmp(&y.shape.chars))
            .then_with(|| {
                let ((a, b), (c, d)) = (bytes(x), bytes(y));
                a.bytes().chain(b.bytes()).cmp(c.bytes().chain(d.bytes()))
            })
            // The same text from other parts: the longer left part first.
            .then_with(|| bytes(y).0.len().cmp(&bytes(x).0.len()))
            .is_lt()
    }
}

/// A pair in the queue with its count at that time; counts of queued pairs only fall, so an entry whose
/// count is out of date is put back when it comes up.
#[derive(Debug, Clone, Copy)]
struct Entry {
    count: u64,
    number: u32,
}

/// A binary heap whose order depends on the trainer's state.
#[derive(Debug, Default)]
struct Queue(Vec<Entry>);

impl Queue {
    fn push(&mut self, trainer: &Trainer<'_>, number: u32) {
        let count = trainer.pairs[number as usize].count;
        let mut at = self.0.len();
        self.0.push(Entry { count, number });
        while at > 0 {
            let parent = (at - 1) / 2;
            if !trainer.precedes(self.0[at], self.0[parent]) {
                break;
            }
            self.0.swap(at, parent);
            at = parent;
        }
    }

    fn pop(&mut self, trainer: &Trainer<'_>) -> Option<Entry> {
        let last = self.0.pop()?;
        let Some(top) = self
            .0
            .first_mut()
            .map(|first| std::mem::replace(first, last))
        else {
            return Some(last);
        };
        let mut at = 0;
        loop {
            let mut best = at;
            for child in [2 * at + 1, 2 * at + 2] {
                if child < self.0.len() && trainer.precedes(self.0[child], self.0[best]) {
                    best = child;
                }
            }
            if best == at {
                return Some(top);
            }
            self.0.swap(at, best);
            at = best;
        }
    }
}
