//! How much safety data (paper section 4.2.3): the same helpfulness data with 0, 1, 10, 25, 50 and
//! 100 % of the safety data.

use crate::error::{Error, Result};
use puna_train::permutation;
use serde::{Deserialize, Serialize};

/// The paper's shares of the safety data, in percent.
pub const PAPER_SHARES: [f64; 6] = [0.0, 1.0, 10.0, 25.0, 50.0, 100.0];

/// A share of the safety data.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SafetyShare {
    /// Percent, from 0 to 100; the paper's are [`PAPER_SHARES`], its chat models use all.
    pub percent: f64,
    /// Which records come first. With one seed a smaller share is part of every larger one.
    pub seed: u64,
}

impl Default for SafetyShare {
    fn default() -> Self {
        Self {
            percent: 100.0,
            seed: 0,
        }
    }
}

impl SafetyShare {
    /// The share of some records, in their order. A share above 0 of any records is at least one.
    ///
    /// # Errors
    /// A share that is no percentage; more than 2^32 records.
    pub fn of<T: Clone>(&self, records: &[T]) -> Result<Vec<T>> {
        if !(0.0..=100.0).contains(&self.percent) {
            let what = format!("it is {}; it must be from 0 to 100", self.percent);
            return Err(Error::setting("percent", what));
        }
        let n = u32::try_from(records.len())
            .map_err(|_| Error::Data(format!("{} records are too many", records.len())))?;
        // What rounding adds to a whole number must not make it the next.
        let take = (f64::from(n) * self.percent / 100.0 - 1e-6).ceil().max(0.0) as usize;
        let mut chosen = permutation(n, self.seed, 0);
        chosen.truncate(take);
        chosen.sort_unstable();
        let chosen = chosen.into_iter();
        Ok(chosen.map(|i| records[i as usize].clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_nested() {
        let records: Vec<u32> = (0..250).collect();
        let of = |percent, seed| SafetyShare { percent, seed }.of(&records).unwrap();
        let shares = PAPER_SHARES.map(|percent| of(percent, 7));
        assert_eq!(shares.each_ref().map(Vec::len), [0, 3, 25, 63, 125, 250]);
        for pair in shares.windows(2) {
            assert!(pair[0].iter().all(|record| pair[1].contains(record)));
            assert!(pair[1].is_sorted());
        }
        assert_eq!(shares[5], records);
        assert_ne!(of(10.0, 7), of(10.0, 8));
        // 10 % of 30 is three, although 0.1 * 30 is more than that in binary.
        assert_eq!(
            SafetyShare {
                percent: 10.0,
                seed: 0
            }
            .of(&records[..30])
            .unwrap()
            .len(),
            3
        );
        assert_eq!(
            SafetyShare {
                percent: 1.0,
                seed: 0
            }
            .of(&records[..3])
            .unwrap()
            .len(),
            1
        );
        assert!(
            SafetyShare {
                percent: 1.0,
                seed: 0
            }
            .of(&[0; 0])
            .unwrap()
            .is_empty()
        );
        for percent in [-1.0, 100.5, f64::NAN] {
            assert!(SafetyShare { percent, seed: 0 }.of(&records).is_err());
        }
    }
}
