//! Pretraining: what was interrupted continues to the same bits, and damage is found.

#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod non_finite;
mod world;

use puna_llama::Model;
use puna_train::{CHECKPOINT_DIR, Event, Init, LongSequences, METRICS_FILE, PretrainSettings};
use std::fs;
use world::{names, resumed, warnings, world};

#[test]
fn interrupted_is_uninterrupted() {
    let world = world();
    let (weights, summary, events) = world.finish("whole", 1);
    assert_eq!((summary.steps, summary.tokens), (20, 20 * 4 * 32));
    assert!(summary.last_loss < summary.first_loss - 0.5, "{summary:?}");
    let steps: Vec<u64> = summary.validations.iter().map(|v| v.step).collect();
    assert_eq!(steps, [8, 16, 20]);
    assert_eq!(resumed(&events), None);
    assert_eq!(
        names(&world.dir("whole").join(CHECKPOINT_DIR)),
        ["step-00000015", "step-00000020"]
    );

    // Asked to stop, on other numbers of threads.
    world.stop("asked", 7);
    world.stop("asked", 16);
    let (w, s, events) = world.finish("asked", 2);
    assert_eq!(resumed(&events), Some(16));
    assert!(w == weights);
    assert_eq!(s, summary);
    assert_eq!(world.metrics("asked"), world.metrics("whole"));

    // Killed at step 13: the last checkpoint is of step 10, the metrics go further and end in a
    // cut line, a checkpoint was being written.
    world.stop("killed", 13);
    fs::rename(
        world.checkpoint("killed", 13),
        world.dir("killed/checkpoints/.step-00000013.partial"),
    )
    .unwrap();
    let metrics = world.dir("killed").join(METRICS_FILE);
    let cut = fs::read_to_string(&metrics).unwrap() + "{\"step\":14,\"to";
    fs::write(&metrics, cut).unwrap();
    let (w, s, events) = world.finish("killed", 1);
    assert_eq!(resumed(&events), Some(10));
    assert!(warnings(&events).is_empty());
    assert!(w == weights);
    assert_eq!(s, summary);
    assert_eq!(world.metrics("killed"), world.metrics("whole"));

    // Done is done.
    let (w, s, events) = world.finish("whole", 1);
    assert!(w == weights);
    assert_eq!(s, summary);
    assert!(
        matches!(&events[..], [Event::ResumedFrom { step: 20, .. }]),
        "{events:?}"
    );
}

#[test]
fn interrupted_between_long_sequences_is_uninterrupted() {
    let short = world();
    let mut world = world();
    world.settings.long = Some(LongSequences {
        seq_len: 64,
        every: 3,
    });
    let (weights, summary, _) = world.finish("whole", 1);
    assert_eq!((summary.steps, summary.tokens), (20, 20 * 4 * 32));
    for after in [2, 3, 8] {
        world.stop("asked", after);
    }
    let (w, s, events) = world.finish("asked", 2);
    assert_eq!(resumed(&events), Some(8));
    assert!(w == weights);
    assert_eq!(s, summary);
    assert_eq!(world.metrics("asked"), world.metrics("whole"));
    // The third step is the first that differs.
    let (with, without) = (world.metrics("whole"), {
        short.finish("short", 1);
        short.metrics("short")
    });
    assert_eq!(with[..2], without[..2]);
    assert_ne!(with[2], without[2]);
}

#[test]
fn a_damaged_checkpoint_is_passed_over() {
    let world = world();
    let (weights, ..) = world.finish("whole", 1);
    for (file, damage) in [
        ("state.safetensors", "flip"),
        ("state.json", "flip"),
        ("state.safetensors", "cut"),
        ("SHA256SUMS", "remove"),
        ("state.json", "remove"),
    ] {
        let name = format!("{file}-{damage}");
        world.stop(&name, 12);
        let path = world.checkpoint(&name, 12).join(file);
        let mut bytes = fs::read(&path).unwrap();
        match damage {
            "flip" => {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs::write(&path, bytes).unwrap();
            }
            "cut" => fs::write(&path, &bytes[..bytes.len() - 1]).unwrap(),
            _ => fs::remove_file(&path).unwrap(),
        }
        let (w, _, events) = world.finish(&name, 1);
        let warnings = warnings(&events);
        assert!(
            warnings.len() == 1 && warnings[0].contains("step-00000012"),
            "{warnings:?}"
        );
        assert_eq!(resumed(&events), Some(10), "{name}");
        assert!(w == weights, "{name}");
    }
}

#[test]
fn a_checkpoint_that_cannot_be_written_leaves_the_others() {
    let world = world();
    world.stop("full", 6);
    // Something that cannot be removed as a directory stands where the next one is prepared.
    let block = world.dir("full/checkpoints/.step-00000010.partial");
    fs::write(&block, "").unwrap();
    let (result, _) = world.run("full", 1, Init::Seed(1), None);
    let error = result.err().unwrap().to_string();
    assert!(error.contains(".step-00000010.partial"), "{error}");
    fs::remove_file(&block).unwrap();
    let (weights, _, events) = world.finish("full", 1);
    assert_eq!(resumed(&events), Some(6));
    assert!(weights == world.finish("whole", 1).0);
}

#[test]
fn another_run_is_not_continued() {
    let mut world = world();
    world.stop("run", 5);
    world.settings.checkpoint.every = 3;
    world.stop("run", 6);
    world.settings.lr = 2e-2;
    let (result, _) = world.run("run", 1, Init::Seed(1), None);
    let error = result.err().unwrap().to_string();
    assert!(error.contains("settings.lr differ"), "{error}");
    world.settings.lr = 1e-2;
    let (result, _) = world.run("run", 1, Init::Seed(2), None);
    let error = result.err().unwrap().to_string();
    assert!(error.contains("initial weights differ"), "{error}");
}

#[test]
fn bits_per_byte_of_a_model_that_knows_nothing() {
    let mut world = world();
    world.settings.steps = Some(1);
    world.settings.warmup_steps = 0;
    world.settings.lr = 1e-30;
    let mut model = Model::init(&world.config, 1).unwrap();
    let head = model.params.tensors.len() - 1;
    model.params.tensors[head].fill(0.0);
    let (tokens, documents, bytes) = world.set.valid.iter().fold((0, 0, 0), |(t, d, b), f| {
        (t + f.tokens(), d + f.documents(), b + f.text_bytes())
    });
    let vocab = world.config.vocab_size as f64;
    for (name, document_mask) in [("masked", true), ("open", false)] {
        world.settings.document_mask = document_mask;
        let copy = Model::init(&world.config, 1).map(|mut copy| {
            copy.params.tensors[head].fill(0.0);
            copy
        });
        let (_, summary) = world
            .run(name, 1, Init::Model(Box::new(copy.unwrap())), None)
            .0
            .unwrap();
        let validation = &summary.validations[0];
        // BOS alone is not predicted.
        assert_eq!(validation.tokens as usize, tokens - documents);
        assert!(
            (validation.loss - vocab.ln()).abs() < 1e-5,
            "{validation:?}"
        );
        let expected = vocab.log2() * (tokens - documents) as f64 / bytes as f64;
        assert!(
            (validation.bits_per_byte.unwrap() / expected - 1.0).abs() < 1e-5,
            "{validation:?}"
        );
    }
    // A limit takes whole documents from the first.
    world.settings.validate_tokens = Some(1);
    let (_, summary) = world
        .run("limit", 1, Init::Model(Box::new(model)), None)
        .0
        .unwrap();
    let first = world.set.valid[0].document(0).len();
    assert_eq!(summary.validations[0].tokens as usize, first - 1);
}

#[test]
fn settings_are_checked_and_the_defaults_are_the_papers() {
    let world = world();
    let defaults: PretrainSettings = serde_json::from_str("{}").unwrap();
    assert_eq!(defaults.rows_per_step(), 4 << 20);
    assert_eq!(
        (defaults.lr, defaults.warmup_steps, defaults.min_lr_ratio),
        (3e-4, 2000, 0.1)
    );
    let o = &defaults.optimizer;
    assert_eq!(
        (o.beta1, o.beta2, o.eps, o.weight_decay, o.clip),
        (0.9, 0.95, 1e-5, 0.1, 1.0)
    );
    let unknown = serde_json::from_str::<PretrainSettings>(r#"{"optimizer":{"beta3":1}}"#);
    assert!(unknown.unwrap_err().to_string().contains("beta3"));
    assert!(
        defaults
            .schedule(1000)
            .unwrap_err()
            .to_string()
            .contains("steps or epochs")
    );
    let by_epochs = PretrainSettings {
        epochs: Some(2.5),
        steps: None,
        warmup_steps: 0,
        ..world.settings.clone()
    };
    assert_eq!(by_epochs.schedule(1000).unwrap().total, 20);
    for settings in [
        PretrainSettings {
            batch_sequences: 0,
            ..world.settings.clone()
        },
        PretrainSettings {
            warmup_steps: 21,
            ..world.settings.clone()
        },
        PretrainSettings {
            epochs: Some(1.0),
            ..world.settings.clone()
        },
        PretrainSettings {
            long: Some(LongSequences {
                seq_len: 48,
                every: 2,
            }),
            ..world.settings.clone()
        },
    ] {
        assert!(settings.schedule(1000).is_err());
    }
}
