//! Comparisons as a source of batches, for whatever is learned from pairs: reward models (paper section
//! 3.2.2) and direct preference optimization differ in what a pair's loss is.

use crate::rendered::{Pair, Sides};
use puna_compute::HostBuf;
use puna_llama::{HeadKind, Params};
use puna_train::{Cursor, Fleet, Result, Sequence, Source, StepLoss, Validation, permutation};

/// What is learned from a pair. `outputs` are those of all rows of its sequence,
/// 0 where the weight is 0.
pub(crate) trait PairObjective {
    /// A comparison, rendered.
    type Pair: Pair;
    /// The loss.
    fn loss(&self, pair: &Self::Pair, outputs: &[f32]) -> f64;
    /// Derivative of `scale` times the loss by each output.
    fn derivative(&self, pair: &Self::Pair, outputs: &[f32], scale: f64) -> Vec<f32>;
    /// Whether the model prefers the chosen answer.
    fn agrees(&self, pair: &Self::Pair, outputs: &[f32]) -> bool;
}

/// Pairs in an order that is new in every epoch. The loss of a step is the mean over its pairs; the
/// last step of an epoch may have fewer.
pub(crate) struct Comparisons<'a, O: PairObjective> {
    objective: O,
    train: &'a [O::Pair],
    valid: &'a [O::Pair],
    batch: usize,
    seed: u64,
    order: Vec<u32>,
    cursor: Cursor,
    /// The pairs of the batch given last.
    current: Vec<&'a O::Pair>,
}

impl<'a, O: PairObjective> Comparisons<'a, O> {
    /// From the beginning; `batch` pairs a step in an order by `seed`.
    pub fn new(objective: O, pairs: &'a Sides<O::Pair>, batch: usize, seed: u64) -> Self {
        let Sides { train, valid } = pairs;
        Self {
            objective,
            train,
            valid,
            batch,
            seed,
            order: permutation(train.len() as u32, seed, 0),
            cursor: Cursor::default(),
            current: Vec::new(),
        }
    }

    fn begin_epoch(&mut self, epoch: u64) {
        self.order = permutation(self.train.len() as u32, self.seed, epoch);
        self.cursor = Cursor {
            epoch,
            ..Cursor::default()
        };
    }
}

impl<O: PairObjective + Sync> Source for Comparisons<'_, O> {
    fn next_batch(&mut self, _step: u64) -> Result<Vec<Sequence>> {
        let from = self.cursor.item as usize;
        let to = (from + self.batch).min(self.order.len());
        let pairs = self.train;
        let chosen = self.order[from..to].iter();
        self.current = chosen.map(|&i| &pairs[i as usize]).collect();
        self.cursor.item = to as u64;
        if to == self.order.len() {
            self.begin_epoch(self.cursor.epoch + 1);
        }
        let sequences = self.current.iter().map(|pair| pair.sequence());
        Ok(sequences.cloned().collect())
    }

    fn loss_and_grad(
        &mut self,
        fleet: &mut Fleet,
        params: &Params<HostBuf>,
        batch: &[Sequence],
    ) -> Result<StepLoss> {
        let (pairs, objective) = (&self.current, &self.objective);
        let share = 1.0 / pairs.len() as f64;
        let outputs = fleet.backward_by(params, batch, &|index, outputs| {
            objective.derivative(pairs[index], outputs, share)
        })?;
        let losses = pairs.iter().zip(&outputs);
        let loss: f64 = losses.map(|(p, o)| objective.loss(p, o)).sum();
        Ok(StepLoss {
            loss: loss * share,
            weight: pairs.len() as f64,
            rows: batch.iter().map(Sequence::rows).sum(),
        })
    }

    fn cursor(&self) -> Cursor {
        self.cursor
    }

    fn seek(&mut self, cursor: Cursor) -> Result<()> {
        self.begin_epoch(cursor.epoch);
        if cursor.item >= self.order.len() as u64 || cursor.row != 0 {
            return Err(puna_train::Error::Data(format!(
                "the pairs have no place {cursor:?}; they have changed"
            )));
        }
        self.cursor = cursor;
        Ok(())
    }

    fn validate(
        &mut self,
        fleet: &mut Fleet,
        params: &Params<HostBuf>,
        step: u64,
    ) -> Result<Option<Validation>> {
        let pairs = self.valid;
        if self.cursor.item != 0 || pairs.is_empty() {
            return Ok(None);
        }
        let sequences = pairs.iter().map(|pair| pair.sequence());
        let sequences: Vec<Sequence> = sequences.cloned().collect();
        let outputs = match fleet.config().head {
            HeadKind::LanguageModel => fleet.logprobs(params, &sequences)?,
            HeadKind::Scalar => fleet.scalars(params, &sequences)?,
        };
        let (mut loss, mut right) = (0.0, 0);
        for (pair, outputs) in pairs.iter().zip(&outputs) {
            loss += self.objective.loss(pair, outputs);
            right += usize::from(self.objective.agrees(pair, outputs));
        }
        let n = pairs.len() as f64;
        Ok(Some(Validation {
            step,
            loss: loss / n,
            tokens: pairs.len() as u64,
            bits_per_byte: None,
            accuracy: Some(right as f64 / n),
        }))
    }
}
