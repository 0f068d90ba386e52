//! Strips: a matrix split into parts of bfloat16, in the order in which tiles are loaded.

use super::super::simd::{Avx512, Simd, prefetch};
use super::super::view::View;
use super::{LINES, PARTS, STEP, STEP_WORDS, Side, TILE_WORDS, first_lanes, strip_words};
use std::arch::x86_64::*;

/// Lines ahead that are asked for: a block's part of a line is too short for the machine to foresee.
const LINES_AHEAD: usize = 6;
/// Depth ahead that is asked for where it walks from page to page.
const AHEAD: usize = 16;

/// See [`super::pack_strips`].
///
/// # Safety
/// The machine has AVX-512 BW; the view is readable over `lines x depth`, one of its strides 1; `to` is
/// writable for the strips.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
pub(super) unsafe fn pack_strips(
    side: Side,
    to: *mut f32,
    from: View,
    strips: usize,
    lines: usize,
    depth: usize,
) {
    let along = from.col == 1;
    debug_assert!(
        along || from.row == 1,
        "neither rows nor columns are contiguous"
    );
    let turned = along != (side == Side::Left);
    // SAFETY: by the caller's contract.
    unsafe {
        if along {
            fill_along(to, from, strips, lines, depth, turned);
        } else {
            fill_across(to, from, strips, lines, depth, turned);
        }
    }
}

/// Turns tiles that were just written, while they are near. In place: a transposition reads the whole tile
/// before it writes.
#[inline(always)]
unsafe fn turn(tiles: *mut f32, n: usize) {
    // SAFETY: the caller has the features and the tiles.
    unsafe {
        for tile in 0..n {
            let tile = tiles.add(tile * TILE_WORDS);
            Avx512::transpose(tile, LINES, tile, LINES);
        }
    }
}

/// A vector of values as three of `f32`, each with at most eight significant bits; exact.
#[inline(always)]
unsafe fn split(x: __m512) -> [__m512i; PARTS] {
    // SAFETY: the caller has the features.
    unsafe {
        let high_half = _mm512_set1_epi32(0xffff_0000_u32.cast_signed());
        let half = _mm512_set1_epi32(0x8000);
        // To the nearest with eight bits, ties away from zero.
        let round =
            |x: __m512| _mm512_and_si512(_mm512_add_epi32(_mm512_castps_si512(x), half), high_half);
        let high = round(x);
        let rest = _mm512_sub_ps(x, _mm512_castsi512_ps(high));
        let middle = round(rest);
        let low = _mm512_sub_ps(rest, _mm512_castsi512_ps(middle));
        [high, middle, _mm512_castps_si512(low)]
    }
}

/// [`split`] of the first `n` values at `from`, and zeros.
#[inline(always)]
unsafe fn load_split(from: *const f32, n: usize) -> [__m512i; PARTS] {
    // SAFETY: the caller has the features, and `n` values.
    unsafe { split(_mm512_maskz_loadu_ps(first_lanes(n), from)) }
}

/// Lines whose depth is contiguous: `[line][depth]` in every tile, or the other way round where they are to be
/// turned.
#[inline(always)]
unsafe fn fill_along(
    to: *mut f32,
    from: View,
    strips: usize,
    lines: usize,
    depth: usize,
    turned: bool,
) {
    // SAFETY: masks keep loads within the view; the caller answers for the rest.
    unsafe {
        // The high halves of the words of two vectors, one vector after the other.
        let high_halves = {
            let index: [u16; 32] = std::array::from_fn(|i| 2 * i as u16 + 1);
            _mm512_loadu_si512(index.as_ptr().cast())
        };
        for strip in 0..strips {
            let strip_at = to.add(strip * strip_words(depth));
            for i in 0..LINES {
                let line = strip * LINES + i;
                let depth_of_line = if line < lines { depth } else { 0 };
                let line = from.ptr.wrapping_add(line * from.row);
                let mut to = strip_at.add(i * LINES);
                for k in (0..depth).step_by(STEP) {
                    let left = depth_of_line.saturating_sub(k);
                    let ahead = line.wrapping_add(LINES_AHEAD * from.row + k);
                    prefetch(ahead.cast());
                    prefetch(ahead.wrapping_add(LINES).cast());
                    let a = load_split(line.wrapping_add(k), left);
                    let b = load_split(line.wrapping_add(k + LINES), left.saturating_sub(LINES));
                    for part in 0..PARTS {
                        let pairs = _mm512_permutex2var_epi16(a[part], high_halves, b[part]);
                        _mm512_storeu_si512(to.add(part * TILE_WORDS).cast(), pairs);
                    }
                    to = to.wrapping_add(STEP_WORDS);
                }
            }
            if turned {
                turn(strip_at, depth.div_ceil(STEP) * PARTS);
            }
        }
    }
}

/// Lines that lie next to each other at every element of the depth: `[depth / 2][line][2]` in every tile, or
/// the other way round where they are to be turned.
#[inline(always)]
unsafe fn fill_across(
    to: *mut f32,
    from: View,
    strips: usize,
    lines: usize,
    depth: usize,
    turned: bool,
) {
    // SAFETY: masks keep loads within the view; the caller answers for the rest.
    unsafe {
        for step in (0..depth).step_by(STEP) {
            for strip in 0..strips {
                let start = strip * LINES;
                let left = lines.saturating_sub(start);
                let step_at = to.add(strip * strip_words(depth) + step / STEP * STEP_WORDS);
                for pair in 0..STEP / 2 {
                    let k = step + 2 * pair;
                    let at = from.ptr.wrapping_add(k * from.col + start);
                    let next = at.wrapping_add(from.col);
                    prefetch(at.wrapping_add(AHEAD * from.col).cast());
                    prefetch(next.wrapping_add(AHEAD * from.col).cast());
                    let even = load_split(at, if k < depth { left } else { 0 });
                    let odd = load_split(next, if k + 1 < depth { left } else { 0 });
                    for part in 0..PARTS {
                        let low = _mm512_srli_epi32::<16>(even[part]);
                        // Below 2⁻¹¹⁰ the last part has bits in its lower half, which do not count.
                        let pairs = _mm512_mask_blend_epi16(0xaaaa_aaaa, low, odd[part]);
                        let to = step_at.add(part * TILE_WORDS + pair * LINES);
                        _mm512_storeu_si512(to.cast(), pairs);
                    }
                }
                if turned {
                    turn(step_at, PARTS);
                }
            }
        }
    }
}
