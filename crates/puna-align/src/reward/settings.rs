//! Every number of reward-model training (paper section 3.2.2).

use super::Margin;
use crate::error::{Error, Result, at_least_one};
use crate::preferences::Action;
use puna_train::{CheckpointSettings, Decay, LayoutSettings, OptimizerSettings, Schedule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of a reward model's training; the defaults are the paper's where it speaks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RewardSettings {
    /// Margin of the ranking loss by the level of the comparison. The paper tries all three on helpfulness
    /// (Table 28) and does not say which the final models had. Unless set, the large one, as its Table 8
    /// has it; in a recipe, for the safety model none.
    pub margin: Option<Margin>,
    /// Weight of the auxiliary safety loss, which only pairs with a safety label have; 0 is without.
    /// The paper has the loss and does not say its weight.
    pub safety_weight: f64,
    /// Most tokens of a dialogue with its answer; the paper's context.
    pub max_tokens: usize,
    /// What happens to a pair with a longer one; the paper does not say.
    pub over_long: Action,
    /// Pairs of a step.
    pub batch_pairs: usize,
    /// Passes over the pairs; the paper saw over-fitting with more than one.
    pub epochs: u64,
    /// Highest learning rate: 1e-5, for the paper's 70B 5e-6.
    pub lr: f64,
    /// Share of the steps that is linear warm-up.
    pub warmup_ratio: f64,
    /// Fewest steps of warm-up; a run of fewer steps is all warm-up.
    pub warmup_min_steps: u64,
    /// What follows the warm-up.
    pub decay: Decay,
    /// Share of the highest learning rate at the end.
    pub min_lr_ratio: f64,
    /// AdamW, as in pretraining.
    pub optimizer: OptimizerSettings,
    /// Order of the pairs, and the new head's weights.
    pub seed: u64,
    /// How a step is spread over the machine. Without `micro_batch_rows`, 512, or the rows of
    /// the longest pair.
    pub layout: LayoutSettings,
    /// Checkpoints.
    pub checkpoint: CheckpointSettings,
}

impl Default for RewardSettings {
    fn default() -> Self {
        Self {
            margin: None,
            safety_weight: 1.0,
            max_tokens: 4096,
            over_long: Action::Skip,
            batch_pairs: 512,
            epochs: 1,
            lr: 1e-5,
            warmup_ratio: 0.03,
            warmup_min_steps: 5,
            decay: Decay::Cosine,
            min_lr_ratio: 0.1,
            optimizer: OptimizerSettings::default(),
            seed: 0,
            layout: LayoutSettings::default(),
            checkpoint: CheckpointSettings::default(),
        }
    }
}

impl RewardSettings {
    /// Refuses values out of range that the training loop would not.
    pub fn validate(&self) -> Result<()> {
        at_least_one([
            ("batch_pairs", self.batch_pairs),
            ("max_tokens", self.max_tokens),
        ])?;
        at_least_one([("epochs", self.epochs)])?;
        if !(self.safety_weight >= 0.0 && self.safety_weight.is_finite()) {
            let what = format!("{} is not a number from 0 up", self.safety_weight);
            return Err(Error::setting("safety_weight", what));
        }
        if !(0.0..=1.0).contains(&self.warmup_ratio) {
            let what = format!("{} is not in 0..=1", self.warmup_ratio);
            return Err(Error::setting("warmup_ratio", what));
        }
        Ok(self.optimizer.validate()?)
    }

    /// Learning rates for so many pairs.
    pub fn schedule(&self, pairs: usize) -> Result<Schedule> {
        self.validate()?;
        let total = self.epochs * pairs.div_ceil(self.batch_pairs) as u64;
        let warmup = (self.warmup_ratio * total as f64).ceil() as u64;
        let schedule = Schedule {
            peak: self.lr,
            warmup: warmup.max(self.warmup_min_steps).min(total),
            total,
            decay: self.decay,
            min_ratio: self.min_lr_ratio,
        };
        schedule.validate()?;
        Ok(schedule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_the_papers() {
        let settings = RewardSettings::default();
        // Meta's 1,418,091 comparisons and as many others: 5539 steps.
        let schedule = settings.schedule(2 * 1_418_091).unwrap();
        assert_eq!((schedule.total, schedule.warmup), (5540, 167));
        assert_eq!(schedule.lr(167), 1e-5);
        assert!((schedule.lr(5540) - 1e-6).abs() < 1e-18);
        let short = settings.schedule(20 * 512).unwrap();
        assert_eq!((short.total, short.warmup), (20, 5));
        assert_eq!(settings.schedule(3).unwrap().warmup, 1);
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        type Change = fn(&mut RewardSettings);
        let cases: [(&str, Change); 5] = [
            ("batch_pairs", |s| s.batch_pairs = 0),
            ("epochs", |s| s.epochs = 0),
            ("safety_weight", |s| s.safety_weight = f64::NAN),
            ("warmup_ratio", |s| s.warmup_ratio = 1.5),
            ("lr", |s| s.lr = -1.0),
        ];
        for (name, change) in cases {
            let mut settings = RewardSettings::default();
            change(&mut settings);
            let error = settings.schedule(10).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
        assert!(RewardSettings::default().schedule(0).is_err());
        assert!(serde_json::from_str::<RewardSettings>(r#"{"margins": "small"}"#).is_err());
        let small: RewardSettings = serde_json::from_str(r#"{"margin": "small"}"#).unwrap();
        assert_eq!(small.margin, Some(Margin::Small));
    }
}
