//! A model that is asked: prompts, and whole conversations under an instruction.

use super::super::Stand;
use super::material::{rollouts, tokens};
use anyhow::Result;
use puna_align::prompt::Prompt;
use puna_align::rollout::{Rollouts, SampleOptions};
use puna_align::scoreboard::Rate;
use puna_llama::{Generated, Model, SamplingOptions};
use puna_text::Tokenizer;
use puna_text::chat::{Message, Role, contains_special_tags};
use puna_world::Conversation;
use std::collections::{BTreeMap, BTreeSet};

/// A model that is asked.
pub struct Speaker<'a> {
    sampler: Rollouts<'a>,
    tokenizer: &'a Tokenizer,
    model: &'a Model,
    max_tokens: usize,
}

impl<'a> Speaker<'a> {
    /// A run's model, whose answers have at most so many tokens.
    pub fn new(
        stand: &Stand<'_>,
        model: &'a Model,
        tokenizer: &'a Tokenizer,
        max_tokens: usize,
    ) -> Result<Self> {
        let mut sampler = rollouts(stand, &model.config, tokenizer, model.config.context)?;
        sampler.load(&model.params)?;
        Ok(Self {
            sampler,
            tokenizer,
            model,
            max_tokens,
        })
    }

    /// `k` answers to each prompt; none to a prompt that leaves no room.
    pub fn answers(
        &mut self,
        prompts: &[Prompt],
        k: usize,
        sampling: SamplingOptions,
    ) -> Result<Vec<Vec<Generated>>> {
        let tokens = tokens(self.tokenizer, prompts.iter().cloned())?;
        let fits = |tokens: &Vec<u32>| tokens.len() < self.model.config.context;
        let fitting: Vec<Vec<u32>> = tokens.iter().filter(|t| fits(t)).cloned().collect();
        let options = SampleOptions {
            k,
            max_tokens: self.max_tokens,
            sampling,
            numbers: Vec::new(),
        };
        let answers = self.sampler.answer(&fitting, &options)?;
        let mut answers = answers.into_iter();
        let each = tokens.iter().map(|tokens| match fits(tokens) {
            true => answers.next().unwrap_or_default(),
            false => Vec::new(),
        });
        Ok(each.collect())
    }

    /// The greedy answer to each prompt, and its tokens; none to a prompt that leaves no room.
    pub fn greedy(&mut self, prompts: &[Prompt]) -> Result<Vec<Option<(String, usize)>>> {
        let answers = self.answers(prompts, 1, SamplingOptions::greedy())?;
        let each = answers.into_iter().map(|answers| {
            let answer = answers.into_iter().next()?;
            Some((answer.text.trim().to_owned(), answer.tokens.len()))
        });
        Ok(each.collect())
    }

    /// Holds conversations: the instruction once, as the system message, and a greedy answer at every
    /// turn, an empty one where the context is full.
    pub fn converse(&mut self, conversations: &[Conversation]) -> Result<Vec<Vec<Message>>> {
        let mut said = Vec::with_capacity(conversations.len());
        // So few at once that the sampler remembers them all from turn to turn.
        for together in conversations.chunks(self.sampler.at_once()) {
            said.extend(self.converse_together(together)?);
        }
        Ok(said)
    }

    fn converse_together(&mut self, conversations: &[Conversation]) -> Result<Vec<Vec<Message>>> {
        let begun = |c: &Conversation| {
            let instruction = c.instruction.long.as_str();
            vec![Message::new(Role::System, instruction)]
        };
        let mut said: Vec<Vec<Message>> = conversations.iter().map(begun).collect();
        let longest = conversations.iter().map(|c| c.turns.len()).max();
        for turn in 0..longest.unwrap_or(0) {
            let going: Vec<usize> = (0..conversations.len())
                .filter(|&i| turn < conversations[i].turns.len())
                .collect();
            let mut prompt = |&i: &usize| {
                let question = conversations[i].turns[turn].question.as_str();
                said[i].push(Message::new(Role::User, question));
                Prompt {
                    messages: said[i].clone(),
                    ..Prompt::new(conversations[i].id.as_str(), "")
                }
            };
            let prompts: Vec<Prompt> = going.iter().map(&mut prompt).collect();
            for (i, answer) in going.into_iter().zip(self.greedy(&prompts)?) {
                let (answer, _) = answer.unwrap_or_default();
                let mut answer = Message::new(Role::Assistant, answer);
                // A tag would pass for structure at the next turn; an answer with one holds nothing.
                if contains_special_tags(std::slice::from_ref(&answer)).is_some() {
                    answer.content.clear();
                }
                said[i].push(answer);
            }
        }
        Ok(said)
    }
}

/// In what share of the conversations that reach it the instruction holds at a turn: at those turns
/// that are the last of some.
pub fn instructions_held(
    conversations: &[Conversation],
    said: &[Vec<Message>],
) -> BTreeMap<usize, Rate> {
    let lengths: BTreeSet<usize> = conversations.iter().map(|c| c.turns.len()).collect();
    let at = |turn: usize| {
        let each = conversations.iter().zip(said);
        let reaching = each.filter(|(c, _)| turn <= c.turns.len());
        let answers = reaching.filter_map(|(c, said)| Some((c, said.get(2 * turn)?)));
        let holds = answers.map(|(c, answer)| c.instruction.holds(&answer.content));
        let holds: Vec<bool> = holds.collect();
        let hits = holds.iter().filter(|&&holds| holds).count();
        (turn, Rate::of(hits as u64, holds.len() as u64))
    };
    lengths.into_iter().filter(|&n| n > 0).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use puna_world::{Check, Constraint, Instruction, Turn};

    fn conversation(turns: usize) -> Conversation {
        let turn = |_| Turn {
            question: "Who bakes?".into(),
            check: Check::Harm,
            reference: String::new(),
        };
        Conversation {
            id: String::new(),
            instruction: Instruction {
                id: String::new(),
                constraints: vec![Constraint::Begin("Well,".into())],
                long: String::new(),
                short: String::new(),
            },
            turns: (0..turns).map(turn).collect(),
        }
    }

    #[test]
    fn instructions_that_hold_by_hand() {
        let said = |answers: &[&str]| {
            let mut said = vec![Message::new(Role::System, "Begin every answer so.")];
            for answer in answers {
                said.push(Message::new(Role::User, "Who bakes?"));
                said.push(Message::new(Role::Assistant, *answer));
            }
            said
        };
        let (kept, broken) = ("Well, the baker.", "The baker.");
        let conversations = [2, 4, 4].map(conversation);
        let said = [
            said(&[broken, kept]),
            said(&[kept, kept, kept, broken]),
            said(&[kept, broken, broken, kept]),
        ];
        let held = instructions_held(&conversations, &said);
        let expected = [(2, Rate::of(2, 3)), (4, Rate::of(1, 2))];
        assert_eq!(held, BTreeMap::from(expected));
        assert_eq!(instructions_held(&[], &[]), BTreeMap::new());
    }
}
