//! Looking tokens up in a table, and adding their gradients to it.

use std::ops::Range;

pub(super) fn forward(out: &mut [f32], table: &[f32], tokens: &[u32], dim: usize) {
    for (row, &token) in tokens.iter().enumerate() {
        out[row * dim..][..dim].copy_from_slice(&table[entry(table, token, dim)]);
    }
}

/// The table is the accumulator here, row after row: the order is part of the contract.
pub(super) fn backward(dtable: &mut [f32], dout: &[f32], tokens: &[u32], dim: usize) {
    for (row, &token) in tokens.iter().enumerate() {
        let entry = entry(dtable, token, dim);
        for (sum, &d) in dtable[entry].iter_mut().zip(&dout[row * dim..]) {
            *sum += d;
        }
    }
}

fn entry(table: &[f32], token: u32, dim: usize) -> Range<usize> {
    let start = token as usize * dim;
    let end = start + dim;
    assert!(
        end <= table.len(),
        "token {token}; the table has {} rows",
        table.len() / dim
    );
    start..end
}
