//! What a plan will take, counted before anything is allocated.

mod feedback;
mod text;
mod total;
mod training;
mod world;

use crate::calibrate::training_rate;
use crate::machine;
use crate::recipe::{Plan, Stage};
use anyhow::Result;
use feedback::Basis;
use puna_compute::Cpu;
use puna_llama::Config;
use serde::Serialize;
use serde_json::{Value, json};
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
    /// What of the stage takes a time that nothing here tells.
    pub untimed: Option<&'static str>,
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
    /// Of all stages, as far as it is known.
    pub total: Total,
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
    let text = Text::sample(plan);
    let text = text.as_ref();
    let bytes = text.map(|text| text.bytes);
    let mut stages = Vec::new();
    // None of these stages says how much memory it takes, so that without times nobody asks.
    let basis = trained(plan).filter(|_| timed).map(|(model, _)| Basis {
        plan,
        model,
        rate,
        text,
    });
    for (index, stage) in plan.stages.iter().enumerate() {
        let stage = match stage {
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
                plain(
                    stage,
                    text.map(Text::tokens),
                    Some(peak),
                    seconds,
                    json!({}),
                )
            }
            Stage::Pretrain(plan) => training::pretrain(stage, plan, threads, rate, text),
            Stage::Sft(plan) => training::sft(stage, plan, threads, rate, text),
            Stage::Feedback(_)
            | Stage::Reward(_)
            | Stage::Dpo(_)
            | Stage::Rejection(_)
            | Stage::Ppo(_)
            | Stage::Distill(_)
            | Stage::SafetyScaling(_)
            | Stage::Scoreboard(_) => match basis {
                Some(basis) => feedback::stage(stage, index, basis),
                None => plain(stage, None, None, None, json!({})),
            },
            Stage::Evaluate(evaluate) => {
                let peak = trained(plan).map(|(config, _)| {
                    let packed = config.param_specs().into_iter();
                    let packed =
                        packed.map(|spec| Cpu::packed_values(spec.n_out, spec.n_in) as u64);
                    PROGRAM + 4 * (config.n_params() + packed.sum::<u64>())
                });
                let most = evaluate.max_questions.unwrap_or(usize::MAX);
                let questions = match &plan.stages[0] {
                    Stage::World(world) if evaluate.questions => world.options.questions.min(most),
                    _ => 0,
                };
                let details = json!({
                    "questions": questions, "prompts": evaluate.prompts.len(),
                    "max_tokens": evaluate.max_tokens,
                });
                StageForecast {
                    untimed: Some(SAMPLING),
                    ..plain(stage, None, peak, None, details)
                }
            }
        };
        stages.push(stage);
    }
    let total = Total::of(plan, &stages);
    let peak_bytes = total.peak_bytes;
    let memory_bytes = machine::memory();
    Ok(Forecast {
        recipe: plan.name.clone(),
        threads,
        memory_bytes,
        training_flops_per_second: rate,
        stages,
        total,
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
    StageForecast {
        stage: stage.name(),
        tokens,
        steps: None,
        flops: None,
        peak_bytes,
        seconds,
        untimed: None,
        details,
    }
}

impl StageForecast {
    /// The same with training on so many tokens, whose time follows from the measured rate.
    fn training(
        self,
        tokens: Option<f64>,
        steps: Option<u64>,
        flops_per_token: f64,
        rate: Option<f64>,
    ) -> Self {
        let flops = tokens.map(|tokens| tokens * flops_per_token);
        Self {
            tokens,
            steps,
            flops,
            seconds: flops.zip(rate).map(|(flops, rate)| flops / rate),
            ..self
        }
    }
}
