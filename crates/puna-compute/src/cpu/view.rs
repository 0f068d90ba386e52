//! Where the matrices of a product lie in memory.

/// A matrix in memory, of whose strides one is 1: element `(i, j)` at `ptr + i * row + j * col`.
#[derive(Clone, Copy)]
pub(crate) struct View {
    pub ptr: *const f32,
    pub row: usize,
    pub col: usize,
}

// SAFETY: a view is a description; whoever reads through it holds the borrow it was made from.
unsafe impl Send for View {}
// SAFETY: as above.
unsafe impl Sync for View {}

impl View {
    pub fn offset(self, i: usize, j: usize) -> Self {
        // `wrapping_add`, since a view of an edge may point one past the end and never be read.
        Self {
            ptr: self.ptr.wrapping_add(i * self.row + j * self.col),
            ..self
        }
    }

    pub fn transposed(self) -> Self {
        Self {
            row: self.col,
            col: self.row,
            ..self
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

impl Target {
    /// The target of the rows from `i` on.
    #[inline(always)]
    pub fn skip_rows(self, i: usize) -> Self {
        Self {
            ptr: self.ptr.wrapping_add(i * self.stride),
            ..self
        }
    }
}
