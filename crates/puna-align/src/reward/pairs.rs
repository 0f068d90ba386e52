//! Comparisons as what a reward model reads (paper section 3.2.2): both answered dialogues as segments
//! of one sequence, since the loss couples them. A score is read at the last token, which is the
//! end-of-sequence token behind the answer; the paper does not say which.

use super::{Margin, PairLoss, RewardSettings, pair_loss};
use crate::error::{Error, Result};
use crate::preferences::{Action, Preference, SafetyLabel, Strength};
use puna_text::Tokenizer;
use puna_text::chat::{Message, contains_special_tags, render_training};
use puna_text::hash::hex;
use puna_train::Sequence;
use sha2::{Digest, Sha256};

/// Tokens of a dialogue that ends with an answer.
pub(super) fn render(tokenizer: &Tokenizer, dialogue: &[Message]) -> Result<Vec<u32>> {
    if let Some((message, tag)) = contains_special_tags(dialogue) {
        return Err(Error::Data(format!(
            "message {message} contains {tag}, which the chat format means something by; leave it out"
        )));
    }
    Ok(render_training(tokenizer, dialogue)?.ids)
}

/// A sequence of documents that are only looked at: nothing is predicted.
pub(super) fn documents(tokens: &[&[u32]]) -> Sequence {
    let mut sequence = Sequence::default();
    for tokens in tokens {
        sequence.push(tokens, tokens, tokens.iter().map(|_| 0.0), true);
    }
    sequence
}

/// Comparisons, rendered.
#[derive(Clone, Debug, Default)]
pub(super) struct Pairs {
    pub list: Vec<Pair>,
    /// Left out because an answered dialogue was too long, and the first of them.
    pub over_long: usize,
    pub first_over_long: Option<String>,
}

/// A comparison, rendered.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    /// The chosen one's rows, then the rejected one's.
    pub sequence: Sequence,
    strength: Strength,
    safety: Option<SafetyLabel>,
}

impl Pair {
    /// The two scores among the sequence's outputs.
    pub fn scores(&self, outputs: &[f32]) -> (f32, f32) {
        let chosen = self.sequence.segments[0];
        (outputs[chosen - 1], outputs[outputs.len() - 1])
    }

    /// The loss of these outputs.
    pub fn loss(&self, outputs: &[f32], settings: &RewardSettings) -> PairLoss {
        let (chosen, rejected) = self.scores(outputs);
        let margin = settings.margin.of(self.strength);
        pair_loss(
            chosen,
            rejected,
            margin,
            self.safety,
            settings.safety_weight,
        )
    }

    /// Derivative of `scale` times the loss by each output.
    pub fn derivative(&self, outputs: &[f32], settings: &RewardSettings, scale: f64) -> Vec<f32> {
        let loss = self.loss(outputs, settings);
        let mut derivative = vec![0.0; outputs.len()];
        derivative[self.sequence.segments[0] - 1] = (scale * loss.d_chosen) as f32;
        derivative[outputs.len() - 1] = (scale * loss.d_rejected) as f32;
        derivative
    }
}

impl Pairs {
    /// Renders comparisons; what cannot be rendered is an error that names the record.
    pub fn render(
        tokenizer: &Tokenizer,
        preferences: &[&Preference],
        settings: &RewardSettings,
    ) -> Result<Self> {
        let mut pairs = Self::default();
        for &preference in preferences {
            let (path, line) = &preference.origin;
            let fail = |field: &str, what: String| Error::Record {
                path: path.clone(),
                line: *line,
                field: field.into(),
                what,
            };
            let side = |field, messages: Vec<Message>| {
                render(tokenizer, &messages).map_err(|e| fail(field, e.to_string()))
            };
            let chosen = side("chosen", preference.chosen_messages())?;
            let rejected = side("rejected", preference.rejected_messages())?;
            let longest = chosen.len().max(rejected.len());
            if longest > settings.max_tokens {
                let what = format!(
                    "{longest} tokens, over the limit of {}",
                    settings.max_tokens
                );
                let error = fail("dialogue", what);
                if settings.over_long == Action::Refuse {
                    return Err(error);
                }
                pairs.over_long += 1;
                pairs.first_over_long.get_or_insert(error.to_string());
                continue;
            }
            pairs.list.push(Pair {
                sequence: documents(&[&chosen, &rejected]),
                strength: preference.strength,
                safety: preference.safety,
            });
        }
        Ok(pairs)
    }

    /// Hash of all that training sees of the pairs.
    pub fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        for pair in &self.list {
            let lengths = pair.sequence.segments.iter().map(|&n| n as u32);
            let numbers = lengths.chain(pair.sequence.tokens.iter().copied());
            hasher.update(numbers.flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
            // The large margin names the level by a whole number.
            let level = Margin::Large.of(pair.strength) as u8;
            let safety = pair.safety.map_or(0, |label| 1 + label as u8);
            hasher.update([level, safety]);
        }
        hex(hasher.finalize())
    }
}
