//! The best answers of all rounds, and which of them the next model is trained on (paper section
//! 3.2.3).
//!
//! Up to V3 the paper trained only on the answers of the round before, and its models forgot what
//! earlier ones could do, such as rhyming. From then on it took the best of all earlier rounds too.

use crate::error::{Error, Result};
use crate::json_lines;
use crate::judge::Scores;
use crate::prompt::Prompt;
use puna_text::chat::{Message, Role};
use puna_train::Dialogue;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// The best answer to a prompt in a round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Best {
    /// The round, from 1: the version of the model that is trained on it first.
    pub round: u64,
    /// The prompt.
    pub prompt: Prompt,
    /// The answer.
    pub answer: String,
    /// What the judge says.
    pub scores: Scores,
    /// The combined reward that it won by.
    pub reward: f64,
    /// Temperature it was sampled at.
    pub temperature: f32,
}

impl Best {
    /// Prompt and answer, to train on.
    pub fn dialogue(&self) -> Dialogue {
        let mut messages = self.prompt.messages.clone();
        messages.push(Message::new(Role::Assistant, self.answer.as_str()));
        Dialogue::new(messages)
    }

    /// What makes two the same to a model that is trained on them.
    fn key(&self) -> (Vec<(bool, &str)>, &str) {
        let message = |m: &Message| m.role == Role::System;
        let messages = self.prompt.messages.iter();
        let messages = messages.map(|m| (message(m), m.content.trim())).collect();
        (messages, self.answer.trim())
    }
}

/// Which rounds a model is trained on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pools {
    /// As the paper did: up to V3 the last round alone, from V4 on all rounds.
    #[default]
    Paper,
    /// The last round alone, always.
    Last,
    /// All rounds, always.
    All,
}

impl Pools {
    /// How many rounds, the last ones, the model of this round is trained on, counted from 1.
    pub fn rounds(self, round: usize) -> usize {
        match self {
            Self::Paper if round >= 4 => round,
            Self::All => round,
            Self::Paper | Self::Last => 1,
        }
    }
}

/// Reads a round's pool.
///
/// # Errors
/// Names file, line and field.
pub fn read_pool(path: &Path) -> Result<Vec<Best>> {
    let records = json_lines::read(path)?.into_iter();
    Ok(records.map(|(_, best)| best).collect())
}

/// Writes a round's pool; the file appears when it is complete.
///
/// # Errors
/// The file cannot be written.
pub fn write_pool(path: &Path, pool: &[Best]) -> Result<()> {
    json_lines::write(path, pool)
}

/// Of several records that are the same to a model, only the first; and how many others there were.
pub(super) fn without_duplicates<'a>(
    pool: impl IntoIterator<Item = &'a Best>,
) -> (Vec<&'a Best>, usize) {
    let mut seen = BTreeSet::new();
    let (mut kept, mut duplicates) = (Vec::new(), 0);
    for best in pool {
        if seen.insert(best.key()) {
            kept.push(best);
        } else {
            duplicates += 1;
        }
    }
    (kept, duplicates)
}

/// What the model that follows these rounds is trained on: `pools[r - 1]` is round `r`, the last is
/// the one sampled for this model. Of a prompt that got the same answer in several rounds, the latest
/// counts; different answers to a prompt are all kept. The latest round comes first.
///
/// # Errors
/// No round; a record that another round made.
pub fn training_set(pools: &[Vec<Best>], policy: Pools) -> Result<Vec<&Best>> {
    if pools.is_empty() {
        return Err(Error::Data("there is no round to train on".into()));
    }
    for (pool, round) in pools.iter().zip(1..) {
        if let Some(best) = pool.iter().find(|best| best.round != round) {
            return Err(Error::Data(format!(
                "the pool of round {round} holds an answer of round {} to prompt {}; give the pools in \
                 the order of their rounds",
                best.round, best.prompt.id
            )));
        }
    }
    let first = pools.len() - policy.rounds(pools.len());
    let latest_first = pools[first..].iter().rev().flatten();
    Ok(without_duplicates(latest_first).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(round: u64, id: &str, answer: &str) -> Best {
        Best {
            round,
            prompt: Prompt::new(id, format!("question {id}")),
            answer: answer.into(),
            scores: Scores {
                helpfulness: 0.1 + 0.2,
                safety: 1.0,
            },
            reward: 0.1 + 0.2,
            temperature: 1.2,
        }
    }

    fn names(pools: &[Vec<Best>], policy: Pools) -> Vec<(u64, String)> {
        let set = training_set(pools, policy).unwrap().into_iter();
        set.map(|b| (b.round, format!("{}{}", b.prompt.id, b.answer)))
            .collect()
    }

    #[test]
    fn the_paper_forgets_up_to_v3_and_not_from_v4_on() {
        let pools: Vec<Vec<Best>> = vec![
            vec![best(1, "a", "x"), best(1, "b", "x")],
            vec![best(2, "a", "y"), best(2, "b", "x")],
            vec![best(3, "c", "z")],
            vec![best(4, "a", " x ")],
        ];
        let named = |list: &[(u64, &str)]| -> Vec<(u64, String)> {
            list.iter().map(|&(r, n)| (r, n.to_string())).collect()
        };
        assert_eq!(
            names(&pools[..1], Pools::Paper),
            named(&[(1, "ax"), (1, "bx")])
        );
        assert_eq!(
            names(&pools[..2], Pools::Paper),
            named(&[(2, "ay"), (2, "bx")])
        );
        assert_eq!(names(&pools[..3], Pools::Paper), named(&[(3, "cz")]));
        let all = named(&[(4, "a x "), (3, "cz"), (2, "ay"), (2, "bx")]);
        assert_eq!(names(&pools, Pools::Paper), all);
        assert_eq!(names(&pools, Pools::All), all);
        assert_eq!(names(&pools, Pools::Last), named(&[(4, "a x ")]));
        let two = named(&[(2, "ay"), (2, "bx"), (1, "ax")]);
        assert_eq!(names(&pools[..2], Pools::All), two);
        assert!(training_set(&[], Pools::Paper).is_err());
        let error = training_set(&pools[1..], Pools::All)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("round 1 holds an answer of round 2"),
            "{error}"
        );
    }

    #[test]
    fn pools_are_read_as_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pool.jsonl");
        let pool = vec![best(1, "a", "x"), best(1, "b", "\"\n")];
        write_pool(&path, &pool).unwrap();
        assert_eq!(read_pool(&path).unwrap(), pool);
        let messages = pool[0].dialogue().messages;
        assert_eq!(messages[0].content, "question a");
        assert_eq!(messages[1], Message::new(Role::Assistant, "x"));
    }
}
