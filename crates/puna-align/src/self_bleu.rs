//! Self-BLEU, the measure of diversity of the paper's Figure 21 (section 5.1): how much each answer to a prompt
//! repeats the other answers to it.
//!
//! Each answer's BLEU-4 is taken with all others as its references, and the mean over the answers is the
//! set's Self-BLEU, as the Texygen benchmark defines it: n-grams of 1 to 4 words with equal weights, the
//! brevity penalty against the reference of closest length, and of an n that matches nothing the count taken
//! as 0.1 (method 1 of Chen and Cherry 2014, nltk's `method1`). Values are from 0 to 1; the paper plots
//! hundredths. Lower is more diverse.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// The longest n-grams compared.
const ORDER: usize = 4;
/// What stands for a count of no match.
const EPSILON: f64 = 0.1;

/// BLEU-4 of each sample against all others, in the order of the samples. A sample without words has 0, and
/// so has one that shares no word with any other; fewer than two samples have nothing to compare with and
/// give an empty list.
pub fn bleu_against_others<T: Eq + Hash, S: AsRef<[T]>>(samples: &[S]) -> Vec<f64> {
    if samples.len() < 2 {
        return Vec::new();
    }
    let lengths = lengths(samples.iter().map(|s| s.as_ref().len()));
    let mut matches = vec![[0_u64; ORDER]; samples.len()];
    for n in 1..=ORDER {
        let counts: Vec<_> = samples.iter().map(|s| count(s.as_ref(), n)).collect();
        let mut most: HashMap<&[T], Most> = HashMap::new();
        for (owner, grams) in counts.iter().enumerate() {
            for (gram, &count) in grams {
                most.entry(gram).or_default().see(owner, count);
            }
        }
        for (owner, grams) in counts.iter().enumerate() {
            // A sum of whole numbers, so the map's order does not show.
            matches[owner][n - 1] = (grams.iter())
                .map(|(gram, &count)| count.min(most[gram].of_others(owner)))
                .sum();
        }
    }
    (samples.iter().zip(&matches))
        .map(|(sample, matches)| bleu(sample.as_ref().len(), matches, &lengths))
        .collect()
}

/// Self-BLEU of the answers to one prompt: the mean of [`bleu_against_others`]. None of fewer than two.
pub fn self_bleu<T: Eq + Hash, S: AsRef<[T]>>(samples: &[S]) -> Option<f64> {
    let scores = bleu_against_others(samples);
    (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
}

/// Self-BLEU over prompts, as Figure 21 shows it.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Diversity {
    /// The mean over the prompts.
    pub mean: f64,
    /// The standard deviation over the prompts (with n - 1; 0 of one prompt).
    pub deviation: f64,
    /// How many prompts had at least two answers.
    pub prompts: usize,
}

/// The Self-BLEU of each prompt's answers, as texts, and its mean and spread. None where no prompt has two.
pub fn diversity<S: AsRef<str>>(prompts: &[Vec<S>]) -> Option<Diversity> {
    let each: Vec<f64> = (prompts.iter())
        .filter_map(|answers| {
            let answers: Vec<_> = answers.iter().map(|text| words(text.as_ref())).collect();
            self_bleu(&answers)
        })
        .collect();
    let n = each.len();
    if n == 0 {
        return None;
    }
    let mean = each.iter().sum::<f64>() / n as f64;
    let squares: f64 = each.iter().map(|x| (x - mean).powi(2)).sum();
    Some(Diversity {
        mean,
        deviation: (squares / n.saturating_sub(1).max(1) as f64).sqrt(),
        prompts: n,
    })
}

/// A text's words: runs of letters and digits, and each other sign that is not white space by itself. Texygen
/// uses the Treebank tokenizer, which also splits contractions and keeps hyphens; the paper does not say.
pub fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = match first.is_alphanumeric() {
            true => rest
                .find(|c: char| !c.is_alphanumeric())
                .unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        words.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    words
}

/// How often each n-gram occurs.
fn count<T: Eq + Hash>(sample: &[T], n: usize) -> HashMap<&[T], u64> {
    let mut counts = HashMap::new();
    for gram in sample.windows(n) {
        *counts.entry(gram).or_default() += 1;
    }
    counts
}

/// The most that any one sample has of an n-gram, whose it is, and the most of any other sample.
#[derive(Clone, Copy, Default)]
struct Most {
    first: u64,
    owner: usize,
    second: u64,
}

impl Most {
    fn see(&mut self, owner: usize, count: u64) {
        if count > self.first {
            self.second = self.first;
            (self.first, self.owner) = (count, owner);
        } else {
            self.second = self.second.max(count);
        }
    }

    fn of_others(&self, owner: usize) -> u64 {
        match self.owner == owner {
            true => self.second,
            false => self.first,
        }
    }
}

/// How many samples have each length.
fn lengths(each: impl Iterator<Item = usize>) -> BTreeMap<usize, usize> {
    let mut lengths = BTreeMap::new();
    for length in each {
        *lengths.entry(length).or_default() += 1;
    }
    lengths
}

/// The length closest to a sample's among the others, the shorter of two as close.
fn closest(length: usize, lengths: &BTreeMap<usize, usize>) -> usize {
    if lengths.get(&length).is_some_and(|&n| n > 1) {
        return length;
    }
    let shorter = lengths.range(..length).next_back().map(|(&l, _)| l);
    let longer = lengths.range(length + 1..).next().map(|(&l, _)| l);
    match (shorter, longer) {
        (Some(shorter), Some(longer)) if longer - length < length - shorter => longer,
        (Some(shorter), _) => shorter,
        (None, longer) => longer.unwrap_or(length),
    }
}

fn bleu(length: usize, matches: &[u64; ORDER], lengths: &BTreeMap<usize, usize>) -> f64 {
    if matches[0] == 0 {
        return 0.0;
    }
    let mut log = 0.0;
    for (n, &matched) in (1..).zip(matches) {
        let grams = (length + 1).saturating_sub(n).max(1) as f64;
        let matched = if matched == 0 {
            EPSILON
        } else {
            matched as f64
        };
        log += (matched / grams).ln() / ORDER as f64;
    }
    let reference = closest(length, lengths);
    let penalty = match length > reference {
        true => 0.0,
        false => 1.0 - reference as f64 / length as f64,
    };
    (log + penalty).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_samples_have_1_and_different_ones_0() {
        let same = vec![words("a b c d e"); 5];
        assert_eq!(self_bleu(&same), Some(1.0));
        let different = [words("a b c d"), words("e f g h")];
        assert_eq!(self_bleu(&different), Some(0.0));
        assert_eq!(self_bleu(&same[..1]), None);
    }

    #[test]
    fn a_pair_by_hand() {
        // Of "a b c d x": 4 of 5 words, 3 of 4 pairs, 2 of 3 triples, 1 of 2 fours; no penalty.
        let expected = (4.0_f64 / 5.0 * 3.0 / 4.0 * 2.0 / 3.0 / 2.0).powf(0.25);
        let scores = bleu_against_others(&[words("a b c d x"), words("a b c d y")]);
        assert!((scores[0] - expected).abs() < 1e-15);
        assert_eq!(scores[0], scores[1]);
    }

    #[test]
    fn words_of_a_text() {
        assert_eq!(
            words(" It's 3.5\u{a0}km, Émile!"),
            ["It", "'", "s", "3", ".", "5", "km", ",", "Émile", "!"]
        );
        assert_eq!(words("  "), [""; 0]);
    }

    #[test]
    fn spread_over_prompts() {
        let prompts = [
            vec!["a b c d", "a b c d"],
            vec!["a b c d", "e f g h"],
            vec!["alone"],
        ];
        let found = diversity(&prompts).unwrap();
        assert_eq!((found.mean, found.prompts), (0.5, 2));
        assert!((found.deviation - 0.5_f64.sqrt()).abs() < 1e-15);
        assert_eq!(diversity::<&str>(&[]), None);
    }

    #[test]
    fn nltk_gives_the_same() {
        let fixture = include_str!("../tests/fixtures/self_bleu.json");
        let cases: Vec<(Vec<Vec<u32>>, Vec<f64>)> = serde_json::from_str(fixture).unwrap();
        assert!(cases.len() >= 40);
        for (samples, expected) in cases {
            let found = bleu_against_others(&samples);
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                assert!(
                    (found - expected).abs() <= 1e-12,
                    "{samples:?}: {found} {expected}"
                );
            }
        }
    }
}
