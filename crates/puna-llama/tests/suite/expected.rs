//! What transformers and PyTorch computed for the fixture models (scripts/fixtures), and comparisons with it. The
//! tests of training include this file too.

use puna_compute::HostBuf;
use puna_llama::safetensors::SafeTensors;
use puna_llama::{Config, Model, Params};
use std::path::{Path, PathBuf};

pub const FIXTURES: [&str; 3] = ["mha", "gqa", "gqa_tied"];

/// Models whose files hold rounded weights, by their type; only logits are expected of them.
pub const ROUNDED: [(&str, &str); 2] = [("f16", "F16"), ("bf16", "BF16")];

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../puna-llama/tests/fixtures")
        .join(name)
}

/// What transformers and PyTorch computed; see scripts/fixtures.
pub struct Expected(SafeTensors);

impl Expected {
    pub fn of(name: &str) -> Self {
        Self(SafeTensors::open(&fixture(name).join("expected.safetensors")).unwrap())
    }

    pub fn shape(&self, name: &str) -> &[usize] {
        &self.0.entries()[name].shape
    }

    pub fn f32s(&mut self, name: &str) -> Vec<f32> {
        let mut out = vec![0.0; self.0.entries()[name].len()];
        self.0.read(name, &mut out).unwrap();
        out
    }

    pub fn u32s(&mut self, name: &str) -> Vec<u32> {
        assert_eq!(self.0.entries()[name].dtype, "I32");
        let bytes = self.0.read_bytes(name).unwrap();
        bytes
            .chunks_exact(4)
            .map(|b| u32::from_le_bytes(b.try_into().unwrap()))
            .collect()
    }

    /// Every weight of a model that took ten steps of AdamW.
    #[track_caller]
    pub fn assert_after_ten_steps(&mut self, name: &str, model: &Model) {
        for (tensor, found) in hf_tensors(&model.config, &model.params) {
            let off = relative(found, &self.f32s(&format!("step10.{tensor}")));
            assert!(
                off < 1e-5,
                "{name}: {tensor} after ten steps is off by {off}"
            );
        }
    }
}

/// Distance of two vectors, relative to the second's length.
#[track_caller]
pub fn relative(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let difference = found
        .iter()
        .zip(expected)
        .map(|(&a, &b)| f64::from(a) - f64::from(b));
    let squares: f64 = difference.map(|d| d * d).sum();
    let length: f64 = expected.iter().map(|&b| f64::from(b).powi(2)).sum();
    (squares / length.max(1e-30)).sqrt()
}

#[track_caller]
pub fn assert_close(what: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{what}");
    // What is not a number is far from everything.
    let close = |(a, b): (&f32, &f32)| (a - b).abs() <= tolerance;
    if let Some(i) = found.iter().zip(expected).position(|pair| !close(pair)) {
        panic!(
            "{what}: value {i} is {} and should be {}",
            found[i], expected[i]
        );
    }
}

/// Every Hugging Face tensor of a model, with its values.
pub fn hf_tensors<'a>(config: &Config, params: &'a Params<HostBuf>) -> Vec<(String, &'a [f32])> {
    let mut out = Vec::new();
    for (spec, values) in config.param_specs().iter().zip(&params.tensors) {
        let mut at = 0;
        for (name, rows) in &spec.parts {
            out.push((name.clone(), &values[at..at + rows * spec.n_in]));
            at += rows * spec.n_in;
        }
    }
    out
}
