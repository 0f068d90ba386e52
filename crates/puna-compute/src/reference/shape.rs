//! The part of a buffer that a shape covers.

/// The values of `shape` at the front of a buffer that may be longer.
#[track_caller]
pub(super) fn front<'a>(what: &str, buf: &'a [f32], shape: &[usize]) -> &'a [f32] {
    &buf[..covered(what, buf.len(), shape)]
}

/// As [`front`], to write to.
#[track_caller]
pub(super) fn front_mut<'a>(what: &str, buf: &'a mut [f32], shape: &[usize]) -> &'a mut [f32] {
    let len = covered(what, buf.len(), shape);
    &mut buf[..len]
}

#[track_caller]
fn covered(what: &str, len: usize, shape: &[usize]) -> usize {
    let needed = shape.iter().product();
    assert!(
        needed <= len,
        "{what} holds {len} values; its shape {shape:?} needs {needed}"
    );
    needed
}
