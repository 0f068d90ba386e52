//! The reference's backward passes against finite differences of its forward passes.
//!
//! The loss is a fixed random combination of the outputs, summed in `f64`. The five-point stencil
//! with a step of 1/16 leaves an error near that of rounding the outputs to `f32`.

use crate::cases::segments;
use crate::rand::Rng;
use crate::support::{accumulator, assert_close, input, output, taken};
use puna_compute::{AttentionShape, Ops, Reference, Write};

const STEP: f32 = 1.0 / 16.0;
const TOLERANCE: f64 = 5e-5;

fn finite_differences(x: &[f32], mut loss: impl FnMut(&[f32]) -> f64) -> Vec<f32> {
    let mut moved = x.to_vec();
    (0..x.len())
        .map(|i| {
            let mut at = |steps: f32| {
                moved[i] = x[i] + steps * STEP;
                let loss = loss(&moved);
                moved[i] = x[i];
                loss
            };
            let slope = 8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0));
            (slope / (12.0 * f64::from(STEP))) as f32
        })
        .collect()
}

fn weighted(values: &[f32], weights: &[f32]) -> f64 {
    values
        .iter()
        .zip(weights)
        .map(|(&v, &w)| f64::from(v) * f64::from(w))
        .sum()
}

/// What was added to an accumulator that started from `before`.
fn added(after: &[f32], before: &[f32]) -> Vec<f32> {
    after.iter().zip(before).map(|(a, b)| a - b).collect()
}

#[test]
fn embedding() {
    let (vocab, dim, tokens) = (5, 4, [3, 0, 3, 3, 1]);
    let mut rng = Rng::new(1);
    let table = rng.normal(vocab * dim, 1.0);
    let dout = rng.normal(tokens.len() * dim, 1.0);
    let before = rng.normal(vocab * dim, 1.0);
    let mut dtable = accumulator(&before);
    Reference.embedding_backward(&mut dtable, &input(&dout), &tokens, dim);
    let expected = finite_differences(&table, |table| {
        let mut out = output(dout.len());
        Reference.embedding(&mut out, &input(table), &tokens, dim);
        weighted(&out, &dout)
    });
    assert_close(
        "dtable",
        &added(&taken(&dtable), &before),
        &expected,
        TOLERANCE,
    );
}

#[test]
fn rmsnorm() {
    let (rows, dim, eps) = (3, 8, 0.01);
    let mut rng = Rng::new(2);
    let x = rng.normal(rows * dim, 2.0);
    let weight = rng.normal(dim, 1.0);
    let dout = rng.normal(rows * dim, 1.0);
    let before = [rng.normal(rows * dim, 1.0), rng.normal(dim, 1.0)];
    let mut dx = accumulator(&before[0]);
    let mut dweight = accumulator(&before[1]);
    Reference.rmsnorm_backward(
        &mut dx,
        &mut dweight,
        &input(&dout),
        &input(&x),
        &input(&weight),
        rows,
        dim,
        eps,
    );
    let loss = |x: &[f32], weight: &[f32]| {
        let mut out = output(rows * dim);
        Reference.rmsnorm(&mut out, &input(x), &input(weight), rows, dim, eps);
        weighted(&out, &dout)
    };
    let expected = finite_differences(&x, |x| loss(x, &weight));
    assert_close("dx", &added(&taken(&dx), &before[0]), &expected, TOLERANCE);
    let expected = finite_differences(&weight, |weight| loss(&x, weight));
    assert_close(
        "dweight",
        &added(&taken(&dweight), &before[1]),
        &expected,
        TOLERANCE,
    );
}

#[test]
fn linear() {
    let (rows, n_in, n_out) = (4, 6, 5);
    let mut rng = Rng::new(3);
    let x = rng.normal(rows * n_in, 1.0);
    let w = rng.normal(n_out * n_in, 1.0);
    let dout = rng.normal(rows * n_out, 1.0);
    let before = rng.normal(n_out * n_in, 1.0);
    let mut dx = output(x.len());
    let mut dw = accumulator(&before);
    let dout_buf = input(&dout);
    Reference.linear_backward_input(
        &mut dx,
        &dout_buf,
        &input(&w),
        rows,
        n_in,
        n_out,
        Write::Set,
    );
    Reference.linear_backward_weight(
        &mut dw,
        &dout_buf,
        &input(&x),
        rows,
        n_in,
        n_out,
        Write::Add,
    );
    let loss = |x: &[f32], w: &[f32]| {
        let mut out = output(rows * n_out);
        Reference.linear(
            &mut out,
            &input(x),
            &input(w),
            rows,
            n_in,
            n_out,
            Write::Set,
        );
        weighted(&out, &dout)
    };
    assert_close(
        "dx",
        &taken(&dx),
        &finite_differences(&x, |x| loss(x, &w)),
        TOLERANCE,
    );
    let expected = finite_differences(&w, |w| loss(&x, w));
    assert_close("dw", &added(&taken(&dw), &before), &expected, TOLERANCE);
}

#[test]
fn rope() {
    let shape = AttentionShape {
        heads: 2,
        kv_heads: 1,
        head_dim: 6,
    };
    let positions = [0, 3, 1];
    let mut rng = Rng::new(4);
    let angles = rng.normal(4 * 3, 2.0);
    let cos = input(&angles.iter().map(|a| a.cos()).collect::<Vec<_>>());
    let sin = input(&angles.iter().map(|a| a.sin()).collect::<Vec<_>>());
    let x = rng.normal(positions.len() * shape.qkv_width(), 1.0);
    let dout = rng.normal(x.len(), 1.0);
    let rotate = |x: &[f32], inverse| {
        let mut qkv = accumulator(x);
        Reference.rope(&mut qkv, &cos, &sin, &positions, shape, inverse);
        taken(&qkv)
    };
    let expected = finite_differences(&x, |x| weighted(&rotate(x, false), &dout));
    assert_close("dqkv", &rotate(&dout, true), &expected, TOLERANCE);
    let there = rotate(&x, false);
    assert_close("there and back", &rotate(&there, true), &x, 1e-6);
}

#[test]
fn attention() {
    for (heads, kv_heads) in [(2, 2), (4, 2), (3, 1)] {
        let shape = AttentionShape {
            heads,
            kv_heads,
            head_dim: 4,
        };
        let lengths = [1, 5, 1, 3];
        let rows: usize = lengths.iter().sum();
        let segments = segments(&lengths);
        let mut rng = Rng::new(5);
        let qkv = rng.normal(rows * shape.qkv_width(), 1.0);
        let dout = rng.normal(rows * shape.q_width(), 1.0);
        let forward = |qkv: &[f32]| {
            let mut out = output(rows * shape.q_width());
            let mut lse = output(rows * heads);
            Reference.attention(&mut out, &mut lse, &input(qkv), &segments, shape);
            (out, lse)
        };
        let (out, lse) = forward(&qkv);
        let mut dqkv = output(qkv.len());
        let (dout_buf, qkv_buf) = (input(&dout), input(&qkv));
        Reference.attention_backward(&mut dqkv, &dout_buf, &out, &lse, &qkv_buf, &segments, shape);
        let expected = finite_differences(&qkv, |qkv| weighted(&forward(qkv).0, &dout));
        assert_close(&format!("{shape:?}"), &taken(&dqkv), &expected, TOLERANCE);
    }
}

#[test]
fn swiglu() {
    let (rows, hidden) = (3, 5);
    let mut rng = Rng::new(6);
    let gate_up = rng.normal(rows * 2 * hidden, 2.0);
    let dout = rng.normal(rows * hidden, 1.0);
    let mut dgate_up = output(gate_up.len());
    let mut again = output(rows * hidden);
    Reference.swiglu_backward(
        &mut dgate_up,
        &mut again,
        &input(&dout),
        &input(&gate_up),
        rows,
        hidden,
    );
    let expected = finite_differences(&gate_up, |gate_up| {
        let mut out = output(rows * hidden);
        Reference.swiglu(&mut out, &input(gate_up), rows, hidden);
        weighted(&out, &dout)
    });
    assert_close("dgate_up", &taken(&dgate_up), &expected, TOLERANCE);
}

#[test]
fn head() {
    let (dim, vocab, targets) = (6, 11, [4, 0, 10, 4]);
    let rows = targets.len();
    let mut rng = Rng::new(7);
    let x = rng.normal(rows * dim, 1.0);
    let head = rng.normal(vocab * dim, 0.5);
    let coefficients = rng.normal(rows, 1.0);
    let before = rng.normal(vocab * dim, 1.0);
    let mut dx = output(x.len());
    let mut dhead = accumulator(&before);
    let mut logprobs = vec![0.0; rows];
    Reference.head_logprobs_backward(
        &mut dx,
        &mut dhead,
        &mut logprobs,
        &input(&x),
        &input(&head),
        &targets,
        &coefficients,
        dim,
        vocab,
        Write::Add,
    );
    let loss = |x: &[f32], head: &[f32]| {
        let mut logprobs = vec![0.0; rows];
        Reference.head_logprobs(&mut logprobs, &input(x), &input(head), &targets, dim, vocab);
        weighted(&logprobs, &coefficients)
    };
    assert_close(
        "dx",
        &taken(&dx),
        &finite_differences(&x, |x| loss(x, &head)),
        TOLERANCE,
    );
    let expected = finite_differences(&head, |head| loss(&x, head));
    assert_close(
        "dhead",
        &added(&taken(&dhead), &before),
        &expected,
        TOLERANCE,
    );
}
