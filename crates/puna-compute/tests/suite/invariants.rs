//! Bitwise promises of an implementation: a row's result is the same whichever rows share the call,
//! a sequence's whichever others do and however it was cut into chunks.

use crate::rand::Rng;
use crate::support::{HostOps, Variant, assert_same_bits, input, output, taken};
use puna_compute::{Ops, Reference, WeightFormat, Write};

const ROWS: usize = 70;

/// The rows of a matrix, in the given order.
fn pick(x: &[f32], rows: &[usize], width: usize) -> Vec<f32> {
    rows.iter()
        .flat_map(|&row| &x[row * width..][..width])
        .copied()
        .collect()
}

/// Runs an operation on all rows and on selections of them, and compares row by row.
fn rows_are_independent(context: &str, mut run: impl FnMut(&[usize]) -> Vec<f32>) {
    let all: Vec<usize> = (0..ROWS).collect();
    let whole = run(&all);
    let width = whole.len() / ROWS;
    let mut rng = Rng::new(1);
    let mut selections: Vec<Vec<usize>> = vec![vec![0], vec![1], vec![ROWS - 1], vec![65]];
    selections.extend(
        [2, 3, 4, 5, 6, 7, 8, 9, 16, 33].map(|count| (0..count).map(|_| rng.below(ROWS)).collect()),
    );
    selections.push(all.into_iter().rev().collect());
    for rows in selections {
        let context = format!("{context}: {} of {ROWS} rows", rows.len());
        assert_same_bits(&context, &run(&rows), &pick(&whole, &rows, width));
    }
}

pub fn linear<O: HostOps>(variant: &Variant<O>) {
    let mut ops = (variant.make)(2);
    for (n_in, n_out) in [(8, 24), (64, 131), (96, 48), (288, 1), (37, 19), (700, 64)] {
        let context = format!("{}: linear {n_in} to {n_out}", variant.name);
        let mut rng = Rng::new(2);
        let x = rng.normal(ROWS * n_in, 1.0);
        let dout = rng.normal(ROWS * n_out, 1.0);
        let w = input(&rng.normal(n_out * n_in, 0.1));
        rows_are_independent(&context, |rows| {
            let mut out = output(rows.len() * n_out);
            let x = input(&pick(&x, rows, n_in));
            ops.linear(&mut out, &x, &w, rows.len(), n_in, n_out, Write::Set);
            taken(&out)
        });
        rows_are_independent(&format!("{context}, input gradient"), |rows| {
            let mut dx = output(rows.len() * n_in);
            let dout = input(&pick(&dout, rows, n_out));
            ops.linear_backward_input(&mut dx, &dout, &w, rows.len(), n_in, n_out, Write::Set);
            taken(&dx)
        });
    }
}

pub fn packed<O: HostOps>(variant: &Variant<O>) {
    let mut ops = (variant.make)(2);
    for format in [
        WeightFormat::Training,
        WeightFormat::F32,
        WeightFormat::Bf16,
        WeightFormat::Q8_0,
    ] {
        for (n_in, n_out) in [(32, 24), (64, 131), (288, 96), (1024, 40)] {
            let context = format!("{}: {format:?} {n_in} to {n_out}", variant.name);
            let mut rng = Rng::new(3);
            let x = rng.normal(ROWS * n_in, 1.0);
            let w = input(&rng.normal(n_out * n_in, 0.1));
            let packed = ops.pack(&w, n_out, n_in, format).unwrap();
            let mut run = |rows: &[usize]| {
                let mut out = output(rows.len() * n_out);
                let x = input(&pick(&x, rows, n_in));
                ops.linear_packed(&mut out, &x, &packed, rows.len(), Write::Set);
                taken(&out)
            };
            rows_are_independent(&context, &mut run);
            if format == WeightFormat::Training {
                let all: Vec<usize> = (0..ROWS).collect();
                let got = run(&all);
                let mut out = output(ROWS * n_out);
                ops.linear(&mut out, &input(&x), &w, ROWS, n_in, n_out, Write::Set);
                assert_same_bits(&format!("{context}, as linear"), &got, &taken(&out));
            }
        }
    }
}

pub fn rmsnorm<O: HostOps>(variant: &Variant<O>) {
    let mut ops = (variant.make)(2);
    for dim in [8, 37, 64, 288] {
        let context = format!("{}: rmsnorm of {dim}", variant.name);
        let mut rng = Rng::new(4);
        let [x, dout] = [(); 2].map(|()| rng.normal(ROWS * dim, 1.0));
        let weight = input(&rng.normal(dim, 1.0));
        rows_are_independent(&context, |rows| {
            let x = input(&pick(&x, rows, dim));
            let dout = input(&pick(&dout, rows, dim));
            let mut out = output(rows.len() * dim);
            let mut dx = input(&vec![0.0; rows.len() * dim]);
            let mut dweight = input(&vec![0.0; dim]);
            let count = rows.len();
            ops.rmsnorm(&mut out, &x, &weight, count, dim, 1e-5);
            ops.rmsnorm_backward(&mut dx, &mut dweight, &dout, &x, &weight, count, dim, 1e-5);
            side_by_side(&taken(&out), &dx[..count * dim], count)
        });
    }
}

pub fn swiglu<O: HostOps>(variant: &Variant<O>) {
    let mut ops = (variant.make)(2);
    for hidden in [8, 37, 64, 288] {
        let context = format!("{}: swiglu of {hidden}", variant.name);
        let mut rng = Rng::new(5);
        let gate_up = rng.normal(ROWS * 2 * hidden, 3.0);
        let dout = rng.normal(ROWS * hidden, 1.0);
        rows_are_independent(&context, |rows| {
            let gate_up = input(&pick(&gate_up, rows, 2 * hidden));
            let dout = input(&pick(&dout, rows, hidden));
            let mut out = output(rows.len() * hidden);
            let mut dgate_up = output(rows.len() * 2 * hidden);
            ops.swiglu(&mut out, &gate_up, rows.len(), hidden);
            let mut again = output(rows.len() * hidden);
            ops.swiglu_backward(
                &mut dgate_up,
                &mut again,
                &dout,
                &gate_up,
                rows.len(),
                hidden,
            );
            let same = format!("{context}: again in the backward");
            assert_same_bits(&same, &taken(&again), &taken(&out));
            side_by_side(&taken(&out), &taken(&dgate_up), rows.len())
        });
    }
}

pub fn head<O: HostOps>(variant: &Variant<O>) {
    let mut ops = (variant.make)(2);
    for (dim, vocab) in [(8, 131), (64, 1000), (37, 300)] {
        let context = format!("{}: head of {vocab} by {dim}", variant.name);
        let mut rng = Rng::new(6);
        let x = rng.normal(ROWS * dim, 1.0);
        let head = input(&rng.normal(vocab * dim, 0.3));
        let targets = rng.tokens(ROWS, vocab);
        let coefficients = rng.normal(ROWS, 1.0);
        rows_are_independent(&context, |rows| {
            let x = input(&pick(&x, rows, dim));
            let targets: Vec<u32> = rows.iter().map(|&row| targets[row]).collect();
            let coefficients = pick(&coefficients, rows, 1);
            let [mut logprobs, mut again] = [(); 2].map(|()| vec![f32::NAN; rows.len()]);
            let mut dx = output(rows.len() * dim);
            let mut dhead = input(&vec![0.0; vocab * dim]);
            ops.head_logprobs(&mut logprobs, &x, &head, &targets, dim, vocab);
            ops.head_logprobs_backward(
                &mut dx,
                &mut dhead,
                &mut again,
                &x,
                &head,
                &targets,
                &coefficients,
                dim,
                vocab,
                Write::Set,
            );
            assert_same_bits(&format!("{context}, of the backward"), &again, &logprobs);
            // The reference does not round the logits between the product and the softmax.
            if ops.device() != Reference.device() {
                let mut logits = output(rows.len() * vocab);
                ops.linear(&mut logits, &x, &head, rows.len(), dim, vocab, Write::Set);
                ops.logprobs(&mut again, &logits, &targets, vocab);
                assert_same_bits(&format!("{context}, of logits"), &again, &logprobs);
            }
            side_by_side(&logprobs, &taken(&dx), rows.len())
        });
    }
}

/// Two matrices as one, row by row.
fn side_by_side(a: &[f32], b: &[f32], rows: usize) -> Vec<f32> {
    let (wide_a, wide_b) = (a.len() / rows, b.len() / rows);
    (0..rows)
        .flat_map(|row| {
            a[row * wide_a..][..wide_a]
                .iter()
                .chain(&b[row * wide_b..][..wide_b])
        })
        .copied()
        .collect()
}
