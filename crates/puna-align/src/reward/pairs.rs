//! Comparisons as what a reward model reads (paper section 3.2.2): both answered dialogues as segments
//! of one sequence, since the loss couples them. A score is read at the last token, which is the
//! end-of-sequence token behind the answer; the paper does not say which.

use super::{Margin, PairLoss, RewardSettings, pair_loss};
use crate::error::Result;
use crate::preferences::{Preference, SafetyLabel, Strength};
use crate::rendered::{self, answered, hash_numbers};
use puna_text::Tokenizer;
use puna_train::Sequence;
use sha2::{Digest, Sha256};

/// A sequence of documents that are only looked at, each read at its last token.
pub(super) fn documents(tokens: &[&[u32]]) -> Sequence {
    let mut sequence = Sequence::default();
    for tokens in tokens {
        let weights = (1..=tokens.len()).map(|n| if n == tokens.len() { 1.0 } else { 0.0 });
        sequence.push(tokens, tokens, weights, true);
    }
    sequence
}

/// A comparison, rendered.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    /// The chosen one's rows, then the rejected one's.
    sequence: Sequence,
    strength: Strength,
    safety: Option<SafetyLabel>,
}

impl Pair {
    /// The pair, and the tokens of its longer dialogue; an error names the record.
    pub fn render(tokenizer: &Tokenizer, preference: &Preference) -> Result<(Self, usize)> {
        let [chosen, rejected] = answered(tokenizer, preference)?;
        let pair = Self {
            sequence: documents(&[&chosen, &rejected]),
            strength: preference.strength,
            safety: preference.safety,
        };
        Ok((pair, chosen.len().max(rejected.len())))
    }

    /// The two scores among the sequence's outputs.
    pub fn scores(&self, outputs: &[f32]) -> (f32, f32) {
        let chosen = self.sequence.segments[0];
        (outputs[chosen - 1], outputs[outputs.len() - 1])
    }

    /// The loss of these outputs.
    pub fn loss(&self, outputs: &[f32], settings: &RewardSettings) -> PairLoss {
        let (chosen, rejected) = self.scores(outputs);
        let margin = settings.margin.unwrap_or_default().of(self.strength);
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

impl rendered::Pair for Pair {
    fn sequence(&self) -> &Sequence {
        &self.sequence
    }

    fn hash_into(&self, hasher: &mut Sha256) {
        let lengths = self.sequence.segments.iter().map(|&n| n as u32);
        hash_numbers(hasher, lengths.chain(self.sequence.tokens.iter().copied()));
        // The large margin names the level by a whole number.
        let level = Margin::Large.of(self.strength) as u8;
        let safety = self.safety.map_or(0, |label| 1 + label as u8);
        hasher.update([level, safety]);
    }
}
