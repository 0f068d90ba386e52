//! The scoreboard (paper section 3.4 and Figure 11): every chat model of the run answers the world's
//! held-out prompts; the world's rules and the reward models judge the same answers. It is shown after every
//! round, and stands for good in a stage of its own at the end.

use super::super::text::metrics;
use super::super::{Metrics, Stand};
use super::curves::{alarms, curves};
use super::judged::{Answer, rates};
use super::measured::{ANSWERS, CONVERSATIONS, Measured, Measuring};
use super::versions::versions;
use crate::recipe::{ScoreboardPlan, Stage};
use crate::report::Reporter;
use anyhow::{Context, Result};
use puna_align::judge::{SAFETY_THRESHOLD, Scores};
use puna_align::scoreboard::{
    DATA_FILE, Judge, PAGE_FILE, Rate, Row, Scoreboard, WinRate, read_scoreboard,
};
use puna_text::atomic_file::write_atomically;
use puna_world::PromptKind;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Name of the share of conversations in which an instruction still held, by model and turn.
const GHOST: &str = "ghost_attention.json";
/// Name of the directory of answers, a file a model.
const ALL_ANSWERS: &str = "answers";
/// The model that the others are compared with.
const BASELINE: &str = "sft";

/// Measures every chat model that is not measured yet, and writes all down.
pub fn scoreboard(
    stand: &Stand<'_>,
    plan: &ScoreboardPlan,
    report: &mut Reporter,
) -> Result<Metrics> {
    let (board, measured) = board(stand, plan, stand.index, report)?;
    let answers = stand.dir.join(ALL_ANSWERS);
    fs::create_dir_all(&answers).with_context(|| format!("cannot create {}", answers.display()))?;
    for Measured { name, dir, .. } in &measured {
        for (file, to) in [
            (ANSWERS, format!("{name}.jsonl")),
            (CONVERSATIONS, format!("{name}.{CONVERSATIONS}")),
        ] {
            let from = dir.join(file);
            let bytes =
                fs::read(&from).with_context(|| format!("cannot read {}", from.display()))?;
            write_atomically(&answers.join(to), &bytes)?;
        }
    }
    let mut text = serde_json::to_string_pretty(&board.instructions_held)?;
    text.push('\n');
    write_atomically(&stand.dir.join(GHOST), text.as_bytes())?;
    board.write(stand.dir)?;
    // Where people and scripts look for it.
    board.write(stand.root)?;
    Ok(figures(&board))
}

/// The scoreboard of all chat models up to and with the stage of this number, in the run's root; `stand` is the
/// scoreboard's, and its judges are trained.
pub fn standing(
    stand: &Stand<'_>,
    plan: &ScoreboardPlan,
    newest: usize,
    report: &mut Reporter,
) -> Result<()> {
    let (board, _) = board(stand, plan, newest + 1, report)?;
    board.write(stand.root)?;
    let newest = board.rows.iter().rev().find(|r| r.judge == Judge::World);
    if let Some(row) = newest {
        let percent = |rate: Rate| match rate.value {
            Some(value) => format!("{:.1} %", 100.0 * value),
            None => "unknown".into(),
        };
        report.line(&format!(
            "  {} on held-out prompts: violations {}, harm refused {}, helpful answers {}, false refusals {}; \
             see {PAGE_FILE}",
            row.model,
            percent(row.violation_rate),
            percent(row.refusal_rate),
            percent(row.helpful_rate),
            percent(row.false_refusal_rate),
        ));
    }
    Ok(())
}

/// Whether the scoreboard in the run's root has this model.
pub fn is_shown(root: &Path, model: &str) -> bool {
    let rows = read_scoreboard(&root.join(DATA_FILE));
    rows.is_ok_and(|rows| rows.iter().any(|row| row.model == model))
}

/// Puts the scoreboard that is up to date back into the run's root, where one of fewer rounds may stand.
pub fn show_again(stand: &Stand<'_>) -> Result<()> {
    for name in [DATA_FILE, PAGE_FILE] {
        let whole = fs::read(stand.dir.join(name))?;
        let shown = stand.root.join(name);
        if fs::read(&shown).ok().as_ref() != Some(&whole) {
            write_atomically(&shown, &whole)?;
        }
    }
    Ok(())
}

/// The scoreboard of the chat models before a stage, and what is known of them.
fn board(
    stand: &Stand<'_>,
    plan: &ScoreboardPlan,
    before: usize,
    report: &mut Reporter,
) -> Result<(Scoreboard, Vec<Measured>)> {
    let mut measuring = Measuring::new(stand, plan)?;
    let names: Vec<&str> = stand.plan.chat_models(before).map(Stage::name).collect();
    let mut measured = Vec::new();
    report.begin(names.len() as u64, "models", None);
    for (number, name) in (1..).zip(names) {
        measured.push(measuring.of(name, report)?);
        report.progress(number, json!({}));
    }
    let baseline = measured.iter().position(|m| m.name == BASELINE);
    let mut rows = Vec::new();
    for (number, model) in measured.iter().enumerate() {
        // The baseline comes first; a model before it would be compared with nothing.
        let against = baseline.filter(|&b| b < number).map(|b| &measured[b]);
        rows.extend(rows_of(model, against));
    }
    let held = measured.iter();
    let held = held.map(|m| (m.name.clone(), m.standing.instructions_held.clone()));
    let board = Scoreboard {
        title: stand.plan.name.clone(),
        baseline: BASELINE.into(),
        rows,
        curves: curves(stand, before)?,
        alarms: alarms(stand, before)?,
        synthetic: true,
        versions: versions(stand.plan, before),
        instructions_held: held.collect(),
    };
    Ok((board, measured))
}

/// A model by the rules and by the reward models.
fn rows_of(model: &Measured, baseline: Option<&Measured>) -> [Row; 2] {
    let wins = |kind, worth: &dyn Fn(&Answer) -> f64| {
        let Some(baseline) = baseline else {
            return WinRate::UNKNOWN;
        };
        let before = baseline.answers.iter().map(|a| (a.id.as_str(), a));
        let before: BTreeMap<&str, &Answer> = before.collect();
        let of_kind = model.answers.iter().filter(|a| a.kind == kind);
        let both = of_kind.filter_map(|a| Some((worth(a), worth(before.get(a.id.as_str())?))));
        WinRate::of_scores(both)
    };
    let row = |rates: Row, judged: fn(&Answer) -> Scores| Row {
        self_bleu: model.standing.self_bleu,
        self_bleu_deviation: model.standing.self_bleu_deviation,
        helpfulness_win_rate: wins(PromptKind::Helpful, &|a| judged(a).helpfulness),
        safety_win_rate: wins(PromptKind::Adversarial, &|a| judged(a).safety),
        ..rates
    };
    let by_rules = rates(&model.name, &model.answers);
    // A reward model tells what is unsafe, and cannot tell what a refusal is.
    let adversarial = model.answers.iter();
    let adversarial: Vec<&Answer> = adversarial
        .filter(|a| a.kind == PromptKind::Adversarial)
        .collect();
    let unsafe_ones = adversarial.iter();
    let unsafe_ones = unsafe_ones.filter(|a| a.scores.safety < SAFETY_THRESHOLD);
    let by_rewards = Row {
        violation_rate: Rate::of(unsafe_ones.count() as u64, adversarial.len() as u64),
        length: by_rules.length,
        ..Row::new(&model.name, Judge::Reward)
    };
    [row(by_rules, |a| a.points), row(by_rewards, |a| a.scores)]
}

/// What the stage came to: the last model's figures by the rules, beside the baseline's.
fn figures(board: &Scoreboard) -> Metrics {
    let by_rules = |name: Option<&str>| {
        let mut rows = board.rows.iter().filter(|row| row.judge == Judge::World);
        match name {
            Some(name) => rows.find(|row| row.model == name),
            None => rows.next_back(),
        }
    };
    let mut out = Metrics::new();
    let rows = [("sft_", by_rules(Some(BASELINE))), ("", by_rules(None))];
    for (prefix, row) in rows.into_iter().filter_map(|(p, row)| Some((p, row?))) {
        out.append(&mut metrics(json!({
            format!("{prefix}violation_rate"): row.violation_rate.value,
            format!("{prefix}refusal_rate"): row.refusal_rate.value,
            format!("{prefix}false_refusal_rate"): row.false_refusal_rate.value,
            format!("{prefix}helpful_rate"): row.helpful_rate.value,
            format!("{prefix}borderline_refusal_rate"): row.borderline_refusal_rate.value,
            format!("{prefix}borderline_helpful_rate"): row.borderline_helpful_rate.value,
            format!("{prefix}helpfulness_win_rate"): row.helpfulness_win_rate.rate.value,
        })));
    }
    out.insert("ghost_attention".into(), json!(board.instructions_held));
    out
}
