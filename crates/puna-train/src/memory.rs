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
}

impl MemoryPlan {
    /// Everything.
    pub fn total(&self) -> u64 {
        self.parameters + self.moments + self.gradients + self.activations
    }
}

/// Memory of training a model with a fleet of this layout.
pub fn memory_bytes(config: &Config, options: &FleetOptions) -> MemoryPlan {
    let parameters = 4 * config.n_params();
    let worker = Worker::<Cpu>::memory_bytes(config, options.worker());
    MemoryPlan {
        parameters,
        moments: 2 * parameters,
        gradients: options.gradient_sets() as u64 * parameters,
        activations: options.workers() as u64 * worker,
    }
}
