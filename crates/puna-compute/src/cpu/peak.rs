//! What the machine can do at best, measured: the yardstick beside every benchmark.

use super::gemm::Shared;
use super::isa::{Isa, kernel};
use super::matrix;
use super::team::Team;
use crate::buffer::HostBuf;
use crate::ops::Result;
use std::hint::black_box;
use std::time::Instant;

/// Turns of a run of [`spin`], or of the matrix unit's.
const STEPS: usize = 200_000;
const CHAINS: usize = 12;

kernel! {
    /// Independent chains of multiply-adds that never leave the registers; returns a value so that
    /// they are not optimised away.
    fn spin<S>(steps: usize, seed: f32) -> f32 {
        let mut acc = [S::splat(seed); CHAINS];
        let (a, b) = (S::splat(0.999_999), S::splat(1e-6));
        for _ in 0..steps {
            for acc in &mut acc {
                *acc = S::mul_add(*acc, a, b);
            }
        }
        let sum = acc.iter().fold(S::splat(0.0), |sum, &v| S::add(sum, v));
        S::sum(sum)
    }
}

kernel! {
    fn read<S>(x: &[f32]) -> f32 {
        let mut acc = [S::splat(0.0); 8];
        for chunk in x.chunks_exact(8 * S::LANES) {
            for (j, acc) in acc.iter_mut().enumerate() {
                *acc = S::max(*acc, S::load(chunk.as_ptr().add(j * S::LANES)));
            }
        }
        S::highest(acc.into_iter().fold(S::splat(0.0), |a, b| S::max(a, b)))
    }
}

/// Highest rate of f32 operations of `threads` threads together, in 10⁹ a second: the best of
/// several runs of nothing but multiply-adds in registers, or of the matrix unit's products, as many
/// as an f32 product takes.
pub fn peak_gflops(isa: Isa, threads: usize) -> f64 {
    let mut team = Team::new(threads);
    best_rate(8, || {
        let each = if isa == Isa::Amx {
            team.run(&|_| matrix::spin(STEPS));
            matrix::spin_operations(STEPS)
        } else {
            team.run(&|_| {
                black_box(spin(isa, STEPS, black_box(1.0)));
            });
            STEPS * CHAINS * lanes(isa) * 2
        };
        (each * threads) as f64
    }) / 1e9
}

fn lanes(isa: Isa) -> usize {
    super::panels::tile_shape(isa).0
}

/// Highest rate at which `threads` threads together read memory that no cache holds, in 10⁹ bytes a
/// second.
pub fn read_bandwidth(threads: usize) -> Result<f64> {
    let isa = Isa::best();
    let len = 128 << 20;
    let mut buf = HostBuf::zeros(len)?;
    // Touched, so that every page is really there.
    buf.fill(1.0);
    let mut team = Team::new(threads);
    let from = Shared(buf.as_mut_ptr());
    Ok(best_rate(5, || {
        team.split(len, 1 << 16, &|range| {
            // SAFETY: a part of `buf`, only read.
            let part =
                unsafe { std::slice::from_raw_parts(from.get().add(range.start), range.len()) };
            black_box(read(isa, part));
        });
        (len * 4) as f64
    }) / 1e9)
}

fn best_rate(runs: usize, mut work: impl FnMut() -> f64) -> f64 {
    (0..runs)
        .map(|_| {
            let start = Instant::now();
            let amount = work();
            amount / start.elapsed().as_secs_f64()
        })
        .fold(0.0, f64::max)
}
