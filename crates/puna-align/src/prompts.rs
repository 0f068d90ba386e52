//! The prompts of a run as tokens (paper section 3.2.3), without those that cannot be answered.

use crate::error::Result;
use crate::prompt::Prompt;
use puna_text::Tokenizer;
use puna_text::chat::contains_special_tags;

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
        left_out(self.too_long, self.tagged, which, of)
    }
}

/// How many of some prompts were left out and why, a sentence each.
pub(crate) fn left_out(too_long: usize, tagged: usize, which: &str, of: usize) -> Vec<String> {
    let reasons = [
        (too_long, "leave no room for an answer"),
        (tagged, "contain a tag of the chat format"),
    ];
    let told = reasons.into_iter().filter(|&(n, _)| n > 0);
    told.map(|(n, why)| format!("{n} of {of} {which} {why} and are left out"))
        .collect()
}
