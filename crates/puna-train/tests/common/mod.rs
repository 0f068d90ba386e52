//! A small model, a small vocabulary and small texts that the tests share.
#![allow(dead_code, clippy::unwrap_used)]

use puna_compute::HostBuf;
use puna_llama::{Config, HeadKind, Params};
use puna_text::{Tokenizer, TrainOptions};
use puna_train::tokens::{BuildOptions, TokenSet, build_token_set};
use puna_train::{Event, FleetOptions, Sequence};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

pub fn config(vocab_size: usize) -> Config {
    Config {
        dim: 16,
        layers: 2,
        heads: 4,
        kv_heads: 2,
        head_dim: 4,
        hidden_dim: 24,
        vocab_size,
        context: 64,
        norm_eps: 1e-5,
        rope_theta: 1e4,
        tied: false,
        head: HeadKind::LanguageModel,
    }
}

pub fn options(lanes: usize, threads: usize, micro_batch_rows: usize) -> FleetOptions {
    FleetOptions {
        lanes,
        threads,
        micro_batch_rows,
        recompute: false,
    }
}

/// Numbers that look random.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n
    }
}

/// Sequences of documents of these lengths; a third of the rows do not count.
pub fn sequences(vocab: usize, documents: &[&[usize]], seed: u64) -> Vec<Sequence> {
    let mut numbers = Numbers::new(seed);
    let mut out = Vec::new();
    for lengths in documents {
        let mut sequence = Sequence::default();
        for &len in *lengths {
            let mut ids = || {
                (0..len)
                    .map(|_| numbers.below(vocab) as u32)
                    .collect::<Vec<_>>()
            };
            let (tokens, targets) = (ids(), ids());
            let weights: Vec<f32> = (0..len).map(|i| [1.0, 0.5, 0.0][i % 3]).collect();
            sequence.push(&tokens, &targets, weights, true);
        }
        out.push(sequence);
    }
    out
}

pub fn bits(params: &Params<HostBuf>) -> Vec<u32> {
    params
        .tensors
        .iter()
        .flat_map(|t| t.iter().map(|v| v.to_bits()))
        .collect()
}

/// Short stories with a little to learn.
pub fn stories(n: usize, seed: u64) -> Vec<String> {
    let mut numbers = Numbers::new(seed);
    let animals = ["llama", "condor", "fox", "vicuna", "frog"];
    let places = [
        "the river",
        "the high plain",
        "the old bridge",
        "the village",
    ];
    let ends = [
        "and slept.",
        "and ate grass.",
        "and sang, for it was 1532.",
        "and went home again.",
    ];
    (0..n)
        .map(|_| {
            let mut story = String::new();
            for _ in 0..1 + numbers.below(4) {
                let (a, p, e) = (numbers.below(5), numbers.below(4), numbers.below(4));
                story += &format!("The {} walked to {} {} ", animals[a], places[p], ends[e]);
            }
            story.trim().to_string()
        })
        .collect()
}

pub fn tokenizer() -> Tokenizer {
    let options = TrainOptions {
        vocab_size: 320,
        ..TrainOptions::default()
    };
    Tokenizer::train(stories(200, 1), &options).unwrap()
}

pub fn token_set(
    dir: &Path,
    tokenizer: &Tokenizer,
    stories: &[String],
    options: &BuildOptions,
) -> TokenSet {
    let mut documents = stories.iter().cloned().map(Ok);
    build_token_set(&mut documents, tokenizer, dir, options, &mut |_, _| {}).unwrap()
}

/// Keeps what a run tells, and asks it to stop after a step if one is given.
pub fn listener<'a>(
    stop: &'a AtomicBool,
    events: &'a mut Vec<Event>,
    stop_after: Option<u64>,
) -> impl FnMut(Event) + 'a {
    move |event| {
        if let Event::Step { metrics, .. } = &event
            && Some(metrics.step) == stop_after
        {
            stop.store(true, Ordering::Relaxed);
        }
        events.push(event);
    }
}
