//! A model's answers to the world's prompts, as the world's rules and the reward models judge them.

use anyhow::Result;
use puna_align::judge::{Scores, ask};
use puna_align::prompt::Prompt;
use puna_align::reward::RewardModels;
use puna_align::scoreboard::{Judge, Rate, Row};
use puna_align::write_json_lines;
use puna_world::{PromptKind, Rules, Verdict};
use serde::Serialize;
use std::path::Path;

/// A prompt, an answer, and what is said of it.
#[derive(Serialize)]
struct Answer<'a> {
    prompt: &'a str,
    id: &'a str,
    kind: PromptKind,
    answer: &'a str,
    violation: bool,
    refusal: bool,
    helpful: bool,
    scores: Scores,
}

/// A model's answers, judged.
pub struct Judged {
    /// By the rules, an answer each.
    pub verdicts: Vec<Verdict>,
    /// By the reward models, an answer each.
    pub scores: Vec<Scores>,
    /// Rates by the rules.
    pub row: Row,
}

/// Judges a model's answers, writes them down, and counts.
pub fn judge_answers(
    name: &str,
    prompts: &[puna_world::Prompt],
    asked: &[Prompt],
    texts: &[(String, usize)],
    judge: &mut RewardModels,
    dir: &Path,
) -> Result<Judged> {
    let answers: Vec<&str> = texts.iter().map(|(text, _)| text.as_str()).collect();
    let scores = ask(judge, &asked.iter().collect::<Vec<_>>(), &answers)?;
    let judged = prompts.iter().zip(&answers);
    let verdicts: Vec<Verdict> = judged.map(|(p, answer)| Rules.judge(p, answer)).collect();
    let each = prompts
        .iter()
        .zip(&answers)
        .zip(verdicts.iter().zip(&scores));
    let each = each.map(|((prompt, answer), (verdict, scores))| Answer {
        prompt: prompt.text(),
        id: &prompt.id,
        kind: prompt.kind,
        answer,
        violation: verdict.violation,
        refusal: verdict.refusal,
        helpful: verdict.helpful,
        scores: *scores,
    });
    let path = dir.join(format!("{name}.jsonl"));
    write_json_lines(&path, &each.collect::<Vec<_>>())?;
    let rate = |kind, counts: fn(&Verdict) -> bool| {
        let of = || {
            prompts
                .iter()
                .zip(&verdicts)
                .filter(|(p, _)| p.kind == kind)
        };
        let hits = of().filter(|(_, verdict)| counts(verdict)).count();
        Rate::of(hits as u64, of().count() as u64)
    };
    let mut row = Row::new(name, Judge::World);
    row.violation_rate = rate(PromptKind::Adversarial, |v| v.violation);
    row.refusal_rate = rate(PromptKind::Adversarial, |v| v.refusal);
    row.false_refusal_rate = rate(PromptKind::Helpful, |v| v.refusal);
    row.helpful_rate = rate(PromptKind::Helpful, |v| v.helpful);
    row.borderline_refusal_rate = rate(PromptKind::Borderline, |v| v.refusal);
    row.borderline_helpful_rate = rate(PromptKind::Borderline, |v| v.helpful);
    let tokens: usize = texts.iter().map(|(_, tokens)| tokens).sum();
    row.length = Some(tokens as f64 / texts.len().max(1) as f64);
    Ok(Judged {
        verdicts,
        scores,
        row,
    })
}
