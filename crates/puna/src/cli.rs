//! The command line: every command, every flag, defined once.

use clap::{Args, Parser, Subcommand, ValueEnum};
use puna_compute::WeightFormat;
use puna_llama::Dtype;
use std::path::PathBuf;

/// Raises chat models of the Llama 2 architecture, from raw text to a chat
#[derive(Debug, Parser)]
#[command(name = "puna", version = crate::run::VERSION, propagate_version = true)]
#[command(after_help = "Example:\n  puna run recipes/first-light.toml")]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Walk the stages of a recipe, from where they stand to a finished model
    #[command(after_help = "Example:\n  puna run recipes/first-light.toml --set pretrain.steps=500")]
    Run(RunArgs),
    /// Say what a recipe will take on this machine: tokens, steps, memory, time
    #[command(after_help = "Example:\n  puna plan recipes/llama2-7b-chat.toml")]
    Plan(PlanArgs),
    /// Pretrain alone, in a run whose token files are ready
    #[command(after_help = "Example:\n  puna pretrain recipes/spark.toml --dir runs/spark")]
    Pretrain(StageArgs),
    /// Fine-tune alone, in a run whose base model is ready
    #[command(after_help = "Example:\n  puna sft recipes/spark.toml --dir runs/spark")]
    Sft(StageArgs),
    /// Train a tokenizer, or use one
    #[command(subcommand)]
    #[command(after_help = "Example:\n  echo 'Hello!' | puna tokenizer encode runs/spark/latest")]
    Tokenizer(TokenizerCommand),
    /// Continue texts
    #[command(after_help = "Example:\n  puna generate runs/spark/latest --prompt 'Mira lives in' --temperature 0")]
    Generate(GenerateArgs),
    /// Log-probabilities of given texts: JSON lines in, JSON lines out
    ///
    /// Each line of standard input is {"text": ...} or {"prompt": ..., "completion": ...}; each line
    /// of standard output has `sum`, `tokens` (ids) and `logprobs`, of the text given BOS or of the
    /// completion given BOS and the prompt.
    #[command(after_help = "Example:\n  echo '{\"text\": \"Hello!\"}' | puna score runs/spark/latest")]
    Score(ScoreArgs),
    /// Talk with a chat model
    ///
    /// /reset forgets the dialogue, /quit (or the end of the input) ends it.
    #[command(after_help = "Example:\n  puna chat runs/first-light/latest --system 'Answer briefly.'")]
    Chat(ChatArgs),
    /// Say what a file or directory is: model, weights, tokenizer, token file, stage, run or recipe
    #[command(after_help = "Example:\n  puna inspect runs/spark/latest")]
    Inspect(InspectArgs),
    /// Measure this machine at Puna's work
    #[command(subcommand)]
    #[command(after_help = "Example:\n  puna bench train --dim 288 --layers 6 --heads 6 --threads 2 --json")]
    Bench(BenchCommand),
    /// Hash a run's outputs again and compare them with its records
    #[command(after_help = "Example:\n  puna verify runs/spark")]
    Verify(InspectArgs),
    /// Write a small synthetic world: documents, dialogues, questions, truth
    #[command(after_help = "Example:\n  puna world --seed 7 --out world")]
    World(WorldArgs),
    /// Bring a model of another program into a model directory
    #[command(after_help = "Example:\n  puna import stories260K.bin --tokenizer tok512.bin --out stories260K")]
    Import(ImportArgs),
}

/// `puna run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The recipe
    pub recipe: PathBuf,
    /// Directory of the run [default: runs/<recipe name>]
    #[arg(long, value_name = "RUN")]
    pub dir: Option<PathBuf>,
    /// Override a number of the recipe, `section.key=value`; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Stop after this stage, such as `tokens` or `pretrain`
    #[arg(long, value_name = "STAGE")]
    pub until: Option<String>,
    /// How to work
    #[command(flatten)]
    pub work: WorkArgs,
}

/// `puna plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The recipe
    pub recipe: PathBuf,
    /// Override a number of the recipe, `section.key=value`; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// How to work
    #[command(flatten)]
    pub work: WorkArgs,
}

/// `puna pretrain` and `puna sft`.
#[derive(Debug, Args)]
pub struct StageArgs {
    /// The recipe
    pub recipe: PathBuf,
    /// Directory of the run
    #[arg(long, value_name = "RUN")]
    pub dir: PathBuf,
    /// Override a number of the recipe, `section.key=value`; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// How to work
    #[command(flatten)]
    pub work: WorkArgs,
}

/// What most commands take.
#[derive(Clone, Copy, Debug, Args)]
pub struct WorkArgs {
    /// Threads to use; results never depend on it [default: all]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub threads: Option<usize>,
    /// Print JSON for machines
    #[arg(long)]
    pub json: bool,
}

impl WorkArgs {
    /// Threads to use.
    pub fn threads(&self) -> usize {
        self.threads.unwrap_or_else(crate::machine::threads)
    }
}

/// `puna tokenizer`.
#[derive(Debug, Subcommand)]
pub enum TokenizerCommand {
    /// Train a BPE vocabulary with Llama 2's settings
    #[command(after_help = "Example:\n  puna tokenizer train stories.jsonl --vocab-size 4096 --out tokenizer")]
    Train(TokenizerTrainArgs),
    /// Text to ids: one line in, one line of ids out
    #[command(after_help = "Example:\n  puna tokenizer encode runs/spark/latest < text.txt > ids.txt")]
    Encode(TokenizerEncodeArgs),
    /// Ids to text: one line of ids in, one line out
    #[command(after_help = "Example:\n  puna tokenizer decode runs/spark/latest < ids.txt")]
    Decode(TokenizerDecodeArgs),
}

/// `puna tokenizer train`.
#[derive(Debug, Args)]
pub struct TokenizerTrainArgs {
    /// Text: .jsonl or .txt files, plain or .zst
    #[arg(required = true)]
    pub inputs: Vec<PathBuf>,
    /// Where the text stands in a JSON line
    #[arg(long, default_value = "text")]
    pub field: String,
    /// Number of pieces
    #[arg(long, value_name = "N", default_value_t = 32_000)]
    pub vocab_size: usize,
    /// Directory to write tokenizer.model and tokenizer.json into
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Print JSON for machines
    #[arg(long)]
    pub json: bool,
}

/// `puna tokenizer encode`.
#[derive(Debug, Args)]
pub struct TokenizerEncodeArgs {
    /// A tokenizer file, or a directory with one
    pub tokenizer: PathBuf,
    /// Leave out the begin-of-sequence id
    #[arg(long)]
    pub no_bos: bool,
    /// Print JSON arrays
    #[arg(long)]
    pub json: bool,
}

/// `puna tokenizer decode`.
#[derive(Debug, Args)]
pub struct TokenizerDecodeArgs {
    /// A tokenizer file, or a directory with one
    pub tokenizer: PathBuf,
    /// Print JSON strings
    #[arg(long)]
    pub json: bool,
}

/// A model and how its weights are held.
#[derive(Debug, Args)]
pub struct ModelArgs {
    /// A model directory, or a llama2.c .bin file
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
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub max_tokens: usize,
    /// 0 always takes the most probable token
    #[arg(long, value_name = "T", default_value_t = 0.6)]
    pub temperature: f32,
    /// Drop tokens beyond this mass
    #[arg(long, value_name = "P", default_value_t = 0.9)]
    pub top_p: f32,
    /// Keep only this many tokens; 0 keeps all
    #[arg(long, value_name = "K", default_value_t = 0)]
    pub top_k: usize,
    /// Penalty of tokens that occurred; 1 is none
    #[arg(long, value_name = "R", default_value_t = 1.0)]
    pub repetition_penalty: f32,
    /// Seed of the choices
    #[arg(long, value_name = "S", default_value_t = 1)]
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
    /// A model directory, or a llama2.c .bin file
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

/// `puna inspect` and `puna verify`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// A file or directory that Puna reads or writes
    pub path: PathBuf,
    /// Print JSON for machines
    #[arg(long)]
    pub json: bool,
}

/// `puna bench`.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Training steps on random tokens, with the optimizer
    #[command(after_help = "Example:\n  puna bench train --dim 288 --layers 6 --heads 6 --hidden 768 --vocab 4096 --threads 2 --json")]
    Train(BenchArgs),
    /// One token after another
    #[command(after_help = "Example:\n  puna bench decode --dim 768 --layers 12 --heads 12 --hidden 2048 --weights q8_0 --json")]
    Decode(BenchArgs),
    /// Reading a prompt
    #[command(after_help = "Example:\n  puna bench prefill --dim 768 --layers 12 --heads 12 --seq 256 --json")]
    Prefill(BenchArgs),
    /// Plain products of the model's shapes
    #[command(after_help = "Example:\n  puna bench gemm --dim 288 --hidden 768 --json")]
    Gemm(BenchArgs),
}

/// The shapes of a measurement.
#[derive(Clone, Debug, Args)]
pub struct BenchArgs {
    /// Width of the residual stream
    #[arg(long, value_name = "N", default_value_t = 288, value_parser = positive)]
    pub dim: usize,
    /// Number of blocks
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = positive)]
    pub layers: usize,
    /// Query heads
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = positive)]
    pub heads: usize,
    /// Key-value heads [default: as many as query heads]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub kv_heads: Option<usize>,
    /// Width of the feed-forward network [default: by Llama 2's rule, to a multiple of 32]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub hidden: Option<usize>,
    /// Number of token ids
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = positive)]
    pub vocab: usize,
    /// Tokens of a sequence
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = positive)]
    pub seq: usize,
    /// Sequences of a step (train: 2,048 tokens unless set; decode, prefill: 1)
    #[arg(long, value_name = "N", value_parser = positive)]
    pub batch: Option<usize>,
    /// Format of the weights while decoding
    #[arg(long, value_enum, default_value_t = Weights::F32)]
    pub weights: Weights,
    /// Measured steps; the median counts
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = positive)]
    pub steps: usize,
    /// How to work
    #[command(flatten)]
    pub work: WorkArgs,
}

/// `puna world`.
#[derive(Debug, Args)]
pub struct WorldArgs {
    /// Everything follows from it
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// People
    #[arg(long, value_name = "N")]
    pub people: Option<usize>,
    /// Villages
    #[arg(long, value_name = "N")]
    pub places: Option<usize>,
    /// Trades
    #[arg(long, value_name = "N")]
    pub trades: Option<usize>,
    /// Documents of text
    #[arg(long, value_name = "N")]
    pub documents: Option<usize>,
    /// Dialogues
    #[arg(long, value_name = "N")]
    pub instructions: Option<usize>,
    /// Held-out questions
    #[arg(long, value_name = "N")]
    pub questions: Option<usize>,
    /// Directory to write into
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Print JSON for machines
    #[arg(long)]
    pub json: bool,
}

/// `puna import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// A Hugging Face directory or a llama2.c .bin file
    pub source: PathBuf,
    /// Tokenizer, if the source has none beside it
    #[arg(long, value_name = "PATH")]
    pub tokenizer: Option<PathBuf>,
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

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("it must be at least 1".into()),
        Ok(n) => Ok(n),
        Err(_) => Err("it must be a whole number".into()),
    }
}
