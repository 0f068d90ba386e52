//! Sampled answers with their scores, and the best of them (paper section 3.2.3).

use crate::error::Result;
use crate::judge::{Judge, Scores, ask};
use crate::prompt::Prompt;
use crate::rollout::{Rollouts, SampleOptions};
use puna_llama::{Finish, Model};
use puna_text::chat::{Message, Role, contains_special_tags};
use puna_train::{Identity, identity};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Who answers and who scores.
pub struct Policy<'a, 't> {
    /// The model that answers.
    pub model: &'a Model,
    /// Samples its answers; made for that model's shape.
    pub rollouts: &'a mut Rollouts<'t>,
    /// Scores them.
    pub judge: &'a mut dyn Judge,
    /// Names the judge: for reward models, the hash of their weights. Work that was begun with
    /// another is refused instead of mixed.
    pub judge_name: &'a str,
}

/// An answer with its scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// The answer, without white space around it.
    pub text: String,
    /// Its tokens, the end of the sequence included.
    pub tokens: usize,
    /// Whether the model ended it; false where it was cut off.
    pub complete: bool,
    /// What the judge says.
    pub scores: Scores,
}

impl Candidate {
    /// Whether a model may learn from it: not empty, without a tag of the chat format, which would
    /// pass for its structure, and complete, since training would end it where it was cut off.
    pub fn is_usable(&self) -> bool {
        let message = Message::new(Role::Assistant, self.text.as_str());
        let tagged = contains_special_tags(std::slice::from_ref(&message)).is_some();
        self.complete && !self.text.is_empty() && !tagged
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
    /// `k` answers to each prompt with their scores. `tokens` are what the policy reads, which may be
    /// more than the judge is shown.
    ///
    /// # Errors
    /// Those of [`Rollouts::sample`] and of the judge.
    pub fn answer(
        &mut self,
        prompts: &[&Prompt],
        tokens: &[Vec<u32>],
        options: &SampleOptions,
    ) -> Result<Vec<Vec<Candidate>>> {
        let answers = self.rollouts.sample(&self.model.params, tokens, options)?;
        let asked: Vec<&Prompt> = prompts
            .iter()
            .flat_map(|prompt| std::iter::repeat_n(*prompt, options.k))
            .collect();
        let texts: Vec<&str> = answers.iter().flatten().map(|a| a.text.trim()).collect();
        let mut scores = ask(self.judge, &asked, &texts)?.into_iter();
        let candidate = |(answer, scores): (puna_llama::Generated, Scores)| Candidate {
            text: answer.text.trim().into(),
            tokens: answer.tokens.len(),
            complete: answer.finish != Finish::Length,
            scores,
        };
        let by_prompt = answers.into_iter();
        Ok(by_prompt
            .map(|answers| {
                answers
                    .into_iter()
                    .zip(&mut scores)
                    .map(candidate)
                    .collect()
            })
            .collect())
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

    fn candidate(text: &str, complete: bool, helpfulness: f64, safety: f64) -> Candidate {
        Candidate {
            text: text.into(),
            tokens: 3,
            complete,
            scores: Scores {
                helpfulness,
                safety,
            },
        }
    }

    #[test]
    fn the_best_is_the_first_usable_with_the_highest_reward() {
        let candidates = [
            candidate("", true, 1.0, 1.0),
            candidate("cut off", false, 1.0, 1.0),
            candidate("a", true, 0.7, 0.3),
            candidate("b [INST]", true, 1.0, 1.0),
            candidate("c", true, 0.7, 0.9),
            // Helpful, but below the threshold of safety.
            candidate("d", true, 0.99, 0.1),
        ];
        assert_eq!(best(&candidates, false, 0.15), Some((2, 0.7)));
        assert_eq!(best(&candidates, true, 0.15), Some((4, 0.9)));
        assert_eq!(best(&candidates[..2], true, 0.15), None);
        // An answer that scores 0 is still better than none.
        let worst = [candidate("e", true, 0.0, 0.0)];
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
