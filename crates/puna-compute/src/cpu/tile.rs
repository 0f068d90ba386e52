//! The micro-tile of a matrix product: a few rows by a few vectors, all in registers.

use super::simd::{Simd, prefetch};
use super::view::{Target, View};

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

/// Calls a tile function compiled for the rows and vectors of a tile: its last two parameters.
macro_rules! pick_tile {
    ($S:ty, $shape:expr, [$($m:literal),*], $tile:ident $types:tt $args:tt) => {
        match $shape {
            $(
                ($m, 3) if <$S>::TILE_VECTORS >= 3 => pick_tile!(@ $tile $types $m, 3, $args),
                ($m, 2) if <$S>::TILE_VECTORS >= 2 => pick_tile!(@ $tile $types $m, 2, $args),
                ($m, 1) => pick_tile!(@ $tile $types $m, 1, $args),
            )*
            (rows, vectors) => unreachable!("a tile of {rows} rows by {vectors} vectors"),
        }
    };
    (@ $tile:ident [$($type:ty),*] $m:literal, $n:literal, ($($arg:expr),*)) => {
        $tile::<$($type,)* $m, $n>($($arg),*)
    };
}
pub(crate) use pick_tile;

/// `rows x width` outputs from `depth` products with one panel, tile by tile; `width` whole vectors
/// up to the tile's.
///
/// # Safety
/// `a` readable over `rows x depth` and one of its strides 1, the panel over `depth x width`, the target
/// writable over `rows x cols`; the instruction set available.
#[inline(always)]
pub(crate) unsafe fn tiles<S: Simd, P: Panel>(
    rows: usize,
    depth: usize,
    width: usize,
    a: View,
    b: P,
    c: Target,
) {
    let mut i = 0;
    while i < rows {
        let n = (rows - i).min(S::TILE_ROWS);
        // SAFETY: passed through.
        unsafe { tile::<S, P>(depth, n, width, a.offset(i, 0), b, c.skip_rows(i)) }
        i += n;
    }
}

/// One tile: `rows <= S::TILE_ROWS`.
///
/// # Safety
/// As for [`tiles`].
#[inline(always)]
unsafe fn tile<S: Simd, P: Panel>(
    depth: usize,
    rows: usize,
    width: usize,
    a: View,
    b: P,
    c: Target,
) {
    let shape = (rows, width / S::LANES);
    // SAFETY: passed through.
    unsafe {
        if rows <= 4 || S::TILE_ROWS <= 4 {
            pick_tile!(S, shape, [1, 2, 3, 4], fixed [S, P] (depth, a, b, c))
        } else if rows <= 6 || S::TILE_ROWS <= 6 {
            pick_tile!(S, shape, [5, 6], fixed [S, P] (depth, a, b, c))
        } else {
            pick_tile!(S, shape, [7, 8], fixed [S, P] (depth, a, b, c))
        }
    }
}

/// A tile of `M` rows and `N` vectors, which are the whole width of the panel.
///
/// # Safety
/// As for [`tiles`].
#[inline(always)]
unsafe fn fixed<S: Simd, P: Panel, const M: usize, const N: usize>(
    depth: usize,
    a: View,
    b: P,
    c: Target,
) {
    // Each layout of the left side has a loop of its own, whose addresses need next to no arithmetic: that
    // would compete with the multiply-adds for the same ports.
    // SAFETY: by the contract of `tiles`.
    unsafe {
        if a.col == 1 {
            summed::<S, P, M, N, false>(depth, a, b, c);
        } else {
            debug_assert_eq!(a.row, 1, "neither rows nor columns are contiguous");
            summed::<S, P, M, N, true>(depth, a, b, c);
        }
    }
}

/// [`fixed`] for a left side whose rows are contiguous, or its columns.
///
/// # Safety
/// As for [`tiles`].
#[inline(always)]
unsafe fn summed<S: Simd, P: Panel, const M: usize, const N: usize, const TRANSPOSED: bool>(
    depth: usize,
    a: View,
    b: P,
    c: Target,
) {
    // SAFETY: by the contract of `tiles`.
    unsafe {
        let mut acc = [[S::splat(0.0); N]; M];
        // The target's lines come while the sums are formed.
        for i in 0..M {
            for v in 0..N {
                prefetch(c.ptr.wrapping_add(i * c.stride + v * S::LANES).cast());
            }
        }
        let mut k = 0;
        while k + UNROLL <= depth {
            for u in 0..UNROLL {
                add_products::<S, P, M, N, TRANSPOSED>(&mut acc, k + u, a, b);
            }
            k += UNROLL;
        }
        while k < depth {
            add_products::<S, P, M, N, TRANSPOSED>(&mut acc, k, a, b);
            k += 1;
        }
        put::<S, M, N>(acc, c);
    }
}

/// Adds to the sums the products of one element of the depth.
///
/// # Safety
/// As for [`tiles`], with `k < depth`.
#[allow(clippy::needless_range_loop)]
#[inline(always)]
unsafe fn add_products<
    S: Simd,
    P: Panel,
    const M: usize,
    const N: usize,
    const TRANSPOSED: bool,
>(
    acc: &mut [[S::V; N]; M],
    k: usize,
    a: View,
    b: P,
) {
    let (row, col) = if TRANSPOSED { (1, a.col) } else { (a.row, 1) };
    // SAFETY: by the contract of `tiles`.
    unsafe {
        let at = a.ptr.wrapping_add(k * col);
        if TRANSPOSED {
            // It walks from page to page, where no hardware foresees it.
            prefetch(at.wrapping_add(AHEAD * col).cast());
        }
        let b: [S::V; N] = std::array::from_fn(|v| b.load::<S>(k, v * S::LANES, N * S::LANES));
        for i in 0..M {
            let x = S::splat(*at.wrapping_add(i * row));
            for v in 0..N {
                acc[i][v] = S::mul_add(x, b[v], acc[i][v]);
            }
        }
    }
}

/// Writes the sums of a tile.
///
/// # Safety
/// As for [`tiles`].
#[allow(clippy::needless_range_loop)]
#[inline(always)]
pub(crate) unsafe fn put<S: Simd, const M: usize, const N: usize>(acc: [[S::V; N]; M], c: Target) {
    // SAFETY: by the contract of `tiles`.
    unsafe {
        let width = N * S::LANES;
        // Every loop over the tile has constant bounds and nothing else in it, so that the sums stay in
        // registers: one index that is not constant puts them all on the stack.
        if c.cols < width {
            let mut sums = [[0.0f32; MAX_TILE_WIDTH]; M];
            for i in 0..M {
                for v in 0..N {
                    S::store(sums[i].as_mut_ptr().add(v * S::LANES), acc[i][v]);
                }
            }
            for (i, sums) in sums.iter().enumerate() {
                let out = std::slice::from_raw_parts_mut(c.ptr.add(i * c.stride), c.cols);
                for (out, sum) in out.iter_mut().zip(sums) {
                    *out = if c.add { *out + sum } else { *sum };
                }
            }
        } else if c.add {
            for i in 0..M {
                for v in 0..N {
                    let p = c.ptr.add(i * c.stride + v * S::LANES);
                    S::store(p, S::add(S::load(p), acc[i][v]));
                }
            }
        } else {
            for i in 0..M {
                for v in 0..N {
                    S::store(c.ptr.add(i * c.stride + v * S::LANES), acc[i][v]);
                }
            }
        }
    }
}

/// Elements of the depth that a turn of the loop takes.
const UNROLL: usize = 4;
/// Depth ahead of the sums that a tile asks for.
const AHEAD: usize = 16;

/// Widest tile of any instruction set.
const MAX_TILE_WIDTH: usize = 48;
