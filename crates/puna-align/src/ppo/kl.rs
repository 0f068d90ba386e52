//! The distance from the reference policy (paper section 3.2.3): estimators of the Kullback-Leibler
//! divergence from single samples (Schulman, "Approximating KL divergence", 2020), and the exact one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the divergence at a token is estimated from the two log-probabilities of the token that the
/// policy sampled. Over samples of the policy the first and the last are unbiased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KlEstimator {
    /// `log p - log q`: unbiased, of high variance, negative at times.
    #[default]
    K1,
    /// `(log p - log q)^2 / 2`: biased where the two are far apart, of low variance, never negative.
    K2,
    /// `q / p - 1 + log p - log q`: unbiased and never negative, but large where `q` is far above `p`.
    K3,
}

impl KlEstimator {
    /// The estimate at a token with log-probability `policy` under the policy that sampled it and
    /// `reference` under the other.
    pub fn estimate(self, policy: f64, reference: f64) -> f64 {
        let difference = policy - reference;
        match self {
            Self::K1 => difference,
            Self::K2 => 0.5 * difference * difference,
            Self::K3 => (-difference).exp_m1() + difference,
        }
    }
}

/// The divergence at a position, exactly, from the logits of both over the whole vocabulary.
///
/// # Panics
/// If the two have different lengths.
pub fn exact(policy: &[f32], reference: &[f32]) -> f64 {
    assert_eq!(policy.len(), reference.len(), "one vocabulary");
    let (p_lse, q_lse) = (log_sum_exp(policy), log_sum_exp(reference));
    let mut sum = 0.0;
    for (&p, &q) in policy.iter().zip(reference) {
        let (p, q) = (f64::from(p) - p_lse, f64::from(q) - q_lse);
        // 0 log 0 is 0.
        if p > f64::NEG_INFINITY {
            sum += p.exp() * (p - q);
        }
    }
    // Rounding must not make equal distributions look closer than equal.
    sum.max(0.0)
}

fn log_sum_exp(logits: &[f32]) -> f64 {
    let top = f64::from(logits.iter().fold(f32::NEG_INFINITY, |a, &b| a.max(b)));
    let sum: f64 = logits.iter().map(|&l| (f64::from(l) - top).exp()).sum();
    top + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn logprobs(logits: &[f32]) -> Vec<f64> {
        let lse = log_sum_exp(logits);
        logits.iter().map(|&l| f64::from(l) - lse).collect()
    }

    #[test]
    fn known_divergences() {
        // Half and half against a quarter and three quarters: 0.5 ln 2 + 0.5 ln(2/3).
        let kl = exact(&[0.0, 0.0], &[0.0, 3f32.ln()]);
        assert!((kl - 0.5 * (4.0f64 / 3.0).ln()).abs() < 1e-7, "{kl}");
        // A policy that is sure of what has probability 1 / (1 + 1/e).
        let kl = exact(&[1.0, f32::NEG_INFINITY], &[1.0, 0.0]);
        assert!((kl - (-1f64).exp().ln_1p()).abs() < 1e-15, "{kl}");
        assert_eq!(exact(&[1.5, -2.0, 0.3], &[1.5, -2.0, 0.3]), 0.0);
        for estimator in [KlEstimator::K1, KlEstimator::K2, KlEstimator::K3] {
            assert_eq!(estimator.estimate(-1.25, -1.25), 0.0);
        }
    }

    #[test]
    fn small_differences_keep_their_digits() {
        let k3 = KlEstimator::K3.estimate(-2.0 + 1e-6, -2.0);
        assert!((k3 / 0.5e-12 - 1.0).abs() < 1e-3, "{k3}");
    }

    proptest! {
        /// The mean of an unbiased estimator under the policy is the divergence.
        #[test]
        fn k1_and_k3_are_unbiased_and_k3_is_not_negative(
            pairs in prop::collection::vec((-4.0f32..4.0, -4.0f32..4.0), 2..20),
        ) {
            let (p, q): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            let kl = exact(&p, &q);
            let (p, q) = (logprobs(&p), logprobs(&q));
            let mean = |estimator: KlEstimator| {
                let each = p.iter().zip(&q).map(|(&p, &q)| p.exp() * estimator.estimate(p, q));
                each.sum::<f64>()
            };
            prop_assert!((mean(KlEstimator::K1) - kl).abs() < 1e-9);
            prop_assert!((mean(KlEstimator::K3) - kl).abs() < 1e-9);
            for (&p, &q) in p.iter().zip(&q) {
                prop_assert!(KlEstimator::K2.estimate(p, q) >= 0.0);
                prop_assert!(KlEstimator::K3.estimate(p, q) >= 0.0);
            }
        }
    }
}
