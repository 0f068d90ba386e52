//! Held-out prompts and the early stop (paper section 3.2.3, which stops by them somewhere between
//! 200 and 400 iterations and does not say by which rule).

use super::settings::HeldOutSettings;
use serde::{Deserialize, Serialize};

/// A look at the held-out prompts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// Iterations before it.
    pub iteration: u64,
    /// Answers that could not be scored and do not count in the next three means, which are those of the
    /// score 0 if there is no other.
    pub unscorable: u64,
    /// Mean reward: the logit of the score that the piecewise rule takes.
    pub reward: f64,
    /// The same with the lowest reward for answers that could not be scored: what looks are compared by, or a
    /// policy that can hardly be scored would win by its few good answers.
    pub worth: f64,
    /// Mean score of the helpfulness model.
    pub helpfulness: f64,
    /// Mean score of the safety model.
    pub safety: f64,
    /// Answers that the held-out judge, if there is one, could score too.
    pub judged: u64,
    /// Mean score that it gives these by the same rule, if there are any.
    pub judge: Option<f64>,
    /// Mean reward of these, which the alarm compares with that score.
    pub judged_reward: Option<f64>,
    /// Mean divergence of an answer from the reference in nats, by the estimator k1.
    pub kl: f64,
    /// Mean tokens of an answer.
    pub length: f64,
}

/// The look of the highest worth, the first of equals, and how many came after it.
pub(crate) fn best(looks: &[Look]) -> Option<(&Look, u64)> {
    let mut best: Option<(&Look, u64)> = None;
    for look in looks {
        best = match best {
            Some((b, since)) if look.worth <= b.worth => Some((b, since + 1)),
            _ => Some((look, 0)),
        };
    }
    best
}

impl HeldOutSettings {
    /// Whether there is a look after that iteration.
    pub(crate) fn due(&self, iteration: u64, last: u64) -> bool {
        iteration == 0
            || iteration == last
            || (self.every > 0 && iteration.is_multiple_of(self.every))
    }

    /// Whether the looks say that no more is to be gained.
    pub(crate) fn stops(&self, looks: &[Look], least_iterations: u64) -> bool {
        let (Some(last), Some((_, since))) = (looks.last(), best(looks)) else {
            return false;
        };
        self.patience > 0 && since >= self.patience && last.iteration >= least_iterations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(rewards: &[f64]) -> Vec<Look> {
        let look = |(i, &reward): (usize, &f64)| Look {
            iteration: 10 * i as u64,
            unscorable: 0,
            // Of those that could be scored, the same in each.
            reward: 1.0,
            worth: reward,
            helpfulness: 0.5,
            safety: 0.5,
            judged: 0,
            judge: None,
            judged_reward: None,
            kl: 0.0,
            length: 1.0,
        };
        rewards.iter().enumerate().map(look).collect()
    }

    #[test]
    fn stops_when_patience_has_run_out_and_not_before_its_time() {
        let settings = HeldOutSettings {
            patience: 2,
            ..HeldOutSettings::default()
        };
        assert!(!settings.stops(&[], 0));
        assert!(!settings.stops(&looks(&[0.0, 1.0, 0.9]), 0));
        assert!(settings.stops(&looks(&[0.0, 1.0, 0.9, 1.0]), 0));
        assert!(!settings.stops(&looks(&[0.0, 1.0, 0.9, 1.0]), 40));
        assert!(!settings.stops(&looks(&[0.0, 1.0, 0.9, 1.1]), 0));
        let never = HeldOutSettings {
            patience: 0,
            ..settings
        };
        assert!(!never.stops(&looks(&[1.0, 0.0, 0.0, 0.0, 0.0]), 0));
        let l = looks(&[0.0, 1.0, 0.9, 1.0]);
        assert_eq!(
            best(&l).map(|(l, since)| (l.iteration, since)),
            Some((10, 2))
        );
    }

    #[test]
    fn looks_are_due_at_both_ends_and_between() {
        let settings = HeldOutSettings::default();
        let due: Vec<u64> = (0..=25).filter(|&i| settings.due(i, 25)).collect();
        assert_eq!(due, [0, 10, 20, 25]);
        let ends = HeldOutSettings {
            every: 0,
            ..settings
        };
        assert_eq!((0..=25).filter(|&i| ends.due(i, 25)).count(), 2);
    }
}
