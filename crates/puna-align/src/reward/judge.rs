//! Two reward models as the judge that rejection sampling and PPO ask (paper section 3.2.3).

use super::{RewardModel, sigmoid};
use crate::error::{Error, Result};
use crate::judge::{Judge, Scores};
use crate::prompt::Prompt;
use puna_text::chat::{Message, Role};

/// The helpfulness and the safety model.
pub struct RewardModels {
    /// Scores how helpful an answer is.
    pub helpfulness: RewardModel,
    /// Scores how safe it is.
    pub safety: RewardModel,
    /// Threads; of no influence on the scores.
    pub threads: usize,
}

impl Judge for RewardModels {
    /// An answer that cannot be scored gets 0 from both, and so is never the best.
    fn score(&mut self, prompts: &[&Prompt], answers: &[&str]) -> Result<Vec<Scores>> {
        const NONE: Scores = Scores {
            helpfulness: 0.0,
            safety: 0.0,
        };
        let scores = self.score_where_possible(prompts, answers)?;
        Ok(scores.into_iter().map(|s| s.unwrap_or(NONE)).collect())
    }

    /// An answer is scored as the dialogue that training would make of it, with its end, whether the
    /// policy ended it or ran out of tokens. One with a tag of the chat format in it, or too long for
    /// the models, cannot be scored.
    fn score_where_possible(
        &mut self,
        prompts: &[&Prompt],
        answers: &[&str],
    ) -> Result<Vec<Option<Scores>>> {
        let dialogue = |(prompt, answer): (&&Prompt, &&str)| {
            let mut messages = prompt.messages.clone();
            messages.push(Message::new(Role::Assistant, *answer));
            messages
        };
        let dialogues: Vec<_> = prompts.iter().zip(answers).map(dialogue).collect();
        let name = |which: &'static str| {
            move |e: Error| Error::Data(format!("the {which} reward model: {e}"))
        };
        let helpfulness = self
            .helpfulness
            .score_where_possible(&dialogues, self.threads);
        let helpfulness = helpfulness.map_err(name("helpfulness"))?;
        let safety = self.safety.score_where_possible(&dialogues, self.threads);
        let safety = safety.map_err(name("safety"))?;
        let both = helpfulness.into_iter().zip(safety);
        Ok(both
            .map(|(helpfulness, safety)| {
                Some(Scores {
                    helpfulness: sigmoid(helpfulness?),
                    safety: sigmoid(safety?),
                })
            })
            .collect())
    }
}
