//! `y = x wᵀ` and its two gradients.

use super::sums::{add_scaled, dot, store, store_one};
use crate::ops::Write;

pub(super) fn forward(
    out: &mut [f32],
    x: &[f32],
    w: &[f32],
    n_in: usize,
    n_out: usize,
    write: Write,
) {
    for (out, x) in out.chunks_exact_mut(n_out).zip(x.chunks_exact(n_in)) {
        for (out, w) in out.iter_mut().zip(w.chunks_exact(n_in)) {
            store_one(out, dot(x, w), write);
        }
    }
}

pub(super) fn backward_input(
    dx: &mut [f32],
    dout: &[f32],
    w: &[f32],
    n_in: usize,
    n_out: usize,
    write: Write,
) {
    for (dx, dout) in dx.chunks_exact_mut(n_in).zip(dout.chunks_exact(n_out)) {
        let mut sums = vec![0.0; n_in];
        for (&d, w) in dout.iter().zip(w.chunks_exact(n_in)) {
            add_scaled(&mut sums, f64::from(d), w);
        }
        store(dx, &sums, write);
    }
}

pub(super) fn backward_weight(
    dw: &mut [f32],
    dout: &[f32],
    x: &[f32],
    n_in: usize,
    n_out: usize,
    write: Write,
) {
    for (o, dw) in dw.chunks_exact_mut(n_in).enumerate() {
        let mut sums = vec![0.0; n_in];
        for (dout, x) in dout.chunks_exact(n_out).zip(x.chunks_exact(n_in)) {
            add_scaled(&mut sums, f64::from(dout[o]), x);
        }
        store(dw, &sums, write);
    }
}
