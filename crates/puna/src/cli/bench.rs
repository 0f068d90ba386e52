//! Arguments of `puna bench`.

use super::{Weights, WorkArgs, positive};
use clap::{Args, Subcommand};

/// `puna bench`.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Training steps on random tokens, with the optimizer
    #[command(
        after_help = "Example:\n  puna bench train --dim 288 --layers 6 --heads 6 --hidden 768 --vocab 4096 --threads 2 --json"
    )]
    Train(BenchArgs),
    /// One token after another
    #[command(
        after_help = "Example:\n  puna bench decode --dim 768 --layers 12 --heads 12 --hidden 2048 --weights q8_0 --json"
    )]
    Decode(BenchArgs),
    /// Reading a prompt
    #[command(
        after_help = "Example:\n  puna bench prefill --dim 768 --layers 12 --heads 12 --seq 256 --json"
    )]
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
