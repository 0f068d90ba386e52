//! Causal grouped-query attention (Ainslie et al. 2023; paper section 2.2), one query at a time.

use super::shape::{front, front_mut};
use super::sums::{add_scaled, dot, store};
use crate::ops::{AttentionShape, Segment, Write};

/// One head's keys, or values, at successive positions.
#[derive(Clone, Copy)]
pub(super) struct Positions<'a> {
    /// Where they lie.
    pub data: &'a [f32],
    /// From the start of a row to the head.
    pub offset: usize,
    /// From one position to the next.
    pub stride: usize,
    /// Width of the head.
    pub head_dim: usize,
}

impl<'a> Positions<'a> {
    fn at(&self, position: usize) -> &'a [f32] {
        &self.data[position * self.stride + self.offset..][..self.head_dim]
    }
}

/// Softmax of the query's scores against the first `count` keys, and the log of the sum of their
/// exponentials.
fn probabilities(query: &[f32], keys: Positions<'_>, count: usize) -> (Vec<f64>, f64) {
    let root = (query.len() as f64).sqrt();
    let scores: Vec<f64> = (0..count).map(|j| dot(query, keys.at(j)) / root).collect();
    let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exponentials: Vec<f64> = scores.iter().map(|score| (score - max).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    (
        exponentials.iter().map(|e| e / sum).collect(),
        max + sum.ln(),
    )
}

/// Attends with one query to the first `count` positions; returns the log-sum-exp.
pub(super) fn attend(
    out: &mut [f32],
    query: &[f32],
    keys: Positions<'_>,
    values: Positions<'_>,
    count: usize,
) -> f32 {
    let (probabilities, lse) = probabilities(query, keys, count);
    let mut sums = vec![0.0; out.len()];
    for (j, &p) in probabilities.iter().enumerate() {
        add_scaled(&mut sums, p, values.at(j));
    }
    store(out, &sums, Write::Set);
    lse as f32
}

/// Where the query, key and value of query head `head` start in a row.
fn offsets(shape: AttentionShape, head: usize) -> [usize; 3] {
    let kv = head / shape.group();
    [head, shape.heads + kv, shape.heads + shape.kv_heads + kv].map(|h| h * shape.head_dim)
}

pub(super) fn forward(
    out: &mut [f32],
    lse: &mut [f32],
    qkv: &[f32],
    segments: &[Segment],
    shape: AttentionShape,
) {
    let AttentionShape {
        heads, head_dim, ..
    } = shape;
    let stride = shape.qkv_width();
    for &Segment { start, len } in segments {
        let data = &front("attention: qkv", qkv, &[start + len, stride])[start * stride..];
        let out = front_mut("attention: out", out, &[start + len, shape.q_width()]);
        let lse = front_mut("attention: lse", lse, &[start + len, heads]);
        for head in 0..heads {
            let [queries, keys, values] = offsets(shape, head).map(|offset| Positions {
                data,
                offset,
                stride,
                head_dim,
            });
            for i in 0..len {
                let out = &mut out[(start + i) * shape.q_width() + head * head_dim..][..head_dim];
                lse[(start + i) * heads + head] = attend(out, queries.at(i), keys, values, i + 1);
            }
        }
    }
}

/// With `p = softmax(s)` and `dp[j] = dout · v[j]`: `ds[j] = p[j] (dp[j] - Σ p dp)`, and scores are
/// `q · k[j] / sqrt(head_dim)`.
pub(super) fn backward(
    dqkv: &mut [f32],
    dout: &[f32],
    qkv: &[f32],
    segments: &[Segment],
    shape: AttentionShape,
) {
    let AttentionShape {
        heads, head_dim, ..
    } = shape;
    let stride = shape.qkv_width();
    let root = (head_dim as f64).sqrt();
    for &Segment { start, len } in segments {
        let data = &front("attention_backward: qkv", qkv, &[start + len, stride])[start * stride..];
        let dout = front(
            "attention_backward: dout",
            dout,
            &[start + len, shape.q_width()],
        );
        let mut sums = vec![0.0; len * stride];
        for head in 0..heads {
            let [q, k, v] = offsets(shape, head);
            let [queries, keys, values] = [q, k, v].map(|offset| Positions {
                data,
                offset,
                stride,
                head_dim,
            });
            for i in 0..len {
                let dout = &dout[(start + i) * shape.q_width() + head * head_dim..][..head_dim];
                let (p, _) = probabilities(queries.at(i), keys, i + 1);
                let dp: Vec<f64> = (0..=i).map(|j| dot(dout, values.at(j))).collect();
                let mean: f64 = p.iter().zip(&dp).map(|(p, dp)| p * dp).sum();
                for j in 0..=i {
                    let ds = p[j] * (dp[j] - mean) / root;
                    add_scaled(&mut sums[i * stride + q..][..head_dim], ds, keys.at(j));
                    add_scaled(&mut sums[j * stride + k..][..head_dim], ds, queries.at(i));
                    add_scaled(&mut sums[j * stride + v..][..head_dim], p[j], dout);
                }
            }
        }
        let dqkv = front_mut("attention_backward: dqkv", dqkv, &[start + len, stride]);
        store(&mut dqkv[start * stride..], &sums, Write::Set);
    }
}
