//! AdamW (paper section 2.2) and the elementwise sums around it.

use super::isa::kernel;
use crate::ops::AdamW;

kernel! {
    /// `to += from`; both valid for `len`.
    pub(crate) fn add<S>(to: *mut f32, from: *const f32, len: usize) {
        let mut i = 0;
        while i + S::LANES <= len {
            S::store(to.add(i), S::add(S::load(to.add(i)), S::load(from.add(i))));
            i += S::LANES;
        }
        for i in i..len {
            *to.add(i) += *from.add(i);
        }
    }
}

kernel! {
    /// Sum of squares of a short run.
    pub(crate) fn sum_squares<S>(x: &[f32]) -> f32 {
        let mut acc = [S::splat(0.0); 4];
        let mut i = 0;
        while i + 4 * S::LANES <= x.len() {
            for (j, acc) in acc.iter_mut().enumerate() {
                let v = S::load(x.as_ptr().add(i + j * S::LANES));
                *acc = S::mul_add(v, v, *acc);
            }
            i += 4 * S::LANES;
        }
        let tail: f32 = x[i..].iter().map(|v| v * v).sum();
        S::sum(S::add(S::add(acc[0], acc[1]), S::add(acc[2], acc[3]))) + tail
    }
}

kernel! {
    /// One step over `len` values; all pointers valid for it.
    pub(crate) fn adamw<S>(p: *mut f32, m: *mut f32, v: *mut f32, g: *const f32, len: usize, s: AdamW) {
        let correction1 = 1.0 - f64::from(s.beta1).powi(s.step.min(i32::MAX as u64) as i32);
        let correction2 = 1.0 - f64::from(s.beta2).powi(s.step.min(i32::MAX as u64) as i32);
        let rate = (f64::from(s.lr) / correction1) as f32;
        let root = (1.0 / correction2.sqrt()) as f32;
        let keep = 1.0 - s.lr * s.weight_decay;
        let (one_b1, one_b2) = (1.0 - s.beta1, 1.0 - s.beta2);
        // The tail goes through a full vector too, so that no element is computed another way.
        let mut i = 0;
        while i < len {
            let n = (len - i).min(S::LANES);
            let mut tail = [[0.0f32; 16]; 4];
            let at = if n == S::LANES {
                [p.add(i), m.add(i), v.add(i), g.add(i).cast_mut()]
            } else {
                for (t, from) in tail.iter_mut().zip([p.cast_const(), m.cast_const(), v.cast_const(), g]) {
                    t[..n].copy_from_slice(std::slice::from_raw_parts(from.add(i), n));
                }
                let [tp, tm, tv, tg] = &mut tail;
                [tp.as_mut_ptr(), tm.as_mut_ptr(), tv.as_mut_ptr(), tg.as_mut_ptr()]
            };
            let grad = S::mul(S::load(at[3]), S::splat(s.grad_scale));
            let m1 = S::mul_add(grad, S::splat(one_b1), S::mul(S::load(at[1]), S::splat(s.beta1)));
            let squared = S::mul(grad, grad);
            let v1 = S::mul_add(squared, S::splat(one_b2), S::mul(S::load(at[2]), S::splat(s.beta2)));
            let denominator = S::mul_add(S::sqrt(v1), S::splat(root), S::splat(s.eps));
            let kept = S::mul(S::load(at[0]), S::splat(keep));
            let p1 = S::sub(kept, S::div(S::mul(S::splat(rate), m1), denominator));
            S::store(at[0], p1);
            S::store(at[1], m1);
            S::store(at[2], v1);
            if n < S::LANES {
                for (t, to) in tail.iter().zip([p, m, v]) {
                    std::ptr::copy_nonoverlapping(t.as_ptr(), to.add(i), n);
                }
            }
            i += S::LANES;
        }
    }
}
