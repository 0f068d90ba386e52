//! Random numbers by seed and stream: ChaCha8, so that every consumer has its own independent
//! sequence and none depends on how many others there are.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// The generator of one stream.
pub(crate) struct Random(ChaCha8Rng);

impl Random {
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// Uniform in `[0, 1)`, 53 bits.
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (-53f64).exp2()
    }

    /// Fills with normal values of mean 0 (Box and Muller).
    pub(crate) fn fill_normal(&mut self, out: &mut [f32], deviation: f64) {
        for pair in out.chunks_mut(2) {
            // 1 - u is in (0, 1], so the logarithm is finite.
            let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt() * deviation;
            let (sin, cos) = (std::f64::consts::TAU * self.uniform()).sin_cos();
            pair[0] = (radius * cos) as f32;
            if let Some(second) = pair.get_mut(1) {
                *second = (radius * sin) as f32;
            }
        }
    }

    /// Fills with values uniform in `[-bound, bound)`.
    pub(crate) fn fill_uniform(&mut self, out: &mut [f32], bound: f64) {
        for v in out {
            *v = ((2.0 * self.uniform() - 1.0) * bound) as f32;
        }
    }
}
