//! Where the documents come from: a synthetic world, text files, crawled pages (paper section 2.1).

use puna_corpus::settings::Settings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Size of the synthetic world; every default is `puna world`'s.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorldSection {
    /// Everything in the world follows from it.
    pub seed: Option<u64>,
    /// People who live there.
    pub people: Option<usize>,
    /// Villages.
    pub places: Option<usize>,
    /// Trades.
    pub trades: Option<usize>,
    /// Documents of pretraining text.
    pub documents: Option<usize>,
    /// Dialogues for fine-tuning.
    pub instructions: Option<usize>,
    /// Held-out questions.
    pub questions: Option<usize>,
    /// Share of the documents kept for validation. With a `corpus` section, that one's share counts.
    #[serde(default = "two_hundredths")]
    pub held_out: f64,
}

/// The documents. One of `sources` and `crawl`; neither beside `world`, whose crawl is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CorpusSection {
    /// Text files, in order, taken as they are.
    #[serde(default)]
    pub sources: Vec<SourceSection>,
    /// Crawled pages to make a corpus of, as `puna corpus` does: files, directories and globs
    /// (relative to the recipe) and addresses.
    #[serde(default)]
    pub crawl: Vec<String>,
    /// Settings of that corpus, as `puna corpus --settings` takes them. Its paths are relative to
    /// the recipe.
    #[serde(default)]
    pub settings: Settings,
    /// Labelled texts to train the toxicity classifier on, before the pages are read; relative to
    /// the recipe. The world's own beside `world`. Not with `settings.labels.toxicity_classifier`.
    #[serde(default)]
    pub toxicity_labels: Vec<String>,
    /// Train on each page's title too, as a line above its text, unless the text begins with it. It
    /// is often the only place that says whom a page is about.
    #[serde(default = "yes")]
    pub titles: bool,
    /// Share of the documents kept for validation, chosen by a hash of the text, so that equal
    /// documents stay on one side.
    #[serde(default = "two_hundredths")]
    pub held_out: f64,
    /// Salt of that hash.
    pub seed: Option<u64>,
}

/// One file of text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceSection {
    /// `.jsonl` (a document a line) or `.txt` (one document), plain or with `.zst` behind; relative
    /// to the recipe.
    pub path: String,
    /// Where the text stands in a JSON line.
    #[serde(default = "text")]
    pub field: String,
    /// Read no more documents than this.
    pub max_documents: Option<u64>,
    /// Stop before the text read grows beyond this many bytes.
    pub max_bytes: Option<u64>,
}

fn two_hundredths() -> f64 {
    0.02
}
fn yes() -> bool {
    true
}
fn text() -> String {
    "text".into()
}
