//! Settings that pretraining, fine-tuning and the training on human feedback share.

use crate::fleet::FleetOptions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a step is spread over the machine. The first two decide the order of additions, and with it
/// the last bits of the result; the number of threads does not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LayoutSettings {
    /// Accumulation lanes: as many threads as this can be of use.
    pub lanes: usize,
    /// Most rows that go through a worker at once; memory grows with it. Without: the
    /// longest sequence.
    pub micro_batch_rows: Option<usize>,
    /// Keep only each block's input and compute the block again in the backward pass.
    pub recompute: bool,
}

impl Default for LayoutSettings {
    fn default() -> Self {
        Self {
            lanes: 8,
            micro_batch_rows: None,
            recompute: false,
        }
    }
}

impl LayoutSettings {
    /// The fleet for sequences of this length.
    pub fn fleet(&self, seq_len: usize, threads: usize) -> FleetOptions {
        FleetOptions {
            lanes: self.lanes,
            threads,
            micro_batch_rows: self.micro_batch_rows.unwrap_or(seq_len),
            recompute: self.recompute,
        }
    }
}

/// When a run looks back and when it saves itself; of no influence on its result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointSettings {
    /// Steps between checkpoints; 0 writes only the last.
    pub every: u64,
    /// How many stay.
    pub keep: usize,
}

impl Default for CheckpointSettings {
    fn default() -> Self {
        Self {
            every: 1000,
            keep: 2,
        }
    }
}
