//! The two layouts of rotary positions. Meta's weights (and llama2.c's) rotate adjacent pairs
//! `(2i, 2i + 1)` of a head, Hugging Face's rotate halves `(i, i + head_dim / 2)`; a permutation of
//! the rows of the query and key matrices leads from one to the other. Values and outputs stay.

/// Rows of `heads` heads from adjacent pairs to halves. `weight` is `[heads * head_dim, n_in]`.
pub fn permute_to_halves(weight: &mut [f32], head_dim: usize, n_in: usize) {
    permute(weight, head_dim, n_in, |row| {
        let half = head_dim / 2;
        if row < half {
            2 * row
        } else {
            2 * (row - half) + 1
        }
    });
}

/// The inverse of [`permute_to_halves`].
pub fn permute_to_pairs(weight: &mut [f32], head_dim: usize, n_in: usize) {
    permute(weight, head_dim, n_in, |row| {
        row / 2 + (row % 2) * (head_dim / 2)
    });
}

/// Row `r` of each head becomes its row `source(r)`.
fn permute(weight: &mut [f32], head_dim: usize, n_in: usize, source: impl Fn(usize) -> usize) {
    let head_len = head_dim * n_in;
    assert!(
        weight.len().is_multiple_of(head_len),
        "{} values in heads of {head_len}",
        weight.len()
    );
    let mut old = vec![0.0; head_len];
    for head in weight.chunks_exact_mut(head_len) {
        old.copy_from_slice(head);
        for (row, out) in head.chunks_exact_mut(n_in).enumerate() {
            let from = source(row) * n_in;
            out.copy_from_slice(&old[from..from + n_in]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions() {
        // Two heads of six rows, each row its own number twice.
        let pairs: Vec<f32> = (0..24).map(|i| (i / 2) as f32).collect();
        let mut weight = pairs.clone();
        permute_to_halves(&mut weight, 6, 2);
        let rows: Vec<f32> = weight.iter().step_by(2).copied().collect();
        assert_eq!(rows, [0., 2., 4., 1., 3., 5., 6., 8., 10., 7., 9., 11.]);
        permute_to_pairs(&mut weight, 6, 2);
        assert_eq!(weight, pairs);
    }
}
