//! Cases of weights laid out for decoding.

use super::{Case, Outputs};
use crate::rand::Rng;
use crate::support::{HostOps, accumulator, input, output, taken};
use puna_compute::{WeightFormat, Write};

#[derive(Debug)]
pub struct Packed {
    format: WeightFormat,
    rows: usize,
    n_in: usize,
    n_out: usize,
}

impl Case for Packed {
    fn all() -> Vec<Self> {
        use WeightFormat::{Bf16, F32, Q8_0, Training};
        let mut all = Vec::new();
        for format in [Training, F32, Bf16, Q8_0] {
            for (n_in, n_out) in [(32, 24), (64, 131), (288, 96), (1024, 40)] {
                all.extend([1, 2, 3, 7, 37].map(|rows| Self {
                    format,
                    rows,
                    n_in,
                    n_out,
                }));
            }
            all.extend([1, 300].map(|rows| Self {
                format,
                rows,
                n_in: 288,
                n_out: 2000,
            }));
        }
        for format in [Training, F32, Bf16] {
            all.extend([1, 2, 7].map(|rows| Self {
                format,
                rows,
                n_in: 37,
                n_out: 19,
            }));
        }
        all
    }

    /// Decoding formats may round activations as they round weights, the reference does not.
    fn tolerance(&self) -> f64 {
        match self.format {
            WeightFormat::Training | WeightFormat::F32 => 1e-5,
            WeightFormat::Bf16 => 5e-3,
            WeightFormat::Q8_0 => 1e-2,
        }
    }

    fn run<O: HostOps>(&self, ops: &mut O) -> Outputs {
        let &Self {
            format,
            rows,
            n_in,
            n_out,
        } = self;
        let mut rng = Rng::new(10);
        let w = ops
            .pack(&input(&rng.normal(n_out * n_in, 0.1)), n_out, n_in, format)
            .unwrap();
        let x = input(&rng.normal(rows * n_in, 1.0));
        let mut out = output(rows * n_out);
        let mut added = accumulator(&rng.normal(rows * n_out, 0.1));
        ops.linear_packed(&mut out, &x, &w, rows, Write::Set);
        ops.linear_packed(&mut added, &x, &w, rows, Write::Add);
        vec![("out", taken(&out)), ("out, added", taken(&added))]
    }
}
