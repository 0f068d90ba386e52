//! Rotary position embedding (Su et al. 2021), on queries and keys.

use super::shape::front;
use crate::ops::AttentionShape;

pub(super) fn rotate(
    qkv: &mut [f32],
    cos: &[f32],
    sin: &[f32],
    positions: &[u32],
    shape: AttentionShape,
    inverse: bool,
) {
    let half = shape.head_dim / 2;
    for (row, &position) in qkv.chunks_exact_mut(shape.qkv_width()).zip(positions) {
        let position = position as usize;
        let cos = &front("rope: cos", cos, &[position + 1, half])[position * half..];
        let sin = &front("rope: sin", sin, &[position + 1, half])[position * half..];
        // Keys follow the queries, so both are the first heads of the row.
        for head in row
            .chunks_exact_mut(shape.head_dim)
            .take(shape.heads + shape.kv_heads)
        {
            for i in 0..half {
                let (c, s) = (f64::from(cos[i]), f64::from(sin[i]));
                let s = if inverse { -s } else { s };
                let (a, b) = (f64::from(head[i]), f64::from(head[i + half]));
                head[i] = (a * c - b * s) as f32;
                head[i + half] = (a * s + b * c) as f32;
            }
        }
    }
}
