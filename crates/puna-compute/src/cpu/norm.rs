//! RMSNorm (Zhang and Sennrich 2019; paper section 2.2).

use super::isa::kernel;
use super::simd::Simd;

/// Sum of products of two rows: whole vectors first, then the tail.
///
/// # Safety
/// Both rows readable for `n`; the instruction set available.
#[inline(always)]
pub(crate) unsafe fn dot<S: Simd>(a: *const f32, b: *const f32, n: usize) -> f32 {
    // SAFETY: by the contract.
    unsafe {
        let mut acc = [S::splat(0.0); 2];
        let mut i = 0;
        while i + 2 * S::LANES <= n {
            for (j, acc) in acc.iter_mut().enumerate() {
                let at = i + j * S::LANES;
                *acc = S::mul_add(S::load(a.add(at)), S::load(b.add(at)), *acc);
            }
            i += 2 * S::LANES;
        }
        let mut sum = S::sum(S::add(acc[0], acc[1]));
        for i in i..n {
            sum += *a.add(i) * *b.add(i);
        }
        sum
    }
}

kernel! {
    /// Pointers valid for `rows * dim`, the weight for `dim`.
    pub(crate) fn rmsnorm<S>(out: *mut f32, x: *const f32, weight: *const f32, rows: usize, dim: usize, eps: f32) {
        for r in 0..rows {
            let (x, out) = (x.add(r * dim), out.add(r * dim));
            let scale = 1.0 / (dot::<S>(x, x, dim) / dim as f32 + eps).sqrt();
            let mut i = 0;
            while i + S::LANES <= dim {
                let y = S::mul(S::mul(S::load(x.add(i)), S::splat(scale)), S::load(weight.add(i)));
                S::store(out.add(i), y);
                i += S::LANES;
            }
            for i in i..dim {
                *out.add(i) = *x.add(i) * scale * *weight.add(i);
            }
        }
    }
}

kernel! {
    /// With `n = x * scale` and `g = dout * weight`: `dx += scale * (g - n * mean(g * n))`,
    /// `dweight += dout * n`.
    pub(crate) fn rmsnorm_backward<S>(
        dx: *mut f32, dweight: *mut f32, dout: *const f32, x: *const f32, weight: *const f32,
        rows: usize, dim: usize, eps: f32,
    ) {
        for r in 0..rows {
            let (x, dout, dx) = (x.add(r * dim), dout.add(r * dim), dx.add(r * dim));
            let scale = 1.0 / (dot::<S>(x, x, dim) / dim as f32 + eps).sqrt();
            let mut acc = S::splat(0.0);
            let mut i = 0;
            while i + S::LANES <= dim {
                let g = S::mul(S::load(dout.add(i)), S::load(weight.add(i)));
                acc = S::mul_add(g, S::load(x.add(i)), acc);
                i += S::LANES;
            }
            let mut sum = S::sum(acc);
            for i in i..dim {
                sum += *dout.add(i) * *weight.add(i) * *x.add(i);
            }
            // mean(g * n) * scale, since n carries a scale of its own.
            let pull = sum * scale * scale * scale / dim as f32;
            let mut i = 0;
            while i + S::LANES <= dim {
                let (xi, d) = (S::load(x.add(i)), S::load(dout.add(i)));
                let g = S::mul(S::mul(d, S::load(weight.add(i))), S::splat(scale));
                let step = S::sub(g, S::mul(xi, S::splat(pull)));
                S::store(dx.add(i), S::add(S::load(dx.add(i)), step));
                let dw = S::mul(S::mul(d, xi), S::splat(scale));
                S::store(dweight.add(i), S::add(S::load(dweight.add(i)), dw));
                i += S::LANES;
            }
            for i in i..dim {
                let (xi, d) = (*x.add(i), *dout.add(i));
                *dx.add(i) += d * *weight.add(i) * scale - xi * pull;
                *dweight.add(i) += d * xi * scale;
            }
        }
    }
}
