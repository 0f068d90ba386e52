//! Settings of a corpus: every number of every step, as a TOML table.

use crate::duplicates::DuplicateSettings;
use crate::error::{Error, Result};
use crate::pii::Kind;
use crate::quality::Rules;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Settings of a corpus.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Name of the corpus, the title of its report.
    pub name: String,
    /// Whether the documents were generated; the report then says so.
    pub synthetic: bool,
    /// What documents are labelled with.
    pub labels: LabelSettings,
    /// Which sites are left out for the personal information they hold.
    pub ledger: LedgerSettings,
    /// Which documents count as copies, and which lines as boilerplate.
    pub duplicates: DuplicateSettings,
    /// Which documents are left out for what they are.
    pub filter: FilterSettings,
    /// How often documents are taken; the first entry that matches counts, and others are taken once.
    pub mixture: Vec<Weight>,
}

/// When a site is left out. A site is over the threshold if it has at least `min_documents` and at
/// least `per_thousand_words` pieces of personal information in a thousand words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LedgerSettings {
    /// Pieces of personal information per thousand words. A directory of people has some hundred,
    /// an ordinary site with a line of contact data fewer than ten.
    pub per_thousand_words: f64,
    /// A site with fewer documents is kept: too little to judge it by.
    pub min_documents: u64,
    /// The kinds that count. Addresses of machines are counted in the ledger, not against a site.
    #[schemars(with = "Vec<String>")]
    pub kinds: Vec<Kind>,
    /// Sites that stay whatever was found on them.
    pub keep: Vec<String>,
    /// Sites that are left out whatever was found on them.
    pub leave_out: Vec<String>,
}

impl Default for LedgerSettings {
    fn default() -> Self {
        let machine = [Kind::IpAddress, Kind::MacAddress];
        let kinds = Kind::ALL.into_iter().filter(|kind| !machine.contains(kind));
        Self {
            per_thousand_words: 20.0,
            min_documents: 3,
            kinds: kinds.collect(),
            keep: Vec::new(),
            leave_out: Vec::new(),
        }
    }
}

/// What documents are labelled with. A path in a settings file counts from where the command runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LabelSettings {
    /// A fastText language model (`.bin` or `.ftz`, such as lid.176); the built-in one otherwise.
    pub language_model: Option<PathBuf>,
    /// A classifier made by `puna corpus train-classifier`; without one, toxicity is not measured.
    pub toxicity_classifier: Option<PathBuf>,
    /// HolisticBias's `descriptors.json`; a short built-in list otherwise.
    pub identity_terms: Option<PathBuf>,
    /// Thresholds of the quality rules.
    pub quality: Rules,
}

/// Which documents are left out for what they are. Every removal is counted with its reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FilterSettings {
    /// Documents with fewer words, once boilerplate is gone, are left out.
    pub min_words: u64,
    /// Languages that stay, as codes; all of them if this is empty.
    pub languages: Vec<String>,
    /// Below this confidence a language counts as unknown (the paper's 0.5).
    pub language_confidence: f64,
    /// Quality rules that leave a document out if it breaks one, by name, such as
    /// "gopher_stop_words". None by default: what is broken is written beside each document.
    pub quality: Vec<String>,
    /// Documents more toxic than this are left out. Not set by default, as in the paper (section
    /// 4.1): filtering costs some groups more than others, and the report shows whom.
    pub toxicity: Option<f64>,
}

impl Default for FilterSettings {
    fn default() -> Self {
        Self {
            min_words: 1,
            languages: Vec::new(),
            language_confidence: 0.5,
            quality: Vec::new(),
            toxicity: None,
        }
    }
}

/// How often matching documents are taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Weight {
    /// What must match; all that are given.
    #[serde(rename = "match")]
    pub matching: Match,
    /// Copies on average: 2.5 takes each document twice and every other a third time.
    pub weight: f64,
}

/// Conditions on a document; `*` stands for any characters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// Its registered domain.
    pub site: Option<String>,
    /// Its source.
    pub source: Option<String>,
    /// Its address.
    pub url: Option<String>,
}

impl Settings {
    /// Refuses what cannot be meant.
    pub fn validate(&self) -> Result<()> {
        let refuse = |name, what: &str| {
            let what = what.to_owned();
            Err(Error::Setting { name, what })
        };
        let density = self.ledger.per_thousand_words;
        if !(density > 0.0 && density.is_finite()) {
            return refuse("ledger.per_thousand_words", "must be a positive number");
        }
        let (keep, leave) = (&self.ledger.keep, &self.ledger.leave_out);
        if keep.iter().any(|site| leave.contains(site)) {
            return refuse(
                "ledger.keep",
                "names a site that ledger.leave_out names too",
            );
        }
        self.labels.quality.check()?;
        let rules = Rules::names();
        let known = |name: &String| rules.contains(&name.as_str());
        if let Some(name) = self.filter.quality.iter().find(|name| !known(name)) {
            let what = format!("there is no rule {name}; there are {}", rules.join(", "));
            return Err(Error::Setting {
                name: "filter.quality",
                what,
            });
        }
        let in_range = |share: f64| (0.0..=1.0).contains(&share);
        if !self.filter.toxicity.is_none_or(in_range) {
            return refuse("filter.toxicity", "must be between 0 and 1");
        }
        if !in_range(self.filter.language_confidence) {
            return refuse("filter.language_confidence", "must be between 0 and 1");
        }
        for entry in &self.mixture {
            if !(0.0..=1000.0).contains(&entry.weight) {
                return refuse("mixture.weight", "must be between 0 and 1000");
            }
            if entry.matching == Match::default() {
                return refuse("mixture.match", "must name a site, a source or a url");
            }
        }
        Ok(())
    }
}
