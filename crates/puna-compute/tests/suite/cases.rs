//! One case is one operation with one shape: random inputs, every output by name. The same case runs
//! on any implementation, so that results can be compared, whole or bit by bit.

use crate::rand::Rng;
use crate::support::{HostOps, accumulator, input, output, taken};
use puna_compute::Write;
use std::fmt::Debug;

mod attention;
mod packed;
mod vectors;

pub use attention::{Attention, CachedAttention, Rope, segments};
pub use packed::Packed;
pub use vectors::{Embedding, Vectors};

pub type Outputs = Vec<(&'static str, Vec<f32>)>;

pub trait Case: Debug + Sized {
    /// The shapes to try.
    fn all() -> Vec<Self>;
    /// Largest relative L2 distance from the reference: unless a case rounds what the reference does
    /// not, ten times what kernels were seen to stray.
    fn tolerance(&self) -> f64 {
        1e-5
    }
    /// Runs the operation, forward and backward.
    fn run<O: HostOps>(&self, ops: &mut O) -> Outputs;
}

const ROWS: [usize; 6] = [1, 2, 3, 7, 37, 300];
const DIMS: [usize; 6] = [8, 24, 48, 64, 96, 288];

/// The awkward shapes `[rows, dim]`, and some random ones.
fn rows_and_dims() -> Vec<(usize, usize)> {
    let mut rng = Rng::new(11);
    let awkward = ROWS
        .iter()
        .flat_map(|&rows| DIMS.iter().map(move |&dim| (rows, dim)));
    let mut shapes: Vec<_> = awkward.collect();
    shapes.extend((0..8).map(|_| (1 + rng.below(70), 1 + rng.below(200))));
    shapes
}

#[derive(Debug)]
pub struct RmsNorm {
    rows: usize,
    dim: usize,
}

impl Case for RmsNorm {
    fn all() -> Vec<Self> {
        rows_and_dims()
            .into_iter()
            .map(|(rows, dim)| Self { rows, dim })
            .collect()
    }

    fn run<O: HostOps>(&self, ops: &mut O) -> Outputs {
        let &Self { rows, dim } = self;
        let mut rng = Rng::new(1);
        let x = input(&rng.normal(rows * dim, 1.0));
        let weight = input(&rng.normal(dim, 1.0));
        let dout = input(&rng.normal(rows * dim, 1.0));
        let mut out = output(rows * dim);
        let mut dx = accumulator(&rng.normal(rows * dim, 1.0));
        let mut dweight = accumulator(&rng.normal(dim, 1.0));
        ops.rmsnorm(&mut out, &x, &weight, rows, dim, 1e-5);
        ops.rmsnorm_backward(&mut dx, &mut dweight, &dout, &x, &weight, rows, dim, 1e-5);
        vec![
            ("out", taken(&out)),
            ("dx", taken(&dx)),
            ("dweight", taken(&dweight)),
        ]
    }
}

#[derive(Debug)]
pub struct Linear {
    rows: usize,
    n_in: usize,
    n_out: usize,
}

impl Case for Linear {
    fn all() -> Vec<Self> {
        let mut rng = Rng::new(12);
        let shapes = [(8, 24), (24, 8), (48, 64), (64, 131), (96, 288), (131, 48)];
        let mut all = Vec::new();
        for (n_in, n_out) in shapes {
            all.extend([1, 2, 3, 7, 37].map(|rows| Self { rows, n_in, n_out }));
        }
        all.push(Self::new((300, 288, 96)));
        // A reward head has one output; the last shapes outgrow the cache blocks of most kernels.
        all.extend([(37, 288, 1), (7, 1, 5), (150, 700, 530), (150, 256, 1100)].map(Self::new));
        all.extend(
            (0..12).map(|_| Self::new((1 + rng.below(80), 1 + rng.below(150), 1 + rng.below(150)))),
        );
        all
    }

    fn run<O: HostOps>(&self, ops: &mut O) -> Outputs {
        let &Self { rows, n_in, n_out } = self;
        let mut rng = Rng::new(2);
        let x = input(&rng.normal(rows * n_in, 1.0));
        let w = input(&rng.normal(n_out * n_in, 0.1));
        let dout = input(&rng.normal(rows * n_out, 1.0));
        let mut out = output(rows * n_out);
        let mut added = accumulator(&rng.normal(rows * n_out, 1.0));
        let mut dx = output(rows * n_in);
        let mut dx_added = accumulator(&rng.normal(rows * n_in, 1.0));
        ops.linear(&mut out, &x, &w, rows, n_in, n_out, Write::Set);
        ops.linear(&mut added, &x, &w, rows, n_in, n_out, Write::Add);
        ops.linear_backward_input(&mut dx, &dout, &w, rows, n_in, n_out, Write::Set);
        ops.linear_backward_input(&mut dx_added, &dout, &w, rows, n_in, n_out, Write::Add);
        let mut dw_added = accumulator(&rng.normal(n_out * n_in, 1.0));
        let mut dw = output(n_out * n_in);
        ops.linear_backward_weight(&mut dw, &dout, &x, rows, n_in, n_out, Write::Set);
        ops.linear_backward_weight(&mut dw_added, &dout, &x, rows, n_in, n_out, Write::Add);
        vec![
            ("out", taken(&out)),
            ("out, added", taken(&added)),
            ("dx", taken(&dx)),
            ("dx, added", taken(&dx_added)),
            ("dw", taken(&dw)),
            ("dw, added", taken(&dw_added)),
        ]
    }
}

impl Linear {
    fn new((rows, n_in, n_out): (usize, usize, usize)) -> Self {
        Self { rows, n_in, n_out }
    }
}

#[derive(Debug)]
pub struct SwiGlu {
    rows: usize,
    hidden: usize,
}

impl Case for SwiGlu {
    fn all() -> Vec<Self> {
        rows_and_dims()
            .into_iter()
            .map(|(rows, hidden)| Self { rows, hidden })
            .collect()
    }

    fn run<O: HostOps>(&self, ops: &mut O) -> Outputs {
        let &Self { rows, hidden } = self;
        let mut rng = Rng::new(3);
        let gate_up = input(&rng.normal(rows * 2 * hidden, 3.0));
        let dout = input(&rng.normal(rows * hidden, 1.0));
        let mut out = output(rows * hidden);
        let mut dgate_up = output(rows * 2 * hidden);
        ops.swiglu(&mut out, &gate_up, rows, hidden);
        let mut again = output(rows * hidden);
        ops.swiglu_backward(&mut dgate_up, &mut again, &dout, &gate_up, rows, hidden);
        vec![("out", taken(&out)), ("dgate_up", taken(&dgate_up))]
    }
}

#[derive(Debug)]
pub struct Head {
    rows: usize,
    dim: usize,
    vocab: usize,
}

impl Case for Head {
    fn all() -> Vec<Self> {
        let mut rng = Rng::new(13);
        let mut all = Vec::new();
        for (dim, vocab) in [(8, 131), (24, 512), (96, 131), (48, 1000)] {
            all.extend([1, 2, 3, 7, 37].map(|rows| Self { rows, dim, vocab }));
        }
        all.extend([(300, 96, 1000), (37, 288, 1000)].map(Self::new));
        // More tokens than a chunk of logits is likely to hold.
        all.push(Self::new((20, 16, 32000)));
        let random = |_| Self::new((1 + rng.below(50), 1 + rng.below(70), 2 + rng.below(300)));
        all.extend((0..6).map(random));
        all
    }

    fn run<O: HostOps>(&self, ops: &mut O) -> Outputs {
        let &Self { rows, dim, vocab } = self;
        let mut rng = Rng::new(4);
        let x = input(&rng.normal(rows * dim, 1.0));
        let head = input(&rng.normal(vocab * dim, 0.3));
        let targets = rng.tokens(rows, vocab);
        let coefficients = rng.normal(rows, 1.0);
        let mut logprobs = vec![f32::NAN; rows];
        let mut logprobs_backward = vec![f32::NAN; rows];
        let mut logprobs_logits = vec![f32::NAN; rows];
        let logits = input(&rng.normal(rows * vocab, 2.0));
        let mut dx = output(rows * dim);
        let mut dhead = output(vocab * dim);
        let mut dhead_added = accumulator(&rng.normal(vocab * dim, 0.01));
        ops.head_logprobs(&mut logprobs, &x, &head, &targets, dim, vocab);
        ops.logprobs(&mut logprobs_logits, &logits, &targets, vocab);
        for (dhead, write) in [(&mut dhead, Write::Set), (&mut dhead_added, Write::Add)] {
            ops.head_logprobs_backward(
                &mut dx,
                dhead,
                &mut logprobs_backward,
                &x,
                &head,
                &targets,
                &coefficients,
                dim,
                vocab,
                write,
            );
        }
        vec![
            ("logprobs", logprobs),
            ("logprobs of logits", logprobs_logits),
            ("logprobs of the backward", logprobs_backward),
            ("dx", taken(&dx)),
            ("dhead", taken(&dhead)),
            ("dhead, added", taken(&dhead_added)),
        ]
    }
}

impl Head {
    fn new((rows, dim, vocab): (usize, usize, usize)) -> Self {
        Self { rows, dim, vocab }
    }
}
