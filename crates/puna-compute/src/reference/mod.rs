//! What the operations mean, in plain loops (paper section 2.2).
//!
//! Sums run in `f64` and are rounded once, when they are stored. Nothing here is fast; everything
//! here is meant to be checked by reading, and by the finite differences of the test suite.

mod adamw;
mod attention;
mod cache;
mod embedding;
mod head;
mod linear;
mod norm;
mod packed;
mod rope;
mod shape;
mod sums;
mod swiglu;

use crate::buffer::HostBuf;
use crate::ops::{AdamW, AttentionShape, CachedSegment, Ops, Result, Segment, WeightFormat, Write};
use shape::{front, front_mut};

pub use cache::ReferenceCache;
pub use packed::ReferencePacked;

/// The slow, readable implementation of [`Ops`] that every other one is held against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reference;

impl Ops for Reference {
    type Buf = HostBuf;
    type KvCache = ReferenceCache;
    type Packed = ReferencePacked;

    fn device(&self) -> &'static str {
        "reference"
    }

    fn zeros(&self, len: usize) -> Result<HostBuf> {
        HostBuf::zeros(len)
    }

    fn upload(&self, to: &mut HostBuf, from: &[f32]) {
        front_mut("upload: to", to, &[from.len()]).copy_from_slice(from);
    }

    fn download(&self, to: &mut [f32], from: &HostBuf) {
        to.copy_from_slice(front("download: from", from, &[to.len()]));
    }

    fn clear(&mut self, buf: &mut HostBuf, len: usize) {
        front_mut("clear: buf", buf, &[len]).fill(0.0);
    }

    fn copy(&mut self, to: &mut HostBuf, from: &HostBuf, len: usize) {
        front_mut("copy: to", to, &[len]).copy_from_slice(front("copy: from", from, &[len]));
    }

    fn add(&mut self, to: &mut HostBuf, from: &HostBuf, len: usize) {
        let from = front("add: from", from, &[len]);
        for (to, &from) in front_mut("add: to", to, &[len]).iter_mut().zip(from) {
            *to += from;
        }
    }

    fn embedding(&mut self, out: &mut HostBuf, table: &HostBuf, tokens: &[u32], dim: usize) {
        let out = front_mut("embedding: out", out, &[tokens.len(), dim]);
        embedding::forward(out, table, tokens, dim);
    }

    fn embedding_backward(
        &mut self,
        dtable: &mut HostBuf,
        dout: &HostBuf,
        tokens: &[u32],
        dim: usize,
    ) {
        let dout = front("embedding_backward: dout", dout, &[tokens.len(), dim]);
        embedding::backward(dtable, dout, tokens, dim);
    }

    fn rmsnorm(
        &mut self,
        out: &mut HostBuf,
        x: &HostBuf,
        weight: &HostBuf,
        rows: usize,
        dim: usize,
        eps: f32,
    ) {
        norm::forward(
            front_mut("rmsnorm: out", out, &[rows, dim]),
            front("rmsnorm: x", x, &[rows, dim]),
            front("rmsnorm: weight", weight, &[dim]),
            eps,
        );
    }

    fn rmsnorm_backward(
        &mut self,
        dx: &mut HostBuf,
        dweight: &mut HostBuf,
        dout: &HostBuf,
        x: &HostBuf,
        weight: &HostBuf,
        rows: usize,
        dim: usize,
        eps: f32,
    ) {
        norm::backward(
            front_mut("rmsnorm_backward: dx", dx, &[rows, dim]),
            front_mut("rmsnorm_backward: dweight", dweight, &[dim]),
            front("rmsnorm_backward: dout", dout, &[rows, dim]),
            front("rmsnorm_backward: x", x, &[rows, dim]),
            front("rmsnorm_backward: weight", weight, &[dim]),
            eps,
        );
    }

    fn linear(
        &mut self,
        out: &mut HostBuf,
        x: &HostBuf,
        w: &HostBuf,
        rows: usize,
        n_in: usize,
        n_out: usize,
        write: Write,
    ) {
        linear::forward(
            front_mut("linear: out", out, &[rows, n_out]),
            front("linear: x", x, &[rows, n_in]),
            front("linear: w", w, &[n_out, n_in]),
            n_in,
            n_out,
            write,
        );
    }

    fn linear_backward_input(
        &mut self,
        dx: &mut HostBuf,
        dout: &HostBuf,
        w: &HostBuf,
        rows: usize,
        n_in: usize,
        n_out: usize,
        write: Write,
    ) {
        linear::backward_input(
            front_mut("linear_backward_input: dx", dx, &[rows, n_in]),
            front("linear_backward_input: dout", dout, &[rows, n_out]),
            front("linear_backward_input: w", w, &[n_out, n_in]),
            n_in,
            n_out,
            write,
        );
    }

    fn linear_backward_weight(
        &mut self,
        dw: &mut HostBuf,
        dout: &HostBuf,
        x: &HostBuf,
        rows: usize,
        n_in: usize,
        n_out: usize,
        write: Write,
    ) {
        linear::backward_weight(
            front_mut("linear_backward_weight: dw", dw, &[n_out, n_in]),
            front("linear_backward_weight: dout", dout, &[rows, n_out]),
            front("linear_backward_weight: x", x, &[rows, n_in]),
            n_in,
            n_out,
            write,
        );
    }

    fn rope(
        &mut self,
        qkv: &mut HostBuf,
        cos: &HostBuf,
        sin: &HostBuf,
        positions: &[u32],
        shape: AttentionShape,
        inverse: bool,
    ) {
        let qkv = front_mut("rope: qkv", qkv, &[positions.len(), shape.qkv_width()]);
        rope::rotate(qkv, cos, sin, positions, shape, inverse);
    }

    fn attention(
        &mut self,
        out: &mut HostBuf,
        lse: &mut HostBuf,
        qkv: &HostBuf,
        segments: &[Segment],
        shape: AttentionShape,
    ) {
        attention::forward(out, lse, qkv, segments, shape);
    }

    fn attention_backward(
        &mut self,
        dqkv: &mut HostBuf,
        dout: &HostBuf,
        _out: &HostBuf,
        _lse: &HostBuf,
        qkv: &HostBuf,
        segments: &[Segment],
        shape: AttentionShape,
    ) {
        // The probabilities are found anew in f64: what the forward left is rounded.
        attention::backward(dqkv, dout, qkv, segments, shape);
    }

    fn swiglu(&mut self, out: &mut HostBuf, gate_up: &HostBuf, rows: usize, hidden: usize) {
        swiglu::forward(
            front_mut("swiglu: out", out, &[rows, hidden]),
            front("swiglu: gate_up", gate_up, &[rows, 2, hidden]),
            hidden,
        );
    }

    fn swiglu_backward(
        &mut self,
        dgate_up: &mut HostBuf,
        out: &mut HostBuf,
        dout: &HostBuf,
        gate_up: &HostBuf,
        rows: usize,
        hidden: usize,
    ) {
        self.swiglu(out, gate_up, rows, hidden);
        swiglu::backward(
            front_mut("swiglu_backward: dgate_up", dgate_up, &[rows, 2, hidden]),
            front("swiglu_backward: dout", dout, &[rows, hidden]),
            front("swiglu_backward: gate_up", gate_up, &[rows, 2, hidden]),
            hidden,
        );
    }

    fn head_logprobs(
        &mut self,
        logprobs: &mut [f32],
        x: &HostBuf,
        head: &HostBuf,
        targets: &[u32],
        dim: usize,
        vocab: usize,
    ) {
        head::forward(
            front_mut("head_logprobs: logprobs", logprobs, &[targets.len()]),
            front("head_logprobs: x", x, &[targets.len(), dim]),
            front("head_logprobs: head", head, &[vocab, dim]),
            targets,
            dim,
        );
    }

    fn logprobs(&mut self, logprobs: &mut [f32], logits: &HostBuf, targets: &[u32], vocab: usize) {
        head::of_logits(
            front_mut("logprobs: logprobs", logprobs, &[targets.len()]),
            front("logprobs: logits", logits, &[targets.len(), vocab]),
            targets,
            vocab,
        );
    }

    fn head_logprobs_backward(
        &mut self,
        dx: &mut HostBuf,
        dhead: &mut HostBuf,
        logprobs: &mut [f32],
        x: &HostBuf,
        head: &HostBuf,
        targets: &[u32],
        coefficients: &[f32],
        dim: usize,
        vocab: usize,
        write: Write,
    ) {
        let rows = targets.len();
        if write == Write::Set {
            self.clear(dhead, vocab * dim);
        }
        self.head_logprobs(logprobs, x, head, targets, dim, vocab);
        head::backward(
            front_mut("head_logprobs_backward: dx", dx, &[rows, dim]),
            front_mut("head_logprobs_backward: dhead", dhead, &[vocab, dim]),
            front("head_logprobs_backward: x", x, &[rows, dim]),
            front("head_logprobs_backward: head", head, &[vocab, dim]),
            targets,
            front(
                "head_logprobs_backward: coefficients",
                coefficients,
                &[rows],
            ),
            dim,
        );
    }

    fn sum_squares(&mut self, x: &HostBuf, len: usize) -> f64 {
        let x = front("sum_squares: x", x, &[len]);
        sums::dot(x, x)
    }

    fn adamw(
        &mut self,
        param: &mut HostBuf,
        m: &mut HostBuf,
        v: &mut HostBuf,
        grad: &HostBuf,
        len: usize,
        step: AdamW,
    ) {
        adamw::step(
            front_mut("adamw: param", param, &[len]),
            front_mut("adamw: m", m, &[len]),
            front_mut("adamw: v", v, &[len]),
            front("adamw: grad", grad, &[len]),
            step,
        );
    }

    fn gather_rows(&mut self, out: &mut HostBuf, x: &HostBuf, rows: &[usize], dim: usize) {
        let out = front_mut("gather_rows: out", out, &[rows.len(), dim]);
        for (i, &row) in rows.iter().enumerate() {
            let from = &front("gather_rows: x", x, &[row + 1, dim])[row * dim..];
            out[i * dim..][..dim].copy_from_slice(from);
        }
    }

    fn kv_cache(
        &self,
        shape: AttentionShape,
        layers: usize,
        slots: usize,
        capacity: usize,
    ) -> Result<ReferenceCache> {
        Ok(ReferenceCache::new(shape, layers, slots, capacity))
    }

    fn kv_copy(&mut self, cache: &mut ReferenceCache, to: usize, from: usize, len: usize) {
        cache.copy(to, from, len);
    }

    fn attention_cached(
        &mut self,
        out: &mut HostBuf,
        qkv: &HostBuf,
        segments: &[CachedSegment],
        cache: &mut ReferenceCache,
        layer: usize,
    ) {
        cache.attend(out, qkv, segments, layer);
    }

    fn pack(
        &self,
        w: &HostBuf,
        n_out: usize,
        n_in: usize,
        format: WeightFormat,
    ) -> Result<ReferencePacked> {
        Ok(ReferencePacked::new(
            front("pack: w", w, &[n_out, n_in]),
            n_out,
            n_in,
            format,
        ))
    }

    fn linear_packed(
        &mut self,
        out: &mut HostBuf,
        x: &HostBuf,
        w: &ReferencePacked,
        rows: usize,
        write: Write,
    ) {
        linear::forward(
            front_mut("linear_packed: out", out, &[rows, w.n_out]),
            front("linear_packed: x", x, &[rows, w.n_in]),
            &w.values,
            w.n_in,
            w.n_out,
            write,
        );
    }
}
