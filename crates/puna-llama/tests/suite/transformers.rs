//! What is written here is read there: transformers loads a saved model and computes the same.

use crate::common::*;
use puna_llama::{Batch, Dtype, Model, SaveOptions, Worker, WorkerOptions};
use std::path::Path;
use std::process::Command;

/// Logits by transformers, through the script that users have too.
fn transformers_logits(python: &str, dir: &Path, tokens: &[u32]) -> Vec<f32> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/check_transformers.py");
    let tokens: Vec<String> = tokens.iter().map(u32::to_string).collect();
    let output = Command::new(python)
        .arg(script)
        .arg(dir)
        .arg("--tokens")
        .arg(tokens.join(" "))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = result["sequences"][0]["logits"].as_array().unwrap();
    let values = rows.iter().flat_map(|row| row.as_array().unwrap());
    values.map(|v| v.as_f64().unwrap() as f32).collect()
}

#[test]
fn transformers_reads_what_is_saved() {
    let Ok(python) = std::env::var("PUNA_PYTHON") else {
        println!("skipped: needs PUNA_PYTHON, a python with scripts/fixtures/requirements.txt");
        return;
    };
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
