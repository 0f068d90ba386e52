//! Weights for decoding: the panels of a product, packed once, in `f32` (for the matrix unit, its parts),
//! bfloat16 or Q8_0.
//!
//! The formats differ in what they do to the activations:
//!
//! - `Training`: nothing; the bits of a product of unpacked weights come out.
//! - `F32`: nothing, and vectors multiply on every machine: the matrix unit wants six bytes for an `f32`,
//!   and few rows wait for memory.
//! - `Bf16`: where the machine multiplies pairs of bfloat16 (AVX-512 BF16), activations are rounded to
//!   bfloat16, sums are in `f32`. Elsewhere weights are widened and activations kept.
//! - `Q8_0`: each row of activations is rounded to blocks of 32 signed bytes with one scale, as the
//!   weights are; products within a block are exact integers, the same on every machine.
//!
//! Rounding is done row by row and one way of multiplying serves any number of rows, so a row alone
//! and the same row among many give the same bits.

mod bf16;
mod q8;

use super::Cpu;
use super::gemm::{Shared, gemm_packed, pack_all, panel_product};
use super::isa::Isa;
use super::panels::{Cut, pack_panel, tile_rows};
use super::view::{Target, View};
use crate::buffer::HostBuf;
use crate::ops::{Result, WeightFormat, Write};

/// How the panels are laid out and multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// As a [`Cut`] packs `f32`.
    F32,
    /// `[depth][width]` of bfloat16, widened to multiply.
    Bf16,
    /// `[depth / 2][width][2]` of bfloat16, multiplied by pairs.
    Bf16Pairs,
    /// Blocks of 32 depths, see [`q8`].
    Q8,
}

impl Layout {
    fn new(isa: Isa, format: WeightFormat) -> Self {
        match format {
            WeightFormat::Training | WeightFormat::F32 => Self::F32,
            WeightFormat::Bf16 if bf16::has_pairs(isa) => Self::Bf16Pairs,
            WeightFormat::Bf16 => Self::Bf16,
            WeightFormat::Q8_0 => Self::Q8,
        }
    }

    /// Bytes of `depth` by `width` weights, of a format that [`Self::write`] writes.
    fn bytes(self, depth: usize, width: usize) -> usize {
        match self {
            Self::F32 => unreachable!("panels of f32 are packed in place"),
            Self::Bf16 => depth * width * 2,
            Self::Bf16Pairs => depth.div_ceil(2) * width * 4,
            Self::Q8 => depth / q8::BLOCK * width * (q8::BLOCK + 2),
        }
    }

    /// Where a panel of a depth block begins, in bytes.
    fn at(self, cut: Cut, start: usize, depth: usize, panel: usize) -> usize {
        self.bytes(start, cut.padded) + panel * self.bytes(depth, cut.width)
    }

    /// Writes a panel `[depth][width]` of `f32` this way.
    fn write(self, to: &mut [u8], panel: &[f32], width: usize) {
        match self {
            Self::F32 => unreachable!("panels of f32 are packed in place"),
            Self::Bf16 => bf16::write(to, panel),
            Self::Bf16Pairs => bf16::write_pairs(to, panel, width),
            Self::Q8 => q8::write(to, panel, width),
        }
    }
}

/// A packed weight `[n_out, n_in]`.
pub struct CpuPacked {
    cut: Cut,
    layout: Layout,
    data: HostBuf,
}

impl CpuPacked {
    pub(super) fn new(
        isa: Isa,
        w: &HostBuf,
        n_out: usize,
        n_in: usize,
        format: WeightFormat,
    ) -> Result<Self> {
        let layout = Layout::new(isa, format);
        let cut = match format {
            WeightFormat::Training => Cut::fastest(isa, n_in, n_out),
            _ => Cut::vectors(isa, n_in, n_out),
        };
        if layout == Layout::Q8 {
            assert!(
                n_in.is_multiple_of(q8::BLOCK),
                "Q8_0 blocks of {} do not divide {n_in} inputs",
                q8::BLOCK
            );
        }
        let view = View {
            ptr: w.as_ptr(),
            row: 1,
            col: n_in,
        };
        if layout == Layout::F32 {
            let mut data = HostBuf::zeros(cut.len())?;
            pack_all(isa, cut, 0..cut.panels(), data.as_mut_ptr(), view);
            return Ok(Self { cut, layout, data });
        }
        let len = layout.bytes(cut.depth, cut.padded);
        let mut data = HostBuf::zeros(len.div_ceil(4))?;
        let mut panel = vec![0.0f32; cut.block * cut.width];
        for (start, depth) in cut.blocks() {
            for p in 0..cut.panels() {
                let (col, width) = cut.panel(p);
                pack_panel(
                    isa,
                    panel.as_mut_ptr(),
                    view.offset(start, 0),
                    depth,
                    col,
                    width,
                    n_out,
                );
                let (at, len) = (layout.at(cut, start, depth, p), layout.bytes(depth, width));
                // SAFETY: the panel's place in `data`, which holds all panels' bytes.
                let to = unsafe {
                    let base = data.as_mut_ptr().cast::<u8>().add(at);
                    std::slice::from_raw_parts_mut(base, len)
                };
                layout.write(to, &panel[..depth * width], width);
            }
        }
        Ok(Self { cut, layout, data })
    }

    /// Outputs.
    pub fn n_out(&self) -> usize {
        self.cut.cols
    }

    /// Inputs.
    pub fn n_in(&self) -> usize {
        self.cut.depth
    }
}

pub(super) fn linear(
    cpu: &mut Cpu,
    out: &mut HostBuf,
    x: &HostBuf,
    w: &CpuPacked,
    rows: usize,
    write: Write,
) {
    if rows == 0 {
        return;
    }
    let (isa, cut) = (cpu.isa, w.cut);
    let add = write == Write::Add;
    let a = View {
        ptr: x.as_ptr(),
        row: cut.depth,
        col: 1,
    };
    match w.layout {
        Layout::F32 => gemm_packed(
            cpu,
            cut,
            w.data.as_ptr(),
            rows,
            a,
            out.as_mut_ptr(),
            cut.cols,
            add,
        ),
        Layout::Bf16 => widened(cpu, out, a, w, rows, add),
        Layout::Bf16Pairs => {
            let stride = cut.depth.div_ceil(2);
            let pairs = rounded(cpu, rows, cut.depth, stride, x, bf16::round_pairs);
            each_panel(cpu, out, w, add, &|_, (start, depth), width, b, c| {
                let a = pairs.get().cast::<u32>().wrapping_add(start / 2);
                bf16::product_pairs(isa, rows, depth.div_ceil(2), width, a, stride, b.cast(), c);
            });
        }
        Layout::Q8 => {
            let stride = cut.depth / q8::BLOCK;
            let row = stride * q8::ACTIVATION_WORDS;
            let blocks = rounded(cpu, rows, cut.depth, row, x, q8::round_blocks);
            each_panel(cpu, out, w, add, &|_, (start, depth), width, b, c| {
                let a = blocks.get().cast::<q8::Activations>();
                let a = a.wrapping_add(start / q8::BLOCK).cast_const();
                q8::product(isa, rows, depth / q8::BLOCK, width, a, stride, b, c);
            });
        }
    }
}

/// Calls `product(rank, depth block, width, panel, target)` for every panel of every
/// depth block, the panels split over the team.
fn each_panel(
    cpu: &mut Cpu,
    out: &mut HostBuf,
    w: &CpuPacked,
    add: bool,
    product: &(dyn Fn(usize, (usize, usize), usize, *const u8, Target) + Sync),
) {
    let (cut, layout) = (w.cut, w.layout);
    let (data, out) = (Shared(w.data.as_ptr().cast_mut()), Shared(out.as_mut_ptr()));
    cpu.team.split_by_rank(cut.panels(), 1, &|rank, range| {
        for (start, depth) in cut.blocks() {
            for p in range.clone() {
                let (col, width) = cut.panel(p);
                let at = layout.at(cut, start, depth, p);
                let b = data.get().cast::<u8>().wrapping_add(at).cast_const();
                let c = Target {
                    ptr: out.get().wrapping_add(col),
                    stride: cut.cols,
                    cols: cut.cols - col,
                    add: add || start > 0,
                };
                product(rank, (start, depth), width, b, c);
            }
        }
    });
}

/// Values of activations that are not worth a second thread to round.
const GRAIN: usize = 8 * 1024;

/// The rows of `x`, each rounded to `words` words of scratch by `round(isa, to, row, depth)`.
fn rounded(
    cpu: &mut Cpu,
    rows: usize,
    depth: usize,
    words: usize,
    x: &HostBuf,
    round: fn(Isa, *mut f32, *const f32, usize),
) -> Shared {
    let isa = cpu.isa;
    let to = Shared(cpu.scratch.activations.ensure(rows * words));
    cpu.team.split(rows, (GRAIN / depth).max(1), &|range| {
        for row in range {
            let to = to.get().wrapping_add(row * words);
            round(isa, to, x[row * depth..].as_ptr(), depth);
        }
    });
    to
}

/// The product with bfloat16 weights where the machine does not multiply them itself.
fn widened(cpu: &mut Cpu, out: &mut HostBuf, a: View, w: &CpuPacked, rows: usize, add: bool) {
    let (isa, cut) = (cpu.isa, w.cut);
    let many = rows > 2 * tile_rows(isa);
    let scratch: Vec<Shared> = cpu
        .scratch
        .ranks
        .iter_mut()
        .map(|r| Shared(r.rows.ensure(cut.block * cut.width)))
        .collect();
    each_panel(cpu, out, w, add, &|rank, (start, depth), width, b, c| {
        let rows_at = a.offset(0, start);
        // Both ways multiply the same widened weights in the same order; widening a panel once pays
        // when many rows use it.
        if many {
            let wide = scratch[rank].get();
            bf16::widen(isa, wide, b.cast(), depth, width);
            panel_product(isa, rows, depth, width, rows_at, wide, c);
        } else {
            bf16::product(isa, rows, depth, width, rows_at, b.cast(), c);
        }
    });
}
