//! Tokens a second of sampling: 8 answers of 64 tokens to each of 64 prompts, from a random model of
//! 128 dimensions, 4 layers and 1,536 token ids.
//!
//! `cargo run --release -p puna-align --example rollout_speed -- [threads] [slots] [temperature] [top_p]`

use puna_align::rollout::{RolloutOptions, Rollouts, SampleOptions};
use puna_llama::{Config, HeadKind, Model, SamplingOptions};
use puna_text::{Tokenizer, TrainOptions};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let argument = |i: usize, default: &str| std::env::args().nth(i).unwrap_or(default.into());
    let threads = argument(1, "1").parse()?;
    let slots = argument(2, "8").parse()?;
    let sampling = SamplingOptions {
        temperature: argument(3, "1.0").parse()?,
        top_p: argument(4, "1.0").parse()?,
        ..SamplingOptions::default()
    };
    // Words of three syllables; how they are spelt is of no influence.
    let syllables = [
        "ka", "lo", "mi", "tu", "ren", "sa", "pol", "vi", "ne", "dor", "ga", "shi",
    ];
    let word = |i: usize| {
        [i % 12, i / 12 % 12, i / 144 % 12]
            .map(|s| syllables[s])
            .concat()
    };
    let text: Vec<String> = (0..4000).map(|i| word(i * 7919 % 1728)).collect();
    let tokenizer = Tokenizer::train(
        [text.join(" ").as_str()],
        &TrainOptions {
            vocab_size: 1536,
            ..TrainOptions::default()
        },
    )?;
    let config = Config {
        dim: 128,
        layers: 4,
        heads: 4,
        kv_heads: 4,
        head_dim: 32,
        hidden_dim: 352,
        vocab_size: tokenizer.vocab_size(),
        context: 256,
        norm_eps: 1e-5,
        rope_theta: 10_000.0,
        tied: false,
        head: HeadKind::LanguageModel,
    };
    let model = Model::init(&config, 1)?;
    let prompts: Vec<Vec<u32>> = (0..64)
        .map(|i| {
            let words: Vec<&str> = text[i * 20..][..20].iter().map(String::as_str).collect();
            [vec![tokenizer.bos()], tokenizer.encode(&words.join(" "))].concat()
        })
        .collect();
    let layout = RolloutOptions {
        threads,
        slots,
        capacity: 256,
    };
    let mut rollouts = Rollouts::new(&config, &tokenizer, layout)?;
    let options = SampleOptions {
        k: 8,
        max_tokens: 64,
        sampling,
        numbers: Vec::new(),
    };
    for round in 0..3 {
        let start = Instant::now();
        let answers = rollouts.sample(&model.params, &prompts, &options)?;
        let seconds = start.elapsed().as_secs_f64();
        let tokens: usize = answers.iter().flatten().map(|a| a.tokens.len()).sum();
        println!(
            "round {round}: {tokens} tokens of {} vocabulary, {seconds:.3} s, {:.0} tokens/s with {threads} threads of \
             {slots} slots",
            tokenizer.vocab_size(),
            tokens as f64 / seconds
        );
    }
    Ok(())
}
