//! Arguments of `puna tokenizer`.

use super::natural;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `puna tokenizer`.
#[derive(Debug, Subcommand)]
pub enum TokenizerCommand {
    /// Train a BPE vocabulary with Llama 2's settings
    #[command(
        after_help = "Example:\n  puna tokenizer train stories.jsonl --vocab-size 4096 --out tokenizer"
    )]
    Train(TokenizerTrainArgs),
    /// Text to ids: one line in, one line of ids out
    #[command(
        after_help = "Example:\n  puna tokenizer encode runs/spark/latest < text.txt > ids.txt"
    )]
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
    #[arg(long, value_name = "N", default_value_t = 32_000, value_parser = natural::<usize>)]
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
    /// A tokenizer file, a directory with one, or a run
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
    /// A tokenizer file, a directory with one, or a run
    pub tokenizer: PathBuf,
    /// Print JSON strings
    #[arg(long)]
    pub json: bool,
}
