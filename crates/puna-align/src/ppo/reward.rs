//! The reward of PPO (paper section 3.2.3, equation 4): of two reward models' scores one by the
//! paper's piecewise rule, its logit, whitened over the batch.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The inverse of the sigmoid. A score so near to 0 or 1 that its distance from it is lost in
/// rounding counts as 2^-53 from it, so the result is within ±36.74.
pub fn logit(score: f64) -> f64 {
    let least = f64::EPSILON / 2.0;
    let score = score.clamp(least, 1.0 - least);
    score.ln() - (-score).ln_1p()
}

/// Over which rewards the mean and the variance of the whitening are taken. The paper does not say;
/// a running window would make a reward depend on how long the run has gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhiteningWindow {
    /// The answers of the iteration.
    #[default]
    Batch,
    /// None: the logits themselves are the rewards.
    Off,
}

/// Added to the variance, so that equal values become zeros.
const LEAST_VARIANCE: f64 = 1e-8;

/// Mean 0 and variance 1: `(x - mean) / sqrt(variance + 1e-8)`, with the variance of the values
/// themselves (divided by their number, not by one less). Equal values become zeros.
pub fn whiten(values: &mut [f64]) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    let scale = 1.0 / (variance + LEAST_VARIANCE).sqrt();
    values.iter_mut().for_each(|v| *v = (*v - mean) * scale);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_logits() {
        assert_eq!(logit(0.5), 0.0);
        assert!((logit(0.15) - (0.15f64 / 0.85).ln()).abs() < 1e-15);
        assert!((logit(0.0) + 36.7368).abs() < 1e-4 && (logit(1.0) - 36.7368).abs() < 1e-4);
        assert_eq!(logit(1e-300), logit(0.0));
    }

    /// By hand: 1, 2, 3, 6 have mean 3 and squared distances 4, 1, 0, 9, so variance 3.5.
    #[test]
    fn whitening_by_hand() {
        let mut values = [1.0, 2.0, 3.0, 6.0];
        whiten(&mut values);
        let expected = [-1.069_044_97, -0.534_522_48, 0.0, 1.603_567_45];
        for (value, expected) in values.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-8, "{values:?}");
        }
        let mut equal = [0.3; 5];
        whiten(&mut equal);
        assert!(equal.iter().all(|v| v.abs() < 1e-11), "{equal:?}");
        whiten(&mut []);
        let mut one = [7.0];
        whiten(&mut one);
        assert_eq!(one, [0.0]);
    }

    proptest! {
        #[test]
        fn the_logit_undoes_the_sigmoid(x in -30.0f64..30.0) {
            let sigmoid = 1.0 / (1.0 + (-x).exp());
            // Near 1 the score itself has lost digits.
            let lost = f64::EPSILON * x.exp().max(1.0);
            prop_assert!((logit(sigmoid) - x).abs() < 1e-12 + 2.0 * lost);
        }

        #[test]
        fn whitened_values_have_mean_0_and_variance_1(
            mut values in prop::collection::vec(-40.0f64..40.0, 2..100),
        ) {
            let before = values.clone();
            values[0] = before[1] + 1.0;
            whiten(&mut values);
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let variance = values.iter().map(|v| v * v).sum::<f64>() / n;
            prop_assert!(mean.abs() < 1e-9 && (variance - 1.0).abs() < 1e-4, "{mean} {variance}");
            prop_assert!(values[0] > values[1]);
        }
    }
}
