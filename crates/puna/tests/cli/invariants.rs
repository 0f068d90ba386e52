//! Scores, greedy text and training do not depend on what shares a batch, nor on threads.

use crate::common::{figures, ok, pipe, shared_model, shared_run, tiny_run};
use serde_json::Value;
use std::fs;

fn texts() -> Vec<String> {
    let lines = fs::read_to_string(shared_run().join("01-world/questions.jsonl")).unwrap();
    let prompts = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut texts: Vec<String> = prompts
        .map(|q| q["prompt"].as_str().unwrap().to_owned())
        .collect();
    texts.truncate(14);
    texts.extend([
        "x".into(),
        "A rather longer text, so that lengths differ. ".repeat(3),
    ]);
    texts
}

#[test]
fn scores_are_the_same_at_batch_1_4_and_16() {
    let model = shared_model();
    let mut input = String::new();
    for text in texts() {
        input += &format!("{}\n", serde_json::json!({"text": text}));
        input += &format!(
            "{}\n",
            serde_json::json!({"prompt": text, "completion": " and so on."})
        );
    }
    let score = |batch: &str, threads: &str| {
        let output = pipe(
            ["score", &model, "--batch", batch, "--threads", threads],
            &input,
        );
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    let one = score("1", "1");
    assert_eq!(one.lines().count(), 32);
    for (batch, threads) in [("4", "1"), ("16", "1"), ("16", "2")] {
        assert_eq!(
            score(batch, threads),
            one,
            "batch {batch}, threads {threads}"
        );
    }
    for line in one.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let logprobs: Vec<f64> = line["logprobs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_f64().unwrap())
            .collect();
        assert_eq!(logprobs.len(), line["tokens"].as_array().unwrap().len());
        assert!(logprobs.iter().all(|&p| p <= 0.0));
        assert!((logprobs.iter().sum::<f64>() - line["sum"].as_f64().unwrap()).abs() < 1e-4);
    }
}

#[test]
fn greedy_text_is_the_same_at_batch_1_4_and_16() {
    let model = shared_model();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("prompts.txt");
    fs::write(&file, texts().join("\n")).unwrap();
    let file = file.to_str().unwrap();
    let generate = |batch: &str, threads: &str| {
        ok([
            "generate",
            &model,
            "--prompts",
            file,
            "--temperature",
            "0",
            "--max-tokens",
            "24",
            "--batch",
            batch,
            "--threads",
            threads,
            "--json",
        ])
    };
    let one = generate("1", "1");
    assert_eq!(one.lines().count(), 16);
    for (batch, threads) in [("4", "1"), ("16", "1"), ("16", "2")] {
        assert_eq!(
            generate(batch, threads),
            one,
            "batch {batch}, threads {threads}"
        );
    }
}

#[test]
fn a_seed_gives_its_text_again_and_another_gives_another() {
    let model = shared_model();
    let generate = |seed: &str| {
        ok([
            "generate",
            &model,
            "--prompt",
            "Mira",
            "--temperature",
            "1",
            "--top-p",
            "1",
            "--seed",
            seed,
        ])
    };
    assert_eq!(generate("3"), generate("3"));
    assert_ne!(generate("3"), generate("4"));
}

#[test]
fn what_was_generated_scores_as_it_was_chosen() {
    let model = shared_model();
    let line = ok([
        "generate",
        &model,
        "--prompt",
        "Mira lives",
        "--temperature",
        "0",
        "--max-tokens",
        "8",
        "--json",
    ]);
    let line: Value = serde_json::from_str(&line).unwrap();
    let request = serde_json::json!({"prompt": "Mira lives", "completion": line["completion"]});
    let output = pipe(["score", &model], &format!("{request}\n"));
    let score: Value = serde_json::from_slice(&output.stdout).unwrap();
    let ids = |value: &Value| value["tokens"].as_array().unwrap().clone();
    let (scored, chosen) = (ids(&score), ids(&line));
    // The token that ends the answer is no part of its text.
    assert!(!scored.is_empty() && chosen.starts_with(&scored) && chosen.len() <= scored.len() + 1);
    let logprobs = |value: &Value| -> Vec<f64> {
        value["logprobs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|x| x.as_f64().unwrap())
            .collect()
    };
    let (scored, sampled) = (logprobs(&score), logprobs(&line));
    assert_eq!(scored[..], sampled[..scored.len()], "not the same bits");
}

#[test]
fn eight_sequences_train_the_same_one_by_one_and_together() {
    let [alone, together] = ["128", "1024"].map(|rows| {
        let dir = tempfile::tempdir().unwrap();
        let rows = format!("engine.micro_batch_rows={rows}");
        let mut args = tiny_run(dir.path(), &["--until", "sft"]);
        for set in [
            "engine.lanes=1",
            &rows,
            "pretrain.batch_tokens=1024",
            "sft.batch_sequences=8",
        ] {
            args.extend(["--set".into(), set.into()]);
        }
        ok(args);
        ["05-pretrain", "06-sft"].map(|stage| figures(dir.path(), stage))
    });
    // Loss and gradient are over all that counts in the step: a mean of the micro-batches' means would
    // differ where answers do not have the same length, which in fine-tuning they have not.
    for (alone, together) in alone.iter().zip(&together) {
        assert_eq!(alone.len(), together.len());
        for (a, b) in alone.iter().zip(together) {
            // Rounding differs; from the second step on the weights do too.
            let first = a["step"] == 1;
            for (key, tolerance) in [
                ("loss", if first { 1e-7 } else { 1e-5 }),
                ("grad_norm", if first { 2e-6 } else { 1e-5 }),
            ] {
                // Validations have neither.
                let (Some(x), Some(y)) = (a[key].as_f64(), b[key].as_f64()) else {
                    assert_eq!((&a[key], &b[key]), (&Value::Null, &Value::Null));
                    continue;
                };
                assert!((x - y).abs() <= tolerance * y, "{key}: {a} and {b}");
            }
        }
    }
}
