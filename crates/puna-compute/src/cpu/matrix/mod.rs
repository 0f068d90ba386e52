//! Products on the matrix unit of x86-64 (AMX), as exact as in `f32`.
//!
//! The unit multiplies bfloat16 and adds in `f32`. An `f32` of 24 significant bits is the sum of three
//! bfloat16 of 8, so a product of two is the sum of nine products of parts, each exact in `f32`. The
//! three smallest, together at most half of a product's last place and on average a twelfth of it, are
//! left out; the other six take six of the unit's steps, which still is several times the rate of the
//! vectors. It is the way of Henry, Tang and Heinecke ("Leveraging the bfloat16 artificial intelligence datatype for
//! higher-precision computations", 2019).
//!
//! Two things differ from `f32` at the ends of its range: what is below 2⁻¹²⁶ counts as zero, so values
//! and products below 2⁻¹⁰² lose precision; and infinity, to which the highest 2⁻⁹ of values round, gives
//! NaN.
//!
//! Both sides of a product lie in strips: sixteen rows of the left side or columns of the right, cut
//! along the depth into steps of 32, and each step a tile of every part. A panel of the right side is
//! two strips.

#[cfg(target_arch = "x86_64")]
mod split;
#[cfg(target_arch = "x86_64")]
mod tile;

use super::view::{Target, View};
use std::sync::OnceLock;

/// Rows or columns of a strip.
pub(super) const LINES: usize = 16;
/// Depth of a step.
pub(super) const STEP: usize = 32;
/// Values of `f32` in whose room one step of a strip fits: three tiles of bfloat16.
pub(super) const STEP_WORDS: usize = PARTS * TILE_WORDS;
/// Columns of a panel.
pub(super) const WIDTH: usize = 2 * LINES;

/// Most depth of a block: two strips of rows and a panel of it fill the first-level cache, which feeds
/// the unit faster than the second.
pub(super) const MAX_DEPTH: usize = 128;

/// Parts of a value: the highest eight bits, the next, the last.
const PARTS: usize = 3;
/// Values of `f32` in whose room a tile fits.
const TILE_WORDS: usize = LINES * STEP / 2;
/// Products of parts that are added.
const PRODUCTS: usize = 6;

/// Room of `depth` of one strip, in values of `f32`.
pub(super) fn strip_words(depth: usize) -> usize {
    depth.div_ceil(STEP) * STEP_WORDS
}

/// Which side of the product a strip is: it decides how a tile holds a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// `[line][depth]`: a line is a row of the tile.
    Left,
    /// `[depth / 2][line][2]`: a row of the tile holds two of the depth for every line.
    Right,
}

/// Packs lines of `depth` into so many strips, one after the other: line `i` has its element `k` at `(i, k)`
/// of the view. What the strips have beyond them becomes zeros.
///
/// The view must be readable over `lines x depth`, one of its strides 1, and `to` writable for
/// [`strip_words`] of the depth for every strip.
pub(super) fn pack_strips(
    side: Side,
    to: *mut f32,
    from: View,
    strips: usize,
    lines: usize,
    depth: usize,
) {
    debug_assert!(is_available());
    #[cfg(target_arch = "x86_64")]
    // SAFETY: whoever has the unit has AVX-512; pointers are the caller's duty.
    unsafe {
        split::pack_strips(side, to, from, strips, lines, depth)
    };
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (side, to, from, strips, lines, depth);
}

/// The unit, ready for [`product`] until the value is dropped; then the thread is light to switch again.
#[cfg(target_arch = "x86_64")]
pub(super) fn take() -> tile::Unit {
    debug_assert!(is_available());
    // SAFETY: the unit is there.
    unsafe { tile::Unit::take() }
}

#[cfg(not(target_arch = "x86_64"))]
pub(super) fn take() {}

/// `rows x WIDTH` outputs from `depth` products of packed rows, strip after strip, with a panel.
///
/// The unit must be taken, the strips packed by [`pack_strips`] for this depth, and the target writable over `rows x cols`.
pub(super) fn product(rows: usize, depth: usize, a: *const f32, b: *const f32, c: Target) {
    debug_assert!(is_available());
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the unit is there; pointers are the caller's duty.
    unsafe {
        tile::product(rows, depth, a, b, c)
    };
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (rows, depth, a, b, c);
}

/// Nothing but the unit's products, [`spin_operations`] of them.
pub(super) fn spin(steps: usize) {
    debug_assert!(is_available());
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the unit is there.
    unsafe {
        tile::spin(steps)
    };
    #[cfg(not(target_arch = "x86_64"))]
    let _ = steps;
}

/// A mask of the first `n` of sixteen lanes.
#[cfg(target_arch = "x86_64")]
fn first_lanes(n: usize) -> u16 {
    if n >= 16 { u16::MAX } else { (1 << n) - 1 }
}

/// Operations of `f32` that one call of [`spin`] with so many steps is worth.
pub(super) fn spin_operations(steps: usize) -> usize {
    steps * 4 * LINES * LINES * STEP * 2 / PRODUCTS
}

/// Whether this machine has the unit, and this process may use it.
pub(super) fn is_available() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| has_unit() && may_use())
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn has_unit() -> bool {
    const BF16: u32 = 1 << 22;
    const TILE: u32 = 1 << 24;
    // SAFETY: every x86-64 has the instruction; a leaf it does not have reads as zeros or as another
    // leaf's, which the highest leaf excludes.
    #[allow(unused_unsafe)]
    let features = unsafe {
        if std::arch::x86_64::__cpuid(0).eax < 7 {
            return false;
        }
        std::arch::x86_64::__cpuid_count(7, 0).edx
    };
    features & (BF16 | TILE) == BF16 | TILE
}

/// Asks the kernel for the state of the tiles, which a process has only on request: it makes every
/// switch of a thread that holds tiles heavier.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn may_use() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_long = 18;
    // SAFETY: a request about this process; a kernel that does not know it answers with an error.
    unsafe {
        libc::syscall(
            libc::SYS_arch_prctl,
            ARCH_REQ_XCOMP_PERM,
            XFEATURE_XTILEDATA,
        ) == 0
    }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
fn has_unit() -> bool {
    false
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
fn may_use() -> bool {
    false
}
