//! Decoding with a cache gives what the training pass gives.

use crate::common::*;
use proptest::prelude::*;
use puna_compute::{HostBuf, Ops, WeightFormat};
use puna_llama::sampling::argmax;
use puna_llama::{Batch, Decoder, Feed, LogitRows, Model, Worker, WorkerOptions};

fn decoder<O: Ops<Buf = HostBuf>>(
    ops: O,
    model: &Model,
    slots: usize,
    capacity: usize,
) -> Decoder<O> {
    Decoder::new(
        ops,
        &model.config,
        &model.params,
        WeightFormat::Training,
        slots,
        capacity,
    )
    .unwrap()
}

fn greedy<O: Ops<Buf = HostBuf>>(name: &str, make: &dyn Fn() -> O) {
    let (model, mut expected) = (Model::load(&fixture(name)).unwrap(), Expected::of(name));
    let (mut tokens, expected) = (expected.u32s("greedy_prompt"), expected.u32s("greedy"));
    let mut decoder = decoder(make(), &model, 1, tokens.len() + expected.len());
    let mut found: Vec<u32> = Vec::new();
    while found.len() < expected.len() {
        let logits = decoder
            .feed(
                &[Feed {
                    slot: 0,
                    tokens: &tokens,
                }],
                LogitRows::Last,
            )
            .unwrap();
        tokens = vec![argmax(logits)];
        found.extend(&tokens);
    }
    assert_eq!(found, expected, "{name}");
}

#[test]
fn greedy_tokens() {
    for name in FIXTURES {
        on_every_device!(make => greedy(name, &make));
    }
}

/// Feeds the sequences in pieces of the lengths given, several slots in a call, and holds every
/// row of logits against the training pass.
fn chunked<O: Ops<Buf = HostBuf>>(make: &dyn Fn() -> O, pieces: &[usize]) {
    let model = lively_model(61);
    let vocab = model.config.vocab_size;
    let sequences: Vec<Vec<u32>> = (0..3u32)
        .map(|s| {
            (0..40 + s)
                .map(|i| (i * (i + s) * 13 + 5 * s) % 61)
                .collect()
        })
        .collect();
    let mut whole = Batch::default();
    sequences.iter().for_each(|s| whole.push(s, s));
    let options = WorkerOptions {
        max_rows: whole.rows(),
        recompute: false,
    };
    let mut worker = Worker::new(make(), &model.config, options).unwrap();
    let expected = worker.logits(&model.params, &whole).unwrap();
    let mut decoder = decoder(make(), &model, sequences.len(), 42);
    let mut rows: Vec<Vec<f32>> = vec![Vec::new(); sequences.len()];
    // Every sequence meets every length in turn: none may meet zeros only, or it would never end.
    for round in 0.. {
        let mut feeds = Vec::new();
        for (slot, s) in sequences.iter().enumerate() {
            let past = decoder.len(slot);
            let n = (s.len() - past).min(pieces[(round + slot) % pieces.len()]);
            if n > 0 {
                feeds.push(Feed {
                    slot,
                    tokens: &s[past..past + n],
                });
            }
        }
        if feeds.is_empty() && (0..3).all(|s| decoder.len(s) == sequences[s].len()) {
            break;
        }
        if feeds.is_empty() {
            continue;
        }
        let mut logits = decoder.feed(&feeds, LogitRows::All).unwrap();
        for f in &feeds {
            let (own, rest) = logits.split_at(f.tokens.len() * vocab);
            rows[f.slot].extend_from_slice(own);
            logits = rest;
        }
    }
    assert_same_bits("logits", &rows.concat(), &expected);
}

#[test]
fn chunks_do_not_matter() {
    on_every_device!(make => {
        chunked(&make, &[42]);
        chunked(&make, &[1]);
        chunked(&make, &[7, 0, 1, 16, 3]);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_chunking_matters(pieces in prop::collection::vec(0usize..20, 1..9).prop_map(|mut p| { p.push(1); p })) {
        chunked(&|| puna_compute::Cpu::new(1), &pieces);
    }
}

fn fork<O: Ops<Buf = HostBuf>>(make: &dyn Fn() -> O) {
    let model = lively_model(61);
    let tokens: Vec<u32> = (0..30).map(|i| i * 7 % 61).collect();
    let mut one = decoder(make(), &model, 1, 40);
    let all = |slot| Feed {
        slot,
        tokens: &tokens,
    };
    let expected = one.feed(&[all(0)], LogitRows::Last).unwrap().to_vec();
    let mut two = decoder(make(), &model, 2, 40);
    two.feed(
        &[Feed {
            slot: 1,
            tokens: &tokens[..20],
        }],
        LogitRows::Last,
    )
    .unwrap();
    two.fork(0, 1);
    two.truncate(0, 13);
    assert_eq!((two.tokens(0), two.len(1)), (&tokens[..13], 20));
    let found = two
        .feed(
            &[Feed {
                slot: 0,
                tokens: &tokens[13..],
            }],
            LogitRows::Last,
        )
        .unwrap();
    assert_same_bits("after fork and truncate", found, &expected);
    two.truncate(1, 0);
    let found = two.feed(&[all(1)], LogitRows::Last).unwrap();
    assert_same_bits("after a restart", found, &expected);
}

#[test]
fn forks_and_cuts_continue_exactly() {
    on_every_device!(make => fork(&make));
}

/// Rounded weights are near, and are what decoding with the rounded model in f32 would give.
#[test]
fn bf16_weights_are_the_rounded_model() {
    let mut model = lively_model(61);
    let tokens: Vec<u32> = (0..20).map(|i| i * 7 % 61).collect();
    let feed = [Feed {
        slot: 0,
        tokens: &tokens,
    }];
    let run = |model: &Model, format| {
        let ops = puna_compute::Cpu::new(1);
        let mut decoder = Decoder::new(ops, &model.config, &model.params, format, 1, 32).unwrap();
        decoder.feed(&feed, LogitRows::Last).unwrap().to_vec()
    };
    let exact = run(&model, WeightFormat::Training);
    let bf16 = run(&model, WeightFormat::Bf16);
    assert!(relative(&bf16, &exact) < 0.03);
    for (spec, tensor) in model
        .config
        .param_specs()
        .iter()
        .zip(&mut model.params.tensors)
    {
        if spec.decays() && spec.kind != puna_llama::ParamKind::Embedding {
            tensor
                .iter_mut()
                .for_each(|v| *v = puna_llama::Dtype::Bf16.round(*v));
        }
    }
    // Some machines round the activations of a product to bfloat16 as well.
    assert!(relative(&bf16, &run(&model, WeightFormat::Training)) < 0.02);
}
