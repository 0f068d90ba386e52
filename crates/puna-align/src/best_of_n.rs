//! What more samples bring (paper section 3.2.3, Figure 7): the largest and the median reward among
//! N answers, by N.

use serde::{Deserialize, Serialize};

/// Means over prompts by number of answers: element `N - 1` is for N.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BestOfN {
    /// Mean of the largest reward of N answers.
    pub max: Vec<f64>,
    /// Mean of the median reward of N answers; of an even number, the mean of the middle two.
    pub median: Vec<f64>,
}

impl BestOfN {
    /// From the rewards of K answers to each prompt; where some have more, from their first K. For N
    /// below K it is the expectation over every choice of N of them, which is exact and less noisy
    /// than the first N.
    pub fn of(rewards: &[Vec<f64>]) -> Self {
        let k = rewards.iter().map(Vec::len).min().unwrap_or(0);
        // The expectations are linear in the sorted rewards, whose mean over prompts is then enough.
        let mut sorted = vec![0.0; k];
        for rewards in rewards {
            let mut one = rewards[..k].to_vec();
            one.sort_unstable_by(f64::total_cmp);
            for (sum, reward) in sorted.iter_mut().zip(one) {
                *sum += reward;
            }
        }
        sorted
            .iter_mut()
            .for_each(|sum| *sum /= rewards.len() as f64);
        let expected = |n, rank| expected_rank(&sorted, n, rank);
        let median = |n| match n % 2 {
            1 => expected(n, n / 2 + 1),
            _ => (expected(n, n / 2) + expected(n, n / 2 + 1)) / 2.0,
        };
        Self {
            max: (1..=k).map(|n| expected(n, n)).collect(),
            median: (1..=k).map(median).collect(),
        }
    }
}

/// Expectation of the `rank`-th smallest (from 1) of `n` values drawn without return from `sorted`:
/// the `i`-th smallest of all is it where `rank - 1` are drawn from below and `n - rank` from above.
fn expected_rank(sorted: &[f64], n: usize, rank: usize) -> f64 {
    let k = sorted.len();
    let all = ln_choose(k, n);
    (rank - 1..k - (n - rank))
        .map(|i| {
            let ways = ln_choose(i, rank - 1) + ln_choose(k - 1 - i, n - rank);
            sorted[i] * (ways - all).exp()
        })
        .sum()
}

fn ln_choose(n: usize, k: usize) -> f64 {
    (1..=k.min(n - k))
        .map(|i| ((n + 1 - i) as f64 / i as f64).ln())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Means of maximum and median over all subsets, one by one.
    fn by_enumeration(rewards: &[f64], n: usize) -> (f64, f64) {
        let (mut max, mut median, mut count) = (0.0, 0.0, 0.0);
        for subset in 0u32..1 << rewards.len() {
            if subset.count_ones() as usize != n {
                continue;
            }
            let mut drawn: Vec<f64> = (0..rewards.len())
                .filter(|i| subset >> i & 1 == 1)
                .map(|i| rewards[i])
                .collect();
            drawn.sort_unstable_by(f64::total_cmp);
            max += drawn[n - 1];
            median += (drawn[(n - 1) / 2] + drawn[n / 2]) / 2.0;
            count += 1.0;
        }
        (max / count, median / count)
    }

    #[test]
    fn by_hand() {
        let of = BestOfN::of(&[vec![0.2, 0.8, 0.5], vec![0.4, 0.4, 0.4]]);
        let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
        // Pairs of the first: 0.5, 0.8 and 0.8 are the largest, 0.7 on average.
        assert!(near(&of.max, &[0.45, 0.55, 0.6]), "{of:?}");
        assert!(near(&of.median, &[0.45, 0.45, 0.45]), "{of:?}");
        assert_eq!(BestOfN::of(&[]), BestOfN::default());
    }

    #[test]
    fn many_answers_do_not_overflow() {
        let rewards: Vec<f64> = (0..2000).map(|i| f64::from(i) / 2000.0).collect();
        // The largest of n of 1..=k is n (k + 1) / (n + 1) on average.
        let expected = (1000.0 * 2001.0 / 1001.0 - 1.0) / 2000.0;
        assert!((expected_rank(&rewards, 1000, 1000) - expected).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn expectations_are_those_of_all_subsets(
            rewards in prop::collection::vec(0.0f64..1.0, 1..9),
        ) {
            let of = BestOfN::of(std::slice::from_ref(&rewards));
            for n in 1..=rewards.len() {
                let (max, median) = by_enumeration(&rewards, n);
                prop_assert!((of.max[n - 1] - max).abs() < 1e-12);
                prop_assert!((of.median[n - 1] - median).abs() < 1e-12);
            }
        }
    }
}
