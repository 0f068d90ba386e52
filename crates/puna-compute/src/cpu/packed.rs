//! Weights for decoding: the panels of a product, packed once, in `f32`, bfloat16 or Q8_0.

use super::Cpu;
use super::gemm::{Rows, Shared, gemm_packed, pack_all, panel_product};
use super::isa::{Isa, kernel};
use super::panels::{Cut, View, pack_panel, tile_rows};
use super::tile::{Bf16Panel, Panel, Q8_BLOCK, Q8Panel, Target, tile};
use crate::buffer::HostBuf;
use crate::ops::{Result, WeightFormat, Write};
use half::{bf16, f16};

/// A packed weight `[n_out, n_in]`.
pub struct CpuPacked {
    cut: Cut,
    format: WeightFormat,
    data: HostBuf,
}

/// Bytes that `values` packed weights take.
fn bytes(format: WeightFormat, values: usize) -> usize {
    match format {
        WeightFormat::F32 => values * 4,
        WeightFormat::Bf16 => values * 2,
        WeightFormat::Q8_0 => values / Q8_BLOCK * (Q8_BLOCK + 2),
    }
}

impl CpuPacked {
    pub(super) fn new(
        isa: Isa,
        w: &HostBuf,
        n_out: usize,
        n_in: usize,
        format: WeightFormat,
    ) -> Result<Self> {
        let cut = Cut::new(isa, n_in, n_out);
        if format == WeightFormat::Q8_0 {
            assert!(
                n_in.is_multiple_of(Q8_BLOCK),
                "Q8_0 blocks of {Q8_BLOCK} do not divide {n_in} inputs"
            );
        }
        let mut data = HostBuf::zeros(bytes(format, cut.len()).div_ceil(4))?;
        let view = View {
            ptr: w.as_ptr(),
            row: 1,
            col: n_in,
        };
        if format == WeightFormat::F32 {
            pack_all(isa, cut, 0..cut.panels(), data.as_mut_ptr(), view);
            return Ok(Self { cut, format, data });
        }
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
                let at = bytes(format, start * cut.padded + p * cut.width * depth);
                // SAFETY: the panel's place in `data`, which holds `bytes(format, cut.len())`.
                let to = unsafe {
                    let base = data.as_mut_ptr().cast::<u8>().add(at);
                    std::slice::from_raw_parts_mut(base, bytes(format, depth * width))
                };
                quantize(format, to, &panel[..depth * width], width);
            }
        }
        Ok(Self { cut, format, data })
    }

    /// Outputs.
    pub fn n_out(&self) -> usize {
        self.cut.cols
    }

    /// Inputs.
    pub fn n_in(&self) -> usize {
        self.cut.depth
    }

    /// Bytes that one product reads.
    pub fn bytes(&self) -> usize {
        bytes(self.format, self.cut.len())
    }
}

/// Writes a panel `[depth][width]` in a decoding format.
fn quantize(format: WeightFormat, to: &mut [u8], panel: &[f32], width: usize) {
    match format {
        WeightFormat::Bf16 => {
            for (to, &x) in to.chunks_exact_mut(2).zip(panel) {
                to.copy_from_slice(&bf16::from_f32(x).to_bits().to_ne_bytes());
            }
        }
        WeightFormat::Q8_0 => {
            let blocks = panel.chunks_exact(Q8_BLOCK * width);
            for (to, block) in to.chunks_exact_mut((Q8_BLOCK + 2) * width).zip(blocks) {
                let (bytes, scales) = to.split_at_mut(Q8_BLOCK * width);
                for j in 0..width {
                    let column = || block[j..].iter().step_by(width);
                    // Not `f32::max`, which would drop a NaN.
                    let keeps = |m: f32, x: &f32| m.is_nan() || x.abs() <= m;
                    let largest =
                        column().fold(0.0f32, |m, x| if keeps(m, x) { m } else { x.abs() });
                    let scale = largest / 127.0;
                    let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
                    for (k, x) in column().enumerate() {
                        bytes[k * width + j] = ((x * inverse).round() as i8).cast_unsigned();
                    }
                    scales[2 * j..2 * j + 2]
                        .copy_from_slice(&f16::from_f32(scale).to_bits().to_ne_bytes());
                }
            }
        }
        WeightFormat::F32 => unreachable!("f32 panels are packed in place"),
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
    let (cut, isa) = (w.cut, cpu.isa);
    let a = View {
        ptr: x.as_ptr(),
        row: cut.depth,
        col: 1,
    };
    let add = write == Write::Add;
    if w.format == WeightFormat::F32 {
        return gemm_packed(
            cpu,
            cut,
            w.data.as_ptr(),
            rows,
            a,
            out.as_mut_ptr(),
            cut.cols,
            add,
        );
    }
    let (data, out) = (Shared(w.data.as_ptr().cast_mut()), Shared(out.as_mut_ptr()));
    let many = rows > 2 * tile_rows(isa);
    let panels = cut.panels();
    let share = panels.div_ceil(cpu.team.size());
    let scratch: Vec<Shared> = cpu
        .scratch
        .ranks
        .iter_mut()
        .map(|r| Shared(r.rows.ensure(cut.block * cut.width)))
        .collect();
    cpu.team.split(panels, 1, &|range| {
        let wide = scratch[range.start / share].get();
        for (start, depth) in cut.blocks() {
            let rows_at = Rows::direct(a.offset(0, start));
            for p in range.clone() {
                let (col, width) = cut.panel(p);
                let at = bytes(w.format, start * cut.padded + p * cut.width * depth);
                let b = data.get().cast::<u8>().wrapping_add(at).cast_const();
                let c = Target {
                    ptr: out.get().wrapping_add(col),
                    stride: cut.cols,
                    cols: cut.cols - col,
                    add: add || start > 0,
                };
                // Both ways multiply the same widened weights in the same order; widening a panel
                // once pays when many rows use it.
                match (w.format, many) {
                    (WeightFormat::Bf16, false) => {
                        product_bf16(isa, rows, depth, width, rows_at, b.cast(), c)
                    }
                    (WeightFormat::Bf16, true) => widen_bf16(isa, wide, b.cast(), depth, width),
                    (_, false) => product_q8(isa, rows, depth, width, rows_at, b, c),
                    (_, true) => widen_q8(isa, wide, b, depth, width),
                }
                if many {
                    panel_product(isa, rows, depth, width, rows_at, wide, c);
                }
            }
        }
    });
}

macro_rules! quantized {
    ($product:ident, $widen:ident, $panel:ident, $element:ty) => {
        kernel! {
            fn $product<S>(rows: usize, depth: usize, width: usize, a: Rows, b: *const $element, c: Target) {
                let mut i = 0;
                while i < rows {
                    let n = (rows - i).min(S::TILE_ROWS);
                    let to = Target { ptr: c.ptr.wrapping_add(i * c.stride), ..c };
                    tile::<S, _>(depth, n, width, a.tile(i), $panel(b), to);
                    i += n;
                }
            }
        }

        kernel! {
            fn $widen<S>(to: *mut f32, from: *const $element, depth: usize, width: usize) {
                for k in 0..depth {
                    let mut j = 0;
                    while j < width {
                        S::store(to.add(k * width + j), $panel(from).load::<S>(k, j, width));
                        j += S::LANES;
                    }
                }
            }
        }
    };
}

quantized!(product_bf16, widen_bf16, Bf16Panel, u16);
quantized!(product_q8, widen_q8, Q8Panel, u8);
