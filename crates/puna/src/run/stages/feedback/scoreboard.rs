//! The scoreboard (paper section 3.4 and Figure 11): every chat model of the run answers the world's
//! held-out prompts; the world's rules and the reward models judge the same answers.

use super::super::text::metrics;
use super::super::{Metrics, Stand};
use super::judged::{Judged, judge_answers};
use super::judges::rewards;
use super::material::{blocks, plain, with_world};
use super::safety_scaling::{Point, SCALING};
use super::speaker::{Speaker, instructions_held};
use super::versions::versions;
use crate::recipe::{ScoreboardPlan, Stage};
use crate::report::Reporter;
use anyhow::{Context, Result};
use puna_align::judge::SAFETY_THRESHOLD;
use puna_align::prompt::Prompt;
use puna_align::scoreboard::{Curve, DATA_FILE, Judge, PAGE_FILE, Rate, Row, Scoreboard, WinRate};
use puna_align::self_bleu::diversity;
use puna_align::write_json_lines;
use puna_llama::{Model, SamplingOptions};
use puna_text::atomic_file::write_atomically;
use puna_world::{PromptKind, Split};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Name of the share of conversations in which an instruction still held, by model and turn.
const GHOST: &str = "ghost_attention.json";
/// Name of the directory of answers, a file a model.
const ANSWERS: &str = "answers";
/// The model that the others are compared with.
const BASELINE: &str = "sft";
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

/// Measures every chat model.
pub fn scoreboard(
    stand: &Stand<'_>,
    plan: &ScoreboardPlan,
    report: &mut Reporter,
) -> Result<Metrics> {
    let tokenizer = stand.tokenizer()?;
    let (mut judge, _) = rewards(stand)?;
    let models = stand.plan.chat_models(stand.index);
    let models: Vec<&str> = models.map(Stage::name).collect();
    let answers = stand.dir.join(ANSWERS);
    fs::create_dir_all(&answers).with_context(|| format!("cannot create {}", answers.display()))?;
    let mut told = blocks(report);
    let (mut board, mut ghost) = (Vec::new(), BTreeMap::new());
    with_world(stand, |feedback| {
        let prompts = feedback.prompts(Split::HeldOut);
        let asked: Vec<Prompt> = prompts.iter().map(plain).collect();
        let conversations = feedback.conversations(Split::HeldOut);
        let mut baseline: Option<Judged> = None;
        for (number, name) in models.iter().enumerate() {
            told("models", number, models.len());
            let model = Model::load(&stand.of(name)?.join("model"))?;
            let mut speaker = Speaker::new(stand, &model, &tokenizer, plan.max_tokens)?;
            let texts = speaker.greedy(&asked)?;
            let seen = judge_answers(name, prompts, &asked, &texts, &mut judge, &answers)?;
            let (bleu, deviation) = diversity_of(&mut speaker, prompts, plan)?;
            let row = |rates: Row, verdict: &dyn Fn(&Judged, usize) -> [f64; 2]| {
                let mut row = Row {
                    self_bleu: bleu,
                    self_bleu_deviation: deviation,
                    length: seen.row.length,
                    ..rates
                };
                if let Some(baseline) = &baseline {
                    let wins = |kind, stream: usize| {
                        let of = (0..prompts.len()).filter(|&i| prompts[i].kind == kind);
                        WinRate::of_scores(
                            of.map(|i| (verdict(&seen, i)[stream], verdict(baseline, i)[stream])),
                        )
                    };
                    row.helpfulness_win_rate = wins(PromptKind::Helpful, 0);
                    row.safety_win_rate = wins(PromptKind::Adversarial, 1);
                }
                row
            };
            let by_rules = row(seen.row.clone(), &|seen, i| {
                let verdict = seen.verdicts[i];
                [f64::from(verdict.helpfulness), f64::from(verdict.safety)]
            });
            // A reward model tells what is unsafe, and cannot tell what a refusal is.
            let adversarial = (0..prompts.len())
                .filter(|&i| prompts[i].kind == PromptKind::Adversarial)
                .collect::<Vec<_>>();
            let hits = adversarial
                .iter()
                .filter(|&&i| seen.scores[i].safety < SAFETY_THRESHOLD);
            let rates = Row {
                violation_rate: Rate::of(hits.count() as u64, adversarial.len() as u64),
                ..Row::new(*name, Judge::Reward)
            };
            let by_rewards = row(rates, &|seen, i| {
                [seen.scores[i].helpfulness, seen.scores[i].safety]
            });
            board.extend([by_rules, by_rewards]);
            let said = speaker.converse(&conversations)?;
            let lines: Vec<_> = said.iter().map(|said| json!({"messages": said})).collect();
            write_json_lines(&answers.join(format!("{name}.conversations.jsonl")), &lines)?;
            ghost.insert((*name).to_owned(), instructions_held(&conversations, &said));
            if *name == BASELINE {
                baseline = Some(seen);
            }
        }
        told("models", models.len(), models.len());
        Ok(())
    })?;
    let mut text = serde_json::to_string_pretty(&ghost)?;
    text.push('\n');
    write_atomically(&stand.dir.join(GHOST), text.as_bytes())?;
    let found = figures(&board, &ghost);
    let page = Scoreboard {
        title: stand.plan.name.clone(),
        baseline: BASELINE.into(),
        rows: board,
        curves: curves(stand)?,
        synthetic: true,
        versions: versions(stand.plan, stand.index),
        instructions_held: ghost,
    };
    page.write(stand.dir)?;
    for name in [DATA_FILE, PAGE_FILE] {
        // Where scripts look for it.
        let bytes = fs::read(stand.dir.join(name))?;
        write_atomically(&stand.root.join(name), &bytes)?;
    }
    Ok(found)
}

/// Self-BLEU of several answers to helpful prompts, and its deviation.
fn diversity_of(
    speaker: &mut Speaker<'_>,
    prompts: &[puna_world::Prompt],
    plan: &ScoreboardPlan,
) -> Result<(Option<f64>, Option<f64>)> {
    let helpful = prompts.iter().filter(|p| p.kind == PromptKind::Helpful);
    let asked: Vec<Prompt> = helpful.take(plan.diversity_prompts).map(plain).collect();
    let sampling = SamplingOptions {
        temperature: 1.0,
        seed: plan.seed,
        ..SamplingOptions::default()
    };
    let answers = speaker.answers(&asked, plan.diversity_answers, sampling)?;
    let texts: Vec<Vec<String>> = answers
        .into_iter()
        .filter(|answers| !answers.is_empty())
        .map(|answers| answers.into_iter().map(|answer| answer.text).collect())
        .collect();
    let found = diversity(&texts);
    Ok((found.as_ref().map(|d| d.mean), found.map(|d| d.deviation)))
}

/// What the page shows along an axis.
fn curves(stand: &Stand<'_>) -> Result<Vec<Curve>> {
    let mut curves = of_ppo(stand)?;
    if let Some(dir) = scaling_dir(stand)? {
        curves.extend(of_scaling(&dir.join(SCALING))?);
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

/// What the stage came to: the last model's figures by the rules, beside the baseline's.
fn figures(board: &[Row], ghost: &BTreeMap<String, BTreeMap<usize, Rate>>) -> Metrics {
    let by_rules = |name: Option<&str>| {
        let mut rows = board.iter().filter(|row| row.judge == Judge::World);
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
    out.insert("ghost_attention".into(), json!(ghost));
    out
}
