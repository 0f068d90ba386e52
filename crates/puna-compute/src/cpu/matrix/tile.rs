//! Products of strips: the sums of two strips by a panel stay in the unit while the depth streams by.

use super::super::simd::{Avx512, Simd, prefetch};
use super::super::view::Target;
use super::{LINES, PARTS, STEP, STEP_WORDS, TILE_WORDS, WIDTH, first_lanes, strip_words};
use std::arch::asm;
use std::arch::x86_64::*;
use std::marker::PhantomData;
use std::mem::MaybeUninit;

// The loops below are written for these.
const _: () =
    assert!(TILE_WORDS * 4 == 1024 && STEP_WORDS * 4 == 3072 && PARTS == 3 && LINES == 16);

/// What the unit is told before it is used: eight tiles of sixteen rows of 64 bytes.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

static CONFIGURATION: Configuration = {
    let (mut row_bytes, mut rows) = ([0; 16], [0; 16]);
    let mut tile = 0;
    while tile < 8 {
        row_bytes[tile] = 64;
        rows[tile] = LINES as u8;
        tile += 1;
    }
    Configuration {
        palette: 1,
        start_row: 0,
        reserved: [0; 14],
        row_bytes,
        rows,
    }
};

/// The unit, configured; given back when dropped, so that the thread is light to switch again.
pub(in crate::cpu) struct Unit(PhantomData<*const ()>);

impl Unit {
    /// # Safety
    /// The machine has the unit.
    pub(in crate::cpu) unsafe fn take() -> Self {
        // SAFETY: a valid configuration; no tile is live outside the functions that hold a `Unit`.
        unsafe {
            asm!("ldtilecfg [{}]", in(reg) &raw const CONFIGURATION, options(nostack, readonly));
        }
        // Of this thread alone.
        Self(PhantomData)
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        // SAFETY: undoes `take`.
        unsafe { asm!("tilerelease", options(nostack, nomem)) }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
pub(super) unsafe fn product(rows: usize, depth: usize, a: *const f32, b: *const f32, c: Target) {
    #[repr(align(64))]
    struct Sums(#[allow(dead_code)] [f32; 2 * LINES * WIDTH]);
    let mut sums = MaybeUninit::<Sums>::uninit();
    let sums = sums.as_mut_ptr().cast::<f32>();
    let words = strip_words(depth);
    let steps = depth.div_ceil(STEP);
    // SAFETY: by the caller's contract.
    unsafe {
        for row in (0..rows).step_by(2 * LINES) {
            let n = (rows - row).min(2 * LINES);
            let strip = a.wrapping_add(row / LINES * words);
            let c = c.skip_rows(row);
            let whole = n.is_multiple_of(LINES) && c.cols >= WIDTH && !c.add;
            let (out, stride) = if whole {
                (c.ptr, c.stride)
            } else {
                (sums, WIDTH)
            };
            // The target's lines come while the sums are formed.
            for i in 0..n {
                let line = c.skip_rows(i).ptr.cast::<u8>();
                prefetch(line);
                prefetch(line.wrapping_add(64));
            }
            if n > LINES {
                two_strips(steps, strip, words, b, out, stride);
            } else {
                one_strip(steps, strip, words, b, out, stride);
            }
            if !whole {
                put(sums, n, c);
            }
        }
    }
}

/// Writes or adds what exists of the sums.
#[inline(always)]
unsafe fn put(sums: *const f32, rows: usize, c: Target) {
    // SAFETY: the caller has the features, and `rows x cols` of the target.
    unsafe {
        let cols = c.cols.min(WIDTH);
        let masks = [cols, cols.saturating_sub(Avx512::LANES)].map(first_lanes);
        for i in 0..rows {
            for (v, &mask) in masks.iter().enumerate() {
                let sum = Avx512::load(sums.add(i * WIDTH + v * Avx512::LANES));
                let to = c.skip_rows(i).ptr.wrapping_add(v * Avx512::LANES);
                let sum = if c.add {
                    _mm512_add_ps(_mm512_maskz_loadu_ps(mask, to), sum)
                } else {
                    sum
                };
                _mm512_mask_storeu_ps(to, mask, sum);
            }
        }
    }
}

/// Adds the products of the tiles of the left side in registers with those of the right.
macro_rules! products {
    (two) => {
        "tdpbf16ps tmm0, tmm4, tmm6
         tdpbf16ps tmm1, tmm4, tmm7
         tdpbf16ps tmm2, tmm5, tmm6
         tdpbf16ps tmm3, tmm5, tmm7"
    };
    (one) => {
        "tdpbf16ps tmm0, tmm4, tmm6
         tdpbf16ps tmm1, tmm4, tmm7"
    };
}

/// Loads one part of a step of the left side.
macro_rules! left {
    (two, $part:literal) => {
        concat!(
            "tileloadd tmm4, [{a} + {row}*1 + 1024*",
            $part,
            "]\n",
            "tileloadd tmm5, [{a2} + {row}*1 + 1024*",
            $part,
            "]"
        )
    };
    (one, $part:literal) => {
        concat!("tileloadd tmm4, [{a} + {row}*1 + 1024*", $part, "]")
    };
}

/// Loads one part of a step of the right side.
macro_rules! right {
    ($part:literal) => {
        concat!(
            "tileloadd tmm6, [{b} + {row}*1 + 1024*",
            $part,
            "]\n",
            "tileloadd tmm7, [{b2} + {row}*1 + 1024*",
            $part,
            "]"
        )
    };
}

/// The loop over the depth: six products a step, each with one side of the last, so that few tiles are
/// loaded. The middle part is never the last: the sum of the others may have more bits than a sum holds.
macro_rules! depth {
    ($rows:ident, $next:literal) => {
        concat!(
            "2:\n",
            left!($rows, "0"),
            "\n",
            right!("2"),
            "\n",
            products!($rows),
            "\n",
            right!("1"),
            "\n",
            products!($rows),
            "\n",
            left!($rows, "1"),
            "\n",
            products!($rows),
            "\n",
            right!("0"),
            "\n",
            products!($rows),
            "\n",
            left!($rows, "2"),
            "\n",
            products!($rows),
            "\n",
            left!($rows, "0"),
            "\n",
            products!($rows),
            "\n",
            $next,
            "\n",
            "add {a}, 3072\n add {b}, 3072\n add {b2}, 3072\n",
            "dec {steps}\n jnz 2b\n"
        )
    };
}

/// Sums of two strips of rows with a panel, to `[32][32]` at `out`.
///
/// # Safety
/// The unit is configured; strips of `steps` steps, `words` apart.
#[inline(always)]
unsafe fn two_strips(
    steps: usize,
    a: *const f32,
    words: usize,
    b: *const f32,
    out: *mut f32,
    stride: usize,
) {
    // SAFETY: by the caller's contract; tiles are this function's alone.
    unsafe {
        asm!(
            "tilezero tmm0\n tilezero tmm1\n tilezero tmm2\n tilezero tmm3",
            "test {steps}, {steps}\n jz 3f",
            depth!(two, "add {a2}, 3072"),
            "3:",
            "tilestored [{out} + {out_row}*1], tmm0",
            "tilestored [{out} + {out_row}*1 + 64], tmm1",
            "tilestored [{out2} + {out_row}*1], tmm2",
            "tilestored [{out2} + {out_row}*1 + 64], tmm3",
            steps = inout(reg) steps => _,
            a = inout(reg) a => _,
            a2 = inout(reg) a.wrapping_add(words) => _,
            b = inout(reg) b => _,
            b2 = inout(reg) b.wrapping_add(words) => _,
            row = in(reg) 64usize,
            out = in(reg) out,
            out2 = in(reg) out.wrapping_add(LINES * stride),
            out_row = in(reg) stride * size_of::<f32>(),
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _, out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}

/// Sums of one strip of rows with a panel, to `[16][32]` at `out`.
///
/// # Safety
/// As for [`two_strips`].
#[inline(always)]
unsafe fn one_strip(
    steps: usize,
    a: *const f32,
    words: usize,
    b: *const f32,
    out: *mut f32,
    stride: usize,
) {
    // SAFETY: by the caller's contract; tiles are this function's alone.
    unsafe {
        asm!(
            "tilezero tmm0\n tilezero tmm1",
            "test {steps}, {steps}\n jz 3f",
            depth!(one, ""),
            "3:",
            "tilestored [{out} + {out_row}*1], tmm0",
            "tilestored [{out} + {out_row}*1 + 64], tmm1",
            steps = inout(reg) steps => _,
            a = inout(reg) a => _,
            b = inout(reg) b => _,
            b2 = inout(reg) b.wrapping_add(words) => _,
            row = in(reg) 64usize,
            out = in(reg) out,
            out_row = in(reg) stride * size_of::<f32>(),
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _, out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}

pub(super) unsafe fn spin(steps: usize) {
    // SAFETY: the caller has the unit.
    unsafe {
        let _unit = Unit::take();
        asm!(
            "2:",
            products!(two),
            "dec {steps}\n jnz 2b",
            steps = inout(reg) steps.max(1) => _,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            options(nostack, nomem),
        );
    }
}
