//! What the report is told: facts of a document, why one was left out, a row of the site ledger.

use serde::{Deserialize, Serialize};

/// Facts of one document, kept or left out. What was not measured stays at its default.
#[derive(Debug, Clone, Copy, Default)]
pub struct Document<'a> {
    /// Name of the source it came from, as the recipe or the input calls it.
    pub source: &'a str,
    /// Language code and confidence; `None` where none was identified.
    pub language: Option<(&'a str, f32)>,
    /// Bytes of its text, as far as it was known when the decision fell.
    pub bytes: u64,
    /// Words of its text.
    pub words: u64,
    /// Toxicity in 0..=1; `None` where no classifier was given. Never zero for "not measured".
    pub toxicity: Option<f32>,
    /// Personal information found, by kind.
    pub personal: &'a [(&'a str, u64)],
    /// Lines taken away because they repeat across its site.
    pub boilerplate_lines: u64,
    /// Bytes of those lines.
    pub boilerplate_bytes: u64,
}

/// Why a document was left out: one reason each, the first that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// No text was found in it.
    Empty,
    /// Its language is not among those wanted.
    Language,
    /// It broke quality rules.
    Quality,
    /// Its toxicity was over a threshold of the recipe. There is none by default.
    Toxicity,
    /// Another document has the same normalised text.
    ExactDuplicate,
    /// Another document has nearly the same text.
    NearDuplicate,
    /// Nothing was left once lines repeated across its site were taken away.
    Boilerplate,
    /// Its site holds much personal information, or is on the list of sites to leave out.
    Site,
    /// The mixture takes only a part of its source.
    Sampling,
}

impl Reason {
    /// Every reason, in the order the report shows them.
    pub const ALL: [Self; 9] = [
        Self::Empty,
        Self::Language,
        Self::Quality,
        Self::Toxicity,
        Self::ExactDuplicate,
        Self::NearDuplicate,
        Self::Boilerplate,
        Self::Site,
        Self::Sampling,
    ];

    /// Its name in words.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Empty => "no text found",
            Self::Language => "language not wanted",
            Self::Quality => "quality rules",
            Self::Toxicity => "toxicity filter",
            Self::ExactDuplicate => "exact duplicate",
            Self::NearDuplicate => "near duplicate",
            Self::Boilerplate => "only repeated lines",
            Self::Site => "site (personal information)",
            Self::Sampling => "not sampled",
        }
    }
}

/// What the ledger says of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Under the threshold.
    Kept,
    /// Over the threshold.
    LeftOut,
    /// Over the threshold, kept because a list overruled it.
    KeptByList,
    /// Under the threshold, left out because a list overruled it.
    LeftOutByList,
}

impl Decision {
    /// Every decision.
    pub const ALL: [Self; 4] = [
        Self::Kept,
        Self::LeftOut,
        Self::KeptByList,
        Self::LeftOutByList,
    ];

    /// Whether documents of the site stay.
    #[must_use]
    pub fn keeps(self) -> bool {
        matches!(self, Self::Kept | Self::KeptByList)
    }

    /// Its name in words.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::LeftOut => "left out",
            Self::KeptByList => "kept by the list, over the threshold",
            Self::LeftOutByList => "left out by the list, under the threshold",
        }
    }
}

/// One row of the site ledger.
#[derive(Debug, Clone, Copy)]
pub struct SiteRow<'a> {
    /// Registered domain.
    pub site: &'a str,
    /// Its documents.
    pub documents: u64,
    /// Bytes of their text.
    pub bytes: u64,
    /// Personal information found, by kind.
    pub personal: &'a [(&'a str, u64)],
    /// Personal information per thousand words.
    pub per_thousand_words: f64,
    /// What was decided.
    pub decision: Decision,
    /// Why, as the ledger says it.
    pub reason: &'a str,
}
