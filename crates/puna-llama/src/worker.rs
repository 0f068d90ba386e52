//! The forward and backward pass of one worker over one micro-batch (paper section 2.2):
//! pre-normalised blocks, rotary positions, grouped-query attention, SwiGLU. What is computed from
//! the last hidden states is in `heads.rs`.
//!
//! A worker owns a device and the arena its activations live in; parameters are shared and read-only.
//! Norms and the SwiGLU product are recomputed in the backward instead of kept; with
//! `recompute` only the residual stream at each block's input is kept.

use crate::batch::Batch;
use crate::config::{Config, HeadKind};
use crate::params::{ParamKind, Params};
use puna_compute::{Ops, Result, Write};

/// How a worker lays out its memory.
#[derive(Clone, Copy, Debug)]
pub struct WorkerOptions {
    /// Most rows of a micro-batch.
    pub max_rows: usize,
    /// Keep only each block's input and compute the block again in the backward.
    pub recompute: bool,
}

/// What the backward of a block needs from its forward.
struct Block<B> {
    qkv: B,
    attention: B,
    lse: B,
    mid: B,
    gate_up: B,
}

/// One device with its activations.
pub struct Worker<O: Ops> {
    pub(crate) ops: O,
    pub(crate) config: Config,
    options: WorkerOptions,
    cos: O::Buf,
    sin: O::Buf,
    /// Residual stream at the input of each block, and after the last.
    residual: Vec<O::Buf>,
    /// One per layer, or a single one that every layer uses in turn.
    blocks: Vec<Block<O::Buf>>,
    pub(crate) normed: O::Buf,
    /// The SwiGLU product; in the last block also, when that is not needed, the attention of the rows that
    /// count. `dhidden` goes with it.
    hidden: O::Buf,
    /// A scalar head's outputs, and then their gradients.
    pub(crate) scalars: O::Buf,
    // Gradients of activations.
    dx: O::Buf,
    pub(crate) dnormed: O::Buf,
    dattention: O::Buf,
    dqkv: O::Buf,
    dhidden: O::Buf,
    dgate_up: O::Buf,
}

impl<O: Ops> Worker<O> {
    /// Allocates everything a pass over `options.max_rows` rows needs.
    pub fn new(ops: O, config: &Config, options: WorkerOptions) -> Result<Self> {
        let rows = options.max_rows;
        let shape = config.attention();
        let buf = |width: usize| ops.zeros(rows * width);
        let block = || -> Result<Block<O::Buf>> {
            Ok(Block {
                qkv: buf(shape.qkv_width())?,
                attention: buf(shape.q_width())?,
                lse: buf(shape.heads)?,
                mid: buf(config.dim)?,
                gate_up: buf(2 * config.hidden_dim)?,
            })
        };
        let kept = if options.recompute { 1 } else { config.layers };
        let (cos, sin) = rope_tables(&ops, config, rows)?;
        Ok(Self {
            cos,
            sin,
            residual: (0..=config.layers)
                .map(|_| buf(config.dim))
                .collect::<Result<_>>()?,
            blocks: (0..kept).map(|_| block()).collect::<Result<_>>()?,
            normed: buf(config.dim)?,
            hidden: buf(config.hidden_dim.max(shape.q_width()))?,
            scalars: buf(scalar_width(config))?,
            dx: buf(config.dim)?,
            dnormed: buf(config.dim)?,
            dattention: buf(shape.q_width())?,
            dqkv: buf(shape.qkv_width())?,
            dhidden: buf(config.hidden_dim.max(shape.q_width()))?,
            dgate_up: buf(2 * config.hidden_dim)?,
            ops,
            config: config.clone(),
            options,
        })
    }

    /// Bytes that [`Worker::new`] allocates with these options.
    pub fn memory_bytes(config: &Config, options: WorkerOptions) -> u64 {
        let shape = config.attention();
        let (dim, hidden) = (config.dim, config.hidden_dim);
        let (qkv, q) = (shape.qkv_width(), shape.q_width());
        let kept = if options.recompute { 1 } else { config.layers };
        let residual = (config.layers + 1) * dim;
        let blocks = kept * (qkv + q + shape.heads + dim + 2 * hidden);
        let passing = 3 * dim + q + qkv + 2 * hidden + 2 * hidden.max(q);
        let (rope, scalar) = (config.head_dim, scalar_width(config));
        // No machine has what would not fit the number.
        let row = 4 * (residual + blocks + passing + rope + scalar) as u64;
        row.saturating_mul(options.max_rows as u64)
    }

    /// The device.
    pub fn ops(&mut self) -> &mut O {
        &mut self.ops
    }

    /// The model's shape.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Most rows a batch may have.
    pub fn max_rows(&self) -> usize {
        self.options.max_rows
    }

    /// The backward below the head: from `dnormed`, the gradient of the normed last hidden states
    /// of the last forward.
    pub(crate) fn trunk_backward(
        &mut self,
        params: &Params<O::Buf>,
        grads: &mut Params<O::Buf>,
        batch: &Batch,
        write: Write,
    ) {
        let config = self.config.clone();
        let (rows, dim, eps) = (batch.counted_rows(), config.dim, config.norm_eps);
        self.ops.clear(&mut self.dx, rows * dim);
        self.ops.rmsnorm_backward(
            &mut self.dx,
            grads.get_mut(ParamKind::Norm, &config),
            &self.dnormed,
            &self.residual[config.layers],
            params.get(ParamKind::Norm, &config),
            rows,
            dim,
            eps,
        );
        let positions = batch.positions();
        for layer in (0..config.layers).rev() {
            if self.options.recompute {
                self.block_forward(params, batch, &positions, layer);
            }
            self.block_backward(params, grads, batch, &positions, layer, write);
        }
        let dtable = grads.get_mut(ParamKind::Embedding, &config);
        self.ops
            .embedding_backward(dtable, &self.dx, &batch.tokens, dim);
    }

    /// The first block whose output of the last forward pass, that of `batch`, holds a value that is not
    /// finite: where an overflow began.
    pub fn non_finite_block(&self, batch: &Batch) -> Option<usize> {
        (0..self.config.layers).find(|&layer| {
            let rows = self
                .read_later(batch, layer)
                .map_or(batch.rows(), <[_]>::len);
            let mut out = vec![0.0; rows * self.config.dim];
            self.ops.download(&mut out, &self.residual[layer + 1]);
            out.iter().any(|v: &f32| !v.is_finite())
        })
    }

    /// The rows of a block's output that are read later, where those are not all: nothing looks back at
    /// the last block's.
    fn read_later<'b>(&self, batch: &'b Batch, layer: usize) -> Option<&'b [u32]> {
        let counted = batch.counted.as_deref();
        counted.filter(|_| layer + 1 == self.config.layers)
    }

    /// Gradient of the last backward's loss by the embedded inputs, `[rows, dim]`: what attribution
    /// and gradient-guided attacks read.
    pub fn input_gradient(&self, rows: usize) -> Vec<f32> {
        let mut out = vec![0.0; rows * self.config.dim];
        self.ops.download(&mut out, &self.dx);
        out
    }

    /// Everything below the head: leaves the normed last hidden states of the rows that count in `normed`.
    pub(crate) fn forward(&mut self, params: &Params<O::Buf>, batch: &Batch) {
        let rows = batch.rows();
        assert!(
            rows <= self.options.max_rows,
            "{rows} rows in a worker for {}",
            self.options.max_rows
        );
        let rising = |rows: &Vec<u32>| rows.is_sorted_by(|a, b| a < b);
        debug_assert!(batch.counted.as_ref().is_none_or(rising), "a row twice");
        let c = self.config.clone();
        let table = params.get(ParamKind::Embedding, &c);
        self.ops
            .embedding(&mut self.residual[0], table, &batch.tokens, c.dim);
        let positions = batch.positions();
        for layer in 0..c.layers {
            self.block_forward(params, batch, &positions, layer);
        }
        let gain = params.get(ParamKind::Norm, &c);
        self.ops.rmsnorm(
            &mut self.normed,
            &self.residual[c.layers],
            gain,
            batch.counted_rows(),
            c.dim,
            c.norm_eps,
        );
    }

    fn block_forward(
        &mut self,
        params: &Params<O::Buf>,
        batch: &Batch,
        positions: &[u32],
        l: usize,
    ) {
        let read_later = self.read_later(batch, l);
        let c = &self.config;
        let (rows, shape) = (batch.rows(), c.attention());
        let p = |kind| params.get(kind, c);
        let ops = &mut self.ops;
        let (before, after) = self.residual.split_at_mut(l + 1);
        let (x, out) = (&before[l], &mut after[0]);
        let kept = if self.options.recompute { 0 } else { l };
        let b = &mut self.blocks[kept];
        let normed = &mut self.normed;

        ops.rmsnorm(
            normed,
            x,
            p(ParamKind::AttentionNorm(l)),
            rows,
            c.dim,
            c.norm_eps,
        );
        let qkv_width = shape.qkv_width();
        ops.linear(
            &mut b.qkv,
            normed,
            p(ParamKind::Qkv(l)),
            rows,
            c.dim,
            qkv_width,
            Write::Set,
        );
        ops.rope(&mut b.qkv, &self.cos, &self.sin, positions, shape, false);
        ops.attention(&mut b.attention, &mut b.lse, &b.qkv, &batch.segments, shape);
        // From here on a row looks at no other.
        let (attention, rows) = match read_later {
            None => {
                ops.copy(&mut b.mid, x, rows * c.dim);
                (&b.attention, rows)
            }
            Some(picked) => {
                ops.embedding(&mut b.mid, x, picked, c.dim);
                ops.embedding(&mut self.hidden, &b.attention, picked, shape.q_width());
                (&self.hidden, picked.len())
            }
        };
        let wo = p(ParamKind::Output(l));
        ops.linear(
            &mut b.mid,
            attention,
            wo,
            rows,
            shape.q_width(),
            c.dim,
            Write::Add,
        );

        ops.rmsnorm(
            normed,
            &b.mid,
            p(ParamKind::FfnNorm(l)),
            rows,
            c.dim,
            c.norm_eps,
        );
        let gate_up = p(ParamKind::GateUp(l));
        ops.linear(
            &mut b.gate_up,
            normed,
            gate_up,
            rows,
            c.dim,
            2 * c.hidden_dim,
            Write::Set,
        );
        ops.swiglu(&mut self.hidden, &b.gate_up, rows, c.hidden_dim);
        ops.copy(out, &b.mid, rows * c.dim);
        ops.linear(
            out,
            &self.hidden,
            p(ParamKind::Down(l)),
            rows,
            c.hidden_dim,
            c.dim,
            Write::Add,
        );
    }

    fn block_backward(
        &mut self,
        params: &Params<O::Buf>,
        grads: &mut Params<O::Buf>,
        batch: &Batch,
        positions: &[u32],
        l: usize,
        write: Write,
    ) {
        let read_later = self.read_later(batch, l);
        let c = &self.config;
        let shape = c.attention();
        let p = |kind| params.get(kind, c);
        let ops = &mut self.ops;
        let x = &self.residual[l];
        let kept = if self.options.recompute { 0 } else { l };
        let b = &mut self.blocks[kept];
        let (dx, dnormed, normed) = (&mut self.dx, &mut self.dnormed, &mut self.normed);

        // Feed-forward: `dx` is the gradient of the block's output and, through the residual, of `mid`.
        let rows = read_later.map_or(batch.rows(), <[_]>::len);
        let down = p(ParamKind::Down(l));
        ops.linear_backward_input(
            &mut self.dhidden,
            dx,
            down,
            rows,
            c.hidden_dim,
            c.dim,
            Write::Set,
        );
        ops.swiglu_backward(
            &mut self.dgate_up,
            &mut self.hidden,
            &self.dhidden,
            &b.gate_up,
            rows,
            c.hidden_dim,
        );
        let g = grads.get_mut(ParamKind::Down(l), c);
        ops.linear_backward_weight(g, dx, &self.hidden, rows, c.hidden_dim, c.dim, write);
        let ffn_gain = p(ParamKind::FfnNorm(l));
        ops.rmsnorm(normed, &b.mid, ffn_gain, rows, c.dim, c.norm_eps);
        let g = grads.get_mut(ParamKind::GateUp(l), c);
        ops.linear_backward_weight(
            g,
            &self.dgate_up,
            normed,
            rows,
            c.dim,
            2 * c.hidden_dim,
            write,
        );
        let gate_up = p(ParamKind::GateUp(l));
        let width = 2 * c.hidden_dim;
        ops.linear_backward_input(
            dnormed,
            &self.dgate_up,
            gate_up,
            rows,
            c.dim,
            width,
            Write::Set,
        );
        let g = grads.get_mut(ParamKind::FfnNorm(l), c);
        ops.rmsnorm_backward(dx, g, dnormed, &b.mid, ffn_gain, rows, c.dim, c.norm_eps);

        // Attention.
        let q_width = shape.q_width();
        let attention = match read_later {
            None => &b.attention,
            Some(picked) => {
                ops.embedding(&mut self.hidden, &b.attention, picked, q_width);
                &self.hidden
            }
        };
        let g = grads.get_mut(ParamKind::Output(l), c);
        ops.linear_backward_weight(g, dx, attention, rows, q_width, c.dim, write);
        let wo = p(ParamKind::Output(l));
        let dattention = match read_later {
            None => &mut self.dattention,
            Some(_) => &mut self.dhidden,
        };
        ops.linear_backward_input(dattention, dx, wo, rows, q_width, c.dim, Write::Set);
        let rows = batch.rows();
        if let Some(picked) = read_later {
            // Back to all rows; `normed` serves as the target, and is computed again below.
            ops.clear(&mut self.dattention, rows * q_width);
            ops.embedding_backward(&mut self.dattention, &self.dhidden, picked, q_width);
            ops.clear(normed, rows * c.dim);
            ops.embedding_backward(normed, dx, picked, c.dim);
            std::mem::swap(dx, normed);
        }
        ops.attention_backward(
            &mut self.dqkv,
            &self.dattention,
            &b.attention,
            &b.lse,
            &b.qkv,
            &batch.segments,
            shape,
        );
        ops.rope(&mut self.dqkv, &self.cos, &self.sin, positions, shape, true);
        let gain = p(ParamKind::AttentionNorm(l));
        ops.rmsnorm(normed, x, gain, rows, c.dim, c.norm_eps);
        let width = shape.qkv_width();
        let g = grads.get_mut(ParamKind::Qkv(l), c);
        ops.linear_backward_weight(g, &self.dqkv, normed, rows, c.dim, width, write);
        let qkv = p(ParamKind::Qkv(l));
        ops.linear_backward_input(dnormed, &self.dqkv, qkv, rows, c.dim, width, Write::Set);
        let g = grads.get_mut(ParamKind::AttentionNorm(l), c);
        ops.rmsnorm_backward(dx, g, dnormed, x, gain, rows, c.dim, c.norm_eps);
    }
}

/// Values a row that a scalar head needs.
fn scalar_width(config: &Config) -> usize {
    usize::from(config.head == HeadKind::Scalar)
}

/// Cosines and sines of the rotary angles, `[positions, head_dim / 2]` each, computed in f64.
pub(crate) fn rope_tables<O: Ops>(
    ops: &O,
    config: &Config,
    positions: usize,
) -> Result<(O::Buf, O::Buf)> {
    let half = config.head_dim / 2;
    let mut cos = vec![0.0f32; positions * half];
    let mut sin = vec![0.0f32; positions * half];
    for i in 0..half {
        let frequency = f64::from(config.rope_theta).powf(-2.0 * i as f64 / config.head_dim as f64);
        for p in 0..positions {
            let (s, c) = (p as f64 * frequency).sin_cos();
            cos[p * half + i] = c as f32;
            sin[p * half + i] = s as f32;
        }
    }
    let (mut cos_buf, mut sin_buf) = (ops.zeros(cos.len())?, ops.zeros(sin.len())?);
    ops.upload(&mut cos_buf, &cos);
    ops.upload(&mut sin_buf, &sin);
    Ok((cos_buf, sin_buf))
}
