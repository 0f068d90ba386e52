//! A prompt and its answer as the rows whose outputs PPO (paper section 3.2.3) and direct preference
//! optimization read: the log-probability of each token of the answer, or the value before it.

use puna_train::Sequence;

/// Appends the rows as a document: every token but the last, each with the next as its target. Rows
/// whose target is a token of the answer have weight 1, the `prompt.len() - 1` before them 0.
pub(crate) fn push_answer_rows(sequence: &mut Sequence, prompt: &[u32], answer: &[u32]) {
    let tokens = [prompt, answer].concat();
    let (rows, lead) = (tokens.len() - 1, prompt.len() - 1);
    let weights = (0..rows).map(|row| if row < lead { 0.0 } else { 1.0 });
    sequence.push(&tokens[..rows], &tokens[1..], weights, true);
}

/// The rows of one answer.
pub(crate) fn answer_rows(prompt: &[u32], answer: &[u32]) -> Sequence {
    let mut sequence = Sequence::default();
    push_answer_rows(&mut sequence, prompt, answer);
    sequence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_of_the_answer_is_the_target_of_a_row() {
        let mut s = answer_rows(&[1, 5, 6], &[8, 9, 2]);
        assert_eq!(s.tokens, [1, 5, 6, 8, 9]);
        assert_eq!(s.targets, [5, 6, 8, 9, 2]);
        assert_eq!(s.weights, [0.0, 0.0, 1.0, 1.0, 1.0]);
        push_answer_rows(&mut s, &[1], &[7]);
        assert_eq!(s.segments, [5, 1]);
        assert_eq!(s.weights[5..], [1.0]);
    }
}
