//! SwiGLU (Shazeer 2020; paper section 2.2).

use super::isa::kernel;
use super::simd::Simd;

/// `1 / (1 + e^-x)`.
#[inline(always)]
unsafe fn sigmoid<S: Simd>(x: S::V) -> S::V {
    // SAFETY: the caller has the instruction set.
    unsafe {
        let one = S::splat(1.0);
        S::div(one, S::add(one, S::exp(S::sub(S::splat(0.0), x))))
    }
}

/// Runs `body` over whole vectors of a row of `n`, the last in part.
macro_rules! by_vectors {
    ($S:ident, $n:expr, [$($input:ident),*], [$($output:ident),*], $body:expr) => {{
        let mut i = 0;
        while i + $S::LANES <= $n {
            let values = $body($($S::load($input.add(i))),*);
            let mut values = values.into_iter();
            $(
                if let Some(v) = values.next() {
                    $S::store($output.add(i), v);
                }
            )*
            i += $S::LANES;
        }
        if i < $n {
            let rest = $n - i;
            $(let $input = $S::load_part($input.add(i), rest);)*
            let mut values = $body($($input),*).into_iter();
            $(
                if let Some(v) = values.next() {
                    $S::store_part($output.add(i), rest, v);
                }
            )*
        }
    }};
}

kernel! {
    /// Pointers valid for `rows` rows of `hidden` (and twice that).
    pub(crate) fn swiglu<S>(out: *mut f32, gate_up: *const f32, rows: usize, hidden: usize) {
        for r in 0..rows {
            let (gate, up) = (gate_up.add(r * 2 * hidden), gate_up.add((r * 2 + 1) * hidden));
            let out = out.add(r * hidden);
            by_vectors!(S, hidden, [gate, up], [out], |g, u| {
                [S::mul(S::mul(g, sigmoid::<S>(g)), u)]
            });
        }
    }
}

kernel! {
    /// `out` as the forward has it; `d up = dout * silu(gate)`, `d gate = dout * up * s * (1 + gate * (1 - s))`, `s` the sigmoid.
    pub(crate) fn swiglu_backward<S>(
        dgate_up: *mut f32, out: *mut f32, dout: *const f32, gate_up: *const f32, rows: usize, hidden: usize,
    ) {
        for r in 0..rows {
            let (gate, up) = (gate_up.add(r * 2 * hidden), gate_up.add((r * 2 + 1) * hidden));
            let (dgate, dup) = (dgate_up.add(r * 2 * hidden), dgate_up.add((r * 2 + 1) * hidden));
            let (dout, out) = (dout.add(r * hidden), out.add(r * hidden));
            by_vectors!(S, hidden, [gate, up, dout], [dgate, dup, out], |g, u, d| {
                let s = sigmoid::<S>(g);
                let silu = S::mul(g, s);
                let slope = S::mul_add(silu, S::sub(S::splat(1.0), s), s);
                [S::mul(S::mul(d, u), slope), S::mul(d, silu), S::mul(silu, u)]
            });
        }
    }
}
