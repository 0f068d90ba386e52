//! The resolved recipe: stages in order, each with every number it follows and nothing left open.

mod align;

pub use align::{
    DistillPlan, DpoPlan, FeedbackPlan, GhostPlan, Material, OwnGhost, PpoPlan, PreferenceFile,
    RejectionPlan, RewardPlan, SafetyScalingPlan, ScoreboardPlan,
};

use puna_align::preferences::Stream;
use puna_corpus::settings::Settings;
use puna_llama::Config;
use puna_text::TrainOptions;
use puna_train::{PretrainSettings, SftSettings};
use puna_world::{FeedbackOptions, WorldOptions};
use serde::Serialize;
use serde_json::{Value, json};
use std::path::PathBuf;

/// What a recipe does, in order.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The recipe's name.
    pub name: String,
    /// Names of the recipes that it extends, the nearest first.
    pub extends: Vec<String>,
    /// The stages.
    pub stages: Vec<Stage>,
}

/// A stage with its numbers.
#[derive(Clone, Debug)]
pub enum Stage {
    /// Generate the synthetic world.
    World(WorldPlan),
    /// Read text files.
    Texts(TextsPlan),
    /// Make a corpus of crawled pages.
    Crawl(Box<CrawlPlan>),
    /// Train or take a tokenizer.
    Tokenizer(TokenizerPlan),
    /// Write the token files.
    Tokens(TokensPlan),
    /// Take a model that was raised elsewhere.
    Base(Box<BasePlan>),
    /// Pretrain.
    Pretrain(Box<PretrainPlan>),
    /// Fine-tune on dialogues.
    Sft(Box<SftPlan>),
    /// Compare answers of the fine-tuned model.
    Feedback(FeedbackPlan),
    /// Train a reward model.
    Reward(Box<RewardPlan>),
    /// Direct preference optimization.
    Dpo(Box<DpoPlan>),
    /// A round of rejection sampling, and the model it gives.
    Rejection(Box<RejectionPlan>),
    /// PPO.
    Ppo(Box<PpoPlan>),
    /// Context distillation.
    Distill(Box<DistillPlan>),
    /// Models of growing shares of the safety data.
    SafetyScaling(Box<SafetyScalingPlan>),
    /// Figures of all chat models.
    Scoreboard(ScoreboardPlan),
    /// Ask the model.
    Evaluate(EvaluatePlan),
}

/// Numbers of the world.
#[derive(Clone, Debug, Serialize)]
pub struct WorldPlan {
    /// Its size.
    #[serde(flatten)]
    pub options: WorldOptions,
    /// Share of the documents kept for validation; none if they become a crawl, of which a corpus is
    /// made.
    pub held_out: Option<f64>,
    /// Material for human feedback, if it is wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feedback: Option<FeedbackOptions>,
}

/// What is made of crawled pages.
#[derive(Clone, Debug, Serialize)]
pub struct CrawlPlan {
    /// Where they are, as `puna corpus` takes it. Their contents count and not their place.
    #[serde(skip)]
    pub inputs: Vec<String>,
    /// Directory of the recipe, from which the inputs' names count.
    #[serde(skip)]
    pub recipe_dir: PathBuf,
    /// Labelled texts to train the toxicity classifier on.
    #[serde(skip)]
    pub toxicity_labels: Vec<PathBuf>,
    /// Whether it is the crawl of the world in the stage before, and the labelled texts beside it.
    pub of_world: bool,
    /// Every number of the pipeline.
    pub settings: Settings,
    /// Whether a page's title stands above its text.
    pub titles: bool,
    /// Share of the documents kept for validation.
    pub held_out: f64,
    /// Salt of the choice.
    pub seed: u64,
}

/// What is read.
#[derive(Clone, Debug, Serialize)]
pub struct TextsPlan {
    /// The files, in order.
    pub sources: Vec<Source>,
    /// Share of the documents kept for validation.
    pub held_out: f64,
    /// Salt of the choice.
    pub seed: u64,
}

/// A file of text.
#[derive(Clone, Debug, Serialize)]
pub struct Source {
    /// Where it is, seen from here. Its contents count and not its place.
    #[serde(skip)]
    pub path: PathBuf,
    /// Where the text stands in a JSON line.
    pub field: String,
    /// Most documents.
    pub max_documents: Option<u64>,
    /// Most bytes of text.
    pub max_bytes: Option<u64>,
}

/// Where the tokenizer comes from.
#[derive(Clone, Debug, Serialize)]
pub struct TokenizerPlan {
    /// An existing one.
    #[serde(skip)]
    pub path: Option<PathBuf>,
    /// Numbers of the training.
    #[serde(flatten)]
    pub options: TrainOptions,
    /// Most bytes of text to train on.
    pub max_training_bytes: Option<u64>,
}

/// How text becomes token files.
#[derive(Clone, Debug, Serialize)]
pub struct TokensPlan {
    /// Tokens of a file.
    pub file_tokens: u64,
}

/// A model that was raised elsewhere.
#[derive(Clone, Debug)]
pub struct BasePlan {
    /// Its directory, seen from here. Its contents count and not its place.
    pub path: PathBuf,
    /// Its shape.
    pub model: Config,
}

/// Pretraining.
#[derive(Clone, Debug)]
pub struct PretrainPlan {
    /// Shape of the model.
    pub model: Config,
    /// Every other number.
    pub settings: PretrainSettings,
    /// Seed of the initial weights; none where they are those of the stage before, [`Stage::Base`].
    pub init_seed: Option<u64>,
}

/// Fine-tuning.
#[derive(Clone, Debug)]
pub struct SftPlan {
    /// Shape of the model.
    pub model: Config,
    /// Dialogues from outside; otherwise the world's.
    pub dialogues: Option<PathBuf>,
    /// Whether the world's dialogues with unsafe requests join them.
    pub of_feedback: bool,
    /// Share of them kept for validation.
    pub held_out: f64,
    /// Every other number.
    pub settings: SftSettings,
    /// Dialogues and their mean tokens, to plan with while there are none.
    pub expected: Option<(u64, f64)>,
}

/// What is asked.
#[derive(Clone, Debug, Serialize)]
pub struct EvaluatePlan {
    /// Whether the world's questions are asked.
    pub questions: bool,
    /// Most of them.
    pub max_questions: Option<usize>,
    /// Answers to print.
    pub samples: usize,
    /// Texts or messages of the recipe.
    pub prompts: Vec<String>,
    /// Longest answer, in tokens.
    pub max_tokens: usize,
    /// Whether the model has been fine-tuned on dialogues.
    pub chat: bool,
}

/// Names of the rounds' stages, by the paper's names of their models.
pub const ROUNDS: [&str; 9] = ["v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9"];

impl Stage {
    /// The command that does the stage alone, with those beside it.
    pub fn command(&self) -> &'static str {
        match self {
            Self::Feedback(_) | Self::Reward(_) => "reward",
            Self::Dpo(_) | Self::Rejection(_) | Self::Ppo(_) => "align",
            _ => self.name(),
        }
    }

    /// Whether the stage leaves a model that talks or writes, in `model/` of its directory.
    pub fn is_model(&self) -> bool {
        matches!(
            self,
            Self::Base(_)
                | Self::Pretrain(_)
                | Self::Sft(_)
                | Self::Dpo(_)
                | Self::Rejection(_)
                | Self::Ppo(_)
                | Self::Distill(_)
        )
    }

    /// Whether the model it leaves is one that fine-tuning begins from.
    pub fn is_base(&self) -> bool {
        matches!(self, Self::Base(_) | Self::Pretrain(_))
    }

    /// Whether the model it leaves is one that talks.
    pub fn is_chat_model(&self) -> bool {
        self.is_model() && !self.is_base()
    }

    /// The stage's name, as `--until` takes it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::World(_) => "world",
            Self::Texts(_) | Self::Crawl(_) => "corpus",
            Self::Tokenizer(_) => "tokenizer",
            Self::Tokens(_) => "tokens",
            Self::Base(_) => "base",
            Self::Pretrain(_) => "pretrain",
            Self::Sft(_) => "sft",
            Self::Feedback(_) => "feedback",
            Self::Reward(plan) => match plan.stream {
                Stream::Helpfulness => "reward-helpfulness",
                Stream::Safety => "reward-safety",
            },
            Self::Dpo(_) => "dpo",
            Self::Rejection(plan) => ROUNDS[plan.round - 1],
            Self::Ppo(_) => "ppo",
            Self::Distill(_) => "distill",
            Self::SafetyScaling(_) => "safety-scaling",
            Self::Scoreboard(_) => "scoreboard",
            Self::Evaluate(_) => "evaluate",
        }
    }

    /// Everything that decides the stage's outputs beside its inputs. When a checkpoint is written
    /// is not among it, nor is where a file stands.
    pub fn config(&self) -> Value {
        let plain = |value: serde_json::Result<Value>| value.unwrap_or_default();
        match self {
            Self::World(plan) => plain(serde_json::to_value(plan)),
            Self::Texts(plan) => plain(serde_json::to_value(plan)),
            Self::Crawl(plan) => {
                let mut plan = plan.clone();
                // Of these files the contents count, not the place.
                let labels = &mut plan.settings.labels;
                labels.language_model = None;
                labels.toxicity_classifier = None;
                labels.identity_terms = None;
                plain(serde_json::to_value(plan))
            }
            Self::Tokenizer(plan) => plain(serde_json::to_value(plan)),
            Self::Tokens(plan) => plain(serde_json::to_value(plan)),
            Self::Evaluate(plan) => plain(serde_json::to_value(plan)),
            Self::Feedback(plan) => plain(serde_json::to_value(plan)),
            Self::Scoreboard(plan) => plain(serde_json::to_value(plan)),
            Self::SafetyScaling(plan) => without_checkpoints(plain(serde_json::to_value(plan))),
            Self::Reward(plan) => without_checkpoints(plain(serde_json::to_value(plan))),
            Self::Dpo(plan) => without_checkpoints(plain(serde_json::to_value(plan))),
            Self::Rejection(plan) => without_checkpoints(plain(serde_json::to_value(plan))),
            Self::Ppo(plan) => without_checkpoints(plain(serde_json::to_value(plan))),
            Self::Distill(plan) => without_checkpoints(plain(serde_json::to_value(plan))),
            Self::Base(plan) => json!({"model": model_numbers(&plan.model)}),
            Self::Pretrain(plan) => json!({
                "model": model_numbers(&plan.model),
                "init": match plan.init_seed {
                    Some(seed) => json!({"seed": seed}),
                    None => json!("base"),
                },
                "settings": without_checkpoints(plain(serde_json::to_value(&plan.settings))),
            }),
            Self::Sft(plan) => json!({
                "settings": without_checkpoints(plain(serde_json::to_value(&plan.settings))),
                "held_out": plan.held_out, "of_feedback": plan.of_feedback,
            }),
        }
    }
}

/// Numbers without when checkpoints are written, which changes no result.
fn without_checkpoints(mut numbers: Value) -> Value {
    if let Some(object) = numbers.as_object_mut() {
        object.remove("checkpoint");
        for value in object.values_mut() {
            *value = without_checkpoints(value.take());
        }
    }
    numbers
}

/// A shape, by the names of recipes.
pub fn model_numbers(c: &Config) -> Value {
    let decimal = |v: f32| v.to_string().parse::<f64>().unwrap_or_default();
    json!({
        "dim": c.dim, "layers": c.layers, "heads": c.heads, "kv_heads": c.kv_heads,
        "head_dim": c.head_dim, "hidden_dim": c.hidden_dim, "vocab_size": c.vocab_size,
        "context": c.context, "norm_eps": decimal(c.norm_eps), "rope_theta": decimal(c.rope_theta),
        "tied": c.tied,
    })
}

impl Plan {
    /// Directory of a stage in a run, such as `04-pretrain`.
    pub fn directory(&self, index: usize) -> String {
        format!("{:02}-{}", index + 1, self.stages[index].name())
    }

    /// Place of the stage of that name.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.stages.iter().position(|stage| stage.name() == name)
    }

    /// The last stage before `index` that leaves a model that talks or writes, and from which the
    /// next begins: of direct preference optimization none does, if the paper's way is walked too.
    pub fn model_before(&self, index: usize) -> Option<&Stage> {
        let papers =
            |s: &Stage| matches!(s, Stage::Rejection(_) | Stage::Ppo(_) | Stage::Distill(_));
        let beside = self.stages.iter().any(papers);
        let mut models = self.stages[..index].iter().rev().filter(|s| s.is_model());
        models.find(|s| !(beside && matches!(s, Stage::Dpo(_))))
    }

    /// The stages before `index` that leave a model that talks.
    pub fn chat_models(&self, index: usize) -> impl Iterator<Item = &Stage> {
        let before = self.stages[..index].iter();
        before.filter(|stage| stage.is_chat_model())
    }

    /// The stage whose model fine-tuning begins from.
    pub fn base(&self) -> Option<&Stage> {
        self.stages.iter().rev().find(|stage| stage.is_base())
    }

    /// Place of the last stage that a command does.
    pub fn last_of(&self, command: &str) -> Option<usize> {
        self.stages
            .iter()
            .rposition(|stage| stage.command() == command)
    }

    /// Names of the stages, in order.
    pub fn names(&self) -> Vec<&'static str> {
        self.stages.iter().map(Stage::name).collect()
    }
}
