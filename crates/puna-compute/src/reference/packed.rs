//! Weights as a decoder stores them: rounded to the format, then kept in `f32`.

use crate::ops::WeightFormat;
use half::{bf16, f16};

/// Weights of `Q8_0` that share a scale.
const BLOCK: usize = 32;

/// A weight after a round trip through its format.
#[derive(Clone, Debug)]
pub struct ReferencePacked {
    pub(super) n_out: usize,
    pub(super) n_in: usize,
    pub(super) values: Vec<f32>,
}

impl ReferencePacked {
    pub(super) fn new(w: &[f32], n_out: usize, n_in: usize, format: WeightFormat) -> Self {
        let values = match format {
            WeightFormat::Training | WeightFormat::F32 => w.to_vec(),
            WeightFormat::Bf16 => w.iter().map(|&x| bf16::from_f32(x).to_f32()).collect(),
            WeightFormat::Q8_0 => {
                assert!(
                    n_in.is_multiple_of(BLOCK),
                    "a weight [{n_out}, {n_in}] in Q8_0 needs rows of a multiple of {BLOCK}"
                );
                w.chunks_exact(BLOCK).flat_map(q8_0).collect()
            }
        };
        Self {
            n_out,
            n_in,
            values,
        }
    }
}

/// One block: bytes `round(x / d)` for `d = max|x| / 127`, of which the format keeps the `f16`
/// rounding. The bytes come from the scale before it is rounded, as in files of the format. A NaN
/// stays one: a device that keeps bytes has to put it into the scale.
fn q8_0(block: &[f32]) -> impl Iterator<Item = f32> {
    let max = block.iter().fold(0.0, |max, x| x.abs().max(max));
    let scale = max / 127.0;
    let stored = f16::from_f32(scale).to_f32();
    let inverse = if stored == 0.0 { 0.0 } else { 1.0 / scale };
    block.iter().map(move |x| (x * inverse).round() * stored)
}
