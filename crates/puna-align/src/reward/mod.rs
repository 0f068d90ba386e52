//! Reward models (paper section 3.2.2): a chat model whose head gives one number for a dialogue with
//! its answer, trained on human comparisons; how good it is, and how well calibrated.

mod accuracy;
mod calibration;
mod judge;
mod loss;
mod margin;
mod mix;
mod model;
mod pairs;
mod plots;
mod report;
#[cfg(test)]
mod report_test;
mod settings;
mod train;

pub use accuracy::{AccuracyReport, ScoredPair};
pub use calibration::{Bin, Reliability, histogram, pair_reliability, reliability, sigmoid};
pub use judge::RewardModels;
pub use loss::{PairLoss, pair_loss};
pub use margin::Margin;
pub use mix::{HELPFUL_IN_SAFETY, Mix, Pools, SOURCES, helpfulness_mix, safety_mix};
pub use model::{PASS_ROWS, RewardModel};
pub use report::{PAGE_FILE, REPORT_FILE, RewardReport, ScoreBins};
pub use settings::RewardSettings;
pub use train::{RewardJob, train_reward};
