//! Comparisons as direct preference optimization reads them: the rows of both answered dialogues as one
//! sequence, and the answers' log-probabilities under the reference. Only the last answer counts.

use super::loss::{self, Term};
use super::settings::DpoSettings;
use crate::answer_rows::push_answer_rows;
use crate::comparisons::PairObjective;
use crate::error::{Error, Result};
use crate::preferences::{Action, Preference};
use puna_compute::HostBuf;
use puna_llama::Params;
use puna_text::Tokenizer;
use puna_text::chat::{Message, contains_special_tags, render_prompt, render_training};
use puna_text::hash::hex;
use puna_train::{Fleet, Sequence};
use sha2::{Digest, Sha256};

/// A comparison, rendered.
pub(crate) struct Pair {
    /// Rows of the chosen answer's dialogue, then of the rejected one's; a weight of 1 on the answers.
    pub sequence: Sequence,
    /// Log-probabilities of the two answers under the reference.
    reference: [f64; 2],
}

impl Pair {
    /// Log-probabilities of the two answers, from the outputs of all rows.
    fn sums(&self, outputs: &[f32]) -> [f64; 2] {
        let chosen = self.sequence.segments[0];
        let sum = |rows: std::ops::Range<usize>| {
            let each = outputs[rows.clone()]
                .iter()
                .zip(&self.sequence.weights[rows]);
            each.filter(|&(_, &w)| w != 0.0)
                .map(|(&p, _)| f64::from(p))
                .sum()
        };
        [sum(0..chosen), sum(chosen..outputs.len())]
    }
}

impl DpoSettings {
    fn term(&self, pair: &Pair, outputs: &[f32]) -> Term {
        let policy = pair.sums(outputs);
        loss::loss(policy, pair.reference, self.beta, self.label_smoothing)
    }
}

impl PairObjective for &DpoSettings {
    type Pair = Pair;

    fn sequence<'p>(&self, pair: &'p Pair) -> &'p Sequence {
        &pair.sequence
    }

    fn loss(&self, pair: &Pair, outputs: &[f32]) -> f64 {
        self.term(pair, outputs).loss
    }

    fn derivative(&self, pair: &Pair, outputs: &[f32], scale: f64) -> Vec<f32> {
        let term = self.term(pair, outputs);
        let chosen = pair.sequence.segments[0];
        let slope = |row| {
            if row < chosen {
                term.chosen
            } else {
                term.rejected
            }
        };
        let weights = pair.sequence.weights.iter().enumerate();
        weights
            .map(|(row, &w)| w * (scale * slope(row)) as f32)
            .collect()
    }

    fn agrees(&self, pair: &Pair, outputs: &[f32]) -> bool {
        self.term(pair, outputs).margin > 0.0
    }
}

/// Comparisons, rendered.
#[derive(Default)]
pub(crate) struct Pairs {
    pub list: Vec<Pair>,
    /// Left out because an answered dialogue was too long, and the first of them.
    pub over_long: usize,
    pub first_over_long: Option<String>,
}

impl Pairs {
    /// Renders comparisons; what cannot be rendered is an error that names the record.
    pub fn render(
        tokenizer: &Tokenizer,
        preferences: &[&Preference],
        settings: &DpoSettings,
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
            let prompt = render_prompt(tokenizer, &preference.dialogue)
                .map_err(|e| fail("dialogue", e.to_string()))?;
            let mut sequence = Sequence::default();
            let mut longest = 0;
            for (field, messages) in [
                ("chosen", preference.chosen_messages()),
                ("rejected", preference.rejected_messages()),
            ] {
                let ids = rendered(tokenizer, &messages).map_err(|what| fail(field, what))?;
                longest = longest.max(ids.len());
                push_answer_rows(&mut sequence, &prompt, &ids[prompt.len()..]);
            }
            if longest > settings.max_tokens {
                let limit = settings.max_tokens;
                let error = fail(
                    "dialogue",
                    format!("{longest} tokens, over the limit of {limit}"),
                );
                if settings.over_long == Action::Refuse {
                    return Err(error);
                }
                pairs.over_long += 1;
                pairs.first_over_long.get_or_insert(error.to_string());
                continue;
            }
            pairs.list.push(Pair {
                sequence,
                reference: [0.0; 2],
            });
        }
        Ok(pairs)
    }

    /// Rows of the longest pair.
    pub fn longest(&self) -> usize {
        self.list
            .iter()
            .map(|p| p.sequence.rows())
            .max()
            .unwrap_or(0)
    }

    /// Sets the reference's log-probabilities.
    pub fn set_reference(&mut self, fleet: &mut Fleet, params: &Params<HostBuf>) -> Result<()> {
        let sequences: Vec<Sequence> = self.list.iter().map(|p| p.sequence.clone()).collect();
        for (pair, outputs) in self
            .list
            .iter_mut()
            .zip(fleet.logprobs(params, &sequences)?)
        {
            pair.reference = pair.sums(&outputs);
        }
        Ok(())
    }

    /// Hash of the pairs.
    pub fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        for sequence in self.list.iter().map(|p| &p.sequence) {
            let counts = sequence.segments.iter().map(|&n| n as u32);
            let weights = sequence.weights.iter().map(|w| w.to_bits());
            let ids = sequence.tokens.iter().chain(&sequence.targets).copied();
            let numbers = counts.chain(ids).chain(weights);
            hasher.update(numbers.flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
        }
        hex(hasher.finalize())
    }
}

fn rendered(tokenizer: &Tokenizer, messages: &[Message]) -> std::result::Result<Vec<u32>, String> {
    if let Some((message, tag)) = contains_special_tags(messages) {
        return Err(format!(
            "message {message} contains {tag}, which the chat format means something by; leave it out"
        ));
    }
    Ok(render_training(tokenizer, messages)
        .map_err(|e| e.to_string())?
        .ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two answers of two and one tokens, by hand: beta 0.5, sums -3 and -4 against -2.5 and -4.5.
    #[test]
    fn sums_and_derivatives_by_hand() {
        let mut sequence = Sequence::default();
        push_answer_rows(&mut sequence, &[1, 5], &[7, 2]);
        push_answer_rows(&mut sequence, &[1, 5], &[2]);
        let pair = Pair {
            sequence,
            reference: [-2.5, -4.5],
        };
        let settings = &DpoSettings {
            beta: 0.5,
            ..DpoSettings::default()
        };
        let outputs = [-9.0, -1.0, -2.0, -9.0, -4.0];
        assert_eq!(pair.sums(&outputs), [-3.0, -4.0]);
        let term = settings.term(&pair, &outputs);
        assert_eq!(term.margin, -0.5);
        assert!(!settings.agrees(&pair, &outputs));
        let slope = (2.0 * term.chosen) as f32;
        let expected = [0.0, slope, slope, 0.0, -slope];
        assert_eq!(settings.derivative(&pair, &outputs, 2.0), expected);
    }
}
