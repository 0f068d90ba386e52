//! How far apart the scores of a pair should be (paper section 3.2.2 and Table 27).

use crate::preferences::Strength;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The margin of the ranking loss by the annotator's level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Margin {
    /// 0 for every level.
    None,
    /// 1, 2/3, 1/3, 0.
    Small,
    /// 3, 2, 1, 0.
    #[default]
    Large,
}

impl Margin {
    /// By how much the chosen answer's score should exceed the other's, in logits.
    pub fn of(self, strength: Strength) -> f64 {
        let level = match strength {
            Strength::SignificantlyBetter => 3.0,
            Strength::Better => 2.0,
            Strength::SlightlyBetter => 1.0,
            Strength::Negligibly => 0.0,
        };
        match self {
            Self::None => 0.0,
            Self::Small => level / 3.0,
            Self::Large => level,
        }
    }
}
