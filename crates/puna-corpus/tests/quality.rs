//! Gopher's and C4's rules against datatrove's filters (`scripts/fixtures/quality.py`).

#![allow(clippy::unwrap_used)]

use puna_corpus::quality::{Rules, measure};
use std::path::Path;

#[derive(serde::Deserialize)]
struct Record {
    text: String,
    broken: Vec<String>,
    numbers: Option<Numbers>,
}

#[derive(serde::Deserialize)]
struct Numbers {
    duplicate_lines: f64,
    duplicate_line_characters: f64,
    duplicate_paragraphs: f64,
    duplicate_paragraph_characters: f64,
    top_ngram_characters: [f64; 3],
    duplicate_ngram_characters: [f64; 6],
}

fn records() -> Vec<Record> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/quality.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn the_same_rules_are_broken_as_in_datatrove() {
    let records = records();
    assert!(records.len() > 40);
    for record in records {
        let mut verdicts = Rules::default().verdicts(&measure(&record.text));
        verdicts.sort_unstable();
        assert_eq!(verdicts, record.broken, "{}", record.text);
    }
}

#[test]
fn fractions_of_repetition_are_datatroves() {
    for record in records() {
        let Some(expected) = record.numbers else {
            continue;
        };
        let found = measure(&record.text);
        let pairs = [
            (found.duplicate_lines, expected.duplicate_lines),
            (
                found.duplicate_line_characters,
                expected.duplicate_line_characters,
            ),
            (found.duplicate_paragraphs, expected.duplicate_paragraphs),
            (
                found.duplicate_paragraph_characters,
                expected.duplicate_paragraph_characters,
            ),
        ];
        let top = found
            .top_ngram_characters
            .into_iter()
            .zip(expected.top_ngram_characters);
        let repeated = found
            .duplicate_ngram_characters
            .into_iter()
            .zip(expected.duplicate_ngram_characters);
        for (at, (found, expected)) in pairs.into_iter().chain(top).chain(repeated).enumerate() {
            assert!(
                (found - expected).abs() < 1e-12,
                "{at}: {found}, {expected}: {}",
                record.text
            );
        }
    }
}
