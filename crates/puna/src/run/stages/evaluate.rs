//! Asking the finished model: the world's held-out questions, whose answers are known, and the
//! recipe's own prompts, by greedy decoding.

use super::documents;
use super::feedback::newest_dir;
use super::{Metrics, Stand};
use crate::model_file::{Loaded, load};
use crate::recipe::EvaluatePlan;
use crate::report::Reporter;
use anyhow::{Context, Result};
use puna_align::write_json_lines;
use puna_compute::{Cpu, WeightFormat};
use puna_llama::{Decoder, GenerateOptions, SamplingOptions, generate};
use puna_text::Tokenizer;
use puna_text::chat::{Message, Role, render_prompt};
use puna_world::Question;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Name of the answers in the stage's directory.
const ANSWERS: &str = "answers.jsonl";
/// Prompts that are answered together; of no influence on the answers.
const BATCH: usize = 32;

/// A prompt and what the model said.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// What was asked.
    pub prompt: String,
    /// What came.
    pub answer: String,
    /// The attribute asked for, if it was a question of the world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Whether the answer is right, if the truth is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right: Option<bool>,
}

/// What the evaluation left in its directory.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// Every answer.
    pub answers: Vec<Answer>,
}

impl Evaluation {
    /// Reads a stage's directory.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(ANSWERS);
        let reading = || format!("cannot read {}", path.display());
        let text = fs::read_to_string(&path).with_context(reading)?;
        let answers = text
            .lines()
            .map(|line| serde_json::from_str(line).with_context(reading));
        Ok(Self {
            answers: answers.collect::<Result<_>>()?,
        })
    }
}

/// Asks.
pub fn evaluate(stand: &Stand<'_>, plan: &EvaluatePlan, report: &mut Reporter) -> Result<Metrics> {
    let path = newest_dir(stand)?;
    let questions = if plan.questions {
        questions(&stand.of("world")?, plan.max_questions)?
    } else {
        Vec::new()
    };
    let asked: Vec<&str> = questions.iter().map(|q| q.prompt.as_str()).collect();
    let prompts: Vec<&str> = asked
        .into_iter()
        .chain(plan.prompts.iter().map(String::as_str))
        .collect();
    let texts =
        Asker::new(load(&path, None)?, plan, stand.threads, &prompts)?.ask(&prompts, report)?;
    let mut answers = Vec::new();
    let mut kinds: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (i, (prompt, answer)) in prompts.iter().zip(texts).enumerate() {
        let question = questions.get(i);
        let right = question.map(|q| q.check(&answer));
        if let (Some(q), Some(right)) = (question, right) {
            let (count, hits) = kinds.entry(q.kind.clone()).or_default();
            *count += 1;
            *hits += u64::from(right);
        }
        let kind = question.map(|q| q.kind.clone());
        answers.push(Answer {
            prompt: (*prompt).into(),
            answer,
            kind,
            right,
        });
    }
    write_json_lines(&stand.dir.join(ANSWERS), &answers)?;
    let mut metrics = Metrics::new();
    if !questions.is_empty() {
        let right: u64 = kinds.values().map(|(_, hits)| hits).sum();
        let by_kind: BTreeMap<_, _> = kinds
            .iter()
            .map(|(kind, (count, hits))| (kind, json!({"questions": count, "right": hits})))
            .collect();
        metrics.insert("questions".into(), json!(questions.len()));
        metrics.insert("right".into(), json!(right));
        metrics.insert(
            "accuracy".into(),
            json!(right as f64 / questions.len() as f64),
        );
        metrics.insert("by_kind".into(), json!(by_kind));
        // Whoever reads the number must know what it was measured on.
        metrics.insert("synthetic".into(), json!(true));
    }
    Ok(metrics)
}

fn questions(dir: &Path, most: Option<usize>) -> Result<Vec<Question>> {
    let path = dir.join(documents::QUESTIONS);
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    text.lines()
        .take(most.unwrap_or(usize::MAX))
        .enumerate()
        .map(|(i, line)| {
            serde_json::from_str(line)
                .with_context(|| format!("{}, line {}", path.display(), i + 1))
        })
        .collect()
}

/// A model that answers or continues.
struct Asker {
    decoder: Decoder<Cpu>,
    tokenizer: Tokenizer,
    ids: Vec<Vec<u32>>,
    options: GenerateOptions,
    chat: bool,
}

impl Asker {
    fn new(loaded: Loaded, plan: &EvaluatePlan, threads: usize, prompts: &[&str]) -> Result<Self> {
        let context = loaded.model.config.context;
        let ids = |prompt: &&str| -> Result<Vec<u32>> {
            if plan.chat {
                return Ok(render_prompt(
                    &loaded.tokenizer,
                    &[Message::new(Role::User, *prompt)],
                )?);
            }
            let mut ids = vec![loaded.tokenizer.bos()];
            loaded.tokenizer.encode_into(prompt, &mut ids);
            Ok(ids)
        };
        let ids = prompts.iter().map(ids).collect::<Result<Vec<_>>>()?;
        let longest = ids.iter().map(Vec::len).max().unwrap_or(1);
        let capacity = context.min(longest.saturating_add(plan.max_tokens.max(1)));
        let slots = BATCH.min(prompts.len()).max(1);
        let (decoder, tokenizer) =
            loaded.into_decoder(threads, WeightFormat::Training, slots, capacity)?;
        let options = GenerateOptions {
            max_tokens: plan.max_tokens,
            sampling: SamplingOptions::greedy(),
            ..GenerateOptions::default()
        };
        Ok(Self {
            decoder,
            tokenizer,
            ids,
            options,
            chat: plan.chat,
        })
    }

    fn ask(&mut self, prompts: &[&str], report: &mut Reporter) -> Result<Vec<String>> {
        report.begin(prompts.len() as u64, "prompts", None);
        let mut texts = Vec::new();
        for ids in self.ids.chunks(BATCH) {
            for result in generate(&mut self.decoder, &self.tokenizer, ids, &self.options, None)? {
                // An answer begins with the space behind [/INST].
                texts.push(if self.chat {
                    result.text.trim().to_owned()
                } else {
                    result.text
                });
            }
            report.progress(texts.len() as u64, json!({}));
        }
        Ok(texts)
    }
}
