//! The command line: every command, every flag, defined once.

mod bench;
mod contamination;
mod corpus;
mod model;
mod tokenizer;

pub use bench::{BenchArgs, BenchCommand};
pub use contamination::ContaminationArgs;
pub use corpus::{CorpusArgs, CorpusTask, TrainClassifierArgs};
pub use model::{
    ChatArgs, Element, GenerateArgs, ImportArgs, ModelArgs, SamplingArgs, ScoreArgs, Weights,
};
pub use tokenizer::{
    TokenizerCommand, TokenizerDecodeArgs, TokenizerEncodeArgs, TokenizerTrainArgs,
};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::path::PathBuf;
use std::str::FromStr;

/// Raises chat models of the Llama 2 architecture, from raw text to a chat
#[derive(Debug, Parser)]
#[command(name = "puna", version = crate::run::VERSION, propagate_version = true)]
#[command(after_help = "Example:\n  puna run recipes/first-light.toml")]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// The command line that this program was called with; ends the program where there is no sense in it.
    pub fn read() -> Self {
        let matches = negative_numbers_are_values(Self::command()).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// Options that take `-1` for a value, not for a flag that nobody knows, so that what is wrong with the number
/// is told.
fn negative_numbers_are_values(command: clap::Command) -> clap::Command {
    let takes_values = |arg: clap::Arg| {
        let takes = arg.get_long().is_some() && arg.get_action().takes_values();
        arg.allow_negative_numbers(takes)
    };
    let command = command.mut_args(takes_values);
    command.mut_subcommands(negative_numbers_are_values)
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Walk the stages of a recipe, from where they stand to a finished model
    #[command(after_help = "Example:\n  puna run recipes/first-light.toml --set pretrain.epochs=2")]
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
    /// Compare answers and train the two reward models alone, in a run whose fine-tuned model is ready
    #[command(after_help = "Example:\n  puna reward recipes/spark.toml --dir runs/spark")]
    Reward(StageArgs),
    /// Do rejection sampling and PPO alone, in a run whose reward models are ready
    #[command(after_help = "Example:\n  puna align recipes/spark.toml --dir runs/spark")]
    Align(StageArgs),
    /// Distil a safety preprompt into the newest model alone, in a run that has been aligned
    #[command(after_help = "Example:\n  puna distill recipes/spark.toml --dir runs/spark")]
    Distill(StageArgs),
    /// Train a tokenizer, or use one
    #[command(subcommand)]
    #[command(after_help = "Example:\n  echo 'Hello!' | puna tokenizer encode runs/spark/latest")]
    Tokenizer(TokenizerCommand),
    /// Continue texts
    #[command(
        after_help = "Example:\n  puna generate runs/spark/latest --prompt 'Mira lives in' --temperature 0"
    )]
    Generate(GenerateArgs),
    /// Log-probabilities of given texts: JSON lines in, JSON lines out
    ///
    /// Each line of standard input is {"text": ...} or {"prompt": ..., "completion": ...}; each line
    /// of standard output has `sum`, `tokens` (ids) and `logprobs`, of the text given BOS or of the
    /// completion given BOS and the prompt.
    #[command(
        after_help = "Example:\n  echo '{\"text\": \"Hello!\"}' | puna score runs/spark/latest"
    )]
    Score(ScoreArgs),
    /// Talk with a chat model
    ///
    /// /reset forgets the dialogue, /quit (or the end of the input) ends it.
    #[command(
        after_help = "Example:\n  puna chat runs/first-light/latest --system 'Answer briefly.'"
    )]
    Chat(ChatArgs),
    /// Say what a file or directory is: model, weights, tokenizer, token file, stage, run or recipe
    #[command(after_help = "Example:\n  puna inspect runs/spark/latest")]
    Inspect(InspectArgs),
    /// Measure this machine at Puna's work
    #[command(subcommand)]
    #[command(
        after_help = "Example:\n  puna bench train --dim 288 --layers 6 --heads 6 --threads 2 --json"
    )]
    Bench(BenchCommand),
    /// Hash a run's outputs again and compare them with its records
    #[command(after_help = "Example:\n  puna verify runs/spark")]
    Verify(VerifyArgs),
    /// Write a small synthetic world: documents, dialogues, questions, truth, crawl
    #[command(after_help = "Example:\n  puna world --seed 7 --out world")]
    World(WorldArgs),
    /// Turn crawled pages into a corpus: documents, a ledger of their sites, a report
    #[command(after_help = "Example:\n  puna corpus crawl/*.warc.gz --out corpus")]
    Corpus(CorpusArgs),
    /// Find evaluation samples in a training corpus, and say whether that moved the results
    ///
    /// Samples and documents are compared as tokens, as in appendix A.6 of the paper of Llama 2. DIR
    /// then holds contamination.html to read, contamination.json, and samples.jsonl with a line for
    /// each sample.
    #[command(
        after_help = "Example:\n  puna contamination --tokenizer runs/spark/latest --corpus corpus --eval questions.jsonl --out contamination"
    )]
    Contamination(ContaminationArgs),
    /// Bring a model of another program into a model directory
    #[command(
        after_help = "Example:\n  puna import stories260K.bin --tokenizer tok512.bin --out stories260K"
    )]
    Import(ImportArgs),
}

/// `puna run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The recipe
    pub recipe: PathBuf,
    /// Directory of the run [default: runs/ and the recipe's name]
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

/// `puna inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// A file or directory that Puna reads or writes
    pub path: PathBuf,
    /// Of a run, print every figure of every stage, as --json does
    #[arg(long)]
    pub all: bool,
    /// Print JSON for machines
    #[arg(long)]
    pub json: bool,
}

/// `puna verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A run, a stage of one, or what lies in a stage, such as RUN/latest
    pub path: PathBuf,
    /// Print JSON for machines
    #[arg(long)]
    pub json: bool,
}

/// `puna world`.
#[derive(Debug, Args)]
pub struct WorldArgs {
    /// Everything follows from it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = natural::<u64>)]
    pub seed: u64,
    /// People
    #[arg(long, value_name = "N", value_parser = natural::<usize>)]
    pub people: Option<usize>,
    /// Villages
    #[arg(long, value_name = "N", value_parser = natural::<usize>)]
    pub places: Option<usize>,
    /// Trades
    #[arg(long, value_name = "N", value_parser = natural::<usize>)]
    pub trades: Option<usize>,
    /// Documents of text
    #[arg(long, value_name = "N", value_parser = natural::<usize>)]
    pub documents: Option<usize>,
    /// Dialogues
    #[arg(long, value_name = "N", value_parser = natural::<usize>)]
    pub instructions: Option<usize>,
    /// Held-out questions
    #[arg(long, value_name = "N", value_parser = natural::<usize>)]
    pub questions: Option<usize>,
    /// Pages of the crawl, about; 0 for none [default: all documents]
    #[arg(long, value_name = "N", value_parser = natural::<usize>)]
    pub crawl_pages: Option<usize>,
    /// WARC files of the crawl [default: 4]
    #[arg(long, value_name = "N", value_parser = natural::<usize>)]
    pub crawl_files: Option<usize>,
    /// Directory to write into
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Print JSON for machines
    #[arg(long)]
    pub json: bool,
}

fn positive(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|&number| number > 0);
    number.ok_or("it must be a whole number of at least 1".into())
}

fn natural<N: FromStr>(text: &str) -> Result<N, String> {
    let number = text.parse().ok();
    number.ok_or("it must be a whole number of at least 0".into())
}
