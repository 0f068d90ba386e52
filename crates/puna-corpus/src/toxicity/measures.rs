//! How well scores tell two classes apart.

use serde::{Deserialize, Serialize};

/// What a classifier does on the labelled texts that it was not trained on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldOut {
    /// Texts.
    pub texts: u64,
    /// Of these, toxic ones.
    pub toxic: u64,
    /// Area under the curve of true against false positives.
    pub area_under_curve: f64,
}

/// The probability that a random toxic text scores higher than a random other one, ties counting
/// half: the area under the ROC curve. Nothing where one class is missing.
pub fn area_under_curve(scored: &[(f32, bool)]) -> Option<f64> {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let toxic = scored.iter().filter(|(_, toxic)| *toxic).count() as f64;
    let other = scored.len() as f64 - toxic;
    if toxic == 0.0 || other == 0.0 {
        return None;
    }
    let (mut pairs, mut other_below) = (0.0, 0.0);
    for ties in sorted.chunk_by(|a, b| a.0 == b.0) {
        let toxic_here = ties.iter().filter(|(_, toxic)| *toxic).count() as f64;
        let other_here = ties.len() as f64 - toxic_here;
        pairs += toxic_here * (other_below + other_here / 2.0);
        other_below += other_here;
    }
    Some(pairs / (toxic * other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_areas() {
        assert_eq!(area_under_curve(&[(0.1, false), (0.9, true)]), Some(1.0));
        assert_eq!(area_under_curve(&[(0.9, false), (0.1, true)]), Some(0.0));
        assert_eq!(area_under_curve(&[(0.5, false), (0.5, true)]), Some(0.5));
        let mixed = [(0.1, false), (0.4, false), (0.35, true), (0.8, true)];
        assert_eq!(area_under_curve(&mixed), Some(0.75));
        assert_eq!(area_under_curve(&[(0.5, true)]), None);
    }

    proptest! {
        #[test]
        fn equals_counting_all_pairs(scored in prop::collection::vec((0u8..20, any::<bool>()), 0..60)) {
            let scored: Vec<(f32, bool)> = scored.into_iter().map(|(s, t)| (f32::from(s), t)).collect();
            let (mut pairs, mut won) = (0.0, 0.0);
            for a in scored.iter().filter(|s| s.1) {
                for b in scored.iter().filter(|s| !s.1) {
                    pairs += 1.0;
                    won += if a.0 > b.0 { 1.0 } else if a.0 == b.0 { 0.5 } else { 0.0 };
                }
            }
            match area_under_curve(&scored) {
                None => prop_assert_eq!(pairs, 0.0),
                Some(area) => prop_assert!((area - won / pairs).abs() < 1e-12),
            }
        }
    }
}
