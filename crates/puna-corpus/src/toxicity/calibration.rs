//! From the classifier's raw score to a probability (Platt 1999), fitted on texts held out.

use serde::{Deserialize, Serialize};

/// The probability of toxic is the logistic function of `slope * score + offset`. In 32 bits, which
/// JSON's decimals give back exactly.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Calibration {
    pub(super) slope: f32,
    pub(super) offset: f32,
}

impl Calibration {
    pub(super) fn probability(&self, score: f32) -> f32 {
        sigmoid(f64::from(self.slope) * f64::from(score) + f64::from(self.offset)) as f32
    }

    /// Fits by Newton's method. Classes are weighted so that toxic ones have the share `prevalence`:
    /// collections of labelled text are full of toxic ones, which the web is not.
    pub(super) fn fit(scored: &[(f32, bool)], prevalence: f64) -> Self {
        let toxic = scored.iter().filter(|(_, toxic)| *toxic).count() as f64;
        let other = scored.len() as f64 - toxic;
        let (mut slope, mut offset) = (1.0, 0.0);
        if toxic == 0.0 || other == 0.0 {
            return Self {
                slope: 1.0,
                offset: 0.0,
            };
        }
        // Platt's targets stay off 0 and 1, so that separable scores have a finite fit.
        let (high, low) = ((toxic + 1.0) / (toxic + 2.0), 1.0 / (other + 2.0));
        let (toxic_weight, other_weight) = (prevalence / toxic, (1.0 - prevalence) / other);
        for _ in 0..100 {
            // A small ridge keeps the step finite where all scores are equal.
            let (mut gs, mut go) = (0.0, 0.0);
            let (mut hss, mut hso, mut hoo) = (1e-9, 0.0, 1e-9);
            for &(score, is_toxic) in scored {
                let x = f64::from(score);
                let (target, weight) = if is_toxic {
                    (high, toxic_weight)
                } else {
                    (low, other_weight)
                };
                let p = sigmoid(slope * x + offset);
                let (g, h) = (weight * (p - target), weight * p * (1.0 - p));
                gs += g * x;
                go += g;
                hss += h * x * x;
                hso += h * x;
                hoo += h;
            }
            let determinant = hss * hoo - hso * hso;
            if determinant.abs() < 1e-18 {
                break;
            }
            // Far steps, where the curve is flat, are cut.
            let slope_step = ((hoo * gs - hso * go) / determinant).clamp(-4.0, 4.0);
            let offset_step = ((hss * go - hso * gs) / determinant).clamp(-4.0, 4.0);
            slope -= slope_step;
            offset -= offset_step;
            if slope_step.abs() + offset_step.abs() < 1e-10 {
                break;
            }
        }
        Self {
            slope: slope as f32,
            offset: offset as f32,
        }
    }
}

pub(super) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_slope_is_found() {
        // Of 100 texts at each score, as many are toxic as the logistic function says.
        let truth = Calibration {
            slope: 1.7,
            offset: -0.6,
        };
        let mut scored = Vec::new();
        for at in -20..=20 {
            let score = at as f32 / 8.0;
            let toxic = (1000.0 * truth.probability(score)).round() as usize;
            scored.extend((0..1000).map(|n| (score, n < toxic)));
        }
        let toxic = scored.iter().filter(|s| s.1).count() as f64;
        let fitted = Calibration::fit(&scored, toxic / scored.len() as f64);
        assert!((fitted.slope - truth.slope).abs() < 0.02, "{fitted:?}");
        assert!((fitted.offset - truth.offset).abs() < 0.02, "{fitted:?}");
    }

    #[test]
    fn a_rarer_class_lowers_the_probability() {
        let scored: Vec<(f32, bool)> = (0..100)
            .map(|n| (n as f32 / 25.0 - 2.0, n % 7 + n > 50))
            .collect();
        let even = Calibration::fit(&scored, 0.5).probability(0.0);
        let rare = Calibration::fit(&scored, 0.05).probability(0.0);
        assert!(rare < even);
    }

    #[test]
    fn degenerate_scores_stay_finite() {
        for scored in [
            vec![(1.0, true)],
            vec![(1.0, true), (1.0, false)],
            vec![(9.0, true), (-9.0, false)],
        ] {
            let fitted = Calibration::fit(&scored, 0.5);
            assert!(fitted.slope.is_finite() && fitted.offset.is_finite());
        }
    }
}
