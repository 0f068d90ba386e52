//! The loss of one comparison (paper section 3.2.2, appendix A.3.4): a binary ranking loss with a
//! margin, and beside it, where safety labels exist, a cross-entropy that tells safe from unsafe.
//!
//! The paper names the second part and does not print it. Here it is the mean over the two answers of
//! the cross-entropy of `sigmoid(score)` with "this answer is safe", which makes 0.5 the threshold that
//! the paper's unsafe recall is measured at.

use crate::logistic::{logistic, softplus};
use crate::preferences::SafetyLabel;

/// The loss of a pair and its derivatives by the two scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairLoss {
    /// `-log sigmoid(chosen - rejected - margin)`.
    pub ranking: f64,
    /// The auxiliary part before its weight; 0 without a label.
    pub safety: f64,
    /// `ranking + weight * safety`.
    pub total: f64,
    /// Derivative of `total` by the chosen answer's score.
    pub d_chosen: f64,
    /// Derivative of `total` by the rejected answer's score.
    pub d_rejected: f64,
}

/// The loss of a pair with these scores (logits). `safety_weight` multiplies the auxiliary part.
pub fn pair_loss(
    chosen: f32,
    rejected: f32,
    margin: f64,
    safety: Option<SafetyLabel>,
    safety_weight: f64,
) -> PairLoss {
    let (chosen, rejected) = (f64::from(chosen), f64::from(rejected));
    let missing = margin - (chosen - rejected);
    let ranking = softplus(missing);
    let slope = logistic(missing);
    let (mut d_chosen, mut d_rejected, mut safety_loss) = (-slope, slope, 0.0);
    if let Some(label) = safety {
        for (score, safe, derivative) in [
            (chosen, label.chosen_is_safe(), &mut d_chosen),
            (rejected, label.rejected_is_safe(), &mut d_rejected),
        ] {
            let target = if safe { 1.0 } else { 0.0 };
            // -log sigmoid(s) where safe, -log sigmoid(-s) where not.
            safety_loss += 0.5 * softplus(if safe { -score } else { score });
            *derivative += safety_weight * 0.5 * (logistic(score) - target);
        }
    }
    PairLoss {
        ranking,
        safety: safety_loss,
        total: ranking + safety_weight * safety_loss,
        d_chosen,
        d_rejected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preferences::Strength;
    use crate::reward::Margin;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Case {
        margin: Margin,
        strength: Strength,
        safety: Option<SafetyLabel>,
        safety_weight: f64,
        chosen: f32,
        rejected: f32,
        ranking: f64,
        safety_loss: f64,
        total: f64,
        d_chosen: f64,
        d_rejected: f64,
    }

    /// `scripts/fixtures/reward_loss.py` made the cases with PyTorch in f64.
    #[test]
    fn as_pytorch_has_it() {
        let cases: Vec<Case> =
            serde_json::from_str(include_str!("../../tests/fixtures/reward_loss.json")).unwrap();
        assert!(cases.len() > 100);
        for c in cases {
            let margin = c.margin.of(c.strength);
            let found = pair_loss(c.chosen, c.rejected, margin, c.safety, c.safety_weight);
            for (name, found, expected) in [
                ("ranking", found.ranking, c.ranking),
                ("safety", found.safety, c.safety_loss),
                ("total", found.total, c.total),
                ("d chosen", found.d_chosen, c.d_chosen),
                ("d rejected", found.d_rejected, c.d_rejected),
            ] {
                let off = (found - expected).abs();
                assert!(
                    off <= 1e-12 * expected.abs().max(1e-3),
                    "{name}: {found} {expected}"
                );
            }
        }
    }

    #[test]
    fn far_scores_are_finite() {
        for (chosen, rejected) in [(3e38, -3e38), (-3e38, 3e38), (0.0, 0.0)] {
            let label = Some(SafetyLabel::BothUnsafe);
            let found = pair_loss(chosen, rejected, 3.0, label, 1.0);
            assert!(found.total.is_finite() && found.d_chosen.is_finite());
        }
        // By hand: equal scores, no margin: log 2 and a half.
        let found = pair_loss(0.0, 0.0, 0.0, None, 1.0);
        assert_eq!((found.d_chosen, found.d_rejected), (-0.5, 0.5));
        assert!((found.total - std::f64::consts::LN_2).abs() < 1e-15);
    }
}
