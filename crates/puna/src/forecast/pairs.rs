//! How many comparisons there are to train on, and how long they are.

use super::basis::Basis;
use crate::recipe::{Material, Stage};
use crate::run::HELD_OUT_SHARE;
use puna_align::PAIR_ROWS;
use puna_text::chat::render_training;
use puna_train::Dialogue;

/// Comparisons to train on, at most.
pub struct Pairs {
    /// How many.
    pub count: f64,
    /// Tokens of both dialogues of each.
    pub tokens: f64,
    /// Rows of a micro-batch that holds the longest.
    pub rows: usize,
}

impl Pairs {
    /// Tokens of a dialogue on average; each is a sequence of its own.
    pub fn length(&self) -> usize {
        (self.tokens / self.count.max(1.0) / 2.0) as usize
    }
}

impl Basis<'_> {
    /// Comparisons of the fine-tuned model's answers in each stream, at most.
    pub fn sampled(&self) -> usize {
        let stages = self.plan.stages.iter();
        let mut sampled = stages.filter_map(|stage| match stage {
            Stage::Feedback(plan) => Some(plan.sampled),
            _ => None,
        });
        let prompts = self.feedback().map_or(0, |feedback| feedback.prompts.len());
        sampled.next().map_or(0, |sampled| sampled.min(prompts))
    }

    /// Comparisons to train on, by helpfulness and by safety, at most; unknown where a recipe names
    /// files of them.
    pub fn comparisons(&self, material: &Material) -> Option<[f64; 2]> {
        let feedback = self.feedback()?;
        let alone = material.of_world && material.preferences.is_empty();
        let count = |stream: usize| {
            let all = feedback.comparisons[stream].count + self.sampled();
            (all as f64 * (1.0 - HELD_OUT_SHARE)).round()
        };
        alone.then(|| [count(0), count(1)])
    }

    /// So many comparisons of either stream, without those that are longer than a model may read. The
    /// world's own stand for those of the fine-tuned model's answers; without any, nothing is known.
    pub fn pairs(&self, count: [f64; 2], max_tokens: usize) -> Option<Pairs> {
        let (tokenizer, feedback) = (self.tokenizer()?, self.feedback()?);
        let tokens = |dialogue: &Dialogue| {
            let rendered = render_training(tokenizer, &dialogue.messages).ok()?;
            Some(rendered.ids.len()).filter(|&tokens| tokens <= max_tokens)
        };
        let mut pairs = Pairs {
            count: 0.0,
            tokens: 0.0,
            rows: PAIR_ROWS,
        };
        for (count, comparisons) in count.into_iter().zip(&feedback.comparisons) {
            let some = &comparisons.some;
            if some.is_empty() && count > 0.0 {
                return None;
            }
            let fitting = some
                .iter()
                .filter_map(|[a, b]| Some(tokens(a)? + tokens(b)?));
            let fitting: Vec<usize> = fitting.collect();
            let each = count / some.len().max(1) as f64;
            pairs.count += each * fitting.len() as f64;
            pairs.tokens += each * fitting.iter().sum::<usize>() as f64;
            pairs.rows = fitting.into_iter().fold(pairs.rows, usize::max);
        }
        Some(pairs)
    }
}
