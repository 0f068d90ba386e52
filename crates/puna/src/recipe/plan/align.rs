//! The stages of human feedback, with every number they follow.

use puna_align::context_distillation::DistillSettings;
use puna_align::dpo::DpoSettings;
use puna_align::ghost_attention::{GhostSettings, InstructionList};
use puna_align::ppo::PpoSettings;
use puna_align::preferences::{ReadPolicy, Stream};
use puna_align::rejection_sampling::{Pools, RejectionSettings};
use puna_align::reward::RewardSettings;
use puna_train::SftSettings;
use serde::Serialize;
use std::path::PathBuf;

/// Which answers of the fine-tuned model are compared.
#[derive(Clone, Debug, Serialize)]
pub struct FeedbackPlan {
    /// Pairs.
    pub sampled: usize,
    /// Temperatures of a pair's answers.
    pub temperatures: [f32; 2],
    /// Most tokens of an answer.
    pub max_tokens: usize,
    /// Seed of choice and answers.
    pub seed: u64,
}

/// Where the material of human feedback is.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Material {
    /// Files of preferences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub preferences: Vec<PreferenceFile>,
    /// Files of prompts.
    #[serde(skip)]
    pub prompts: Vec<PathBuf>,
    /// Whether the world's own comes first.
    pub of_world: bool,
}

/// A file of preferences.
#[derive(Clone, Debug, Serialize)]
pub struct PreferenceFile {
    /// Where it is. Its contents count and not its place.
    #[serde(skip)]
    pub path: PathBuf,
    /// Whether it is open data of others.
    pub open: bool,
    /// How it is read.
    pub read: ReadPolicy,
}

/// A reward model.
#[derive(Clone, Debug, Serialize)]
pub struct RewardPlan {
    /// Which.
    pub stream: Stream,
    /// Preferences.
    pub material: Material,
    /// How many times as many others as its own the helpfulness model is trained on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub others: Option<f64>,
    /// Every other number.
    pub settings: RewardSettings,
}

/// Direct preference optimization of the fine-tuned model.
#[derive(Clone, Debug, Serialize)]
pub struct DpoPlan {
    /// Preferences.
    pub material: Material,
    /// Every other number.
    pub settings: DpoSettings,
}

/// A round of rejection sampling.
#[derive(Clone, Debug, Serialize)]
pub struct RejectionPlan {
    /// Which, from 1.
    pub round: usize,
    /// Prompts.
    pub material: Material,
    /// Sampling and choice.
    pub settings: RejectionSettings,
    /// Which rounds' answers count.
    pub pools: Pools,
    /// Dialogues of fine-tuning that are trained on again.
    pub keep_dialogues: bool,
    /// Dialogues from outside, as in fine-tuning.
    #[serde(skip)]
    pub dialogues: Option<PathBuf>,
    /// Ghost Attention, if it is in this round.
    pub ghost: Option<GhostPlan>,
    /// Training from the base model.
    pub sft: SftSettings,
}

/// Ghost Attention.
#[derive(Clone, Debug, Serialize)]
pub struct GhostPlan {
    /// Every other number.
    pub settings: GhostSettings,
    /// Where there is no world.
    #[serde(flatten)]
    pub own: Option<OwnGhost>,
}

/// What Ghost Attention is made of where there is no world.
#[derive(Clone, Debug, Serialize)]
pub struct OwnGhost {
    /// Dialogues at most.
    pub dialogues: usize,
    /// What it can instruct.
    pub instructions: Vec<InstructionList>,
}

/// PPO.
#[derive(Clone, Debug, Serialize)]
pub struct PpoPlan {
    /// Prompts.
    pub material: Material,
    /// Every other number.
    pub settings: PpoSettings,
}

/// Context distillation.
#[derive(Clone, Debug, Serialize)]
pub struct DistillPlan {
    /// Prompts.
    pub material: Material,
    /// Sampling and choice.
    pub settings: DistillSettings,
    /// Training on what was kept.
    pub sft: SftSettings,
}

/// Models of growing shares of the safety data.
#[derive(Clone, Debug, Serialize)]
pub struct SafetyScalingPlan {
    /// The shares, in percent.
    pub percents: Vec<f64>,
    /// Stage whose chosen answers they are of.
    pub pool: String,
    /// Dialogues from outside, as in fine-tuning.
    #[serde(skip)]
    pub dialogues: Option<PathBuf>,
    /// Most tokens of an answer.
    pub max_tokens: usize,
    /// Seed of the shares.
    pub seed: u64,
    /// Training from the base model.
    pub sft: SftSettings,
}

/// What is measured at the end.
#[derive(Clone, Debug, Serialize)]
pub struct ScoreboardPlan {
    /// Most tokens of an answer.
    pub max_tokens: usize,
    /// Prompts whose answers are compared for diversity.
    pub diversity_prompts: usize,
    /// Answers to each.
    pub diversity_answers: usize,
    /// Seed of those.
    pub seed: u64,
}
