//! Proximal policy optimization (paper section 3.2.3): what the policy is rewarded for, the losses
//! and the loop.

pub mod alarms;
mod critic;
mod draw;
mod episode;
mod exact_kl;
pub mod gae;
mod held_out;
mod job;
pub mod kl;
mod look;
pub mod loss;
mod metrics;
pub mod reward;
mod run;
mod settings;
mod train;
mod update;
#[cfg(test)]
mod update_test;

pub use critic::initial_critic;
pub use held_out::Look;
pub use job::{PpoEvent, PpoJob, PpoOutcome, PpoSummary};
pub use metrics::{PpoMetrics, Seconds};
pub use settings::{CriticStart, HeldOutSettings, PpoSettings};
pub use train::{SECONDS_FILE, ppo};
