//! Log-likelihood of given text: what evaluation, contamination checks and `puna score` read.

use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::params::Params;
use crate::worker::Worker;
use puna_compute::Ops;

/// A text to score behind another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScoreItem {
    /// What precedes; at least the begin-of-sequence token.
    pub context: Vec<u32>,
    /// What is scored.
    pub continuation: Vec<u32>,
}

/// The score of an item.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scored {
    /// Sum of the log-probabilities.
    pub sum: f64,
    /// Log-probability of each token of the continuation.
    pub logprobs: Vec<f32>,
}

/// Scores items, several in a pass as documents of one batch; a score does not depend on which
/// items shared its pass.
pub fn score<O: Ops>(
    worker: &mut Worker<O>,
    params: &Params<O::Buf>,
    items: &[ScoreItem],
) -> Result<Vec<Scored>> {
    worker.config().require_language_model()?;
    let (max_rows, vocab) = (worker.max_rows(), worker.config().vocab_size);
    for (i, item) in items.iter().enumerate() {
        check(i, item, max_rows, vocab)?;
    }
    let mut scores = Vec::with_capacity(items.len());
    let mut rest = items;
    while !rest.is_empty() {
        let mut batch = Batch::default();
        let mut taken = 0;
        for item in rest {
            if batch.rows() + rows(item) > max_rows {
                break;
            }
            if !item.continuation.is_empty() {
                let tokens = [&item.context[..], &item.continuation].concat();
                batch.push(&tokens[..tokens.len() - 1], &tokens[1..]);
            }
            taken += 1;
        }
        let logprobs = if batch.rows() == 0 {
            vec![]
        } else {
            worker.logprobs(params, &batch)
        };
        let mut end = 0;
        for item in &rest[..taken] {
            end += rows(item);
            let logprobs = logprobs[end - item.continuation.len()..end].to_vec();
            if let Some(bad) = logprobs.iter().find(|p| !p.is_finite()) {
                let number = scores.len();
                return Err(Error::NonFinite(format!(
                    "a log-probability of item {number} is {bad}"
                )));
            }
            scores.push(Scored {
                // The sum of nothing would be -0.
                sum: logprobs.iter().fold(0.0, |sum, &p| sum + f64::from(p)),
                logprobs,
            });
        }
        rest = &rest[taken..];
    }
    Ok(scores)
}

/// Rows an item takes: its last token predicts nothing.
fn rows(item: &ScoreItem) -> usize {
    match item.continuation.len() {
        0 => 0,
        n => item.context.len() + n - 1,
    }
}

fn check(i: usize, item: &ScoreItem, max_rows: usize, vocab: usize) -> Result<()> {
    let fail = |what: String| Err(Error::Input(what));
    if item.context.is_empty() {
        return fail(format!(
            "item {i} has no context; it needs at least the begin-of-sequence token"
        ));
    }
    if rows(item) > max_rows {
        return fail(format!(
            "item {i} has {} tokens, more than the {max_rows} that fit; shorten it",
            item.context.len() + item.continuation.len()
        ));
    }
    if let Some(token) = item
        .context
        .iter()
        .chain(&item.continuation)
        .find(|&&t| t as usize >= vocab)
    {
        return fail(format!(
            "item {i} holds token {token}, but the model has {vocab}"
        ));
    }
    Ok(())
}
