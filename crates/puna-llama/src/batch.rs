//! What goes through the model at once: documents packed one behind the other.

use puna_compute::Segment;

/// Rows for one pass: tokens of one or more documents, packed one behind the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Token ids.
    pub tokens: Vec<u32>,
    /// What each row should predict.
    pub targets: Vec<u32>,
    /// The documents: attention and positions start afresh in each. They cover all rows in order.
    pub segments: Vec<Segment>,
    /// The rows, rising, whose target counts; all without. A language-model head, a large part of a
    /// small model's work, is computed for these alone: the outputs of the others are 0, and so is
    /// their derivative, whatever it is said to be. A scalar head is computed for all rows.
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

    pub(crate) fn positions(&self) -> Vec<u32> {
        self.segments.iter().flat_map(|s| 0..s.len as u32).collect()
    }
}
