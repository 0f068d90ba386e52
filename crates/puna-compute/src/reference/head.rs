//! Log-probabilities of targets under the output head, and their gradients.

use super::sums::{add_scaled, dot, store};
use crate::ops::Write;

pub(super) fn forward(logprobs: &mut [f32], x: &[f32], head: &[f32], targets: &[u32], dim: usize) {
    for ((logprob, x), &target) in logprobs.iter_mut().zip(x.chunks_exact(dim)).zip(targets) {
        let target = checked(target, head.len() / dim);
        *logprob = log_softmax(products(x, head))[target] as f32;
    }
}

/// Where the logits exist already.
pub(super) fn of_logits(logprobs: &mut [f32], logits: &[f32], targets: &[u32], vocab: usize) {
    let rows = logprobs.iter_mut().zip(logits.chunks_exact(vocab));
    for ((logprob, logits), &target) in rows.zip(targets) {
        let logits = logits.iter().map(|&l| f64::from(l)).collect();
        *logprob = log_softmax(logits)[checked(target, vocab)] as f32;
    }
}

/// `dL/dlogit[v] = coefficient * ((v == target) - p[v])`, then as for any linear layer.
pub(super) fn backward(
    dx: &mut [f32],
    dhead: &mut [f32],
    x: &[f32],
    head: &[f32],
    targets: &[u32],
    coefficients: &[f32],
    dim: usize,
) {
    let mut dhead_sums = vec![0.0; dhead.len()];
    for (row, (dx, x)) in dx
        .chunks_exact_mut(dim)
        .zip(x.chunks_exact(dim))
        .enumerate()
    {
        let target = checked(targets[row], head.len() / dim);
        let mut dx_sums = vec![0.0; dim];
        for (v, logprob) in log_softmax(products(x, head)).into_iter().enumerate() {
            let indicator = if v == target { 1.0 } else { 0.0 };
            let dlogit = f64::from(coefficients[row]) * (indicator - logprob.exp());
            add_scaled(&mut dx_sums, dlogit, &head[v * dim..][..dim]);
            add_scaled(&mut dhead_sums[v * dim..][..dim], dlogit, x);
        }
        store(dx, &dx_sums, Write::Set);
    }
    store(dhead, &dhead_sums, Write::Add);
}

/// Logits of one row.
fn products(x: &[f32], head: &[f32]) -> Vec<f64> {
    head.chunks_exact(x.len())
        .map(|weight| dot(x, weight))
        .collect()
}

/// Log-probabilities of the whole vocabulary for one row.
fn log_softmax(logits: Vec<f64>) -> Vec<f64> {
    let max = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|logit| (logit - max).exp()).sum();
    let lse = max + sum.ln();
    logits.into_iter().map(|logit| logit - lse).collect()
}

fn checked(target: u32, vocab: usize) -> usize {
    assert!(
        (target as usize) < vocab,
        "target {target} of a vocabulary of {vocab}"
    );
    target as usize
}
