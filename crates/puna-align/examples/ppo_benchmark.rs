//! Times iterations of PPO by phase, on a random model (paper section 3.2.3 names generation as what
//! is slow). `bench/peers/ppo.py` does the same work in PyTorch.
//!
//!     cargo run --release -p puna-align --example ppo_benchmark -- [--dim 288] [--layers 6] ..
//!
//! Prints one JSON object: the seconds of each iteration and its phases, and the lengths as they came
//! out, and the processor's seconds where the system tells them. The judge is two reward models of the policy's
//! size over as many tokens, or one with `--reward-models 1`.

#![allow(clippy::unwrap_used)]

use puna_align::Result;
use puna_align::judge::{Judge, Scores};
use puna_align::ppo::{HeldOutSettings, PpoEvent, PpoJob, PpoSettings, Seconds, ppo};
use puna_align::prompt::Prompt;
use puna_llama::{Config, HeadKind, Model};
use puna_text::{Tokenizer, TrainOptions};
use puna_train::{CheckpointSettings, Fleet, LayoutSettings, Sequence};
use std::collections::BTreeMap;

/// Reward models that read as many tokens as a prompt and its answer have. One alone is both.
struct RewardModels {
    models: Vec<Model>,
    fleet: Fleet,
    rows: usize,
}

impl Judge for RewardModels {
    fn score(&mut self, prompts: &[&Prompt], _: &[&str]) -> Result<Vec<Scores>> {
        let mut sequence = Sequence::default();
        let tokens: Vec<u32> = (0..self.rows as u32).map(|i| 3 + i % 250).collect();
        let mut weights = vec![0.0; self.rows];
        weights[self.rows - 1] = 1.0;
        sequence.push(&tokens, &tokens, weights, true);
        let sequences = vec![sequence; prompts.len()];
        let mut scores = Vec::new();
        for model in &self.models {
            let outputs = self.fleet.scalars(&model.params, &sequences)?;
            let last = outputs
                .into_iter()
                .map(|o| o.last().copied().unwrap_or(0.0));
            let each: Vec<f64> = last.map(|x| sigmoid(f64::from(x))).collect();
            scores.push(each);
        }
        let (helpfulness, safety) = (&scores[0], &scores[scores.len() - 1]);
        let pairs = helpfulness.iter().zip(safety);
        Ok(pairs
            .map(|(&helpfulness, &safety)| Scores {
                helpfulness,
                safety,
            })
            .collect())
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Seconds that the processor gave this process, in steps of a hundredth; 0 where `/proc` is not.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name in parentheses: user and system time are the 12th and 13th.
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks = fields
        .skip(11)
        .take(2)
        .filter_map(|f| f.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

/// Words of random syllables: enough different ones for any vocabulary.
fn words(n: usize, seed: u64) -> Vec<String> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut below = |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % n
    };
    let (heads, tails) = (b"bcdfghjklmnprstvwz", b"aeiou");
    let mut word = || {
        let syllables = 2 + below(2);
        let letters = (0..syllables).flat_map(|_| {
            [
                char::from(heads[below(heads.len())]),
                char::from(tails[below(tails.len())]),
            ]
        });
        letters.collect::<String>()
    };
    (0..n).map(|_| word()).collect()
}

fn main() {
    let defaults = [
        ("dim", 288),
        ("layers", 6),
        ("heads", 6),
        ("hidden", 768),
        ("vocab", 4096),
        ("prompt", 64),
        ("answer", 64),
        ("batch", 64),
        ("mini-batch", 16),
        ("reward-models", 2),
        ("threads", 2),
        ("slots", 32),
        ("rows", 512),
        ("iterations", 3),
    ];
    let mut options: BTreeMap<&str, usize> = defaults.into();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    for pair in arguments.chunks(2) {
        let known = pair[0].strip_prefix("--").and_then(|k| options.get_mut(k));
        match (known, pair.get(1).and_then(|v| v.parse().ok())) {
            (Some(option), Some(value)) => *option = value,
            _ => panic!("{pair:?} is no option of {defaults:?}"),
        }
    }
    let of = |name: &str| options[name];

    let text = words(60_000, 1);
    let train = TrainOptions {
        vocab_size: of("vocab"),
        ..TrainOptions::default()
    };
    let lines: Vec<String> = text.chunks(20).map(|line| line.join(" ")).collect();
    let tokenizer = Tokenizer::train(lines.iter().map(String::as_str), &train).unwrap();
    let prompts: Vec<Prompt> = (0..of("batch"))
        .map(|i| {
            let mut prompt = Prompt::new(format!("p{i}"), "");
            for word in words(1000, i as u64 + 2) {
                let longer = format!("{} {word}", prompt.messages[0].content);
                let before = std::mem::replace(&mut prompt.messages[0].content, longer);
                if prompt.render(&tokenizer).unwrap().len() > of("prompt") {
                    prompt.messages[0].content = before;
                    break;
                }
            }
            prompt
        })
        .collect();
    let lengths = prompts.iter().map(|p| p.render(&tokenizer).unwrap().len());
    let prompt_tokens: usize = lengths.sum();

    let config = Config {
        dim: of("dim"),
        layers: of("layers"),
        heads: of("heads"),
        kv_heads: of("heads"),
        head_dim: of("dim") / of("heads"),
        hidden_dim: of("hidden"),
        vocab_size: of("vocab"),
        context: of("prompt") + of("answer"),
        norm_eps: 1e-5,
        rope_theta: 1e4,
        tied: false,
        head: HeadKind::LanguageModel,
    };
    let model = |seed| Model::init(&config, seed).unwrap();
    let scalar = |seed| model(seed).with_scalar_head(seed).unwrap();
    let rows = of("prompt") + of("answer");
    let layout = LayoutSettings {
        lanes: of("threads"),
        micro_batch_rows: Some(of("rows").max(rows)),
        recompute: false,
    };
    let settings = PpoSettings {
        iterations: of("iterations") as u64,
        least_iterations: 0,
        batch: of("batch"),
        mini_batch: of("mini-batch"),
        max_tokens: of("answer"),
        seq_len: rows + 1,
        slots: of("slots"),
        held_out: HeldOutSettings {
            every: 0,
            ..HeldOutSettings::default()
        },
        layout: layout.clone(),
        checkpoint: CheckpointSettings { every: 0, keep: 1 },
        ..PpoSettings::default()
    };
    let critic = scalar(2);
    let mut judge = RewardModels {
        fleet: Fleet::new(&critic.config, layout.fleet(rows, of("threads"))).unwrap(),
        models: (3..).map(scalar).take(of("reward-models").max(1)).collect(),
        rows: rows - 1,
    };
    let mut iterations: Vec<Seconds> = Vec::new();
    let mut lengths = Vec::new();
    let mut cpu = vec![cpu_seconds()];
    let dir = std::env::temp_dir().join(format!("ppo-benchmark-{}", std::process::id()));
    let out = ppo(PpoJob {
        dir: &dir,
        policy: model(1),
        critic,
        tokenizer: &tokenizer,
        settings: &settings,
        prompts: &prompts,
        held_out: &[],
        judge: &mut judge,
        judge_name: "random reward models",
        held_out_judge: None,
        threads: of("threads"),
        stop: None,
        on_event: &mut |event| {
            if let PpoEvent::Iteration {
                metrics, seconds, ..
            } = event
            {
                assert_eq!(metrics.sampling_difference, 0.0);
                lengths.push(metrics.length);
                cpu.push(cpu_seconds());
                iterations.push(seconds);
            }
        },
    });
    let _ = std::fs::remove_dir_all(&dir);
    out.unwrap();
    // The checkpoint after the last iteration is no part of an iteration.
    let seconds: Vec<f64> = iterations.iter().map(|s| s.total() - s.other).collect();
    let report = serde_json::json!({
        "engine": "puna",
        "options": options,
        "parameters": config.n_params(),
        "mean_prompt": prompt_tokens as f64 / of("batch") as f64,
        "mean_answer": lengths,
        "seconds": seconds,
        "cpu_seconds": cpu.windows(2).map(|w| w[1] - w[0]).collect::<Vec<f64>>(),
        "phases": iterations,
    });
    println!("{report}");
}
