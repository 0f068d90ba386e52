//! What goes through the model at once: documents packed one behind the other.

use puna_compute::Segment;
use std::borrow::Cow;

/// Rows for one pass: tokens of one or more documents, packed one behind the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Token ids.
    pub tokens: Vec<u32>,
    /// What each row should predict.
    pub targets: Vec<u32>,
    /// The documents: attention and positions start afresh in each. They cover all rows in order.
    pub segments: Vec<Segment>,
    /// The rows, rising, whose output counts; all without. What no other row reads, the last block
    /// behind its attention and the head, is computed for these alone: the outputs of the others are
    /// 0, and so is their derivative, whatever it is said to be.
    pub counted: Option<Vec<u32>>,
}

impl Batch {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.tokens.len()
    }

    /// Appends a document.
    pub fn push(&mut self, tokens: &[u32], targets: &[u32]) {
        assert_eq!(tokens.len(), targets.len(), "a target for every token");
        self.segments.push(Segment {
            start: self.tokens.len(),
            len: tokens.len(),
        });
        self.tokens.extend_from_slice(tokens);
        self.targets.extend_from_slice(targets);
    }

    /// Number of rows that count.
    pub(crate) fn counted_rows(&self) -> usize {
        self.counted.as_ref().map_or(self.rows(), Vec::len)
    }

    /// Of one value a row, those of the rows that count.
    pub(crate) fn pick<'a, T: Copy>(&self, values: &'a [T]) -> Cow<'a, [T]> {
        match &self.counted {
            None => Cow::Borrowed(values),
            Some(rows) => rows.iter().map(|&row| values[row as usize]).collect(),
        }
    }

    /// One value a row from those of the rows that count: 0 for the others.
    pub(crate) fn put(&self, values: Vec<f32>) -> Vec<f32> {
        let Some(rows) = &self.counted else {
            return values;
        };
        assert_eq!(
            values.len(),
            rows.len(),
            "a value for every row that counts"
        );
        let mut all = vec![0.0; self.rows()];
        for (&row, value) in rows.iter().zip(values) {
            all[row as usize] = value;
        }
        all
    }

    pub(crate) fn positions(&self) -> Vec<u32> {
        self.segments.iter().flat_map(|s| 0..s.len as u32).collect()
    }
}
