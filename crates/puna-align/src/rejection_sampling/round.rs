//! A round of rejection sampling (paper section 3.2.3): temperature, answers, scores, the best.

use super::pool::{Best, without_duplicates, write_pool};
use super::settings::RejectionSettings;
use super::temperature::{TemperaturePoint, tuned};
use crate::best_of_n::BestOfN;
use crate::blocks::{Blocks, OnBlock};
use crate::candidates::{Candidate, Policy, best, derived_seed};
use crate::error::{Error, Result};
use crate::prompt::Prompt;
use crate::prompts::{Prompts, left_out};
use crate::rollout::SampleOptions;
use puna_text::atomic_file::write_atomically;
use puna_train::{Identity, permutation};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Name of the file with the round's best answers.
pub const POOL_FILE: &str = "pool.jsonl";
/// Name of the file with the round's figures.
pub const REPORT_FILE: &str = "report.json";

/// A round to do, or to go on with.
pub struct RoundJob<'a, 't> {
    /// Directory of its files. What it holds of this round is not done again.
    pub dir: &'a Path,
    /// Number of the round, from 1.
    pub round: u64,
    /// The latest model, and who scores its answers.
    pub policy: Policy<'a, 't>,
    /// Prompts to draw from.
    pub prompts: &'a [Prompt],
    /// Settings.
    pub settings: &'a RejectionSettings,
    /// Set it, and the round ends after the current block with [`puna_train::Error::Stopped`].
    pub stop: Option<&'a AtomicBool>,
    /// Hears how far it is.
    pub on_block: OnBlock<'a>,
}

/// Figures of a round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoundReport {
    /// Number of the round.
    pub round: u64,
    /// Prompts that were answered.
    pub prompts: usize,
    /// Prompts of all that were given that leave no room for an answer.
    pub too_long: usize,
    /// Prompts of all that were given that contain a tag of the chat format.
    pub tagged: usize,
    /// What each temperature gives; empty where there was none to choose.
    pub temperatures: Vec<TemperaturePoint>,
    /// The temperature that was used.
    pub temperature: f32,
    /// Answers sampled, without those that the temperature was tuned on.
    pub answers: usize,
    /// Their tokens.
    pub tokens: usize,
    /// Answers that cannot be used; see [`crate::candidates::Fault`].
    pub unusable: usize,
    /// Prompts without an answer that can be used.
    pub without_answer: usize,
    /// Best answers left out because an equal prompt has the same.
    pub duplicates: usize,
    /// Best answers in the pool.
    pub kept: usize,
    /// Mean reward of those.
    pub mean_best: f64,
    /// Largest and median reward by number of answers (Figure 7). What cannot be used counts as 0.
    pub best_of_n: BestOfN,
}

impl RoundReport {
    /// How many of so many prompts were left out and why, a sentence each.
    pub fn left_out(&self, of: usize) -> Vec<String> {
        left_out(self.too_long, self.tagged, "prompts", of)
    }
}

/// Does a round, and writes [`POOL_FILE`] and [`REPORT_FILE`].
///
/// # Errors
/// Settings without meaning; no prompt that can be answered; a directory that was begun with other
/// settings, another model, judge or prompts; what sampler and judge refuse.
pub fn round(mut job: RoundJob<'_, '_>) -> Result<(Vec<Best>, RoundReport)> {
    let settings = job.settings;
    settings.validate()?;
    job.policy.load()?;
    let room = job.policy.rollouts.options().capacity - 1;
    let all = Prompts::render(job.policy.rollouts.tokenizer(), job.prompts, room)?;
    if all.list.is_empty() {
        return Err(Error::Data(
            "there is no prompt that can be answered".into(),
        ));
    }
    let asked = Asked::draw(&all, settings, job.round);
    let identity = job.policy.identity(settings, &(job.round, job.prompts));
    let temperatures = job.tune(&asked, &identity)?;
    let temperature = match tuned(&temperatures) {
        Some(temperature) => temperature,
        None => settings.temperatures[0],
    };
    let answers = job.answer(&asked, temperature, &identity)?;
    let (pool, report) = choose(&job, &asked, &answers, temperature);
    let report = RoundReport {
        too_long: all.too_long,
        tagged: all.tagged,
        temperatures,
        ..report
    };
    write_pool(&job.dir.join(POOL_FILE), &pool)?;
    let bytes = serde_json::to_vec_pretty(&report)
        .map_err(|e| Error::Data(format!("the round's report cannot be written: {e}")))?;
    write_atomically(&job.dir.join(REPORT_FILE), &bytes)?;
    Ok((pool, report))
}

/// The prompts of a round, with their tokens.
struct Asked<'a> {
    prompts: Vec<&'a Prompt>,
    tokens: Vec<Vec<u32>>,
}

impl<'a> Asked<'a> {
    /// Prompts at random, other ones each round.
    fn draw(all: &Prompts<'a>, settings: &RejectionSettings, round: u64) -> Self {
        let n = all.list.len();
        let take = match settings.prompts {
            0 => n,
            prompts => prompts.min(n),
        };
        let order = permutation(n as u32, derived_seed(settings.seed, "prompts", round), 0);
        let chosen = order[..take].iter().map(|&i| i as usize);
        let (prompts, tokens) = chosen.map(|i| (all.list[i], all.tokens[i].clone())).unzip();
        Self { prompts, tokens }
    }
}

impl RoundJob<'_, '_> {
    /// What each temperature gives on the round's first prompts. All draw the same random numbers, so
    /// that they differ in temperature alone.
    fn tune(&mut self, asked: &Asked<'_>, identity: &Identity) -> Result<Vec<TemperaturePoint>> {
        let settings = self.settings;
        if settings.temperatures.len() < 2 {
            return Ok(Vec::new());
        }
        let n = settings.temperature_prompts.min(asked.prompts.len());
        let (prompts, tokens) = (&asked.prompts[..n], &asked.tokens[..n]);
        let blocks = Blocks::open(&self.dir.join("temperatures"), 1, identity)?;
        let seed = derived_seed(settings.seed, "temperature", self.round);
        let policy = &mut self.policy;
        blocks.run(
            "temperatures",
            settings.temperatures.len(),
            self.stop,
            self.on_block,
            |range| {
                let temperature = settings.temperatures[range.start];
                let options = SampleOptions {
                    k: settings.k,
                    max_tokens: settings.max_tokens,
                    sampling: settings.sampling(temperature, seed),
                    numbers: Vec::new(),
                };
                let answers = policy.answer(prompts, tokens, &options)?;
                let rewards = rewards(prompts, &answers, settings.safety_threshold);
                let unusable = unusable(&answers);
                Ok(vec![TemperaturePoint::of(temperature, &rewards, unusable)])
            },
        )
    }

    /// The answers of the round.
    fn answer(
        &mut self,
        asked: &Asked<'_>,
        temperature: f32,
        identity: &Identity,
    ) -> Result<Vec<Vec<Candidate>>> {
        let settings = self.settings;
        let blocks = Blocks::open(&self.dir.join("answers"), settings.block, identity)?;
        let seed = derived_seed(settings.seed, "answers", self.round);
        let policy = &mut self.policy;
        blocks.run(
            "answers",
            asked.prompts.len(),
            self.stop,
            self.on_block,
            |range| {
                let options = SampleOptions {
                    k: settings.k,
                    max_tokens: settings.max_tokens,
                    sampling: settings.sampling(temperature, seed),
                    numbers: (range.start as u32..range.end as u32).collect(),
                };
                policy.answer(
                    &asked.prompts[range.clone()],
                    &asked.tokens[range],
                    &options,
                )
            },
        )
    }
}

fn rewards(prompts: &[&Prompt], answers: &[Vec<Candidate>], threshold: f64) -> Vec<Vec<f64>> {
    let by_prompt = prompts.iter().zip(answers);
    by_prompt
        .map(|(prompt, answers)| {
            let rewards = answers.iter().map(|a| a.reward(prompt.safety, threshold));
            rewards.collect()
        })
        .collect()
}

fn unusable(answers: &[Vec<Candidate>]) -> usize {
    let all = answers.iter().flatten();
    all.filter(|answer| !answer.is_usable()).count()
}

/// The best answers and the figures that they alone decide.
fn choose(
    job: &RoundJob<'_, '_>,
    asked: &Asked<'_>,
    answers: &[Vec<Candidate>],
    temperature: f32,
) -> (Vec<Best>, RoundReport) {
    let threshold = job.settings.safety_threshold;
    let mut chosen = Vec::new();
    for (&prompt, answers) in asked.prompts.iter().zip(answers) {
        if let Some((i, reward)) = best(answers, prompt.safety, threshold) {
            chosen.push(Best {
                round: job.round,
                prompt: prompt.clone(),
                answer: answers[i].text.clone(),
                scores: answers[i].scores,
                reward,
                temperature,
            });
        }
    }
    let (kept, duplicates) = without_duplicates(&chosen);
    let pool: Vec<Best> = kept.into_iter().cloned().collect();
    let sum: f64 = pool.iter().map(|best| best.reward).sum();
    let report = RoundReport {
        round: job.round,
        prompts: asked.prompts.len(),
        too_long: 0,
        tagged: 0,
        temperatures: Vec::new(),
        temperature,
        answers: answers.iter().map(Vec::len).sum(),
        tokens: answers.iter().flatten().map(|a| a.tokens).sum(),
        unusable: unusable(answers),
        without_answer: asked.prompts.len() - chosen.len(),
        duplicates,
        kept: pool.len(),
        mean_best: sum / pool.len().max(1) as f64,
        best_of_n: BestOfN::of(&rewards(&asked.prompts, answers, threshold)),
    };
    (pool, report)
}
