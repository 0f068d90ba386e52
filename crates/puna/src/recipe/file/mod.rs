//! The recipe as it is written: every number of every stage, one TOML file.
//!
//! Optional keys fall back to what the paper says where it says something (its section is named),
//! and to the choice named here where it does not.

mod align;
mod data;

pub use align::{
    AlignSection, DistillSection, FeedbackSection, GhostInstructionSection, PreferencesSection,
    RewardSection, SafetyScalingSection, ScoreboardSection,
};
pub use data::{CorpusSection, SourceSection, WorldSection};

use puna_align::dpo::DpoSettings;
use puna_train::LoraSettings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A recipe file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecipeFile {
    /// Version of this format: 1.
    pub schema_version: u32,
    /// Name of a recipe in the same directory, of which this one says only what it changes: sections
    /// are laid over each other key by key.
    pub extends: Option<String>,
    /// Name of the recipe, of letters, digits and dashes; a run goes to `runs/<name>` unless told.
    pub name: String,
    /// What it raises and how long it takes, for people.
    #[serde(default)]
    pub description: String,
    /// Seed of every stage that does not set its own.
    #[serde(default = "one")]
    pub seed: u64,
    /// Generate a synthetic world with known truth.
    pub world: Option<WorldSection>,
    /// The documents: text files, or crawled pages made into a corpus. Beside `world` it makes one
    /// of the world's crawl; without it, the world's documents are taken as they are.
    pub corpus: Option<CorpusSection>,
    /// A model to begin with. It brings its shape and its tokenizer.
    pub base: Option<BaseSection>,
    /// The tokenizer. Needed without `base`.
    pub tokenizer: Option<TokenizerSection>,
    /// The shape of the model. Needed without `base`.
    pub model: Option<ModelSection>,
    /// Pretraining, from random weights or of the model of `base`. Without both, the run ends with the
    /// token files.
    pub pretrain: Option<PretrainSection>,
    /// Supervised fine-tuning. Without it, the run ends with a base model.
    pub sft: Option<SftSection>,
    /// What answers are compared, and by whom. Needed by the sections that follow.
    pub feedback: Option<FeedbackSection>,
    /// The helpfulness and the safety reward model, from the fine-tuned model.
    pub reward: Option<RewardSection>,
    /// Direct preference optimization of the fine-tuned model on the same preferences: a baseline of
    /// today beside the sections that follow, which do not begin from it. A recipe without `align` and
    /// `distill` ends with its model.
    pub dpo: Option<DpoSettings>,
    /// Rejection sampling, Ghost Attention and PPO.
    pub align: Option<AlignSection>,
    /// Context distillation.
    pub distill: Option<DistillSection>,
    /// The experiment with growing shares of the safety data.
    pub safety_scaling: Option<SafetyScalingSection>,
    /// Figures of every chat model of the run, by the world's rules and by the reward models.
    pub scoreboard: Option<ScoreboardSection>,
    /// What is asked of the finished model.
    pub evaluate: Option<EvaluateSection>,
    /// How a training step is cut into pieces of work.
    #[serde(default)]
    pub engine: EngineSection,
}

/// A model that was raised elsewhere, by another run or another program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BaseSection {
    /// Its directory, with the tokenizer, as Hugging Face's libraries and this program write it
    /// (`puna import` makes one of other files); relative to the recipe.
    pub path: String,
}

/// The tokenizer: trained on the training documents, or taken from a file (paper section 2.2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenizerSection {
    /// An existing tokenizer (`tokenizer.model`, `tokenizer.json` or a directory with one); relative
    /// to the recipe. Without it one is trained.
    pub path: Option<String>,
    /// Number of pieces; 32,000 in Llama 2. A tokenizer from `path` must have as many.
    pub vocab_size: usize,
    /// Share of the characters that get a piece; the others become bytes.
    #[serde(default = "character_coverage")]
    pub character_coverage: f64,
    /// Longest piece, in characters.
    #[serde(default = "sixteen")]
    pub max_piece_length: usize,
    /// Train on no more text than this many bytes, taken from the front.
    pub max_training_bytes: Option<u64>,
}

/// The shape of the model (paper section 2.2, Table 1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelSection {
    /// Width of the residual stream.
    pub dim: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Query heads.
    pub heads: usize,
    /// Key-value heads; as many as `heads` unless set (grouped-query attention has fewer).
    pub kv_heads: Option<usize>,
    /// Width of a head; `dim / heads` unless set.
    pub head_dim: Option<usize>,
    /// Width of the feed-forward network; two thirds of `4 dim`, times `ffn_multiplier`, rounded up
    /// to a multiple of `multiple_of`, unless set.
    pub hidden_dim: Option<usize>,
    /// See `hidden_dim`.
    #[serde(default = "two_hundred_fifty_six")]
    pub multiple_of: usize,
    /// See `hidden_dim`.
    pub ffn_multiplier: Option<f64>,
    /// Longest sequence; 4,096 in Llama 2.
    pub context: usize,
    /// Added to the mean square in RMSNorm; 1e-5 in Llama 2.
    #[serde(default = "hundred_thousandth")]
    pub norm_eps: f32,
    /// Base of the rotary frequencies; 10,000 in Llama 2.
    #[serde(default = "ten_thousand")]
    pub rope_theta: f32,
    /// Whether the output head is the embedding table; it is not in Llama 2.
    #[serde(default)]
    pub tied: bool,
}

/// Pretraining (paper section 2.2). Give one of `steps`, `tokens` and `epochs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PretrainSection {
    /// Tokens of a sequence; the model's context unless set.
    pub sequence_length: Option<usize>,
    /// Tokens of a step, a multiple of the sequence length; 4 million in the paper.
    pub batch_tokens: usize,
    /// Length by optimizer steps.
    pub steps: Option<u64>,
    /// Length by tokens; 2 trillion in the paper.
    pub tokens: Option<u64>,
    /// Length by passes over the training documents.
    pub epochs: Option<f64>,
    /// Highest learning rate.
    pub peak_lr: f64,
    /// Last learning rate, as a share of the highest; the paper decays to a tenth.
    #[serde(default = "tenth")]
    pub final_lr_ratio: f64,
    /// Steps of linear warm-up; 2,000 in the paper.
    pub warmup_steps: u64,
    /// Decoupled weight decay of the matrices.
    #[serde(default = "tenth")]
    pub weight_decay: f64,
    /// Decay of AdamW's first moment.
    #[serde(default = "beta1")]
    pub beta1: f64,
    /// Decay of AdamW's second moment.
    #[serde(default = "beta2")]
    pub beta2: f64,
    /// AdamW's epsilon; 1e-5 in the paper.
    #[serde(default = "eps")]
    pub eps: f64,
    /// Highest global norm of the gradient; 0 does not clip.
    #[serde(default = "one_f")]
    pub clip: f64,
    /// Keep attention within documents. Not disclosed by the paper.
    #[serde(default = "yes")]
    pub document_masks: bool,
    /// Steps of longer sequences among the others. Not in the paper, whose sequences all have the
    /// model's context.
    pub long: Option<LongSection>,
    /// Seed of the initial weights and of the order of documents.
    pub seed: Option<u64>,
    /// Steps between two validations; 0 validates only at the end.
    #[serde(default)]
    pub validate_every: u64,
    /// Validate on no more tokens than this; on all held-out documents unless set.
    pub validate_tokens: Option<u64>,
    /// Steps between two checkpoints.
    #[serde(default = "hundred")]
    pub checkpoint_every: u64,
}

/// Steps whose sequences are long and whose attention crosses documents, so that far places are no
/// news to fine-tuning, which would forget facts over them. A step has `batch_tokens /
/// sequence_length` sequences; more threads than that are idle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LongSection {
    /// Tokens of a sequence: more than the other steps', and a divisor of `batch_tokens`.
    pub sequence_length: usize,
    /// Steps `every`, twice `every` and so on, counted from 1, are long; 0 makes none long.
    #[serde(default = "sixteenth")]
    pub every: u64,
}

/// Supervised fine-tuning (paper section 3.1): loss on the answers only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SftSection {
    /// Dialogues, a JSON line each: `{"messages": [{"role", "content"}, ...]}`; relative to the
    /// recipe. Without it, the world's.
    pub dialogues: Option<String>,
    /// Passes over the dialogues; 2 in the paper.
    #[serde(default = "two")]
    pub epochs: u64,
    /// Sequences of a step; 64 in the paper.
    #[serde(default = "sixty_four")]
    pub batch_sequences: usize,
    /// Tokens of a sequence; the model's context unless set, as in the paper.
    pub sequence_length: Option<usize>,
    /// Highest learning rate; 2e-5 in the paper.
    pub peak_lr: f64,
    /// Last learning rate, as a share of the highest. Not disclosed by the paper.
    #[serde(default = "tenth")]
    pub final_lr_ratio: f64,
    /// Steps of linear warm-up. Not disclosed by the paper.
    #[serde(default)]
    pub warmup_steps: u64,
    /// Decoupled weight decay of the matrices.
    #[serde(default = "tenth")]
    pub weight_decay: f64,
    /// Decay of AdamW's first moment.
    #[serde(default = "beta1")]
    pub beta1: f64,
    /// Decay of AdamW's second moment.
    #[serde(default = "beta2")]
    pub beta2: f64,
    /// AdamW's epsilon.
    #[serde(default = "eps")]
    pub eps: f64,
    /// Highest global norm of the gradient; 0 does not clip.
    #[serde(default = "one_f")]
    pub clip: f64,
    /// Train low-rank adapters in place of the weights: in fine-tuning, and in the rounds of `align`, in
    /// `distill` and in `safety_scaling`, which go by these numbers. The model is written with them merged, and they
    /// themselves to `adapter/`. Not in the paper.
    pub lora: Option<LoraSettings>,
    /// Keep attention within dialogues, of which as many share a sequence as fit. Not disclosed by
    /// the paper.
    #[serde(default = "yes")]
    pub document_masks: bool,
    /// What happens to a dialogue that is longer than a sequence.
    #[serde(default)]
    pub too_long: TooLongDialogues,
    /// Share of the dialogues kept for validation.
    #[serde(default)]
    pub held_out: f64,
    /// Seed of the order of dialogues.
    pub seed: Option<u64>,
    /// Steps between two checkpoints.
    #[serde(default = "hundred")]
    pub checkpoint_every: u64,
    /// What a plan counts on while the dialogues are not there.
    pub expected: Option<SftExpected>,
}

/// What happens to a dialogue that is longer than a sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TooLongDialogues {
    /// The run stops and names it.
    #[default]
    Refuse,
    /// It is left out, and counted.
    Skip,
    /// Its end is cut off.
    Truncate,
}

/// Size of dialogues that do not exist yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SftExpected {
    /// How many; 27,540 in the paper.
    pub dialogues: u64,
    /// Mean length with its prompts.
    pub tokens_per_dialogue: f64,
}

/// What is asked of the finished model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvaluateSection {
    /// Ask the world's held-out questions and check the answers.
    #[serde(default)]
    pub questions: bool,
    /// Ask no more questions than this.
    pub max_questions: Option<usize>,
    /// Answers to print, from the questions asked.
    #[serde(default = "ten")]
    pub samples: usize,
    /// Texts for a base model to continue, or messages for a chat model to answer.
    #[serde(default)]
    pub prompts: Vec<String>,
    /// Longest answer, in tokens.
    #[serde(default = "sixty_four")]
    pub max_tokens: usize,
}

/// How a training step is cut into pieces of work. The numbers fix the order of additions, so they
/// belong to the recipe; the number of threads does not and never changes a result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EngineSection {
    /// Pieces whose gradients are added in a fixed order; more threads than lanes stay idle.
    pub lanes: usize,
    /// Most rows (tokens) a worker takes at once; the longest sequence unless set. More is a little
    /// faster and takes more memory.
    pub micro_batch_rows: Option<usize>,
    /// Compute each block again in the backward pass instead of keeping its activations.
    pub recompute: bool,
}

impl Default for EngineSection {
    fn default() -> Self {
        Self {
            lanes: 8,
            micro_batch_rows: None,
            recompute: false,
        }
    }
}

fn one() -> u64 {
    1
}
fn two() -> u64 {
    2
}
fn ten() -> usize {
    10
}
fn sixteenth() -> u64 {
    16
}
fn sixteen() -> usize {
    16
}
fn sixty_four() -> usize {
    64
}
fn hundred() -> u64 {
    100
}
fn two_hundred_fifty_six() -> usize {
    256
}
fn one_f() -> f64 {
    1.0
}
fn tenth() -> f64 {
    0.1
}
fn hundred_thousandth() -> f32 {
    1e-5
}
fn ten_thousand() -> f32 {
    1e4
}
fn character_coverage() -> f64 {
    0.99995
}
fn beta1() -> f64 {
    0.9
}
fn beta2() -> f64 {
    0.95
}
fn eps() -> f64 {
    1e-5
}
fn yes() -> bool {
    true
}
