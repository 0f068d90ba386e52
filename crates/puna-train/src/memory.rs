//! What a run will need, counted before anything is allocated.

use crate::fleet::FleetOptions;
use puna_compute::Cpu;
use puna_llama::{Config, Worker};

/// Bytes of a training run, by what they are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryPlan {
    /// The weights.
    pub parameters: u64,
    /// The optimizer's two moments.
    pub moments: u64,
    /// All sets of gradients.
    pub gradients: u64,
    /// What all workers keep of a micro-batch.
    pub activations: u64,
    /// What the kernels of all workers work in: the packed head and the logits of a chunk of rows,
    /// for the most part.
    pub kernels: u64,
}

impl MemoryPlan {
    /// Everything, or as much as the number holds: no machine has that.
    pub fn total(&self) -> u64 {
        let parts = [
            self.parameters,
            self.moments,
            self.gradients,
            self.activations,
            self.kernels,
        ];
        parts.into_iter().fold(0, u64::saturating_add)
    }
}

/// Bytes that a fleet's buffers leave unused where they share memory, about half of what they share at a time.
const UNUSED: u64 = 4 << 20;

/// Rows whose logits the fused head holds at once.
const HEAD_ROWS: usize = 128;

/// Values that the kernels of a worker work in.
fn kernel_values(config: &Config, max_rows: usize) -> usize {
    let outputs = config.head_outputs();
    let logits = outputs * HEAD_ROWS.min(max_rows);
    let head = Cpu::packed_values(outputs, config.dim) + logits;
    let attention = Cpu::attention_values(max_rows, config.head_dim);
    head + attention + Cpu::product_values()
}

/// What a run trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trained {
    /// The weights.
    Weights,
    /// Adapters of so many values.
    Adapters(u64),
}

/// Memory of training a model with a fleet of this layout.
pub fn memory_bytes(config: &Config, options: &FleetOptions, learned: Trained) -> MemoryPlan {
    let weights = 4 * config.n_params();
    // Adapters are added to a copy of the weights, and have a gradient of their own.
    let (parameters, moments, gradient) = match learned {
        Trained::Weights => (weights, 2 * weights, 0),
        Trained::Adapters(values) => {
            let bytes = values.saturating_mul(4);
            let parameters = bytes.saturating_add(2 * weights);
            (parameters, bytes.saturating_mul(2), bytes)
        }
    };
    let kernels = kernel_values(config, options.micro_batch_rows) as u64;
    let worker = Worker::<Cpu>::memory_bytes(config, options.worker());
    MemoryPlan {
        parameters,
        moments,
        gradients: gradient.saturating_add(options.gradient_sets() as u64 * weights),
        activations: worker.saturating_mul(options.workers() as u64),
        kernels: 4 * options.workers() as u64 * kernels + UNUSED,
    }
}
