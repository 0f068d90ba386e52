//! Rates with their intervals (paper section 3.4.1: win rate = wins / (wins + losses), ties dropped).

use serde::{Deserialize, Serialize};

/// The two-sided 95 % point of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// A share of cases and Wilson's interval of 95 % for it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// The share, from 0 to 1; none (`null` in the file) of no cases.
    pub value: Option<f64>,
    /// The interval's lower end; 0 of no cases.
    pub low: f64,
    /// The interval's upper end; 1 of no cases.
    pub high: f64,
    /// How many cases.
    pub n: u64,
}

impl Default for Rate {
    fn default() -> Self {
        Self::UNKNOWN
    }
}

impl Rate {
    /// Nothing was measured: the share may be anything.
    pub const UNKNOWN: Self = Self {
        value: None,
        low: 0.0,
        high: 1.0,
        n: 0,
    };

    /// `hits` of `n` cases; more hits than cases count as all of them.
    pub fn of(hits: u64, n: u64) -> Self {
        if n == 0 {
            return Self::UNKNOWN;
        }
        let hits = hits.min(n);
        let (cases, share) = (n as f64, hits as f64 / n as f64);
        let z2 = Z * Z / cases;
        let middle = (share + z2 / 2.0) / (1.0 + z2);
        let half = Z * (share * (1.0 - share) / cases + z2 / (4.0 * cases)).sqrt() / (1.0 + z2);
        // At the ends the interval begins at the share itself; rounding must not say otherwise.
        Self {
            value: Some(share),
            low: if hits == 0 {
                0.0
            } else {
                (middle - half).max(0.0)
            },
            high: if hits == n {
                1.0
            } else {
                (middle + half).min(1.0)
            },
            n,
        }
    }
}

/// How often a model's answer was found better than the baseline's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WinRate {
    /// Wins among wins and losses.
    #[serde(flatten)]
    pub rate: Rate,
    /// Comparisons that neither won; they are dropped from the rate.
    pub ties: u64,
}

impl WinRate {
    /// Nothing was compared.
    pub const UNKNOWN: Self = Self {
        rate: Rate::UNKNOWN,
        ties: 0,
    };

    /// From how the comparisons went.
    pub fn of(wins: u64, losses: u64, ties: u64) -> Self {
        Self {
            rate: Rate::of(wins, wins.saturating_add(losses)),
            ties,
        }
    }

    /// From pairs of scores, the model's and the baseline's; equal scores are ties, and so are scores that
    /// cannot be compared.
    pub fn of_scores(pairs: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let (mut wins, mut losses, mut ties) = (0, 0, 0);
        for (model, baseline) in pairs {
            if model > baseline {
                wins += 1;
            } else if model < baseline {
                losses += 1;
            } else {
                ties += 1;
            }
        }
        Self::of(wins, losses, ties)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilsons_interval_by_hand() {
        // 1 of 10: middle (0.1 + 0.19207294)/1.38414588 = 0.21101312, half
        // 1.95996398 * sqrt(0.009 + 0.009603647)/1.38414588 = 0.19313689.
        let rate = Rate::of(1, 10);
        assert_eq!((rate.value, rate.n), (Some(0.1), 10));
        assert!((rate.low - 0.017_876_2).abs() < 1e-6, "{}", rate.low);
        assert!((rate.high - 0.404_150_0).abs() < 1e-6, "{}", rate.high);
        // None of 100: up to z^2 / (n + z^2).
        let none = Rate::of(0, 100);
        assert_eq!((none.value, none.low), (Some(0.0), 0.0));
        assert!((none.high - Z * Z / (100.0 + Z * Z)).abs() < 1e-15);
        let all = Rate::of(100, 100);
        assert_eq!(all.high, 1.0);
        assert!((all.low + none.high - 1.0).abs() < 1e-15);
        assert_eq!(Rate::of(0, 0), Rate::UNKNOWN);
        assert_eq!(Rate::of(7, 3), Rate::of(3, 3));
    }

    #[test]
    fn ties_are_dropped_and_counted() {
        let pairs = [
            (1.0, 0.0),
            (2.0, 0.0),
            (0.0, 3.0),
            (1.0, 1.0),
            (f64::NAN, 1.0),
        ];
        let found = WinRate::of_scores(pairs);
        assert_eq!(found, WinRate::of(2, 1, 2));
        assert_eq!(found.rate, Rate::of(2, 3));
        let json = serde_json::to_value(found).unwrap();
        assert_eq!((&json["n"], &json["ties"]), (&3.into(), &2.into()));
        assert_eq!(serde_json::from_value::<WinRate>(json).unwrap(), found);
    }
}
