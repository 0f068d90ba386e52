//! Every number of direct preference optimization. The paper has none of it; the defaults are those of
//! Rafailov et al. 2023 where they speak.

use crate::error::{Error, Result, at_least_one};
use crate::preferences::Action;
use puna_train::{
    CheckpointSettings, Decay, LayoutSettings, LoraSettings, OptimizerSettings, Schedule,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of direct preference optimization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DpoSettings {
    /// How strongly the policy is held to the reference. Rafailov et al.: 0.1.
    pub beta: f64,
    /// Probability that an annotator is taken to be wrong; below a half. Rafailov et al.: 0.
    pub label_smoothing: f64,
    /// Most tokens of a dialogue with its answer; the Llama 2 context.
    pub max_tokens: usize,
    /// What happens to a pair with a longer one; not said.
    pub over_long: Action,
    /// Pairs of a step. Rafailov et al.: 64.
    pub batch_pairs: usize,
    /// Passes over the pairs; not said. One, as for the Llama 2 reward models.
    pub epochs: u64,
    /// Highest learning rate. Rafailov et al.: 1e-6.
    pub lr: f64,
    /// Steps of linear warm-up, at most all. Rafailov et al.: 150.
    pub warmup_steps: u64,
    /// What follows the warm-up. Rafailov et al.: constant.
    pub decay: Decay,
    /// Share of the highest learning rate at the end of a cosine; not said.
    pub min_lr_ratio: f64,
    /// The optimizer: AdamW as everywhere here. Rafailov et al. use RMSprop.
    pub optimizer: OptimizerSettings,
    /// Adapters to train in place of the weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lora: Option<LoraSettings>,
    /// Order of the pairs.
    pub seed: u64,
    /// How a step is spread over the machine. Without `micro_batch_rows`, 512, or the rows of the
    /// longest pair.
    pub layout: LayoutSettings,
    /// Checkpoints.
    pub checkpoint: CheckpointSettings,
}

impl Default for DpoSettings {
    fn default() -> Self {
        Self {
            beta: 0.1,
            label_smoothing: 0.0,
            max_tokens: 4096,
            over_long: Action::Skip,
            batch_pairs: 64,
            epochs: 1,
            lr: 1e-6,
            warmup_steps: 150,
            decay: Decay::Constant,
            min_lr_ratio: 0.0,
            optimizer: OptimizerSettings::default(),
            lora: None,
            seed: 0,
            layout: LayoutSettings::default(),
            checkpoint: CheckpointSettings::default(),
        }
    }
}

impl DpoSettings {
    /// Refuses values out of range, and gives the learning rates for so many pairs.
    pub fn schedule(&self, pairs: usize) -> Result<Schedule> {
        at_least_one([
            ("batch_pairs", self.batch_pairs as u64),
            ("max_tokens", self.max_tokens as u64),
            ("epochs", self.epochs),
        ])?;
        if !(self.beta > 0.0 && self.beta.is_finite()) {
            let what = format!("{} is not a positive number", self.beta);
            return Err(Error::setting("beta", what));
        }
        if !(0.0..0.5).contains(&self.label_smoothing) {
            let what = format!("{} is not in 0..0.5", self.label_smoothing);
            return Err(Error::setting("label_smoothing", what));
        }
        self.optimizer.validate()?;
        let total = self.epochs * pairs.div_ceil(self.batch_pairs) as u64;
        let schedule = Schedule {
            peak: self.lr,
            warmup: self.warmup_steps.min(total),
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
    fn learning_rates_and_refusals() {
        let schedule = DpoSettings::default().schedule(64 * 1000).unwrap();
        assert_eq!(
            (schedule.total, schedule.lr(150), schedule.lr(900)),
            (1000, 1e-6, 1e-6)
        );
        assert_eq!(DpoSettings::default().schedule(65).unwrap().warmup, 2);
        for (json, name) in [
            (r#"{"beta": 0.0}"#, "beta"),
            (r#"{"label_smoothing": 0.5}"#, "label_smoothing"),
            (r#"{"batch_pairs": 0}"#, "batch_pairs"),
            (r#"{"epochs": 0}"#, "epochs"),
            (r#"{"lr": -1.0}"#, "lr"),
        ] {
            let settings: DpoSettings = serde_json::from_str(json).unwrap();
            let error = settings.schedule(100).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
        assert!(serde_json::from_str::<DpoSettings>(r#"{"bet": 1}"#).is_err());
    }
}
