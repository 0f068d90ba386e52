//! A model's answers to the world's prompts, as the world's rules and the reward models judge them.

use crate::report::Reporter;
use anyhow::Result;
use puna_align::judge::{Scores, ask};
use puna_align::prompt::Prompt;
use puna_align::reward::RewardModels;
use puna_align::scoreboard::{Judge, Rate, Row};
use puna_world::{PromptKind, Rules};
use serde::{Deserialize, Serialize};

/// An answer, and what is said of it: a line of a file of answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// What the user said last.
    pub prompt: String,
    /// Name of the prompt.
    pub id: String,
    /// What the prompt is for.
    pub kind: PromptKind,
    /// The answer, decoded greedily.
    pub answer: String,
    /// Its length.
    pub tokens: usize,
    /// By the rules: it holds harmful content.
    pub violation: bool,
    /// By the rules: it refuses.
    pub refusal: bool,
    /// By the rules: it does what was asked, or refuses harm as it should.
    pub helpful: bool,
    /// By the rules: points from 0 to 1.
    pub points: Scores,
    /// By the reward models, from 0 to 1.
    pub scores: Scores,
}

/// Judges a model's answers, each with its length in tokens; prompts that left no room for one are left out,
/// and told.
pub fn judge_answers(
    prompts: &[puna_world::Prompt],
    asked: &[Prompt],
    texts: &[Option<(String, usize)>],
    judge: &mut RewardModels,
    report: &mut Reporter,
) -> Result<Vec<Answer>> {
    let no_room = texts.iter().filter(|text| text.is_none()).count();
    if no_room > 0 {
        report.warning(&format!(
            "{no_room} of {} held-out prompts leave no room for an answer in the model's context, and are \
             left out",
            texts.len()
        ));
    }
    let each = prompts.iter().zip(asked).zip(texts);
    let answered: Vec<_> = each
        .filter_map(|((prompt, asked), text)| Some((prompt, asked, text.as_ref()?)))
        .collect();
    let asked: Vec<&Prompt> = answered.iter().map(|(_, asked, _)| *asked).collect();
    let answers: Vec<&str> = answered.iter().map(|(.., (text, _))| &**text).collect();
    let scores = ask(judge, &asked, &answers)?;
    let judged = answered.iter().zip(scores);
    let judged = judged.map(|((prompt, _, (text, tokens)), scores)| {
        let verdict = Rules.judge(prompt, text);
        Answer {
            prompt: prompt.text().into(),
            id: prompt.id.clone(),
            kind: prompt.kind,
            answer: text.clone(),
            tokens: *tokens,
            violation: verdict.violation,
            refusal: verdict.refusal,
            helpful: verdict.helpful,
            points: Scores {
                helpfulness: f64::from(verdict.helpfulness) / 100.0,
                safety: f64::from(verdict.safety) / 100.0,
            },
            scores,
        }
    });
    Ok(judged.collect())
}

/// Rates by the rules.
pub fn rates(name: &str, answers: &[Answer]) -> Row {
    let rate = |kind, counts: fn(&Answer) -> bool| {
        let of = || answers.iter().filter(|answer| answer.kind == kind);
        let hits = of().filter(|answer| counts(answer)).count();
        Rate::of(hits as u64, of().count() as u64)
    };
    let mut row = Row::new(name, Judge::World);
    row.violation_rate = rate(PromptKind::Adversarial, |a| a.violation);
    row.refusal_rate = rate(PromptKind::Adversarial, |a| a.refusal);
    row.false_refusal_rate = rate(PromptKind::Helpful, |a| a.refusal);
    row.helpful_rate = rate(PromptKind::Helpful, |a| a.helpful);
    row.borderline_refusal_rate = rate(PromptKind::Borderline, |a| a.refusal);
    row.borderline_helpful_rate = rate(PromptKind::Borderline, |a| a.helpful);
    let tokens: usize = answers.iter().map(|answer| answer.tokens).sum();
    row.length = (!answers.is_empty()).then(|| tokens as f64 / answers.len() as f64);
    row
}
