//! Vectors of one width, so that a kernel is written once and compiled for each instruction set.
//!
//! `max` keeps its second operand when either is NaN, as x86 does: every kernel puts the value that
//! may be NaN second, and so loses none.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx512::Avx512;
#[cfg(target_arch = "aarch64")]
pub use neon::Neon;
pub use portable::Portable;

/// Asks for the cache line of `p`, which may be any address.
#[inline(always)]
pub fn prefetch(p: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint, which may be given any address; part of every x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = p;
}

/// Vectors of [`Simd::LANES`] `f32`.
///
/// # Safety
/// Every function may be called only on a machine that has the instruction set, and is fast only
/// inside a function compiled for it. Pointers must be valid for `LANES` elements.
#[allow(missing_docs)]
pub unsafe trait Simd: Copy + 'static {
    const LANES: usize;
    /// Rows of the micro-tile of a matrix product.
    const TILE_ROWS: usize;
    /// Most vectors in a row of that tile.
    const TILE_VECTORS: usize;
    type V: Copy;
    /// `LANES` 32-bit integers, or four bytes in each.
    type I: Copy;

    unsafe fn splat(x: f32) -> Self::V;
    unsafe fn load(p: *const f32) -> Self::V;
    unsafe fn store(p: *mut f32, v: Self::V);
    /// The first `n < LANES` values, and zeros.
    #[inline(always)]
    unsafe fn load_part(p: *const f32, n: usize) -> Self::V {
        let mut part = [0.0f32; 16];
        // SAFETY: `n` values are valid by the contract.
        unsafe {
            std::ptr::copy_nonoverlapping(p, part.as_mut_ptr(), n);
            Self::load(part.as_ptr())
        }
    }
    /// Stores the first `n < LANES` values.
    #[inline(always)]
    unsafe fn store_part(p: *mut f32, n: usize, v: Self::V) {
        let mut part = [0.0f32; 16];
        // SAFETY: `n` values are valid by the contract.
        unsafe {
            Self::store(part.as_mut_ptr(), v);
            std::ptr::copy_nonoverlapping(part.as_ptr(), p, n);
        }
    }
    /// The first `n < LANES` values of `v`, and behind them those of `rest`.
    #[inline(always)]
    unsafe fn first(n: usize, v: Self::V, rest: Self::V) -> Self::V {
        let mut mixed = [0.0f32; 16];
        // SAFETY: the array has room for any vector.
        unsafe {
            Self::store(mixed.as_mut_ptr(), rest);
            Self::store_part(mixed.as_mut_ptr(), n, v);
            Self::load(mixed.as_ptr())
        }
    }
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sqrt(a: Self::V) -> Self::V;
    /// `a > b ? a : b`
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// `a < b ? a : b`
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`, fused where the machine can.
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// To the nearest integer, ties to even.
    unsafe fn round(a: Self::V) -> Self::V;
    /// `a * 2^n` for integral `n` in -126..=127.
    unsafe fn scale2(a: Self::V, n: Self::V) -> Self::V;
    unsafe fn sum(a: Self::V) -> f32;
    unsafe fn highest(a: Self::V) -> f32;
    /// `LANES` bfloat16, widened.
    unsafe fn load_bf16(p: *const u16) -> Self::V;
    /// `LANES` IEEE half floats, widened.
    unsafe fn load_f16(p: *const u16) -> Self::V;
    unsafe fn splat_int(x: i32) -> Self::I;
    unsafe fn load_int(p: *const i32) -> Self::I;
    unsafe fn to_float(a: Self::I) -> Self::V;
    /// Adds to each lane of `sum` the four products of its unsigned bytes in `w` with the signed bytes
    /// in `x`, exactly.
    unsafe fn dot_bytes(sum: Self::I, w: Self::I, x: i32) -> Self::I;

    /// Writes the transpose of the `LANES x LANES` block at `from` to `to`; strides in values.
    #[inline(always)]
    unsafe fn transpose(to: *mut f32, to_stride: usize, from: *const f32, from_stride: usize) {
        // SAFETY: both blocks are valid by the contract.
        unsafe {
            for i in 0..Self::LANES {
                for j in 0..Self::LANES {
                    *to.add(j * to_stride + i) = *from.add(i * from_stride + j);
                }
            }
        }
    }

    /// `e^x` within 2 ulp for x in -87..88; clamped beyond, so that it never reaches 0 or infinity.
    #[inline(always)]
    unsafe fn exp(x: Self::V) -> Self::V {
        // SAFETY: the caller has the instruction set.
        unsafe {
            let x = Self::max(Self::splat(-87.0), Self::min(Self::splat(88.0), x));
            let n = Self::round(Self::mul(x, Self::splat(std::f32::consts::LOG2_E)));
            // ln 2 in two parts, the first exact in few bits, so that the reduction keeps precision.
            let r = Self::mul_add(n, Self::splat(-0.693_359_4), x);
            let r = Self::mul_add(n, Self::splat(2.121_944_4e-4), r);
            let mut p = Self::splat(1.987_569_1e-4);
            for c in [
                1.398_199_9e-3,
                8.333_452e-3,
                4.166_579_6e-2,
                1.666_666_5e-1,
                0.5,
            ] {
                p = Self::mul_add(p, r, Self::splat(c));
            }
            let p = Self::mul_add(Self::mul(p, r), r, Self::add(r, Self::splat(1.0)));
            Self::scale2(p, n)
        }
    }
}
