//! Products with bfloat16 weights: widened to `f32`, or by pairs where the machine can.

use super::super::isa::{Isa, kernel};
#[cfg(target_arch = "x86_64")]
use super::super::simd::{Avx512, Simd, prefetch};
use super::super::tile::{Bf16Panel, tiles};
#[cfg(target_arch = "x86_64")]
use super::super::tile::{pick_tile, put};
use super::super::view::{Target, View};
use half::bf16;

/// Whether products go by pairs: `vdpbf16ps` of AVX-512 BF16.
pub(super) fn has_pairs(isa: Isa) -> bool {
    #[cfg(target_arch = "x86_64")]
    return isa.has_avx512() && is_x86_feature_detected!("avx512bf16");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// Writes a panel as `[depth][width]`.
pub(super) fn write(to: &mut [u8], panel: &[f32]) {
    for (to, &x) in to.chunks_exact_mut(2).zip(panel) {
        to.copy_from_slice(&bf16::from_f32(x).to_bits().to_ne_bytes());
    }
}

/// Writes a panel `[depth][width]` as `[depth / 2][width][2]`; an odd depth is filled up with zero.
pub(super) fn write_pairs(to: &mut [u8], panel: &[f32], width: usize) {
    let rows = panel.chunks(2 * width);
    for (to, two) in to.chunks_exact_mut(4 * width).zip(rows) {
        for (j, to) in to.chunks_exact_mut(4).enumerate() {
            let low = bf16::from_f32(two[j]);
            let high = two
                .get(width + j)
                .map_or(bf16::ZERO, |&x| bf16::from_f32(x));
            to[..2].copy_from_slice(&low.to_bits().to_ne_bytes());
            to[2..].copy_from_slice(&high.to_bits().to_ne_bytes());
        }
    }
}

/// The bits of the nearest bfloat16, ties to even; without a branch, so that it is vectorised.
#[inline(always)]
fn round_bits(x: f32) -> u32 {
    let bits = x.to_bits();
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
    let quiet = (bits >> 16) | 0x40;
    if x.is_nan() { quiet } else { rounded }
}

kernel! {
    /// Rounds a row to pairs, the first of a pair in the low half.
    pub(super) fn round_pairs<S>(to: *mut f32, from: *const f32, depth: usize) {
        let from = std::slice::from_raw_parts(from, depth);
        let to = std::slice::from_raw_parts_mut(to.cast::<u32>(), depth.div_ceil(2));
        let (pairs, rest) = from.as_chunks::<2>();
        for (to, &[low, high]) in to.iter_mut().zip(pairs) {
            *to = round_bits(low) | round_bits(high) << 16;
        }
        if let (Some(to), &[low]) = (to.last_mut(), rest) {
            *to = round_bits(low);
        }
    }
}

kernel! {
    pub(super) fn product<S>(rows: usize, depth: usize, width: usize, a: View, b: *const u16, c: Target) {
        tiles::<S, _>(rows, depth, width, a, Bf16Panel(b), c)
    }
}

kernel! {
    pub(super) fn widen<S>(to: *mut f32, from: *const u16, depth: usize, width: usize) {
        let mut i = 0;
        while i < depth * width {
            S::store(to.add(i), S::load_bf16(from.add(i)));
            i += S::LANES;
        }
    }
}

/// `rows x width` outputs of one panel: `pairs` pairs of each row of `a`, `stride` pairs apart, by
/// `[pairs][width]` pairs of weights.
#[allow(clippy::too_many_arguments)]
pub(super) fn product_pairs(
    isa: Isa,
    rows: usize,
    pairs: usize,
    width: usize,
    a: *const u32,
    stride: usize,
    b: *const u32,
    c: Target,
) {
    #[cfg(target_arch = "x86_64")]
    if has_pairs(isa) {
        // SAFETY: the features were detected; the caller answers for the pointers.
        return unsafe { avx512(rows, pairs, width, a, stride, b, c) };
    }
    let _ = (isa, rows, pairs, width, a, stride, b, c);
    unreachable!("weights are laid out by pairs only where the machine multiplies them");
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,f16c")]
unsafe fn avx512(
    rows: usize,
    pairs: usize,
    width: usize,
    a: *const u32,
    stride: usize,
    b: *const u32,
    c: Target,
) {
    let mut i = 0;
    while i < rows {
        let n = (rows - i).min(Avx512::TILE_ROWS);
        let a = a.wrapping_add(i * stride);
        let c = c.skip_rows(i);
        let vectors = width / Avx512::LANES;
        // SAFETY: passed through.
        unsafe {
            pick_tile!(Avx512, (n, vectors), [1, 2, 3, 4, 5, 6, 7, 8], pairs_tile [] (pairs, a, stride, b, c))
        }
        i += n;
    }
}

// Constant bounds and plain indices keep the sums in registers.
#[allow(clippy::needless_range_loop)]
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,f16c")]
unsafe fn pairs_tile<const M: usize, const N: usize>(
    pairs: usize,
    a: *const u32,
    stride: usize,
    mut b: *const u32,
    c: Target,
) {
    /// Bytes ahead in weights that are read once.
    const STREAM_AHEAD: usize = 4096;
    use std::arch::x86_64::*;
    // SAFETY: this function has the features; the caller answers for the pointers; the two types of
    // vector hold any bits.
    unsafe {
        let bits = |v: __m512i| std::mem::transmute::<__m512i, __m512bh>(v);
        let rows: [*const u32; M] = std::array::from_fn(|i| a.wrapping_add(i * stride));
        let mut acc = [[_mm512_setzero_ps(); N]; M];
        for k in 0..pairs {
            let w: [__m512bh; N] =
                std::array::from_fn(|v| bits(_mm512_loadu_si512(b.add(v * 16).cast())));
            if M <= 2 {
                for v in 0..N {
                    prefetch(b.cast::<u8>().wrapping_add(v * 64 + STREAM_AHEAD));
                }
            }
            for i in 0..M {
                let x = bits(_mm512_set1_epi32((*rows[i].add(k)).cast_signed()));
                for v in 0..N {
                    acc[i][v] = _mm512_dpbf16_ps(acc[i][v], w[v], x);
                }
            }
            b = b.add(N * 16);
        }
        put::<Avx512, M, N>(acc, c);
    }
}
