//! `puna plan`: what a recipe will take on this machine.

use crate::cli::PlanArgs;
use crate::forecast::{Forecast, MEASURED, Speed, StageForecast, forecast};
use crate::out;
use crate::recipe::{Plan, Recipe};
use crate::report::{bytes, clock, si};
use anyhow::Result;

/// Does the command.
pub fn plan(args: &PlanArgs) -> Result<()> {
    let plan = Plan::of(&Recipe::read(&args.recipe, &args.set)?)?;
    let forecast = forecast(&plan, args.work.threads(), Some(MEASURED))?;
    if args.work.json {
        return out::json(&forecast);
    }
    print(&forecast)
}

fn print(forecast: &Forecast) -> Result<()> {
    let names = forecast.stages.iter().map(|s| s.stage.len());
    let width = names.max().unwrap_or(0).max("stage".len());
    let row = |cells: [&str; 6]| {
        let [stage, tokens, steps, flops, peak, time] = cells;
        out::line(
            format!("{stage:<width$} {tokens:>10} {steps:>9} {flops:>10} {peak:>11}  {time}")
                .trim_end(),
        )
    };
    row(["stage", "tokens", "steps", "FLOPs", "memory", "time here"])?;
    for stage in &forecast.stages {
        let show = |value: Option<f64>| value.map_or("-".to_owned(), si);
        row([
            stage.stage,
            &show(stage.tokens.map(f64::round)),
            &stage.steps.map_or("-".into(), |steps| steps.to_string()),
            &show(stage.flops),
            &stage.peak_bytes.map_or("-".into(), bytes),
            &time(stage),
        ])?;
    }
    let total = &forecast.total;
    row([
        "total",
        &si(total.tokens.round()),
        &total.steps.to_string(),
        &si(total.flops),
        &bytes(forecast.peak_bytes),
        &match total.without_time.is_empty() {
            true => clock(total.seconds),
            false => format!("{}, and what is left out", clock(total.seconds)),
        },
    ])?;
    out::line("\nthe total: tokens trained on, counted in every pass")?;
    for (what, without) in [
        ("tokens", &total.without_tokens),
        ("memory", &total.without_memory),
        ("time", &total.without_time),
    ] {
        if !without.is_empty() {
            out::line(&format!(
                "left out of its {what} (not known in advance): {}",
                without.join(", ")
            ))?;
        }
    }
    speeds(forecast)?;
    for stage in &forecast.stages {
        details(stage)?;
    }
    out::line("")?;
    for stage in &forecast.stages {
        counts(stage)?;
    }
    let rate = forecast
        .training_flops_per_second
        .map_or(String::new(), |rate| {
            format!(", {}FLOP/s measured in training", si(rate))
        });
    let memory = forecast.memory_bytes.map_or("unknown".into(), bytes);
    out::line(&format!(
        "\nthis machine: {} threads, {memory} of memory{rate}",
        forecast.threads
    ))?;
    let counted = match total.without_memory.is_empty() {
        true => String::new(),
        false => format!(
            ", as far as it is counted (without {})",
            total.without_memory.join(", ")
        ),
    };
    match forecast.refusal() {
        None => out::line(&format!(
            "peak memory: {}; it fits{counted}",
            bytes(forecast.peak_bytes)
        )),
        Some(why) => out::line(&format!("it does not fit: {why}")),
    }
}

/// What is known of a stage's time, and what of it nobody knows.
fn time(stage: &StageForecast) -> String {
    match (stage.seconds.map(clock), stage.untimed) {
        (Some(time), Some(untimed)) => format!("{time}, and {untimed}"),
        (None, Some(untimed)) => format!("not known: {untimed}"),
        (time, None) => time.unwrap_or("-".into()),
    }
}

/// What the times follow from.
fn speeds(forecast: &Forecast) -> Result<()> {
    for (speed, told) in [
        (
            Speed::Measured,
            "training, from how fast a block like the model's trained here just now",
        ),
        (
            Speed::Assumed,
            "work on text and files, from fixed speeds that were not measured here",
        ),
    ] {
        let stages = forecast.stages.iter();
        let by = stages.filter(|stage| stage.seconds_by == Some(speed));
        let names: Vec<&str> = by.map(|stage| stage.stage).collect();
        if !names.is_empty() {
            out::line(&format!("time of {told}: {}", names.join(", ")))?;
        }
    }
    Ok(())
}

fn details(stage: &StageForecast) -> Result<()> {
    let number = |key: &str| stage.details[key].as_f64();
    let part = |key: &str| bytes(stage.details["memory"][key].as_u64().unwrap_or(0));
    let (Some(batch), Some(lr)) = (number("batch_tokens"), number("peak_lr")) else {
        return Ok(());
    };
    let mut text = format!("\n{}:", stage.stage);
    if let Some(parameters) = number("parameters") {
        text += &format!(" {} parameters ({}),", parameters, si(parameters));
    }
    text += &format!(" {} tokens a step ({batch}),", si(batch));
    let long = &stage.details["long"];
    if let (Some(every), Some(length)) = (long["every"].as_u64(), long["sequence_length"].as_u64())
    {
        text += &format!(" one step in {every} of sequences of {length},");
    }
    text += &format!(" learning rate {lr:e}");
    if let (Some(last), Some(steps), Some(tokens)) = (
        number("final_lr"),
        number("warmup_steps"),
        number("warmup_tokens"),
    ) {
        text += &format!(
            " to {:.3e} after a warm-up of {steps} steps ({} tokens)",
            last,
            si(tokens)
        );
    }
    if let (Some(dialogues), Some(epochs)) = (number("dialogues"), number("epochs")) {
        text += &format!(", {dialogues} dialogues, {epochs} epochs");
    }
    out::line(&text)?;
    out::line(&format!(
        "  memory: weights {}, moments {}, gradients {}, activations {}, kernels {}",
        part("parameters"),
        part("moments"),
        part("gradients"),
        part("activations"),
        part("kernels")
    ))
}

/// Counts in the order in which they are told: their key, and words for one and for many.
const COUNTS: [(&str, &str, &str); 15] = [
    ("pieces", "piece", "pieces"),
    ("models", "model", "models"),
    ("iterations", "iteration", "iterations"),
    ("questions", "question", "questions"),
    ("prompts", "prompt", "prompts"),
    ("k", "answer to each", "answers to each"),
    ("answers", "answer", "answers"),
    ("turns", "turn of a conversation", "turns of conversations"),
    (
        "diversity_answers",
        "answer for diversity",
        "answers for diversity",
    ),
    (
        "max_tokens",
        "token an answer at most",
        "tokens an answer at most",
    ),
    ("conversations", "conversation", "conversations"),
    ("pairs", "pair", "pairs"),
    ("batch_pairs", "pair a step", "pairs a step"),
    ("dialogues", "dialogue", "dialogues"),
    ("epochs", "pass", "passes"),
];

/// What else is known of a stage that has no paragraph of its own.
fn counts(stage: &StageForecast) -> Result<()> {
    let told = COUNTS
        .iter()
        .filter_map(|(key, one, many)| match stage.details[key].as_u64()? {
            0 => None,
            1 => Some(format!("1 {one}")),
            n => Some(format!("{n} {many}")),
        });
    let known: Vec<String> = told.collect();
    if known.is_empty() || !stage.details["memory"].is_null() {
        return Ok(());
    }
    out::line(&format!("{}: {}", stage.stage, known.join(", ")))
}
