//! A small generator, so that every run of the suite sees the same numbers.

/// SplitMix64 (Steele, Lea and Flood 2014).
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// An integer below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Normal values of deviation `scale`.
    pub fn normal(&mut self, len: usize, scale: f64) -> Vec<f32> {
        let mut draw = || {
            let angle = self.uniform() * std::f64::consts::TAU;
            (-2.0 * self.uniform().ln()).sqrt() * angle.cos()
        };
        (0..len).map(|_| (draw() * scale) as f32).collect()
    }

    /// Token numbers of a vocabulary.
    pub fn tokens(&mut self, len: usize, vocab: usize) -> Vec<u32> {
        (0..len).map(|_| self.below(vocab) as u32).collect()
    }
}
