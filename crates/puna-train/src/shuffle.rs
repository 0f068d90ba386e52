//! Random orders, by seed and epoch (paper section 5.1: documents in random order).

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// A random order of `0..n`, the same for the same seed and epoch. Every order is equally likely.
pub fn permutation(n: u32, seed: u64, epoch: u64) -> Vec<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(epoch);
    let mut order: Vec<u32> = (0..n).collect();
    for i in (1..order.len()).rev() {
        order.swap(i, below(&mut rng, i as u64 + 1) as usize);
    }
    order
}

/// Uniform in `0..n`: the draws that would favour small values are thrown away.
fn below(rng: &mut ChaCha8Rng, n: u64) -> u64 {
    let biased = u64::MAX % n;
    loop {
        let draw = rng.next_u64();
        if draw < u64::MAX - biased {
            return draw % n;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_permutation_by_seed_and_epoch() {
        let order = permutation(1000, 7, 0);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert!(sorted.iter().copied().eq(0..1000));
        assert_eq!(order, permutation(1000, 7, 0));
        assert_ne!(order, permutation(1000, 7, 1));
        assert_ne!(order, permutation(1000, 8, 0));
        assert!(permutation(0, 7, 0).is_empty());
    }

    #[test]
    fn every_order_is_equally_likely() {
        let mut counts = std::collections::BTreeMap::new();
        for seed in 0..6000 {
            *counts.entry(permutation(3, seed, 0)).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 6);
        assert!(
            counts.values().all(|&c| (850..1150).contains(&c)),
            "{counts:?}"
        );
    }
}
