//! What counts as a match and as an effect (paper A.6).

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// How a match length is held against the minimum L. The paper says both: n-grams "longer than 10
/// tokens" and "10(+)-skipgrams".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Minimum {
    /// A match has L tokens or more: L is a minimum, as the paper calls it where it varies it.
    AtLeast,
    /// A match has more than L tokens.
    LongerThan,
}

/// Settings; the defaults are the paper's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Minimum match lengths L, ascending.
    pub lengths: Vec<u32>,
    /// How they are meant.
    pub minimum: Minimum,
    /// Tokens at the front of a match that must be equal.
    pub exact_prefix: u32,
    /// Positions at which a match may differ.
    pub skip_budget: u32,
    /// A sample is clean if a smaller share of its tokens is contaminated, else not clean.
    pub clean_below: f64,
    /// A sample is dirty if this share of its tokens or more is contaminated, else not dirty.
    pub dirty_from: f64,
    /// |Z| over which the mean of a subset is no accident.
    pub significant: f64,
    /// Whether a higher value of the metric is better.
    pub higher_is_better: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lengths: vec![10, 20, 30, 40, 50],
            minimum: Minimum::AtLeast,
            exact_prefix: 10,
            skip_budget: 4,
            clean_below: 0.2,
            dirty_from: 0.8,
            significant: 2.0,
            higher_is_better: true,
        }
    }
}

impl Settings {
    /// Checks ranges.
    pub fn validate(&self) -> Result<()> {
        let fail = |name, what: String| Err(Error::Setting { name, what });
        let prefix = self.exact_prefix;
        if !(1..=1 << 16).contains(&prefix) {
            return fail("exact_prefix", format!("{prefix} is not within 1..=65536"));
        }
        if self.skip_budget > 1 << 16 {
            return fail("skip_budget", format!("{} is over 65536", self.skip_budget));
        }
        if self.lengths.is_empty() || self.lengths.iter().any(|&l| self.shortest(l) < prefix) {
            let what = format!(
                "{:?}: give lengths of {prefix} and more, since that many tokens at the front of a \
                 match are always equal",
                self.lengths
            );
            return fail("lengths", what);
        }
        if !self.lengths.is_sorted_by(|a, b| a < b) {
            return fail("lengths", format!("{:?} do not ascend", self.lengths));
        }
        let share = |s: f64| (0.0..=1.0).contains(&s);
        if !share(self.clean_below) || !share(self.dirty_from) {
            let what = "a share is within 0..=1".to_owned();
            return fail("clean_below, dirty_from", what);
        }
        if self.significant.is_nan() || self.significant < 0.0 {
            return fail("significant", "it is not below 0".to_owned());
        }
        Ok(())
    }

    /// Tokens of the shortest match for a minimum length.
    pub fn shortest(&self, length: u32) -> u32 {
        match self.minimum {
            Minimum::AtLeast => length,
            Minimum::LongerThan => length.saturating_add(1),
        }
    }
}
