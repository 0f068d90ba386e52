//! What all stages take together, and what of it is not known.

use super::StageForecast;
use crate::recipe::{Plan, Stage};
use serde::Serialize;

/// What all stages take, as far as it is known.
#[derive(Clone, Debug, Serialize)]
pub struct Total {
    /// Tokens trained on, those of later passes and stages again.
    pub tokens: f64,
    /// Steps of the optimizer.
    pub steps: u64,
    /// Floating-point operations.
    pub flops: f64,
    /// Time on this machine.
    pub seconds: f64,
    /// Stages that train on what is not known yet: their tokens, steps and operations are left out.
    pub without_tokens: Vec<&'static str>,
    /// Stages whose time, or some of it, is left out.
    pub without_time: Vec<&'static str>,
    /// Stages whose memory is not known.
    pub without_memory: Vec<&'static str>,
}

impl Total {
    /// Of a plan's stages.
    pub fn of(plan: &Plan, stages: &[StageForecast]) -> Self {
        let trains = |stage: &Stage| {
            (stage.is_model() && !matches!(stage, Stage::Base(_)))
                || matches!(stage, Stage::Reward(_) | Stage::SafetyScaling(_))
        };
        let training: Vec<&StageForecast> = plan
            .stages
            .iter()
            .zip(stages)
            .filter_map(|(stage, forecast)| trains(stage).then_some(forecast))
            .collect();
        let unknown = training.iter().filter(|s| s.tokens.is_none());
        let untimed = stages
            .iter()
            .filter(|s| s.seconds.is_none() || s.untimed.is_some());
        let unmeasured = stages.iter().filter(|s| s.peak_bytes.is_none());
        Self {
            tokens: sum(training.iter().filter_map(|s| s.tokens)),
            steps: training.iter().filter_map(|s| s.steps).sum(),
            flops: sum(training.iter().filter_map(|s| s.flops)),
            seconds: sum(stages.iter().filter_map(|s| s.seconds)),
            without_tokens: unknown.map(|s| s.stage).collect(),
            without_time: untimed.map(|s| s.stage).collect(),
            without_memory: unmeasured.map(|s| s.stage).collect(),
        }
    }
}

/// The sum; of nothing 0, where [`Iterator::sum`] gives -0.
fn sum(known: impl Iterator<Item = f64>) -> f64 {
    known.fold(0.0, |sum, x| sum + x)
}
