//! MinHash signatures of word shingles and the bands they are looked up by.

use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What counts as a near duplicate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NearSettings {
    /// Jaccard similarity of the shingle sets from which two documents are copies.
    pub jaccard: f64,
    /// Words in a shingle.
    pub shingle_words: usize,
    /// Permutations in a signature, 4 bytes each on disk.
    pub permutations: usize,
    /// Rows per band; none: the most that still find nine in ten pairs at the threshold.
    pub rows: Option<usize>,
    /// Whether a pair that shares a band must also reach the threshold by its whole signatures.
    pub verify: bool,
    /// Seed of the permutations.
    pub seed: u64,
}

impl Default for NearSettings {
    fn default() -> Self {
        Self {
            jaccard: 0.8,
            shingle_words: 5,
            permutations: 112,
            rows: None,
            verify: true,
            seed: 1,
        }
    }
}

/// Makes signatures.
#[derive(Debug, Clone)]
pub struct MinHasher {
    shingle_words: usize,
    rows: usize,
    permutations: Vec<(u32, u32)>,
}

/// Permutations whose minima stay in registers while the shingles pass by.
const LANES: usize = 8;

impl MinHasher {
    /// Checks the settings and draws the permutations.
    pub fn new(settings: &NearSettings) -> Result<Self> {
        let fail = |name, what: &str| {
            Err(Error::Setting {
                name,
                what: what.into(),
            })
        };
        if !(settings.jaccard > 0.0 && settings.jaccard <= 1.0) {
            return fail("jaccard", "must be over 0 and at most 1");
        }
        if !(1..=64).contains(&settings.shingle_words) {
            return fail("shingle_words", "must be 1 to 64");
        }
        if !(1..=4096).contains(&settings.permutations) {
            return fail("permutations", "must be 1 to 4096");
        }
        let rows = settings.rows.unwrap_or_else(|| best_rows(settings));
        if rows == 0 || rows > settings.permutations {
            return fail("rows", "must be 1 to the number of permutations");
        }
        let permutations = (0..settings.permutations as u64)
            .map(|i| {
                let h = xxh3_64_with_seed(&i.to_le_bytes(), settings.seed);
                ((h >> 32) as u32, h as u32 | 1)
            })
            .collect();
        Ok(Self {
            shingle_words: settings.shingle_words,
            rows,
            permutations,
        })
    }

    /// Bands and rows per band.
    #[must_use]
    pub fn split(&self) -> (usize, usize) {
        (self.permutations.len() / self.rows, self.rows)
    }

    /// Signature of a text; none for a text without a word.
    #[must_use]
    pub fn signature(&self, text: &str) -> Option<Vec<u32>> {
        let mut words = Vec::new();
        super::normalise::word_hashes(text, &mut words);
        self.signature_of_words(&words)
    }

    pub(super) fn signature_of_words(&self, words: &[u64]) -> Option<Vec<u32>> {
        if words.is_empty() {
            return None;
        }
        let shingles: Vec<u32> = words
            .windows(self.shingle_words.min(words.len()))
            .map(shingle)
            .collect();
        let mut signature = Vec::with_capacity(self.permutations.len());
        for lanes in self.permutations.chunks(LANES) {
            let (mut xor, mut odd) = ([0; LANES], [1; LANES]);
            for (i, &(x, o)) in lanes.iter().enumerate() {
                (xor[i], odd[i]) = (x, o);
            }
            let mut least = [u32::MAX; LANES];
            for &s in &shingles {
                for i in 0..LANES {
                    // A bijection of 32 bits; the shift lets low bits matter to the order.
                    let mut y = (s ^ xor[i]).wrapping_mul(odd[i]);
                    y = (y ^ (y >> 15)).wrapping_mul(0x2c1b_3c6d);
                    least[i] = least[i].min(y);
                }
            }
            signature.extend_from_slice(&least[..lanes.len()]);
        }
        Some(signature)
    }

    /// One hash per band, the band's number in it.
    pub(super) fn buckets<'a>(&'a self, signature: &'a [u32]) -> impl Iterator<Item = u64> + 'a {
        let mut bytes = Vec::with_capacity(self.rows * 4);
        signature
            .chunks_exact(self.rows)
            .enumerate()
            .map(move |(band, rows)| {
                bytes.clear();
                rows.iter().for_each(|r| bytes.extend(r.to_le_bytes()));
                xxh3_64_with_seed(&bytes, band as u64)
            })
    }
}

/// Jaccard similarity as two signatures estimate it.
#[must_use]
pub fn estimated_jaccard(a: &[u32], b: &[u32]) -> f64 {
    let same = a.iter().zip(b).filter(|(x, y)| x == y).count();
    same as f64 / a.len().max(1) as f64
}

fn shingle(words: &[u64]) -> u32 {
    let mut h = 0u64;
    for w in words {
        h = (h ^ w).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
    ((h ^ (h >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93) >> 32) as u32
}

/// False candidates only cost a verification, missed pairs are lost: hence recall first.
fn best_rows(settings: &NearSettings) -> usize {
    (1..=settings.permutations)
        .rev()
        .find(|&rows| {
            let bands = (settings.permutations / rows) as f64;
            1.0 - (1.0 - settings.jaccard.powf(rows as f64)).powf(bands) >= 0.9
        })
        .unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_split_is_fourteen_by_eight() {
        let hasher = MinHasher::new(&NearSettings::default()).unwrap();
        assert_eq!(hasher.split(), (14, 8));
    }

    #[test]
    fn collisions_are_as_likely_as_the_jaccard_similarity() {
        let settings = NearSettings {
            shingle_words: 1,
            permutations: 1024,
            ..Default::default()
        };
        let hasher = MinHasher::new(&settings).unwrap();
        for shared in [0usize, 50, 200, 350, 400] {
            let (mut sum, trials) = (0.0, 20);
            for t in 0..trials {
                let text = |from: usize| {
                    (from..from + 400)
                        .map(|i| format!("w{t}x{i} "))
                        .collect::<String>()
                };
                let a = hasher.signature(&text(0)).unwrap();
                let b = hasher.signature(&text(400 - shared)).unwrap();
                sum += estimated_jaccard(&a, &b);
            }
            let truth = shared as f64 / (800 - shared) as f64;
            let mean = sum / trials as f64;
            // 20,480 draws: four standard errors are at most 0.014.
            assert!((mean - truth).abs() < 0.014, "{mean} against {truth}");
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        for bad in [
            NearSettings {
                jaccard: f64::NAN,
                ..Default::default()
            },
            NearSettings {
                rows: Some(0),
                ..Default::default()
            },
            NearSettings {
                permutations: 0,
                ..Default::default()
            },
        ] {
            assert!(MinHasher::new(&bad).is_err());
        }
    }
}
