//! The contract of a device: the operations a Llama needs, forward and backward (paper section 2.2).
//!
//! Conventions, the same for every operation:
//! - a matrix is row-major; `rows` counts tokens; a weight is `[n_out, n_in]`, so `y = x wᵀ`;
//! - an output argument comes first; a gradient has the shape of what it is the gradient of;
//! - buffers may be longer than the shape asks (arenas are reused); what lies behind is untouched;
//! - gradients of weights are always added to (`+=`), gradients of activations as `write` says;
//! - shapes are the caller's duty: a mismatch is a bug in the caller and panics with both shapes.

/// What went wrong on a device.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The device has no room for a buffer.
    #[error(
        "no memory for a buffer of {bytes} bytes on {device}; use smaller micro-batches or a smaller model"
    )]
    OutOfMemory {
        /// Size of the refused buffer.
        bytes: usize,
        /// The device that refused.
        device: &'static str,
    },
}

/// Result of a device operation that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// A run of `f32` values on a device.
pub trait Buffer: Send + Sync {
    /// Number of values.
    fn len(&self) -> usize;
    /// True when there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Whether an operation replaces its output or adds to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// `out = value`
    Set,
    /// `out += value`
    Add,
}

/// Consecutive rows that form one document: attention never crosses its ends, and positions count
/// from its first row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// First row.
    pub start: usize,
    /// Number of rows.
    pub len: usize,
}

/// Rows that continue a sequence whose first `past` positions are already in a key-value cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachedSegment {
    /// First row.
    pub start: usize,
    /// Number of new rows.
    pub len: usize,
    /// Which sequence of the cache they continue.
    pub slot: usize,
    /// Positions already cached.
    pub past: usize,
}

/// Heads of an attention. A row of `qkv` holds `heads` queries, `kv_heads` keys, `kv_heads` values,
/// each `head_dim` wide; query head `h` reads key-value head `h / (heads / kv_heads)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionShape {
    /// Query heads.
    pub heads: usize,
    /// Key-value heads; divides `heads`.
    pub kv_heads: usize,
    /// Width of a head; even.
    pub head_dim: usize,
}

impl AttentionShape {
    /// Width of a `qkv` row.
    pub fn qkv_width(&self) -> usize {
        (self.heads + 2 * self.kv_heads) * self.head_dim
    }
    /// Width of the queries and of the output.
    pub fn q_width(&self) -> usize {
        self.heads * self.head_dim
    }
    /// Width of the keys (and of the values).
    pub fn kv_width(&self) -> usize {
        self.kv_heads * self.head_dim
    }
    /// Query heads that share a key-value head.
    pub fn group(&self) -> usize {
        self.heads / self.kv_heads
    }
}

/// One step of AdamW with decoupled weight decay (Loshchilov and Hutter 2019), as in the paper's
/// section 2.2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// Learning rate of this step.
    pub lr: f32,
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Added to the root of the second moment, after the bias correction.
    pub eps: f32,
    /// Decoupled decay: the parameter shrinks by `lr * weight_decay`.
    pub weight_decay: f32,
    /// Number of this step, from 1.
    pub step: u64,
    /// Multiplies the gradient first (clipping by the global norm).
    pub grad_scale: f32,
}

/// How a weight is stored for decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightFormat {
    /// 32-bit float, laid out and multiplied as [`Ops::linear`] does it: on the CPU its very bits come
    /// out. For answers whose log-probabilities must be those of training, and for many rows at a time.
    Training,
    /// 32-bit float, laid out to be read fast: for a few rows at a time. The bits of `Training`, except
    /// where training multiplies on a matrix unit.
    F32,
    /// bfloat16, 2 bytes a weight; a device with bf16 dot products rounds the activations as well.
    Bf16,
    /// Blocks of 32 signed bytes with one scale; the activations are rounded to such blocks too.
    Q8_0,
}

/// The operations of a worker's device. See the module's conventions.
pub trait Ops: Send {
    /// A buffer of this device.
    type Buf: Buffer;
    /// Keys and values of many sequences, all layers.
    type KvCache: Send;
    /// A weight laid out for decoding.
    type Packed: Send + Sync;

    /// Short name, for messages.
    fn device(&self) -> &'static str;
    /// A buffer of zeros.
    fn zeros(&self, len: usize) -> Result<Self::Buf>;
    /// Copies host values into the front of a buffer.
    fn upload(&self, to: &mut Self::Buf, from: &[f32]);
    /// Copies the front of a buffer to the host.
    fn download(&self, to: &mut [f32], from: &Self::Buf);
    /// Sets the first `len` values to zero.
    fn clear(&mut self, buf: &mut Self::Buf, len: usize);
    /// Copies the first `len` values.
    fn copy(&mut self, to: &mut Self::Buf, from: &Self::Buf, len: usize);
    /// `to += from` over the first `len` values.
    fn add(&mut self, to: &mut Self::Buf, from: &Self::Buf, len: usize);

    /// `out[r] = table[tokens[r]]`, rows of `dim`.
    fn embedding(&mut self, out: &mut Self::Buf, table: &Self::Buf, tokens: &[u32], dim: usize);
    /// `dtable[tokens[r]] += dout[r]`, rows in order.
    fn embedding_backward(
        &mut self,
        dtable: &mut Self::Buf,
        dout: &Self::Buf,
        tokens: &[u32],
        dim: usize,
    );

    /// `out = x / sqrt(mean(x²) + eps) * weight`, by rows of `dim`.
    fn rmsnorm(
        &mut self,
        out: &mut Self::Buf,
        x: &Self::Buf,
        weight: &Self::Buf,
        rows: usize,
        dim: usize,
        eps: f32,
    );
    /// Adds to `dx` and to `dweight`.
    #[allow(clippy::too_many_arguments)]
    fn rmsnorm_backward(
        &mut self,
        dx: &mut Self::Buf,
        dweight: &mut Self::Buf,
        dout: &Self::Buf,
        x: &Self::Buf,
        weight: &Self::Buf,
        rows: usize,
        dim: usize,
        eps: f32,
    );

    /// `out (=|+=) x wᵀ`: `x [rows, n_in]`, `w [n_out, n_in]`, `out [rows, n_out]`.
    #[allow(clippy::too_many_arguments)]
    fn linear(
        &mut self,
        out: &mut Self::Buf,
        x: &Self::Buf,
        w: &Self::Buf,
        rows: usize,
        n_in: usize,
        n_out: usize,
        write: Write,
    );
    /// `dx (=|+=) dout w`.
    #[allow(clippy::too_many_arguments)]
    fn linear_backward_input(
        &mut self,
        dx: &mut Self::Buf,
        dout: &Self::Buf,
        w: &Self::Buf,
        rows: usize,
        n_in: usize,
        n_out: usize,
        write: Write,
    );
    /// `dw (=|+=) doutᵀ x`.
    #[allow(clippy::too_many_arguments)]
    fn linear_backward_weight(
        &mut self,
        dw: &mut Self::Buf,
        dout: &Self::Buf,
        x: &Self::Buf,
        rows: usize,
        n_in: usize,
        n_out: usize,
        write: Write,
    );

    /// Rotates the queries and keys of `qkv` in place by their positions: element `i` of a head
    /// pairs with `i + head_dim / 2` (the layout of Hugging Face weights). `cos` and `sin` are
    /// `[positions, head_dim / 2]`. With `inverse` it rotates back, which is the backward.
    fn rope(
        &mut self,
        qkv: &mut Self::Buf,
        cos: &Self::Buf,
        sin: &Self::Buf,
        positions: &[u32],
        shape: AttentionShape,
        inverse: bool,
    );

    /// Causal softmax attention within each segment, scores over `sqrt(head_dim)`. `out` is
    /// `[rows, heads * head_dim]`; `lse` `[rows, heads]` keeps the log of the sum of exponentials.
    fn attention(
        &mut self,
        out: &mut Self::Buf,
        lse: &mut Self::Buf,
        qkv: &Self::Buf,
        segments: &[Segment],
        shape: AttentionShape,
    );
    /// Sets `dqkv` from `dout`, given what the forward left.
    #[allow(clippy::too_many_arguments)]
    fn attention_backward(
        &mut self,
        dqkv: &mut Self::Buf,
        dout: &Self::Buf,
        out: &Self::Buf,
        lse: &Self::Buf,
        qkv: &Self::Buf,
        segments: &[Segment],
        shape: AttentionShape,
    );

    /// `out = silu(gate) * up`, where a row of `gate_up` holds `hidden` gates, then `hidden` ups.
    fn swiglu(&mut self, out: &mut Self::Buf, gate_up: &Self::Buf, rows: usize, hidden: usize);
    /// Sets `dgate_up` from `dout`, and `out` as the forward does: a backward that did not keep the
    /// product needs both, and they share the exponential.
    fn swiglu_backward(
        &mut self,
        dgate_up: &mut Self::Buf,
        out: &mut Self::Buf,
        dout: &Self::Buf,
        gate_up: &Self::Buf,
        rows: usize,
        hidden: usize,
    );

    /// Log-probability of each row's target under `softmax(x headᵀ)`, without ever holding the
    /// logits of the whole batch. `head` is `[vocab, dim]`.
    #[allow(clippy::too_many_arguments)]
    fn head_logprobs(
        &mut self,
        logprobs: &mut [f32],
        x: &Self::Buf,
        head: &Self::Buf,
        targets: &[u32],
        dim: usize,
        vocab: usize,
    );
    /// Log-probability of each row's target under `softmax(logits)`, where the logits `[rows, vocab]`
    /// exist already, as when decoding; for those that [`Ops::linear`] gives, on the CPU the bits of
    /// [`Ops::head_logprobs`] come out.
    fn logprobs(&mut self, logprobs: &mut [f32], logits: &Self::Buf, targets: &[u32], vocab: usize);
    /// [`Ops::head_logprobs`] and its backward in one pass: for a loss `L` with `coefficients[r] = dL/dlogprob[r]`
    /// sets `dx` and writes `dhead`. Cross-entropy over `n` tokens is the coefficient `-1/n`.
    #[allow(clippy::too_many_arguments)]
    fn head_logprobs_backward(
        &mut self,
        dx: &mut Self::Buf,
        dhead: &mut Self::Buf,
        logprobs: &mut [f32],
        x: &Self::Buf,
        head: &Self::Buf,
        targets: &[u32],
        coefficients: &[f32],
        dim: usize,
        vocab: usize,
        write: Write,
    );

    /// Sum of squares of the first `len` values, in a fixed order.
    fn sum_squares(&mut self, x: &Self::Buf, len: usize) -> f64;
    /// One AdamW step on the first `len` values.
    fn adamw(
        &mut self,
        param: &mut Self::Buf,
        m: &mut Self::Buf,
        v: &mut Self::Buf,
        grad: &Self::Buf,
        len: usize,
        step: AdamW,
    );

    /// `out[i] = x[rows[i]]`, rows of `dim`.
    fn gather_rows(&mut self, out: &mut Self::Buf, x: &Self::Buf, rows: &[usize], dim: usize);

    /// An empty cache: `slots` sequences of up to `capacity` positions, `layers` deep.
    fn kv_cache(
        &self,
        shape: AttentionShape,
        layers: usize,
        slots: usize,
        capacity: usize,
    ) -> Result<Self::KvCache>;
    /// Copies the first `len` positions of one sequence over another, all layers.
    fn kv_copy(&mut self, cache: &mut Self::KvCache, to: usize, from: usize, len: usize);
    /// Appends the rows' keys and values to the cache of `layer`, then attends as [`Ops::attention`]
    /// does over past and new positions; on the CPU the same bits come out.
    fn attention_cached(
        &mut self,
        out: &mut Self::Buf,
        qkv: &Self::Buf,
        segments: &[CachedSegment],
        cache: &mut Self::KvCache,
        layer: usize,
    );

    /// Lays a weight `[n_out, n_in]` out for decoding. `Q8_0` needs `n_in` to be a multiple of 32.
    fn pack(
        &self,
        w: &Self::Buf,
        n_out: usize,
        n_in: usize,
        format: WeightFormat,
    ) -> Result<Self::Packed>;
    /// [`Ops::linear`] with a packed weight; in `Training` on the CPU the same bits come out.
    fn linear_packed(
        &mut self,
        out: &mut Self::Buf,
        x: &Self::Buf,
        w: &Self::Packed,
        rows: usize,
        write: Write,
    );
}
