//! Buffers that notice what should not be touched, and the ways to compare results.

use puna_compute::{HostBuf, Ops};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Values behind the shape of every buffer. In inputs they are NaN, so that a kernel that reads them
/// spoils its result; in outputs a mark that must survive.
const TAIL: usize = 19;
const MARK: f32 = -1234.5;

/// An implementation in one of its variants.
pub struct Variant<O> {
    pub name: String,
    /// Makes one with so many threads.
    pub make: Box<dyn Fn(usize) -> O>,
}

/// Runs a check on every variant, so that one that fails does not hide the others.
pub fn on_each<O>(variants: &[Variant<O>], check: impl Fn(&Variant<O>)) {
    let failed: Vec<&str> = variants
        .iter()
        .filter(|variant| catch_unwind(AssertUnwindSafe(|| check(variant))).is_err())
        .map(|variant| variant.name.as_str())
        .collect();
    assert!(failed.is_empty(), "failed on {failed:?}");
}

/// Any implementation on host memory.
pub trait HostOps: Ops<Buf = HostBuf> {}
impl<O: Ops<Buf = HostBuf>> HostOps for O {}

fn with_tail(values: &[f32], tail: f32) -> HostBuf {
    let mut buf = HostBuf::zeros(values.len() + TAIL).unwrap();
    buf[..values.len()].copy_from_slice(values);
    buf[values.len()..].fill(tail);
    buf
}

/// A buffer to read.
pub fn input(values: &[f32]) -> HostBuf {
    with_tail(values, f32::NAN)
}

/// A buffer to overwrite: what it holds must not show in the result.
pub fn output(len: usize) -> HostBuf {
    with_tail(&vec![f32::NAN; len], MARK)
}

/// A buffer to change or add to.
pub fn accumulator(values: &[f32]) -> HostBuf {
    with_tail(values, MARK)
}

/// What an [`output`] or [`accumulator`] holds, once its tail is found whole.
#[track_caller]
pub fn taken(buf: &HostBuf) -> Vec<f32> {
    let (values, tail) = buf.split_at(buf.len() - TAIL);
    assert!(
        tail.iter().all(|&x| x == MARK),
        "values behind the shape were written: {tail:?}"
    );
    values.to_vec()
}

/// `|got - want| / |want|`; infinite when they differ in length or in what is finite.
pub fn relative_l2(got: &[f32], want: &[f32]) -> f64 {
    if got.len() != want.len() {
        return f64::INFINITY;
    }
    let pairs = || {
        got.iter()
            .zip(want)
            .map(|(&g, &w)| (f64::from(g), f64::from(w)))
    };
    let difference: f64 = pairs().map(|(g, w)| (g - w).powi(2)).sum();
    let norm: f64 = pairs().map(|(_, w)| w.powi(2)).sum();
    match (difference, norm) {
        (0.0, _) => 0.0,
        (d, n) if d.is_finite() => (d / n).sqrt(),
        _ => f64::INFINITY,
    }
}

#[track_caller]
pub fn assert_close(context: &str, got: &[f32], want: &[f32], tolerance: f64) {
    let error = relative_l2(got, want);
    assert!(
        error <= tolerance,
        "{context}: relative L2 error {error:.3e} > {tolerance:.0e}"
    );
}

/// Where two results differ in bits, if they do; any NaN equals any other.
pub fn difference_in_bits(got: &[f32], want: &[f32]) -> Option<String> {
    if got.len() != want.len() {
        return Some(format!("{} values and {}", got.len(), want.len()));
    }
    let differs = |(g, w): (&f32, &f32)| g.to_bits() != w.to_bits() && !(g.is_nan() && w.is_nan());
    let first = got.iter().zip(want).position(differs)?;
    let count = got.iter().zip(want).filter(|&pair| differs(pair)).count();
    Some(format!(
        "{count} of {} values differ, first {:e} and {:e} at {first}; relative L2 {:.3e}",
        got.len(),
        got[first],
        want[first],
        relative_l2(got, want)
    ))
}

#[track_caller]
pub fn assert_same_bits(context: &str, got: &[f32], want: &[f32]) {
    if let Some(difference) = difference_in_bits(got, want) {
        panic!("{context}: {difference}");
    }
}
