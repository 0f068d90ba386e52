//! Every number of PPO (paper section 3.2.3). The defaults are the paper's where it speaks.

use super::alarms::AlarmSettings;
use super::kl::KlEstimator;
use super::reward::WhiteningWindow;
use crate::error::{Error, Result, at_least_one};
use crate::judge::SAFETY_THRESHOLD;
use crate::rollout::SLOTS;
use puna_llama::SamplingOptions;
use puna_train::{CheckpointSettings, LayoutSettings, OptimizerSettings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whose trunk the critic begins with; its head, a scalar for each token, is the trunk's own if it has
/// one and new if it has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CriticStart {
    /// The helpfulness reward model.
    #[default]
    HelpfulnessReward,
    /// The safety reward model.
    SafetyReward,
    /// The policy, with a new head.
    Policy,
}

/// Settings of PPO.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PpoSettings {
    /// Most iterations; the paper: between 200 and 400.
    pub iterations: u64,
    /// No early stop before this many iterations; the paper: between 200 and 400.
    pub least_iterations: u64,
    /// Prompts of an iteration, one answer each. Paper: 512.
    pub batch: usize,
    /// Answers of a gradient step; every answer is in one step of its iteration. Paper: 64.
    pub mini_batch: usize,
    /// Constant learning rate of the policy. Paper: 1e-6.
    pub lr: f64,
    /// Constant learning rate of the critic. The paper does not say; here that of its reward models.
    pub critic_lr: f64,
    /// AdamW of policy and critic. Paper: 0.9, 0.95, 1e-5, weight decay 0.1, clip 1.0.
    pub optimizer: OptimizerSettings,
    /// Clip of the probabilities' ratio. Paper: 0.2.
    pub clip: f64,
    /// Clip of the critic's values around those when the answers were sampled; 0 does not clip. The
    /// paper does not say.
    pub value_clip: f64,
    /// Weight of the divergence from the reference. Paper: 0.01 for 7B and 13B, 0.005 above.
    pub kl_coefficient: f64,
    /// Estimator of the divergence in the reward; the paper does not say.
    pub kl_estimator: KlEstimator,
    /// Discount; the paper does not say.
    pub gamma: f64,
    /// Lambda of the advantage estimation; the paper does not say.
    pub lambda: f64,
    /// Safety score below which it is the reward of any prompt. Paper: 0.15.
    pub safety_threshold: f64,
    /// Window of the rewards' whitening; the paper does not say.
    pub whitening: WhiteningWindow,
    /// Whether the advantages of an iteration's tokens are whitened too; the paper does not say.
    pub whiten_advantages: bool,
    /// Taken from the whitened reward of an answer that reached `max_tokens` without an end. The paper
    /// does not say.
    pub unfinished_penalty: f64,
    /// Sampling temperature; the paper does not say. Other than 1, the answers are not the policy's
    /// own, and the ratios compare with what they were not sampled from.
    pub temperature: f32,
    /// Nucleus of the sampling; the paper does not say. The same holds as for the temperature.
    pub top_p: f32,
    /// Most tokens of an answer; the paper does not say.
    pub max_tokens: usize,
    /// Most tokens of a prompt with its answer, within the models' context. Paper: 4096.
    pub seq_len: usize,
    /// What the critic begins with; the paper does not say. See [`super::initial_critic`].
    pub critic_start: CriticStart,
    /// Held-out prompts and the early stop.
    pub held_out: HeldOutSettings,
    /// When to cry out.
    pub alarms: AlarmSettings,
    /// Also the exact divergence over the vocabulary, for the log: two more passes over all answers.
    pub exact_kl: bool,
    /// Seed of the prompts' order, the answers, and a new critic's head.
    pub seed: u64,
    /// How a gradient step is spread over the machine.
    pub layout: LayoutSettings,
    /// Answers that a thread writes at once. More read the weights less often and take more memory;
    /// of no influence on the result.
    pub slots: usize,
    /// Checkpoints, counted in iterations.
    pub checkpoint: CheckpointSettings,
}

/// Settings of the early stop. The paper says only that it looked at held-out prompts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HeldOutSettings {
    /// Iterations between two looks at the held-out prompts; 0 looks only before the first and after
    /// the last iteration. The paper does not say.
    pub every: u64,
    /// How many looks in a row may bring no better reward before the run stops; 0 never stops. The
    /// paper does not say.
    pub patience: u64,
    /// Whether the result is the policy of the best look, and not the last. The paper does not say.
    pub keep_best: bool,
}

impl Default for HeldOutSettings {
    fn default() -> Self {
        Self {
            every: 10,
            patience: 5,
            keep_best: true,
        }
    }
}

impl Default for PpoSettings {
    fn default() -> Self {
        Self {
            iterations: 400,
            least_iterations: 200,
            batch: 512,
            mini_batch: 64,
            lr: 1e-6,
            critic_lr: 1e-5,
            optimizer: OptimizerSettings::default(),
            clip: 0.2,
            value_clip: 0.2,
            kl_coefficient: 0.01,
            kl_estimator: KlEstimator::default(),
            gamma: 1.0,
            lambda: 0.95,
            safety_threshold: SAFETY_THRESHOLD,
            whitening: WhiteningWindow::default(),
            whiten_advantages: true,
            unfinished_penalty: 0.0,
            temperature: 1.0,
            top_p: 1.0,
            max_tokens: 1024,
            seq_len: 4096,
            critic_start: CriticStart::default(),
            held_out: HeldOutSettings::default(),
            alarms: AlarmSettings::default(),
            exact_kl: false,
            seed: 0,
            layout: LayoutSettings::default(),
            slots: SLOTS,
            checkpoint: CheckpointSettings { every: 10, keep: 2 },
        }
    }
}

impl PpoSettings {
    /// Gradient steps of an iteration.
    pub fn mini_batches(&self) -> usize {
        self.batch / self.mini_batch
    }

    /// How answers are sampled, with the seed to sample them from.
    pub fn sampling(&self, seed: u64) -> SamplingOptions {
        SamplingOptions::nucleus(self.temperature, self.top_p, seed)
    }

    /// Refuses values out of range and values that contradict each other.
    pub fn validate(&self) -> Result<()> {
        self.optimizer.validate()?;
        self.sampling(0).validate()?;
        self.alarms.validate()?;
        at_least_one([
            ("batch", self.batch),
            ("mini_batch", self.mini_batch),
            ("max_tokens", self.max_tokens),
            ("seq_len", self.seq_len),
            ("slots", self.slots),
        ])?;
        if !self.batch.is_multiple_of(self.mini_batch) {
            let what = format!(
                "{} answers cannot be cut into mini-batches of {}; make one a multiple of the other",
                self.batch, self.mini_batch
            );
            return Err(Error::setting("mini_batch", what));
        }
        if self.max_tokens >= self.seq_len {
            let what = format!(
                "answers of {} tokens leave no room for a prompt in {}; raise seq_len",
                self.max_tokens, self.seq_len
            );
            return Err(Error::setting("max_tokens", what));
        }
        if self.temperature == 0.0 {
            let what = "it is 0; without chance in the answers there is nothing to learn from";
            return Err(Error::setting("temperature", what));
        }
        let not_negative = [
            ("lr", self.lr),
            ("critic_lr", self.critic_lr),
            ("value_clip", self.value_clip),
            ("kl_coefficient", self.kl_coefficient),
            ("unfinished_penalty", self.unfinished_penalty),
        ];
        for (name, value) in not_negative {
            if !(value >= 0.0 && value.is_finite()) {
                let what = format!("{value} is not a number from 0 up");
                return Err(Error::setting(name, what));
            }
        }
        let shares = [
            ("gamma", self.gamma),
            ("lambda", self.lambda),
            ("safety_threshold", self.safety_threshold),
        ];
        for (name, value) in shares {
            if !(0.0..=1.0).contains(&value) {
                return Err(Error::setting(name, format!("{value} is not in 0..=1")));
            }
        }
        if !(self.clip > 0.0 && self.clip < 1.0) {
            let what = format!("{} is not between 0 and 1", self.clip);
            return Err(Error::setting("clip", what));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_the_papers_and_survive_json() {
        let s = PpoSettings::default();
        s.validate().unwrap();
        assert_eq!((s.batch, s.mini_batch, s.mini_batches()), (512, 64, 8));
        assert_eq!((s.lr, s.clip, s.kl_coefficient), (1e-6, 0.2, 0.01));
        assert_eq!((s.iterations, s.least_iterations), (400, 200));
        assert_eq!(s.safety_threshold, 0.15);
        let json = serde_json::to_string(&s).unwrap();
        assert_eq!(serde_json::from_str::<PpoSettings>(&json).unwrap(), s);
        assert_eq!(serde_json::from_str::<PpoSettings>("{}").unwrap(), s);
        let error = serde_json::from_str::<PpoSettings>(r#"{"beta": 0.1}"#).unwrap_err();
        assert!(error.to_string().contains("beta"), "{error}");
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        let refused = |json: &str, name: &str| {
            let settings: PpoSettings = serde_json::from_str(json).unwrap();
            let error = settings.validate().unwrap_err().to_string();
            assert!(error.contains(name), "{json}: {error}");
        };
        refused(r#"{"batch": 0}"#, "batch");
        refused(r#"{"batch": 100}"#, "mini_batch");
        refused(r#"{"max_tokens": 4096}"#, "max_tokens");
        refused(r#"{"clip": 1.0}"#, "clip");
        refused(r#"{"gamma": 1.5}"#, "gamma");
        refused(r#"{"lr": -1.0}"#, "lr");
        refused(r#"{"temperature": 0.0}"#, "temperature");
        refused(r#"{"top_p": 0.0}"#, "top_p");
        refused(r#"{"optimizer": {"beta1": 1.0}}"#, "beta1");
        refused(r#"{"alarms": {"length_ratio": 0.5}}"#, "length_ratio");
    }
}
