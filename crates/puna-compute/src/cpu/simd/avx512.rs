//! x86-64 with AVX-512 (F, BW, VL, DQ): sixteen lanes, thirty-two registers.

use super::Simd;
use std::arch::x86_64::*;

/// AVX-512.
#[derive(Clone, Copy)]
pub struct Avx512;

// SAFETY: all intrinsics are AVX-512 F or DQ, which the caller has by the trait's contract; pointers
// are the caller's duty.
#[allow(clippy::undocumented_unsafe_blocks)]
unsafe impl Simd for Avx512 {
    const LANES: usize = 16;
    const TILE_ROWS: usize = 8;
    const TILE_VECTORS: usize = 3;
    type V = __m512;
    type I = __m512i;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self::V {
        unsafe { _mm512_set1_ps(x) }
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self::V {
        unsafe { _mm512_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: Self::V) {
        unsafe { _mm512_storeu_ps(p, v) }
    }
    #[inline(always)]
    unsafe fn load_part(p: *const f32, n: usize) -> Self::V {
        unsafe { _mm512_maskz_loadu_ps((1u16 << n) - 1, p) }
    }
    #[inline(always)]
    unsafe fn store_part(p: *mut f32, n: usize, v: Self::V) {
        unsafe { _mm512_mask_storeu_ps(p, (1u16 << n) - 1, v) }
    }
    #[inline(always)]
    unsafe fn first(n: usize, v: Self::V, rest: Self::V) -> Self::V {
        unsafe { _mm512_mask_mov_ps(rest, (1u16 << n) - 1, v) }
    }
    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
        unsafe { _mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V {
        unsafe { _mm512_div_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn sqrt(a: Self::V) -> Self::V {
        unsafe { _mm512_sqrt_ps(a) }
    }
    #[inline(always)]
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
        unsafe { _mm512_max_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
        unsafe { _mm512_min_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn round(a: Self::V) -> Self::V {
        unsafe { _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a) }
    }
    #[inline(always)]
    unsafe fn scale2(a: Self::V, n: Self::V) -> Self::V {
        unsafe { _mm512_scalef_ps(a, n) }
    }
    #[inline(always)]
    unsafe fn sum(a: Self::V) -> f32 {
        unsafe { _mm512_reduce_add_ps(a) }
    }
    #[inline(always)]
    unsafe fn highest(a: Self::V) -> f32 {
        unsafe { _mm512_reduce_max_ps(a) }
    }
    #[inline(always)]
    unsafe fn load_bf16(p: *const u16) -> Self::V {
        unsafe {
            let wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(p.cast()));
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(wide))
        }
    }
    #[inline(always)]
    unsafe fn load_f16(p: *const u16) -> Self::V {
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(p.cast())) }
    }
    #[inline(always)]
    unsafe fn splat_int(x: i32) -> Self::I {
        unsafe { _mm512_set1_epi32(x) }
    }
    #[inline(always)]
    unsafe fn load_int(p: *const i32) -> Self::I {
        unsafe { _mm512_loadu_si512(p.cast()) }
    }
    #[inline(always)]
    unsafe fn to_float(a: Self::I) -> Self::V {
        unsafe { _mm512_cvtepi32_ps(a) }
    }
    #[inline(always)]
    unsafe fn dot_bytes(sum: Self::I, w: Self::I, x: i32) -> Self::I {
        // The instruction for bytes would saturate; even and odd bytes widened to 16 bits do not.
        unsafe {
            let x = _mm512_set1_epi32(x);
            let even = _mm512_madd_epi16(
                _mm512_and_si512(w, _mm512_set1_epi16(0xff)),
                _mm512_srai_epi16::<8>(_mm512_slli_epi16::<8>(x)),
            );
            let odd = _mm512_madd_epi16(_mm512_srli_epi16::<8>(w), _mm512_srai_epi16::<8>(x));
            _mm512_add_epi32(sum, _mm512_add_epi32(even, odd))
        }
    }
    #[inline(always)]
    unsafe fn transpose(to: *mut f32, to_stride: usize, from: *const f32, from_stride: usize) {
        unsafe {
            // Four columns of four rows in each quarter. Loads of quarters take the place of half of the
            // shuffles, for which there is one port.
            let quarters = |i: usize, column: usize| {
                let part = |g: usize| _mm_loadu_ps(from.add((4 * g + i) * from_stride + column));
                let v = _mm512_castps128_ps512(part(0));
                let v = _mm512_mask_broadcast_f32x4(v, 0x00f0, part(1));
                let v = _mm512_mask_broadcast_f32x4(v, 0x0f00, part(2));
                _mm512_mask_broadcast_f32x4(v, 0xf000, part(3))
            };
            let mut quads = [[_mm512_setzero_ps(); 4]; 4];
            for (q, quad) in quads.iter_mut().enumerate() {
                for (i, v) in quad.iter_mut().enumerate() {
                    *v = quarters(i, 4 * q);
                }
            }
            for (q, [a, b, c, d]) in quads.into_iter().enumerate() {
                let (ab0, ab1) = (_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
                let (cd0, cd1) = (_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
                let put = |j: usize, x| _mm512_storeu_ps(to.add((4 * q + j) * to_stride), x);
                put(0, _mm512_shuffle_ps::<0x44>(ab0, cd0));
                put(1, _mm512_shuffle_ps::<0xee>(ab0, cd0));
                put(2, _mm512_shuffle_ps::<0x44>(ab1, cd1));
                put(3, _mm512_shuffle_ps::<0xee>(ab1, cd1));
            }
        }
    }
}
