//! A NaN in an input shows in every output that depends on it, and in no other.

use crate::rand::Rng;
use crate::support::{HostOps, Variant, accumulator, input, output, taken};
use puna_compute::{AttentionShape, CachedSegment, Segment, WeightFormat, Write};

/// Checks which values are NaN; the others must be finite.
#[track_caller]
fn assert_nan(context: &str, values: &[f32], mut expected: impl FnMut(usize) -> bool) {
    for (i, value) in values.iter().enumerate() {
        let (want, got) = (expected(i), value.is_nan());
        assert!(
            want == got,
            "{context}: value {i} of {} is {value}",
            values.len()
        );
        assert!(got || value.is_finite(), "{context}: value {i} is {value}");
    }
}

fn spoilt(mut values: Vec<f32>, at: usize) -> Vec<f32> {
    values[at] = f32::NAN;
    values
}

pub fn rmsnorm<O: HostOps>(variant: &Variant<O>) {
    let mut ops = (variant.make)(2);
    for dim in [8, 37, 96] {
        let mut rng = Rng::new(1);
        let x = input(&spoilt(rng.normal(5 * dim, 1.0), 2 * dim + dim - 1));
        let weight = input(&rng.normal(dim, 1.0));
        let dout = input(&rng.normal(5 * dim, 1.0));
        let mut out = output(5 * dim);
        let mut dx = accumulator(&vec![0.0; 5 * dim]);
        let mut dweight = accumulator(&vec![0.0; dim]);
        ops.rmsnorm(&mut out, &x, &weight, 5, dim, 1e-5);
        ops.rmsnorm_backward(&mut dx, &mut dweight, &dout, &x, &weight, 5, dim, 1e-5);
        let context = format!("{}: rmsnorm of {dim}", variant.name);
        assert_nan(&context, &taken(&out), |i| i / dim == 2);
        assert_nan(&format!("{context}: dx"), &taken(&dx), |i| i / dim == 2);
        assert_nan(&format!("{context}: dweight"), &taken(&dweight), |_| true);
    }
}

pub fn linear<O: HostOps>(variant: &Variant<O>) {
    let mut ops = (variant.make)(2);
    for (rows, n_in, n_out) in [(1, 8, 24), (7, 64, 131), (70, 37, 19)] {
        let context = format!("{}: linear {rows} by {n_in} to {n_out}", variant.name);
        let mut rng = Rng::new(2);
        let row = rows / 2;
        let [x, w] = [rows, n_out].map(|n| rng.normal(n * n_in, 1.0));
        let bad_x = input(&spoilt(x.clone(), row * n_in + n_in - 1));
        let bad_w = input(&spoilt(w.clone(), 3 * n_in + 1));
        let (x, w) = (input(&x), input(&w));
        let mut out = output(rows * n_out);
        ops.linear(&mut out, &bad_x, &w, rows, n_in, n_out, Write::Set);
        assert_nan(&format!("{context}: x"), &taken(&out), |i| i / n_out == row);
        ops.linear(&mut out, &x, &bad_w, rows, n_in, n_out, Write::Set);
        assert_nan(&format!("{context}: w"), &taken(&out), |i| i % n_out == 3);

        let bad_dout = input(&spoilt(rng.normal(rows * n_out, 1.0), row * n_out + 3));
        let mut dx = output(rows * n_in);
        let mut dw = accumulator(&vec![0.0; n_out * n_in]);
        ops.linear_backward_input(&mut dx, &bad_dout, &w, rows, n_in, n_out, Write::Set);
        ops.linear_backward_weight(&mut dw, &bad_dout, &x, rows, n_in, n_out, Write::Add);
        assert_nan(&format!("{context}: dx"), &taken(&dx), |i| i / n_in == row);
        assert_nan(&format!("{context}: dw"), &taken(&dw), |i| i / n_in == 3);
    }
}

/// An infinity, in an input or by overflow, leaves nothing finite in what depends on it, and no other
/// value is touched. A unit that multiplies in parts may make a NaN of it.
pub fn infinite_products<O: HostOps>(variant: &Variant<O>) {
    let (rows, n_in, n_out) = (37, 70, 40);
    let mut ops = (variant.make)(2);
    let mut rng = Rng::new(8);
    let [x, w] = [rows, n_out].map(|n| rng.normal(n * n_in, 1.0));
    for value in [f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
        let (mut bad, row) = (x.clone(), 20);
        // The highest number overflows where its products add up.
        bad[row * n_in..(row + 1) * n_in].fill(value);
        let ones = if value == f32::MAX {
            vec![1.0; w.len()]
        } else {
            w.clone()
        };
        let mut out = output(rows * n_out);
        ops.linear(
            &mut out,
            &input(&bad),
            &input(&ones),
            rows,
            n_in,
            n_out,
            Write::Set,
        );
        for (i, got) in taken(&out).iter().enumerate() {
            let context = format!("{}: {value} in row {row}, output {i}", variant.name);
            assert_eq!(got.is_finite(), i / n_out != row, "{context}: {got}");
        }
    }
}

/// In `Q8_0` a NaN weight may take its block along, which is still in its row.
pub fn packed<O: HostOps>(variant: &Variant<O>) {
    let (rows, n_in, n_out) = (3, 64, 24);
    let mut ops = (variant.make)(2);
    for format in [
        WeightFormat::Training,
        WeightFormat::F32,
        WeightFormat::Bf16,
        WeightFormat::Q8_0,
    ] {
        let context = format!("{}: {format:?}", variant.name);
        let mut rng = Rng::new(3);
        let [x, w] = [rows, n_out].map(|n| rng.normal(n * n_in, 1.0));
        let bad_x = input(&spoilt(x.clone(), n_in + 40));
        let packed = ops.pack(&input(&w), n_out, n_in, format).unwrap();
        let bad_packed = ops.pack(&input(&spoilt(w, 3 * n_in + 40)), n_out, n_in, format);
        let mut out = output(rows * n_out);
        ops.linear_packed(&mut out, &bad_x, &packed, rows, Write::Set);
        assert_nan(&format!("{context}: x"), &taken(&out), |i| i / n_out == 1);
        ops.linear_packed(&mut out, &input(&x), &bad_packed.unwrap(), rows, Write::Set);
        assert_nan(&format!("{context}: w"), &taken(&out), |i| i % n_out == 3);
    }
}

pub fn swiglu<O: HostOps>(variant: &Variant<O>) {
    let mut ops = (variant.make)(2);
    let (rows, hidden) = (3, 37);
    let mut rng = Rng::new(4);
    let gate_up = rng.normal(rows * 2 * hidden, 1.0);
    let dout = input(&rng.normal(rows * hidden, 1.0));
    for (name, half) in [("gate", 0), ("up", 1)] {
        let gate_up = input(&spoilt(gate_up.clone(), (2 + half) * hidden + 36));
        let mut out = output(rows * hidden);
        let mut dgate_up = output(rows * 2 * hidden);
        ops.swiglu(&mut out, &gate_up, rows, hidden);
        let mut again = output(rows * hidden);
        ops.swiglu_backward(&mut dgate_up, &mut again, &dout, &gate_up, rows, hidden);
        let context = format!("{}: swiglu, NaN in {name}", variant.name);
        assert_nan(&context, &taken(&out), |i| i == hidden + 36);
        // The up's own gradient does not depend on it.
        let gradients = |i| i == 2 * hidden + 36 || (i == 3 * hidden + 36 && half == 0);
        assert_nan(
            &format!("{context}: dgate_up"),
            &taken(&dgate_up),
            gradients,
        );
    }
}

pub fn head<O: HostOps>(variant: &Variant<O>) {
    let (rows, dim, vocab) = (5, 16, 131);
    let mut ops = (variant.make)(2);
    let mut rng = Rng::new(5);
    let [x, head] = [rows, vocab].map(|n| rng.normal(n * dim, 0.5));
    let targets = rng.tokens(rows, vocab);
    let coefficients = rng.normal(rows, 1.0);
    // In a row of x; in the weights of one token, which every row's sum contains.
    for (name, at_x, at_head) in [
        ("x", Some(2 * dim + 7), None),
        ("head", None, Some(40 * dim)),
    ] {
        let x = at_x.map_or(x.clone(), |at| spoilt(x.clone(), at));
        let head = at_head.map_or(head.clone(), |at| spoilt(head.clone(), at));
        let (x, head) = (input(&x), input(&head));
        let mut logprobs = vec![0.0; rows];
        let mut dx = output(rows * dim);
        let mut dhead = accumulator(&vec![0.0; vocab * dim]);
        let context = format!("{}: head, NaN in {name}", variant.name);
        let affected = |row: usize| row == 2 || at_head.is_some();
        ops.head_logprobs(&mut logprobs, &x, &head, &targets, dim, vocab);
        assert_nan(&context, &logprobs, affected);
        ops.head_logprobs_backward(
            &mut dx,
            &mut dhead,
            &mut logprobs,
            &x,
            &head,
            &targets,
            &coefficients,
            dim,
            vocab,
            Write::Add,
        );
        assert_nan(&format!("{context}: of the backward"), &logprobs, affected);
        assert_nan(&format!("{context}: dx"), &taken(&dx), |i| {
            affected(i / dim)
        });
        assert_nan(&format!("{context}: dhead"), &taken(&dhead), |_| true);
    }
}

/// In query, key or value of one position of the second of three segments: in that position, or in
/// all from it on, of the heads that read it; never in another segment. Earlier positions give a
/// later value no weight, but a kernel may still multiply by it: those may be NaN too.
pub fn attention<O: HostOps>(variant: &Variant<O>) {
    // Within one block of keys, and beyond.
    for (len, position) in [(70, 30), (130, 20), (130, 110)] {
        attention_of(variant, len, position);
    }
}

fn attention_of<O: HostOps>(variant: &Variant<O>, len: usize, position: usize) {
    let shape = AttentionShape {
        heads: 4,
        kv_heads: 2,
        head_dim: 8,
    };
    let width = shape.qkv_width();
    let starts = [0, 5, 5 + len];
    let rows = starts[2] + 3;
    let segments = [(0, 5), (5, len), (starts[2], 3)].map(|(start, len)| Segment { start, len });
    let mut ops = (variant.make)(2);
    let mut rng = Rng::new(6);
    let qkv = rng.normal(rows * width, 1.0);
    // The third query head reads the second key-value head, and so does the fourth.
    for (name, head) in [("query", 2), ("key", 4 + 1), ("value", 6 + 1)] {
        let context = format!(
            "{}: attention over {len}, NaN in a {name} at {position}",
            variant.name
        );
        let at = (starts[1] + position) * width + head * 8 + 3;
        let qkv = spoilt(qkv.clone(), at);
        let affected = |row: usize, head: usize, element: usize| {
            let inside = (starts[1] + position..starts[2]).contains(&row);
            match name {
                "query" => row == starts[1] + position && head == 2,
                "key" => inside && head >= 2,
                _ => inside && head >= 2 && element == 3,
            }
        };
        let mut out = output(rows * 32);
        let mut lse = output(rows * 4);
        ops.attention(&mut out, &mut lse, &input(&qkv), &segments, shape);
        let earlier = |row: usize| (starts[1]..starts[1] + position).contains(&row);
        let check = |context: &str, out: Vec<f32>| {
            assert_nan(context, &out, |i| {
                affected(i / 32, i % 32 / 8, i % 8) || (earlier(i / 32) && out[i].is_nan())
            });
        };
        check(&context, taken(&out));
        if name != "value" {
            let lse = taken(&lse);
            assert_nan(&format!("{context}: lse"), &lse, |i| {
                affected(i / 4, i % 4, 3)
            });
        }

        let mut cache = ops.kv_cache(shape, 1, 3, len).unwrap();
        let cached = [0, 1, 2].map(|slot| {
            let Segment { start, len } = segments[slot];
            CachedSegment {
                start,
                len,
                slot,
                past: 0,
            }
        });
        ops.attention_cached(&mut out, &input(&qkv), &cached, &mut cache, 0);
        check(&format!("{context}, cached"), taken(&out));
    }
}

/// A slot that once held NaN is as good as a new one.
pub fn reused_slot<O: HostOps>(variant: &Variant<O>) {
    let shape = AttentionShape {
        heads: 2,
        kv_heads: 1,
        head_dim: 8,
    };
    let mut ops = (variant.make)(2);
    let mut rng = Rng::new(7);
    let mut cache = ops.kv_cache(shape, 1, 2, 80).unwrap();
    let bad = input(&[f32::NAN; 80 * 32]);
    let mut out = output(80 * 16);
    let all = CachedSegment {
        start: 0,
        len: 80,
        slot: 1,
        past: 0,
    };
    ops.attention_cached(&mut out, &bad, &[all], &mut cache, 0);
    for (len, past) in [(5, 0), (1, 5), (61, 6)] {
        let qkv = input(&rng.normal(len * 32, 1.0));
        let mut out = output(len * 16);
        let next = CachedSegment { len, past, ..all };
        ops.attention_cached(&mut out, &qkv, &[next], &mut cache, 0);
        let context = format!("{}: {len} rows after {past}", variant.name);
        assert_nan(&context, &taken(&out), |_| false);
    }
}
