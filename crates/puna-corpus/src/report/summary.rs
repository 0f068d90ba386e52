//! The report as data, `report.json`: shares and tables made from the tally.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::document::{Decision, Reason};
use super::filter::{Filter, Share};
use super::pronouns::PronounSet;
use super::sites::Site;
use super::tables;
use super::tally::Tally;
use super::terms::Axis;

/// Name of the format, first in `report.json`.
pub const SCHEMA: &str = "puna-corpus-report";

/// Version of the format; raised when a field changes its meaning or goes.
pub const VERSION: u32 = 1;

/// What the tally cannot know: how the corpus was made.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// Name of the corpus, for the page's title.
    pub name: String,
    /// Program and version that made it.
    pub made_by: String,
    /// Whether the input is generated, not written by people; shown as a badge.
    pub synthetic: bool,
    /// The inputs as the user named them.
    pub inputs: Vec<String>,
    /// The language identifier, in words ("built-in", a file name).
    pub language_identifier: String,
    /// The toxicity classifier, in words; `None` if none was given: then nothing about toxicity
    /// is shown but that it was not measured.
    pub toxicity_classifier: Option<String>,
    /// How often the mixture takes each source's documents, where it is not once.
    pub weights: BTreeMap<String, f64>,
    /// Settings worth knowing, in the order to show them ("near-duplicate Jaccard", "0.8").
    pub settings: Vec<(String, String)>,
}

/// The report. Every share is a fraction of 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// [`VERSION`].
    pub version: u32,
    /// How the corpus was made.
    pub about: About,
    /// The numbers to read first.
    pub headline: Headline,
    /// Documents left out, by reason; those without documents too.
    pub left_out: Vec<Step>,
    /// Quality rules, most documents first.
    pub quality_rules: Vec<QualityRule>,
    /// Languages of kept documents, most first.
    pub languages: Vec<LanguageRow>,
    /// Toxicity of kept English documents; absent if it was not measured.
    pub toxicity: Option<Toxicity>,
    /// Pronouns in kept English documents.
    pub pronouns: PronounTable,
    /// Identity terms in kept English documents.
    pub identity: Identity,
    /// What a toxicity filter would remove; absent if toxicity was not measured.
    pub filter: Option<Filter>,
    /// Personal information, by kind.
    pub personal_information: Vec<PersonalRow>,
    /// Sites by decision, and by name.
    pub sites: SiteTable,
    /// Duplicates and repeated lines.
    pub duplicates: Duplicates,
    /// Sources, most kept documents first.
    pub sources: Vec<SourceRow>,
    /// Damaged and skipped records.
    pub damage: Damages,
}

/// The numbers to read first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Headline {
    /// Documents read.
    pub documents_in: u64,
    /// Documents kept.
    pub documents_kept: u64,
    /// Their share.
    pub kept: f64,
    /// Bytes of text kept.
    pub bytes_kept: u64,
    /// Words kept.
    pub words_kept: u64,
    /// English documents among the kept.
    pub english: u64,
    /// Pieces of personal information found.
    pub personal_found: u64,
    /// Those that stay in kept documents.
    pub personal_kept: u64,
    /// Damaged records.
    pub damaged: u64,
}

/// Documents left out for one reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The reason.
    pub reason: Reason,
    /// Documents.
    pub documents: u64,
    /// Share of the documents read.
    pub share: f64,
    /// Bytes of text.
    pub bytes: u64,
}

/// Documents a quality rule left out. A document can break several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QualityRule {
    /// The rule.
    pub rule: String,
    /// Documents left out that broke it.
    pub documents: u64,
    /// Documents left out that broke only it.
    pub alone: u64,
}

/// Documents in one language.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LanguageRow {
    /// ISO code, or "unknown".
    pub code: String,
    /// Documents kept.
    pub documents: u64,
    /// Share of the documents kept.
    pub share: f64,
    /// Documents left out, for any reason.
    pub left_out: u64,
    /// Documents left out by quality rules.
    pub left_out_by_quality: u64,
}

/// The toxicity histogram (paper figure 13).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Toxicity {
    /// English documents with a score.
    pub documents: u64,
    /// English documents without one.
    pub not_scored: u64,
    /// Share with a score of at least 0.5 (paper: about 0.002).
    pub at_least_half: Share,
    /// The histogram.
    pub bins: Vec<Bin>,
}

/// One bin of the histogram.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Lower edge, inside.
    pub from: f64,
    /// Upper edge, outside but for 1.
    pub to: f64,
    /// Documents.
    pub documents: u64,
    /// Share of the scored documents.
    pub share: f64,
}

/// Pronouns (paper table 9a).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PronounTable {
    /// English documents.
    pub documents: u64,
    /// By gender.
    pub gender: Subset<PronounSet>,
    /// By grammatical person.
    pub person: Subset<PronounSet>,
}

/// A share of documents, and shares within it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subset<T> {
    /// Documents of the subset.
    pub documents: u64,
    /// Share of the English documents.
    pub share: f64,
    /// Rows within the subset.
    pub rows: Vec<Row<T>>,
}

/// One row of a subset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row<T> {
    /// What is counted.
    pub name: T,
    /// Documents.
    pub documents: u64,
    /// Share of the subset's documents.
    pub share: f64,
}

/// Identity terms (paper table 9b).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// The list of terms.
    pub list: String,
    /// SHA-256 of its terms and axes.
    pub list_sha256: String,
    /// The axes, in the table's order.
    pub axes: Vec<AxisRow>,
}

/// One axis of identity terms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AxisRow {
    /// The axis.
    pub axis: Axis,
    /// Documents that name an unambiguous term, and the terms, most documents first.
    #[serde(flatten)]
    pub terms: Subset<String>,
    /// Documents that name any term of the list, ambiguous ones too.
    pub documents_with_ambiguous: u64,
    /// Their share of the English documents.
    pub share_with_ambiguous: f64,
    /// Ambiguous terms, which are in no share above. Shares are of the English documents.
    pub ambiguous: Vec<Row<String>>,
}

/// Personal information of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PersonalRow {
    /// The kind.
    pub kind: String,
    /// Found in all documents read.
    pub found: u64,
    /// Left out with sites.
    pub left_out_with_sites: u64,
    /// Left out with documents for other reasons.
    pub left_out_otherwise: u64,
    /// Still in kept documents.
    pub kept: u64,
    /// Documents it was found in.
    pub documents: u64,
}

/// The site ledger in a few numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SiteTable {
    /// Sites with the same decision.
    pub decisions: Vec<DecisionRow>,
    /// The sites with most documents.
    pub largest: Vec<Site>,
    /// The sites left out with most personal information.
    pub left_out: Vec<Site>,
}

/// Sites with the same decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecisionRow {
    /// The decision.
    pub decision: Decision,
    /// Sites.
    pub sites: u64,
    /// Their documents.
    pub documents: u64,
    /// Bytes of their text.
    pub bytes: u64,
    /// Personal information found on them, by kind.
    pub personal: BTreeMap<String, u64>,
}

/// Duplicates and repeated lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Duplicates {
    /// Clusters of documents that are duplicates of each other.
    pub clusters: u64,
    /// Documents in the largest.
    pub largest_cluster: u64,
    /// Clusters by size.
    pub cluster_sizes: Vec<ClusterSize>,
    /// Documents that lost repeated lines.
    pub boilerplate_documents: u64,
    /// Lines they lost.
    pub boilerplate_lines: u64,
    /// Bytes of those lines.
    pub boilerplate_bytes: u64,
}

/// Clusters of a size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterSize {
    /// Smallest number of documents.
    pub from: u64,
    /// Largest number of documents.
    pub to: u64,
    /// Clusters.
    pub clusters: u64,
}

/// One source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceRow {
    /// Its name; the last row can stand for all others.
    pub source: String,
    /// Documents read.
    pub documents_in: u64,
    /// Documents kept.
    pub documents_kept: u64,
    /// Bytes of text kept.
    pub bytes_kept: u64,
    /// Share of the kept bytes.
    pub share: f64,
    /// How often the mixture takes it.
    pub weight: f64,
    /// Share of bytes in the mixture, by the weights.
    pub mixture_share: f64,
}

/// Damaged and skipped records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Damages {
    /// Damaged records, all files together.
    pub records: u64,
    /// By file, by alphabet.
    pub files: Vec<DamagedFile>,
    /// Damaged records of files past the limit of names.
    pub in_other_files: u64,
    /// Records that are no pages by nature, by reason.
    pub skipped: BTreeMap<String, u64>,
}

/// Damaged records of one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DamagedFile {
    /// The file.
    pub file: String,
    /// Its damaged records.
    pub records: u64,
    /// Where the first is.
    pub first_offset: u64,
    /// What is wrong with it.
    pub first: String,
}

impl Report {
    /// Makes the report of a merged tally.
    #[must_use]
    pub fn new(tally: &Tally, about: &About) -> Self {
        let filter = about
            .toxicity_classifier
            .as_ref()
            .and_then(|_| Filter::new(&tally.english));
        Self {
            schema: SCHEMA.to_owned(),
            version: VERSION,
            about: about.clone(),
            headline: tables::headline(tally),
            left_out: tables::steps(tally),
            quality_rules: tables::quality_rules(tally),
            languages: tables::languages(tally),
            toxicity: filter.as_ref().map(|_| tables::toxicity(tally)),
            pronouns: tables::pronouns(tally),
            identity: tables::identity(tally),
            filter,
            personal_information: tables::personal(tally),
            sites: tables::sites(tally),
            duplicates: tables::duplicates(tally),
            sources: tables::sources(tally, about),
            damage: tables::damage(tally),
        }
    }

    /// The report as JSON, for `report.json`.
    ///
    /// # Errors
    /// If a number is not finite, which no tally leads to.
    pub fn to_json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}
