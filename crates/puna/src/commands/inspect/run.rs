//! A run on one screen: whose it is, how far each stage is and its main figures, and the newest model.

use crate::out;
use crate::report::figure;
use anyhow::Result;
use serde_json::{Map, Value, json};
use std::path::Path;

/// What stages are judged by, of all that they measure: these, in this order, as far as a stage has them.
const MAIN: [&str; 19] = [
    "right",
    "questions",
    "violation_rate",
    "false_refusal_rate",
    "helpful_rate",
    "held_out_bits_per_byte",
    "held_out_loss",
    "accuracy",
    "mean_best",
    "kl",
    "kept",
    "comparisons",
    "documents",
    "text_bytes",
    "pieces",
    "answers",
    "prompts",
    "tokens",
    "dialogues",
];
/// Most of them on a stage's line.
const MOST: usize = 3;

/// Prints what `inspect` found in the run at `path`.
pub fn print(path: &Path, found: &Value) -> Result<()> {
    let empty = Map::new();
    let stages = found["stages"].as_object().unwrap_or(&empty);
    let is_done = |stage: &Value| stage["status"] == json!("complete");
    let done = stages.values().filter(|&stage| is_done(stage)).count();
    let begun = match stages.len() - done {
        0 => String::new(),
        some => format!(", begun and not done: {some}"),
    };
    let recipe = found["recipe"].as_str().unwrap_or_default();
    out::line(&format!(
        "run of recipe {recipe}; stages done: {done}{begun}\n"
    ))?;
    let width = stages.keys().map(String::len).max().unwrap_or(0);
    for (name, stage) in stages {
        let state = match is_done(stage) {
            true => main_figures(&stage["metrics"]),
            false => "begun, not done".into(),
        };
        out::line(format!("{name:width$}  {state}").trim_end())?;
    }
    let path = path.display();
    out::line("")?;
    if let Some(latest) = found["latest"].as_str() {
        out::line(&format!("newest model: {path}/latest, which is {latest}"))?;
    }
    out::line(&format!("every figure: puna inspect {path} --all"))
}

fn main_figures(metrics: &Value) -> String {
    let main = MAIN.iter().filter_map(|key| figure(key, &metrics[*key]));
    let some: Vec<String> = main.take(MOST).collect();
    some.join(", ")
}
