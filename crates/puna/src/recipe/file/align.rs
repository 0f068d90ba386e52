//! Human feedback (paper sections 3.2, 3.3 and 4): preferences, reward models, rejection sampling,
//! PPO, context distillation, scoreboard.

use puna_align::context_distillation::DistillSettings;
use puna_align::ghost_attention::GhostSettings;
use puna_align::ppo::PpoSettings;
use puna_align::preferences::ReadPolicy;
use puna_align::rejection_sampling::{Pools, RejectionSettings};
use puna_align::reward::RewardSettings;
use puna_align::safety_scaling::PAPER_SHARES;
use puna_world::FeedbackOptions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is compared. Seeds and the layout of the settings below follow the recipe's `seed` and
/// `engine`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedbackSection {
    /// Files of preferences. Beside `world`, its own come first. The comparisons of a tenth of the
    /// dialogues, chosen by a hash, are held out, those of the world too.
    #[serde(default)]
    pub preferences: Vec<PreferencesSection>,
    /// Prompts to sample answers for, as JSON lines, relative to the recipe. Beside `world`, its own
    /// come first.
    #[serde(default)]
    pub prompts: Vec<String>,
    /// Beside `world`: its prompts, rules, annotators and preferences; its dialogues with unsafe
    /// requests join those of fine-tuning.
    #[serde(default)]
    pub world: FeedbackOptions,
    /// Beside `world`: pairs of answers of the fine-tuned model that its annotators compare, in both
    /// streams; one prompt each.
    #[serde(default = "thousand")]
    pub sampled: usize,
    /// The temperatures of the two answers of a pair, of which every other second one is given with a
    /// safety preprompt. The paper varies temperatures and models, and does not say how.
    #[serde(default = "temperatures")]
    pub temperatures: [f32; 2],
    /// Most tokens of a sampled answer.
    #[serde(default = "sixty_four")]
    pub max_tokens: usize,
}

/// One file of preferences, in any form that Puna reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PreferencesSection {
    /// Relative to the recipe.
    pub path: String,
    /// Whether it is open data of others. The paper's mixes take all of one's own and draw from open
    /// data (section 3.2.2); what is open and of the safety stream joins the safety model's as a whole.
    #[serde(default)]
    pub open: bool,
    /// The stream and the strength of what does not name them, and which records are refused and which
    /// skipped.
    #[serde(default)]
    pub read: ReadPolicy,
}

/// The two reward models (paper section 3.2.2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RewardSection {
    /// Training of the helpfulness model. Its `safety_weight` is 0 whatever is set: the safety label
    /// is for the safety model (section A.3.4).
    #[serde(default)]
    pub helpfulness: RewardSettings,
    /// For each comparison of one's own by helpfulness, how many others it is trained on, drawn from
    /// those by safety and from open data. Paper: 1, where most of the others were open data about
    /// helpfulness. Where all of them are about safety, so many teach it that every refusal is good.
    #[serde(default = "equal_parts")]
    pub others_in_helpfulness: f64,
    /// Training of the safety model. Unless set it has no margin: the paper reports what one does for
    /// helpfulness alone (Table 28).
    #[serde(default)]
    pub safety: RewardSettings,
}

fn equal_parts() -> f64 {
    1.0
}

/// Rounds of rejection sampling, then PPO (paper section 3.2.3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlignSection {
    /// Rounds of rejection sampling; 4 in the paper, at most 9. Each trains a model from the base
    /// model, by the numbers of `sft`.
    #[serde(default = "four")]
    pub rounds: usize,
    /// Sampling and choice.
    #[serde(default)]
    pub rejection: RejectionSettings,
    /// Which rounds' answers a model is trained on.
    #[serde(default)]
    pub pools: Pools,
    /// Passes over a round's training set; those of `sft` unless set.
    pub epochs: Option<u64>,
    /// Highest learning rate of a round; that of `sft` unless set.
    pub peak_lr: Option<f64>,
    /// Train each round on the fine-tuning dialogues too, without those whose author complies with an
    /// adversarial prompt. The paper does not say.
    #[serde(default = "yes")]
    pub keep_dialogues: bool,
    /// Ghost Attention, from the first round after `ghost_after` on; without it there is none.
    pub ghost: Option<GhostSettings>,
    /// The paper has it after V3.
    #[serde(default = "three")]
    pub ghost_after: usize,
    /// Without `world`: what Ghost Attention can instruct, one list a kind. Those of the paper's kinds unless
    /// set (a hobby, a language, a public figure), with values of our choice; it had the model list them.
    #[serde(default)]
    pub ghost_instructions: Vec<GhostInstructionSection>,
    /// Without `world`: dialogues of Ghost Attention, the first of fine-tuning's that have no system message,
    /// of which the users' messages are taken. The paper does not say how many.
    #[serde(default = "thousand")]
    pub ghost_dialogues: usize,
    /// PPO from the last round's model; without it there is none.
    pub ppo: Option<PpoSettings>,
}

/// Instructions of one kind, of which a dialogue has at most one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GhostInstructionSection {
    /// Its name, with which the short wording begins: "Hobby" makes "Hobby: chess."
    pub kind: String,
    /// The full wording, with `{}` for the value: "You enjoy {}."
    pub wording: String,
    /// The values.
    pub values: Vec<String>,
}

/// Context distillation for safety (paper section 4.2.4), of the last model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DistillSection {
    /// Sampling and choice.
    #[serde(default)]
    pub sampling: DistillSettings,
    /// Highest learning rate of the training on what was kept.
    pub peak_lr: f64,
    /// Passes over it.
    #[serde(default = "one")]
    pub epochs: u64,
}

/// How much safety data is needed (paper section 4.2.3): for each share of the answers to adversarial
/// prompts that the last round of rejection sampling chose, a model is trained from the base model, with
/// all the helpful answers and by the numbers of `sft`, and measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SafetyScalingSection {
    /// The shares, in percent; those of the paper unless set.
    #[serde(default = "shares")]
    pub percents: Vec<f64>,
    /// Longest answer to a held-out prompt, in tokens; answers are decoded greedily.
    #[serde(default = "sixty_four")]
    pub max_tokens: usize,
}

fn shares() -> Vec<f64> {
    PAPER_SHARES.to_vec()
}

/// What every model is measured by at the end (paper section 3.4 and Figure 11).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScoreboardSection {
    /// Longest answer, in tokens; answers are decoded greedily.
    #[serde(default = "sixty_four")]
    pub max_tokens: usize,
    /// Helpful prompts whose answers are compared for diversity.
    #[serde(default = "twenty")]
    pub diversity_prompts: usize,
    /// Answers to each of them, at temperature 1; 25 in the paper.
    #[serde(default = "twenty_five")]
    pub diversity_answers: usize,
}

fn one() -> u64 {
    1
}
fn three() -> usize {
    3
}
fn four() -> usize {
    4
}
fn twenty() -> usize {
    20
}
fn twenty_five() -> usize {
    25
}
fn sixty_four() -> usize {
    64
}
fn thousand() -> usize {
    1_000
}
fn temperatures() -> [f32; 2] {
    [0.7, 1.0]
}
fn yes() -> bool {
    true
}
