//! What a plan will take, counted before anything is allocated.

use crate::calibrate::training_rate;
use crate::machine;
use crate::recipe::{Plan, PretrainPlan, SftPlan, Stage};
use anyhow::Result;
use puna_llama::Config;
use puna_train::{FleetOptions, MemoryPlan, memory_bytes};
use puna_world::World;
use serde::Serialize;
use serde_json::{Value, json};
use std::fs;

/// What the program itself takes, its threads' stacks and its buffers for files included.
const PROGRAM: u64 = 8 << 20;
/// Bytes of English text a token stands for, by the number of pieces: 512 to 32,768 in fourfold
/// steps. Measured on stories and on the synthetic world; real counts replace it once they are there.
const BYTES_PER_TOKEN: [(f64, f64); 4] = [(512.0, 2.4), (2048.0, 3.5), (8192.0, 4.1), (32_768.0, 4.4)];
/// Text tokenised a second by a thread, in bytes.
const TOKENISING: f64 = 8e6;

/// What a stage will take. What cannot be known yet is missing.
#[derive(Clone, Debug, Serialize)]
pub struct StageForecast {
    /// The stage.
    pub stage: &'static str,
    /// Tokens it goes through.
    pub tokens: Option<f64>,
    /// Steps of the optimizer.
    pub steps: Option<u64>,
    /// Floating-point operations.
    pub flops: Option<f64>,
    /// Most memory, in bytes.
    pub peak_bytes: Option<u64>,
    /// Time on this machine.
    pub seconds: Option<f64>,
    /// What else is worth knowing.
    pub details: Value,
}

/// What a plan will take.
#[derive(Clone, Debug, Serialize)]
pub struct Forecast {
    /// The recipe's name.
    pub recipe: String,
    /// Threads it was made for.
    pub threads: usize,
    /// Memory of the machine.
    pub memory_bytes: Option<u64>,
    /// Measured speed of training here.
    pub training_flops_per_second: Option<f64>,
    /// By stage.
    pub stages: Vec<StageForecast>,
    /// The most memory of any stage.
    pub peak_bytes: u64,
    /// Whether the machine has that much.
    pub fits: bool,
}

/// Forecasts a plan; with `timed`, measures this machine for about a second.
pub fn forecast(plan: &Plan, threads: usize, timed: bool) -> Result<Forecast> {
    let mut rate = None;
    if timed && let Some((config, seq)) = trained(plan) {
        rate = Some(training_rate(config, seq, threads)?);
    }
    let mut text = None;
    let mut stages = Vec::new();
    for stage in &plan.stages {
        let stage = match stage {
            Stage::World(_) | Stage::Corpus(_) => {
                let (bytes, held_out, pairs) = measure_text(stage);
                text = bytes.map(|bytes| Text {
                    training: bytes * (1.0 - held_out),
                    per_token: 0.0,
                    dialogues: pairs,
                });
                plain(stage, None, bytes.map(|b| PROGRAM + b as u64), bytes.map(|b| b / 5e7), json!({}))
            }
            Stage::Tokenizer(plan) => {
                if let Some(text) = &mut text {
                    text.per_token = bytes_per_token(plan.options.vocab_size);
                }
                let most = plan.max_training_bytes.unwrap_or(u64::MAX) as f64;
                let bytes = text.as_ref().map(|t| t.training.min(most)).filter(|_| plan.path.is_none());
                // The text itself, and its distinct words with their counts.
                let peak = bytes.map(|b| PROGRAM + (1.6 * b) as u64);
                plain(stage, None, peak, bytes.map(|b| 0.3 + b / 1e7), json!({"pieces": plan.options.vocab_size}))
            }
            Stage::Tokens(_) => {
                let tokens = text.as_ref().map(Text::tokens);
                let peak = PROGRAM + threads as u64 * (6 << 20);
                let seconds = text.as_ref().map(|t| t.training / TOKENISING / threads as f64);
                plain(stage, tokens, Some(peak), seconds, json!({}))
            }
            Stage::Pretrain(plan) => pretrain(plan, threads, rate, text.as_ref()),
            Stage::Sft(plan) => sft(plan, threads, rate, text.as_ref()),
            Stage::Evaluate(_) => {
                let weights = trained(plan).map(|(config, _)| 4 * config.n_params());
                plain(stage, None, weights.map(|w| PROGRAM + 2 * w), None, json!({}))
            }
        };
        stages.push(stage);
    }
    let peak_bytes = stages.iter().filter_map(|s| s.peak_bytes).max().unwrap_or(0);
    let memory_bytes = machine::memory();
    Ok(Forecast {
        recipe: plan.name.clone(),
        threads,
        memory_bytes,
        training_flops_per_second: rate,
        stages,
        peak_bytes,
        fits: memory_bytes.is_none_or(|memory| peak_bytes <= memory),
    })
}

impl Forecast {
    /// Why the plan cannot run here, with the number and the remedy.
    pub fn refusal(&self) -> Option<String> {
        if self.fits {
            return None;
        }
        let worst = self.stages.iter().max_by_key(|s| s.peak_bytes)?;
        Some(format!(
            "recipe {} needs {} of memory in stage {}, and this machine has {}; make the model smaller or the \
             sequences shorter, set engine.recompute=true and engine.lanes=1, use fewer --threads, or a larger \
             machine (`puna plan` shows what each part takes)",
            self.recipe,
            crate::report::bytes(self.peak_bytes),
            worst.stage,
            crate::report::bytes(self.memory_bytes.unwrap_or(0)),
        ))
    }
}

/// What is known of the text before it is read.
struct Text {
    training: f64,
    per_token: f64,
    /// Dialogues and their mean bytes.
    dialogues: Option<(u64, f64)>,
}

impl Text {
    fn tokens(&self) -> f64 {
        self.training / self.per_token
    }
}

fn trained(plan: &Plan) -> Option<(&Config, usize)> {
    plan.stages.iter().find_map(|stage| match stage {
        Stage::Pretrain(plan) => Some((&plan.model, plan.settings.seq_len)),
        _ => None,
    })
}

fn plain(
    stage: &Stage,
    tokens: Option<f64>,
    peak_bytes: Option<u64>,
    seconds: Option<f64>,
    details: Value,
) -> StageForecast {
    StageForecast { stage: stage.name(), tokens, steps: None, flops: None, peak_bytes, seconds, details }
}

/// Bytes of text, share held out, and dialogues with their mean bytes.
fn measure_text(stage: &Stage) -> (Option<f64>, f64, Option<(u64, f64)>) {
    match stage {
        Stage::World(plan) => {
            // The world is cheap enough to be asked itself.
            let world = World::generate(&plan.options);
            let bytes: usize = world.documents().map(|d| d.text.len()).sum();
            let dialogues = world.dialogues();
            let spoken: usize = dialogues.iter().flat_map(|d| &d.messages).map(|(_, text)| text.len()).sum();
            let mean = spoken as f64 / dialogues.len().max(1) as f64;
            (Some(bytes as f64), plan.held_out, Some((dialogues.len() as u64, mean)))
        }
        Stage::Corpus(plan) => {
            let size = |source: &crate::recipe::Source| -> Option<f64> {
                let size = fs::metadata(&source.path).ok()?.len() as f64;
                let packed = source.path.extension().is_some_and(|e| e == "zst");
                let text = if packed { 3.6 * size } else { size };
                Some(source.max_bytes.map_or(text, |most| text.min(most as f64)))
            };
            (plan.sources.iter().map(size).sum(), plan.held_out, None)
        }
        _ => (None, 0.0, None),
    }
}

/// Linear between the measured sizes, on a logarithmic scale.
fn bytes_per_token(vocab: usize) -> f64 {
    let at = (vocab as f64).ln();
    let [first, .., last] = BYTES_PER_TOKEN;
    for pair in BYTES_PER_TOKEN.windows(2) {
        let ((v0, b0), (v1, b1)) = (pair[0], pair[1]);
        if (v0.ln()..=v1.ln()).contains(&at) {
            return b0 + (b1 - b0) * (at - v0.ln()) / (v1.ln() - v0.ln());
        }
    }
    if at < first.0.ln() { first.1 } else { last.1 }
}

fn memory(config: &Config, fleet: &FleetOptions) -> (MemoryPlan, u64) {
    let plan = memory_bytes(config, fleet);
    (plan, PROGRAM + plan.total())
}

fn parts(memory: &MemoryPlan) -> Value {
    json!({
        "parameters": memory.parameters, "moments": memory.moments, "gradients": memory.gradients,
        "activations": memory.activations,
    })
}

fn pretrain(plan: &PretrainPlan, threads: usize, rate: Option<f64>, text: Option<&Text>) -> StageForecast {
    let s = &plan.settings;
    let rows = s.rows_per_step();
    let steps = s.steps.or_else(|| {
        let epoch = text?.tokens();
        Some((s.epochs? * epoch / rows as f64).ceil() as u64)
    });
    let (parts_of, peak) = memory(&plan.model, &s.layout.fleet(s.seq_len, threads));
    let per_token = plan.model.train_flops_per_token(s.seq_len) * if s.layout.recompute { 4.0 / 3.0 } else { 1.0 };
    let flops = steps.map(|steps| (steps * rows) as f64 * per_token);
    // The files are mapped, and what is read of them stays while there is room.
    let mapped = text.map_or(0.0, |t| t.tokens() * if plan.model.vocab_size <= 1 << 16 { 2.0 } else { 4.0 });
    StageForecast {
        stage: "pretrain",
        tokens: steps.map(|steps| (steps * rows) as f64),
        steps,
        flops,
        peak_bytes: Some(peak + mapped as u64),
        seconds: flops.zip(rate).map(|(flops, rate)| flops / rate),
        details: json!({
            "parameters": plan.model.n_params(),
            "batch_tokens": rows,
            "sequence_length": s.seq_len,
            "warmup_steps": s.warmup_steps,
            "warmup_tokens": s.warmup_steps * rows,
            "peak_lr": s.lr,
            "final_lr": s.lr * s.min_lr_ratio,
            "memory": parts(&parts_of),
        }),
    }
}

fn sft(plan: &SftPlan, threads: usize, rate: Option<f64>, text: Option<&Text>) -> StageForecast {
    let s = &plan.settings;
    // The world's dialogues by their text; others by what the recipe expects of them.
    let world = text.and_then(|t| {
        let (count, bytes) = t.dialogues?;
        // Tags, BOS and EOS of about a turn and a half.
        Some((count, bytes / t.per_token + 15.0))
    });
    let data = if plan.dialogues.is_some() { plan.expected } else { world };
    let data = data.map(|(count, mean)| ((count as f64) * (1.0 - plan.held_out), mean));
    // Sequences are filled with whole dialogues: on average half a dialogue stays empty.
    let steps = data.map(|(count, mean)| {
        let room = (s.seq_len as f64 - mean / 2.0).max(mean);
        let sequences = (count * mean / room).ceil();
        s.epochs * (sequences / s.batch_sequences as f64).ceil() as u64
    });
    let tokens = data.map(|(count, mean)| s.epochs as f64 * count * mean);
    let (parts_of, peak) = memory(&plan.model, &s.layout.fleet(s.seq_len, threads));
    let per_token = plan.model.train_flops_per_token(s.seq_len) * if s.layout.recompute { 4.0 / 3.0 } else { 1.0 };
    let flops = tokens.map(|tokens| tokens * per_token);
    // Text, tokens, targets and weights of every dialogue.
    let rows = data.map_or(0.0, |(count, mean)| count * (mean * 18.0 + 300.0));
    StageForecast {
        stage: "sft",
        tokens,
        steps,
        flops,
        peak_bytes: Some(peak + rows as u64),
        seconds: flops.zip(rate).map(|(flops, rate)| flops / rate),
        details: json!({
            "dialogues": data.map(|(count, _)| count.round()),
            "epochs": s.epochs,
            "batch_tokens": s.seq_len * s.batch_sequences,
            "peak_lr": s.lr,
            "memory": parts(&parts_of),
        }),
    }
}
