//! RMSNorm (Zhang and Sennrich 2019), the pre-normalisation of every block (paper section 2.2).

use super::sums::{add_scaled, dot, store};
use crate::ops::Write;

pub(super) fn forward(out: &mut [f32], x: &[f32], weight: &[f32], eps: f32) {
    let dim = weight.len();
    for (out, x) in out.chunks_exact_mut(dim).zip(x.chunks_exact(dim)) {
        let scale = inverse_rms(x, eps);
        for i in 0..dim {
            out[i] = (f64::from(x[i]) * scale * f64::from(weight[i])) as f32;
        }
    }
}

/// With `s = 1 / rms` and `g = dout * weight`: `dx = s g - x s³ Σ(g x) / dim`, `dweight = Σ dout x s`.
pub(super) fn backward(
    dx: &mut [f32],
    dweight: &mut [f32],
    dout: &[f32],
    x: &[f32],
    weight: &[f32],
    eps: f32,
) {
    let dim = weight.len();
    let mut dweight_sums = vec![0.0; dim];
    let rows = dx
        .chunks_exact_mut(dim)
        .zip(dout.chunks_exact(dim))
        .zip(x.chunks_exact(dim));
    for ((dx, dout), x) in rows {
        let scale = inverse_rms(x, eps);
        let mut g = vec![0.0; dim];
        let mut g_dot_x = 0.0;
        for i in 0..dim {
            g[i] = f64::from(dout[i]) * f64::from(weight[i]);
            g_dot_x += g[i] * f64::from(x[i]);
            dweight_sums[i] += f64::from(dout[i]) * f64::from(x[i]) * scale;
        }
        let mut sums: Vec<f64> = g.iter().map(|g| scale * g).collect();
        add_scaled(&mut sums, -scale.powi(3) * g_dot_x / dim as f64, x);
        store(dx, &sums, Write::Add);
    }
    store(dweight, &dweight_sums, Write::Add);
}

fn inverse_rms(x: &[f32], eps: f32) -> f64 {
    1.0 / (dot(x, x) / x.len() as f64 + f64::from(eps)).sqrt()
}
