//! What the report counts, document by document, in shards that merge.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bounded::{Add, Bounded, shorten};
use super::counts::{
    Boilerplate, English, FileDamage, Language, Personal, Rule, Size, Source, TermCount,
};
use super::document::{Document, Reason, SiteRow};
use super::exposure::Exposure;
use super::sites::Sites;
use super::terms::Terms;
use crate::{Error, Result};

/// A language counts from this confidence on; below it is "unknown" (paper table 10).
pub const LANGUAGE_CONFIDENCE: f32 = 0.5;

/// Name of the language of documents whose language was not identified with confidence.
pub const UNKNOWN: &str = "unknown";

/// Everything the report counts. Integers only, so shards merge to the same in any order.
///
/// ```
/// use puna_corpus::report::{About, Document, Reason, Report, Tally, Terms, render_html};
///
/// let terms = Terms::builtin()?;
/// let mut tally = Tally::new(&terms); // one for each shard, written as JSON, merged at the end
/// let page = Document {
///     source: "web",
///     language: Some(("en", 0.98)),
///     bytes: 27,
///     words: 6,
///     toxicity: Some(0.02),
///     ..Document::default()
/// };
/// tally.add(&terms, &page, "She is a Korean engineer...");
/// tally.left_out(Reason::Quality, &page, &["mean_word_length"]);
/// let report = Report::new(&tally, &About::default());
/// assert_eq!(report.headline.documents_in, 2);
/// let html = render_html(&report);
/// # Ok::<(), puna_corpus::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    pub(super) terms_name: String,
    pub(super) terms_digest: String,
    pub(super) kept: Size,
    pub(super) reasons: BTreeMap<Reason, Size>,
    pub(super) rules: Bounded<Rule, 100>,
    pub(super) languages: Bounded<Language, 500>,
    pub(super) sources: Bounded<Source, 500>,
    pub(super) personal: Bounded<Personal, 64>,
    pub(super) boilerplate: Boilerplate,
    pub(super) clusters: BTreeMap<u32, u64>,
    pub(super) largest_cluster: u64,
    pub(super) sites: Sites,
    pub(super) skipped: Bounded<u64, 200>,
    pub(super) damage: Bounded<FileDamage, 200>,
    pub(super) english: English,
}

impl Tally {
    /// An empty tally that counts the terms of this list.
    #[must_use]
    pub fn new(terms: &Terms) -> Self {
        Self {
            terms_name: terms.name().to_owned(),
            terms_digest: terms.digest().to_owned(),
            kept: Size::default(),
            reasons: BTreeMap::new(),
            rules: Bounded::default(),
            languages: Bounded::default(),
            sources: Bounded::default(),
            personal: Bounded::default(),
            boilerplate: Boilerplate::default(),
            clusters: BTreeMap::new(),
            largest_cluster: 0,
            sites: Sites::default(),
            skipped: Bounded::default(),
            damage: Bounded::default(),
            english: English {
                terms: terms
                    .list()
                    .iter()
                    .map(|term| TermCount {
                        term: term.clone(),
                        exposure: Exposure::default(),
                    })
                    .collect(),
                ..English::default()
            },
        }
    }

    /// Counts a document that is kept. Call once for each, however often the mixture repeats it;
    /// `terms` is the list the tally was made with.
    pub fn add(&mut self, terms: &Terms, document: &Document<'_>, text: &str) {
        let size = Size::of(document);
        self.kept.add(&size);
        self.sources.add(
            document.source,
            &Source {
                kept: size,
                left_out: Size::default(),
            },
        );
        self.boilerplate.count(document);
        for &(kind, count) in document.personal {
            let counts = Personal {
                kept: count,
                documents: u64::from(count > 0),
                ..Personal::default()
            };
            self.personal.add(kind, &counts);
        }
        let language = language(document);
        let kept = Language {
            kept: 1,
            ..Language::default()
        };
        self.languages.add(language, &kept);
        if language == "en" {
            self.english.count(terms, document.toxicity, text);
        }
    }

    /// Counts a document that is left out; `rules` are the quality rules it broke, if that is why.
    pub fn left_out(&mut self, reason: Reason, document: &Document<'_>, rules: &[&str]) {
        let size = Size::of(document);
        self.reasons.entry(reason).or_default().add(&size);
        self.sources.add(
            document.source,
            &Source {
                kept: Size::default(),
                left_out: size,
            },
        );
        self.boilerplate.count(document);
        for &(kind, count) in document.personal {
            let by_site = reason == Reason::Site;
            let counts = Personal {
                kept: 0,
                site: if by_site { count } else { 0 },
                other: if by_site { 0 } else { count },
                documents: u64::from(count > 0),
            };
            self.personal.add(kind, &counts);
        }
        let left_out = Language {
            kept: 0,
            left_out: 1,
            quality: u64::from(reason == Reason::Quality),
        };
        self.languages.add(language(document), &left_out);
        for rule in rules {
            let counts = Rule {
                documents: 1,
                alone: u64::from(rules.len() == 1),
            };
            self.rules.add(rule, &counts);
        }
    }

    /// Counts a row of the site ledger. Each site must come once over all tallies that are merged:
    /// count the ledger in the reduce step, or each site in the shard that owns it.
    pub fn site(&mut self, row: &SiteRow<'_>) {
        self.sites.add(row);
    }

    /// Counts clusters of so many duplicates each, once over all tallies that are merged.
    pub fn clusters(&mut self, documents: u64, clusters: u64) {
        *self.clusters.entry(documents.max(1).ilog2()).or_default() += clusters;
        self.largest_cluster = self.largest_cluster.max(documents);
    }

    /// Counts records that are no pages by nature.
    pub fn skipped(&mut self, reason: &str, records: u64) {
        self.skipped.add(reason, &records);
    }

    /// Counts a damaged record of a file, or a file that could not be read at all.
    pub fn damaged(&mut self, file: &str, offset: u64, what: &str) {
        let counts = FileDamage {
            records: 1,
            first: Some((offset, shorten(what).to_owned())),
        };
        self.damage.add(file, &counts);
    }

    /// Counts damaged records of a file that come after those told one by one.
    pub fn damaged_more(&mut self, file: &str, records: u64) {
        let first = None;
        self.damage.add(file, &FileDamage { records, first });
    }

    /// Adds the counts of another tally.
    ///
    /// # Errors
    /// If the other was made with another list of terms.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if self.terms_digest != other.terms_digest
            || self.english.terms.len() != other.english.terms.len()
        {
            return Err(Error::Setting {
                name: "identity terms",
                what: format!(
                    "tallies were counted with different lists ({} and {}); count again with one",
                    self.terms_name, other.terms_name
                ),
            });
        }
        self.kept.add(&other.kept);
        for (reason, size) in &other.reasons {
            self.reasons.entry(*reason).or_default().add(size);
        }
        self.rules.merge(&other.rules);
        self.languages.merge(&other.languages);
        self.sources.merge(&other.sources);
        self.personal.merge(&other.personal);
        self.boilerplate.documents += other.boilerplate.documents;
        self.boilerplate.lines += other.boilerplate.lines;
        self.boilerplate.bytes += other.boilerplate.bytes;
        for (size, count) in &other.clusters {
            *self.clusters.entry(*size).or_default() += count;
        }
        self.largest_cluster = self.largest_cluster.max(other.largest_cluster);
        self.sites.merge(&other.sites);
        self.skipped.merge(&other.skipped);
        self.damage.merge(&other.damage);
        self.english.merge(&other.english);
        Ok(())
    }
}

/// The document's language, or [`UNKNOWN`].
fn language<'a>(document: &Document<'a>) -> &'a str {
    document
        .language
        .filter(|&(_, confidence)| confidence >= LANGUAGE_CONFIDENCE)
        .map_or(UNKNOWN, |(code, _)| code)
}
