//! Arguments of the commands that read a model: generate, score, chat, import.

use super::{WorkArgs, natural, positive};
use clap::{Args, ValueEnum};
use puna_compute::WeightFormat;
use puna_llama::Dtype;
use std::path::PathBuf;

/// A model and how its weights are held.
#[derive(Debug, Args)]
pub struct ModelArgs {
    /// A model directory, a run, or a llama2.c .bin file
    pub model: PathBuf,
    /// Tokenizer, if the model's directory has none
    #[arg(long, value_name = "PATH")]
    pub tokenizer: Option<PathBuf>,
    /// Format of the weights while decoding
    #[arg(long, value_enum, default_value_t = Weights::F32)]
    pub weights: Weights,
}

/// Formats of weights while decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Weights {
    /// 32-bit float
    F32,
    /// bfloat16
    Bf16,
    /// 8-bit blocks
    #[value(name = "q8_0")]
    Q8_0,
}

impl From<Weights> for WeightFormat {
    fn from(weights: Weights) -> Self {
        match weights {
            Weights::F32 => Self::F32,
            Weights::Bf16 => Self::Bf16,
            Weights::Q8_0 => Self::Q8_0,
        }
    }
}

/// How tokens are chosen.
#[derive(Clone, Debug, Args)]
pub struct SamplingArgs {
    /// Most tokens of an answer
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = natural::<usize>)]
    pub max_tokens: usize,
    /// 0 always takes the most probable token
    #[arg(long, value_name = "T", default_value_t = 0.6)]
    pub temperature: f32,
    /// Drop tokens beyond this mass
    #[arg(long, value_name = "P", default_value_t = 0.9)]
    pub top_p: f32,
    /// Keep only this many tokens; 0 keeps all
    #[arg(long, value_name = "K", default_value_t = 0, value_parser = natural::<usize>)]
    pub top_k: usize,
    /// Penalty of tokens that occurred; 1 is none
    #[arg(long, value_name = "R", default_value_t = 1.0)]
    pub repetition_penalty: f32,
    /// Seed of the choices
    #[arg(long, value_name = "S", default_value_t = 1, value_parser = natural::<u64>)]
    pub seed: u64,
    /// Text that ends an answer; may be repeated
    #[arg(long, value_name = "TEXT")]
    pub stop: Vec<String>,
}

/// `puna generate`.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// The model
    #[command(flatten)]
    pub model: ModelArgs,
    /// Text to continue; may be repeated
    #[arg(long, value_name = "TEXT", required_unless_present = "prompts")]
    pub prompt: Vec<String>,
    /// File with a text to continue on each line
    #[arg(long, value_name = "FILE")]
    pub prompts: Option<PathBuf>,
    /// Take each text as a user's message and print the answer
    #[arg(long)]
    pub chat: bool,
    /// How tokens are chosen
    #[command(flatten)]
    pub sampling: SamplingArgs,
    /// Texts at once; results never depend on it
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = positive)]
    pub batch: usize,
    /// How to work
    #[command(flatten)]
    pub work: WorkArgs,
}

/// `puna score`.
#[derive(Debug, Args)]
pub struct ScoreArgs {
    /// A model directory, a run, or a llama2.c .bin file
    pub model: PathBuf,
    /// Tokenizer, if the model's directory has none
    #[arg(long, value_name = "PATH")]
    pub tokenizer: Option<PathBuf>,
    /// Texts at once; results never depend on it
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = positive)]
    pub batch: usize,
    /// How to work (the output is JSON in any case)
    #[command(flatten)]
    pub work: WorkArgs,
}

/// `puna chat`.
#[derive(Debug, Args)]
pub struct ChatArgs {
    /// The model
    #[command(flatten)]
    pub model: ModelArgs,
    /// Instructions for the whole dialogue
    #[arg(long, value_name = "TEXT")]
    pub system: Option<String>,
    /// How tokens are chosen
    #[command(flatten)]
    pub sampling: SamplingArgs,
    /// How to work
    #[command(flatten)]
    pub work: WorkArgs,
}

/// `puna import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// A Hugging Face directory, a run, or a llama2.c .bin file
    pub source: PathBuf,
    /// Tokenizer, if the source has none beside it
    #[arg(long, value_name = "PATH")]
    pub tokenizer: Option<PathBuf>,
    /// Directory of LoRA adapters, as the PEFT library writes them, to merge into the weights
    #[arg(long, value_name = "DIR")]
    pub adapter: Option<PathBuf>,
    /// Model directory to write
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Element type of the weights
    #[arg(long, value_enum, default_value_t = Element::F32)]
    pub dtype: Element,
    /// Print JSON for machines
    #[arg(long)]
    pub json: bool,
}

/// Element types of weight files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Element {
    /// 32-bit float
    F32,
    /// 16-bit float
    F16,
    /// bfloat16
    Bf16,
}

impl From<Element> for Dtype {
    fn from(element: Element) -> Self {
        match element {
            Element::F32 => Self::F32,
            Element::F16 => Self::F16,
            Element::Bf16 => Self::Bf16,
        }
    }
}
