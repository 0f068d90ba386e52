//! How many documents of a group a toxicity filter would remove, threshold by threshold.

use serde::{Deserialize, Serialize};

/// Thresholds at which the report says what a filter would have removed.
pub const THRESHOLDS: [f32; 6] = [0.1, 0.2, 0.3, 0.5, 0.7, 0.9];

/// Bins of the toxicity histogram, each a twentieth wide; 1.0 falls into the last.
pub const BINS: usize = 20;

/// Documents of one group, and how toxic they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Exposure {
    /// All documents.
    pub documents: u64,
    /// Those with a toxicity score.
    pub scored: u64,
    /// Those with a score at or over each of [`THRESHOLDS`].
    pub at_or_over: [u64; THRESHOLDS.len()],
}

impl Exposure {
    /// Counts one document.
    pub(super) fn count(&mut self, toxicity: Option<f32>) {
        self.documents += 1;
        if let Some(score) = toxicity {
            self.scored += 1;
            for (count, threshold) in self.at_or_over.iter_mut().zip(THRESHOLDS) {
                *count += u64::from(score >= threshold);
            }
        }
    }

    /// Adds the counts of `other`.
    pub(super) fn merge(&mut self, other: &Self) {
        self.documents += other.documents;
        self.scored += other.scored;
        for (count, more) in self.at_or_over.iter_mut().zip(other.at_or_over) {
            *count += more;
        }
    }
}

/// The bin of a score. Edges are compared in f32, as scores come, so that 0.7 lies in the bin
/// that begins with 0.7.
pub(super) fn bin(score: f32) -> usize {
    (1..BINS).take_while(|&i| score >= edge(i)).count()
}

/// Lower edge of a bin.
pub(super) fn edge(bin: usize) -> f32 {
    bin as f32 / BINS as f32
}
