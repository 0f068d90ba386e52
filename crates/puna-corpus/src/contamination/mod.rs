//! Contamination: evaluation samples found in the training corpus, and what that did to results
//! (paper A.6).
//!
//! Samples and documents are compared as token ids. The [`Index`] holds the samples' n-grams, the
//! corpus streams past it once, and [`Covers`] keep for each token of a sample the longest match over
//! it, which answers for every minimum length at once. [`Analysis`] does that for whole corpora, in
//! pieces whose only interface is files.

mod analysis;
mod corpus;
mod cover;
mod find;
mod html;
mod index;
mod lines;
mod metric;
mod samples;
mod scan;
mod settings;
mod statistics;
mod summary;

pub use analysis::{Analysis, Listener};
pub use corpus::{InputPart, Part, Record, Records};
pub use cover::{Covers, Found};
pub use find::Match;
pub use html::render_html;
pub use index::Index;
pub use metric::Metric;
pub use samples::EvaluationSet;
pub use settings::{Minimum, Settings};
pub use statistics::{Outcome, SUBSETS, Subset, SubsetRow, affected, subsets};
pub use summary::{CorpusFile, LengthRow, Passage, Piece, Report, SampleReport, SetReport};

#[cfg(test)]
mod tests;
