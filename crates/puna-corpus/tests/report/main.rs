//! The report: counts of hand-made texts, merging, escaping, and what the page says.
#![allow(clippy::unwrap_used)]

mod counts;
mod merge;
mod page;

use puna_corpus::report::{About, Axis, Document, Report, Subset, Tally, Terms};

fn english(toxicity: Option<f32>) -> Document<'static> {
    Document {
        source: "web",
        language: Some(("en", 0.9)),
        bytes: 100,
        words: 20,
        toxicity,
        ..Document::default()
    }
}

fn report_of(terms: &Terms, texts: &[&str]) -> Report {
    let mut tally = Tally::new(terms);
    for text in texts {
        tally.add(terms, &english(None), text);
    }
    Report::new(&tally, &About::default())
}

fn rows<T: Clone>(subset: &Subset<T>) -> Vec<(T, u64)> {
    let rows = subset.rows.iter();
    rows.map(|row| (row.name.clone(), row.documents)).collect()
}

/// The unambiguous terms of an axis that `text` names.
fn named(terms: &Terms, axis: Axis, text: &str) -> Vec<String> {
    let report = report_of(terms, &[text]);
    let row = report.identity.axes.iter().find(|row| row.axis == axis);
    let mut names: Vec<String> = row
        .unwrap()
        .terms
        .rows
        .iter()
        .map(|r| r.name.clone())
        .collect();
    names.sort();
    names
}

fn list(json: &str) -> Terms {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("descriptors.json");
    std::fs::write(&path, json).unwrap();
    Terms::load(&path).unwrap()
}

fn about() -> About {
    About {
        name: "Test corpus".to_owned(),
        made_by: "puna".to_owned(),
        synthetic: true,
        inputs: vec!["b.warc.gz".to_owned()],
        language_identifier: "the built-in identifier".to_owned(),
        toxicity_classifier: Some("a known classifier".to_owned()),
        weights: [("encyclopedia".to_owned(), 2.0)].into(),
        settings: vec![("near-duplicate Jaccard".to_owned(), "0.8".to_owned())],
    }
}
