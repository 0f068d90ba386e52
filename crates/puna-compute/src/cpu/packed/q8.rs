//! Products with Q8_0 weights: signed bytes by signed bytes, summed in integers over blocks of 32.
//!
//! A panel is, for each block of 32 depths, `[8 groups of 4 depths][width][4]` bytes and then `[width]`
//! half-float scales. A byte is a weight plus 128: the dot products of x86 want one unsigned factor.
//! What the 128 adds to a sum depends on the activations alone, so it is taken off as each sum begins.

use super::super::isa::{Isa, kernel};
#[cfg(target_arch = "x86_64")]
use super::super::simd::Avx512;
use super::super::simd::{Simd, prefetch};
use super::super::tile::{pick_tile, put};
use super::super::view::Target;
use half::f16;

/// Depths that share a scale.
pub(super) const BLOCK: usize = 32;
/// Bytes ahead in weights that are read once.
const STREAM_AHEAD: usize = 8192;

/// Depths that one dot product takes.
const GROUP: usize = 4;
const GROUPS: usize = BLOCK / GROUP;

/// A block of one row of activations.
#[repr(C)]
pub(super) struct Activations {
    scale: f32,
    /// What every sum begins with: -128 times the sum of the bytes.
    start: i32,
    /// Four signed bytes each, in memory order.
    groups: [i32; GROUPS],
}

/// Size of [`Activations`] in scratch.
pub(super) const ACTIVATION_WORDS: usize = size_of::<Activations>() / size_of::<f32>();

/// Writes a panel `[depth][width]`.
pub(super) fn write(to: &mut [u8], panel: &[f32], width: usize) {
    let blocks = panel.chunks_exact(BLOCK * width);
    for (to, block) in to.chunks_exact_mut((BLOCK + 2) * width).zip(blocks) {
        let (bytes, scales) = to.split_at_mut(BLOCK * width);
        for j in 0..width {
            let column = || block[j..].iter().step_by(width);
            // Not `f32::max`, which would drop a NaN.
            let keeps = |m: f32, x: &f32| m.is_nan() || x.abs() <= m;
            let largest = column().fold(0.0f32, |m, x| if keeps(m, x) { m } else { x.abs() });
            let scale = largest / 127.0;
            let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
            for (k, x) in column().enumerate() {
                let byte = ((x * inverse).round() as i8).cast_unsigned() ^ 128;
                bytes[(k / GROUP * width + j) * GROUP + k % GROUP] = byte;
            }
            let scale = f16::from_f32(scale).to_bits().to_ne_bytes();
            scales[2 * j..2 * j + 2].copy_from_slice(&scale);
        }
    }
}

kernel! {
    /// Rounds a row to blocks of [`Activations`]; a NaN makes the scale of its block one.
    pub(super) fn round_blocks<S>(to: *mut f32, from: *const f32, depth: usize) {
        let to = to.cast::<Activations>();
        let from = std::slice::from_raw_parts(from, depth);
        for (b, block) in from.as_chunks::<BLOCK>().0.iter().enumerate() {
            // By their bits, in which a NaN is above any number.
            let largest = block.iter().fold(0, |m, x| m.max(x.abs().to_bits()));
            let scale = f32::from_bits(largest) / 127.0;
            // A block so near zero, or with an infinity, that there is no inverse: the scale tells.
            let usable = (f32::MIN_POSITIVE..f32::INFINITY).contains(&scale);
            let inverse = if usable { 1.0 / scale } else { 0.0 };
            let mut bytes = [0i8; BLOCK];
            for (byte, x) in bytes.iter_mut().zip(block) {
                // Adding 3 * 2^22 leaves the nearest integer in the lowest bits, ties to even.
                *byte = (x * inverse + 12_582_912.0).to_bits() as i8;
            }
            let sum: i32 = bytes.iter().map(|&x| i32::from(x)).sum();
            to.add(b).write(Activations {
                scale,
                start: -128 * sum,
                groups: std::mem::transmute::<[i8; BLOCK], [i32; GROUPS]>(bytes),
            });
        }
    }
}

/// Four products of bytes a lane.
///
/// # Safety
/// `dot` only where the instruction set is.
unsafe trait Dot<S: Simd> {
    /// Adds to each lane the four products of its unsigned bytes `w` with the signed bytes `x`.
    unsafe fn dot(sum: S::I, w: S::I, x: i32) -> S::I;
}

/// With what every machine of the instruction set has.
struct Plain;

// SAFETY: passed through.
unsafe impl<S: Simd> Dot<S> for Plain {
    #[inline(always)]
    unsafe fn dot(sum: S::I, w: S::I, x: i32) -> S::I {
        // SAFETY: passed through.
        unsafe { S::dot_bytes(sum, w, x) }
    }
}

/// With `vpdpbusd` of AVX-512 VNNI.
#[cfg(target_arch = "x86_64")]
struct Vnni;

#[cfg(target_arch = "x86_64")]
// SAFETY: called from `vnni` only.
unsafe impl Dot<Avx512> for Vnni {
    #[inline(always)]
    unsafe fn dot(
        sum: std::arch::x86_64::__m512i,
        w: std::arch::x86_64::__m512i,
        x: i32,
    ) -> std::arch::x86_64::__m512i {
        use std::arch::x86_64::*;
        // SAFETY: the caller has the instruction.
        unsafe { _mm512_dpbusd_epi32(sum, w, _mm512_set1_epi32(x)) }
    }
}

/// `rows x width` outputs of one panel of `blocks` blocks; the rows of `a` are `stride` blocks apart.
#[allow(clippy::too_many_arguments)]
pub(super) fn product(
    isa: Isa,
    rows: usize,
    blocks: usize,
    width: usize,
    a: *const Activations,
    stride: usize,
    b: *const u8,
    c: Target,
) {
    #[cfg(target_arch = "x86_64")]
    if isa.has_avx512() && is_x86_feature_detected!("avx512vnni") {
        // SAFETY: the features were detected; the caller answers for the pointers.
        return unsafe { vnni(rows, blocks, width, a, stride, b, c) };
    }
    plain(isa, rows, blocks, width, a, stride, b, c);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c")]
unsafe fn vnni(
    rows: usize,
    blocks: usize,
    width: usize,
    a: *const Activations,
    stride: usize,
    b: *const u8,
    c: Target,
) {
    // SAFETY: passed through.
    unsafe { tiles::<Avx512, Vnni>(rows, blocks, width, a, stride, b, c) }
}

kernel! {
    fn plain<S>(
        rows: usize, blocks: usize, width: usize, a: *const Activations, stride: usize, b: *const u8, c: Target,
    ) {
        tiles::<S, Plain>(rows, blocks, width, a, stride, b, c)
    }
}

#[inline(always)]
unsafe fn tiles<S: Simd, D: Dot<S>>(
    rows: usize,
    blocks: usize,
    width: usize,
    a: *const Activations,
    stride: usize,
    b: *const u8,
    c: Target,
) {
    let mut i = 0;
    while i < rows {
        // Half of the rows of a tile of `f32`: each output has an integer sum besides.
        let n = (rows - i).min(S::TILE_ROWS / 2);
        let a = a.wrapping_add(i * stride);
        let c = c.skip_rows(i);
        let vectors = width / S::LANES;
        // SAFETY: passed through.
        unsafe { pick_tile!(S, (n, vectors), [1, 2, 3, 4], tile [S, D] (blocks, a, stride, b, c)) }
        i += n;
    }
}

// Constant bounds and plain indices keep the sums in registers.
#[allow(clippy::needless_range_loop)]
#[inline(always)]
unsafe fn tile<S: Simd, D: Dot<S>, const M: usize, const N: usize>(
    blocks: usize,
    a: *const Activations,
    stride: usize,
    mut b: *const u8,
    c: Target,
) {
    let width = N * S::LANES;
    // SAFETY: the caller has the instruction set and answers for the pointers.
    unsafe {
        let mut acc = [[S::splat(0.0); N]; M];
        for block in 0..blocks {
            let rows: [&Activations; M] = std::array::from_fn(|i| &*a.add(i * stride + block));
            let mut sums: [[S::I; N]; M] =
                std::array::from_fn(|i| [S::splat_int(rows[i].start); N]);
            for g in 0..GROUPS {
                let at = b.add(g * width * GROUP);
                if M <= 2 {
                    // Weights that are read once come from memory; the machine does not ask far ahead.
                    for v in 0..N {
                        prefetch(at.wrapping_add(v * S::LANES * GROUP + STREAM_AHEAD));
                    }
                }
                let w: [S::I; N] =
                    std::array::from_fn(|v| S::load_int(at.add(v * S::LANES * GROUP).cast()));
                for i in 0..M {
                    for v in 0..N {
                        sums[i][v] = D::dot(sums[i][v], w[v], rows[i].groups[g]);
                    }
                }
            }
            let scales = b.add(BLOCK * width).cast::<u16>();
            for v in 0..N {
                let scale = S::load_f16(scales.add(v * S::LANES));
                for i in 0..M {
                    let scale = S::mul(scale, S::splat(rows[i].scale));
                    acc[i][v] = S::mul_add(S::to_float(sums[i][v]), scale, acc[i][v]);
                }
            }
            b = b.add((BLOCK + 2) * width);
        }
        put::<S, M, N>(acc, c);
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    /// With VNNI and without, the same integers and so the same bits, at the ends of the range too.
    #[test]
    fn instructions_for_bytes_agree() {
        if !(Isa::available().contains(&Isa::Avx512) && is_x86_feature_detected!("avx512vnni")) {
            return puna_needs::skip("AVX-512 VNNI");
        }
        let (rows, depth, width) = (7, 96, 48);
        let value = |i: usize| match i % 7 {
            0 => 1.0,
            1 => -1.0,
            _ => ((i * 2_654_435_761) % 2001) as f32 / 1000.0 - 1.0,
        };
        let mut panel = vec![0u8; depth / BLOCK * (BLOCK + 2) * width];
        let weights: Vec<f32> = (0..depth * width).map(|i| value(i + 3)).collect();
        write(&mut panel, &weights, width);
        let x: Vec<f32> = (0..rows * depth).map(value).collect();
        let stride = depth / BLOCK;
        let mut a = vec![0.0f32; rows * stride * ACTIVATION_WORDS];
        round_blocks(Isa::Avx512, a.as_mut_ptr(), x.as_ptr(), rows * depth);
        let run = |product: &dyn Fn(*const Activations, Target)| {
            let mut out = vec![f32::NAN; rows * width];
            let c = Target {
                ptr: out.as_mut_ptr(),
                stride: width,
                cols: width,
                add: false,
            };
            product(a.as_ptr().cast(), c);
            out
        };
        let b = panel.as_ptr();
        let with = run(&|a, c| product(Isa::Avx512, rows, stride, width, a, stride, b, c));
        let without = run(&|a, c| plain(Isa::Avx512, rows, stride, width, a, stride, b, c));
        assert_eq!(with, without);
        let exact: f32 = (0..depth).map(|k| x[k] * weights[k * width]).sum();
        assert!((with[0] - exact).abs() < 0.2, "{} and {exact}", with[0]);
    }
}
