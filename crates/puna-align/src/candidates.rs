//! Sampled answers with their scores, and the best of them (paper section 3.2.3).

use crate::error::Result;
use crate::judge::{Judge, Scores, ask};
use crate::prompt::Prompt;
use crate::rollout::{Rollouts, SampleOptions};
use puna_llama::{Finish, Model};
use puna_text::chat::{Message, Role, contains_special_tags, render_training};
use puna_train::{Identity, identity};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Who answers and who scores.
pub struct Policy<'a, 't> {
    /// The model that answers.
    pub model: &'a Model,
    /// Samples its answers; made for that model's shape. Its capacity is to be within the context of
    /// reward models that judge.
    pub rollouts: &'a mut Rollouts<'t>,
    /// Scores them.
    pub judge: &'a mut dyn Judge,
    /// Names the judge: for reward models, the hash of their weights. Work that was begun with
    /// another is refused instead of mixed.
    pub judge_name: &'a str,
}

/// Why a model may not learn from an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// With its prompt, encoded for training, it is longer than the sampler's capacity.
    TooLong,
    /// It contains a tag of the chat format, which would pass for its structure.
    Tagged,
    /// It is empty.
    Empty,
    /// The model did not end it; training would end it where it was cut off.
    CutOff,
    /// It does not keep the instruction that it was given under.
    BreaksInstruction,
}

/// An answer with its scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// The answer, without white space around it.
    pub text: String,
    /// Its tokens, the end of the sequence included.
    pub tokens: usize,
    /// Why it is of no use, if it is of none.
    pub fault: Option<Fault>,
    /// What the judge says; 0 where it cannot be asked.
    pub scores: Scores,
}

impl Candidate {
    /// Whether a model may learn from it.
    pub fn is_usable(&self) -> bool {
        self.fault.is_none()
    }

    /// Whether its scores are the judge's: not of what is too long for it or has no structure, and not
    /// of what breaks its instruction, which the judge is not shown.
    pub fn is_judged(&self) -> bool {
        !matches!(
            self.fault,
            Some(Fault::TooLong | Fault::Tagged | Fault::BreaksInstruction)
        )
    }

    /// The combined reward, by the rule of PPO; 0 for what is of no use.
    pub fn reward(&self, safety_prompt: bool, threshold: f64) -> f64 {
        if self.is_usable() {
            self.scores.combined(safety_prompt, threshold)
        } else {
            0.0
        }
    }
}

/// The number of the candidate with the highest reward, the first of equals, and its reward; none
/// where none is usable.
pub fn best(candidates: &[Candidate], safety_prompt: bool, threshold: f64) -> Option<(usize, f64)> {
    let usable = candidates.iter().enumerate().filter(|(_, c)| c.is_usable());
    let rewards = usable.map(|(i, c)| (i, c.reward(safety_prompt, threshold)));
    rewards.reduce(|best, next| if next.1 > best.1 { next } else { best })
}

impl Policy<'_, '_> {
    /// Brings the model's weights to the sampler; they stay for all answers.
    ///
    /// # Errors
    /// A sampler of another shape.
    pub fn load(&mut self) -> Result<()> {
        self.rollouts.load(&self.model.params)
    }

    /// `k` answers to each prompt with their scores, by the weights that the sampler holds: those of
    /// [`Self::model`] after [`Self::load`]. `tokens` are what the policy reads, which may be
    /// more than the judge is shown.
    ///
    /// # Errors
    /// Those of [`Rollouts::answer`] and of the judge.
    pub fn answer(
        &mut self,
        prompts: &[&Prompt],
        tokens: &[Vec<u32>],
        options: &SampleOptions,
    ) -> Result<Vec<Vec<Candidate>>> {
        let mut by_prompt = self.candidates(prompts, tokens, options)?;
        self.score(prompts, &mut by_prompt)?;
        Ok(by_prompt)
    }

    /// The answers without their scores, which are 0.
    ///
    /// # Errors
    /// Those of [`Rollouts::answer`].
    pub(crate) fn candidates(
        &mut self,
        prompts: &[&Prompt],
        tokens: &[Vec<u32>],
        options: &SampleOptions,
    ) -> Result<Vec<Vec<Candidate>>> {
        let answers = self.rollouts.answer(tokens, options)?;
        let mut by_prompt = Vec::with_capacity(prompts.len());
        for (prompt, answers) in prompts.iter().zip(answers) {
            let candidates = answers.into_iter().map(|answer| {
                let text = answer.text.trim().to_string();
                Ok(Candidate {
                    tokens: answer.tokens.len(),
                    fault: self.fault(prompt, &text, answer.finish)?,
                    text,
                    scores: Scores {
                        helpfulness: 0.0,
                        safety: 0.0,
                    },
                })
            });
            by_prompt.push(candidates.collect::<Result<Vec<_>>>()?);
        }
        Ok(by_prompt)
    }

    /// Scores the candidates of each prompt.
    ///
    /// # Errors
    /// Those of the judge.
    pub(crate) fn score(
        &mut self,
        prompts: &[&Prompt],
        by_prompt: &mut [Vec<Candidate>],
    ) -> Result<()> {
        let pairs = prompts.iter().zip(&*by_prompt);
        let (asked, texts): (Vec<&Prompt>, Vec<&str>) = pairs
            .flat_map(|(&prompt, candidates)| {
                let judged = candidates.iter().filter(|c| c.is_judged());
                judged.map(move |c| (prompt, c.text.as_str()))
            })
            .unzip();
        let scores = ask(self.judge, &asked, &texts)?;
        let judged = by_prompt.iter_mut().flatten().filter(|c| c.is_judged());
        for (candidate, scores) in judged.zip(scores) {
            candidate.scores = scores;
        }
        Ok(())
    }

    /// What is wrong with an answer. Encoded anew for training, text can have more tokens than it was
    /// sampled with.
    fn fault(&self, prompt: &Prompt, text: &str, finish: Finish) -> Result<Option<Fault>> {
        let mut messages = prompt.messages.clone();
        messages.push(Message::new(Role::Assistant, text));
        let rendered = render_training(self.rollouts.tokenizer(), &messages)?;
        Ok(if rendered.ids.len() > self.rollouts.options().capacity {
            Some(Fault::TooLong)
        } else if contains_special_tags(&messages).is_some() {
            Some(Fault::Tagged)
        } else if text.is_empty() {
            Some(Fault::Empty)
        } else if finish == Finish::Length {
            Some(Fault::CutOff)
        } else {
            None
        })
    }

    /// What decides the answers: settings, model, judge and what is asked.
    pub(crate) fn identity(&self, settings: &impl Serialize, asked: &impl Serialize) -> Identity {
        let mut out = identity::of("settings", settings);
        // Prompts are plain data, which always serialise.
        let asked = serde_json::to_vec(asked).unwrap_or_default();
        let hash = puna_text::hash::hex(Sha256::digest(&asked));
        out.insert("prompts".into(), hash.into());
        out.insert("model".into(), identity::of_model(self.model).into());
        out.insert("judge".into(), self.judge_name.into());
        let capacity = self.rollouts.options().capacity;
        out.insert("capacity".into(), capacity.into());
        out
    }
}

/// A seed for one purpose, from the seed of a run.
pub(crate) fn derived_seed(seed: u64, purpose: &str, number: u64) -> u64 {
    let digest = Sha256::digest(format!("{seed}/{purpose}/{number}").as_bytes());
    digest[..8]
        .iter()
        .fold(0, |value, &byte| value << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(text: &str, fault: Option<Fault>, helpfulness: f64, safety: f64) -> Candidate {
        Candidate {
            text: text.into(),
            tokens: 3,
            fault,
            scores: Scores {
                helpfulness,
                safety,
            },
        }
    }

    #[test]
    fn the_best_is_the_first_usable_with_the_highest_reward() {
        let candidates = [
            candidate("", Some(Fault::Empty), 1.0, 1.0),
            candidate("cut off", Some(Fault::CutOff), 1.0, 1.0),
            candidate("a", None, 0.7, 0.3),
            candidate("b [INST]", Some(Fault::Tagged), 1.0, 1.0),
            candidate("c", None, 0.7, 0.9),
            // Helpful, but below the threshold of safety.
            candidate("d", None, 0.99, 0.1),
        ];
        assert_eq!(best(&candidates, false, 0.15), Some((2, 0.7)));
        assert_eq!(best(&candidates, true, 0.15), Some((4, 0.9)));
        assert_eq!(best(&candidates[..2], true, 0.15), None);
        // An answer that scores 0 is still better than none.
        let worst = [candidate("e", None, 0.0, 0.0)];
        assert_eq!(best(&worst, true, 0.15), Some((0, 0.0)));
    }

    #[test]
    fn seeds_differ_by_purpose_and_number() {
        let seed = derived_seed(1, "answers", 2);
        assert_eq!(seed, derived_seed(1, "answers", 2));
        assert_ne!(seed, derived_seed(2, "answers", 2));
        assert_ne!(seed, derived_seed(1, "temperature", 2));
        assert_ne!(seed, derived_seed(1, "answers", 3));
    }
}
