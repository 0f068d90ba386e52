//! The scalar head of reward models and critics against transformers'
//! `LlamaForSequenceClassification`, and losses that are known only from the outputs.

use crate::common::*;
use puna_compute::{HostBuf, Ops, Write};
use puna_llama::{
    Batch, HeadKind, Model, ParamKind, Params, SaveOptions, Worker, WorkerOptions, generate, score,
};

fn worker<O: Ops<Buf = HostBuf>>(ops: O, model: &Model) -> Worker<O> {
    let options = WorkerOptions {
        max_rows: 128,
        recompute: false,
    };
    Worker::new(ops, &model.config, options).unwrap()
}

fn batch(expected: &mut Expected) -> Batch {
    let tokens = expected.u32s("tokens");
    let mut batch = Batch::default();
    tokens.chunks(37).for_each(|t| batch.push(t, t));
    batch
}

fn against_transformers<O: Ops<Buf = HostBuf>>(make: &dyn Fn() -> O) {
    let model = Model::load(&fixture("scalar")).unwrap();
    assert_eq!(model.config.head, HeadKind::Scalar);
    let mut expected = Expected::of("scalar");
    let (batch, coefficients) = (batch(&mut expected), expected.f32s("coefficients"));
    let mut worker = worker(make(), &model);
    let scalars = worker.scalars(&model.params, &batch);
    assert_close("scalars", &scalars, &expected.f32s("scalars"), 1e-4);
    let last: Vec<f32> = scalars.chunks(37).map(|row| row[36]).collect();
    assert_close("pooled", &last, &expected.f32s("pooled"), 1e-4);
    let loss_found = loss(&scalars, &coefficients);
    assert!((loss_found - f64::from(expected.f32s("loss")[0])).abs() < 1e-3);

    let mut grads = Params::zeros(&make(), &model.config).unwrap();
    let again = worker.backward(&model.params, &mut grads, &batch, &coefficients, Write::Set);
    assert_same_bits("scalars of the backward", &again, &scalars);
    for (tensor, found) in hf_tensors(&model.config, &grads) {
        let off = relative(found, &expected.f32s(&format!("grad.{tensor}")));
        assert!(off < 1e-5, "gradient of {tensor} is off by {off}");
    }
    let inputs = worker.input_gradient(batch.rows());
    let off = relative(&inputs, &expected.f32s("grad.inputs_embeds"));
    assert!(off < 1e-5, "gradient of the inputs is off by {off}");
}

#[test]
fn scalars_and_every_gradient() {
    on_every_device!(make => against_transformers(&make));
}

/// A loss that couples documents, by its derivative and by fixed coefficients worked out before.
fn coupled<O: Ops<Buf = HostBuf>>(model: &Model, make: &dyn Fn() -> O) {
    let mut batch = Batch::default();
    for d in 0..4u32 {
        let tokens: Vec<u32> = (0..9 + d).map(|i| (i * i * (d + 3) + 5 * d) % 60).collect();
        batch.push(&tokens[..tokens.len() - 1], &tokens[1..]);
    }
    let ends: Vec<usize> = batch.segments.iter().map(|s| s.start + s.len - 1).collect();
    // -log sigmoid(first - second) + -log sigmoid(third - fourth)
    let derivative = |outputs: &[f32]| {
        let mut d = vec![0.0; outputs.len()];
        for pair in ends.chunks(2) {
            let slope = 1.0 / (1.0 + (outputs[pair[0]] - outputs[pair[1]]).exp());
            (d[pair[0]], d[pair[1]]) = (-slope, slope);
        }
        d
    };
    let mut worker = worker(make(), model);
    let outputs = worker.outputs(&model.params, &batch);
    let zeros = || Params::zeros(&make(), &model.config).unwrap();
    let (mut by_hand, mut by_derivative) = (zeros(), zeros());
    let fixed = derivative(&outputs);
    worker.backward(&model.params, &mut by_hand, &batch, &fixed, Write::Set);
    let seen = worker.backward_by(
        &model.params,
        &mut by_derivative,
        &batch,
        &mut |outputs| derivative(outputs),
        Write::Set,
    );
    assert_same_bits("outputs", &seen, &outputs);
    for (a, b) in by_derivative.tensors.iter().zip(&by_hand.tensors) {
        assert_same_bits("gradient", a, b);
    }
    // Setting and adding twice.
    let twice = [Write::Set, Write::Add].map(|write| {
        worker.backward_by(
            &model.params,
            &mut by_derivative,
            &batch,
            &mut |o| derivative(o),
            write,
        )
    });
    assert_same_bits("outputs again", &twice[1], &outputs);
    for (a, b) in by_derivative.tensors.iter().zip(&by_hand.tensors) {
        let doubled: Vec<f32> = b.iter().map(|v| 2.0 * v).collect();
        assert!(relative(a, &doubled) < 1e-6);
    }
}

#[test]
fn a_loss_that_couples_documents_is_what_it_is_by_hand() {
    let reward = lively_model(61).with_scalar_head(5).unwrap();
    on_every_device!(make => coupled(&reward, &make));
    on_every_device!(make => coupled(&lively_model(61), &make));
}

#[test]
fn the_head_is_swapped_and_nothing_else() {
    for model in [
        lively_model(61),
        Model::load(&fixture("gqa_tied")).unwrap(),
        lively_model(61).with_scalar_head(8).unwrap(),
    ] {
        let before = model.params.try_clone().unwrap();
        let trunk = Params::<HostBuf>::index(ParamKind::Norm, &model.config);
        let scalar = model.with_scalar_head(7).unwrap();
        assert_eq!(scalar.params.tensors.len(), trunk + 2);
        for (a, b) in scalar.params.tensors[..=trunk].iter().zip(&before.tensors) {
            assert_same_bits("trunk", a, b);
        }
        let head = scalar.params.get(ParamKind::Head, &scalar.config);
        assert_eq!(head.len(), scalar.config.dim);
        assert!(head.iter().any(|&v| v != 0.0) && head.iter().all(|v| v.abs() < 0.1));

        let dir = tempfile::tempdir().unwrap();
        scalar.save(dir.path(), &SaveOptions::default()).unwrap();
        let again = Model::load(dir.path()).unwrap();
        assert_eq!(again.config, scalar.config);
        for (a, b) in again.params.tensors.iter().zip(&scalar.params.tensors) {
            assert_same_bits("saved and loaded", a, b);
        }
        let other = again.with_scalar_head(9).unwrap();
        assert_ne!(
            other.params.get(ParamKind::Head, &other.config)[..],
            scalar.params.get(ParamKind::Head, &scalar.config)[..]
        );
    }
}

#[test]
fn a_model_that_writes_no_text_is_refused_where_text_is_asked_for() {
    let model = lively_model(61).with_scalar_head(5).unwrap();
    let message = score(
        &mut worker(puna_compute::Reference, &model),
        &model.params,
        &[],
    )
    .unwrap_err()
    .to_string();
    assert!(message.contains("scalar head"), "{message}");
    let mut decoder = puna_llama::Decoder::new(
        puna_compute::Reference,
        &model.config,
        &model.params,
        puna_compute::WeightFormat::Training,
        1,
        16,
    )
    .unwrap();
    let tokenizer = puna_text::Tokenizer::train(
        ["the llama walks"],
        &puna_text::TrainOptions {
            vocab_size: 270,
            ..puna_text::TrainOptions::default()
        },
    )
    .unwrap();
    let message = generate(
        &mut decoder,
        &tokenizer,
        &[vec![1]],
        &puna_llama::GenerateOptions::default(),
        None,
    )
    .unwrap_err()
    .to_string();
    assert!(message.contains("scalar head"), "{message}");
    // A decoder of a scalar head gives the scalars of the training pass, one token after another.
    let tokens = [1, 5, 9, 22];
    let mut batch = Batch::default();
    batch.push(&tokens, &tokens);
    let scalars = worker(puna_compute::Reference, &model).scalars(&model.params, &batch);
    let feed = puna_llama::Feed {
        slot: 0,
        tokens: &tokens,
    };
    let fed = decoder.feed(&[feed], puna_llama::LogitRows::All).unwrap();
    assert_close("scalars while decoding", fed, &scalars, 1e-5);
}
