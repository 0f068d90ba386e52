//! Every number of a round of rejection sampling.

use crate::error::{Error, Result, at_least_one};
use crate::judge::SAFETY_THRESHOLD;
use puna_llama::SamplingOptions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of rejection sampling; the defaults are the paper's where it speaks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RejectionSettings {
    /// Answers to each prompt. The paper does not say; its figures go up to 100, and one has 20.
    pub k: usize,
    /// Prompts of a round, drawn anew each round; 0 takes all. The paper does not say.
    pub prompts: usize,
    /// Temperatures to choose from, anew each round. The paper's Figure 8 has these; it found 1.2 to
    /// 1.3 best for a model after RLHF with 10 to 100 answers. With one there is nothing to tune.
    pub temperatures: Vec<f32>,
    /// Prompts of the round that the temperature is tuned on. The paper does not say.
    pub temperature_prompts: usize,
    /// Nucleus of the sampling; the paper does not say.
    pub top_p: f32,
    /// Most tokens of an answer; one that reaches them is not chosen. The paper does not say.
    pub max_tokens: usize,
    /// Safety score below which it is the reward of any prompt. The paper has 0.15 for PPO, and does
    /// not say how it combined the two reward models here.
    pub safety_threshold: f64,
    /// Prompts of a block, which is the least that an interrupted round does again.
    pub block: usize,
    /// Seed of the prompts' choice and of all answers.
    pub seed: u64,
}

impl Default for RejectionSettings {
    fn default() -> Self {
        Self {
            k: 20,
            prompts: 0,
            temperatures: vec![0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5],
            temperature_prompts: 64,
            top_p: 1.0,
            max_tokens: 1024,
            safety_threshold: SAFETY_THRESHOLD,
            block: 64,
            seed: 0,
        }
    }
}

impl RejectionSettings {
    /// Refuses what has no meaning.
    ///
    /// # Errors
    /// Names the setting.
    pub fn validate(&self) -> Result<()> {
        at_least_one([
            ("k", self.k),
            ("max_tokens", self.max_tokens),
            ("block", self.block),
            ("temperature_prompts", self.temperature_prompts),
        ])?;
        if self.temperatures.is_empty() {
            let what = "it is empty; name at least one temperature";
            return Err(Error::setting("temperatures", what));
        }
        if !(0.0..=1.0).contains(&self.safety_threshold) {
            let what = format!("it is {}; it must be from 0 to 1", self.safety_threshold);
            return Err(Error::setting("safety_threshold", what));
        }
        for &temperature in &self.temperatures {
            self.sampling(temperature, 0).validate()?;
        }
        Ok(())
    }

    pub(super) fn sampling(&self, temperature: f32, seed: u64) -> SamplingOptions {
        SamplingOptions::nucleus(temperature, self.top_p, seed)
    }
}
