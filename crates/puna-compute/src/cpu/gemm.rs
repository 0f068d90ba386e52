//! Matrix products: blocks for the caches, tiles for the registers, rows or panels for the team.

use super::Cpu;
use super::isa::{Isa, kernel};
use super::matrix;
use super::panels::{Cut, Unit, tile_rows};
use super::tile::{F32Panel, tiles};
use super::view::{Target, View};
use std::ops::Range;

/// Values of a packed block that should stay in the second-level cache.
const BLOCK_VALUES: usize = 128 * 1024;
/// Rows that are taken through a packed block together; a multiple of every tile's rows.
const ROW_BLOCK: usize = 96;

/// Panels of a block of the depth that are packed and used together.
fn panels_per_pass(cut: Cut, block: usize) -> usize {
    (BLOCK_VALUES / block / cut.width).max(1)
}

/// Most values of `f32` that products on this instruction set work in: panels, and a block of rows where
/// it is packed.
pub(super) fn product_values(isa: Isa) -> usize {
    // Of a matrix so large that every limit is reached.
    let cut = Cut::fastest(isa, 1 << 20, 1 << 20);
    let rows = match cut.unit {
        Unit::Vectors => 0,
        Unit::Matrix => ROW_BLOCK / matrix::LINES * matrix::strip_words(cut.block),
    };
    panels_per_pass(cut, cut.block) * cut.room(cut.block, cut.width) + rows
}

/// A pointer that may cross to a team member; each writes a part of its own.
#[derive(Clone, Copy)]
pub(crate) struct Shared(pub *mut f32);
// SAFETY: the code that shares it splits what lies behind among the members.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    pub fn get(self) -> *mut f32 {
        self.0
    }
}

/// `c (=|+=) a b` over `rows x cols` with depth `k`; `c` is dense with a row stride.
pub(crate) fn gemm(
    cpu: &mut Cpu,
    (rows, cols, depth): (usize, usize, usize),
    a: View,
    b: View,
    c: *mut f32,
    stride: usize,
    add: bool,
) {
    if rows == 0 || cols == 0 {
        return;
    }
    if depth == 0 && !add {
        for row in 0..rows {
            // SAFETY: a row of the target.
            unsafe { std::slice::from_raw_parts_mut(c.add(row * stride), cols) }.fill(0.0);
        }
    }
    let isa = cpu.isa;
    let cut = Cut::fastest(isa, depth, cols);
    for (start, block) in cut.blocks() {
        let (panels, per_pass) = (cut.panels(), panels_per_pass(cut, block));
        let room = cut.room(block, cut.width);
        let packed = Shared(cpu.scratch.packed.ensure(per_pass.min(panels) * room));
        for first in (0..panels).step_by(per_pass) {
            let last = (first + per_pass).min(panels);
            let b_block = b.offset(start, 0);
            cpu.team.split(last - first, 1, &|range| {
                for p in range {
                    let to = packed.get().wrapping_add(p * room);
                    cut.pack(isa, to, b_block, block, first + p);
                }
            });
            let product = Product {
                cut,
                depth: block,
                a: a.offset(0, start),
                panels: Shared(packed.get()),
                first,
                c: Shared(c),
                stride,
                add: add || start > 0,
            };
            product.run(cpu, rows, last - first);
        }
    }
}

/// One depth block of a product over packed panels.
#[derive(Clone, Copy)]
struct Product {
    cut: Cut,
    depth: usize,
    a: View,
    panels: Shared,
    first: usize,
    c: Shared,
    stride: usize,
    add: bool,
}

impl Product {
    /// Splits by rows where there are enough, otherwise by panels.
    fn run(self, cpu: &mut Cpu, rows: usize, panels: usize) {
        let isa = cpu.isa;
        let tile_rows = unit_rows(isa, self.cut.unit);
        let (team, ranks) = (&mut cpu.team, &mut cpu.scratch.ranks);
        let is_matrix = self.cut.unit == Unit::Matrix;
        if is_matrix {
            let words = ROW_BLOCK / matrix::LINES * matrix::strip_words(self.depth);
            ranks.iter_mut().for_each(|r| {
                r.rows.ensure(words);
            });
        }
        let ranks = &*ranks;
        let part = |rank: usize, rows, panels| {
            let packed_rows = is_matrix.then(|| ranks[rank].rows.base());
            self.part(isa, packed_rows, rows, panels);
        };
        if rows >= 2 * tile_rows * team.size() {
            let part = |rank, range| part(rank, range, 0..panels);
            team.split_by_rank(rows, tile_rows, &part);
        } else {
            let part = |rank, range| part(rank, 0..rows, range);
            team.split_by_rank(panels, 1, &part);
        }
    }

    /// Some rows by some panels; the matrix unit has room for packed rows.
    fn part(
        self,
        isa: Isa,
        packed_rows: Option<*mut f32>,
        rows: Range<usize>,
        panels: Range<usize>,
    ) {
        let (cut, depth) = (self.cut, self.depth);
        let _unit = packed_rows.is_some().then(matrix::take);
        for row in rows.clone().step_by(ROW_BLOCK) {
            let count = (rows.end - row).min(ROW_BLOCK);
            let a = self.a.offset(row, 0);
            if let Some(to) = packed_rows {
                let strips = count.div_ceil(matrix::LINES);
                matrix::pack_strips(matrix::Side::Left, to, a, strips, count, depth);
            }
            for panel in panels.clone() {
                let (col, width) = cut.panel(self.first + panel);
                let room = cut.room(depth, cut.width);
                let b = self.panels.get().wrapping_add(panel * room);
                let c = Target {
                    ptr: self.c.0.wrapping_add(row * self.stride + col),
                    stride: self.stride,
                    cols: cut.cols - col,
                    add: self.add,
                };
                match packed_rows {
                    None => panel_product(isa, count, depth, width, a, b, c),
                    Some(rows) => matrix::product(count, depth, rows, b, c),
                }
            }
        }
    }
}

/// Rows of a tile.
fn unit_rows(isa: Isa, unit: Unit) -> usize {
    match unit {
        Unit::Vectors => tile_rows(isa),
        Unit::Matrix => 2 * matrix::LINES,
    }
}

kernel! {
    /// `rows x width` outputs from one panel of `f32`.
    pub(crate) fn panel_product<S>(rows: usize, depth: usize, width: usize, a: View, b: *const f32, c: Target) {
        tiles::<S, _>(rows, depth, width, a, F32Panel(b), c)
    }
}

/// Products of a few rows with panels already packed whole, as [`Cut`] lays them out.
pub(crate) fn gemm_packed(
    cpu: &mut Cpu,
    cut: Cut,
    packed: *const f32,
    rows: usize,
    a: View,
    c: *mut f32,
    stride: usize,
    add: bool,
) {
    if rows == 0 {
        return;
    }
    let per_pass = panels_per_pass(cut, cut.block);
    let panels = cut.panels();
    for (start, depth) in cut.blocks() {
        let few = rows < 2 * unit_rows(cpu.isa, cut.unit) * cpu.team.size();
        // With few rows the panels are read once, so there is nothing to keep in a cache.
        let pass = if few { panels } else { per_pass };
        for first in (0..panels).step_by(pass) {
            let panels_at = packed.wrapping_add(cut.at(start, depth, first));
            let last = (first + pass).min(panels);
            let product = Product {
                cut,
                depth,
                a: a.offset(0, start),
                panels: Shared(panels_at.cast_mut()),
                first,
                c: Shared(c),
                stride,
                add: add || start > 0,
            };
            product.run(cpu, rows, last - first);
        }
    }
}

/// Packs some panels of a whole matrix as [`gemm_packed`] reads it.
pub(crate) fn pack_all(isa: Isa, cut: Cut, panels: Range<usize>, to: *mut f32, b: View) {
    for (start, depth) in cut.blocks() {
        for p in panels.clone() {
            let to = to.wrapping_add(cut.at(start, depth, p));
            cut.pack(isa, to, b.offset(start, 0), depth, p);
        }
    }
}
