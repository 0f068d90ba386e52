//! Reward models on human choices (paper Table 7's Anthropic columns, at the size of a laptop): one by
//! helpfulness, one by harmlessness, each tested on both, beside a bag of words and the longer answer.
//!
//!     cargo run --release -p puna-align --example reward_human_data -- OUT [DATA]
//!
//! `DATA` holds `hh-helpful/helpful.test.json` and `hh-harmless/harmless-base/test.jsonl.gz`; each is
//! split by the hash of the first question: one tenth to test on, nine tenths to train on. `OUT` gets the
//! starting model and the split as token ids, which `bench/peers/reward.py` trains on with other
//! software, and `puna.json`, the figures.

use puna_align::preferences::{Preference, ReadPolicy, read_preferences};
use puna_align::reward::{
    AccuracyReport, RewardJob, RewardModel, RewardSettings, ScoredPair, pair_reliability,
    train_reward,
};
use puna_align::scoreboard::Rate;
use puna_llama::{Config, HeadKind, Model, SaveOptions};
use puna_text::chat::render_training;
use puna_text::{Tokenizer, TrainOptions};
use puna_train::{Dialogue, Event, SftJob, SftSettings, sft};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const SETS: [(&str, &str); 2] = [
    ("helpful", "hh-helpful/helpful.test.json"),
    ("harmless", "hh-harmless/harmless-base/test.jsonl.gz"),
];
const THREADS: usize = 2;

/// Comparisons of one set.
#[derive(Default)]
struct Split {
    train: Vec<Preference>,
    test: Vec<Preference>,
}

fn reward_settings() -> RewardSettings {
    let mut settings = RewardSettings {
        max_tokens: 512,
        batch_pairs: 32,
        // The paper's rate is for billions of parameters.
        lr: 3e-4,
        ..RewardSettings::default()
    };
    settings.layout.micro_batch_rows = Some(1024);
    settings.checkpoint.every = 0;
    settings
}

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let out = arguments
        .next()
        .ok_or("say where to write: reward_human_data OUT [DATA]")?;
    let data = arguments.next().unwrap_or_else(|| {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/preferences")
    });
    if !data.is_dir() {
        println!("skipped: needs {}", data.display());
        return Ok(());
    }
    let settings = reward_settings();
    let mut splits = Vec::new();
    for (name, file) in SETS {
        let read = read_preferences(&data.join(file), &ReadPolicy::default())?;
        println!("{name}: {}", read.summary());
        splits.push(split(read.preferences));
    }
    let tokenizer = tokenizer(&splits)?;
    // Too long for the models is too long for the baselines, so that all see the same pairs.
    let fits = |p: &Preference| {
        let sides = [p.chosen_messages(), p.rejected_messages()];
        sides.iter().all(|m| {
            render_training(&tokenizer, m).is_ok_and(|r| r.ids.len() <= settings.max_tokens)
        })
    };
    for (split, (name, _)) in splits.iter_mut().zip(SETS) {
        for part in [&mut split.train, &mut split.test] {
            let before = part.len();
            part.retain(fits);
            let n = part.len();
            println!("{name}: {n} pairs, {} too long", before - n);
        }
    }
    let began = Instant::now();
    let chat = fine_tune(&out.join("sft"), &tokenizer, &splits)?;
    let sft_seconds = began.elapsed().as_secs_f64();
    let start = chat.with_scalar_head(settings.seed)?;
    write_for_peers(&out, &start, &tokenizer, &splits, &settings)?;

    let mut results = json!({ "parameters": start.config.n_params(), "sft_seconds": sft_seconds });
    for (split, (name, _)) in splits.iter().zip(SETS) {
        let began = Instant::now();
        let start = Model {
            config: start.config.clone(),
            params: start.params.try_clone()?,
        };
        let (mut model, summary) = train_reward(RewardJob {
            dir: &out.join(format!("reward-{name}")),
            model: start,
            tokenizer: tokenizer.clone(),
            settings: &settings,
            train: &references(&split.train),
            valid: &[],
            threads: THREADS,
            stop: None,
            on_event: &mut report,
        })?;
        let seconds = began.elapsed().as_secs_f64();
        model.save(
            &out.join(format!("reward-{name}-model")),
            &SaveOptions::default(),
        )?;
        let words = BagOfWords::fit(&split.train);
        let mut row =
            json!({ "seconds": seconds, "steps": summary.steps, "penalty": words.penalty });
        for (tested, (on, _)) in splits.iter().zip(SETS) {
            row[on] = test(&mut model, &words, &tested.test)?;
        }
        println!("trained on {name}: {row:#}");
        results[name] = row;
    }
    fs::write(out.join("puna.json"), format!("{results:#}\n"))?;
    Ok(())
}

fn references(preferences: &[Preference]) -> Vec<&Preference> {
    preferences.iter().collect()
}

fn report(event: Event) {
    match event {
        Event::Step { metrics: m, steps } if m.step % 10 == 0 => {
            println!("step {} of {steps}: loss {:.4}", m.step, m.loss);
        }
        Event::Validation(v) => println!("{v:?}"),
        Event::Warning(what) => println!("{what}"),
        _ => {}
    }
}

/// A number from 0 to 9 by the first question, so that no question stands on both sides of a split.
fn tenth(preference: &Preference) -> u64 {
    let first = preference.dialogue.first().map_or("", |m| &m.content);
    let hash: [u8; 32] = Sha256::digest(first).into();
    let number = hash[..8]
        .iter()
        .fold(0u64, |n, &byte| n << 8 | u64::from(byte));
    number % 10
}

fn split(preferences: Vec<Preference>) -> Split {
    let (test, train) = preferences.into_iter().partition(|p| tenth(p) == 0);
    Split { train, test }
}

/// Trained on the training parts only.
fn tokenizer(splits: &[Split]) -> Result<Tokenizer> {
    let texts = splits.iter().flat_map(|s| &s.train).flat_map(|p| {
        let answers = [p.chosen.as_str(), p.rejected.as_str()];
        p.dialogue.iter().map(|m| m.content.as_str()).chain(answers)
    });
    let options = TrainOptions {
        vocab_size: 4096,
        ..TrainOptions::default()
    };
    Ok(Tokenizer::train(texts, &options)?)
}

/// A small chat model that has learned the chosen answers of both training parts.
fn fine_tune(dir: &Path, tokenizer: &Tokenizer, splits: &[Split]) -> Result<Model> {
    let config = Config {
        dim: 128,
        layers: 2,
        heads: 4,
        kv_heads: 4,
        head_dim: 32,
        hidden_dim: 352,
        vocab_size: tokenizer.vocab_size(),
        context: 512,
        norm_eps: 1e-5,
        rope_theta: 1e4,
        tied: true,
        head: HeadKind::LanguageModel,
    };
    let mut settings = SftSettings {
        seq_len: 512,
        batch_sequences: 16,
        epochs: 1,
        lr: 2e-3,
        warmup_steps: 10,
        min_lr_ratio: 0.1,
        ..SftSettings::default()
    };
    settings.checkpoint.every = 0;
    let chosen = splits.iter().flat_map(|s| &s.train);
    let train: Vec<Dialogue> = chosen.map(|p| Dialogue::new(p.chosen_messages())).collect();
    let (model, summary) = sft(SftJob {
        dir,
        model: Model::init(&config, 1)?,
        tokenizer,
        settings: &settings,
        train: &train,
        valid: &[],
        threads: THREADS,
        stop: None,
        on_event: &mut report,
    })?;
    println!("fine-tuned in {} steps", summary.steps);
    Ok(model)
}

fn write_for_peers(
    out: &Path,
    start: &Model,
    tokenizer: &Tokenizer,
    splits: &[Split],
    settings: &RewardSettings,
) -> Result<()> {
    start.save(&out.join("start"), &SaveOptions::default())?;
    tokenizer.save(&out.join("start"))?;
    for (split, (name, _)) in splits.iter().zip(SETS) {
        for (part, preferences) in [("train", &split.train), ("test", &split.test)] {
            let mut lines = String::new();
            for p in preferences {
                let chosen = render_training(tokenizer, &p.chosen_messages())?.ids;
                let rejected = render_training(tokenizer, &p.rejected_messages())?.ids;
                let line = json!({ "chosen_ids": chosen, "rejected_ids": rejected });
                writeln!(lines, "{line}")?;
            }
            fs::write(out.join(format!("{name}.{part}.jsonl")), lines)?;
        }
    }
    let settings = serde_json::to_string_pretty(settings)?;
    fs::write(out.join("settings.json"), settings + "\n")?;
    Ok(())
}

/// Accuracies on one test part.
fn test(model: &mut RewardModel, words: &BagOfWords, pairs: &[Preference]) -> Result<Value> {
    let scored = model.score_pairs(&references(pairs), THREADS)?;
    let baseline = |score: &dyn Fn(&str) -> f64| {
        let hits = pairs
            .iter()
            .filter(|p| score(&p.chosen) > score(&p.rejected));
        Rate::of(hits.count() as u64, pairs.len() as u64)
    };
    let mean = |side: fn(&ScoredPair) -> f32| {
        scored.iter().map(|p| f64::from(side(p))).sum::<f64>() / scored.len() as f64
    };
    Ok(json!({
        "reward_model": AccuracyReport::of(&scored).all,
        "calibration_error": pair_reliability(&scored, 10).expected_calibration_error,
        "mean_scores": [mean(|p| p.chosen), mean(|p| p.rejected)],
        "bag_of_words": baseline(&|answer| words.score(answer)),
        "longer_answer": baseline(&|answer| answer.len() as f64),
        "shorter_answer": baseline(&|answer| -(answer.len() as f64)),
    }))
}

/// Logistic regression on the difference of the answers' word counts; the question, which both share,
/// cancels.
struct BagOfWords {
    numbers: BTreeMap<String, usize>,
    weights: Vec<f64>,
    penalty: f64,
}

/// Word numbers with the logarithm of one more than their counts.
type Counts = Vec<(usize, f64)>;

impl BagOfWords {
    /// Words of at least three training answers; of some penalties the one that does best on a tenth of
    /// the training pairs when fitted to the others.
    fn fit(train: &[Preference]) -> Self {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for answer in train.iter().flat_map(|p| [&p.chosen, &p.rejected]) {
            let words = counts(answer).into_keys();
            words.for_each(|w| *seen.entry(w).or_insert(0) += 1);
        }
        let common = seen.into_iter().filter(|&(_, n)| n >= 3);
        let numbers = common.enumerate().map(|(i, (w, _))| (w, i)).collect();
        let mut model = Self {
            numbers,
            weights: Vec::new(),
            penalty: 0.0,
        };
        let (held_out, rest): (Vec<&Preference>, Vec<&Preference>) =
            train.iter().partition(|p| tenth(p) == 1);
        let differences = |set: &[&Preference]| -> Vec<Counts> {
            set.iter().map(|p| model.difference(p)).collect()
        };
        let (held_out, rest) = (differences(&held_out), differences(&rest));
        let all = [&held_out[..], &rest].concat();
        let words = model.numbers.len();
        let right = |penalty: f64| {
            let weights = logistic(&rest, words, penalty);
            let right = held_out.iter().filter(|d| dot(&weights, d) > 0.0);
            (right.count(), penalty)
        };
        let tried = [1e-4, 1e-3, 1e-2, 1e-1].map(right);
        let best = tried.into_iter().max_by(|a, b| a.0.cmp(&b.0));
        model.penalty = best.map_or(1e-2, |(_, penalty)| penalty);
        model.weights = logistic(&all, words, model.penalty);
        model
    }

    fn features(&self, answer: &str) -> Counts {
        let known = counts(answer).into_iter();
        known
            .filter_map(|(w, n)| Some((*self.numbers.get(&w)?, n.ln_1p())))
            .collect()
    }

    fn difference(&self, p: &Preference) -> Counts {
        let mut difference: BTreeMap<usize, f64> = self.features(&p.chosen).into_iter().collect();
        for (word, count) in self.features(&p.rejected) {
            *difference.entry(word).or_insert(0.0) -= count;
        }
        difference.into_iter().collect()
    }

    fn score(&self, answer: &str) -> f64 {
        dot(&self.weights, &self.features(answer))
    }
}

fn counts(answer: &str) -> BTreeMap<String, f64> {
    let mut counts = BTreeMap::new();
    let between = |c: char| !c.is_alphanumeric() && c != '\'';
    for word in answer.split(between).filter(|w| !w.is_empty()) {
        *counts.entry(word.to_lowercase()).or_insert(0.0) += 1.0;
    }
    counts
}

fn dot(weights: &[f64], features: &[(usize, f64)]) -> f64 {
    features.iter().map(|&(i, v)| weights[i] * v).sum()
}

/// Minimises the mean of `-log sigmoid(w d)` plus `penalty / 2 |w|²` by gradient descent with momentum.
fn logistic(differences: &[Counts], words: usize, penalty: f64) -> Vec<f64> {
    let (mut weights, mut speed) = (vec![0.0; words], vec![0.0; words]);
    for _ in 0..500 {
        let mut gradient: Vec<f64> = weights.iter().map(|w| penalty * w).collect();
        for d in differences {
            let slope = -1.0 / (1.0 + dot(&weights, d).exp()) / differences.len() as f64;
            d.iter().for_each(|&(i, v)| gradient[i] += slope * v);
        }
        for ((w, s), g) in weights.iter_mut().zip(&mut speed).zip(gradient) {
            *s = 0.9 * *s - 0.3 * g;
            *w += *s;
        }
    }
    weights
}
