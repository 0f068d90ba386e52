//! The stages of human feedback (paper sections 3.2, 3.3 and 4): comparisons, reward models, direct
//! preference optimization beside them, rounds of rejection sampling, PPO, context distillation, the
//! scaling of safety data, scoreboard.

mod comparisons;
mod curves;
mod distill;
mod dpo;
mod ghost;
mod judged;
mod judges;
mod material;
mod measured;
mod ppo;
mod rejection;
mod reward;
mod safety_scaling;
mod scoreboard;
mod speaker;
mod versions;

pub use comparisons::{COMPARISONS, comparisons};
pub use curves::curve_inputs;
pub use distill::distill;
pub use dpo::dpo;
pub use material::{
    HELD_OUT_SHARE, measuring_inputs, newest_dir, newest_inputs, preference_inputs, sampling_inputs,
};
pub use ppo::ppo;
pub use rejection::rejection;
pub use reward::{STAGES as REWARD_STAGES, none_of, reward};
pub use safety_scaling::safety_scaling;
pub use scoreboard::{is_shown, scoreboard, show_again, standing};
