//! Cases of the operations without a shape, and of table look-up.

use super::{Case, Outputs};
use crate::rand::Rng;
use crate::support::{HostOps, accumulator, input, output, taken};
use puna_compute::AdamW;

#[derive(Debug)]
pub struct Embedding {
    tokens: usize,
    vocab: usize,
    dim: usize,
}

impl Case for Embedding {
    fn all() -> Vec<Self> {
        let shapes = [
            (1, 1, 8),
            (7, 131, 24),
            (37, 5, 288),
            (300, 1000, 48),
            (300, 3, 64),
        ];
        shapes
            .map(|(tokens, vocab, dim)| Self { tokens, vocab, dim })
            .into()
    }

    fn run<O: HostOps>(&self, ops: &mut O) -> Outputs {
        let &Self { tokens, vocab, dim } = self;
        let mut rng = Rng::new(8);
        let ids = rng.tokens(tokens, vocab);
        let table = input(&rng.normal(vocab * dim, 1.0));
        let dout = input(&rng.normal(tokens * dim, 1.0));
        let mut out = output(tokens * dim);
        let mut dtable = accumulator(&rng.normal(vocab * dim, 1.0));
        ops.embedding(&mut out, &table, &ids, dim);
        ops.embedding_backward(&mut dtable, &dout, &ids, dim);
        vec![("out", taken(&out)), ("dtable", taken(&dtable))]
    }
}

#[derive(Debug)]
pub struct Vectors {
    len: usize,
}

impl Case for Vectors {
    fn all() -> Vec<Self> {
        [1, 2, 7, 8, 15, 16, 33, 1000, 70_001]
            .map(|len| Self { len })
            .into()
    }

    fn run<O: HostOps>(&self, ops: &mut O) -> Outputs {
        let &Self { len } = self;
        let mut rng = Rng::new(9);
        let x = input(&rng.normal(len, 1.0));
        let mut copied = output(len);
        let mut cleared = output(len);
        let mut added = accumulator(&rng.normal(len, 1.0));
        ops.copy(&mut copied, &x, len);
        ops.clear(&mut cleared, len);
        ops.add(&mut added, &x, len);
        let rows: Vec<usize> = (0..5).map(|_| rng.below(len)).collect();
        let mut gathered = output(rows.len());
        ops.gather_rows(&mut gathered, &x, &rows, 1);

        let sum = ops.sum_squares(&x, len);
        let high = sum as f32;
        let low = (sum - f64::from(high)) as f32;

        let mut param = accumulator(&rng.normal(len, 0.02));
        let mut m = accumulator(&vec![0.0; len]);
        let mut v = accumulator(&vec![0.0; len]);
        for step in 1..=3 {
            let grad = input(&rng.normal(len, 1e-3));
            let step = AdamW {
                lr: 1e-2,
                beta1: 0.9,
                beta2: 0.95,
                eps: 1e-5,
                weight_decay: 0.1,
                step,
                grad_scale: 0.7,
            };
            ops.adamw(&mut param, &mut m, &mut v, &grad, len, step);
        }
        vec![
            ("copied", taken(&copied)),
            ("cleared", taken(&cleared)),
            ("added", taken(&added)),
            ("gathered", taken(&gathered)),
            ("sum of squares", vec![high, low]),
            ("param", taken(&param)),
            ("m", taken(&m)),
            ("v", taken(&v)),
        ]
    }
}
