//! The language-model head with its softmax, a chunk of rows at a time, so that the logits of a
//! whole batch never exist: log-probabilities, and in the same pass the gradients.

use super::Cpu;
use super::gemm::{Shared, gemm, gemm_packed, pack_all};
use super::isa::kernel;
use super::panels::Cut;
use super::simd::Simd;
use super::view::View;
use crate::ops::Write;

/// Rows whose logits exist at a time; fixed, so that sums never depend on the batch.
const CHUNK: usize = 128;

/// What the backward needs and fills.
pub(super) struct Backward<'a> {
    pub dx: &'a mut [f32],
    pub dhead: &'a mut [f32],
    pub coefficients: &'a [f32],
    /// How `dhead` is written.
    pub write: Write,
}

#[allow(clippy::too_many_arguments)]
pub(super) fn logprobs(
    cpu: &mut Cpu,
    logprobs: &mut [f32],
    x: &[f32],
    head: &[f32],
    targets: &[u32],
    dim: usize,
    vocab: usize,
    mut backward: Option<Backward<'_>>,
) {
    check(logprobs, targets, vocab);
    if targets.is_empty() {
        if let Some(b) = backward
            && b.write == Write::Set
        {
            b.dhead[..vocab * dim].fill(0.0);
        }
        return;
    }
    let isa = cpu.isa;
    let cut = Cut::fastest(isa, dim, vocab);
    // Packed once for all chunks: a chunk has too few rows to pay for a transposition.
    let packed = Shared(cpu.scratch.head.ensure(cut.len()));
    let by_output = View {
        ptr: head.as_ptr(),
        row: 1,
        col: dim,
    };
    cpu.team.split(cut.panels(), 1, &|range| {
        pack_all(isa, cut, range, packed.get(), by_output)
    });
    let logits = cpu.scratch.logits.ensure(CHUNK.min(targets.len()) * vocab);
    for start in (0..targets.len()).step_by(CHUNK) {
        let rows = (targets.len() - start).min(CHUNK);
        let x_chunk = &x[start * dim..(start + rows) * dim];
        let a = View {
            ptr: x_chunk.as_ptr(),
            row: dim,
            col: 1,
        };
        gemm_packed(cpu, cut, packed.get(), rows, a, logits, vocab, false);
        let chunk = Chunk {
            logits: Shared(logits),
            logprobs: Shared(logprobs[start..].as_mut_ptr()),
            targets: &targets[start..start + rows],
            coefficients: backward
                .as_ref()
                .map(|b| &b.coefficients[start..start + rows]),
            vocab,
        };
        cpu.team
            .split(rows, 1, &|range| softmax_rows(isa, chunk, range));
        if let Some(b) = &mut backward {
            let dlogits = View {
                ptr: logits,
                row: vocab,
                col: 1,
            };
            let table = View {
                ptr: head.as_ptr(),
                row: dim,
                col: 1,
            };
            gemm(
                cpu,
                (rows, dim, vocab),
                dlogits,
                table,
                b.dx[start * dim..].as_mut_ptr(),
                dim,
                false,
            );
            let transposed = View {
                ptr: logits,
                row: 1,
                col: vocab,
            };
            gemm(
                cpu,
                (vocab, dim, rows),
                transposed,
                a,
                b.dhead.as_mut_ptr(),
                dim,
                b.write == Write::Add || start > 0,
            );
        }
    }
}

/// The same for logits that exist already.
pub(super) fn logprobs_of_logits(
    cpu: &mut Cpu,
    logprobs: &mut [f32],
    logits: &[f32],
    targets: &[u32],
    vocab: usize,
) {
    check(logprobs, targets, vocab);
    let chunk = Chunk {
        // Only written to where there are coefficients.
        logits: Shared(logits.as_ptr().cast_mut()),
        logprobs: Shared(logprobs.as_mut_ptr()),
        targets,
        coefficients: None,
        vocab,
    };
    let isa = cpu.isa;
    cpu.team
        .split(targets.len(), 1, &|range| softmax_rows(isa, chunk, range));
}

fn check(logprobs: &[f32], targets: &[u32], vocab: usize) {
    assert_eq!(
        logprobs.len(),
        targets.len(),
        "a log-probability for every target"
    );
    let last = targets.iter().copied().max().unwrap_or(0) as usize;
    assert!(
        targets.is_empty() || last < vocab,
        "target {last} in a vocabulary of {vocab}"
    );
}

#[derive(Clone, Copy)]
struct Chunk<'a> {
    /// `[rows, vocab]`; becomes the gradient of the logits where there are coefficients.
    logits: Shared,
    logprobs: Shared,
    targets: &'a [u32],
    coefficients: Option<&'a [f32]>,
    vocab: usize,
}

/// Loads a vector of a row of `n`, the last one padded.
#[inline(always)]
unsafe fn load_padded<S: Simd>(row: *const f32, i: usize, n: usize, pad: f32) -> S::V {
    // SAFETY: reads only below `n`.
    unsafe {
        if i + S::LANES <= n {
            return S::load(row.add(i));
        }
        let mut last = [pad; 16];
        std::ptr::copy_nonoverlapping(row.add(i), last.as_mut_ptr(), n - i);
        S::load(last.as_ptr())
    }
}

kernel! {
    fn softmax_rows<S>(chunk: Chunk<'_>, range: std::ops::Range<usize>) {
        let n = chunk.vocab;
        for r in range {
            let row = chunk.logits.0.add(r * n);
            let mut top = [S::splat(f32::NEG_INFINITY); 2];
            let mut i = 0;
            while i < n {
                top[i / S::LANES % 2] = S::max(top[i / S::LANES % 2], load_padded::<S>(row, i, n, f32::NEG_INFINITY));
                i += S::LANES;
            }
            let top = S::highest(S::max(top[0], top[1]));
            let target = *row.add(chunk.targets[r] as usize);
            let keep = chunk.coefficients.is_some();
            let mut sum = S::splat(0.0);
            let mut i = 0;
            while i < n {
                // Padding is far below the top and adds less than a rounding.
                let e = S::exp(S::sub(load_padded::<S>(row, i, n, f32::NEG_INFINITY), S::splat(top)));
                sum = S::add(sum, e);
                if keep {
                    store_padded::<S>(row, i, n, e);
                }
                i += S::LANES;
            }
            let sum = S::sum(sum);
            *chunk.logprobs.0.add(r) = (target - top) - sum.ln();
            if let Some(coefficients) = chunk.coefficients {
                let c = coefficients[r];
                let factor = S::splat(-c / sum);
                let mut i = 0;
                while i < n {
                    let e = load_padded::<S>(row, i, n, 0.0);
                    store_padded::<S>(row, i, n, S::mul(e, factor));
                    i += S::LANES;
                }
                *row.add(chunk.targets[r] as usize) += c;
            }
        }
    }
}

/// Stores a vector of a row of `n`, the last one cut.
#[inline(always)]
unsafe fn store_padded<S: Simd>(row: *mut f32, i: usize, n: usize, v: S::V) {
    // SAFETY: writes only below `n`.
    unsafe {
        if i + S::LANES <= n {
            return S::store(row.add(i), v);
        }
        S::store_part(row.add(i), n - i, v);
    }
}
