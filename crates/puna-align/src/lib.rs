//! Human feedback (paper sections 3.2, 3.3 and 4): preferences, reward models, rejection sampling,
//! PPO, Ghost Attention and context distillation.

pub mod agreement;
mod answer_rows;
pub mod best_of_n;
mod blocks;
pub mod candidates;
mod comparisons;
pub mod context_distillation;
pub mod dpo;
mod error;
pub mod ghost_attention;
mod json_lines;
pub mod judge;
mod logistic;
mod page;
mod placement;
pub mod ppo;
pub mod preferences;
pub mod prompt;
mod prompts;
mod rate;
pub mod rejection_sampling;
mod rendered;
pub mod reward;
pub mod rollout;
pub mod safety_scaling;
pub mod scoreboard;
pub mod self_bleu;

pub use blocks::OnBlock;
pub use error::{Error, Result};
pub use json_lines::{read_all as read_json_lines, write as write_json_lines};
pub use placement::Placement;
pub use rendered::PAIR_ROWS;
