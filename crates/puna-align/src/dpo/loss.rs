//! The loss of direct preference optimization (Rafailov et al. 2023), which the paper does not use:
//! a baseline of today beside its reward models and PPO.

use crate::logistic::{logistic, softplus};

/// A pair's loss and its derivatives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// The loss.
    pub loss: f64,
    /// Its derivative by the chosen answer's log-probability.
    pub chosen: f64,
    /// Its derivative by the rejected answer's log-probability.
    pub rejected: f64,
    /// The margin: how much more the policy has moved towards the chosen than towards the rejected
    /// answer, times beta. Above 0 the policy agrees with the annotator.
    pub margin: f64,
}

/// `-log sigmoid(beta ((p_c - q_c) - (p_r - q_r)))` for the log-probabilities of whole answers, chosen
/// and rejected, under the policy (`p`) and the reference (`q`). With label smoothing `e` the annotator
/// is taken to be wrong with probability `e`.
pub fn loss(policy: [f64; 2], reference: [f64; 2], beta: f64, label_smoothing: f64) -> Term {
    let margin = beta * ((policy[0] - reference[0]) - (policy[1] - reference[1]));
    let (right, wrong) = (1.0 - label_smoothing, label_smoothing);
    let slope = beta * (wrong * logistic(margin) - right * logistic(-margin));
    Term {
        loss: right * softplus(-margin) + wrong * softplus(margin),
        chosen: slope,
        rejected: -slope,
        margin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_policy_that_has_not_moved_has_ln_2() {
        let term = loss([-3.0, -9.0], [-3.0, -9.0], 0.1, 0.0);
        assert_eq!((term.loss, term.margin), (2f64.ln(), 0.0));
        assert_eq!((term.chosen, term.rejected), (-0.05, 0.05));
    }

    #[test]
    fn far_out_it_stays_finite() {
        let term = loss([-1e6, 0.0], [0.0, -1e6], 1.0, 0.0);
        assert_eq!((term.loss, term.chosen), (2e6, -1.0));
        let term = loss([0.0, -1e6], [-1e6, 0.0], 1.0, 0.0);
        assert_eq!((term.loss, term.chosen.abs()), (0.0, 0.0));
    }

    proptest! {
        #[test]
        fn derivatives(
            p in prop::array::uniform2(-30.0f64..0.0),
            q in prop::array::uniform2(-30.0f64..0.0),
            beta in 0.01f64..1.0,
            smoothing in 0.0f64..0.5,
        ) {
            let h = 1e-5;
            let at = |c: f64, r: f64| loss([p[0] + c, p[1] + r], q, beta, smoothing).loss;
            let term = loss(p, q, beta, smoothing);
            prop_assert!(((at(h, 0.0) - at(-h, 0.0)) / (2.0 * h) - term.chosen).abs() < 1e-6);
            prop_assert!(((at(0.0, h) - at(0.0, -h)) / (2.0 * h) - term.rejected).abs() < 1e-6);
        }
    }
}
