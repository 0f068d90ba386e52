//! The micro-tile of a matrix product: a few rows by a few vectors, all in registers.

use super::panels::View;
use super::simd::Simd;

/// Panel elements as a tile reads them, widened to `f32`.
///
/// # Safety
/// `load` may be called with `k < depth` and `j + LANES <= width` of a whole panel.
pub(crate) unsafe trait Panel: Copy {
    unsafe fn load<S: Simd>(self, k: usize, j: usize, width: usize) -> S::V;
}

/// A panel of `f32`.
#[derive(Clone, Copy)]
pub(crate) struct F32Panel(pub *const f32);

// SAFETY: reads within the panel.
unsafe impl Panel for F32Panel {
    #[inline(always)]
    unsafe fn load<S: Simd>(self, k: usize, j: usize, width: usize) -> S::V {
        // SAFETY: within the panel by the trait's contract.
        unsafe { S::load(self.0.add(k * width + j)) }
    }
}

/// A panel of bfloat16.
#[derive(Clone, Copy)]
pub(crate) struct Bf16Panel(pub *const u16);

// SAFETY: reads within the panel.
unsafe impl Panel for Bf16Panel {
    #[inline(always)]
    unsafe fn load<S: Simd>(self, k: usize, j: usize, width: usize) -> S::V {
        // SAFETY: within the panel by the trait's contract.
        unsafe { S::load_bf16(self.0.add(k * width + j)) }
    }
}

/// A panel in blocks of 32 depths: `[32][width]` signed bytes, then `[width]` half-float scales.
#[derive(Clone, Copy)]
pub(crate) struct Q8Panel(pub *const u8);

/// Depths that share a scale in Q8_0.
pub(crate) const Q8_BLOCK: usize = 32;

// SAFETY: reads within the panel.
unsafe impl Panel for Q8Panel {
    #[inline(always)]
    unsafe fn load<S: Simd>(self, k: usize, j: usize, width: usize) -> S::V {
        // SAFETY: within the panel by the trait's contract.
        unsafe {
            let block = self.0.add(k / Q8_BLOCK * (Q8_BLOCK + 2) * width);
            let scale = S::load_f16(block.add(Q8_BLOCK * width).cast::<u16>().add(j));
            S::mul(
                S::load_i8(block.add(k % Q8_BLOCK * width + j).cast()),
                scale,
            )
        }
    }
}

/// Where a tile goes.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub ptr: *mut f32,
    pub stride: usize,
    /// Columns of the panel that exist; the rest is padding and is not written.
    pub cols: usize,
    pub add: bool,
}

/// `rows x width` outputs from `depth` products. `rows <= S::TILE_ROWS`, `width` whole vectors up to
/// the tile's.
///
/// # Safety
/// `a` readable over `rows x depth`, the panel over `depth x width`, the target writable over
/// `rows x cols`; the instruction set available.
#[inline(always)]
pub(crate) unsafe fn tile<S: Simd, P: Panel>(
    depth: usize,
    rows: usize,
    width: usize,
    a: View,
    b: P,
    c: Target,
) {
    macro_rules! pick {
        ($($m:literal),*) => {
            // SAFETY: passed through.
            unsafe {
                match (rows, width / S::LANES) {
                    $(
                        ($m, 3) if S::TILE_VECTORS >= 3 => fixed::<S, P, $m, 3>(depth, a, b, c),
                        ($m, 2) if S::TILE_VECTORS >= 2 => fixed::<S, P, $m, 2>(depth, a, b, c),
                        ($m, 1) => fixed::<S, P, $m, 1>(depth, a, b, c),
                    )*
                    _ => unreachable!("a tile of {rows} rows by {width} columns"),
                }
            }
        };
    }
    if rows <= 4 || S::TILE_ROWS <= 4 {
        pick!(1, 2, 3, 4)
    } else if rows <= 6 || S::TILE_ROWS <= 6 {
        pick!(5, 6)
    } else {
        pick!(7, 8)
    }
}

#[inline(always)]
unsafe fn fixed<S: Simd, P: Panel, const M: usize, const N: usize>(
    depth: usize,
    a: View,
    b: P,
    c: Target,
) {
    // SAFETY: by the contract of `tile`.
    unsafe {
        let width = N * S::LANES;
        let rows: [*const f32; M] = std::array::from_fn(|i| a.ptr.wrapping_add(i * a.row));
        let mut acc = [[S::splat(0.0); N]; M];
        for k in 0..depth {
            let b: [S::V; N] = std::array::from_fn(|v| b.load::<S>(k, v * S::LANES, width));
            for i in 0..M {
                let x = S::splat(*rows[i].add(k * a.col));
                for v in 0..N {
                    acc[i][v] = S::mul_add(x, b[v], acc[i][v]);
                }
            }
        }
        for (i, acc) in acc.iter().enumerate() {
            let out = c.ptr.add(i * c.stride);
            if c.cols >= width {
                for (v, &sum) in acc.iter().enumerate() {
                    let p = out.add(v * S::LANES);
                    S::store(p, if c.add { S::add(S::load(p), sum) } else { sum });
                }
            } else {
                let mut row = [0.0f32; 64];
                for (v, &sum) in acc.iter().enumerate() {
                    S::store(row.as_mut_ptr().add(v * S::LANES), sum);
                }
                for (j, &sum) in row.iter().enumerate().take(c.cols) {
                    *out.add(j) = if c.add { *out.add(j) + sum } else { sum };
                }
            }
        }
    }
}
