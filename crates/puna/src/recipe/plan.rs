//! The resolved recipe: stages in order, each with every number it follows and nothing left open.

use puna_llama::Config;
use puna_text::TrainOptions;
use puna_train::{PretrainSettings, SftSettings};
use puna_world::WorldOptions;
use serde::Serialize;
use serde_json::{Value, json};
use std::path::PathBuf;

/// What a recipe does, in order.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The recipe's name.
    pub name: String,
    /// The stages.
    pub stages: Vec<Stage>,
}

/// A stage with its numbers.
#[derive(Clone, Debug)]
pub enum Stage {
    /// Generate the synthetic world.
    World(WorldPlan),
    /// Read the sources.
    Corpus(CorpusPlan),
    /// Train or take a tokenizer.
    Tokenizer(TokenizerPlan),
    /// Write the token files.
    Tokens(TokensPlan),
    /// Pretrain.
    Pretrain(Box<PretrainPlan>),
    /// Fine-tune on dialogues.
    Sft(Box<SftPlan>),
    /// Ask the model.
    Evaluate(EvaluatePlan),
}

/// Numbers of the world.
#[derive(Clone, Debug, Serialize)]
pub struct WorldPlan {
    /// Its size.
    #[serde(flatten)]
    pub options: WorldOptions,
    /// Share of the documents kept for validation.
    pub held_out: f64,
}

/// What is read.
#[derive(Clone, Debug, Serialize)]
pub struct CorpusPlan {
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

/// Pretraining.
#[derive(Clone, Debug)]
pub struct PretrainPlan {
    /// Shape of the model.
    pub model: Config,
    /// Every other number.
    pub settings: PretrainSettings,
    /// Seed of the initial weights.
    pub init_seed: u64,
}

/// Fine-tuning.
#[derive(Clone, Debug)]
pub struct SftPlan {
    /// Shape of the model.
    pub model: Config,
    /// Dialogues from outside; otherwise the world's.
    pub dialogues: Option<PathBuf>,
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

impl Stage {
    /// The stage's name, as `--until` takes it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::World(_) => "world",
            Self::Corpus(_) => "corpus",
            Self::Tokenizer(_) => "tokenizer",
            Self::Tokens(_) => "tokens",
            Self::Pretrain(_) => "pretrain",
            Self::Sft(_) => "sft",
            Self::Evaluate(_) => "evaluate",
        }
    }

    /// Everything that decides the stage's outputs beside its inputs. When a checkpoint is written
    /// is not among it, nor is where a file stands.
    pub fn config(&self) -> Value {
        let plain = |value: serde_json::Result<Value>| value.unwrap_or_default();
        let without_checkpoint = |mut settings: Value| {
            if let Some(settings) = settings.as_object_mut() {
                settings.remove("checkpoint");
            }
            settings
        };
        match self {
            Self::World(plan) => plain(serde_json::to_value(plan)),
            Self::Corpus(plan) => plain(serde_json::to_value(plan)),
            Self::Tokenizer(plan) => plain(serde_json::to_value(plan)),
            Self::Tokens(plan) => plain(serde_json::to_value(plan)),
            Self::Evaluate(plan) => plain(serde_json::to_value(plan)),
            Self::Pretrain(plan) => json!({
                "model": model_numbers(&plan.model),
                "init": {"seed": plan.init_seed},
                "settings": without_checkpoint(plain(serde_json::to_value(&plan.settings))),
            }),
            Self::Sft(plan) => json!({
                "settings": without_checkpoint(plain(serde_json::to_value(&plan.settings))),
                "held_out": plan.held_out,
            }),
        }
    }
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

    /// Names of the stages, in order.
    pub fn names(&self) -> Vec<&'static str> {
        self.stages.iter().map(Stage::name).collect()
    }
}
