//! Causal grouped-query attention in blocks with a running softmax (Dao et al. 2022), one kernel for
//! training and for decoding.
//!
//! Keys and values are packed as panels; a key-value cache keeps them packed. Blocks of keys begin
//! at multiples of [`KEY_BLOCK`] from the sequence's start and a masked key contributes an exact
//! zero, so a query row gives the same bits whether it comes with its whole sequence or alone.

use super::Cpu;
use super::gemm::{Shared, panel_product};
use super::isa::{Isa, kernel};
use super::kv_cache::CpuKvCache;
use super::panels::{Cut, pack_panel, tile_shape};
use super::view::{Target, View};
use crate::ops::{AttentionShape, CachedSegment, Segment};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Keys taken together; a multiple of every tile's width.
pub(super) const KEY_BLOCK: usize = 96;
/// Query rows taken together; a multiple of every tile's rows.
pub(super) const QUERY_BLOCK: usize = 24;

/// Where the packed keys and values of one head lie.
#[derive(Clone, Copy)]
pub(super) struct HeadPanels {
    /// `[key / width][head_dim][width]`.
    pub keys: *const f32,
    /// For each group of columns of a value: `[capacity][columns]`.
    pub values: *const f32,
    pub capacity: usize,
}

// SAFETY: read-only while shared; the borrow is held by whoever made it.
unsafe impl Send for HeadPanels {}
// SAFETY: as above.
unsafe impl Sync for HeadPanels {}

/// Sizes of packed heads on an instruction set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub head_dim: usize,
    /// Columns of a key panel.
    pub width: usize,
    /// How the columns of a value are cut.
    pub columns: Cut,
}

impl Layout {
    pub fn new(isa: Isa, head_dim: usize) -> Self {
        Self {
            head_dim,
            width: tile_shape(isa).1,
            columns: Cut::vectors(isa, 1, head_dim),
        }
    }

    /// Values that `n` rows take packed with the rows as columns.
    pub fn transposed_len(&self, n: usize) -> usize {
        n.next_multiple_of(self.width) * self.head_dim
    }

    /// Values that `n` rows take packed with the rows as depth.
    pub fn depth_len(&self, n: usize) -> usize {
        n * self.columns.padded
    }

    /// Packs `n` rows at `from` as the columns of a product.
    pub fn pack_transposed(
        &self,
        isa: Isa,
        to: *mut f32,
        from: *const f32,
        stride: usize,
        n: usize,
    ) {
        let view = View {
            ptr: from,
            row: 1,
            col: stride,
        };
        for start in (0..n).step_by(self.width) {
            let out = to.wrapping_add(start * self.head_dim);
            pack_panel(isa, out, view, self.head_dim, start, self.width, n);
        }
    }

    /// Packs `n` rows at `from` as the depth of a product, with room for `capacity`.
    pub fn pack_depth(
        &self,
        isa: Isa,
        to: *mut f32,
        from: *const f32,
        stride: usize,
        n: usize,
        capacity: usize,
    ) {
        let view = View {
            ptr: from,
            row: stride,
            col: 1,
        };
        for p in 0..self.columns.panels() {
            let (col, width) = self.columns.panel(p);
            pack_panel(
                isa,
                to.wrapping_add(col * capacity),
                view,
                n,
                col,
                width,
                self.head_dim,
            );
        }
    }

    /// `to[rows, head_dim] (=|+=) a[rows, depth] b`, `b` packed by [`Layout::pack_depth`] from `first`.
    #[allow(clippy::too_many_arguments)]
    pub fn times_depth(
        &self,
        isa: Isa,
        to: *mut f32,
        stride: usize,
        add: bool,
        a: View,
        (rows, depth): (usize, usize),
        b: *const f32,
        (first, capacity): (usize, usize),
    ) {
        for p in 0..self.columns.panels() {
            let (col, width) = self.columns.panel(p);
            let b = b.wrapping_add(col * capacity + first * width);
            let c = Target {
                ptr: to.wrapping_add(col),
                stride,
                cols: self.head_dim - col,
                add,
            };
            panel_product(isa, rows, depth, width, a, b, c);
        }
    }

    /// `to[rows, n] = a[rows, head_dim] bᵀ` for the `n` packed columns from `first` (a multiple of the
    /// width), with a row stride of [`KEY_BLOCK`].
    pub fn times_transposed(
        &self,
        isa: Isa,
        to: *mut f32,
        a: View,
        rows: usize,
        b: *const f32,
        first: usize,
        n: usize,
    ) {
        for start in (0..n).step_by(self.width) {
            let b = b.wrapping_add((first + start) * self.head_dim);
            let c = Target {
                ptr: to.wrapping_add(start),
                stride: KEY_BLOCK,
                cols: self.width,
                add: false,
            };
            panel_product(isa, rows, self.head_dim, self.width, a, b, c);
        }
    }

    fn tile_len(&self) -> usize {
        QUERY_BLOCK * (KEY_BLOCK + self.columns.padded + 2)
    }
}

/// Queries of one head, and where their results go.
#[derive(Clone, Copy)]
struct Queries {
    rows: usize,
    q: View,
    /// Position of the first row, and how much each further row adds (0 for heads of one token).
    first: usize,
    step: usize,
    out: Shared,
    out_stride: usize,
    /// Log of the sum of exponentials, or null.
    lse: Shared,
    lse_stride: usize,
}

impl Queries {
    fn position(&self, row: usize) -> usize {
        self.first + row * self.step
    }
}

fn attend(isa: Isa, layout: Layout, scratch: *mut f32, queries: Queries, kv: HeadPanels) {
    let padded = layout.columns.padded;
    let scores = scratch;
    let sums = scratch.wrapping_add(QUERY_BLOCK * KEY_BLOCK);
    let highest = sums.wrapping_add(QUERY_BLOCK * padded);
    let total = highest.wrapping_add(QUERY_BLOCK);
    let scale = 1.0 / (layout.head_dim as f32).sqrt();
    for row in (0..queries.rows).step_by(QUERY_BLOCK) {
        let rows = (queries.rows - row).min(QUERY_BLOCK);
        let keys = queries.position(row + rows - 1) + 1;
        // SAFETY: the scratch holds `tile_len` values.
        unsafe {
            std::slice::from_raw_parts_mut(sums, QUERY_BLOCK * padded).fill(0.0);
            std::slice::from_raw_parts_mut(highest, QUERY_BLOCK).fill(f32::NEG_INFINITY);
            std::slice::from_raw_parts_mut(total, QUERY_BLOCK).fill(0.0);
        }
        let q = queries.q.offset(row, 0);
        for start in (0..keys).step_by(KEY_BLOCK) {
            let n = (keys - start).min(KEY_BLOCK);
            layout.times_transposed(isa, scores, q, rows, kv.keys, start, n);
            let state = Softmax {
                scores,
                sums,
                padded,
                highest,
                total,
                scale,
                first: start == 0,
            };
            // A row at position p sees keys 0..=p.
            let first_visible = (queries.position(row) + 1) as isize - start as isize;
            running_softmax(isa, state, rows, n, first_visible, queries.step as isize);
            let p = View {
                ptr: scores,
                row: KEY_BLOCK,
                col: 1,
            };
            layout.times_depth(
                isa,
                sums,
                padded,
                true,
                p,
                (rows, n),
                kv.values,
                (start, kv.capacity),
            );
        }
        finish(
            isa,
            queries,
            row,
            rows,
            layout.head_dim,
            sums,
            padded,
            highest,
            total,
        );
    }
}

/// The running state of a block of query rows.
#[derive(Clone, Copy)]
struct Softmax {
    /// `[rows, KEY_BLOCK]` products; becomes the probabilities, not yet normalised.
    scores: *mut f32,
    /// `[rows, padded]` sums of values so far.
    sums: *mut f32,
    padded: usize,
    highest: *mut f32,
    total: *mut f32,
    scale: f32,
    /// Whether this is the first block of keys.
    first: bool,
}

kernel! {
    fn running_softmax<S>(state: Softmax, rows: usize, keys: usize, visible: isize, step: isize) {
        for r in 0..rows {
            let scores = state.scores.add(r * KEY_BLOCK);
            let visible = (visible + r as isize * step).clamp(0, keys as isize) as usize;
            let (whole, rest) = (visible / S::LANES * S::LANES, visible % S::LANES);
            // A row of scores has room for whole vectors.
            let mut hidden = visible.next_multiple_of(S::LANES);
            while hidden < keys {
                S::store(scores.add(hidden), S::splat(0.0));
                hidden += S::LANES;
            }
            if visible == 0 {
                continue;
            }
            let lowest = S::splat(f32::NEG_INFINITY);
            let mut top = lowest;
            let mut i = 0;
            while i < whole {
                top = S::max(top, S::load(scores.add(i)));
                i += S::LANES;
            }
            if rest > 0 {
                top = S::max(top, S::first(rest, S::load(scores.add(i)), lowest));
            }
            let before = *state.highest.add(r);
            let highest = before.max(S::highest(top) * state.scale);
            let (scale, shift) = (S::splat(state.scale), S::splat(-highest));
            let mut sum = S::splat(0.0);
            let mut i = 0;
            while i < whole {
                let p = S::exp(S::mul_add(S::load(scores.add(i)), scale, shift));
                S::store(scores.add(i), p);
                sum = S::add(sum, p);
                i += S::LANES;
            }
            if rest > 0 {
                let p = S::exp(S::mul_add(S::load(scores.add(i)), scale, shift));
                let p = S::first(rest, p, S::splat(0.0));
                S::store(scores.add(i), p);
                sum = S::add(sum, p);
            }
            *state.highest.add(r) = highest;
            if state.first {
                // The sums are zeros, with nothing to shrink.
                *state.total.add(r) = S::sum(sum);
                continue;
            }
            let shrink = (before - highest).exp();
            *state.total.add(r) = *state.total.add(r) * shrink + S::sum(sum);
            if shrink != 1.0 {
                let sums = state.sums.add(r * state.padded);
                let mut i = 0;
                while i < state.padded {
                    S::store(sums.add(i), S::mul(S::load(sums.add(i)), S::splat(shrink)));
                    i += S::LANES;
                }
            }
        }
    }
}

kernel! {
    fn finish<S>(
        queries: Queries, row: usize, rows: usize, head_dim: usize,
        sums: *const f32, padded: usize, highest: *const f32, total: *const f32,
    ) {
        for r in 0..rows {
            let out = queries.out.0.add((row + r) * queries.out_stride);
            let inverse = 1.0 / *total.add(r);
            for j in 0..head_dim {
                *out.add(j) = *sums.add(r * padded + j) * inverse;
            }
            if !queries.lse.0.is_null() {
                *queries.lse.0.add((row + r) * queries.lse_stride) = *highest.add(r) + (*total.add(r)).ln();
            }
        }
    }
}

/// Hands `n` items to the team's members as they become free; items must not depend on each other.
pub(super) fn deal(cpu: &mut Cpu, n: usize, job: &(dyn Fn(usize, usize) + Sync)) {
    if cpu.team.size() == 1 || n == 1 {
        return (0..n).for_each(|item| job(0, item));
    }
    let next = AtomicUsize::new(0);
    cpu.team.run(&|rank| {
        loop {
            let item = next.fetch_add(1, Ordering::Relaxed);
            if item >= n {
                return;
            }
            job(rank, item);
        }
    });
}

pub(super) fn forward(
    cpu: &mut Cpu,
    out: &mut [f32],
    lse: &mut [f32],
    qkv: &[f32],
    segments: &[Segment],
    shape: AttentionShape,
) {
    let (isa, hd) = (cpu.isa, shape.head_dim);
    let layout = Layout::new(isa, hd);
    let longest = segments.iter().map(|s| s.len).max().unwrap_or(0);
    let (key_len, value_len) = (layout.transposed_len(longest), layout.depth_len(longest));
    let scratch = rank_scratch(cpu, key_len + value_len + layout.tile_len());
    let (width, group) = (shape.qkv_width(), shape.group());
    let (out, lse, qkv) = (
        Shared(out.as_mut_ptr()),
        Shared(lse.as_mut_ptr()),
        Shared(qkv.as_ptr().cast_mut()),
    );
    deal(cpu, segments.len() * shape.kv_heads, &|rank, item| {
        let (s, kv_head) = (segments[item / shape.kv_heads], item % shape.kv_heads);
        let at = |head: usize| qkv.get().wrapping_add(s.start * width + head * hd);
        let keys = scratch[rank].get();
        let values = keys.wrapping_add(key_len);
        layout.pack_transposed(isa, keys, at(shape.heads + kv_head), width, s.len);
        layout.pack_depth(
            isa,
            values,
            at(shape.heads + shape.kv_heads + kv_head),
            width,
            s.len,
            s.len,
        );
        let kv = HeadPanels {
            keys,
            values,
            capacity: s.len,
        };
        for head in kv_head * group..(kv_head + 1) * group {
            let queries = Queries {
                rows: s.len,
                q: View {
                    ptr: at(head),
                    row: width,
                    col: 1,
                },
                first: 0,
                step: 1,
                out: Shared(
                    out.get()
                        .wrapping_add(s.start * shape.q_width() + head * hd),
                ),
                out_stride: shape.q_width(),
                lse: Shared(lse.get().wrapping_add(s.start * shape.heads + head)),
                lse_stride: shape.heads,
            };
            attend(isa, layout, values.wrapping_add(value_len), queries, kv);
        }
    });
}

pub(super) fn cached(
    cpu: &mut Cpu,
    out: &mut [f32],
    qkv: &[f32],
    segments: &[CachedSegment],
    cache: &mut CpuKvCache,
    layer: usize,
) {
    let (isa, shape) = (cpu.isa, cache.shape);
    let layout = cache.layout;
    let (hd, width) = (shape.head_dim, shape.qkv_width());
    let scratch = rank_scratch(cpu, layout.tile_len());
    let group = shape.group();
    for s in segments {
        cache.append(layer, s, qkv);
    }
    let (cache, out, qkv) = (
        &*cache,
        Shared(out.as_mut_ptr()),
        Shared(qkv.as_ptr().cast_mut()),
    );
    deal(cpu, segments.len() * shape.kv_heads, &|rank, item| {
        let (s, kv_head) = (segments[item / shape.kv_heads], item % shape.kv_heads);
        let kv = cache.head(layer, s.slot, kv_head);
        let run = |head: usize, rows: usize, row: usize, out_stride: usize, step: usize| {
            let queries = Queries {
                rows,
                q: View {
                    ptr: qkv.get().wrapping_add(s.start * width + head * hd),
                    row,
                    col: 1,
                },
                first: s.past,
                step,
                out: Shared(
                    out.get()
                        .wrapping_add(s.start * shape.q_width() + head * hd),
                ),
                out_stride,
                lse: Shared(std::ptr::null_mut()),
                lse_stride: 0,
            };
            attend(isa, layout, scratch[rank].get(), queries, kv);
        };
        if s.len == 1 {
            // The heads that share these keys are as good as rows of one product.
            run(kv_head * group, group, hd, hd, 0);
        } else {
            for head in kv_head * group..(kv_head + 1) * group {
                run(head, s.len, width, shape.q_width(), 1);
            }
        }
    });
}

/// `len` values of attention scratch for each member.
pub(super) fn rank_scratch(cpu: &mut Cpu, len: usize) -> Vec<Shared> {
    cpu.scratch
        .ranks
        .iter_mut()
        .map(|r| Shared(r.attention.ensure(len)))
        .collect()
}
