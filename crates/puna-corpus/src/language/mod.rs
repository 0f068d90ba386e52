//! The language of a text: fastText's supervised models read from a file, or a built-in model that
//! needs none (paper section 4.1, "Language identification", uses fastText with a threshold of 0.5).

mod builtin;
pub mod fasttext;
mod sample;
mod script;

use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

pub use fasttext::FastText;

/// A language and how sure its identifier is of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Language {
    /// ISO 639-1 code where one exists, else ISO 639-3. Norwegian of either written standard is
    /// `no` from the built-in model; fastText's model also knows `nn`.
    pub code: String,
    /// Probability of that language, 0 to 1.
    pub confidence: f32,
}

/// Names the language of texts.
#[derive(Debug)]
pub struct Identifier {
    model: Model,
}

#[derive(Debug)]
enum Model {
    Builtin(builtin::Builtin),
    FastText(Box<FastText>),
    Both(builtin::Builtin, Box<FastText>),
}

/// Labels of a fastText model that are looked at beside the built-in one.
const LABELS: usize = 8;

/// What the built-in model weighs where both answer. It was chosen on every fifth of the sentences
/// that the language benchmark reads.
const BUILTIN_WEIGHT: f32 = 0.7;

impl Identifier {
    /// The model that comes with the program: character n-grams and scripts, for the languages in
    /// [`Identifier::codes`].
    pub fn builtin() -> Self {
        Self {
            model: Model::Builtin(builtin::Builtin::new()),
        }
    }

    /// A supervised fastText model, plain (`.bin`) or quantized (`.ftz`), such as lid.176.
    pub fn load(path: &Path) -> Result<Self> {
        Ok(Self {
            model: Model::FastText(Box::new(FastText::load(path)?)),
        })
    }

    /// A fastText model and the built-in one together: the mean of their probabilities. It knows the
    /// languages of both and tells close ones apart better than either, at the price of both.
    pub fn load_beside_builtin(path: &Path) -> Result<Self> {
        let model = Box::new(FastText::load(path)?);
        Ok(Self {
            model: Model::Both(builtin::Builtin::new(), model),
        })
    }

    /// The codes that this identifier can answer, sorted.
    pub fn codes(&self) -> Vec<String> {
        let mut codes: Vec<String> = match &self.model {
            Model::Builtin(model) => model.codes().map(str::to_owned).collect(),
            Model::FastText(model) => model.labels().map(code_of_label).collect(),
            Model::Both(builtin, model) => {
                let labels = model.labels().map(code_of_label);
                labels.chain(builtin.codes().map(str::to_owned)).collect()
            }
        };
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    /// The most probable language of a text, or nothing where it has no letters to judge by. A
    /// threshold is the caller's affair. Of a long text only its beginning and its middle are
    /// looked at, so the time per document is bounded.
    pub fn identify(&self, text: &str) -> Option<Language> {
        let sample = sample::sample(text);
        if !sample.chars().any(char::is_alphabetic) {
            return None;
        }
        let language = |(code, confidence): (&str, f32)| Language {
            code: code.to_owned(),
            // fastText adds 1e-5 inside its logarithms, so that it can exceed 1.
            confidence: confidence.min(1.0),
        };
        match &self.model {
            Model::Builtin(model) => {
                let best = model.probabilities(&sample).into_iter().next();
                best.map(language)
            }
            Model::FastText(model) => {
                let (label, confidence) = model.predict(&sample, 1).into_iter().next()?;
                Some(language((&code_of_label(label), confidence)))
            }
            Model::Both(builtin, model) => {
                let own = builtin.probabilities(&sample);
                let other = model.predict(&sample, LABELS);
                let best = mixture(&own, &other);
                best.map(|(code, confidence)| language((&code, confidence)))
            }
        }
    }
}

/// The most probable language of the weighted mean of two answers. Where the built-in model says
/// nothing, the other answers alone.
fn mixture(own: &[(&str, f32)], other: &[(&str, f32)]) -> Option<(String, f32)> {
    let weight = if own.is_empty() { 0.0 } else { BUILTIN_WEIGHT };
    let mut mean: BTreeMap<String, f32> = BTreeMap::new();
    for (code, probability) in own {
        *mean.entry((*code).to_owned()).or_default() += weight * probability;
    }
    for (label, probability) in other {
        *mean.entry(code_of_label(label)).or_default() += (1.0 - weight) * probability;
    }
    mean.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))
}

/// The language code in a label: `__label__en`, or `__label__eng_Latn` as newer models write it.
fn code_of_label(label: &str) -> String {
    let label = label.strip_prefix("__label__").unwrap_or(label);
    let code = label.split(['_', '-']).next().unwrap_or(label);
    script::shortest_code(code).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_become_codes() {
        assert_eq!(code_of_label("__label__en"), "en");
        assert_eq!(code_of_label("__label__eng_Latn"), "en");
        assert_eq!(code_of_label("__label__ceb"), "ceb");
        assert_eq!(code_of_label("__label__zh-Hant"), "zh");
        assert_eq!(code_of_label("nb"), "nb");
    }

    #[test]
    fn nothing_is_said_of_a_text_without_letters() {
        let identifier = Identifier::builtin();
        assert_eq!(identifier.identify(""), None);
        assert_eq!(identifier.identify("12 + 30 = 42 !!! \u{1f600}"), None);
    }
}
