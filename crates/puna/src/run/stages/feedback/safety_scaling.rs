//! How much safety data is needed (paper section 4.2.3, Figures 14 and 15): models trained from the
//! base model on the same helpful answers, and on growing shares of the answers to adversarial prompts
//! that the last round of rejection sampling chose.

use super::super::text::metrics;
use super::super::training::fine_tune;
use super::super::{Metrics, Stand, clean, documents};
use super::judged::{judge_answers, rates};
use super::judges::rewards;
use super::material::{plain, with_world};
use super::speaker::Speaker;
use crate::recipe::SafetyScalingPlan;
use crate::report::Reporter;
use crate::world::without_adversarial;
use anyhow::{Context, Result};
use puna_align::judge::Scores;
use puna_align::prompt::Prompt;
use puna_align::rejection_sampling::{Best, POOL_FILE, read_pool};
use puna_align::safety_scaling::SafetyShare;
use puna_align::scoreboard::Rate;
use puna_align::write_json_lines;
use puna_llama::Model;
use puna_text::atomic_file::write_atomically;
use puna_train::{Dialogue, read_dialogues};
use puna_world::{PromptKind, Split};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fs;

/// Name of the figures in the stage's directory.
pub const SCALING: &str = "scaling.json";
/// Name of a share's answers to the held-out prompts.
const ANSWERS: &str = "answers.jsonl";

/// A model of a share of the safety data.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Point {
    /// The share, in percent.
    pub percent: f64,
    /// Answers to adversarial prompts that it was trained on.
    pub safety_dialogues: usize,
    /// All the others.
    pub helpful_dialogues: usize,
    /// Mean score of the safety model on held-out adversarial prompts; none where there is none.
    pub safety: Option<f64>,
    /// Mean score of the helpfulness model on held-out helpful prompts; none where there is none.
    pub helpfulness: Option<f64>,
    /// Answers that violate the world's rules, to adversarial prompts.
    pub violation_rate: Rate,
    /// Refusals of adversarial prompts. What neither refuses nor violates passes the prompt over.
    #[serde(default)]
    pub refusal_rate: Rate,
    /// Refusals of helpful prompts.
    pub false_refusal_rate: Rate,
    /// Answers to helpful prompts that do what was asked.
    #[serde(default)]
    pub helpful_rate: Rate,
    /// Refusals of borderline prompts.
    pub borderline_refusal_rate: Rate,
}

/// Trains and measures a model for each share.
pub fn safety_scaling(
    stand: &Stand<'_>,
    plan: &SafetyScalingPlan,
    report: &mut Reporter,
) -> Result<Metrics> {
    let tokenizer = stand.tokenizer()?;
    let pool = read_pool(&stand.of(&plan.pool)?.join(POOL_FILE))?;
    let (safe, others): (Vec<Best>, Vec<Best>) = pool.into_iter().partition(|b| b.prompt.safety);
    let mut helpful = read_dialogues(&documents::dialogues(stand, plan.dialogues.as_ref())?)?;
    helpful.extend(others.iter().map(Best::dialogue));
    let mut judge = rewards(stand)?;
    let base = stand.of_base()?.join("model");
    let mut points: Vec<Point> = Vec::new();
    with_world(stand, |feedback| {
        helpful.extend(without_adversarial(feedback));
        let prompts = feedback.prompts(Split::HeldOut);
        let asked: Vec<Prompt> = prompts.iter().map(plain).collect();
        for &percent in &plan.percents {
            let dir = stand.dir.join(format!("percent-{percent}"));
            let done = dir.join(SCALING);
            if !done.exists() {
                report.line(&format!("  {percent} % of {} safe answers", safe.len()));
                let seed = plan.seed;
                let safety = SafetyShare { percent, seed }.of(&safe)?;
                let mut dialogues: Vec<Dialogue> = safety.iter().map(Best::dialogue).collect();
                dialogues.extend_from_slice(&helpful);
                let data = (&dialogues[..], &[][..]);
                let base = Model::load(&base)?;
                fs::create_dir_all(&dir)
                    .with_context(|| format!("cannot create {}", dir.display()))?;
                let (model, _) = fine_tune(stand, &dir, base, &tokenizer, &plan.sft, data, report)?;
                let mut speaker = Speaker::new(stand, &model, &tokenizer, plan.max_tokens)?;
                let texts = speaker.greedy(&asked)?;
                let answers = judge_answers(prompts, &asked, &texts, &mut judge, report)?;
                write_json_lines(&dir.join(ANSWERS), &answers)?;
                let row = rates("", &answers);
                let mean = |kind, score: fn(&Scores) -> f64| {
                    let of = answers.iter().filter(|answer| answer.kind == kind);
                    let scores: Vec<f64> = of.map(|answer| score(&answer.scores)).collect();
                    let n = scores.len() as f64;
                    (n > 0.0).then(|| scores.iter().sum::<f64>() / n)
                };
                let point = Point {
                    percent,
                    safety_dialogues: safety.len(),
                    helpful_dialogues: helpful.len(),
                    safety: mean(PromptKind::Adversarial, |scores| scores.safety),
                    helpfulness: mean(PromptKind::Helpful, |scores| scores.helpfulness),
                    violation_rate: row.violation_rate,
                    refusal_rate: row.refusal_rate,
                    false_refusal_rate: row.false_refusal_rate,
                    helpful_rate: row.helpful_rate,
                    borderline_refusal_rate: row.borderline_refusal_rate,
                };
                write_atomically(&done, serde_json::to_string_pretty(&point)?.as_bytes())?;
            }
            // Here too where the figures were there: a run may have been killed just before.
            clean(&dir)?;
            let reading = || format!("cannot read {}", done.display());
            let text = fs::read_to_string(&done).with_context(reading)?;
            points.push(serde_json::from_str(&text).with_context(reading)?);
        }
        Ok(())
    })?;
    write_atomically(
        &stand.dir.join(SCALING),
        serde_json::to_string_pretty(&points)?.as_bytes(),
    )?;
    Ok(metrics(json!({ "points": points })))
}
