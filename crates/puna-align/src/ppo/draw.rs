//! Which prompts an iteration answers, and with which random numbers: functions of the seed and the
//! iteration alone, so that a resumed run needs to know no more than where it stands.

use puna_train::permutation;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// The numbers of an iteration's prompts among `n`: one random order of all after the other.
pub(crate) fn of_iteration(n: usize, iteration: u64, batch: usize, seed: u64) -> Vec<usize> {
    let n = n as u64;
    let mut order = (0, permutation(n as u32, seed, 0));
    let from = (iteration - 1) * batch as u64;
    let mut pick = |at: u64| {
        if order.0 != at / n {
            order = (at / n, permutation(n as u32, seed, at / n));
        }
        order.1[(at % n) as usize] as usize
    };
    (from..from + batch as u64).map(&mut pick).collect()
}

/// Seed of an iteration's answers; iteration 0 is for the held-out prompts, whose answers are drawn
/// with the same numbers each time.
pub(crate) fn sampling_seed(seed: u64, iteration: u64) -> u64 {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // Streams from 0 up are for the orders of the prompts.
    rng.set_stream(u64::MAX - iteration);
    rng.next_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prompt_comes_once_before_any_comes_again() {
        let drawn: Vec<usize> = (1..=7).flat_map(|i| of_iteration(7, i, 3, 5)).collect();
        for pass in drawn.chunks(7) {
            let mut sorted = pass.to_vec();
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(0..7), "{drawn:?}");
        }
        assert_ne!(drawn[..7], drawn[7..14]);
        assert_ne!(sampling_seed(5, 1), sampling_seed(5, 2));
        assert_ne!(sampling_seed(5, 1), sampling_seed(6, 1));
    }
}
