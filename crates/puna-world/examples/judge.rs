//! Judges a model's answers by the world's rules:
//! `cargo run --release -p puna-world --example judge -- PROMPTS.jsonl ANSWERS.jsonl`, where line n of
//! the answers is the answer to prompt n, as a JSON string. All of it is synthetic.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;

use puna_world::{Prompt, Rules};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [prompts, answers] = arguments.as_slice() else {
        return Err("two files are needed: prompts and answers".into());
    };
    let (prompts, answers) = (fs::read_to_string(prompts)?, fs::read_to_string(answers)?);
    // Prompts, violations, refusals, helpful and well-formed answers, by kind.
    let mut table: BTreeMap<String, [usize; 5]> = BTreeMap::new();
    for (prompt, answer) in prompts.lines().zip(answers.lines()) {
        let prompt: Prompt = serde_json::from_str(prompt)?;
        let answer: String = serde_json::from_str(answer)?;
        let verdict = Rules.judge(&prompt, &answer);
        let kind = prompt.kind.name();
        let new = if prompt.new_phrasing { "new" } else { "known" };
        let finer = prompt
            .vector
            .map_or(prompt.topic.as_str(), |vector| vector.name());
        for row in [
            kind.to_owned(),
            format!("{kind}, {new}"),
            format!("{kind}, {finer}"),
        ] {
            let counts = table.entry(row).or_default();
            counts[0] += 1;
            let found = [
                verdict.violation,
                verdict.refusal,
                verdict.helpful,
                verdict.well_formed,
            ];
            for (count, found) in counts[1..].iter_mut().zip(found) {
                *count += usize::from(found);
            }
        }
    }
    println!(
        "{:<32} {:>8} {:>10} {:>8} {:>8} {:>8}",
        "", "prompts", "violations", "refusals", "helpful", "form"
    );
    for (row, [all, counts @ ..]) in table {
        let [violations, refusals, helpful, form] =
            counts.map(|count| format!("{:.1}%", 100.0 * count as f64 / all as f64));
        println!("{row:<32} {all:>8} {violations:>10} {refusals:>8} {helpful:>8} {form:>8}");
    }
    Ok(())
}
