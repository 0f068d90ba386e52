//! Learning rates by step (paper section 2.2): linear warm-up, then a cosine down to a tenth.

use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What follows the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// Half a cosine from the peak to `min_ratio` of it at the last step.
    #[default]
    Cosine,
    /// The peak to the end.
    Constant,
}

/// The learning rate of every step of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// Highest learning rate.
    pub peak: f64,
    /// Steps of linear warm-up; the last of them has the peak.
    pub warmup: u64,
    /// Steps in all.
    pub total: u64,
    /// What follows the warm-up.
    pub decay: Decay,
    /// Share of the peak left at the last step, for a cosine.
    pub min_ratio: f64,
}

impl Schedule {
    /// Refuses what is not a schedule.
    pub fn validate(&self) -> Result<()> {
        if !(self.peak > 0.0 && self.peak.is_finite()) {
            return Err(Error::setting(
                "lr",
                format!("{} is not a positive number", self.peak),
            ));
        }
        if !(0.0..=1.0).contains(&self.min_ratio) {
            return Err(Error::setting(
                "min_lr_ratio",
                format!("{} is not in 0..=1", self.min_ratio),
            ));
        }
        if self.total == 0 {
            return Err(Error::setting("steps", "there is no step to take"));
        }
        if self.warmup > self.total {
            let what = format!(
                "{} steps of warm-up in a run of {}; shorten the warm-up",
                self.warmup, self.total
            );
            return Err(Error::setting("warmup_steps", what));
        }
        Ok(())
    }

    /// Learning rate of a step, counted from 1.
    pub fn lr(&self, step: u64) -> f64 {
        if step <= self.warmup {
            return self.peak * step as f64 / self.warmup as f64;
        }
        match self.decay {
            Decay::Constant => self.peak,
            Decay::Cosine => {
                let done = (step - self.warmup) as f64;
                let progress = (done / (self.total - self.warmup).max(1) as f64).min(1.0);
                let cosine = 0.5 * (1.0 + (std::f64::consts::PI * progress).cos());
                self.peak * (self.min_ratio + (1.0 - self.min_ratio) * cosine)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paper(total: u64) -> Schedule {
        Schedule {
            peak: 3e-4,
            warmup: 2000,
            total,
            decay: Decay::Cosine,
            min_ratio: 0.1,
        }
    }

    #[test]
    fn known_values() {
        let s = paper(500_000);
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} is not {b}");
        near(s.lr(1), 3e-4 / 2000.0);
        near(s.lr(1000), 1.5e-4);
        near(s.lr(2000), 3e-4);
        // Half-way down: the mean of peak and floor.
        near(s.lr(2000 + 249_000), 0.5 * (3e-4 + 3e-5));
        near(s.lr(500_000), 3e-5);
        let constant = Schedule {
            decay: Decay::Constant,
            ..s
        };
        near(constant.lr(400_000), 3e-4);
        let without = Schedule {
            warmup: 0,
            total: 4,
            min_ratio: 0.0,
            peak: 1.0,
            ..s
        };
        near(without.lr(2), 0.5);
        near(without.lr(4), 0.0);
        near(
            Schedule {
                warmup: 4,
                total: 4,
                ..without
            }
            .lr(4),
            1.0,
        );
    }

    #[test]
    fn refuses_nonsense() {
        assert!(paper(1999).validate().is_err());
        assert!(paper(2000).validate().is_ok());
        assert!(
            Schedule {
                peak: f64::NAN,
                ..paper(3000)
            }
            .validate()
            .is_err()
        );
        assert!(
            Schedule {
                min_ratio: 1.5,
                ..paper(3000)
            }
            .validate()
            .is_err()
        );
    }
}
