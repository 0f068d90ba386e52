//! The step that training takes against PyTorch: loss, gradient norm, clipping and AdamW, through the fleet.

#![allow(clippy::unwrap_used)]

#[path = "../../puna-llama/tests/suite/expected.rs"]
#[allow(dead_code)]
mod expected;

use expected::{Expected, FIXTURES, fixture};
use puna_llama::Model;
use puna_train::{Fleet, FleetOptions, Moments, OptimizerSettings, Sequence};

/// The fixture's batch, a sequence for each row of it.
fn sequences(expected: &mut Expected) -> Vec<Sequence> {
    let rows = expected.shape("tokens")[1];
    let (tokens, targets) = (expected.u32s("tokens"), expected.u32s("targets"));
    let weights = expected.f32s("loss_weights");
    let mut out = Vec::new();
    for (i, weights) in weights.chunks(rows).enumerate() {
        let cut = i * rows..(i + 1) * rows;
        let mut sequence = Sequence::default();
        let weights = weights.iter().copied();
        sequence.push(&tokens[cut.clone()], &targets[cut], weights, true);
        out.push(sequence);
    }
    out
}

fn ten_steps(name: &str, options: FleetOptions) {
    let (mut model, mut expected) = (Model::load(&fixture(name)).unwrap(), Expected::of(name));
    let batch = sequences(&mut expected);
    let (losses, norms) = (expected.f32s("losses"), expected.f32s("grad_norms"));
    // The defaults are what the fixtures were made with.
    let settings = OptimizerSettings::default();
    let mut fleet = Fleet::new(&model.config, options).unwrap();
    let mut moments = Moments::zeros(&model.config).unwrap();
    for (step, (&loss, &norm)) in losses.iter().zip(&norms).enumerate() {
        let found = fleet.loss_and_grad(&model.params, &batch).unwrap();
        let found_norm = fleet.grad_norm();
        let scale = settings.grad_scale(found_norm);
        fleet.adamw_step(&mut model.params, &mut moments, 1e-3, &settings, scale);
        assert!(
            (found.loss / f64::from(loss) - 1.0).abs() < 1e-5,
            "{name}, step {step}: loss {}",
            found.loss
        );
        assert!(
            (found_norm / f64::from(norm) - 1.0).abs() < 1e-4,
            "{name}, step {step}: norm {found_norm}"
        );
        assert_eq!(scale < 1.0, found_norm > 1.0, "{name}, step {step}");
    }
    assert_eq!((losses.len(), moments.step), (10, 10));
    assert!(norms[0] > 2.0, "{name}: the first step must clip");
    expected.assert_after_ten_steps(name, &model);
}

#[test]
fn ten_steps_of_the_fleet() {
    // One worker that sees all at once, and a sequence to each lane of several.
    for (lanes, threads, micro_batch_rows, recompute) in [(1, 1, 111, false), (3, 2, 37, true)] {
        let options = FleetOptions {
            lanes,
            threads,
            micro_batch_rows,
            recompute,
        };
        for name in FIXTURES {
            ten_steps(name, options);
        }
    }
}

#[test]
fn clipping_differs_from_pytorchs_by_what_it_says() {
    for clip in [0.1, 1.0, 3.0] {
        let settings = OptimizerSettings {
            clip,
            ..OptimizerSettings::default()
        };
        assert_eq!(settings.grad_scale(0.0), 1.0);
        assert_eq!(settings.grad_scale(clip), 1.0);
        for norm in [1.001 * clip, 2.0 * clip, 1e3 * clip, 1e30] {
            let scale = settings.grad_scale(norm);
            assert!((scale * norm / clip - 1.0).abs() < 1e-12, "{norm}");
            let pytorch = clip / (norm + 1e-6);
            let more = scale / pytorch - 1.0;
            assert!((0.0..=1e-6 / clip).contains(&more), "{norm}: {more}");
        }
    }
    let none = OptimizerSettings {
        clip: 0.0,
        ..OptimizerSettings::default()
    };
    assert_eq!(none.grad_scale(1e9), 1.0);
}
