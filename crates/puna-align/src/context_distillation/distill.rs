//! Sampling with and without preprompt, and keeping what is safer with it (paper section 4.2.4): on
//! harmless prompts, and on answers that were safe already, preprompts make answers worse.

use super::preprompt::{Preprompt, Preprompts};
use crate::blocks::{Blocks, OnBlock};
use crate::candidates::{Candidate, Policy, derived_seed};
use crate::error::{Error, Result, at_least_one};
use crate::json_lines;
use crate::judge::Scores;
use crate::placement::Placement;
use crate::prompt::Prompt;
use crate::rollout::SampleOptions;
use puna_llama::SamplingOptions;
use puna_text::chat::{Message, Role};
use puna_train::Dialogue;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Name of the file with every decision.
pub const DECISIONS_FILE: &str = "decisions.jsonl";

/// Settings of context distillation; the defaults are the paper's where it speaks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DistillSettings {
    /// The preprompts.
    pub preprompts: Preprompts,
    /// Where a preprompt stands; the paper prefixes it to the prompt.
    pub placement: Placement,
    /// How much safer an answer must be to be kept: its safety score is higher by more than this.
    /// Paper: 0.
    pub least_gain: f64,
    /// Temperature; the paper does not say.
    pub temperature: f32,
    /// Nucleus of the sampling; the paper does not say.
    pub top_p: f32,
    /// Most tokens of an answer; the paper does not say.
    pub max_tokens: usize,
    /// Prompts of a block, which is the least that an interrupted run does again.
    pub block: usize,
    /// Seed of preprompts and answers.
    pub seed: u64,
}

impl Default for DistillSettings {
    fn default() -> Self {
        Self {
            preprompts: Preprompts::default(),
            placement: Placement::SystemMessage,
            least_gain: 0.0,
            temperature: 1.0,
            top_p: 1.0,
            max_tokens: 1024,
            block: 64,
            seed: 0,
        }
    }
}

/// An answer with its scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoredAnswer {
    /// The answer.
    pub text: String,
    /// What the judge says, who does not see the preprompt.
    pub scores: Scores,
}

/// What was decided about an answer given with a preprompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is safer: the model is trained on it.
    Kept,
    /// It is not safer.
    NotSafer,
    /// It was cut off, is empty, too long, or contains a tag of the chat format; or the answer without
    /// the preprompt cannot be scored, so that nothing says that this one is safer.
    Unusable,
    /// The prompt, with its preprompt or without, leaves no room for an answer.
    TooLong,
}

/// A prompt with both answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The prompt, without preprompt.
    pub prompt: Prompt,
    /// The preprompt.
    pub preprompt: Preprompt,
    /// The answer without it; empty where nothing was sampled.
    pub original: Option<ScoredAnswer>,
    /// The answer with it; empty where nothing was sampled.
    pub distilled: Option<ScoredAnswer>,
    /// What was decided.
    pub verdict: Verdict,
}

impl Decision {
    /// The prompt without preprompt and the answer given with it, if it was kept.
    pub fn training(&self) -> Option<Dialogue> {
        let answer = self.distilled.as_ref();
        answer
            .filter(|_| self.verdict == Verdict::Kept)
            .map(|answer| {
                let mut messages = self.prompt.messages.clone();
                messages.push(Message::new(Role::Assistant, answer.text.as_str()));
                Dialogue::new(messages)
            })
    }
}

/// What came out.
#[derive(Clone, Debug, PartialEq)]
pub struct Distilled {
    /// A decision for each prompt that may elicit an unsafe answer.
    pub decisions: Vec<Decision>,
    /// The other prompts, which are left alone.
    pub harmless: usize,
}

/// Reads decisions.
///
/// # Errors
/// Names file, line and field.
pub fn read_decisions(path: &Path) -> Result<Vec<Decision>> {
    let records = json_lines::read(path)?.into_iter();
    Ok(records.map(|(_, decision)| decision).collect())
}

/// A distillation to do, or to go on with.
pub struct DistillJob<'a, 't> {
    /// Directory of the files. What it holds is not done again.
    pub dir: &'a Path,
    /// The model, and who scores its answers.
    pub policy: Policy<'a, 't>,
    /// The prompts; those not marked as about safety are left alone.
    pub prompts: &'a [Prompt],
    /// Settings.
    pub settings: &'a DistillSettings,
    /// Set it, and the run ends after the current block with [`puna_train::Error::Stopped`].
    pub stop: Option<&'a AtomicBool>,
    /// Hears how far it is.
    pub on_block: OnBlock<'a>,
}

impl DistillSettings {
    /// Refuses what has no meaning.
    ///
    /// # Errors
    /// Names the setting.
    pub fn validate(&self) -> Result<()> {
        self.preprompts.validate()?;
        at_least_one([("max_tokens", self.max_tokens), ("block", self.block)])?;
        if !(0.0..1.0).contains(&self.least_gain) {
            let what = format!("it is {}; it must be from 0 to below 1", self.least_gain);
            return Err(Error::setting("least_gain", what));
        }
        Ok(self.sampling(0).validate()?)
    }

    fn sampling(&self, seed: u64) -> SamplingOptions {
        SamplingOptions::nucleus(self.temperature, self.top_p, seed)
    }
}

/// Samples and decides, and writes [`DECISIONS_FILE`].
///
/// # Errors
/// Settings without meaning; a directory that was begun with something else; what sampler and judge
/// refuse.
pub fn distill(job: DistillJob<'_, '_>) -> Result<Distilled> {
    let settings = job.settings;
    settings.validate()?;
    let unsafe_ones: Vec<&Prompt> = job.prompts.iter().filter(|p| p.safety).collect();
    let mut policy = job.policy;
    policy.load()?;
    let identity = policy.identity(settings, &unsafe_ones);
    let blocks = Blocks::open(job.dir, settings.block, &identity)?;
    let n = unsafe_ones.len();
    let decisions = blocks.run("distillation", n, job.stop, job.on_block, |range| {
        decide(
            &mut policy,
            settings,
            &unsafe_ones[range.clone()],
            range.start,
        )
    })?;
    json_lines::write(&job.dir.join(DECISIONS_FILE), &decisions)?;
    Ok(Distilled {
        decisions,
        harmless: job.prompts.len() - n,
    })
}

/// The decisions about some prompts, the first of which has the number `first`.
fn decide(
    policy: &mut Policy<'_, '_>,
    settings: &DistillSettings,
    prompts: &[&Prompt],
    first: usize,
) -> Result<Vec<Decision>> {
    let tokenizer = policy.rollouts.tokenizer();
    let capacity = policy.rollouts.options().capacity;
    let (mut asked, mut tokens, mut numbers) = (Vec::new(), [Vec::new(), Vec::new()], Vec::new());
    let mut decisions = Vec::new();
    for (&prompt, number) in prompts.iter().zip(first..) {
        let category = prompt.category.as_deref();
        let preprompt = settings.preprompts.of(category, number, settings.seed);
        let with = Prompt {
            messages: settings.placement.place(&preprompt.text, &prompt.messages),
            ..prompt.clone()
        };
        let rendered = [prompt.render(tokenizer)?, with.render(tokenizer)?];
        let fits = rendered.iter().all(|tokens| tokens.len() < capacity);
        decisions.push(Decision {
            prompt: prompt.clone(),
            preprompt,
            original: None,
            distilled: None,
            verdict: Verdict::TooLong,
        });
        if fits {
            let [without, with] = rendered;
            tokens[0].push(without);
            tokens[1].push(with);
            asked.push(prompt);
            numbers.push(number as u32);
        }
    }
    let mut answer = |tokens: &[Vec<u32>], purpose| {
        let options = SampleOptions {
            k: 1,
            max_tokens: settings.max_tokens,
            sampling: settings.sampling(derived_seed(settings.seed, purpose, 0)),
            numbers: numbers.clone(),
        };
        policy.answer(&asked, tokens, &options)
    };
    let originals = answer(&tokens[0], "original")?;
    let distilled = answer(&tokens[1], "distilled")?;
    let both = originals
        .into_iter()
        .flatten()
        .zip(distilled.into_iter().flatten());
    for (number, (original, distilled)) in numbers.into_iter().zip(both) {
        let decision = &mut decisions[number as usize - first];
        decision.verdict = verdict(&original, &distilled, settings.least_gain);
        let scored = |c: Candidate| ScoredAnswer {
            text: c.text,
            scores: c.scores,
        };
        decision.original = Some(scored(original));
        decision.distilled = Some(scored(distilled));
    }
    Ok(decisions)
}

fn verdict(original: &Candidate, distilled: &Candidate, least_gain: f64) -> Verdict {
    if !distilled.is_usable() || !original.is_judged() {
        Verdict::Unusable
    } else if distilled.scores.safety - original.scores.safety > least_gain {
        Verdict::Kept
    } else {
        Verdict::NotSafer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidates::Fault;

    #[test]
    fn only_what_is_safer_is_kept() {
        let candidate = |safety, fault| Candidate {
            text: "a".into(),
            tokens: 2,
            fault,
            scores: Scores {
                helpfulness: 0.5,
                safety,
            },
        };
        let of =
            |before, after, gain| verdict(&candidate(before, None), &candidate(after, None), gain);
        assert_eq!(of(0.4, 0.5, 0.0), Verdict::Kept);
        assert_eq!(of(0.5, 0.5, 0.0), Verdict::NotSafer);
        assert_eq!(of(0.9, 0.5, 0.0), Verdict::NotSafer);
        assert_eq!(of(0.4, 0.5, 0.2), Verdict::NotSafer);
        let faulty = |before, after| verdict(&candidate(0.0, before), &candidate(0.9, after), 0.0);
        assert_eq!(faulty(None, Some(Fault::CutOff)), Verdict::Unusable);
        // What was cut off was said all the same; what was not scored is not 0.
        assert_eq!(faulty(Some(Fault::CutOff), None), Verdict::Kept);
        assert_eq!(faulty(Some(Fault::TooLong), None), Verdict::Unusable);
    }
}
