//! A step gives the same however it is cut and on however many threads.

#![allow(clippy::unwrap_used)]

mod common;

use common::{bits, config, options, sequences};
use puna_compute::HostBuf;
use puna_llama::{Config, Model, Params};
use puna_train::{Fleet, FleetOptions, Moments, OptimizerSettings, Sequence, StepLoss};

const VOCAB: usize = 50;

fn batch() -> Vec<Sequence> {
    let documents: [&[usize]; 8] = [
        &[9, 7],
        &[16],
        &[4, 4, 8],
        &[5, 1, 6],
        &[16],
        &[12],
        &[3, 9],
        &[15, 1],
    ];
    sequences(VOCAB, &documents, 3)
}

fn step(
    config: &Config,
    options: FleetOptions,
    batch: &[Sequence],
) -> (StepLoss, f64, Params<HostBuf>) {
    let model = Model::init(config, 5).unwrap();
    let mut fleet = Fleet::new(config, options).unwrap();
    let loss = fleet.loss_and_grad(&model.params, batch).unwrap();
    let norm = fleet.grad_norm();
    let copy = |t: &HostBuf| HostBuf::from_slice(t).unwrap();
    let tensors = fleet.gradient().unwrap().tensors.iter().map(copy).collect();
    (loss, norm, Params { tensors })
}

fn relative_l2(a: &Params<HostBuf>, b: &Params<HostBuf>) -> f64 {
    let (mut difference, mut size) = (0.0, 0.0);
    for (x, y) in a
        .tensors
        .iter()
        .flat_map(|t| t.iter())
        .zip(b.tensors.iter().flat_map(|t| t.iter()))
    {
        difference += f64::from(x - y).powi(2);
        size += f64::from(*x).powi(2);
    }
    (difference / size).sqrt()
}

#[test]
fn one_batch_of_eight_is_eight_of_one() {
    for tied in [false, true] {
        let config = Config {
            tied,
            ..config(VOCAB)
        };
        let (loss, norm, gradient) = step(&config, options(1, 1, 1000), &batch());
        assert!((loss.loss - (VOCAB as f64).ln()).abs() < 0.1, "{loss:?}");
        for other in [options(1, 1, 16), options(8, 1, 16), options(3, 2, 32)] {
            let (l, n, g) = step(&config, other, &batch());
            assert!(
                (l.loss / loss.loss - 1.0).abs() < 1e-6,
                "{other:?}: {l:?} {loss:?}"
            );
            assert!((n / norm - 1.0).abs() < 1e-6, "{other:?}: {n} {norm}");
            let distance = relative_l2(&gradient, &g);
            assert!(distance < 1e-5, "{other:?}: {distance}");
        }
    }
}

#[test]
fn threads_change_no_bit() {
    let config = config(VOCAB);
    let run = |threads| {
        let mut model = Model::init(&config, 5).unwrap();
        let mut moments = Moments::zeros(&config).unwrap();
        let mut fleet = Fleet::new(&config, options(5, threads, 16)).unwrap();
        let settings = OptimizerSettings::default();
        let mut losses = Vec::new();
        for _ in 0..3 {
            let loss = fleet.loss_and_grad(&model.params, &batch()).unwrap();
            let norm = fleet.grad_norm();
            let scale = settings.grad_scale(norm);
            fleet.adamw_step(&mut model.params, &mut moments, 1e-2, &settings, scale);
            losses.push((loss.loss.to_bits(), norm.to_bits()));
        }
        (losses, bits(&model.params), bits(&moments.v))
    };
    let one = run(1);
    assert!(
        f64::from_bits(one.0[2].0) < f64::from_bits(one.0[0].0),
        "nothing was learned"
    );
    for threads in [2, 3, 4, 5, 8] {
        assert!(run(threads) == one, "{threads} threads differ from one");
    }
}

#[test]
fn recomputation_changes_no_bit() {
    let config = config(VOCAB);
    let (loss, _, gradient) = step(&config, options(2, 1, 32), &batch());
    let again = FleetOptions {
        recompute: true,
        ..options(2, 1, 32)
    };
    let (l, _, g) = step(&config, again, &batch());
    assert_eq!(l, loss);
    assert!(bits(&g) == bits(&gradient));
}

#[test]
fn the_loss_is_the_weighted_mean_of_the_log_probabilities() {
    let config = config(VOCAB);
    let model = Model::init(&config, 5).unwrap();
    let mut fleet = Fleet::new(&config, options(4, 2, 16)).unwrap();
    let batch = batch();
    let logprobs = fleet.logprobs(&model.params, &batch).unwrap();
    let (mut sum, mut weight) = (0.0, 0.0);
    for (l, s) in logprobs.iter().zip(&batch) {
        assert_eq!(l.len(), s.rows());
        for (&l, &w) in l.iter().zip(&s.weights) {
            sum += f64::from(l) * f64::from(w);
            weight += f64::from(w);
        }
    }
    let loss = fleet.loss_and_grad(&model.params, &batch).unwrap();
    assert_eq!(loss.weight, weight);
    assert!(
        (loss.loss + sum / weight).abs() < 1e-9,
        "{loss:?} {}",
        -sum / weight
    );
    // The same bits however many sequences share a pass, and on however many threads.
    for other in [options(1, 1, 16), options(8, 8, 16), options(2, 1, 10_000)] {
        let mut fleet = Fleet::new(&config, other).unwrap();
        assert_eq!(fleet.logprobs(&model.params, &batch).unwrap(), logprobs);
    }
}

#[test]
fn the_gradient_is_that_of_the_loss() {
    let config = config(VOCAB);
    let mut model = Model::init(&config, 5).unwrap();
    let mut fleet = Fleet::new(&config, options(3, 2, 16)).unwrap();
    let batch = batch();
    fleet.loss_and_grad(&model.params, &batch).unwrap();
    for (tensor, index) in [(0, 17), (2, 5), (5, 33), (6, 100), (13, 3), (14, 40)] {
        let derivative = fleet.gradient().unwrap().tensors[tensor][index];
        let value = model.params.tensors[tensor][index];
        let h = 1e-2;
        let mut at = |x: f32| {
            model.params.tensors[tensor][index] = x;
            let mut other = Fleet::new(&config, options(1, 1, 1000)).unwrap();
            other.loss_and_grad(&model.params, &batch).unwrap().loss
        };
        let difference = (at(value + h) - at(value - h)) / (2.0 * f64::from(h));
        at(value);
        let error = (difference - f64::from(derivative)).abs();
        assert!(
            error < 2e-2 * difference.abs() + 2e-5,
            "{tensor} {index}: {derivative} {difference}"
        );
    }
}

#[test]
fn bad_sequences_are_refused() {
    let config = config(VOCAB);
    let model = Model::init(&config, 5).unwrap();
    let mut fleet = Fleet::new(&config, options(2, 2, 16)).unwrap();
    let good = || batch().remove(0);
    let cases: [(&str, Sequence); 6] = [
        (
            "token 50 is not in",
            Sequence {
                tokens: vec![50; 16],
                ..good()
            },
        ),
        ("do not fit", sequences(VOCAB, &[&[17]], 1).remove(0)),
        (
            "1 weights",
            Sequence {
                weights: vec![1.0],
                ..good()
            },
        ),
        (
            "do not tile",
            Sequence {
                segments: vec![3],
                ..good()
            },
        ),
        (
            "not a finite",
            Sequence {
                weights: vec![f32::NAN; 16],
                ..good()
            },
        ),
        ("it is empty", Sequence::default()),
    ];
    for (expected, sequence) in cases {
        let error = fleet
            .loss_and_grad(&model.params, &[good(), sequence])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("sequence 1: ") && error.contains(expected),
            "{error}"
        );
    }
    let silent = Sequence {
        weights: vec![0.0; 16],
        ..good()
    };
    let error = fleet
        .loss_and_grad(&model.params, &[silent])
        .unwrap_err()
        .to_string();
    assert!(error.contains("sum to 0"), "{error}");
    assert!(Fleet::new(&config, options(0, 1, 16)).is_err());
}
