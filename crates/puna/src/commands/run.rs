//! `puna run`, and the commands that do a part of it: `puna pretrain`, `puna sft`, `puna reward`,
//! `puna align`, `puna distill`.

use crate::cli::{RunArgs, StageArgs, WorkArgs};
use crate::forecast::forecast;
use crate::out;
use crate::recipe::{Plan, Recipe, Stage};
use crate::report::{Reporter, clock};
use crate::run::{self, Evaluation, Options, Outcome};
use anyhow::{Result, bail};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The recipe whose models learn facts of their world.
const LEARNS: &str = "first-light";

/// Walks a recipe.
pub fn run(args: &RunArgs) -> Result<()> {
    let plan = Plan::of(&Recipe::read(&args.recipe, &args.set)?)?;
    let dir = args
        .dir
        .clone()
        .unwrap_or_else(|| Path::new("runs").join(&plan.name));
    walk(&plan, dir, args.until.clone(), None, args.work)
}

/// Does the part of a recipe that a command is for.
pub fn stage(args: &StageArgs, name: &str) -> Result<()> {
    let plan = Plan::of(&Recipe::read(&args.recipe, &args.set)?)?;
    walk(&plan, args.dir.clone(), None, Some(name.into()), args.work)
}

fn walk(
    plan: &Plan,
    dir: PathBuf,
    until: Option<String>,
    only: Option<String>,
    work: WorkArgs,
) -> Result<()> {
    let began = Instant::now();
    let last = match (&only, &until) {
        (Some(command), _) => plan.last_of(command),
        (None, Some(name)) => plan.position(name),
        (None, None) => None,
    };
    let last = last.unwrap_or(plan.stages.len() - 1);
    let mut needed = plan.clone();
    needed.stages.truncate(last + 1);
    if let Some(why) = forecast(&needed, work.threads(), None)?.refusal() {
        bail!("{why}");
    }
    let options = Options {
        dir: dir.clone(),
        until,
        only,
        threads: work.threads(),
    };
    let mut report = Reporter::new(work.json);
    let outcome = run::run(plan, &options, &mut report)?;
    drop(report);
    if work.json {
        return out::json(&json!({
            "event": "done", "dir": dir, "model": outcome.model, "metrics": outcome.metrics,
        }));
    }
    tell(plan, &outcome, &dir, began.elapsed().as_secs_f64())
}

/// What came out, and what to do with it.
fn tell(plan: &Plan, outcome: &Outcome, dir: &Path, seconds: f64) -> Result<()> {
    out::line(&format!("\n{} is done ({})", dir.display(), clock(seconds)))?;
    if let Some(bits) = outcome
        .metrics
        .get("pretrain")
        .and_then(|m| m.get("held_out_bits_per_byte"))
        .and_then(serde_json::Value::as_f64)
    {
        out::line(&format!("held-out text: {bits:.3} bits per byte"))?;
    }
    let done = |stage: &Stage| outcome.metrics.contains_key(stage.name());
    let mut chat = plan.stages.iter().any(|s| s.is_chat_model() && done(s));
    let mut prompt = None;
    if let Some(dir) = &outcome.evaluation {
        let metrics = &outcome.metrics["evaluate"];
        if let (Some(right), Some(questions)) = (metrics.get("right"), metrics.get("questions")) {
            let accuracy = metrics
                .get("accuracy")
                .and_then(serde_json::Value::as_f64)
                .unwrap_or(0.0);
            out::line(&format!(
                "held-out questions about its (synthetic) world: {right} of {questions} right, {:.1} %",
                100.0 * accuracy
            ))?;
            if right == 0 {
                out::line(&format!("  {}", none_right(plan)))?;
            }
        }
        let answers = Evaluation::read(dir)?.answers;
        let samples = plan.stages.iter().find_map(|stage| match stage {
            Stage::Evaluate(plan) => Some(plan.samples),
            _ => None,
        });
        let asked = answers
            .iter()
            .filter(|a| a.right.is_some())
            .take(samples.unwrap_or(0));
        let own = answers.iter().filter(|a| a.right.is_none());
        for answer in asked.chain(own) {
            let mark = match answer.right {
                Some(true) => "right",
                Some(false) => "WRONG",
                // Prompts of the recipe's own: nobody knows what is right.
                None => "",
            };
            if chat {
                out::line(&format!(
                    "\n  > {}\n    {}  {mark}",
                    answer.prompt, answer.answer
                ))?;
            } else {
                out::line(&format!("\n  {}|{}", answer.prompt, answer.answer))?;
            }
        }
        prompt = answers.first().map(|a| a.prompt.clone());
    }
    let scoreboard = dir.join(puna_align::scoreboard::PAGE_FILE);
    if scoreboard.is_file() {
        out::line(&format!(
            "\nwhat every version does, by the rules and by the reward models: {}",
            scoreboard.display()
        ))?;
    }
    let Some(model) = &outcome.model else {
        return Ok(());
    };
    chat &= outcome.model.is_some();
    let program = program();
    let model = model.display();
    out::line(if chat {
        "\nchat with it, or ask it once:"
    } else {
        "\nlet it continue a text:"
    })?;
    if chat {
        out::line(&format!("  {program} chat {model}"))?;
    }
    let prompt = prompt
        .unwrap_or_else(|| "Once upon a time".into())
        .replace('\'', "'\\''");
    let flag = if chat { " --chat" } else { "" };
    out::line(&format!(
        "  {program} generate {model}{flag} --prompt '{prompt}' --temperature 0"
    ))
}

/// What to think of a model that answers no question right.
fn none_right(plan: &Plan) -> String {
    let told = "none right: a model this small, or trained this briefly, has learnt no facts yet";
    // Who runs that recipe, or their own on top of it, need not be sent there.
    match plan.name == LEARNS || plan.extends.iter().any(|base| base == LEARNS) {
        true => told.into(),
        false => format!("{told} (recipes/{LEARNS}.toml raises one that has)"),
    }
}

/// How this program was called, so that what is printed can be typed.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "puna".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_the_recipe_that_they_run() {
        let recipes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
        for (recipe, sent) in [
            ("spark", true),
            (LEARNS, false),
            ("dpo", false),
            ("safety-scaling", false),
        ] {
            let path = recipes.join(recipe).with_extension("toml");
            let plan = Plan::of(&Recipe::read(&path, &[]).unwrap()).unwrap();
            let told = none_right(&plan);
            assert!(told.starts_with("none right: "), "{told}");
            assert_eq!(told.contains("first-light.toml"), sent, "{recipe}: {told}");
        }
    }
}
