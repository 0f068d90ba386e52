//! Files that somebody damaged: an error that names the file, or a result, never a panic.

use super::super::analysis::{Analysis, Listener};
use super::super::corpus::{InputPart, Part};
use super::super::metric::Metric;
use super::super::samples::EvaluationSet;
use super::super::settings::{Minimum, Settings};
use crate::error::Error;
use crate::read::Input;
use crate::shard::Shard;
use proptest::prelude::*;
use puna_text::{Tokenizer, TrainOptions};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

const SAMPLES: &str = "{\"id\": \"a\", \"text\": \"the cat sat on the mat and the cat sat\"}\n\
    {\"id\": 2, \"prompt\": \"the mat\", \"completion\": \" sat on the cat and on the mat\"}\n";
const VALUES: &str = "{\"id\": \"a\", \"value\": true}\n{\"id\": \"2\", \"value\": 0.5}\n";

fn tokenizer() -> &'static Tokenizer {
    static TOKENIZER: OnceLock<Tokenizer> = OnceLock::new();
    TOKENIZER.get_or_init(|| {
        let options = TrainOptions {
            vocab_size: 280,
            ..TrainOptions::default()
        };
        Tokenizer::train(["the cat sat on the mat and the cat sat"], &options).unwrap()
    })
}

/// Some bytes replaced, taken out or put in.
fn mutated(text: &str, changes: &[(prop::sample::Index, u8, u8)]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (place, how, byte) in changes {
        let place = place.index(bytes.len());
        match how % 3 {
            0 => bytes[place] = *byte,
            1 if bytes.len() > 1 => drop(bytes.remove(place)),
            _ => bytes.insert(place, b"\"{}[]:,0\n"[*byte as usize % 9]),
        }
    }
    bytes
}

fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, u8)>> {
    prop::collection::vec(any::<(prop::sample::Index, u8, u8)>(), 1..6)
}

struct Silent;

impl Listener for Silent {
    fn progress(&mut self, _: u64, _: u64, _: u64, _: u64) {}
    fn damaged(&mut self, _: &str, _: u64, _: &str) {}
}

/// An analysis of the samples against a text that holds them.
fn analyse(dir: &Path, then: impl FnOnce(&Analysis<'_>)) {
    let (samples, text) = (dir.join("samples.jsonl"), dir.join("text.txt"));
    fs::write(&samples, SAMPLES).unwrap();
    fs::write(
        &text,
        "so the cat sat on the mat and the cat sat on the dog",
    )
    .unwrap();
    let sets = [EvaluationSet::read(&samples, tokenizer()).unwrap()];
    let parts: Vec<Box<dyn Part>> = vec![Box::new(InputPart(Input::file(&text).unwrap()))];
    then(&Analysis {
        sets: &sets,
        metric: &Metric::none(&sets),
        parts: &parts,
        tokenizer: tokenizer(),
        settings: Settings::default(),
        out: dir.join("out"),
        threads: 1,
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn samples_and_values(changes in changes()) {
        let dir = tempfile::tempdir().unwrap();
        let (samples, values) = (dir.path().join("samples.jsonl"), dir.path().join("values.jsonl"));
        fs::write(&samples, SAMPLES).unwrap();
        let sets = [EvaluationSet::read(&samples, tokenizer()).unwrap()];
        fs::write(&values, mutated(VALUES, &changes)).unwrap();
        if let Err(error) = Metric::none(&sets).read(&values, &sets) {
            prop_assert!(error.to_string().contains("values.jsonl"), "{}", error);
        }
        fs::write(&samples, mutated(SAMPLES, &changes)).unwrap();
        match EvaluationSet::read(&samples, tokenizer()) {
            Ok(set) => prop_assert_eq!(set.ids.len(), set.samples().count()),
            Err(error) => prop_assert!(error.to_string().contains("samples.jsonl"), "{}", error),
        }
    }

    #[test]
    fn what_a_shard_left(changes in changes()) {
        let dir = tempfile::tempdir().unwrap();
        analyse(dir.path(), |analysis| {
            analysis.scan(Shard::WHOLE, &mut Silent).unwrap();
            let path = dir.path().join("out/work/00000.json");
            let whole = fs::read_to_string(&path).unwrap();
            assert!(whole.contains("\"found\":[{"));
            fs::write(&path, mutated(&whole, &changes)).unwrap();
            if let Err(error) = analysis.report() {
                assert!(matches!(error, Error::Format { .. }), "{error}");
            }
        });
    }
}

#[test]
fn what_is_done_is_not_done_again_and_what_changed_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out/work/00000.json");
    analyse(dir.path(), |analysis| {
        assert!(analysis.report().is_err(), "nothing is searched yet");
        analysis.scan(Shard::WHOLE, &mut Silent).unwrap();
        let report = analysis.report().unwrap();
        assert_eq!(
            (report.documents, report.sets[0].lengths[0].touched),
            (1, 1)
        );
        // As an earlier run might have left it.
        let done = fs::read_to_string(&path).unwrap();
        fs::write(&path, done.replace("\"documents\":1", "\"documents\":7")).unwrap();
        analysis.scan(Shard::WHOLE, &mut Silent).unwrap();
        assert_eq!(analysis.report().unwrap().documents, 7);
        fs::write(dir.path().join("text.txt"), "the cat").unwrap();
        analysis.scan(Shard::WHOLE, &mut Silent).unwrap();
        let report = analysis.report().unwrap();
        assert_eq!(
            (report.documents, report.sets[0].lengths[0].touched),
            (1, 0)
        );
    });
}

#[test]
fn lengths_are_meant_one_way_or_the_other() {
    let mut settings = Settings::default();
    assert!(settings.validate().is_ok());
    assert_eq!(settings.shortest(10), 10);
    settings.minimum = Minimum::LongerThan;
    assert_eq!(settings.shortest(10), 11);
    settings.lengths = vec![8];
    assert!(settings.validate().is_err());
    settings.lengths = vec![9];
    assert!(settings.validate().is_ok());
    settings.dirty_from = 1.5;
    assert!(settings.validate().is_err());
}
