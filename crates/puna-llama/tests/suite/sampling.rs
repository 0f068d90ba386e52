//! What the options of sampling make of whole completions, against the definitions applied to the logits
//! of a training pass over the text.

use crate::common::*;
use puna_compute::{Cpu, WeightFormat};
use puna_llama::{
    Batch, Decoder, GenerateOptions, Model, SamplingOptions, Worker, WorkerOptions, generate,
};
use puna_text::{Tokenizer, TrainOptions};

const VOCAB: usize = 300;
const MAX_TOKENS: usize = 20;
const CAPACITY: usize = 64;

const TEXT: &str = "the llama walks up the hill and eats the grass; the puna is high and cold.";

struct Setting {
    model: Model,
    tokenizer: Tokenizer,
    prompts: Vec<Vec<u32>>,
}

fn setting() -> Setting {
    let options = TrainOptions {
        vocab_size: VOCAB,
        ..TrainOptions::default()
    };
    let tokenizer = Tokenizer::train([TEXT], &options).unwrap();
    let model = lively_model(tokenizer.vocab_size());
    // Of every length from one token up, so that some are read in several pieces.
    let prompts = (0..12).map(|i| {
        let text = tokenizer.encode(&TEXT[i..]);
        let length = (3 * i).min(text.len());
        [vec![tokenizer.bos()], text[..length].to_vec()].concat()
    });
    let prompts = prompts.collect();
    Setting {
        model,
        tokenizer,
        prompts,
    }
}

impl Setting {
    /// The completions' tokens, several at a time and read in small pieces.
    fn complete(&self, sampling: SamplingOptions) -> Vec<Vec<u32>> {
        let (config, params) = (&self.model.config, &self.model.params);
        let format = WeightFormat::Training;
        let mut decoder = Decoder::new(Cpu::new(1), config, params, format, 3, CAPACITY).unwrap();
        let options = GenerateOptions {
            max_tokens: MAX_TOKENS,
            sampling,
            ignore_eos: true,
            prefill_rows: 8,
            ..GenerateOptions::default()
        };
        let done = generate(&mut decoder, &self.tokenizer, &self.prompts, &options, None).unwrap();
        done.into_iter().map(|g| g.tokens).collect()
    }

    fn worker(&self) -> Worker<Cpu> {
        let options = WorkerOptions {
            max_rows: CAPACITY,
            recompute: false,
        };
        Worker::new(Cpu::new(1), &self.model.config, options).unwrap()
    }

    /// The logits behind every token of a text, from its beginning.
    fn logits(&self, worker: &mut Worker<Cpu>, text: &[u32]) -> Vec<f32> {
        let mut batch = Batch::default();
        batch.push(text, text);
        worker.logits(&self.model.params, &batch).unwrap()
    }

    /// Every token of the completions with the logits that it was chosen from.
    fn choices(&self, completions: &[Vec<u32>]) -> Vec<(usize, Vec<f32>)> {
        let vocab = self.model.config.vocab_size;
        let mut worker = self.worker();
        let mut choices = Vec::new();
        for (prompt, completion) in self.prompts.iter().zip(completions) {
            let logits = self.logits(&mut worker, &[&prompt[..], completion].concat());
            let rows = logits.chunks(vocab).skip(prompt.len() - 1);
            let chosen = completion.iter().map(|&token| token as usize);
            choices.extend(chosen.zip(rows.map(<[f32]>::to_vec)));
        }
        choices
    }

    /// Greedy completions under a penalty of what `seen` takes of prompt and completion, each token from
    /// a whole pass over the text.
    fn penalised(&self, penalty: f32, seen: fn(&[u32], usize) -> &[u32]) -> Vec<Vec<u32>> {
        let vocab = self.model.config.vocab_size;
        let mut worker = self.worker();
        let complete = |prompt: &Vec<u32>| {
            let mut text = prompt.clone();
            for _ in 0..MAX_TOKENS {
                let logits = self.logits(&mut worker, &text);
                let mut scores = logits[logits.len() - vocab..].to_vec();
                // As transformers' RepetitionPenaltyLogitsProcessor: once, however often it occurred.
                for (token, score) in scores.iter_mut().enumerate() {
                    if seen(&text, prompt.len()).contains(&(token as u32)) {
                        *score = match *score < 0.0 {
                            true => *score * penalty,
                            false => *score / penalty,
                        };
                    }
                }
                let best = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                text.extend(scores.iter().position(|&s| s == best).map(|t| t as u32));
            }
            text.split_off(prompt.len())
        };
        self.prompts.iter().map(complete).collect()
    }
}

fn sampled(temperature: f32, top_k: usize, top_p: f32) -> SamplingOptions {
    SamplingOptions {
        temperature,
        top_k,
        top_p,
        ..SamplingOptions::default()
    }
}

#[test]
fn a_repetition_penalty_counts_prompt_and_completion() {
    let setting = setting();
    for penalty in [1.4, 0.8] {
        let greedy = SamplingOptions {
            repetition_penalty: penalty,
            ..SamplingOptions::greedy()
        };
        let expected = setting.penalised(penalty, |text, _| text);
        assert_eq!(setting.complete(greedy), expected, "penalty {penalty}");
        // Each of the simpler things that it could be taken for says something else.
        assert_ne!(setting.penalised(penalty, |_, _| &[]), expected);
        assert_ne!(setting.penalised(penalty, |text, n| &text[n..]), expected);
        assert_ne!(setting.penalised(penalty, |text, n| &text[..n]), expected);
    }
}

#[test]
fn the_best_of_one_is_the_greedy_token() {
    let setting = setting();
    let greedy = setting.complete(SamplingOptions::greedy());
    assert_eq!(greedy, setting.penalised(1.0, |_, _| &[]));
    for (temperature, top_p) in [(0.3, 1.0), (1.0, 0.5), (10.0, 1.0)] {
        assert_eq!(setting.complete(sampled(temperature, 1, top_p)), greedy);
    }
    assert_ne!(setting.complete(sampled(10.0, 0, 1.0)), greedy);
}

#[test]
fn top_k_stays_among_the_k_best() {
    let setting = setting();
    for k in [2, 5] {
        let completions = setting.complete(sampled(8.0, k, 1.0));
        let mut ranks = vec![0; k];
        for (token, logits) in setting.choices(&completions) {
            let better = logits.iter().filter(|&&l| l > logits[token]).count();
            assert!(better < k, "{better} tokens are more probable");
            ranks[better] += 1;
        }
        // Hot enough that each of them comes.
        assert!(ranks.iter().all(|&times| times > 10), "{ranks:?}");
    }
}

#[test]
fn top_p_stays_within_the_mass() {
    let setting = setting();
    let temperature = 4.0;
    // The mass of what is more probable than each token chosen.
    let preceding = |top_p: f32| -> Vec<f64> {
        let completions = setting.complete(sampled(temperature, 0, top_p));
        let choices = setting.choices(&completions).into_iter();
        let mass = choices.map(|(token, logits)| {
            let weight = |l: &f32| (f64::from(*l) / f64::from(temperature)).exp();
            let better = logits.iter().filter(|&&l| l > logits[token]);
            better.map(weight).sum::<f64>() / logits.iter().map(weight).sum::<f64>()
        });
        mass.collect()
    };
    for top_p in [0.3, 0.7] {
        let within = preceding(top_p);
        let most = within.iter().copied().fold(0.0, f64::max);
        assert!(most <= f64::from(top_p) + 1e-6, "{most} of {top_p}");
        assert!(most > 0.8 * f64::from(top_p), "{most} of {top_p}");
        let all = preceding(1.0).into_iter();
        assert!(all.filter(|&mass| mass > f64::from(top_p)).count() > 10);
    }
}
