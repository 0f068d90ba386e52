//! The clipped losses of PPO (Schulman et al. 2017; paper section 3.2.3) and their derivatives, token
//! by token: by the log-probability for the policy, by the value for the critic.

use super::kl::KlEstimator;

/// A token's share of a loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// The loss.
    pub loss: f64,
    /// Its derivative by the log-probability, or by the value.
    pub derivative: f64,
    /// Whether the clipped side decided. Then a small step changes nothing, and the derivative is 0.
    pub clipped: bool,
}

/// The policy's loss at a token: `max(-A r, -A clip(r, 1 - e, 1 + e))`, where `r` is the probability
/// now over the probability when the token was sampled.
pub fn policy(logprob: f64, sampled_logprob: f64, advantage: f64, clip: f64) -> Term {
    let ratio = (logprob - sampled_logprob).exp();
    let free = -advantage * ratio;
    let bound = -advantage * ratio.clamp(1.0 - clip, 1.0 + clip);
    if bound > free {
        Term {
            loss: bound,
            derivative: 0.0,
            clipped: true,
        }
    } else {
        Term {
            loss: free,
            // The derivative of the ratio by the log-probability is the ratio.
            derivative: free,
            clipped: false,
        }
    }
}

/// The critic's loss at a token: half the square of its distance from the return or, if that is
/// larger, of the distance of the value held within `clip` of what it was when the answer was sampled.
/// Without a clip, half the square.
pub fn value(value: f64, sampled_value: f64, target: f64, clip: Option<f64>) -> Term {
    let free = value - target;
    let held = clip.map_or(value, |clip| {
        value.clamp(sampled_value - clip, sampled_value + clip)
    });
    let bound = held - target;
    if bound * bound > free * free {
        Term {
            loss: 0.5 * bound * bound,
            derivative: 0.0,
            clipped: true,
        }
    } else {
        Term {
            loss: 0.5 * free * free,
            derivative: free,
            clipped: false,
        }
    }
}

/// Sums over tokens, from which a mini-batch's figures come.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// Tokens.
    pub tokens: u64,
    /// Sum of the losses.
    pub loss: f64,
    /// Tokens whose clipped side decided.
    pub clipped: u64,
    /// Sum of the divergence from the policy that sampled to the policy now, by the estimator k3.
    pub approximate_kl: f64,
}

impl Totals {
    /// Adds a token.
    pub fn add(&mut self, term: Term) {
        self.tokens += 1;
        self.loss += term.loss;
        self.clipped += u64::from(term.clipped);
    }

    /// Adds a token of the policy, with its log-probability now and when it was sampled.
    pub fn add_policy(&mut self, term: Term, logprob: f64, sampled_logprob: f64) {
        self.add(term);
        self.approximate_kl += KlEstimator::K3.estimate(sampled_logprob, logprob);
    }

    /// Adds what was added to another.
    pub fn merge(&mut self, other: &Self) {
        self.tokens += other.tokens;
        self.loss += other.loss;
        self.clipped += other.clipped;
        self.approximate_kl += other.approximate_kl;
    }

    /// Mean loss of a token.
    pub fn mean_loss(&self) -> f64 {
        self.loss / self.tokens as f64
    }

    /// Share of the tokens whose clipped side decided.
    pub fn clip_fraction(&self) -> f64 {
        self.clipped as f64 / self.tokens as f64
    }

    /// Mean divergence of a token.
    pub fn mean_approximate_kl(&self) -> f64 {
        self.approximate_kl / self.tokens as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn four_corners_of_the_clip() {
        let at = |ratio: f64, advantage| policy(ratio.ln() - 1.0, -1.0, advantage, 0.2);
        // Better than expected and already likelier: no further. Worse and likelier: back.
        assert!(at(1.5, 1.0).clipped && !at(1.5, -1.0).clipped);
        assert!(!at(0.5, 1.0).clipped && at(0.5, -1.0).clipped);
        assert!((at(1.5, 1.0).loss + 1.2).abs() < 1e-12);
        assert!((at(1.5, -1.0).derivative - 1.5).abs() < 1e-12);
        assert_eq!(at(1.0, 0.7).derivative, -0.7);
    }

    #[test]
    fn the_value_is_held_where_it_ran_ahead() {
        // From 0 to 1 with the return at 2: held at 0.2, which is farther off, so it decides.
        assert_eq!(value(1.0, 0.0, 2.0, Some(0.2)).derivative, 0.0);
        assert!((value(1.0, 0.0, 2.0, Some(0.2)).loss - 1.62).abs() < 1e-12);
        // Away from the return nothing is held.
        assert_eq!(value(-1.0, 0.0, 2.0, Some(0.2)).derivative, -3.0);
        assert_eq!(value(1.0, 0.0, 2.0, None).derivative, -1.0);
    }

    proptest! {
        /// Derivatives against central differences, away from the kinks.
        #[test]
        fn derivatives(a in -3.0f64..3.0, now in -3.0f64..-0.1, then in -3.0f64..-0.1) {
            let h = 1e-6;
            let slope = |f: &dyn Fn(f64) -> Term| {
                let (left, right) = (f(now - h), f(now + h));
                (left.clipped == right.clipped).then(|| (right.loss - left.loss) / (2.0 * h))
            };
            let p = |x: f64| policy(x, then, a, 0.2);
            if let Some(slope) = slope(&p) {
                prop_assert!((slope - p(now).derivative).abs() < 1e-4 * (1.0 + slope.abs()));
            }
            let v = |x: f64| value(x, then, a, Some(0.2));
            if let Some(slope) = slope(&v) {
                prop_assert!((slope - v(now).derivative).abs() < 1e-4 * (1.0 + slope.abs()));
            }
        }
    }
}
