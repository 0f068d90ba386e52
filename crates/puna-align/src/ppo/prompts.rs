//! Which prompts an iteration answers, and with which random numbers: functions of the seed and the
//! iteration alone, so that a resumed run needs to know no more than where it stands.

use crate::error::Result;
use crate::prompt::Prompt;
use puna_text::Tokenizer;
use puna_text::chat::contains_special_tags;
use puna_train::permutation;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// Prompts that can be answered, with their tokens.
pub(crate) struct Prompts<'a> {
    pub list: Vec<&'a Prompt>,
    pub tokens: Vec<Vec<u32>>,
    /// Left out because they leave no room for an answer.
    pub too_long: usize,
    /// Left out because a message contains a tag of the chat format.
    pub tagged: usize,
}

impl<'a> Prompts<'a> {
    /// Renders prompts; those of more than `room` tokens are left out.
    pub fn render(tokenizer: &Tokenizer, prompts: &'a [Prompt], room: usize) -> Result<Self> {
        let mut out = Self {
            list: Vec::new(),
            tokens: Vec::new(),
            too_long: 0,
            tagged: 0,
        };
        for prompt in prompts {
            if contains_special_tags(&prompt.messages).is_some() {
                out.tagged += 1;
                continue;
            }
            let tokens = prompt.render(tokenizer)?;
            if tokens.len() > room {
                out.too_long += 1;
                continue;
            }
            out.list.push(prompt);
            out.tokens.push(tokens);
        }
        Ok(out)
    }

    /// Tokens of the longest.
    pub fn longest(&self) -> usize {
        self.tokens.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// What was left out and why, for a warning.
    pub fn left_out(&self, which: &str, of: usize) -> Vec<String> {
        let reasons = [
            (self.too_long, "leave no room for an answer"),
            (self.tagged, "contain a tag of the chat format"),
        ];
        let told = reasons.into_iter().filter(|&(n, _)| n > 0);
        told.map(|(n, why)| format!("{n} of {of} {which} {why} and are left out"))
            .collect()
    }

    /// The numbers of an iteration's prompts: one random order of all after the other.
    pub fn of_iteration(&self, iteration: u64, batch: usize, seed: u64) -> Vec<usize> {
        let n = self.list.len() as u64;
        let mut order = (0, permutation(n as u32, seed, 0));
        let from = (iteration - 1) * batch as u64;
        let mut pick = |at: u64| {
            if order.0 != at / n {
                order = (at / n, permutation(n as u32, seed, at / n));
            }
            order.1[(at % n) as usize] as usize
        };
        (from..from + batch as u64).map(&mut pick).collect()
    }
}

/// Seed of an iteration's answers; iteration 0 is for the held-out prompts, whose answers are drawn
/// with the same numbers each time.
pub(crate) fn sampling_seed(seed: u64, iteration: u64) -> u64 {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // Streams from 0 up are for the orders of the prompts.
    rng.set_stream(u64::MAX - iteration);
    rng.next_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prompt_comes_once_before_any_comes_again() {
        let prompts: Vec<Prompt> = (0..7).map(|i| Prompt::new(i.to_string(), "u")).collect();
        let prompts = Prompts {
            list: prompts.iter().collect(),
            tokens: vec![Vec::new(); 7],
            too_long: 0,
            tagged: 0,
        };
        let drawn: Vec<usize> = (1..=7)
            .flat_map(|i| prompts.of_iteration(i, 3, 5))
            .collect();
        for pass in drawn.chunks(7) {
            let mut sorted = pass.to_vec();
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(0..7), "{drawn:?}");
        }
        assert_ne!(drawn[..7], drawn[7..14]);
        assert_ne!(sampling_seed(5, 1), sampling_seed(5, 2));
        assert_ne!(sampling_seed(5, 1), sampling_seed(6, 1));
    }
}
