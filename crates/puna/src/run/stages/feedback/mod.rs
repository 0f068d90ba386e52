//! The stages of human feedback (paper sections 3.2, 3.3 and 4): comparisons, reward models, rounds of
//! rejection sampling, PPO, context distillation, scoreboard.

mod comparisons;
mod distill;
mod judges;
mod material;
mod ppo;
mod rejection;
mod reward;
mod scoreboard;

pub use comparisons::{COMPARISONS, comparisons};
pub use distill::distill;
pub use material::{newest_dir, newest_inputs, preference_inputs, reward_inputs, sampling_inputs};
pub use ppo::ppo;
pub use rejection::rejection;
pub use reward::reward;
pub use scoreboard::scoreboard;
