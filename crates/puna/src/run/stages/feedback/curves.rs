//! The curves of the scoreboard's page: PPO by iteration, and the safety data's scaling by share.

use super::super::{Manifest, Stand};
use super::safety_scaling::{Point, SCALING};
use crate::recipe::Stage;
use anyhow::{Context, Result};
use puna_align::scoreboard::Curve;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Curves of PPO: where they stand in a line of the metrics, and their names for people.
const CURVES: [(&[&str], &str); 12] = [
    (&["reward"], "reward, before whitening"),
    (&["helpfulness"], "helpfulness score"),
    (&["safety"], "safety score"),
    (&["held_out", "reward"], "reward on held-out prompts"),
    (
        &["held_out", "judge"],
        "score by the rules on held-out prompts",
    ),
    (&["kl"], "KL to the reference, nats an answer"),
    (&["length"], "length, tokens"),
    (&["repetition"], "share of repeated runs of tokens"),
    (&["entropy"], "entropy, nats a token"),
    (&["clip_fraction"], "clip fraction"),
    (&["value_loss"], "value loss"),
    (
        &["sampling_difference"],
        "largest difference of sampled and trained log-probability",
    ),
];

/// What the page shows along an axis: of PPO and the safety data's scaling, where they stand before a stage.
pub fn curves(stand: &Stand<'_>, before: usize) -> Result<Vec<Curve>> {
    let mut curves = Vec::new();
    if let Some(dir) = place(stand, before, is_ppo)? {
        curves.extend(of_ppo(&dir.join(puna_train::METRICS_FILE))?);
    }
    if let Some(dir) = place(stand, before, is_scaling)? {
        curves.extend(of_scaling(&dir.join(SCALING))?);
    }
    Ok(curves)
}

/// What PPO cried out, a sentence a kind, where it stands before a stage.
pub fn alarms(stand: &Stand<'_>, before: usize) -> Result<Vec<String>> {
    let Some(dir) = place(stand, before, is_ppo)? else {
        return Ok(Vec::new());
    };
    let manifest = Manifest::read(&dir)?;
    let raised = manifest.and_then(|m| m.metrics.get("alarms")?.as_array().cloned());
    // One that goes on is told once, as it was first.
    let mut told: Vec<(Value, String, usize)> = Vec::new();
    for alarm in raised.iter().flatten() {
        let (kind, text) = (&alarm["alarm"], alarm["text"].as_str().unwrap_or_default());
        match told.iter_mut().find(|(known, ..)| known == kind) {
            Some((.., times)) => *times += 1,
            None => told.push((
                kind.clone(),
                format!("iteration {}: {text}", alarm["iteration"]),
                1,
            )),
        }
    }
    let line = |(_, text, times)| match times {
        1 => text,
        _ => format!("{text} ({times} times in all)"),
    };
    Ok(told.into_iter().map(line).collect())
}

fn is_ppo(stage: &Stage) -> bool {
    matches!(stage, Stage::Ppo(_))
}

fn is_scaling(stage: &Stage) -> bool {
    matches!(stage, Stage::SafetyScaling(_))
}

/// Directory of the first stage of a kind before another.
fn place(stand: &Stand<'_>, before: usize, is: fn(&Stage) -> bool) -> Result<Option<PathBuf>> {
    let mut stages = stand.plan.stages[..before].iter();
    let found = stages.find(|stage| is(stage));
    found.map(|stage| stand.of(stage.name())).transpose()
}

/// SHA-256 of what the page's curves show and no model follows from. Those of PPO hold times, and
/// belong to its model, which is an input.
pub fn curve_inputs(stand: &Stand<'_>, inputs: &mut BTreeMap<String, String>) -> Result<()> {
    match place(stand, stand.index, is_scaling)? {
        Some(dir) => stand.add_outputs(inputs, &dir, |name| name == SCALING),
        None => Ok(()),
    }
}

/// The curves of the safety data's scaling.
fn of_scaling(path: &Path) -> Result<Vec<Curve>> {
    let reading = || format!("cannot read {}", path.display());
    let text = fs::read_to_string(path).with_context(reading)?;
    let points: Vec<Point> = serde_json::from_str(&text).with_context(reading)?;
    type Figure = fn(&Point) -> Option<f64>;
    let measured: [(&str, Figure); 7] = [
        ("mean safety score", |p| p.safety),
        ("mean helpfulness score", |p| p.helpfulness),
        ("violations", |p| p.violation_rate.value),
        ("harm refused", |p| p.refusal_rate.value),
        ("helpful answers", |p| p.helpful_rate.value),
        ("false refusals", |p| p.false_refusal_rate.value),
        ("borderline refusals", |p| p.borderline_refusal_rate.value),
    ];
    let curve = |(name, value): (&str, Figure)| Curve {
        name: name.into(),
        along: "percent of the safety data".into(),
        points: points
            .iter()
            .filter_map(|p| Some((p.percent, value(p)?)))
            .collect(),
    };
    Ok(measured.map(curve).into())
}

/// The curves of PPO.
fn of_ppo(path: &Path) -> Result<Vec<Curve>> {
    if !path.exists() {
        // A copy of a run may be without its logs.
        return Ok(Vec::new());
    }
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    // The last line of a log may be cut.
    let lines = text
        .lines()
        .map_while(|line| serde_json::from_str(line).ok());
    let lines: Vec<Value> = lines.collect();
    let curve = |(at, name): (&[&str], &str)| Curve {
        name: name.into(),
        along: "iteration of PPO".into(),
        points: lines
            .iter()
            .filter_map(|line| {
                let value = at.iter().try_fold(line, |value, key| value.get(key))?;
                Some((line["step"].as_f64()?, value.as_f64()?))
            })
            .collect(),
    };
    let curves = CURVES.into_iter().map(curve);
    Ok(curves.filter(|curve| !curve.points.is_empty()).collect())
}
