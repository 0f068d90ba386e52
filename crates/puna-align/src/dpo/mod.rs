//! Direct preference optimization (Rafailov et al. 2023): today's baseline beside the paper's reward
//! models and PPO, on the same comparisons and in the same loop.

pub mod loss;
mod pairs;
mod settings;
mod train;

pub use settings::DpoSettings;
pub use train::{DpoJob, dpo};
