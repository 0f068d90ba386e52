//! The model against transformers and PyTorch: logits, loss, gradients, ten optimizer steps,
//! packed documents.

use crate::common::*;
use puna_compute::{HostBuf, Ops, Write};
use puna_llama::safetensors::SafeTensors;
use puna_llama::{Batch, Model, Params, Worker, WorkerOptions};
use std::fs;

fn worker<O: Ops<Buf = HostBuf>>(ops: O, model: &Model, rows: usize, recompute: bool) -> Worker<O> {
    Worker::new(
        ops,
        &model.config,
        WorkerOptions {
            max_rows: rows,
            recompute,
        },
    )
    .unwrap()
}

fn forward<O: Ops<Buf = HostBuf>>(name: &str, make: &dyn Fn() -> O) {
    let (model, mut expected) = (Model::load(&fixture(name)).unwrap(), Expected::of(name));
    let (batch, coefficients) = expected.batch();
    let mut worker = worker(make(), &model, batch.rows(), false);
    let logits = worker.logits(&model.params, &batch).unwrap();
    assert_close("logits", &logits, &expected.f32s("logits"), 1e-4);
    let logprobs = worker.logprobs(&model.params, &batch);
    assert_close("logprobs", &logprobs, &expected.f32s("logprobs"), 1e-4);
    let found = loss(&logprobs, &coefficients);
    assert!(
        (found - f64::from(expected.f32s("loss")[0])).abs() < 1e-5,
        "{name}: loss {found}"
    );
}

#[test]
fn logits_and_loss() {
    for name in FIXTURES {
        on_every_device!(make => forward(name, &make));
    }
}

fn rounded<O: Ops<Buf = HostBuf>>(name: &str, make: &dyn Fn() -> O) {
    let (model, mut expected) = (Model::load(&fixture(name)).unwrap(), Expected::of(name));
    let mut batch = Batch::default();
    let rows = expected.shape("tokens")[1];
    let tokens = expected.u32s("tokens");
    tokens.chunks(rows).for_each(|t| batch.push(t, t));
    let mut worker = worker(make(), &model, batch.rows(), false);
    let logits = worker.logits(&model.params, &batch).unwrap();
    assert_close(name, &logits, &expected.f32s("logits"), 1e-4);
}

#[test]
fn logits_of_weights_that_transformers_rounded() {
    for (name, dtype) in ROUNDED {
        let files: Vec<SafeTensors> = fs::read_dir(fixture(name))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.file_name()
                    .unwrap()
                    .to_string_lossy()
                    .starts_with("model")
            })
            .filter(|path| path.extension().unwrap() == "safetensors")
            .map(|path| SafeTensors::open(&path).unwrap())
            .collect();
        assert_eq!(files.len() > 1, name == "bf16", "{name}: shards");
        let mut entries = files.iter().flat_map(|file| file.entries().values());
        assert!(entries.all(|entry| entry.dtype == dtype), "{name}");
        on_every_device!(make => rounded(name, &make));
    }
}

fn gradients<O: Ops<Buf = HostBuf>>(name: &str, make: &dyn Fn() -> O) {
    let (model, mut expected) = (Model::load(&fixture(name)).unwrap(), Expected::of(name));
    let (batch, coefficients) = expected.batch();
    let run = |recompute| {
        let mut grads = Params::zeros(&make(), &model.config).unwrap();
        let mut worker = worker(make(), &model, batch.rows(), recompute);
        let logprobs =
            worker.backward(&model.params, &mut grads, &batch, &coefficients, Write::Add);
        (grads, logprobs, worker.input_gradient(batch.rows()))
    };
    let (grads, logprobs, inputs) = run(false);
    assert_close("logprobs", &logprobs, &expected.f32s("logprobs"), 1e-4);
    for (tensor, found) in hf_tensors(&model.config, &grads) {
        let off = relative(found, &expected.f32s(&format!("grad.{tensor}")));
        assert!(off < 1e-5, "{name}: gradient of {tensor} is off by {off}");
    }
    let off = relative(&inputs, &expected.f32s("grad.inputs_embeds"));
    assert!(off < 1e-5, "{name}: gradient of the inputs is off by {off}");

    let (again, _, inputs_again) = run(true);
    for (a, b) in again.tensors.iter().zip(&grads.tensors) {
        assert_same_bits("gradient with recomputation", a, b);
    }
    assert_same_bits("input gradient with recomputation", &inputs_again, &inputs);
}

#[test]
fn every_gradient() {
    for name in FIXTURES {
        on_every_device!(make => gradients(name, &make));
    }
}

fn ten_steps<O: Ops<Buf = HostBuf>>(name: &str, make: &dyn Fn() -> O) {
    let (mut model, mut expected) = (Model::load(&fixture(name)).unwrap(), Expected::of(name));
    let (batch, coefficients) = expected.batch();
    let (losses, norms) = (expected.f32s("losses"), expected.f32s("grad_norms"));
    let mut ops = make();
    let mut worker = worker(make(), &model, batch.rows(), true);
    let zeros = || Params::zeros(&make(), &model.config).unwrap();
    let (mut m, mut v) = (zeros(), zeros());
    let specs = lengths(&model.config.param_specs());
    for step in 0..10 {
        let mut grads = Params::zeros(&ops, &model.config).unwrap();
        let logprobs =
            worker.backward(&model.params, &mut grads, &batch, &coefficients, Write::Add);
        let found = loss(&logprobs, &coefficients);
        let all = [&mut model.params, &mut m, &mut v, &mut grads];
        let norm = adamw_step(&mut ops, &specs, all, step as u64 + 1);
        assert!(
            (found / f64::from(losses[step]) - 1.0).abs() < 1e-5,
            "{name}: loss {found}"
        );
        assert!(
            (norm / f64::from(norms[step]) - 1.0).abs() < 1e-4,
            "{name}: norm {norm}"
        );
    }
    expected.assert_after_ten_steps(name, &model);
}

#[test]
fn ten_adamw_steps() {
    for name in FIXTURES {
        on_every_device!(make => ten_steps(name, &make));
    }
}

fn packed<O: Ops<Buf = HostBuf>>(name: &str, make: &dyn Fn() -> O) {
    let (model, mut expected) = (Model::load(&fixture(name)).unwrap(), Expected::of(name));
    let (batch, coefficients) = expected.packed();
    let mut worker = worker(make(), &model, batch.rows(), false);
    let logits = worker.logits(&model.params, &batch).unwrap();
    assert_close(
        "packed logits",
        &logits,
        &expected.f32s("packed_logits"),
        1e-4,
    );
    let mut grads = Params::zeros(&make(), &model.config).unwrap();
    let logprobs = worker.backward(&model.params, &mut grads, &batch, &coefficients, Write::Add);
    let found = loss(&logprobs, &coefficients);
    assert!(
        (found - f64::from(expected.f32s("packed_loss")[0])).abs() < 1e-5,
        "{name}: loss {found}"
    );
    let inputs = worker.input_gradient(batch.rows());
    let off = relative(&inputs, &expected.f32s("packed_grad.inputs_embeds"));
    assert!(
        off < 1e-5,
        "{name}: gradient of the packed inputs is off by {off}"
    );

    let vocab = model.config.vocab_size;
    for s in &batch.segments {
        let mut alone = Batch::default();
        alone.push(
            &batch.tokens[s.start..][..s.len],
            &batch.targets[s.start..][..s.len],
        );
        let found = worker.logits(&model.params, &alone).unwrap();
        let together = &logits[s.start * vocab..][..s.len * vocab];
        assert_same_bits("a document alone and packed", &found, together);
        assert_same_bits(
            "its log-probabilities",
            &worker.logprobs(&model.params, &alone),
            &logprobs[s.start..][..s.len],
        );
    }
}

#[test]
fn packed_documents_are_separate_documents() {
    for name in FIXTURES {
        on_every_device!(make => packed(name, &make));
    }
}

/// A batch of eight sequences has the gradient of eight batches of one.
fn split<O: Ops<Buf = HostBuf>>(make: &dyn Fn() -> O) {
    let model = lively_model(97);
    let documents: Vec<Vec<u32>> = (0..8u32)
        .map(|d| (0..24).map(|i| (i * i * (d + 3) + 7 * d) % 97).collect())
        .collect();
    let mut whole = Batch::default();
    documents.iter().for_each(|d| whole.push(&d[..23], &d[1..]));
    let coefficients = vec![-1.0 / whole.rows() as f32; whole.rows()];
    let mut worker = worker(make(), &model, whole.rows(), false);
    let mut together = Params::zeros(&make(), &model.config).unwrap();
    let logprobs = worker.backward(
        &model.params,
        &mut together,
        &whole,
        &coefficients,
        Write::Add,
    );
    let mut summed = Params::zeros(&make(), &model.config).unwrap();
    let mut separate = Vec::new();
    for d in &documents {
        let mut one = Batch::default();
        one.push(&d[..23], &d[1..]);
        separate.extend(worker.backward(
            &model.params,
            &mut summed,
            &one,
            &coefficients[..23],
            Write::Add,
        ));
    }
    assert_same_bits("log-probabilities", &separate, &logprobs);
    for (a, b) in summed.tensors.iter().zip(&together.tensors) {
        assert!(relative(a, b) < 1e-5);
    }
}

#[test]
fn one_batch_of_eight_is_eight_of_one() {
    on_every_device!(make => split(&make));
}
