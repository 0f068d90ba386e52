//! A model that is computed to its end for some rows alone gives them what it gives all.

use crate::common::*;
use puna_compute::{HostBuf, Ops, Write};
use puna_llama::{Batch, Config, Model, Params, Worker, WorkerOptions};

fn batch(counted: Option<Vec<u32>>) -> Batch {
    let tokens: Vec<u32> = (0..40).map(|i| (i * i + 3 * i) % 61).collect();
    let mut batch = Batch::default();
    batch.push(&tokens[..25], &tokens[1..26]);
    batch.push(&tokens[26..39], &tokens[27..]);
    Batch { counted, ..batch }
}

/// The head's outputs with and without a gradient, and the gradient, of a loss over those rows.
fn pass<O: Ops<Buf = HostBuf>>(
    make: &dyn Fn() -> O,
    model: &Model,
    batch: &Batch,
    rows: &[u32],
    recompute: bool,
) -> (Vec<f32>, Vec<f32>, Params<HostBuf>) {
    let max_rows = batch.rows();
    let options = WorkerOptions {
        max_rows,
        recompute,
    };
    let mut worker = Worker::new(make(), &model.config, options).unwrap();
    // What is said of rows that do not count must not matter.
    let other = if batch.counted.is_some() { 9.0 } else { 0.0 };
    let mut coefficients = vec![other; batch.rows()];
    for &row in rows {
        coefficients[row as usize] = -0.1 - 0.01 * row as f32;
    }
    let forward = worker.outputs(&model.params, batch);
    let mut grads = Params::zeros(&make(), &model.config).unwrap();
    // Nor what stands there already.
    grads.tensors.iter_mut().for_each(|t| t.fill(7.0));
    let outputs = worker.backward(&model.params, &mut grads, batch, &coefficients, Write::Set);
    // Once more, added, by the loss's derivative: twice the gradient, and the same outputs.
    let mut derivative = |_: &[f32]| coefficients.clone();
    let again = worker.backward_by(
        &model.params,
        &mut grads,
        batch,
        &mut derivative,
        Write::Add,
    );
    assert_eq!(again, outputs);
    (forward, outputs, grads)
}

fn some_rows<O: Ops<Buf = HostBuf>>(make: &dyn Fn() -> O) {
    let narrow = Config {
        hidden_dim: 32,
        ..lively_model(61).config
    };
    let narrow = Model::init(&narrow, 5).unwrap();
    let scalar = lively_model(61).with_scalar_head(7).unwrap();
    for model in [lively_model(61), narrow, scalar] {
        for rows in [vec![3, 4, 11, 24, 25, 37], (0..38).collect(), vec![]] {
            let (all, _, expected) = pass(make, &model, &batch(None), &rows, false);
            let counted = batch(Some(rows.clone()));
            for recompute in [false, true] {
                let (forward, outputs, grads) = pass(make, &model, &counted, &rows, recompute);
                for (row, (&found, &whole)) in (0..).zip(forward.iter().zip(&all)) {
                    let expected = if rows.contains(&row) { whole } else { 0.0 };
                    assert_eq!(found, expected, "row {row}");
                }
                assert_eq!(outputs, forward);
                let specs = model.config.param_specs();
                let pairs = grads.tensors.iter().zip(&expected.tensors);
                for (spec, (found, expected)) in specs.iter().zip(pairs) {
                    assert_close(spec.name(), found, expected, 1e-5);
                }
            }
        }
    }
}

#[test]
fn some_rows_alone() {
    on_every_device!(make => some_rows(&make));
}
