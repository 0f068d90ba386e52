//! SwiGLU (Shazeer 2020), the activation of the feed-forward layers (paper section 2.2).

pub(super) fn forward(out: &mut [f32], gate_up: &[f32], hidden: usize) {
    for (out, row) in out
        .chunks_exact_mut(hidden)
        .zip(gate_up.chunks_exact(2 * hidden))
    {
        for i in 0..hidden {
            let (gate, up) = (f64::from(row[i]), f64::from(row[hidden + i]));
            out[i] = (gate * sigmoid(gate) * up) as f32;
        }
    }
}

/// `silu'(g) = σ(g) (1 + g (1 - σ(g)))`
pub(super) fn backward(dgate_up: &mut [f32], dout: &[f32], gate_up: &[f32], hidden: usize) {
    let rows = dgate_up
        .chunks_exact_mut(2 * hidden)
        .zip(gate_up.chunks_exact(2 * hidden));
    for ((drow, row), dout) in rows.zip(dout.chunks_exact(hidden)) {
        for i in 0..hidden {
            let (gate, up) = (f64::from(row[i]), f64::from(row[hidden + i]));
            let d = f64::from(dout[i]);
            let sigma = sigmoid(gate);
            drow[i] = (d * up * sigma * (1.0 + gate * (1.0 - sigma))) as f32;
            drow[hidden + i] = (d * gate * sigma) as f32;
        }
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
