//! The right-hand side of a product, laid out in panels: for each block of the depth, columns in
//! groups of a tile's width, each group contiguous. A tile then streams its panel.
//!
//! Every output is the sum over depth blocks of sums taken in the order of the depth, for any number of
//! rows: so one row alone and the same row among a thousand give the same bits.

use super::isa::{Isa, kernel};
use super::matrix;
use super::view::View;

/// Most depth of a block for vectors: a panel of it stays in the second-level cache with room to spare.
const MAX_DEPTH: usize = 384;

/// What multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Vectors of `f32`; a panel is `[depth][width]`.
    Vectors,
    /// The matrix unit; a panel is two strips, see [`matrix`].
    Matrix,
}

/// How a matrix of `depth x cols` is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub unit: Unit,
    pub depth: usize,
    pub cols: usize,
    /// Depth of every block but perhaps the last; a multiple of 32, the block of Q8_0.
    pub block: usize,
    /// Columns of every panel but perhaps the last.
    pub width: usize,
    /// `cols` rounded up to whole vectors, or to panels of the matrix unit.
    pub padded: usize,
}

impl Cut {
    /// For the unit that multiplies fastest, which is that of training.
    pub fn fastest(isa: Isa, depth: usize, cols: usize) -> Self {
        let vectors = Self::vectors(isa, depth, cols);
        if isa != Isa::Amx {
            return vectors;
        }
        Self {
            unit: Unit::Matrix,
            block: block(depth, matrix::MAX_DEPTH),
            width: matrix::WIDTH,
            padded: cols.next_multiple_of(matrix::WIDTH),
            ..vectors
        }
    }

    pub fn vectors(isa: Isa, depth: usize, cols: usize) -> Self {
        let (lanes, width) = tile_shape(isa);
        Self {
            unit: Unit::Vectors,
            depth,
            cols,
            block: block(depth, MAX_DEPTH),
            width,
            padded: cols.next_multiple_of(lanes),
        }
    }

    /// Start and length of each depth block.
    pub fn blocks(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (depth, block) = (self.depth, self.block);
        (0..depth)
            .step_by(block)
            .map(move |start| (start, block.min(depth - start)))
    }

    pub fn panels(&self) -> usize {
        self.cols.div_ceil(self.width)
    }

    /// First column of a panel, and its columns in whole vectors.
    pub fn panel(&self, index: usize) -> (usize, usize) {
        let start = index * self.width;
        (start, self.width.min(self.padded - start))
    }

    /// Room of `width` columns of `depth`, in values of `f32`; `width` is a panel's or all.
    pub fn room(&self, depth: usize, width: usize) -> usize {
        match self.unit {
            Unit::Vectors => depth * width,
            Unit::Matrix => width / matrix::LINES * matrix::strip_words(depth),
        }
    }

    /// Where in the whole layout a panel of the block at `start` lies.
    pub fn at(&self, start: usize, depth: usize, index: usize) -> usize {
        self.room(start, self.padded) + index * self.room(depth, self.width)
    }

    /// Room of the whole layout.
    pub fn len(&self) -> usize {
        self.room(self.depth, self.padded)
    }

    /// Packs the panel of `index` of a block of the depth: `to` has [`Cut::room`] for it, and `from` is
    /// readable over `depth x cols`.
    pub fn pack(&self, isa: Isa, to: *mut f32, from: View, depth: usize, index: usize) {
        let (col, width) = self.panel(index);
        match self.unit {
            Unit::Vectors => pack_panel(isa, to, from, depth, col, width, self.cols),
            Unit::Matrix => {
                let lines = (self.cols - col).min(width);
                let columns = from.offset(0, col).transposed();
                let strips = matrix::WIDTH / matrix::LINES;
                matrix::pack_strips(matrix::Side::Right, to, columns, strips, lines, depth);
            }
        }
    }
}

/// Depth of the blocks: as even as whole blocks of Q8_0 and steps of the matrix unit allow.
fn block(depth: usize, most: usize) -> usize {
    let blocks = depth.div_ceil(most).max(1);
    depth.div_ceil(blocks).next_multiple_of(32).max(32)
}

kernel! {
    fn tile_shape_of<S>() -> (usize, usize, usize) {
        (S::LANES, S::LANES * S::TILE_VECTORS, S::TILE_ROWS)
    }
}

/// Lanes of a vector and columns of a tile.
pub(crate) fn tile_shape(isa: Isa) -> (usize, usize) {
    let (lanes, width, _) = tile_shape_of(isa);
    (lanes, width)
}

/// Rows of a tile of vectors.
pub(crate) fn tile_rows(isa: Isa) -> usize {
    tile_shape_of(isa).2
}

kernel! {
    /// Packs columns `start..start + width` (those past `cols` become zeros) of `depth` rows.
    ///
    /// The view must be readable over `depth x cols`, and `to` writable for `depth * width`.
    pub(crate) fn pack_panel<S>(to: *mut f32, from: View, depth: usize, start: usize, width: usize, cols: usize) {
        let valid = width.min(cols - start);
        let from = from.offset(0, start);
        if from.col == 1 {
            for k in 0..depth {
                let row = from.ptr.add(k * from.row);
                let out = to.add(k * width);
                if valid == width {
                    let mut j = 0;
                    while j < width {
                        S::store(out.add(j), S::load(row.add(j)));
                        j += S::LANES;
                    }
                } else {
                    for j in 0..width {
                        *out.add(j) = if j < valid { *row.add(j) } else { 0.0 };
                    }
                }
            }
        } else {
            // A transposition, by square blocks where both sides have them.
            let square = |n: usize| if from.row == 1 { n / S::LANES * S::LANES } else { 0 };
            let (columns, depths) = (square(valid), square(depth));
            for j in (0..columns).step_by(S::LANES) {
                for k in (0..depths).step_by(S::LANES) {
                    S::transpose(to.add(k * width + j), width, from.ptr.add(j * from.col + k), from.col);
                }
            }
            for j in 0..width {
                let start = if j < columns { depths } else { 0 };
                for k in start..depth {
                    let value = if j < valid { *from.ptr.add(j * from.col + k * from.row) } else { 0.0 };
                    *to.add(k * width + j) = value;
                }
            }
        }
    }
}
