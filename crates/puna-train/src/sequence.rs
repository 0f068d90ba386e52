//! What a model trains on: rows of tokens, each with a target and a weight, in documents.

use crate::error::{Error, Result};
use puna_llama::{Batch, Config};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// One packed sequence. It goes through the model whole; attention stays within each document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sequence {
    /// Token ids.
    pub tokens: Vec<u32>,
    /// What each row should predict.
    pub targets: Vec<u32>,
    /// How much each row counts in the loss; 0 leaves it out.
    pub weights: Vec<f32>,
    /// Lengths of the documents, which cover all rows in order.
    pub segments: Vec<usize>,
}

impl Sequence {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.tokens.len()
    }

    /// Appends rows of one document. With `document_mask` they are a segment of their own; without,
    /// attention also sees the rows before them.
    pub fn push(
        &mut self,
        tokens: &[u32],
        targets: &[u32],
        weights: impl IntoIterator<Item = f32>,
        document_mask: bool,
    ) {
        self.tokens.extend_from_slice(tokens);
        self.targets.extend_from_slice(targets);
        self.weights.extend(weights);
        match self.segments.last_mut() {
            Some(segment) if !document_mask => *segment += tokens.len(),
            _ => self.segments.push(tokens.len()),
        }
    }

    /// Refuses what the kernels could not survive. `index` is for the message.
    pub(crate) fn check(&self, index: usize, config: &Config, max_rows: usize) -> Result<()> {
        let fail = |what: String| Err(Error::Data(format!("sequence {index}: {what}")));
        let rows = self.rows();
        if rows == 0 {
            return fail("it is empty".into());
        }
        if rows > max_rows {
            return fail(format!(
                "{rows} rows do not fit a micro-batch of {max_rows}; raise micro_batch_rows or shorten \
                 the sequences"
            ));
        }
        if self.targets.len() != rows || self.weights.len() != rows {
            return fail(format!(
                "{rows} tokens, {} targets and {} weights; there must be as many of each",
                self.targets.len(),
                self.weights.len()
            ));
        }
        if self.segments.iter().sum::<usize>() != rows || self.segments.contains(&0) {
            return fail(format!(
                "documents of lengths {:?} do not tile {rows} rows",
                self.segments
            ));
        }
        let mut ids = self.tokens.iter().chain(&self.targets);
        if let Some(id) = ids.find(|&&id| id as usize >= config.vocab_size) {
            return fail(format!(
                "token {id} is not in the model's vocabulary of {}; use the tokenizer of this model",
                config.vocab_size
            ));
        }
        if let Some(weight) = self.weights.iter().find(|w| !w.is_finite()) {
            return fail(format!("the weight {weight} is not a finite number"));
        }
        Ok(())
    }
}

/// The rows of some sequences as one batch, in which those of weight 0 do not count.
pub(crate) fn batch(sequences: &[Sequence]) -> Batch {
    let mut batch = Batch::default();
    let weights = || (0..).zip(sequences.iter().flat_map(|s| &s.weights));
    if weights().any(|(_, &w)| w == 0.0) {
        let counted = weights().filter(|&(_, &w)| w != 0.0);
        batch.counted = Some(counted.map(|(row, _)| row).collect());
    }
    for sequence in sequences {
        let mut at = 0;
        for &len in &sequence.segments {
            batch.push(
                &sequence.tokens[at..at + len],
                &sequence.targets[at..at + len],
            );
            at += len;
        }
    }
    batch
}

/// Deals sequences to lanes: contiguous runs, balanced by rows; a sequence belongs to the lane that
/// its middle row falls in. Lanes that would be empty are left out.
pub(crate) fn deal(sequences: &[Sequence], lanes: usize) -> Vec<Range<usize>> {
    let total: usize = sequences.iter().map(Sequence::rows).sum();
    let mut runs: Vec<Range<usize>> = Vec::new();
    let (mut start, mut last) = (0, None);
    for (index, sequence) in sequences.iter().enumerate() {
        let lane = (2 * start + sequence.rows()) * lanes / (2 * total).max(1);
        match runs.last_mut() {
            Some(run) if last == Some(lane) => run.end = index + 1,
            _ => runs.push(index..index + 1),
        }
        last = Some(lane);
        start += sequence.rows();
    }
    runs
}

/// Cuts a run of sequences into micro-batches of at most `max_rows` rows.
pub(crate) fn micro_batches(
    sequences: &[Sequence],
    run: Range<usize>,
    max_rows: usize,
) -> Vec<Range<usize>> {
    let mut cuts: Vec<Range<usize>> = Vec::new();
    let mut rows = 0;
    for index in run {
        let more = sequences[index].rows();
        match cuts.last_mut() {
            Some(cut) if rows + more <= max_rows => {
                cut.end = index + 1;
                rows += more;
            }
            _ => {
                cuts.push(index..index + 1);
                rows = more;
            }
        }
    }
    cuts
}

/// Cuts sequences into micro-batches of at most `max_rows` rows: few, so that weights are packed seldom, and
/// where the limit lets them about even and as many for each worker, so that none waits. A pass without a
/// gradient may be cut anywhere.
pub(crate) fn even_micro_batches(
    sequences: &[Sequence],
    max_rows: usize,
    workers: usize,
) -> Vec<Range<usize>> {
    let filled = micro_batches(sequences, 0..sequences.len(), max_rows);
    let most = filled.len().next_multiple_of(workers);
    let mut cuts_left = most;
    let mut rows_left: usize = sequences.iter().map(Sequence::rows).sum();
    let (mut cuts, mut start) = (Vec::new(), 0);
    while start < sequences.len() {
        let share = rows_left.div_ceil(cuts_left.max(1));
        let (mut end, mut rows) = (start, 0);
        for sequence in &sequences[start..] {
            let more = sequence.rows();
            if end > start && (rows + more > max_rows || rows + more / 2 > share) {
                break;
            }
            rows += more;
            end += 1;
        }
        cuts.push(start..end);
        start = end;
        rows_left -= rows;
        cuts_left = cuts_left.saturating_sub(1);
    }
    if cuts.len() <= most { cuts } else { filled }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_rows(rows: &[usize]) -> Vec<Sequence> {
        let sequence = |&n: &usize| {
            let mut s = Sequence::default();
            s.push(&vec![1; n], &vec![1; n], vec![1.0; n], true);
            s
        };
        rows.iter().map(sequence).collect()
    }

    #[test]
    fn runs_are_contiguous_balanced_and_complete() {
        assert_eq!(deal(&of_rows(&[4; 8]), 4), [0..2, 2..4, 4..6, 6..8]);
        assert_eq!(deal(&of_rows(&[4; 2]), 8), [0..1, 1..2]);
        assert_eq!(deal(&of_rows(&[1, 1, 1, 9]), 2), [0..3, 3..4]);
        assert_eq!(deal(&of_rows(&[5]), 1), vec![0..1; 1]);
        let odd = of_rows(&[3, 8, 1, 1, 4, 9, 2, 2, 2, 7]);
        for lanes in 1..12 {
            let runs = deal(&odd, lanes);
            assert!(runs.len() <= lanes);
            assert!(runs.into_iter().flatten().eq(0..odd.len()));
        }
    }

    #[test]
    fn even_micro_batches_keep_all_workers_busy() {
        // Filled up to the limit there would be three.
        let s = of_rows(&[5; 12]);
        assert_eq!(even_micro_batches(&s, 25, 2), [0..3, 3..6, 6..9, 9..12]);
        assert_eq!(even_micro_batches(&s, 60, 1), vec![0..12; 1]);
        assert_eq!(even_micro_batches(&of_rows(&[7, 1]), 7, 2), [0..1, 1..2]);
        assert!(even_micro_batches(&[], 7, 2).is_empty());
        let mixed: Vec<usize> = (0..200).map(|i| 20 + i * 7919 % 281).collect();
        let mixed = of_rows(&mixed);
        for (max_rows, workers) in [(300, 1), (300, 4), (512, 2), (9000, 3)] {
            let cuts = even_micro_batches(&mixed, max_rows, workers);
            let rows = |cut: &Range<usize>| -> usize {
                mixed[cut.clone()].iter().map(Sequence::rows).sum()
            };
            assert!(cuts.iter().all(|cut| rows(cut) <= max_rows));
            let filled = micro_batches(&mixed, 0..mixed.len(), max_rows).len();
            assert!(cuts.len() <= filled.next_multiple_of(workers));
            assert!(cuts.into_iter().flatten().eq(0..mixed.len()));
        }
    }

    #[test]
    fn micro_batches_fill_up_to_the_limit() {
        let s = of_rows(&[3, 3, 3, 5, 8, 1]);
        assert_eq!(micro_batches(&s, 0..6, 8), [0..2, 2..4, 4..5, 5..6]);
        assert_eq!(micro_batches(&s, 1..3, 100), vec![1..3]);
    }
}
