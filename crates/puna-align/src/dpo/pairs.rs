//! Comparisons as direct preference optimization reads them: the rows of both answered dialogues as one
//! sequence, and the answers' log-probabilities under the reference. Only the last answer counts.

use super::loss::{self, Term};
use super::settings::DpoSettings;
use crate::answer_rows::push_answer_rows;
use crate::comparisons::PairObjective;
use crate::error::Result;
use crate::preferences::Preference;
use crate::rendered::{self, answered, at, hash_numbers};
use puna_compute::HostBuf;
use puna_llama::Params;
use puna_text::Tokenizer;
use puna_text::chat::render_prompt;
use puna_train::{Fleet, Sequence};
use sha2::Sha256;

/// A comparison, rendered.
pub(crate) struct Pair {
    /// Rows of the chosen answer's dialogue, then of the rejected one's; a weight of 1 on the answers.
    sequence: Sequence,
    /// Log-probabilities of the two answers under the reference.
    reference: [f64; 2],
}

impl Pair {
    /// The pair without the reference's part, and the tokens of its longer dialogue; an error names
    /// the record.
    pub fn render(tokenizer: &Tokenizer, preference: &Preference) -> Result<(Self, usize)> {
        let prompt = render_prompt(tokenizer, &preference.dialogue)
            .map_err(|e| at(preference, "dialogue", e.to_string()))?;
        let dialogues = answered(tokenizer, preference)?;
        let mut sequence = Sequence::default();
        for ids in &dialogues {
            push_answer_rows(&mut sequence, &prompt, &ids[prompt.len()..]);
        }
        let pair = Self {
            sequence,
            reference: [0.0; 2],
        };
        let [chosen, rejected] = dialogues;
        Ok((pair, chosen.len().max(rejected.len())))
    }

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

impl rendered::Pair for Pair {
    fn sequence(&self) -> &Sequence {
        &self.sequence
    }

    fn hash_into(&self, hasher: &mut Sha256) {
        let sequence = &self.sequence;
        let counts = sequence.segments.iter().map(|&n| n as u32);
        let weights = sequence.weights.iter().map(|w| w.to_bits());
        let ids = sequence.tokens.iter().chain(&sequence.targets).copied();
        hash_numbers(hasher, counts.chain(ids).chain(weights));
    }
}

/// Sets the reference's log-probabilities.
pub(crate) fn set_reference(
    pairs: &mut [Pair],
    fleet: &mut Fleet,
    params: &Params<HostBuf>,
) -> Result<()> {
    let sequences: Vec<Sequence> = pairs.iter().map(|p| p.sequence.clone()).collect();
    for (pair, outputs) in pairs.iter_mut().zip(fleet.logprobs(params, &sequences)?) {
        pair.reference = pair.sums(&outputs);
    }
    Ok(())
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
