//! Matrix products: blocks for the caches, tiles for the registers, rows or panels for the team.

use super::Cpu;
use super::isa::{Isa, kernel};
use super::panels::{Cut, View, pack_panel, tile_rows};
use super::tile::{F32Panel, Target, tiles};
use std::ops::Range;

/// Values of a packed block that should stay in the second-level cache.
const BLOCK_VALUES: usize = 128 * 1024;
/// Rows that are taken through a packed block together; a multiple of every tile's rows.
const ROW_BLOCK: usize = 96;

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
    let cut = Cut::new(isa, depth, cols);
    for (start, block) in cut.blocks() {
        let per_pass = (BLOCK_VALUES / block / cut.width).max(1);
        let packed = Shared(cpu.scratch.packed.ensure(per_pass * cut.width * block));
        let panels = cut.panels();
        for first in (0..panels).step_by(per_pass) {
            let last = (first + per_pass).min(panels);
            let b_block = b.offset(start, 0);
            cpu.team.split(last - first, 1, &|range| {
                for p in range {
                    let (col, width) = cut.panel(first + p);
                    let to = packed.get().wrapping_add(p * cut.width * block);
                    pack_panel(isa, to, b_block, block, col, width, cols);
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
        let tile_rows = tile_rows(isa);
        if rows >= 2 * tile_rows * cpu.team.size() {
            cpu.team
                .split(rows, tile_rows, &|range| block(isa, self, range, 0..panels));
        } else {
            cpu.team
                .split(panels, 1, &|range| block(isa, self, 0..rows, range));
        }
    }
}

fn block(isa: Isa, p: Product, rows: Range<usize>, panels: Range<usize>) {
    for row in rows.clone().step_by(ROW_BLOCK) {
        let count = (rows.end - row).min(ROW_BLOCK);
        let a = p.a.offset(row, 0);
        for panel in panels.clone() {
            let (col, width) = p.cut.panel(p.first + panel);
            let b = p.panels.0.wrapping_add(panel * p.cut.width * p.depth);
            let c = Target {
                ptr: p.c.0.wrapping_add(row * p.stride + col),
                stride: p.stride,
                cols: p.cut.cols - col,
                add: p.add,
            };
            panel_product(isa, count, p.depth, width, a, b, c);
        }
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
    let per_pass = (BLOCK_VALUES / cut.block / cut.width).max(1);
    let panels = cut.panels();
    for (start, depth) in cut.blocks() {
        let base = packed.wrapping_add(start * cut.padded);
        let few = rows < 2 * tile_rows(cpu.isa) * cpu.team.size();
        // With few rows the panels are read once, so there is nothing to keep in a cache.
        let pass = if few { panels } else { per_pass };
        for first in (0..panels).step_by(pass) {
            let last = (first + pass).min(panels);
            let product = Product {
                cut,
                depth,
                a: a.offset(0, start),
                panels: Shared(base.wrapping_add(first * cut.width * depth).cast_mut()),
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
            let (col, width) = cut.panel(p);
            let out = to.wrapping_add(start * cut.padded + p * cut.width * depth);
            pack_panel(isa, out, b.offset(start, 0), depth, col, width, cut.cols);
        }
    }
}
