//! What is not finite stops the run, and the message says what it was, where it began and what to do.

use crate::world::{World, names, resumed, world};
use puna_llama::{Model, ParamKind, Params};
use puna_train::{CHECKPOINT_DIR, Error, Event, Init, METRICS_FILE};
use std::fs;

#[test]
fn what_is_not_finite_stops_the_run() {
    let world = world();
    let mut model = Model::init(&world.config, 1).unwrap();
    model.params.tensors[3][5] = f32::NAN;
    let (result, _) = world.run("nan", 2, Init::Model(Box::new(model)), None);
    let Err(Error::NonFinite {
        step: 1,
        what: "loss",
        tensor,
        batch: Some(batch),
    }) = result.map(|_| ())
    else {
        panic!("it went on")
    };
    assert_eq!(tensor, "the weight model.layers.0.self_attn.o_proj.weight");
    let dump: serde_json::Value = serde_json::from_slice(&fs::read(&batch).unwrap()).unwrap();
    assert_eq!(dump["sequences"].as_array().unwrap().len(), 4);
    assert_eq!(dump["sequences"][0]["tokens"].as_array().unwrap().len(), 32);
    assert!(!world.dir("nan").join(CHECKPOINT_DIR).exists());

    // Weights so large that activations overflow.
    let mut model = Model::init(&world.config, 1).unwrap();
    model.params.tensors[11].iter_mut().for_each(|w| *w *= 1e38);
    let (result, _) = world.run("inf", 1, Init::Model(Box::new(model)), None);
    let error = result.err().unwrap().to_string();
    assert!(
        error.contains("step 1: the loss is not finite; first in the output of block 1"),
        "{error}"
    );
}

/// Runs to the end that it must not reach: the step, what was not finite, where, the message, and what went on.
#[track_caller]
fn broken(world: &World, name: &str, init: Model) -> (u64, &'static str, String, Vec<Event>) {
    let (result, events) = world.run(name, 2, Init::Model(Box::new(init)), None);
    let error = result.err().expect("it went on");
    let message = error.to_string();
    let Error::NonFinite {
        step,
        what,
        tensor,
        batch: Some(batch),
    } = error
    else {
        panic!("{message}")
    };
    assert!(
        message.starts_with(&format!(
            "step {step}: the {what} is not finite; first in {tensor}."
        )),
        "{message}"
    );
    for advice in ["lower learning rate", "last checkpoint"] {
        assert!(message.contains(advice), "{message}");
    }
    assert!(batch.is_file(), "{}", batch.display());
    (step, what, tensor, events)
}

/// The loss is finite, and the gradient of one matrix is not: the last block multiplies by much and then by
/// little, so that what the matrix between sees is huge, and the head makes what comes back to it large.
#[test]
fn a_gradient_that_overflows_is_named() {
    let world = world();
    let mut model = Model::init(&world.config, 1).unwrap();
    let factors = [
        (ParamKind::GateUp(1), 3e18),
        (ParamKind::Down(1), 1e-35),
        (ParamKind::Head, 1e10),
    ];
    for (kind, factor) in factors {
        let tensor = model.params.get_mut(kind, &world.config);
        tensor.iter_mut().for_each(|w| *w *= factor);
    }
    let (step, what, tensor, _) = broken(&world, "gradient", model);
    assert_eq!((step, what), (1, "gradient"));
    assert_eq!(
        tensor,
        "the gradient of model.layers.1.mlp.down_proj.weight"
    );
    assert!(!world.dir("gradient").join(CHECKPOINT_DIR).exists());
}

/// Each step doubles every weight, of which one, that no token leads to, overflows at the second.
#[test]
fn an_updated_model_that_overflows_is_named_and_the_checkpoint_before_it_is_whole() {
    let mut world = world();
    world.settings.checkpoint.every = 1;
    world.settings.warmup_steps = 0;
    world.settings.min_lr_ratio = 1.0;
    // A weight w becomes w (1 - lr decay) and the update: -2 w.
    world.settings.optimizer.weight_decay = 300.0;
    let mut tokens = Vec::new();
    for file in world.set.train.iter().chain(&world.set.valid) {
        file.read(0..file.tokens(), &mut tokens);
    }
    let mut vocabulary = 0..world.config.vocab_size as u32;
    let unread = vocabulary.find(|id| !tokens.contains(id)).unwrap();
    let init = || {
        let mut model = Model::init(&world.config, 1).unwrap();
        let row = unread as usize * world.config.dim;
        model.params.get_mut(ParamKind::Embedding, &world.config)[row] = 1e38;
        model
    };
    let (step, what, tensor, events) = broken(&world, "updated", init());
    assert_eq!((step, what), (2, "updated model"));
    assert_eq!(tensor, "the weight model.embed_tokens.weight");
    assert_eq!(resumed(&events), None);
    let checkpoints = world.dir("updated").join(CHECKPOINT_DIR);
    assert_eq!(names(&checkpoints), ["step-00000001"]);

    // It is what a run writes that was asked to stop there.
    let asked = Init::Model(Box::new(init()));
    let (stopped, _) = world.run("asked", 1, asked, Some(1));
    assert!(matches!(stopped, Err(Error::Stopped { step: 1 })));
    for file in ["state.json", "state.safetensors", "SHA256SUMS"] {
        let read = |run| fs::read(world.checkpoint(run, 1).join(file)).unwrap();
        assert!(read("updated") == read("asked"), "{file}");
    }
    // And the run goes on from it, to the same end.
    let (step, what, _, events) = broken(&world, "updated", init());
    assert_eq!((step, what), (2, "updated model"));
    assert_eq!(resumed(&events), Some(1));
    assert_eq!(names(&checkpoints), ["step-00000001"]);
}

/// A rate at which one step leaves weights that are finite and compute nothing that is: no checkpoint is made of
/// them, nor a record that could not be read again.
#[test]
fn a_held_out_loss_that_is_not_finite_is_named_and_nothing_is_saved_of_it() {
    let mut world = world();
    world.settings.lr = 1e10;
    world.settings.warmup_steps = 0;
    world.settings.checkpoint.every = 1;
    world.settings.validate_every = 1;
    let model = Model::init(&world.config, 1).unwrap();
    let (step, what, tensor, _) = broken(&world, "held-out", model);
    assert_eq!((step, what), (1, "held-out loss"));
    assert_eq!(tensor, "the output of block 0; every weight is finite");
    assert!(!world.dir("held-out").join(CHECKPOINT_DIR).exists());
    let metrics = fs::read_to_string(world.dir("held-out").join(METRICS_FILE)).unwrap();
    assert_eq!(metrics.lines().count(), 1, "{metrics}");
    assert!(!metrics.contains("null"), "{metrics}");
}

/// What the next step finds after rates that are too high: each message names another culprit, and from the
/// checkpoint, if the weights were worth one, the run comes to the same.
#[test]
fn a_rate_that_is_too_high_is_found_by_the_next_step_or_before() {
    for (lr, culprit, saved) in [
        (1e10, (2, "loss"), true),
        (1e30, (2, "gradient"), true),
        (1e38, (1, "updated model"), false),
    ] {
        let mut world = world();
        world.settings.lr = lr;
        world.settings.warmup_steps = 0;
        world.settings.checkpoint.every = 1;
        for resumed_from in [None, saved.then_some(1)] {
            let init = Model::init(&world.config, 1).unwrap();
            let (step, what, tensor, events) = broken(&world, "rate", init);
            assert_eq!((step, what), culprit, "{lr}: {tensor}");
            assert_eq!(resumed(&events), resumed_from, "{lr}");
            assert_eq!(
                tensor.contains("the weight "),
                what == "updated model",
                "{tensor}"
            );
            assert_eq!(
                tensor.contains("the gradient of "),
                what == "gradient",
                "{tensor}"
            );
        }
    }
}

/// Squares overflow long before what is squared; a norm that clipping can deal with is not the end.
#[test]
fn a_gradient_whose_squares_overflow_is_clipped() {
    let mut world = world();
    world.settings.steps = Some(3);
    let mut model = Model::init(&world.config, 1).unwrap();
    let head = model.params.get_mut(ParamKind::Head, &world.config);
    head.iter_mut().for_each(|w| *w *= 1e25);
    let gain = Params::<puna_compute::HostBuf>::index(ParamKind::Norm, &world.config);
    model.params.tensors[gain].fill(1e-25);
    let (result, events) = world.run("large", 2, Init::Model(Box::new(model)), None);
    let (model, summary) = result.unwrap();
    let norms = events.iter().filter_map(|event| match event {
        Event::Step { metrics, .. } => Some(metrics.grad_norm),
        _ => None,
    });
    assert!(norms.clone().all(f64::is_finite) && norms.max_by(f64::total_cmp) > Some(1e20));
    assert!(summary.last_loss.is_finite());
    assert!(
        model
            .params
            .tensors
            .iter()
            .flat_map(|t| t.iter())
            .all(|w| w.is_finite())
    );
}
