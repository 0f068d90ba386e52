//! What a plan will take, counted before anything is allocated.

mod basis;
mod feedback;
mod memory;
mod pairs;
mod text;
mod total;
mod training;
mod world;

use crate::calibrate::training_rate;
use crate::machine;
use crate::recipe::{EvaluatePlan, Plan, Stage};
use anyhow::Result;
use basis::Basis;
use puna_llama::Config;
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Duration;
use text::Text;
pub use total::Total;

/// What the program itself takes, its threads' stacks and its buffers for files included.
const PROGRAM: u64 = 8 << 20;
/// Text that comes out of pages a second by a thread, in bytes.
const EXTRACTING: f64 = 2e6;
/// What a thread holds of pages, tables and index while a corpus is made.
const PAGES_AT_ONCE: u64 = 64 << 20;
/// What no time is given for, since how fast models answer here is not measured.
const SAMPLING: &str = "sampling";
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
    /// Time on this machine, without what `untimed` names.
    pub seconds: Option<f64>,
    /// What that time follows from.
    pub seconds_by: Option<Speed>,
    /// What of the stage takes a time that nothing here tells.
    pub untimed: Option<&'static str>,
    /// What else is worth knowing.
    pub details: Value,
}

/// A speed that a time follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Speed {
    /// Training, as it was measured on this machine just now.
    Measured,
    /// Work on text, at a speed that is the same for every machine.
    Assumed,
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
    /// Of all stages, as far as it is known.
    pub total: Total,
    /// The most memory of any stage, as far as it is known.
    pub peak_bytes: u64,
    /// Whether the machine has that much.
    pub fits: bool,
}

/// How long a forecast measures this machine for, unless told.
pub const MEASURED: Duration = Duration::from_millis(600);

/// Forecasts a plan. With a time to measure this machine for, counts all that the stages will read;
/// otherwise only what their memory is known by.
pub fn forecast(plan: &Plan, threads: usize, measured: Option<Duration>) -> Result<Forecast> {
    let trained = trained(plan);
    let mut rate = None;
    if let (Some(measured), Some((config, seq))) = (measured, trained) {
        rate = training_rate(config, seq, threads, measured)?;
    }
    let text = Text::sample(plan, measured.is_some());
    let basis = Basis {
        plan,
        model: trained.map(|(model, _)| model),
        threads,
        rate,
        text: text.as_ref(),
    };
    let each = plan.stages.iter().enumerate();
    let stages: Vec<StageForecast> = each
        .map(|(i, stage)| forecast_of(stage, i, basis))
        .collect();
    let peaks = stages.iter().filter_map(|s| s.peak_bytes);
    let peak_bytes = peaks.max().unwrap_or(0);
    let memory_bytes = machine::memory();
    Ok(Forecast {
        recipe: plan.name.clone(),
        threads,
        memory_bytes,
        training_flops_per_second: rate,
        total: Total::of(plan, &stages),
        stages,
        peak_bytes,
        fits: memory_bytes.is_none_or(|memory| peak_bytes <= memory),
    })
}

/// Forecasts a stage, the one of this number in its plan.
fn forecast_of(stage: &Stage, index: usize, basis: Basis<'_>) -> StageForecast {
    let Basis { threads, text, .. } = basis;
    let bytes = text.map(|text| text.bytes);
    match stage {
        Stage::World(_) | Stage::Texts(_) => plain(
            stage,
            None,
            bytes.map(|b| PROGRAM + b as u64),
            bytes.map(|b| b / 5e7),
            json!({}),
        ),
        Stage::Crawl(_) => {
            let seconds = bytes.map(|b| b / EXTRACTING / threads as f64);
            let peak = PROGRAM + threads as u64 * PAGES_AT_ONCE;
            plain(stage, None, Some(peak), seconds, json!({}))
        }
        Stage::Tokenizer(plan) => {
            let most = plan.max_training_bytes.unwrap_or(u64::MAX) as f64;
            let bytes = bytes.map(|b| b.min(most)).filter(|_| plan.path.is_none());
            // The text itself, and its distinct words with their counts.
            let peak = bytes.map(|b| PROGRAM + (1.6 * b) as u64);
            let details = json!({"pieces": plan.options.vocab_size});
            plain(stage, None, peak, bytes.map(|b| 0.1 + b / 1e7), details)
        }
        Stage::Tokens(_) => {
            let peak = PROGRAM + threads as u64 * (6 << 20);
            let seconds = bytes.map(|b| b / TOKENISING / threads as f64);
            let tokens = text.map(Text::tokens);
            plain(stage, tokens, Some(peak), seconds, json!({}))
        }
        Stage::Base(plan) => training::base(stage, plan, basis),
        Stage::Pretrain(plan) => training::pretrain(stage, plan, basis),
        Stage::Sft(plan) => training::sft(stage, plan, basis),
        Stage::Feedback(plan) => feedback::comparisons(stage, plan, basis),
        Stage::Reward(plan) => feedback::reward(stage, plan, basis),
        Stage::Dpo(plan) => feedback::dpo(stage, plan, basis),
        Stage::Rejection(plan) => feedback::rejection(stage, plan, basis),
        Stage::Ppo(plan) => feedback::ppo(stage, plan, basis),
        Stage::Distill(plan) => feedback::distill(stage, plan, basis),
        Stage::SafetyScaling(plan) => feedback::safety_scaling(stage, plan, basis),
        Stage::Scoreboard(plan) => feedback::scoreboard(stage, index, plan, basis),
        Stage::Evaluate(plan) => evaluate(stage, plan, basis),
    }
}

/// Asking the model.
fn evaluate(stage: &Stage, plan: &EvaluatePlan, basis: Basis<'_>) -> StageForecast {
    let most = plan.max_questions.unwrap_or(usize::MAX);
    let questions = match &basis.plan.stages[0] {
        Stage::World(world) if plan.questions => world.options.questions.min(most),
        _ => 0,
    };
    let details = json!({
        "questions": questions, "prompts": plan.prompts.len(), "max_tokens": plan.max_tokens,
    });
    let peak = basis.peak(|held| held.weights() + held.packed());
    untimed(stage, SAMPLING, peak, details)
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

fn trained(plan: &Plan) -> Option<(&Config, usize)> {
    let trained = plan.stages.iter().find_map(|stage| match stage {
        Stage::Pretrain(plan) => Some((&plan.model, plan.settings.seq_len)),
        Stage::Sft(plan) => Some((&plan.model, plan.settings.seq_len)),
        _ => None,
    });
    // Of preferences, or not at all.
    let base = plan.stages.iter().find_map(|stage| match stage {
        Stage::Base(plan) => Some((&plan.model, plan.model.context)),
        _ => None,
    });
    trained.or(base)
}

fn plain(
    stage: &Stage,
    tokens: Option<f64>,
    peak_bytes: Option<u64>,
    seconds: Option<f64>,
    details: Value,
) -> StageForecast {
    StageForecast {
        stage: stage.name(),
        tokens,
        steps: None,
        flops: None,
        peak_bytes,
        seconds,
        seconds_by: seconds.map(|_| Speed::Assumed),
        untimed: None,
        details,
    }
}

/// A stage whose time, or some of it, nothing tells.
fn untimed(
    stage: &Stage,
    what: &'static str,
    peak_bytes: Option<u64>,
    details: Value,
) -> StageForecast {
    StageForecast {
        untimed: Some(what),
        ..plain(stage, None, peak_bytes, None, details)
    }
}

impl StageForecast {
    /// The same with training on so many tokens, whose time follows from the measured rate.
    fn training(
        self,
        tokens: Option<f64>,
        steps: Option<u64>,
        flops_per_token: Option<f64>,
        rate: Option<f64>,
    ) -> Self {
        let flops = tokens
            .zip(flops_per_token)
            .map(|(tokens, each)| tokens * each);
        let seconds = flops.zip(rate).map(|(flops, rate)| flops / rate);
        Self {
            tokens,
            steps,
            flops,
            seconds,
            seconds_by: seconds.map(|_| Speed::Measured),
            ..self
        }
    }
}
