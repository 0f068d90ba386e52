//! Human feedback (paper sections 3.2, 3.3 and 4): preferences, reward models, rejection sampling,
//! PPO, Ghost Attention and context distillation.

mod error;

pub use error::{Error, Result};
