//! How far a reward model's numbers can be taken as probabilities (paper sections 3.3.2 and A.3.3,
//! Figures 27 and 29): calibration by bins, and the distribution of the scores.

use super::ScoredPair;
use crate::logistic::logistic;
use serde::{Deserialize, Serialize};

/// The paper's score between 0 and 1 of a logit.
pub fn sigmoid(score: f32) -> f64 {
    logistic(f64::from(score))
}

/// Cases whose predicted probability falls between two bounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bin {
    /// Lower bound, inclusive.
    pub low: f64,
    /// Upper bound, exclusive but in the last bin.
    pub high: f64,
    /// How many cases.
    pub n: u64,
    /// Mean predicted probability; 0 of no cases.
    pub predicted: f64,
    /// Share of the cases in which it came true; 0 of no cases.
    pub observed: f64,
}

/// Predicted probabilities against what came true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reliability {
    /// Bins of equal width.
    pub bins: Vec<Bin>,
    /// Mean over the cases of the distance of predicted and observed in their bin.
    pub expected_calibration_error: f64,
}

/// Sorts cases (predicted probability, what came true) into bins of equal width from `low` to 1.
pub fn reliability(cases: &[(f64, bool)], low: f64, bins: usize) -> Reliability {
    let width = (1.0 - low) / bins as f64;
    let mut sums = vec![(0u64, 0.0, 0u64); bins];
    for &(predicted, outcome) in cases {
        let at = ((predicted - low) / width).clamp(0.0, bins.saturating_sub(1) as f64);
        let (n, sum, hits) = &mut sums[at as usize];
        *n += 1;
        *sum += predicted;
        *hits += u64::from(outcome);
    }
    let bin = |(i, &(n, sum, hits)): (usize, &(u64, f64, u64))| {
        let mean = |total: f64| if n == 0 { 0.0 } else { total / n as f64 };
        Bin {
            low: low + width * i as f64,
            high: low + width * (i + 1) as f64,
            n,
            predicted: mean(sum),
            observed: mean(hits as f64),
        }
    };
    let bins: Vec<Bin> = sums.iter().enumerate().map(bin).collect();
    let errors = bins
        .iter()
        .map(|b| b.n as f64 * (b.predicted - b.observed).abs());
    Reliability {
        expected_calibration_error: errors.sum::<f64>() / cases.len().max(1) as f64,
        bins,
    }
}

/// Of comparisons: the model thinks its preferred answer the better one with probability
/// `sigmoid(|chosen - rejected|)`, from a half up; it comes true when that is the chosen one.
pub fn pair_reliability(pairs: &[ScoredPair], bins: usize) -> Reliability {
    let case = |p: &ScoredPair| (sigmoid((p.chosen - p.rejected).abs()), p.is_right());
    let cases: Vec<(f64, bool)> = pairs.iter().map(case).collect();
    reliability(&cases, 0.5, bins)
}

/// How many scores between 0 and 1 ([`sigmoid`] of the logits) fall into each of `bins` bins of equal
/// width: the paper's Figure 27.
pub fn histogram(scores: &[f32], bins: usize) -> Vec<u64> {
    let mut counts = vec![0; bins];
    for &score in scores {
        let at = (sigmoid(score) * bins as f64).min(bins.saturating_sub(1) as f64);
        counts[at as usize] += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preferences::Strength;

    #[test]
    fn bins_by_hand() {
        let cases = [
            (0.1, false),
            (0.3, true),
            (0.4, false),
            (0.9, true),
            (1.0, false),
        ];
        let found = reliability(&cases, 0.0, 2);
        let expected = [
            (0.0, 0.5, 3, 0.8 / 3.0, 1.0 / 3.0),
            (0.5, 1.0, 2, 0.95, 0.5),
        ];
        for (bin, (low, high, n, predicted, observed)) in found.bins.iter().zip(expected) {
            assert_eq!((bin.low, bin.high, bin.n), (low, high, n));
            assert!((bin.predicted - predicted).abs() < 1e-12);
            assert!((bin.observed - observed).abs() < 1e-12);
        }
        let error = (3.0 * (0.2 / 3.0) + 2.0 * 0.45) / 5.0;
        assert!((found.expected_calibration_error - error).abs() < 1e-12);
        assert_eq!(reliability(&[], 0.0, 3).expected_calibration_error, 0.0);
    }

    #[test]
    fn pairs_and_scores() {
        let pair = |chosen, rejected| ScoredPair {
            strength: Some(Strength::Better),
            safety: None,
            chosen,
            rejected,
        };
        let found = pair_reliability(&[pair(3.0, 0.0), pair(0.0, 3.0), pair(0.0, 0.0)], 5);
        assert_eq!(found.bins[4].n, 2);
        assert_eq!((found.bins[4].observed, found.bins[0].n), (0.5, 1));
        assert_eq!(found.bins[0].observed, 0.0);
        let scores = [-100.0, -0.1, 0.1, 100.0, 1e9];
        assert_eq!(histogram(&scores, 4), [1, 1, 1, 2]);
    }
}
