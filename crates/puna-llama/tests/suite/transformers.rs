//! What is written here is read there: transformers loads a saved model and computes the same.

use crate::common::*;
use puna_llama::{Batch, Dtype, Model, SaveOptions, Worker, WorkerOptions};
use puna_text::{Tokenizer, TrainOptions};
use std::path::Path;
use std::process::Command;

/// A Python with scripts/fixtures/requirements.txt; without one the test is skipped.
fn python() -> Option<String> {
    let python = std::env::var("PUNA_PYTHON").ok();
    if python.is_none() {
        puna_needs::skip("PUNA_PYTHON, a python with scripts/fixtures/requirements.txt");
    }
    python
}

/// What a script that users have too prints about a directory.
#[track_caller]
fn script(python: &str, name: &str, dir: &Path, more: &[&str]) -> Vec<u8> {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts");
    let output = Command::new(python)
        .arg(scripts.join(name))
        .arg(dir)
        .args(more)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// Logits by transformers.
fn transformers_logits(python: &str, dir: &Path, tokens: &[u32]) -> Vec<f32> {
    let tokens: Vec<String> = tokens.iter().map(u32::to_string).collect();
    let more = ["--tokens", &tokens.join(" ")];
    let told = script(python, "check_transformers.py", dir, &more);
    let result: serde_json::Value = serde_json::from_slice(&told).unwrap();
    let rows = result["sequences"][0]["logits"].as_array().unwrap();
    let values = rows.iter().flat_map(|row| row.as_array().unwrap());
    values.map(|v| v.as_f64().unwrap() as f32).collect()
}

#[test]
fn transformers_reads_what_is_saved() {
    let Some(python) = python() else { return };
    let mut models: Vec<Model> = vec![lively_model(61)];
    models.extend(FIXTURES.map(|name| Model::load(&fixture(name)).unwrap()));
    models.push(Model::load(&fixture("scalar")).unwrap());
    // From a tied table, too, the score is a matrix of its own.
    let tied = Model::load(&fixture("gqa_tied")).unwrap();
    models.push(tied.with_scalar_head(3).unwrap());
    for (i, model) in models.iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let (dtype, max_shard_bytes) = [
            (Dtype::F32, u64::MAX),
            (Dtype::Bf16, u64::MAX),
            (Dtype::F16, 50_000),
            (Dtype::F32, 10_000),
            (Dtype::F32, 40_000),
            (Dtype::Bf16, u64::MAX),
        ][i];
        let options = SaveOptions {
            dtype,
            max_shard_bytes,
            ..SaveOptions::default()
        };
        model.save(dir.path(), &options).unwrap();
        let model = Model::load(dir.path()).unwrap();
        let tokens: Vec<u32> = (0..25).map(|i| i * i % 61).collect();
        let mut batch = Batch::default();
        batch.push(&tokens, &tokens);
        let options = WorkerOptions {
            max_rows: 25,
            recompute: true,
        };
        let mut worker = Worker::new(puna_compute::Cpu::new(1), &model.config, options).unwrap();
        let found = worker.logits(&model.params, &batch).unwrap();
        assert_close(
            "logits",
            &found,
            &transformers_logits(&python, dir.path(), &tokens),
            1e-4,
        );
    }
}

#[test]
fn sentencepiece_and_transformers_read_the_tokenizer_that_is_saved() {
    let Some(python) = python() else { return };
    let texts = [
        "The llama walks to the river, and the condor sees 1532 other llamas.",
        "¿Dónde está la montaña? La llama no lo sabe.\n\n\tElle descend vers l'été.",
    ];
    let options = TrainOptions {
        vocab_size: 330,
        ..TrainOptions::default()
    };
    let mut tokenizers = vec![Tokenizer::train(texts, &options).unwrap()];
    let released = puna_needs::shared_data("tokenizers/llama2/tokenizer.model");
    tokenizers.extend(released.map(|path| Tokenizer::load(&path).unwrap()));
    for tokenizer in tokenizers {
        let dir = tempfile::tempdir().unwrap();
        tokenizer.save(dir.path()).unwrap();
        let told = script(&python, "check_tokenizer.py", dir.path(), &[]);
        let told = String::from_utf8(told).unwrap();
        assert!(told.trim_end().ends_with("all agree"), "{told}");
    }
}
