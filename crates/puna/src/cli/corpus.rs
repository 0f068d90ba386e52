//! Arguments of `puna corpus`.

use super::{WorkArgs, natural};
use clap::{Args, Subcommand, ValueEnum};
use puna_corpus::pipeline::Step;
use std::path::PathBuf;

/// `puna corpus`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct CorpusArgs {
    /// Something else than making a corpus
    #[command(subcommand)]
    pub task: Option<CorpusTask>,
    /// WARC, ARC, WET, JSON lines, Parquet, HTML or text: files, directories, globs, addresses
    #[arg(required = true)]
    pub inputs: Vec<String>,
    /// Directory to write into; what is done there is not done again
    #[arg(long, value_name = "DIR", required = true)]
    pub out: Option<PathBuf>,
    /// Settings, a TOML file
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// Override a setting, `section.key=value`; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Do one step only; without it, all of them in order
    #[arg(long, value_name = "STEP")]
    pub step: Option<StepName>,
    /// Which share of the inputs, i/n [default: what the launcher says, or all]
    #[arg(long, value_name = "I/N", requires = "step")]
    pub shard: Option<String>,
    /// How to work
    #[command(flatten)]
    pub work: WorkArgs,
}

/// What belongs to a corpus.
#[derive(Debug, Subcommand)]
pub enum CorpusTask {
    /// Train a toxicity classifier from labelled text
    ///
    /// CSV with a header, or JSON lines of {"text": ..., "toxic": true}; each file counts as a source of its own.
    TrainClassifier(TrainClassifierArgs),
}

/// `puna corpus train-classifier`.
#[derive(Debug, Args)]
pub struct TrainClassifierArgs {
    /// Labelled text, .csv or .jsonl
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// File to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Order of the texts, and which tenth of them is held out
    #[arg(long, default_value_t = 0, value_parser = natural::<u64>)]
    pub seed: u64,
    /// Write a JSON object
    #[arg(long)]
    pub json: bool,
}

/// A step of the corpus.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum StepName {
    /// Read, extract and label this shard's inputs
    Label,
    /// Decide on sites, duplicates and repeated lines; once, when all are labelled
    Decide,
    /// Write this shard's documents
    Write,
    /// Write the report; once, when all are written
    Report,
}

impl From<StepName> for Step {
    fn from(name: StepName) -> Self {
        match name {
            StepName::Label => Self::Label,
            StepName::Decide => Self::Decide,
            StepName::Write => Self::Write,
            StepName::Report => Self::Report,
        }
    }
}
