//! Rotary positions (Su et al. 2021; paper section 2.2), pairs half a head apart.

use super::isa::kernel;
use crate::ops::AttentionShape;

kernel! {
    /// `qkv` valid for a row per position, `cos` and `sin` up to the largest position.
    pub(crate) fn rope<S>(
        qkv: *mut f32, cos: *const f32, sin: *const f32, positions: &[u32], shape: AttentionShape, inverse: bool,
    ) {
        let half = shape.head_dim / 2;
        let sign = if inverse { -1.0 } else { 1.0 };
        for (r, &position) in positions.iter().enumerate() {
            let row = qkv.add(r * shape.qkv_width());
            let (cos, sin) = (cos.add(position as usize * half), sin.add(position as usize * half));
            for head in 0..shape.heads + shape.kv_heads {
                let a = row.add(head * shape.head_dim);
                let b = a.add(half);
                let mut i = 0;
                while i + S::LANES <= half {
                    let (c, s) = (S::load(cos.add(i)), S::mul(S::load(sin.add(i)), S::splat(sign)));
                    let (x, y) = (S::load(a.add(i)), S::load(b.add(i)));
                    S::store(a.add(i), S::sub(S::mul(x, c), S::mul(y, s)));
                    S::store(b.add(i), S::add(S::mul(y, c), S::mul(x, s)));
                    i += S::LANES;
                }
                if i < half {
                    let rest = half - i;
                    let (c, s) = (S::load_part(cos.add(i), rest), S::load_part(sin.add(i), rest));
                    let s = S::mul(s, S::splat(sign));
                    let (x, y) = (S::load_part(a.add(i), rest), S::load_part(b.add(i), rest));
                    S::store_part(a.add(i), rest, S::sub(S::mul(x, c), S::mul(y, s)));
                    S::store_part(b.add(i), rest, S::add(S::mul(y, c), S::mul(x, s)));
                }
            }
        }
    }
}
