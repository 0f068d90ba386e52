//! A small model, a small vocabulary and small prompts that the tests share.
#![allow(dead_code, clippy::unwrap_used)]

use puna_align::prompt::Prompt;
use puna_compute::HostBuf;
use puna_llama::{Config, HeadKind, Model, ParamKind, Params};
use puna_text::chat::{Message, Role};
use puna_text::{Tokenizer, TrainOptions};

pub fn tokenizer() -> Tokenizer {
    let text = "Tell me of the llama, the condor and the fox. I would rather sing of the river.";
    let options = TrainOptions {
        vocab_size: 300,
        ..TrainOptions::default()
    };
    Tokenizer::train([text], &options).unwrap()
}

pub fn config(tokenizer: &Tokenizer) -> Config {
    Config {
        dim: 16,
        layers: 2,
        heads: 4,
        kv_heads: 2,
        head_dim: 4,
        hidden_dim: 24,
        vocab_size: tokenizer.vocab_size(),
        context: 64,
        norm_eps: 1e-5,
        rope_theta: 1e4,
        tied: false,
        head: HeadKind::LanguageModel,
    }
}

pub fn policy(tokenizer: &Tokenizer) -> Model {
    Model::init(&config(tokenizer), 5).unwrap()
}

/// A policy that ends an answer after seven tokens on average. One component of the residual stream is
/// the same for every token, so the row of the end in the head can read it.
pub fn ending_policy(tokenizer: &Tokenizer) -> Model {
    let mut model = policy(tokenizer);
    let dim = model.config.dim;
    let embedding = model.params.get_mut(ParamKind::Embedding, &model.config);
    embedding.chunks_mut(dim).for_each(|row| row[0] = 0.1);
    let head = model.params.get_mut(ParamKind::Head, &model.config);
    head[tokenizer.eos() as usize * dim] = 1.25;
    model
}

pub fn critic(tokenizer: &Tokenizer) -> Model {
    policy(tokenizer).with_scalar_head(6).unwrap()
}

pub fn prompts(n: usize) -> Vec<Prompt> {
    let topics = ["the llama", "the condor", "the fox", "a river"];
    (0..n)
        .map(|i| Prompt {
            messages: vec![Message::new(
                Role::User,
                format!("Tell me of {}, {i}.", topics[i % 4]),
            )],
            safety: i % 4 == 3,
            category: None,
            id: format!("p{i}"),
        })
        .collect()
}

pub fn bits(params: &Params<HostBuf>) -> Vec<u32> {
    params
        .tensors
        .iter()
        .flat_map(|t| t.iter().map(|v| v.to_bits()))
        .collect()
}
