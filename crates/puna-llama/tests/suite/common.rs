//! What the tests share: fixtures, comparisons, devices.

pub use crate::expected::*;
use puna_compute::{HostBuf, Ops};
use puna_llama::{Batch, Config, HeadKind, Model, ParamSpec, Params};

/// Runs an expression once per device: the reference, and the processor's kernels in every
/// instruction set of this machine, the best also with two threads. `$make` names a function that
/// makes one.
macro_rules! on_every_device {
    ($make:ident => $body:expr) => {{
        {
            let $make = || puna_compute::Reference;
            $body;
        }
        for isa in puna_compute::Isa::available() {
            let $make = || puna_compute::Cpu::with_isa(1, isa);
            $body;
        }
        {
            let $make = || puna_compute::Cpu::new(2);
            $body;
        }
    }};
}

impl Expected {
    /// The batch, and the derivative of its loss by each log-probability.
    pub fn batch(&mut self) -> (Batch, Vec<f32>) {
        let rows = self.shape("tokens")[1];
        let (tokens, targets) = (self.u32s("tokens"), self.u32s("targets"));
        let mut batch = Batch::default();
        for (tokens, targets) in tokens.chunks(rows).zip(targets.chunks(rows)) {
            batch.push(tokens, targets);
        }
        (batch, coefficients(&self.f32s("loss_weights")))
    }

    /// Documents packed into one sequence.
    pub fn packed(&mut self) -> (Batch, Vec<f32>) {
        let (tokens, targets) = (self.u32s("packed_tokens"), self.u32s("packed_targets"));
        let mut batch = Batch::default();
        let mut at = 0;
        for len in self.u32s("packed_segments") {
            let end = at + len as usize;
            batch.push(&tokens[at..end], &targets[at..end]);
            at = end;
        }
        (batch, coefficients(&self.f32s("packed_loss_weights")))
    }
}

fn coefficients(weights: &[f32]) -> Vec<f32> {
    let sum: f32 = weights.iter().sum();
    weights.iter().map(|w| -w / sum).collect()
}

/// The loss that those coefficients are the derivative of.
pub fn loss(logprobs: &[f32], coefficients: &[f32]) -> f64 {
    logprobs
        .iter()
        .zip(coefficients)
        .map(|(&p, &c)| f64::from(p) * f64::from(c))
        .sum()
}

#[track_caller]
pub fn assert_same_bits(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let differs = found
        .iter()
        .zip(expected)
        .position(|(a, b)| a.to_bits() != b.to_bits());
    if let Some(i) = differs {
        panic!(
            "{what}: value {i} is {} and should be {}",
            found[i], expected[i]
        );
    }
}

/// A small model with weights that are large enough for its parts to matter.
pub fn lively_model(vocab_size: usize) -> Model {
    let config = Config {
        dim: 48,
        layers: 2,
        heads: 6,
        kv_heads: 2,
        head_dim: 8,
        hidden_dim: 80,
        vocab_size,
        context: 128,
        norm_eps: 1e-5,
        rope_theta: 1e4,
        tied: false,
        head: HeadKind::LanguageModel,
    };
    let mut model = Model::init(&config, 11).unwrap();
    for (spec, tensor) in config.param_specs().iter().zip(&mut model.params.tensors) {
        if spec.decays() {
            tensor.iter_mut().for_each(|v| *v *= 8.0);
        }
    }
    model
}

/// One AdamW step as the fixtures take it; the gradient's norm before clipping.
pub fn adamw_step<O: Ops<Buf = HostBuf>>(
    ops: &mut O,
    specs: &[(usize, bool)],
    [params, m, v, grads]: [&mut Params<HostBuf>; 4],
    step: u64,
) -> f64 {
    let squares: f64 = specs
        .iter()
        .zip(&grads.tensors)
        .map(|(&(len, _), g)| ops.sum_squares(g, len))
        .sum();
    let norm = squares.sqrt();
    for (i, &(len, decays)) in specs.iter().enumerate() {
        let step = puna_compute::AdamW {
            lr: 1e-3,
            beta1: 0.9,
            beta2: 0.95,
            eps: 1e-5,
            weight_decay: if decays { 0.1 } else { 0.0 },
            step,
            grad_scale: (1.0 / (norm + 1e-6)).min(1.0) as f32,
        };
        let (param, grad) = (&mut params.tensors[i], &grads.tensors[i]);
        ops.adamw(param, &mut m.tensors[i], &mut v.tensors[i], grad, len, step);
    }
    norm
}

pub fn lengths(specs: &[ParamSpec]) -> Vec<(usize, bool)> {
    specs.iter().map(|s| (s.len(), s.decays())).collect()
}
