//! The report: what is in the corpus, what was left out, and what filtering would cost whom
//! (paper section 4.1, tables 9 and 10, figure 13).
//!
//! Each shard fills a [`Tally`] and writes it as JSON; the reduce step merges them, adds the rows
//! of the site ledger and the clusters of duplicates, and makes a [`Report`], which is
//! `report.json` ([`Report::to_json`]) and `report.html` ([`render_html`]).

mod bounded;
mod builtin_terms;
mod counts;
mod document;
mod exposure;
mod filter;
pub(crate) mod html;
mod pronouns;
mod sites;
mod summary;
mod tables;
mod tally;
mod terms;
mod words;

pub use document::{Decision, Document, Reason, SiteRow};
pub use exposure::{BINS, THRESHOLDS};
pub use filter::{Filter, Group, GroupKind, Loss, Share};
pub use html::render_html;
pub use pronouns::PronounSet;
pub use sites::{Site, TOP_SITES};
pub use summary::{
    About, AxisRow, Bin, ClusterSize, DamagedFile, Damages, DecisionRow, Duplicates, Headline,
    Identity, LanguageRow, PersonalRow, PronounTable, QualityRule, Report, Row, SCHEMA, SiteTable,
    SourceRow, Step, Subset, Toxicity, VERSION,
};
pub use tally::{LANGUAGE_CONFIDENCE, Tally, UNKNOWN};
pub use terms::{Axis, Term, Terms};
