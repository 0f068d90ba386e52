//! Whether contamination moved a result: four subsets, each with its distance from what chance would
//! give a subset of that size (paper A.6).

use super::settings::Settings;
use serde::{Deserialize, Serialize};

/// Samples by their contaminated share. The subsets overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subset {
    /// Under 20%.
    Clean,
    /// 20% and more.
    NotClean,
    /// Under 80%.
    NotDirty,
    /// 80% and more.
    Dirty,
}

/// Every subset, in the paper's order.
pub const SUBSETS: [Subset; 4] = [
    Subset::Clean,
    Subset::NotClean,
    Subset::NotDirty,
    Subset::Dirty,
];

impl Subset {
    /// Whether a sample of this contaminated share belongs to it.
    pub fn holds(self, share: f64, settings: &Settings) -> bool {
        match self {
            Self::Clean => share < settings.clean_below,
            Self::NotClean => share >= settings.clean_below,
            Self::NotDirty => share < settings.dirty_from,
            Self::Dirty => share >= settings.dirty_from,
        }
    }

    /// Its name in words.
    pub fn label(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::NotClean => "not clean",
            Self::NotDirty => "not dirty",
            Self::Dirty => "dirty",
        }
    }

    /// Whether contamination would make it better than the whole.
    fn gains(self) -> bool {
        matches!(self, Self::NotClean | Self::Dirty)
    }
}

/// A sample as the statistics see it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Contaminated tokens by tokens.
    pub share: f64,
    /// How the model did on it.
    pub value: Option<f64>,
}

/// A row of the paper's Table 51.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubsetRow {
    /// Which samples.
    pub subset: Subset,
    /// How many, n: those with a value where any has one.
    pub samples: u64,
    /// Mean contaminated share.
    pub average_share: Option<f64>,
    /// Mean of the metric.
    pub mean: Option<f64>,
    /// Mean of the metric's sampling distribution for n samples: that of all samples.
    pub expected: Option<f64>,
    /// Standard deviation of that distribution, without a correction for a finite population.
    pub deviation: Option<f64>,
    /// (mean - expected) / deviation; none where all values are equal.
    pub z: Option<f64>,
}

/// The four subsets. Where any sample has a value, samples without one are left out.
pub fn subsets(samples: &[Outcome], settings: &Settings) -> [SubsetRow; 4] {
    let measured = samples.iter().any(|sample| sample.value.is_some());
    let counted: Vec<&Outcome> = samples
        .iter()
        .filter(|sample| !measured || sample.value.is_some())
        .collect();
    let values = || counted.iter().filter_map(|sample| sample.value);
    let expected = mean(values());
    let variance = expected.and_then(|all| mean(values().map(|value| (value - all).powi(2))));
    SUBSETS.map(|subset| {
        let within = || counted.iter().filter(|s| subset.holds(s.share, settings));
        let samples = within().count() as u64;
        let found = mean(within().filter_map(|sample| sample.value));
        let deviation = variance
            .filter(|_| samples > 0)
            .map(|variance| deviation(variance, samples));
        let z = match (found, expected, deviation) {
            (Some(found), Some(all), Some(deviation)) => z(found, all, deviation),
            _ => None,
        };
        SubsetRow {
            subset,
            samples,
            average_share: mean(within().map(|sample| sample.share)),
            mean: found,
            expected,
            deviation,
            z,
        }
    })
}

/// Standard deviation of the mean of so many samples, drawn from values of this variance.
pub(super) fn deviation(variance: f64, samples: u64) -> f64 {
    (variance / samples as f64).sqrt()
}

/// How many deviations a mean lies from what is expected; `None` where nothing deviates.
pub(super) fn z(mean: f64, expected: f64, deviation: f64) -> Option<f64> {
    (deviation > 0.0).then(|| (mean - expected) / deviation)
}

/// Whether contamination has affected the result: all four subsets are off by more than chance, the
/// cleaner ones worse and the dirtier ones better. `None` without values.
pub fn affected(rows: &[SubsetRow; 4], settings: &Settings) -> Option<bool> {
    rows[0].expected?;
    let better = if settings.higher_is_better { 1.0 } else { -1.0 };
    Some(rows.iter().all(|row| {
        let side = if row.subset.gains() { better } else { -better };
        row.z.is_some_and(|z| side * z > settings.significant)
    }))
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0u64), |(sum, n), value| (sum + value, n + 1));
    (count > 0).then(|| sum / count as f64)
}
