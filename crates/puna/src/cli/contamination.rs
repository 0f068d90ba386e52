//! Arguments of `puna contamination`.

use super::WorkArgs;
use clap::Args;
use std::path::PathBuf;

/// `puna contamination`.
#[derive(Debug, Args)]
pub struct ContaminationArgs {
    /// The model's tokenizer: a file, a directory with one, or a run
    #[arg(long, value_name = "TOKENIZER")]
    pub tokenizer: PathBuf,
    /// What the model was trained on: a corpus directory, token files or their directory, text in
    /// any format that `puna corpus` reads
    #[arg(long, value_name = "PATH", required = true, num_args = 1..)]
    pub corpus: Vec<String>,
    /// Evaluation sets, a sample a line: {"id", "text"} or {"id", "prompt", "completion"}, as the
    /// model is fed them
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    pub eval: Vec<PathBuf>,
    /// How the model did, a sample a line: {"id", "value"}, with a "set" (a file's name without its
    /// ending) where sets share ids
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub metric: Vec<PathBuf>,
    /// A lower value of the metric is better
    #[arg(long, requires = "metric")]
    pub lower_is_better: bool,
    /// Minimum match lengths in tokens
    #[arg(
        long,
        value_name = "L",
        value_delimiter = ',',
        default_value = "10,20,30,40,50"
    )]
    pub lengths: Vec<u32>,
    /// A match must be longer than L, not as long
    #[arg(long)]
    pub longer_than: bool,
    /// Positions at which a match may differ
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub skip_budget: u32,
    /// Directory to write into; what is done there is not done again
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Search this share of the corpus only, i/n; afterwards, without it, the shares are merged
    #[arg(long, value_name = "I/N")]
    pub shard: Option<String>,
    /// How to work
    #[command(flatten)]
    pub work: WorkArgs,
}
