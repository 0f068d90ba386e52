//! Bitwise promises of attention: a sequence's result does not depend on the others in the call, nor
//! on whether it was fed whole, in chunks or token by token.

use crate::cases::segments;
use crate::rand::Rng;
use crate::support::{HostOps, Variant, assert_same_bits, input, output, taken};
use puna_compute::{AttentionShape, CachedSegment, Segment};

const SHAPES: [AttentionShape; 5] = [
    AttentionShape {
        heads: 2,
        kv_heads: 2,
        head_dim: 2,
    },
    AttentionShape {
        heads: 4,
        kv_heads: 2,
        head_dim: 8,
    },
    AttentionShape {
        heads: 3,
        kv_heads: 1,
        head_dim: 16,
    },
    AttentionShape {
        heads: 6,
        kv_heads: 6,
        head_dim: 48,
    },
    AttentionShape {
        heads: 4,
        kv_heads: 2,
        head_dim: 64,
    },
];

const LENGTHS: [usize; 7] = [1, 2, 63, 64, 65, 130, 257];

/// `out`, `lse` and `dqkv` of attention over some segments.
fn attention<O: HostOps>(
    ops: &mut O,
    qkv: &[f32],
    dout: &[f32],
    segments: &[Segment],
    shape: AttentionShape,
) -> [Vec<f32>; 3] {
    let rows = qkv.len() / shape.qkv_width();
    let qkv = input(qkv);
    let mut out = output(rows * shape.q_width());
    let mut lse = output(rows * shape.heads);
    let mut dqkv = output(rows * shape.qkv_width());
    ops.attention(&mut out, &mut lse, &qkv, segments, shape);
    ops.attention_backward(&mut dqkv, &input(dout), &out, &lse, &qkv, segments, shape);
    [taken(&out), taken(&lse), taken(&dqkv)]
}

/// Each segment by itself, and all together.
pub fn segments_are_independent<O: HostOps>(variant: &Variant<O>) {
    let mut ops = (variant.make)(2);
    for shape in SHAPES {
        let mut rng = Rng::new(1);
        let rows: usize = LENGTHS.iter().sum();
        let qkv = rng.normal(rows * shape.qkv_width(), 1.0);
        let dout = rng.normal(rows * shape.q_width(), 1.0);
        let all = segments(&LENGTHS);
        let together = attention(&mut ops, &qkv, &dout, &all, shape);
        for Segment { start, len } in all {
            let part = |x: &[f32]| {
                let width = x.len() / rows;
                x[start * width..][..len * width].to_vec()
            };
            let own = [Segment { start: 0, len }];
            let alone = attention(&mut ops, &part(&qkv), &part(&dout), &own, shape);
            for (name, i) in [("out", 0), ("lse", 1), ("dqkv", 2)] {
                let context = format!("{}: {shape:?}, length {len}: {name}", variant.name);
                assert_same_bits(&context, &alone[i], &part(&together[i]));
            }
        }
    }
}

/// A sequence fed to a cache in chunks gives the bits of attention over the whole.
pub fn chunks_are_the_whole<O: HostOps>(variant: &Variant<O>) {
    const LEN: usize = 150;
    let chunkings: [&[usize]; 6] = [
        &[1; LEN],
        &[LEN],
        &[149, 1],
        &[1, 149],
        &[7, 64, 63, 1, 15],
        &[65, 65, 2, 18],
    ];
    let mut ops = (variant.make)(2);
    for shape in SHAPES {
        let mut rng = Rng::new(2);
        let qkv = rng.normal(LEN * shape.qkv_width(), 1.0);
        let mut whole = output(LEN * shape.q_width());
        let mut lse = output(LEN * shape.heads);
        let segment = [Segment { start: 0, len: LEN }];
        ops.attention(&mut whole, &mut lse, &input(&qkv), &segment, shape);
        let mut cache = ops.kv_cache(shape, 1, chunkings.len(), LEN).unwrap();
        for (slot, chunks) in chunkings.into_iter().enumerate() {
            let mut fed = Vec::new();
            for Segment { start: past, len } in segments(chunks) {
                let rows = input(&qkv[past * shape.qkv_width()..][..len * shape.qkv_width()]);
                let segment = [CachedSegment {
                    start: 0,
                    len,
                    slot,
                    past,
                }];
                let mut out = output(len * shape.q_width());
                ops.attention_cached(&mut out, &rows, &segment, &mut cache, 0);
                fed.extend(taken(&out));
            }
            let context = format!("{}: {shape:?}, {} chunks", variant.name, chunks.len());
            assert_same_bits(&context, &fed, &taken(&whole));
        }
    }
}

/// Sequences of several lengths decode together as they do alone.
pub fn slots_are_independent<O: HostOps>(variant: &Variant<O>) {
    // Length of the prompt, then of the step that is compared.
    const SEQUENCES: [(usize, usize); 5] = [(70, 1), (1, 3), (64, 1), (0, 5), (33, 66)];
    let mut ops = (variant.make)(2);
    for shape in SHAPES {
        let width = shape.qkv_width();
        let mut rng = Rng::new(3);
        let data = SEQUENCES.map(|(prompt, step)| {
            (
                rng.normal(prompt * width, 1.0),
                rng.normal(step * width, 1.0),
            )
        });
        let mut cache = ops.kv_cache(shape, 2, SEQUENCES.len(), 100).unwrap();
        let mut alone = Vec::new();
        let mut run = |ops: &mut O, rows: &[f32], segments: &[CachedSegment]| {
            let mut out = output(rows.len() / width * shape.q_width());
            ops.attention_cached(&mut out, &input(rows), segments, &mut cache, 1);
            taken(&out)
        };
        for (slot, (prompt, step)) in data.iter().enumerate() {
            let [past, len] = [prompt, step].map(|rows| rows.len() / width);
            if past > 0 {
                run(
                    &mut ops,
                    prompt,
                    &[CachedSegment {
                        start: 0,
                        len: past,
                        slot,
                        past: 0,
                    }],
                );
            }
            alone.extend(run(
                &mut ops,
                step,
                &[CachedSegment {
                    start: 0,
                    len,
                    slot,
                    past,
                }],
            ));
        }
        let steps: Vec<f32> = data.iter().flat_map(|(_, step)| step).copied().collect();
        let together: Vec<CachedSegment> = segments(&SEQUENCES.map(|(_, step)| step))
            .iter()
            .enumerate()
            .map(|(slot, &Segment { start, len })| CachedSegment {
                start,
                len,
                slot,
                past: SEQUENCES[slot].0,
            })
            .collect();
        let context = format!("{}: {shape:?}", variant.name);
        assert_same_bits(&context, &run(&mut ops, &steps, &together), &alone);
    }
}

/// A copied sequence continues as its original, and leaves it alone.
pub fn copies_continue<O: HostOps>(variant: &Variant<O>) {
    const PAST: usize = 40;
    let mut ops = (variant.make)(2);
    for shape in SHAPES {
        let width = shape.qkv_width();
        let mut rng = Rng::new(4);
        let prompt = input(&rng.normal(PAST * width, 1.0));
        let other = input(&rng.normal(width, 1.0));
        let next = input(&rng.normal(width, 1.0));
        let mut cache = ops.kv_cache(shape, 2, 3, 64).unwrap();
        let step = |ops: &mut O, cache: &mut O::KvCache, rows, len, slot, past, layer| {
            let mut out = output(len * shape.q_width());
            let segment = [CachedSegment {
                start: 0,
                len,
                slot,
                past,
            }];
            ops.attention_cached(&mut out, rows, &segment, cache, layer);
            taken(&out)
        };
        for layer in 0..2 {
            step(&mut ops, &mut cache, &prompt, PAST, 2, 0, layer);
        }
        ops.kv_copy(&mut cache, 0, 2, PAST);
        for layer in 0..2 {
            // The copy goes its own way first: the original must not see it.
            step(&mut ops, &mut cache, &other, 1, 0, PAST, layer);
            let original = step(&mut ops, &mut cache, &next, 1, 2, PAST, layer);
            let copy = step(&mut ops, &mut cache, &next, 1, 0, PAST, layer);
            let context = format!("{}: {shape:?}, layer {layer}", variant.name);
            assert_same_bits(&context, &copy, &original);
        }
    }
}
