//! A gold directory of pages and the article-extraction-benchmark's metric over it.

#![allow(dead_code, reason = "the test and the example each use a part")]

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;

/// A page with its true main text.
pub struct GoldPage {
    /// Its name in the ground truth: a hash.
    pub id: String,
    /// Its address.
    pub url: String,
    /// The page.
    pub html: String,
    /// The true main text.
    pub body: String,
}

impl GoldPage {
    /// 0 or 1 by the hash, so that thresholds set on one half are tried on the other.
    pub fn half(&self) -> u32 {
        self.id
            .chars()
            .next()
            .and_then(|digit| digit.to_digit(16))
            .unwrap_or(0)
            % 2
    }
}

/// The pages of `ground-truth.json` with `html/ID.html.gz`, sorted by id.
pub fn read(directory: &Path) -> Result<Vec<GoldPage>, Box<dyn Error>> {
    let truth: serde_json::Map<String, serde_json::Value> =
        serde_json::from_reader(File::open(directory.join("ground-truth.json"))?)?;
    let mut pages = Vec::new();
    for (id, truth) in truth {
        let mut bytes = Vec::new();
        let path = directory.join("html").join(format!("{id}.html.gz"));
        MultiGzDecoder::new(File::open(path)?).read_to_end(&mut bytes)?;
        let text = |key: &str| truth[key].as_str().unwrap_or_default().to_owned();
        pages.push(GoldPage {
            url: text("url"),
            body: text("articleBody"),
            html: String::from_utf8_lossy(&bytes).into_owned(),
            id,
        });
    }
    pages.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(pages)
}

/// Shares of shingles found, made up and missed; they sum to one unless both texts are empty.
#[derive(Clone, Copy)]
pub struct Match {
    found: f64,
    made_up: f64,
    missed: f64,
}

impl Match {
    /// Compares two texts by their multisets of four-token shingles.
    pub fn of(truth: &str, predicted: &str) -> Match {
        let truth_tokens = tokens(truth);
        let predicted_tokens = tokens(predicted);
        let mut counts: HashMap<&[&str], (u32, u32)> = HashMap::new();
        for shingle in shingles(&truth_tokens) {
            counts.entry(shingle).or_default().0 += 1;
        }
        for shingle in shingles(&predicted_tokens) {
            counts.entry(shingle).or_default().1 += 1;
        }
        let (mut found, mut made_up, mut missed) = (0, 0, 0);
        for &(in_truth, in_predicted) in counts.values() {
            found += in_truth.min(in_predicted);
            made_up += in_predicted.saturating_sub(in_truth);
            missed += in_truth.saturating_sub(in_predicted);
        }
        let sum = f64::from(found + made_up + missed).max(1.0);
        Match {
            found: f64::from(found) / sum,
            made_up: f64::from(made_up) / sum,
            missed: f64::from(missed) / sum,
        }
    }

    /// Share of the predicted shingles that are true.
    pub fn precision(&self) -> f64 {
        if self.made_up == 0.0 && self.missed == 0.0 {
            1.0
        } else if self.found == 0.0 {
            0.0
        } else {
            self.found / (self.found + self.made_up)
        }
    }

    /// Share of the true shingles that are predicted.
    pub fn recall(&self) -> f64 {
        if self.made_up == 0.0 && self.missed == 0.0 {
            1.0
        } else if self.found == 0.0 {
            0.0
        } else {
            self.found / (self.found + self.missed)
        }
    }

    /// Their harmonic mean, for one document.
    pub fn f1(&self) -> f64 {
        harmonic(self.precision(), self.recall())
    }
}

/// The benchmark's figures.
pub struct Score {
    /// Mean over the documents for which something was predicted.
    pub precision: f64,
    /// Mean over the documents that have a text.
    pub recall: f64,
}

impl Score {
    /// Averages over documents.
    pub fn mean(matches: &[Match]) -> Score {
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len().max(1) as f64;
        Score {
            precision: mean(
                matches
                    .iter()
                    .filter(|matched| matched.found + matched.made_up > 0.0)
                    .map(Match::precision)
                    .collect(),
            ),
            recall: mean(
                matches
                    .iter()
                    .filter(|matched| matched.found + matched.missed > 0.0)
                    .map(Match::recall)
                    .collect(),
            ),
        }
    }

    /// Harmonic mean of the two means.
    pub fn f1(&self) -> f64 {
        harmonic(self.precision, self.recall)
    }
}

fn harmonic(precision: f64, recall: f64) -> f64 {
    if precision + recall == 0.0 {
        0.0
    } else {
        2.0 * precision * recall / (precision + recall)
    }
}

fn tokens(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|token| !token.is_empty())
        .collect()
}

/// Every run of four tokens; a shorter text is one shingle, an empty one none.
fn shingles<'a>(tokens: &'a [&'a str]) -> Box<dyn Iterator<Item = &'a [&'a str]> + 'a> {
    if tokens.is_empty() {
        Box::new(std::iter::empty())
    } else {
        Box::new(tokens.windows(tokens.len().min(4)))
    }
}
