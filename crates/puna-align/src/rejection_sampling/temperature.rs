//! The temperature of a round (paper section 3.2.3, Figure 8): the best one depends on how far the
//! policy has come, so it is tuned anew each round.

use serde::{Deserialize, Serialize};

/// What a temperature gives on the prompts that it is tuned on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemperaturePoint {
    /// The temperature.
    pub temperature: f32,
    /// Mean over prompts of the largest reward among all answers; the highest wins.
    pub mean_max: f64,
    /// Mean reward of all answers.
    pub mean: f64,
    /// Share of answers that cannot be used.
    pub unusable: f64,
}

impl TemperaturePoint {
    /// From the rewards of each prompt's answers, and how many of all are of no use.
    pub(super) fn of(temperature: f32, rewards: &[Vec<f64>], unusable: usize) -> Self {
        let answers: usize = rewards.iter().map(Vec::len).sum();
        let max = |rewards: &Vec<f64>| rewards.iter().copied().fold(0.0, f64::max);
        let sum_max: f64 = rewards.iter().map(max).sum();
        Self {
            temperature,
            mean_max: sum_max / rewards.len().max(1) as f64,
            mean: rewards.iter().flatten().sum::<f64>() / answers.max(1) as f64,
            unusable: unusable as f64 / answers.max(1) as f64,
        }
    }
}

/// The best temperature, the first of equals.
pub(super) fn tuned(curve: &[TemperaturePoint]) -> Option<f32> {
    let points = curve.iter().copied();
    let best = points.reduce(|best, next| {
        if next.mean_max > best.mean_max {
            next
        } else {
            best
        }
    });
    best.map(|point| point.temperature)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_mean_of_largest_rewards_wins() {
        let low = TemperaturePoint::of(0.6, &[vec![0.5, 0.5], vec![0.6, 0.4]], 0);
        let high = TemperaturePoint::of(1.2, &[vec![0.0, 0.9], vec![0.5, 0.0]], 2);
        assert_eq!((low.mean_max, low.mean, low.unusable), (0.55, 0.5, 0.0));
        assert_eq!((high.mean_max, high.mean, high.unusable), (0.7, 0.35, 0.5));
        assert_eq!(tuned(&[low, high]), Some(1.2));
        let equal = TemperaturePoint {
            temperature: 1.5,
            ..high
        };
        assert_eq!(tuned(&[low, high, equal]), Some(1.2));
        assert_eq!(tuned(&[]), None);
    }
}
