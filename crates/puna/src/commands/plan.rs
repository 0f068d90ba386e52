//! `puna plan`: what a recipe will take on this machine.

use crate::cli::PlanArgs;
use crate::forecast::{Forecast, StageForecast, forecast};
use crate::out;
use crate::recipe::{Plan, Recipe};
use crate::report::{bytes, clock, si};
use anyhow::Result;

/// Does the command.
pub fn plan(args: &PlanArgs) -> Result<()> {
    let plan = Plan::of(&Recipe::read(&args.recipe, &args.set)?)?;
    let forecast = forecast(&plan, args.work.threads(), true)?;
    if args.work.json {
        return out::json(&forecast);
    }
    print(&forecast)
}

fn print(forecast: &Forecast) -> Result<()> {
    let row = |cells: [&str; 6]| {
        let [stage, tokens, steps, flops, peak, time] = cells;
        out::line(
            format!("{stage:<10} {tokens:>10} {steps:>9} {flops:>10} {peak:>11}  {time}")
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
            &stage.seconds.map_or("-".into(), clock),
        ])?;
    }
    for stage in &forecast.stages {
        details(stage)?;
    }
    let rate = forecast
        .training_flops_per_second
        .map_or(String::new(), |rate| {
            format!(", {}FLOP/s in training", si(rate))
        });
    let memory = forecast.memory_bytes.map_or("unknown".into(), bytes);
    out::line(&format!(
        "\nthis machine: {} threads, {memory} of memory{rate}",
        forecast.threads
    ))?;
    match forecast.refusal() {
        None => out::line(&format!(
            "peak memory: {}; it fits",
            bytes(forecast.peak_bytes)
        )),
        Some(why) => out::line(&format!("it does not fit: {why}")),
    }
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
    text += &format!(
        " {} tokens a step ({batch}), learning rate {lr:e}",
        si(batch)
    );
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
