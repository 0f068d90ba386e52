//! Decoding with a key-value cache: many sequences at once, weights in a decoding format.
//!
//! In [`WeightFormat::Training`] on the CPU the logits are, bit for bit, those of the training pass over
//! the same tokens, however the tokens were cut into calls and whichever sequences shared them.

use crate::config::Config;
use crate::params::{ParamKind, ParamSpec, Params};
use crate::worker::rope_tables;
use puna_compute::{CachedSegment, Ops, Result, WeightFormat, Write};

/// Tokens that continue the sequence in a slot.
#[derive(Clone, Copy, Debug)]
pub struct Feed<'a> {
    /// Which sequence.
    pub slot: usize,
    /// Its next tokens; at least one.
    pub tokens: &'a [u32],
}

/// Which rows of a call come back as logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogitRows {
    /// The last of each feed.
    Last,
    /// All.
    All,
}

struct PackedLayer<O: Ops> {
    attention_norm: O::Buf,
    qkv: O::Packed,
    output: O::Packed,
    ffn_norm: O::Buf,
    gate_up: O::Packed,
    down: O::Packed,
}

impl<O: Ops> PackedLayer<O> {
    fn new(
        ops: &O,
        c: &Config,
        params: &Params<O::Buf>,
        format: WeightFormat,
        l: usize,
    ) -> Result<Self> {
        Ok(Self {
            attention_norm: copy(ops, c, params, ParamKind::AttentionNorm(l))?,
            qkv: pack(ops, c, params, format, ParamKind::Qkv(l))?,
            output: pack(ops, c, params, format, ParamKind::Output(l))?,
            ffn_norm: copy(ops, c, params, ParamKind::FfnNorm(l))?,
            gate_up: pack(ops, c, params, format, ParamKind::GateUp(l))?,
            down: pack(ops, c, params, format, ParamKind::Down(l))?,
        })
    }
}

/// A matrix in the decoding format. A tied head is the embedding table, under the head's shape.
fn pack<O: Ops>(
    ops: &O,
    c: &Config,
    params: &Params<O::Buf>,
    format: WeightFormat,
    kind: ParamKind,
) -> Result<O::Packed> {
    let spec = ParamSpec::of(c, kind);
    ops.pack(params.get(kind, c), spec.n_out, spec.n_in, format)
}

fn copy<O: Ops>(ops: &O, c: &Config, params: &Params<O::Buf>, kind: ParamKind) -> Result<O::Buf> {
    let mut values = vec![0.0; ParamSpec::of(c, kind).len()];
    ops.download(&mut values, params.get(kind, c));
    let mut buf = ops.zeros(values.len())?;
    ops.upload(&mut buf, &values);
    Ok(buf)
}

/// A model ready to decode, with its cache.
pub struct Decoder<O: Ops> {
    ops: O,
    config: Config,
    format: WeightFormat,
    embedding: O::Buf,
    layers: Vec<PackedLayer<O>>,
    norm: O::Buf,
    head: O::Packed,
    cache: O::KvCache,
    /// What each slot holds.
    held: Vec<Vec<u32>>,
    capacity: usize,
    cos: O::Buf,
    sin: O::Buf,
    arena: Arena<O::Buf>,
    logits: Vec<f32>,
}

struct Arena<B> {
    rows: usize,
    x: B,
    normed: B,
    qkv: B,
    attention: B,
    gate_up: B,
    hidden: B,
    logits: B,
    logit_rows: usize,
}

impl<B> Arena<B> {
    fn new<O: Ops<Buf = B>>(ops: &O, c: &Config, rows: usize, logit_rows: usize) -> Result<Self> {
        let shape = c.attention();
        Ok(Self {
            rows,
            x: ops.zeros(rows * c.dim)?,
            normed: ops.zeros(rows * c.dim)?,
            qkv: ops.zeros(rows * shape.qkv_width())?,
            attention: ops.zeros(rows * shape.q_width())?,
            gate_up: ops.zeros(rows * 2 * c.hidden_dim)?,
            hidden: ops.zeros(rows * c.hidden_dim)?,
            logits: ops.zeros(logit_rows * c.head_outputs())?,
            logit_rows,
        })
    }
}

impl<O: Ops> Decoder<O> {
    /// Packs the weights and allocates a cache of `slots` sequences of up to `capacity` tokens.
    pub fn new(
        ops: O,
        config: &Config,
        params: &Params<O::Buf>,
        format: WeightFormat,
        slots: usize,
        capacity: usize,
    ) -> Result<Self> {
        let c = config.clone();
        let layers = (0..c.layers).map(|l| PackedLayer::new(&ops, &c, params, format, l));
        let layers = layers.collect::<Result<_>>()?;
        let norm = copy(&ops, &c, params, ParamKind::Norm)?;
        let embedding = copy(&ops, &c, params, ParamKind::Embedding)?;
        let head = pack(&ops, &c, params, format, ParamKind::Head)?;
        let (cos, sin) = rope_tables(&ops, &c, capacity)?;
        Ok(Self {
            embedding,
            layers,
            norm,
            head,
            cache: ops.kv_cache(c.attention(), c.layers, slots, capacity)?,
            held: vec![Vec::new(); slots],
            capacity,
            cos,
            sin,
            arena: Arena::new(&ops, &c, 1, 1)?,
            logits: Vec::new(),
            ops,
            config: c,
            format,
        })
    }

    /// Takes other values for the same shape, and forgets what the slots hold: the next rollouts of
    /// a policy that has been trained. Layer by layer, so that no second model is in memory.
    pub fn set_params(&mut self, params: &Params<O::Buf>) -> Result<()> {
        let (ops, c, format) = (&self.ops, &self.config, self.format);
        self.held.iter_mut().for_each(Vec::clear);
        for (l, layer) in self.layers.iter_mut().enumerate() {
            *layer = PackedLayer::new(ops, c, params, format, l)?;
        }
        self.norm = copy(ops, c, params, ParamKind::Norm)?;
        self.embedding = copy(ops, c, params, ParamKind::Embedding)?;
        self.head = pack(ops, c, params, format, ParamKind::Head)?;
        Ok(())
    }

    /// The model's shape.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Number of sequences the cache holds.
    pub fn slots(&self) -> usize {
        self.held.len()
    }

    /// Most tokens of a sequence.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Tokens a slot holds.
    pub fn len(&self, slot: usize) -> usize {
        self.held[slot].len()
    }

    /// The tokens a slot holds: a next sequence that begins alike need not be fed from the start.
    pub fn tokens(&self, slot: usize) -> &[u32] {
        &self.held[slot]
    }

    /// True when no slot holds a token.
    pub fn is_empty(&self) -> bool {
        self.held.iter().all(Vec::is_empty)
    }

    /// Forgets all but the first `len` tokens of a slot.
    pub fn truncate(&mut self, slot: usize, len: usize) {
        self.held[slot].truncate(len);
    }

    /// Makes `to` a copy of `from`: samples that share a prompt pay for it once.
    pub fn fork(&mut self, to: usize, from: usize) {
        if to != from {
            self.ops
                .kv_copy(&mut self.cache, to, from, self.held[from].len());
            self.held[to] = self.held[from].clone();
        }
    }

    /// Log-probability of a target under each row of logits that the last [`Decoder::feed`]
    /// returned: the arithmetic of [`crate::Worker::logprobs`], so with weights in
    /// [`WeightFormat::Training`] on the CPU its bits too.
    pub fn logprobs(&mut self, targets: &[u32]) -> Vec<f32> {
        let vocab = self.config.head_outputs();
        let rows = self.logits.len() / vocab;
        assert_eq!(targets.len(), rows, "a target for every row of logits");
        let mut logprobs = vec![0.0; rows];
        self.ops
            .logprobs(&mut logprobs, &self.arena.logits, targets, vocab);
        logprobs
    }

    /// Feeds tokens and returns the logits `[rows, vocab]` of the rows asked for, in order; with a
    /// scalar head, its value at each. A slot
    /// appears at most once in a call and may not outgrow the capacity.
    pub fn feed(&mut self, feeds: &[Feed<'_>], which: LogitRows) -> Result<&[f32]> {
        let c = self.config.clone();
        let shape = c.attention();
        let mut tokens = Vec::new();
        let mut positions = Vec::new();
        let mut segments = Vec::with_capacity(feeds.len());
        for (i, feed) in feeds.iter().enumerate() {
            let past = self.held[feed.slot].len();
            let earlier = feeds[..i].iter().any(|other| other.slot == feed.slot);
            assert!(!earlier, "slot {} twice in a call", feed.slot);
            assert!(
                !feed.tokens.is_empty(),
                "an empty feed for slot {}",
                feed.slot
            );
            assert!(
                past + feed.tokens.len() <= self.capacity,
                "slot {} outgrows its cache",
                feed.slot
            );
            let (start, len) = (tokens.len(), feed.tokens.len());
            segments.push(CachedSegment {
                start,
                len,
                slot: feed.slot,
                past,
            });
            tokens.extend_from_slice(feed.tokens);
            positions.extend(past as u32..(past + len) as u32);
        }
        let rows = tokens.len();
        let picked: Vec<usize> = match which {
            LogitRows::All => (0..rows).collect(),
            LogitRows::Last => segments.iter().map(|s| s.start + s.len - 1).collect(),
        };
        if rows > self.arena.rows || picked.len() > self.arena.logit_rows {
            let rows = rows.max(self.arena.rows);
            let logit_rows = picked.len().max(self.arena.logit_rows);
            self.arena = Arena::new(&self.ops, &c, rows, logit_rows)?;
        }
        let (ops, a) = (&mut self.ops, &mut self.arena);
        ops.embedding(&mut a.x, &self.embedding, &tokens, c.dim);
        for (l, w) in self.layers.iter().enumerate() {
            ops.rmsnorm(
                &mut a.normed,
                &a.x,
                &w.attention_norm,
                rows,
                c.dim,
                c.norm_eps,
            );
            ops.linear_packed(&mut a.qkv, &a.normed, &w.qkv, rows, Write::Set);
            ops.rope(&mut a.qkv, &self.cos, &self.sin, &positions, shape, false);
            ops.attention_cached(&mut a.attention, &a.qkv, &segments, &mut self.cache, l);
            ops.linear_packed(&mut a.x, &a.attention, &w.output, rows, Write::Add);
            ops.rmsnorm(&mut a.normed, &a.x, &w.ffn_norm, rows, c.dim, c.norm_eps);
            ops.linear_packed(&mut a.gate_up, &a.normed, &w.gate_up, rows, Write::Set);
            ops.swiglu(&mut a.hidden, &a.gate_up, rows, c.hidden_dim);
            ops.linear_packed(&mut a.x, &a.hidden, &w.down, rows, Write::Add);
        }
        ops.gather_rows(&mut a.normed, &a.x, &picked, c.dim);
        ops.copy(&mut a.x, &a.normed, picked.len() * c.dim);
        ops.rmsnorm(
            &mut a.normed,
            &a.x,
            &self.norm,
            picked.len(),
            c.dim,
            c.norm_eps,
        );
        ops.linear_packed(
            &mut a.logits,
            &a.normed,
            &self.head,
            picked.len(),
            Write::Set,
        );
        self.logits.resize(picked.len() * c.head_outputs(), 0.0);
        ops.download(&mut self.logits, &a.logits);
        for feed in feeds {
            self.held[feed.slot].extend_from_slice(feed.tokens);
        }
        Ok(&self.logits)
    }
}
