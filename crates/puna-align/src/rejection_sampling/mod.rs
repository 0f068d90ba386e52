//! Rejection sampling (paper section 3.2.3): many answers to each prompt from the latest model, the
//! best by the reward models as what the next model, begun from the base model, is trained on.

mod pool;
mod round;
mod settings;
mod temperature;

pub use pool::{Best, Pools, read_pool, training_set, write_pool};
pub use round::{POOL_FILE, REPORT_FILE, RoundJob, RoundReport, round};
pub use settings::RejectionSettings;
pub use temperature::TemperaturePoint;
