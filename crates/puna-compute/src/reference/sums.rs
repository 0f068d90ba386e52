//! The three sums that all products are made of, in `f64`.

use crate::ops::Write;

/// `Σ a[i] b[i]`
pub(super) fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(&a, &b)| f64::from(a) * f64::from(b))
        .sum()
}

/// `sums[i] += factor * x[i]`
pub(super) fn add_scaled(sums: &mut [f64], factor: f64, x: &[f32]) {
    for (sum, &x) in sums.iter_mut().zip(x) {
        *sum += factor * f64::from(x);
    }
}

/// Rounds sums into an output.
pub(super) fn store(out: &mut [f32], sums: &[f64], write: Write) {
    for (out, &sum) in out.iter_mut().zip(sums) {
        store_one(out, sum, write);
    }
}

/// Rounds one sum into one value of an output.
pub(super) fn store_one(out: &mut f32, sum: f64, write: Write) {
    *out = match write {
        Write::Set => sum as f32,
        Write::Add => (f64::from(*out) + sum) as f32,
    };
}
