//! Adapters: gradients, training, merging, files.

use crate::common::*;
use puna_compute::{HostBuf, Ops, Write};
use puna_llama::lora::{Lora, LoraOptions, LoraTarget};
use puna_llama::{Batch, Dtype, Model, Params, Worker, WorkerOptions};
use std::fs;

fn options() -> LoraOptions {
    use LoraTarget::{Down, Gate, K, O, Q, V};
    LoraOptions {
        rank: 3,
        alpha: 5.0,
        targets: vec![Q, K, V, O, Gate, Down],
    }
}

fn batch() -> Batch {
    let mut batch = Batch::default();
    for d in 0..2u32 {
        let tokens: Vec<u32> = (0..20).map(|i| (i * i * (d + 2) + 3 * d) % 61).collect();
        batch.push(&tokens[..19], &tokens[1..]);
    }
    batch
}

/// Adapters with both factors at work.
fn busy<O: Ops<Buf = HostBuf>>(ops: &O, model: &Model) -> Lora<HostBuf> {
    let mut lora = Lora::init(ops, &model.config, &options(), 3).unwrap();
    for (i, tensor) in lora.tensors.tensors.iter_mut().enumerate() {
        for (k, v) in tensor.iter_mut().enumerate() {
            *v += 0.1 * ((i * 31 + k * 17) as f32).sin();
        }
    }
    lora
}

/// Loss and gradient of the adapters.
fn loss_and_gradient<O: Ops<Buf = HostBuf>>(
    make: &dyn Fn() -> O,
    model: &Model,
    lora: &Lora<HostBuf>,
    batch: &Batch,
    coefficients: &[f32],
) -> (f64, Params<HostBuf>) {
    let mut ops = make();
    let mut effective = model.params.try_clone().unwrap();
    lora.apply(&mut ops, &model.config, &model.params, &mut effective)
        .unwrap();
    let mut full = Params::zeros(&ops, &model.config).unwrap();
    let options = WorkerOptions {
        max_rows: batch.rows(),
        recompute: false,
    };
    let mut worker = Worker::new(make(), &model.config, options).unwrap();
    let logprobs = worker.backward(&effective, &mut full, batch, coefficients, Write::Set);
    let mut grads = Lora::zeros(&ops, &model.config, lora.options())
        .unwrap()
        .tensors;
    lora.gradient(&mut ops, &model.config, &full, &mut grads)
        .unwrap();
    (loss(&logprobs, coefficients), grads)
}

/// The same of the mean over [`batch`].
fn mean_and_gradient<O: Ops<Buf = HostBuf>>(
    make: &dyn Fn() -> O,
    model: &Model,
    lora: &Lora<HostBuf>,
) -> (f64, Params<HostBuf>) {
    let batch = batch();
    let coefficients = vec![-1.0 / batch.rows() as f32; batch.rows()];
    loss_and_gradient(make, model, lora, &batch, &coefficients)
}

fn gradient<O: Ops<Buf = HostBuf>>(make: &dyn Fn() -> O) {
    let model = lively_model(61);
    let lora = busy(&make(), &model);
    let (_, grads) = mean_and_gradient(make, &model, &lora);
    // Along each tensor's own gradient the loss must change by the gradient's squared length.
    for (i, g) in grads.tensors.iter().enumerate() {
        let squares: f64 = g.iter().map(|&v| f64::from(v).powi(2)).sum();
        assert!(squares > 0.0);
        let h = 3e-2 / squares.sqrt();
        let moved = |sign: f64| {
            let mut lora = busy(&make(), &model);
            for (v, g) in lora.tensors.tensors[i].iter_mut().zip(g.iter()) {
                *v += (sign * h * f64::from(*g)) as f32;
            }
            mean_and_gradient(make, &model, &lora).0
        };
        let slope = (moved(1.0) - moved(-1.0)) / (2.0 * h * squares);
        assert!((slope - 1.0).abs() < 2e-2, "tensor {i}: {slope}");
    }
}

#[test]
fn gradients_are_slopes() {
    gradient(&|| puna_compute::Reference);
    gradient(&|| puna_compute::Cpu::new(1));
}

/// Loss and gradients through the adapters, and the merged model's logits, as PyTorch has them of
/// `W + (alpha / rank) B A` written out.
fn against_pytorch<O: Ops<Buf = HostBuf>>(make: &dyn Fn() -> O) {
    let (mut model, mut expected) = (Model::load(&fixture("gqa")).unwrap(), Expected::of("lora"));
    let (batch, coefficients) = expected.batch();
    let mut ops = make();
    let lora = Lora::load(&ops, &model.config, &fixture("lora")).unwrap();
    assert_eq!(lora.specs().len(), 7 * model.config.layers);
    let (found, grads) = loss_and_gradient(make, &model, &lora, &batch, &coefficients);
    let told = f64::from(expected.f32s("loss")[0]);
    assert!((found - told).abs() < 1e-5, "loss {found} and not {told}");
    for (spec, pair) in lora.specs().iter().zip(grads.tensors.chunks_exact(2)) {
        for (letter, found) in ["A", "B"].iter().zip(pair) {
            let name = format!("grad.{}.lora_{letter}", spec.module);
            let off = relative(found, &expected.f32s(&name));
            assert!(off < 1e-5, "{name} is off by {off}");
        }
    }

    let Model { config, params } = &mut model;
    lora.merge(&mut ops, config, params).unwrap();
    let options = WorkerOptions {
        max_rows: batch.rows(),
        recompute: false,
    };
    let mut worker = Worker::new(make(), config, options).unwrap();
    let logits = worker.logits(params, &batch).unwrap();
    assert_close("merged logits", &logits, &expected.f32s("logits"), 1e-4);
}

#[test]
fn adapters_are_pytorch_s() {
    on_every_device!(make => against_pytorch(&make));
}

fn training<O: Ops<Buf = HostBuf>>(make: &dyn Fn() -> O) {
    let model = lively_model(61);
    let mut ops = make();
    let mut lora = Lora::init(&ops, &model.config, &options(), 3).unwrap();
    let zeros = || {
        Lora::zeros(&make(), &model.config, &options())
            .unwrap()
            .tensors
    };
    let (mut m, mut v) = (zeros(), zeros());
    let specs: Vec<(usize, bool)> = lora.lengths().iter().map(|&len| (len, true)).collect();
    // Untrained adapters change nothing.
    let mut effective = model.params.try_clone().unwrap();
    lora.apply(&mut ops, &model.config, &model.params, &mut effective)
        .unwrap();
    for (a, b) in effective.tensors.iter().zip(&model.params.tensors) {
        assert_eq!(a[..], b[..]);
    }
    let before = mean_and_gradient(make, &model, &lora).0;
    for step in 1..=20 {
        let (_, mut grads) = mean_and_gradient(make, &model, &lora);
        let all = [&mut lora.tensors, &mut m, &mut v, &mut grads];
        adamw_step(&mut ops, &specs, all, step);
    }
    let (after, _) = mean_and_gradient(make, &model, &lora);
    assert!(after < 0.95 * before, "{before} -> {after}");

    // Merged, the model has the same numbers of its own.
    let mut merged = model.params.try_clone().unwrap();
    lora.merge(&mut ops, &model.config, &mut merged).unwrap();
    lora.apply(&mut ops, &model.config, &model.params, &mut effective)
        .unwrap();
    for (a, b) in merged.tensors.iter().zip(&effective.tensors) {
        assert_same_bits("merged", a, b);
    }
}

#[test]
fn adapters_learn_and_merge() {
    on_every_device!(make => training(&make));
}

#[test]
fn files_round_trip() {
    let dir = tempfile::tempdir().unwrap();
    let model = lively_model(61);
    let ops = puna_compute::Reference;
    let lora = busy(&ops, &model);
    lora.save(dir.path(), Some("base"), Dtype::F32).unwrap();
    let back = Lora::load(&ops, &model.config, dir.path()).unwrap();
    assert_eq!(back.options(), lora.options());
    for (a, b) in back.tensors.tensors.iter().zip(&lora.tensors.tensors) {
        assert_same_bits("adapter", a, b);
    }
    let names: Vec<String> = {
        let file = puna_llama::safetensors::SafeTensors::open(
            &dir.path().join("adapter_model.safetensors"),
        );
        file.unwrap().entries().keys().cloned().collect()
    };
    assert!(
        names.contains(&"base_model.model.model.layers.1.self_attn.k_proj.lora_B.weight".into())
    );
    let other = puna_llama::Config {
        layers: 1,
        ..model.config.clone()
    };
    assert!(
        Lora::load(&ops, &other, dir.path())
            .err()
            .unwrap()
            .to_string()
            .contains("no place")
    );
    let other = puna_llama::Config {
        dim: 24,
        ..model.config.clone()
    };
    assert!(
        Lora::load(&ops, &other, dir.path())
            .err()
            .unwrap()
            .to_string()
            .contains("shape")
    );
    let path = dir.path().join("adapter_config.json");
    let good = fs::read_to_string(&path).unwrap();
    for (from, to, needle) in [
        ("\"use_dora\": false", "\"use_dora\": true", "use_dora"),
        ("\"bias\": \"none\"", "\"bias\": \"all\"", "bias"),
        ("\"r\": 3", "\"r\": 0", "rank"),
        ("\"r\": 3", "\"r\": 100000", "shape"),
        ("\"LORA\"", "\"IA3\"", "peft_type"),
        ("\"q_proj\"", "\"embed_tokens\"", "target_modules"),
    ] {
        assert!(good.contains(from), "{from}");
        fs::write(&path, good.replace(from, to)).unwrap();
        let message = Lora::load(&ops, &model.config, dir.path())
            .err()
            .unwrap()
            .to_string();
        assert!(message.contains(needle), "{message}");
    }
}
