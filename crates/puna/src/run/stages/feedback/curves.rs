//! The curves of the scoreboard's page: PPO by iteration, and the safety data's scaling by share.

use super::super::Stand;
use super::safety_scaling::{Point, SCALING};
use crate::recipe::Stage;
use anyhow::{Context, Result};
use puna_align::scoreboard::Curve;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Curves of PPO: name in the metrics, and for people.
const CURVES: [(&str, &str); 8] = [
    ("helpfulness", "helpfulness score"),
    ("safety", "safety score"),
    ("kl", "KL to the reference, nats an answer"),
    ("length", "length, tokens"),
    ("entropy", "entropy, nats a token"),
    ("clip_fraction", "clip fraction"),
    ("value_loss", "value loss"),
    (
        "sampling_difference",
        "largest difference of sampled and trained log-probability",
    ),
];

/// What the page shows along an axis: of the stages that are done, PPO and the safety data's scaling.
pub fn curves(stand: &Stand<'_>) -> Result<Vec<Curve>> {
    let mut curves = of_ppo(stand)?;
    let scaling = scaling_dir(stand)?.map(|dir| dir.join(SCALING));
    if let Some(path) = scaling.filter(|path| path.exists()) {
        curves.extend(of_scaling(&path)?);
    }
    Ok(curves)
}

fn scaling_dir(stand: &Stand<'_>) -> Result<Option<PathBuf>> {
    let stages = stand.plan.stages.iter();
    let mut scaling = stages.filter(|s| matches!(s, Stage::SafetyScaling(_)));
    scaling.next().map(|s| stand.of(s.name())).transpose()
}

/// SHA-256 of what the page's curves show and no model follows from. Those of PPO hold times, and
/// belong to its model, which is an input.
pub fn curve_inputs(stand: &Stand<'_>, inputs: &mut BTreeMap<String, String>) -> Result<()> {
    match scaling_dir(stand)? {
        Some(dir) => stand.add_outputs(inputs, &dir, |name| name == SCALING),
        None => Ok(()),
    }
}

/// The curves of the safety data's scaling.
fn of_scaling(path: &Path) -> Result<Vec<Curve>> {
    let reading = || format!("cannot read {}", path.display());
    let text = fs::read_to_string(path).with_context(reading)?;
    let points: Vec<Point> = serde_json::from_str(&text).with_context(reading)?;
    type Value = fn(&Point) -> Option<f64>;
    let measured: [(&str, Value); 5] = [
        ("mean safety score", |p| p.safety),
        ("mean helpfulness score", |p| p.helpfulness),
        ("violations", |p| p.violation_rate.value),
        ("false refusals", |p| p.false_refusal_rate.value),
        ("borderline refusals", |p| p.borderline_refusal_rate.value),
    ];
    let curve = |(name, value): (&str, Value)| Curve {
        name: name.into(),
        along: "percent of the safety data".into(),
        points: points
            .iter()
            .filter_map(|p| Some((p.percent, value(p)?)))
            .collect(),
    };
    Ok(measured.map(curve).into())
}

/// The curves of PPO, if it is among the stages.
fn of_ppo(stand: &Stand<'_>) -> Result<Vec<Curve>> {
    let ppo = stand
        .plan
        .stages
        .iter()
        .find(|s| matches!(s, Stage::Ppo(_)));
    let Some(ppo) = ppo else {
        return Ok(Vec::new());
    };
    let path = stand.of(ppo.name())?.join(puna_train::METRICS_FILE);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let reading = || format!("cannot read {}", path.display());
    let text = fs::read_to_string(&path).with_context(reading)?;
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).with_context(reading))
        .collect::<Result<_>>()?;
    let curve = |(key, name): (&str, &str)| Curve {
        name: name.into(),
        along: "iteration of PPO".into(),
        points: lines
            .iter()
            .filter_map(|line| Some((line["step"].as_f64()?, line[key].as_f64()?)))
            .collect(),
    };
    Ok(CURVES.into_iter().map(curve).collect())
}
