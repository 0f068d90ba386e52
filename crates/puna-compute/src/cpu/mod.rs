//! The fast implementation for processors: packed micro-kernels, flash-style attention, fused head.

pub(crate) mod adamw;
mod attention;
mod attention_backward;
mod gemm;
mod head;
mod isa;
mod kv_cache;
mod matrix;
mod norm;
mod packed;
mod panels;
mod peak;
mod rope;
mod scratch;
mod simd;
mod swiglu;
mod team;
mod tile;
mod view;

pub use isa::{ISA_VARIABLE, Isa, IsaError};
pub use kv_cache::CpuKvCache;
pub use packed::CpuPacked;
pub use peak::{peak_gflops, read_bandwidth};
pub use team::Team;

use crate::buffer::HostBuf;
use crate::ops::{AdamW, AttentionShape, CachedSegment, Ops, Result, Segment, WeightFormat, Write};
use gemm::{Shared, gemm};
use panels::Cut;
use scratch::Scratch;
use view::View;

/// A core, or a team of cores, with an instruction set.
pub struct Cpu {
    isa: Isa,
    team: Team,
    scratch: Scratch,
}

impl Cpu {
    /// A team of `threads` with the best instruction set of this machine, or the one that
    /// [`ISA_VARIABLE`] names: see [`Isa::best`].
    pub fn new(threads: usize) -> Self {
        Self::with_isa(threads, Isa::best())
    }

    /// A team of `threads` with a given instruction set.
    ///
    /// # Panics
    /// If this machine does not have it.
    pub fn with_isa(threads: usize, isa: Isa) -> Self {
        assert!(
            Isa::available().contains(&isa),
            "this machine has no {isa:?}"
        );
        let team = Team::new(threads);
        let scratch = Scratch::new(team.size());
        Self { isa, team, scratch }
    }

    /// The instruction set in use.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Values of `f32` in whose room [`Cpu::new`]'s products hold a packed weight `[n_out, n_in]`.
    pub fn packed_values(n_out: usize, n_in: usize) -> usize {
        Cut::fastest(Isa::best(), n_in, n_out).len()
    }

    /// Most values of `f32` that one of its products works in besides.
    pub fn product_values() -> usize {
        gemm::product_values(Isa::best())
    }

    /// Most values of `f32` that attention works in, over segments of so many rows.
    pub fn attention_values(rows: usize, head_dim: usize) -> usize {
        attention_backward::values(Isa::best(), rows, head_dim)
    }

    /// Number of threads.
    pub fn threads(&self) -> usize {
        self.team.size()
    }

    /// The team, for work that is no operation.
    pub fn team(&mut self) -> &mut Team {
        &mut self.team
    }
}

/// Panics with both numbers if a buffer is shorter than a shape asks.
#[track_caller]
fn need(what: &str, buf: &[f32], len: usize) {
    assert!(
        buf.len() >= len,
        "{what} holds {} values and the shape asks for {len}",
        buf.len()
    );
}

/// Elementwise work below this many values is not worth waking a team for.
const GRAIN: usize = 16 * 1024;

impl Ops for Cpu {
    type Buf = HostBuf;
    type KvCache = CpuKvCache;
    type Packed = CpuPacked;

    fn device(&self) -> &'static str {
        "cpu"
    }

    fn zeros(&self, len: usize) -> Result<HostBuf> {
        HostBuf::zeros(len)
    }

    fn upload(&self, to: &mut HostBuf, from: &[f32]) {
        to[..from.len()].copy_from_slice(from);
    }

    fn download(&self, to: &mut [f32], from: &HostBuf) {
        to.copy_from_slice(&from[..to.len()]);
    }

    fn clear(&mut self, buf: &mut HostBuf, len: usize) {
        buf[..len].fill(0.0);
    }

    fn copy(&mut self, to: &mut HostBuf, from: &HostBuf, len: usize) {
        to[..len].copy_from_slice(&from[..len]);
    }

    fn add(&mut self, to: &mut HostBuf, from: &HostBuf, len: usize) {
        need("to", to, len);
        need("from", from, len);
        let (isa, out, from) = (self.isa, Shared(to.as_mut_ptr()), &from[..len]);
        self.team.split(len, GRAIN, &|r| {
            adamw::add(
                isa,
                out.get().wrapping_add(r.start),
                from[r.clone()].as_ptr(),
                r.len(),
            );
        });
    }

    fn embedding(&mut self, out: &mut HostBuf, table: &HostBuf, tokens: &[u32], dim: usize) {
        for (out, &token) in out.chunks_exact_mut(dim).zip(tokens) {
            out.copy_from_slice(&table[token as usize * dim..][..dim]);
        }
    }

    fn embedding_backward(
        &mut self,
        dtable: &mut HostBuf,
        dout: &HostBuf,
        tokens: &[u32],
        dim: usize,
    ) {
        for (dout, &token) in dout.chunks_exact(dim).zip(tokens) {
            let row = &mut dtable[token as usize * dim..][..dim];
            adamw::add(self.isa, row.as_mut_ptr(), dout.as_ptr(), dim);
        }
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
        need("out", out, rows * dim);
        need("x", x, rows * dim);
        need("weight", weight, dim);
        let (isa, out) = (self.isa, Shared(out.as_mut_ptr()));
        self.team.split(rows, (GRAIN / dim).max(1), &|r| {
            let at = r.start * dim;
            norm::rmsnorm(
                isa,
                out.get().wrapping_add(at),
                x[at..].as_ptr(),
                weight.as_ptr(),
                r.len(),
                dim,
                eps,
            );
        });
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
        need("dx", dx, rows * dim);
        need("dout", dout, rows * dim);
        need("x", x, rows * dim);
        need("dweight", dweight, dim);
        need("weight", weight, dim);
        norm::rmsnorm_backward(
            self.isa,
            dx.as_mut_ptr(),
            dweight.as_mut_ptr(),
            dout.as_ptr(),
            x.as_ptr(),
            weight.as_ptr(),
            rows,
            dim,
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
        need("out", out, rows * n_out);
        need("x", x, rows * n_in);
        need("w", w, n_out * n_in);
        let a = View {
            ptr: x.as_ptr(),
            row: n_in,
            col: 1,
        };
        let b = View {
            ptr: w.as_ptr(),
            row: 1,
            col: n_in,
        };
        gemm(
            self,
            (rows, n_out, n_in),
            a,
            b,
            out.as_mut_ptr(),
            n_out,
            write == Write::Add,
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
        need("dx", dx, rows * n_in);
        need("dout", dout, rows * n_out);
        need("w", w, n_out * n_in);
        let a = View {
            ptr: dout.as_ptr(),
            row: n_out,
            col: 1,
        };
        let b = View {
            ptr: w.as_ptr(),
            row: n_in,
            col: 1,
        };
        gemm(
            self,
            (rows, n_in, n_out),
            a,
            b,
            dx.as_mut_ptr(),
            n_in,
            write == Write::Add,
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
        need("dw", dw, n_out * n_in);
        need("dout", dout, rows * n_out);
        need("x", x, rows * n_in);
        let a = View {
            ptr: dout.as_ptr(),
            row: 1,
            col: n_out,
        };
        let b = View {
            ptr: x.as_ptr(),
            row: n_in,
            col: 1,
        };
        gemm(
            self,
            (n_out, n_in, rows),
            a,
            b,
            dw.as_mut_ptr(),
            n_in,
            write == Write::Add,
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
        need("qkv", qkv, positions.len() * shape.qkv_width());
        let last = positions
            .iter()
            .copied()
            .max()
            .map_or(0, |p| p as usize + 1);
        need("cos", cos, last * shape.head_dim / 2);
        need("sin", sin, last * shape.head_dim / 2);
        rope::rope(
            self.isa,
            qkv.as_mut_ptr(),
            cos.as_ptr(),
            sin.as_ptr(),
            positions,
            shape,
            inverse,
        );
    }

    fn attention(
        &mut self,
        out: &mut HostBuf,
        lse: &mut HostBuf,
        qkv: &HostBuf,
        segments: &[Segment],
        shape: AttentionShape,
    ) {
        let rows = segments.iter().map(|s| s.start + s.len).max().unwrap_or(0);
        need("out", out, rows * shape.q_width());
        need("lse", lse, rows * shape.heads);
        need("qkv", qkv, rows * shape.qkv_width());
        attention::forward(self, out, lse, qkv, segments, shape);
    }

    fn attention_backward(
        &mut self,
        dqkv: &mut HostBuf,
        dout: &HostBuf,
        out: &HostBuf,
        lse: &HostBuf,
        qkv: &HostBuf,
        segments: &[Segment],
        shape: AttentionShape,
    ) {
        let rows = segments.iter().map(|s| s.start + s.len).max().unwrap_or(0);
        need("dqkv", dqkv, rows * shape.qkv_width());
        need("dout", dout, rows * shape.q_width());
        need("out", out, rows * shape.q_width());
        need("lse", lse, rows * shape.heads);
        need("qkv", qkv, rows * shape.qkv_width());
        attention_backward::backward(self, dqkv, dout, out, lse, qkv, segments, shape);
    }

    fn swiglu(&mut self, out: &mut HostBuf, gate_up: &HostBuf, rows: usize, hidden: usize) {
        need("out", out, rows * hidden);
        need("gate_up", gate_up, rows * 2 * hidden);
        let (isa, out) = (self.isa, Shared(out.as_mut_ptr()));
        self.team.split(rows, (GRAIN / hidden).max(1), &|r| {
            let to = out.get().wrapping_add(r.start * hidden);
            swiglu::swiglu(
                isa,
                to,
                gate_up[r.start * 2 * hidden..].as_ptr(),
                r.len(),
                hidden,
            );
        });
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
        need("dgate_up", dgate_up, rows * 2 * hidden);
        need("out", out, rows * hidden);
        need("dout", dout, rows * hidden);
        need("gate_up", gate_up, rows * 2 * hidden);
        let (isa, dgate_up) = (self.isa, Shared(dgate_up.as_mut_ptr()));
        let out = Shared(out.as_mut_ptr());
        self.team.split(rows, (GRAIN / hidden).max(1), &|r| {
            let at = r.start * 2 * hidden;
            swiglu::swiglu_backward(
                isa,
                dgate_up.get().wrapping_add(at),
                out.get().wrapping_add(r.start * hidden),
                dout[r.start * hidden..].as_ptr(),
                gate_up[at..].as_ptr(),
                r.len(),
                hidden,
            );
        });
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
        need("x", x, targets.len() * dim);
        need("head", head, vocab * dim);
        head::logprobs(self, logprobs, x, head, targets, dim, vocab, None);
    }

    fn logprobs(&mut self, logprobs: &mut [f32], logits: &HostBuf, targets: &[u32], vocab: usize) {
        need("logits", logits, targets.len() * vocab);
        head::logprobs_of_logits(self, logprobs, logits, targets, vocab);
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
        need("x", x, targets.len() * dim);
        need("dx", dx, targets.len() * dim);
        need("head", head, vocab * dim);
        need("dhead", dhead, vocab * dim);
        let backward = head::Backward {
            dx,
            dhead,
            coefficients,
            write,
        };
        head::logprobs(self, logprobs, x, head, targets, dim, vocab, Some(backward));
    }

    fn sum_squares(&mut self, x: &HostBuf, len: usize) -> f64 {
        // Chunks of a fixed size, each summed alone, then in order: the same for any team.
        const CHUNK: usize = 4096;
        let (isa, chunks) = (self.isa, len.div_ceil(CHUNK));
        let mut sums = vec![0.0f32; chunks];
        let to = Shared(sums.as_mut_ptr());
        self.team.split(chunks, 16, &|r| {
            for chunk in r {
                let from = &x[chunk * CHUNK..len.min((chunk + 1) * CHUNK)];
                // SAFETY: each chunk belongs to one member.
                unsafe { *to.get().add(chunk) = adamw::sum_squares(isa, from) };
            }
        });
        // A square can be too large for an f32 where the value is not.
        let wide = |chunk: &[f32]| chunk.iter().map(|&v| f64::from(v).powi(2)).sum();
        sums.iter()
            .zip(x[..len].chunks(CHUNK))
            .map(|(&sum, chunk)| {
                if sum.is_finite() {
                    f64::from(sum)
                } else {
                    wide(chunk)
                }
            })
            .sum()
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
        for (name, buf) in [
            ("param", &**param),
            ("m", &**m),
            ("v", &**v),
            ("grad", &**grad),
        ] {
            need(name, buf, len);
        }
        let isa = self.isa;
        let (p, m, v) = (
            Shared(param.as_mut_ptr()),
            Shared(m.as_mut_ptr()),
            Shared(v.as_mut_ptr()),
        );
        self.team.split(len, GRAIN, &|r| {
            let at = |s: Shared| s.get().wrapping_add(r.start);
            adamw::adamw(
                isa,
                at(p),
                at(m),
                at(v),
                grad[r.clone()].as_ptr(),
                r.len(),
                step,
            );
        });
    }

    fn gather_rows(&mut self, out: &mut HostBuf, x: &HostBuf, rows: &[usize], dim: usize) {
        for (out, &row) in out.chunks_exact_mut(dim).zip(rows) {
            out.copy_from_slice(&x[row * dim..][..dim]);
        }
    }

    fn kv_cache(
        &self,
        shape: AttentionShape,
        layers: usize,
        slots: usize,
        capacity: usize,
    ) -> Result<CpuKvCache> {
        CpuKvCache::new(self.isa, shape, layers, slots, capacity)
    }

    fn kv_copy(&mut self, cache: &mut CpuKvCache, to: usize, from: usize, len: usize) {
        cache.copy(to, from, len);
    }

    fn attention_cached(
        &mut self,
        out: &mut HostBuf,
        qkv: &HostBuf,
        segments: &[CachedSegment],
        cache: &mut CpuKvCache,
        layer: usize,
    ) {
        let rows = segments.iter().map(|s| s.start + s.len).max().unwrap_or(0);
        need("out", out, rows * cache.shape.q_width());
        need("qkv", qkv, rows * cache.shape.qkv_width());
        attention::cached(self, out, qkv, segments, cache, layer);
    }

    fn pack(
        &self,
        w: &HostBuf,
        n_out: usize,
        n_in: usize,
        format: WeightFormat,
    ) -> Result<CpuPacked> {
        need("w", w, n_out * n_in);
        CpuPacked::new(self.isa, w, n_out, n_in, format)
    }

    fn linear_packed(
        &mut self,
        out: &mut HostBuf,
        x: &HostBuf,
        w: &CpuPacked,
        rows: usize,
        write: Write,
    ) {
        need("out", out, rows * w.n_out());
        need("x", x, rows * w.n_in());
        packed::linear(self, out, x, w, rows, write);
    }
}
