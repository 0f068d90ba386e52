//! Gradients of losses that are known only from the model's outputs, spread over workers.

#![allow(clippy::unwrap_used)]

mod common;

use common::{bits, config, options, sequences};
use puna_compute::HostBuf;
use puna_llama::{Model, Params};
use puna_train::{Fleet, Moments, OptimizerSettings, Sequence};

const VOCAB: usize = 50;

/// Each a pair of two documents, whose last rows count, and some others.
fn pairs() -> Vec<Sequence> {
    let documents: [&[usize]; 7] = [
        &[9, 7],
        &[6, 10],
        &[4, 4],
        &[11, 5],
        &[3, 2],
        &[8, 8],
        &[1, 12],
    ];
    let mut pairs = sequences(VOCAB, &documents, 3);
    for pair in &mut pairs {
        let (first, rows) = (pair.segments[0], pair.rows());
        (pair.weights[first - 1], pair.weights[rows - 1]) = (1.0, 1.0);
    }
    pairs
}

/// `-log sigmoid(chosen - rejected)`, where each is the output at a document's last row.
fn ranking(sequence: &Sequence, outputs: &[f32]) -> Vec<f32> {
    let (chosen, rejected) = (sequence.segments[0] - 1, sequence.rows() - 1);
    let slope = 1.0 / (1.0 + (outputs[chosen] - outputs[rejected]).exp());
    let mut derivative = vec![0.0; outputs.len()];
    derivative[chosen] = -slope;
    derivative[rejected] = slope;
    derivative
}

fn copy(params: &Params<HostBuf>) -> Params<HostBuf> {
    params.try_clone().unwrap()
}

#[test]
fn fixed_coefficients_give_the_gradient_of_the_weighted_loss() {
    let config = config(VOCAB);
    let model = Model::init(&config, 5).unwrap();
    let batch = pairs();
    let weight: f64 = batch
        .iter()
        .flat_map(|s| &s.weights)
        .map(|&w| f64::from(w))
        .sum();
    let mut fleet = Fleet::new(&config, options(3, 2, 32)).unwrap();
    fleet.loss_and_grad(&model.params, &batch).unwrap();
    let expected = copy(fleet.gradient().unwrap());
    let derivative = |index: usize, _: &[f32]| {
        let weights = batch[index].weights.iter();
        weights
            .map(|&w| (-f64::from(w) / weight) as f32)
            .collect::<Vec<_>>()
    };
    let outputs = fleet
        .backward_by(&model.params, &batch, &derivative)
        .unwrap();
    assert!(bits(fleet.gradient().unwrap()) == bits(&expected));
    assert_eq!(outputs, fleet.logprobs(&model.params, &batch).unwrap());
}

#[test]
fn pairs_on_any_number_of_threads() {
    let config = config(VOCAB);
    for scalar in [false, true] {
        let batch = pairs();
        let run = |threads, micro_batch_rows| {
            let mut model = Model::init(&config, 5).unwrap();
            if scalar {
                model = model.with_scalar_head(2).unwrap();
            }
            let mut moments = Moments::zeros(&model.config).unwrap();
            let fleet_options = options(5, threads, micro_batch_rows);
            let mut fleet = Fleet::new(&model.config, fleet_options).unwrap();
            let settings = OptimizerSettings::default();
            let mut seen = Vec::new();
            for _ in 0..3 {
                let derivative = |i: usize, outputs: &[f32]| ranking(&batch[i], outputs);
                let outputs = fleet
                    .backward_by(&model.params, &batch, &derivative)
                    .unwrap();
                let scale = settings.grad_scale(fleet.grad_norm());
                fleet.adamw_step(&mut model.params, &mut moments, 1e-2, &settings, scale);
                seen.push(outputs);
            }
            (seen, bits(&model.params), bits(&moments.v))
        };
        let one = run(1, 16);
        let loss = |outputs: &[Vec<f32>]| -> f32 {
            let each = batch.iter().zip(outputs).map(|(s, o)| {
                let difference = o[s.segments[0] - 1] - o[s.rows() - 1];
                (1.0 + (-difference).exp()).ln()
            });
            each.sum()
        };
        assert!(loss(&one.0[2]) < loss(&one.0[0]), "nothing was learned");
        for threads in [2, 3, 5, 8] {
            assert!(run(threads, 16) == one, "{threads} threads differ from one");
        }
    }
}

/// The coupled loss, and by hand: the scalars first, then every document alone with its coefficient.
#[test]
fn a_coupled_pair_is_the_same_by_hand() {
    let model = Model::init(&config(VOCAB), 5).unwrap();
    let model = model.with_scalar_head(2).unwrap();
    let batch = pairs();
    let mut fleet = Fleet::new(&model.config, options(3, 2, 32)).unwrap();
    let derivative = |i: usize, outputs: &[f32]| ranking(&batch[i], outputs);
    let outputs = fleet
        .backward_by(&model.params, &batch, &derivative)
        .unwrap();
    let coupled = copy(fleet.gradient().unwrap());
    assert_eq!(outputs, fleet.scalars(&model.params, &batch).unwrap());

    let mut documents = Vec::new();
    let mut coefficients: Vec<Vec<f32>> = Vec::new();
    for (sequence, outputs) in batch.iter().zip(&outputs) {
        let derivative = ranking(sequence, outputs);
        let mut at = 0;
        for &len in &sequence.segments {
            let mut document = Sequence::default();
            let rows = at..at + len;
            document.push(
                &sequence.tokens[rows.clone()],
                &sequence.targets[rows.clone()],
                sequence.weights[rows.clone()].to_vec(),
                true,
            );
            documents.push(document);
            coefficients.push(derivative[rows].to_vec());
            at += len;
        }
    }
    let mut alone = Fleet::new(&model.config, options(1, 1, 12)).unwrap();
    let fixed = |i: usize, _: &[f32]| coefficients[i].clone();
    let separate = alone
        .backward_by(&model.params, &documents, &fixed)
        .unwrap();
    assert_eq!(separate.concat(), outputs.concat());
    for (a, b) in coupled
        .tensors
        .iter()
        .zip(&alone.gradient().unwrap().tensors)
    {
        let distance: f64 = a
            .iter()
            .zip(b.iter())
            .map(|(x, y)| f64::from(x - y).powi(2))
            .sum();
        let size: f64 = a.iter().map(|&x| f64::from(x).powi(2)).sum();
        assert!(distance.sqrt() <= 1e-5 * size.sqrt());
    }
}

#[test]
fn what_needs_another_head_is_refused() {
    let config = config(VOCAB);
    let batch = pairs();
    let model = Model::init(&config, 5).unwrap();
    let mut fleet = Fleet::new(&config, options(1, 1, 16)).unwrap();
    let error = fleet.scalars(&model.params, &batch).unwrap_err();
    assert!(error.to_string().contains("no scalar head"), "{error}");
    let none = fleet.backward_by(&model.params, &[], &|_, o| o.to_vec());
    assert!(none.is_err());
    let model = model.with_scalar_head(2).unwrap();
    let mut fleet = Fleet::new(&model.config, options(1, 1, 16)).unwrap();
    assert!(fleet.logprobs(&model.params, &batch).is_err());
    assert!(fleet.loss_and_grad(&model.params, &batch).is_err());
}

/// The lanes wait for each other; a worker that panics must not leave the others waiting.
#[test]
fn a_panic_in_a_lane_ends_the_step() {
    let config = config(VOCAB);
    let model = Model::init(&config, 5).unwrap();
    let batch = pairs();
    for bad in 0..batch.len() {
        let mut fleet = Fleet::new(&config, options(5, 2, 32)).unwrap();
        let derivative = |index: usize, outputs: &[f32]| {
            let missing = usize::from(index == bad);
            vec![0.1; outputs.len() - missing]
        };
        let step = || fleet.backward_by(&model.params, &batch, &derivative);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(step));
        assert!(result.is_err(), "{bad}");
    }
}
