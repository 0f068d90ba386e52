//! 64-bit Arm: NEON, four lanes, thirty-two registers.

use super::Simd;
use std::arch::aarch64::*;

/// NEON, which every 64-bit Arm has.
#[derive(Clone, Copy)]
pub struct Neon;

// SAFETY: all intrinsics are NEON, part of the architecture's baseline; pointers are the caller's
// duty.
#[allow(clippy::undocumented_unsafe_blocks)]
unsafe impl Simd for Neon {
    const LANES: usize = 4;
    const TILE_ROWS: usize = 6;
    const TILE_VECTORS: usize = 3;
    type V = float32x4_t;
    type I = int32x4_t;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self::V {
        unsafe { vdupq_n_f32(x) }
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self::V {
        unsafe { vld1q_f32(p) }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: Self::V) {
        unsafe { vst1q_f32(p, v) }
    }
    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        unsafe { vaddq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
        unsafe { vsubq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
        unsafe { vmulq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V {
        unsafe { vdivq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn sqrt(a: Self::V) -> Self::V {
        unsafe { vsqrtq_f32(a) }
    }
    #[inline(always)]
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
        unsafe { vbslq_f32(vcgtq_f32(a, b), a, b) }
    }
    #[inline(always)]
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
        unsafe { vbslq_f32(vcltq_f32(a, b), a, b) }
    }
    #[inline(always)]
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        unsafe { vfmaq_f32(c, a, b) }
    }
    #[inline(always)]
    unsafe fn round(a: Self::V) -> Self::V {
        unsafe { vrndnq_f32(a) }
    }
    #[inline(always)]
    unsafe fn scale2(a: Self::V, n: Self::V) -> Self::V {
        unsafe {
            let exponent = vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127));
            vmulq_f32(a, vreinterpretq_f32_s32(vshlq_n_s32::<23>(exponent)))
        }
    }
    #[inline(always)]
    unsafe fn sum(a: Self::V) -> f32 {
        unsafe { vaddvq_f32(a) }
    }
    #[inline(always)]
    unsafe fn highest(a: Self::V) -> f32 {
        unsafe { vmaxvq_f32(a) }
    }
    #[inline(always)]
    unsafe fn load_bf16(p: *const u16) -> Self::V {
        unsafe { vreinterpretq_f32_u32(vshll_n_u16::<16>(vld1_u16(p))) }
    }
    #[inline(always)]
    unsafe fn load_f16(p: *const u16) -> Self::V {
        unsafe {
            let bits = p.cast::<[u16; 4]>().read_unaligned();
            let wide = bits.map(|b| half::f16::from_bits(b).to_f32());
            vld1q_f32(wide.as_ptr())
        }
    }
    #[inline(always)]
    unsafe fn splat_int(x: i32) -> Self::I {
        unsafe { vdupq_n_s32(x) }
    }
    #[inline(always)]
    unsafe fn load_int(p: *const i32) -> Self::I {
        unsafe { vld1q_s32(p) }
    }
    #[inline(always)]
    unsafe fn to_float(a: Self::I) -> Self::V {
        unsafe { vcvtq_f32_s32(a) }
    }
    #[inline(always)]
    unsafe fn dot_bytes(sum: Self::I, w: Self::I, x: i32) -> Self::I {
        unsafe {
            let x = vget_low_s16(vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(x))));
            let w = vreinterpretq_u8_s32(w);
            let low = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(w)));
            let high = vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(w)));
            // The four products of each lane, then their sums, two and two.
            let a = vmull_s16(vget_low_s16(low), x);
            let b = vmull_s16(vget_high_s16(low), x);
            let c = vmull_s16(vget_low_s16(high), x);
            let d = vmull_s16(vget_high_s16(high), x);
            vaddq_s32(sum, vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d)))
        }
    }
}
