//! Backward of attention in blocks (Dao et al. 2022): probabilities are computed again from the
//! scores and the kept log of the sum of exponentials.

use super::Cpu;
use super::attention::{KEY_BLOCK, Layout, QUERY_BLOCK, deal, rank_scratch};
use super::gemm::Shared;
use super::isa::{Isa, kernel};
use super::norm::dot;
use super::view::View;
use crate::ops::{AttentionShape, Segment};

/// Packed forms and sums of one head, for the longest segment.
#[derive(Clone, Copy)]
struct Arena {
    /// Keys and values with the rows as columns, for the scores and for `dout vᵀ`.
    keys_t: *mut f32,
    values_t: *mut f32,
    /// Keys, queries and `dout` with the rows as depth, for the three gradients.
    keys: *mut f32,
    queries: *mut f32,
    dout: *mut f32,
    dkeys: *mut f32,
    dvalues: *mut f32,
    /// `[QUERY_BLOCK, KEY_BLOCK]` probabilities and gradients of scores.
    p: *mut f32,
    ds: *mut f32,
    /// Row sums of `dout * out`.
    delta: *mut f32,
}

impl Arena {
    fn len(layout: &Layout, n: usize) -> usize {
        2 * layout.transposed_len(n) + 5 * layout.depth_len(n) + 2 * QUERY_BLOCK * KEY_BLOCK + n
    }

    fn new(layout: &Layout, n: usize, mut at: *mut f32) -> Self {
        let mut take = |len: usize| {
            let part = at;
            at = at.wrapping_add(len);
            part
        };
        let (t, d, block) = (
            layout.transposed_len(n),
            layout.depth_len(n),
            QUERY_BLOCK * KEY_BLOCK,
        );
        Self {
            keys_t: take(t),
            values_t: take(t),
            keys: take(d),
            queries: take(d),
            dout: take(d),
            dkeys: take(d),
            dvalues: take(d),
            p: take(block),
            ds: take(block),
            delta: take(n),
        }
    }
}

/// Values that the backward over segments of so many rows works in; the forward works in fewer.
pub(super) fn values(isa: Isa, rows: usize, head_dim: usize) -> usize {
    Arena::len(&Layout::new(isa, head_dim), rows)
}

pub(super) fn backward(
    cpu: &mut Cpu,
    dqkv: &mut [f32],
    dout: &[f32],
    out: &[f32],
    lse: &[f32],
    qkv: &[f32],
    segments: &[Segment],
    shape: AttentionShape,
) {
    let (isa, hd) = (cpu.isa, shape.head_dim);
    let layout = Layout::new(isa, hd);
    let longest = segments.iter().map(|s| s.len).max().unwrap_or(0);
    let scratch = rank_scratch(cpu, Arena::len(&layout, longest));
    let (width, q_width, group) = (shape.qkv_width(), shape.q_width(), shape.group());
    let scale = 1.0 / (hd as f32).sqrt();
    let dqkv = Shared(dqkv.as_mut_ptr());
    deal(cpu, segments.len() * shape.kv_heads, &|rank, item| {
        let (s, kv_head) = (segments[item / shape.kv_heads], item % shape.kv_heads);
        let n = s.len;
        let a = Arena::new(&layout, n, scratch[rank].get());
        let padded = layout.columns.padded;
        let at = |head: usize| qkv[s.start * width + head * hd..].as_ptr();
        let (key, value) = (
            shape.heads + kv_head,
            shape.heads + shape.kv_heads + kv_head,
        );
        layout.pack_transposed(isa, a.keys_t, at(key), width, n);
        layout.pack_transposed(isa, a.values_t, at(value), width, n);
        layout.pack_depth(isa, a.keys, at(key), width, n, n);
        // SAFETY: both lie in the arena, `n * padded` values each.
        unsafe {
            std::slice::from_raw_parts_mut(a.dkeys, n * padded).fill(0.0);
            std::slice::from_raw_parts_mut(a.dvalues, n * padded).fill(0.0);
        }
        for head in kv_head * group..(kv_head + 1) * group {
            let row_of = |buf: &[f32]| buf[s.start * q_width + head * hd..].as_ptr();
            let (dout, out) = (row_of(dout), row_of(out));
            layout.pack_depth(isa, a.queries, at(head), width, n, n);
            layout.pack_depth(isa, a.dout, dout, q_width, n, n);
            row_dots(isa, a.delta, dout, out, q_width, n, hd);
            let lse = lse[s.start * shape.heads + head..].as_ptr();
            for row in (0..n).step_by(QUERY_BLOCK) {
                let rows = (n - row).min(QUERY_BLOCK);
                let q = View {
                    ptr: at(head).wrapping_add(row * width),
                    row: width,
                    col: 1,
                };
                let d = View {
                    ptr: dout.wrapping_add(row * q_width),
                    row: q_width,
                    col: 1,
                };
                let dq = dqkv.get().wrapping_add((s.start + row) * width + head * hd);
                for start in (0..row + rows).step_by(KEY_BLOCK) {
                    let keys = (row + rows - start).min(KEY_BLOCK);
                    layout.times_transposed(isa, a.p, q, rows, a.keys_t, start, keys);
                    layout.times_transposed(isa, a.ds, d, rows, a.values_t, start, keys);
                    let visible = (row + 1) as isize - start as isize;
                    let lse = lse.wrapping_add(row * shape.heads);
                    let delta = a.delta.wrapping_add(row);
                    probabilities(
                        isa,
                        a.p,
                        a.ds,
                        rows,
                        keys,
                        visible,
                        lse,
                        shape.heads,
                        delta,
                        scale,
                    );
                    let ds = View {
                        ptr: a.ds,
                        row: KEY_BLOCK,
                        col: 1,
                    };
                    layout.times_depth(
                        isa,
                        dq,
                        width,
                        start > 0,
                        ds,
                        (rows, keys),
                        a.keys,
                        (start, n),
                    );
                    let transposed = |ptr: *mut f32| View {
                        ptr,
                        row: 1,
                        col: KEY_BLOCK,
                    };
                    let to = |buf: *mut f32| buf.wrapping_add(start * padded);
                    let size = (keys, rows);
                    layout.times_depth(
                        isa,
                        to(a.dvalues),
                        padded,
                        true,
                        transposed(a.p),
                        size,
                        a.dout,
                        (row, n),
                    );
                    layout.times_depth(
                        isa,
                        to(a.dkeys),
                        padded,
                        true,
                        transposed(a.ds),
                        size,
                        a.queries,
                        (row, n),
                    );
                }
            }
        }
        for (sums, head) in [(a.dkeys, key), (a.dvalues, value)] {
            for r in 0..n {
                let to = dqkv.get().wrapping_add((s.start + r) * width + head * hd);
                // SAFETY: a row of this head in `dqkv`, written by this item alone.
                unsafe { std::ptr::copy_nonoverlapping(sums.add(r * padded), to, hd) };
            }
        }
    });
}

kernel! {
    fn row_dots<S>(to: *mut f32, a: *const f32, b: *const f32, stride: usize, rows: usize, dim: usize) {
        for r in 0..rows {
            *to.add(r) = dot::<S>(a.add(r * stride), b.add(r * stride), dim);
        }
    }
}

kernel! {
    /// Scores to probabilities in `p`, and in `ds`, which comes as `dout vᵀ`, the gradient of the
    /// scores before scaling: `p * (ds - delta) * scale`. Keys a row does not see become zeros.
    fn probabilities<S>(
        p: *mut f32, ds: *mut f32, rows: usize, keys: usize, visible: isize,
        lse: *const f32, lse_stride: usize, delta: *const f32, scale: f32,
    ) {
        for r in 0..rows {
            let (p, ds) = (p.add(r * KEY_BLOCK), ds.add(r * KEY_BLOCK));
            let visible = (visible + r as isize).clamp(0, keys as isize) as usize;
            let (shift, delta) = (S::splat(-*lse.add(r * lse_stride)), S::splat(*delta.add(r)));
            let factor = S::splat(scale);
            let (whole, rest) = (visible / S::LANES * S::LANES, visible % S::LANES);
            let zero = S::splat(0.0);
            let mut i = 0;
            while i < whole {
                let prob = S::exp(S::mul_add(S::load(p.add(i)), factor, shift));
                let grad = S::mul(S::mul(prob, S::sub(S::load(ds.add(i)), delta)), factor);
                S::store(p.add(i), prob);
                S::store(ds.add(i), grad);
                i += S::LANES;
            }
            if rest > 0 {
                let prob = S::exp(S::mul_add(S::load(p.add(i)), factor, shift));
                let grad = S::mul(S::mul(prob, S::sub(S::load(ds.add(i)), delta)), factor);
                S::store(p.add(i), S::first(rest, prob, zero));
                S::store(ds.add(i), S::first(rest, grad, zero));
                i += S::LANES;
            }
            // A row has room for whole vectors.
            while i < keys {
                S::store(p.add(i), zero);
                S::store(ds.add(i), zero);
                i += S::LANES;
            }
        }
    }
}
