//! Cases of rotation and attention.

use super::{Case, Outputs};
use crate::rand::Rng;
use crate::support::{HostOps, accumulator, input, output, taken};
use puna_compute::{AttentionShape, CachedSegment, Ops, Reference, Segment};

const SEGMENT_LENGTHS: [usize; 12] = [1, 2, 23, 24, 25, 48, 64, 95, 96, 97, 130, 257];
const HEAD_DIMS: [usize; 7] = [2, 6, 8, 16, 48, 64, 128];

/// Segments one behind the other.
pub fn segments(lengths: &[usize]) -> Vec<Segment> {
    let mut start = 0;
    let mut next = |len| {
        start += len;
        Segment {
            start: start - len,
            len,
        }
    };
    lengths.iter().map(|&len| next(len)).collect()
}

/// Multi-head, grouped-query and multi-query attention in turn.
fn shapes() -> impl Iterator<Item = AttentionShape> {
    let heads = [(2, 2), (4, 2), (3, 1), (6, 3)];
    HEAD_DIMS.iter().enumerate().map(move |(i, &head_dim)| {
        let (heads, kv_heads) = heads[i % heads.len()];
        AttentionShape {
            heads,
            kv_heads,
            head_dim,
        }
    })
}

#[derive(Debug)]
pub struct Rope {
    rows: usize,
    shape: AttentionShape,
}

impl Case for Rope {
    fn all() -> Vec<Self> {
        shapes()
            .flat_map(|shape| [1, 2, 37, 300].map(|rows| Self { rows, shape }))
            .collect()
    }

    fn run<O: HostOps>(&self, ops: &mut O) -> Outputs {
        let &Self { rows, shape } = self;
        let mut rng = Rng::new(5);
        let positions = rng.tokens(rows, 100);
        let angles = rng.normal(100 * shape.head_dim / 2, 2.0);
        let cos = input(&angles.iter().map(|a| a.cos()).collect::<Vec<_>>());
        let sin = input(&angles.iter().map(|a| a.sin()).collect::<Vec<_>>());
        let qkv = rng.normal(rows * shape.qkv_width(), 1.0);
        let mut rotated = accumulator(&qkv);
        let mut back = accumulator(&qkv);
        ops.rope(&mut rotated, &cos, &sin, &positions, shape, false);
        ops.rope(&mut back, &cos, &sin, &positions, shape, true);
        vec![("rotated", taken(&rotated)), ("rotated back", taken(&back))]
    }
}

#[derive(Debug)]
pub struct Attention {
    lengths: Vec<usize>,
    shape: AttentionShape,
}

impl Case for Attention {
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for shape in shapes() {
            all.push(Self {
                lengths: vec![1],
                shape,
            });
            all.push(Self {
                lengths: vec![5, 1, 1, 9],
                shape,
            });
            all.push(Self {
                lengths: SEGMENT_LENGTHS.to_vec(),
                shape,
            });
        }
        all
    }

    /// Both sides get the same `out` and `lse` for the backward: those of the reference.
    fn run<O: HostOps>(&self, ops: &mut O) -> Outputs {
        let Self { lengths, shape } = self;
        let rows: usize = lengths.iter().sum();
        let segments = segments(lengths);
        let mut rng = Rng::new(6);
        let qkv = input(&rng.normal(rows * shape.qkv_width(), 1.0));
        let dout = input(&rng.normal(rows * shape.q_width(), 1.0));
        let mut out = output(rows * shape.q_width());
        let mut lse = output(rows * shape.heads);
        let mut dqkv = output(rows * shape.qkv_width());
        ops.attention(&mut out, &mut lse, &qkv, &segments, *shape);
        let results = [("out", taken(&out)), ("lse", taken(&lse))];
        Reference.attention(&mut out, &mut lse, &qkv, &segments, *shape);
        ops.attention_backward(&mut dqkv, &dout, &out, &lse, &qkv, &segments, *shape);
        results
            .into_iter()
            .chain([("dqkv", taken(&dqkv))])
            .collect()
    }
}

/// Two layers and three slots: prompts, then tokens, then a copied sequence that goes its own way.
#[derive(Debug)]
pub struct CachedAttention {
    shape: AttentionShape,
}

/// Calls of one case: for each segment `(len, slot, past)`.
const CALLS: [&[(usize, usize, usize)]; 5] = [
    &[(65, 2, 0), (1, 0, 0)],
    &[(1, 0, 1), (1, 2, 65)],
    &[(1, 2, 66), (70, 1, 0), (3, 0, 2)],
    &[(2, 1, 70)],
    // Slot 0 goes back to its third position.
    &[(1, 1, 72), (4, 0, 2), (1, 2, 67)],
];

impl Case for CachedAttention {
    fn all() -> Vec<Self> {
        shapes().map(|shape| Self { shape }).collect()
    }

    fn run<O: HostOps>(&self, ops: &mut O) -> Outputs {
        let &Self { shape } = self;
        let mut rng = Rng::new(7);
        let mut cache = ops.kv_cache(shape, 2, 4, 80).unwrap();
        let mut results = Vec::new();
        let mut call = |ops: &mut O, cache: &mut O::KvCache, parts: &[(usize, usize, usize)]| {
            let lengths: Vec<usize> = parts.iter().map(|part| part.0).collect();
            let segments: Vec<CachedSegment> = segments(&lengths)
                .iter()
                .zip(parts)
                .map(|(s, &(len, slot, past))| CachedSegment {
                    start: s.start,
                    len,
                    slot,
                    past,
                })
                .collect();
            let rows: usize = lengths.iter().sum();
            for layer in 0..2 {
                let qkv = input(&rng.normal(rows * shape.qkv_width(), 1.0));
                let mut out = output(rows * shape.q_width());
                ops.attention_cached(&mut out, &qkv, &segments, cache, layer);
                results.extend(taken(&out));
            }
        };
        for parts in CALLS {
            call(ops, &mut cache, parts);
        }
        ops.kv_copy(&mut cache, 3, 2, 30);
        ops.kv_copy(&mut cache, 0, 2, 66);
        call(ops, &mut cache, &[(2, 3, 30), (1, 0, 66), (1, 2, 68)]);
        vec![("out", results)]
    }
}
