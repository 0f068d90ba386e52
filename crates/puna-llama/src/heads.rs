//! What a worker computes from the last hidden states: log-probabilities of targets with a
//! language-model head, one number a row with a scalar head (paper section 3.2.2), and the backward
//! of a loss over either.

use crate::batch::Batch;
use crate::config::HeadKind;
use crate::params::{ParamKind, Params};
use crate::worker::Worker;
use puna_compute::{Ops, Result, Write};

impl<O: Ops> Worker<O> {
    /// One number a row, no gradient: the log-probability of its target, or the scalar, as the
    /// head is. Rows that do not count ([`Batch::counted`]) give 0.
    pub fn outputs(&mut self, params: &Params<O::Buf>, batch: &Batch) -> Vec<f32> {
        self.forward(params, batch);
        self.read_head(params, batch)
    }

    /// Log-probability of every target, 0 for those that do not count; no gradient. Needs a language-model head.
    pub fn logprobs(&mut self, params: &Params<O::Buf>, batch: &Batch) -> Vec<f32> {
        self.expect(HeadKind::LanguageModel);
        self.outputs(params, batch)
    }

    /// The scalar head's value at every row, 0 for those that do not count; no gradient.
    pub fn scalars(&mut self, params: &Params<O::Buf>, batch: &Batch) -> Vec<f32> {
        self.expect(HeadKind::Scalar);
        self.outputs(params, batch)
    }

    /// All outputs of the head at every row that counts, `[rows, vocab]` or `[rows, 1]`: for tests and
    /// probes of small batches.
    pub fn logits(&mut self, params: &Params<O::Buf>, batch: &Batch) -> Result<Vec<f32>> {
        self.forward(params, batch);
        let (rows, dim, width) = (
            batch.counted_rows(),
            self.config.dim,
            self.config.head_outputs(),
        );
        let head = params.get(ParamKind::Head, &self.config);
        let mut logits = self.ops.zeros(rows * width)?;
        self.ops.linear(
            &mut logits,
            &self.normed,
            head,
            rows,
            dim,
            width,
            Write::Set,
        );
        let mut out = vec![0.0; rows * width];
        self.ops.download(&mut out, &logits);
        Ok(out)
    }

    /// Forward and backward for the loss whose derivative by the output of row `r` is
    /// `coefficients[r]`; writes `grads` or adds to them, and returns the outputs: the
    /// log-probability of each target, or the scalar of each row. Rows that do not count
    /// ([`Batch::counted`]) give 0, and their coefficients are not read.
    pub fn backward(
        &mut self,
        params: &Params<O::Buf>,
        grads: &mut Params<O::Buf>,
        batch: &Batch,
        coefficients: &[f32],
        write: Write,
    ) -> Vec<f32> {
        self.forward(params, batch);
        self.gradient(params, grads, batch, coefficients, write)
    }

    /// [`Worker::backward`] for a loss that is known only from the outputs: `derivative` maps them
    /// to the loss's derivative by each. A language-model head is computed twice, since its logits
    /// are never kept.
    pub fn backward_by(
        &mut self,
        params: &Params<O::Buf>,
        grads: &mut Params<O::Buf>,
        batch: &Batch,
        derivative: &mut dyn FnMut(&[f32]) -> Vec<f32>,
        write: Write,
    ) -> Vec<f32> {
        self.forward(params, batch);
        let outputs = self.read_head(params, batch);
        let coefficients = derivative(&outputs);
        assert_eq!(
            coefficients.len(),
            outputs.len(),
            "a derivative for every output"
        );
        self.gradient(params, grads, batch, &coefficients, write)
    }

    fn expect(&self, head: HeadKind) {
        let found = self.config.head;
        assert!(found == head, "a head of kind {found:?}, not {head:?}");
    }

    /// The outputs of the last forward.
    fn read_head(&mut self, params: &Params<O::Buf>, batch: &Batch) -> Vec<f32> {
        let (dim, width) = (self.config.dim, self.config.head_outputs());
        let head = params.get(ParamKind::Head, &self.config);
        let (ops, x) = (&mut self.ops, &self.normed);
        let mut outputs = vec![0.0; batch.counted_rows()];
        match self.config.head {
            HeadKind::LanguageModel => {
                let targets = batch.pick(&batch.targets);
                ops.head_logprobs(&mut outputs, x, head, &targets, dim, width);
            }
            HeadKind::Scalar => {
                let scalars = &mut self.scalars;
                ops.linear(scalars, x, head, outputs.len(), dim, 1, Write::Set);
                ops.download(&mut outputs, scalars);
            }
        }
        batch.put(outputs)
    }

    /// The backward of the last forward, and the outputs.
    fn gradient(
        &mut self,
        params: &Params<O::Buf>,
        grads: &mut Params<O::Buf>,
        batch: &Batch,
        coefficients: &[f32],
        write: Write,
    ) -> Vec<f32> {
        if write == Write::Set {
            // Products write their gradients themselves; the table's and the gains' are only added to.
            for (spec, grad) in self.config.param_specs().iter().zip(&mut grads.tensors) {
                if spec.kind == ParamKind::Embedding || !spec.decays() {
                    self.ops.clear(grad, spec.len());
                }
            }
        }
        let outputs = match self.config.head {
            HeadKind::LanguageModel => {
                self.logprobs_backward(params, grads, batch, coefficients, write)
            }
            HeadKind::Scalar => self.scalars_backward(params, grads, batch, coefficients, write),
        };
        self.trunk_backward(params, grads, batch, write);
        outputs
    }

    fn logprobs_backward(
        &mut self,
        params: &Params<O::Buf>,
        grads: &mut Params<O::Buf>,
        batch: &Batch,
        coefficients: &[f32],
        write: Write,
    ) -> Vec<f32> {
        let (config, ops) = (&self.config, &mut self.ops);
        let (dim, vocab) = (config.dim, config.vocab_size);
        let dhead = grads.get_mut(ParamKind::Head, config);
        let head = params.get(ParamKind::Head, config);
        let mut logprobs = vec![0.0; batch.counted_rows()];
        ops.head_logprobs_backward(
            &mut self.dnormed,
            dhead,
            &mut logprobs,
            &self.normed,
            head,
            &batch.pick(&batch.targets),
            &batch.pick(coefficients),
            dim,
            vocab,
            write,
        );
        batch.put(logprobs)
    }

    fn scalars_backward(
        &mut self,
        params: &Params<O::Buf>,
        grads: &mut Params<O::Buf>,
        batch: &Batch,
        coefficients: &[f32],
        write: Write,
    ) -> Vec<f32> {
        let outputs = self.read_head(params, batch);
        let (config, rows) = (&self.config, batch.counted_rows());
        let (ops, dscalars) = (&mut self.ops, &mut self.scalars);
        ops.upload(dscalars, &batch.pick(coefficients));
        let dhead = grads.get_mut(ParamKind::Head, config);
        ops.linear_backward_weight(dhead, dscalars, &self.normed, rows, config.dim, 1, write);
        let (dnormed, head) = (&mut self.dnormed, params.get(ParamKind::Head, config));
        ops.linear_backward_input(dnormed, dscalars, head, rows, config.dim, 1, Write::Set);
        outputs
    }
}
