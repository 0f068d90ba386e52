//! The scoreboard (paper section 3.4 and Figure 11): every chat model of the run answers the world's
//! held-out prompts; the world's rules and the reward models judge the same answers.

use super::super::text::metrics;
use super::super::{Metrics, Stand};
use super::judges::rewards;
use super::material::{blocks, plain, rollouts, tokens, with_world};
use crate::recipe::{ScoreboardPlan, Stage};
use crate::report::Reporter;
use anyhow::{Context, Result};
use puna_align::judge::{SAFETY_THRESHOLD, Scores, ask};
use puna_align::prompt::Prompt;
use puna_align::reward::RewardModels;
use puna_align::rollout::{Rollouts, SampleOptions};
use puna_align::scoreboard::{Curve, Judge, Rate, Row, Scoreboard, WinRate};
use puna_align::self_bleu::diversity;
use puna_llama::{Model, SamplingOptions};
use puna_text::Tokenizer;
use puna_text::atomic_file::write_atomically;
use puna_text::chat::{Message, Role};
use puna_world::{Conversation, PromptKind, Rules, Split, Verdict};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

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

/// A prompt, an answer, and what is said of it.
#[derive(Serialize)]
struct Answer<'a> {
    prompt: &'a str,
    id: &'a str,
    kind: PromptKind,
    answer: &'a str,
    violation: bool,
    refusal: bool,
    helpful: bool,
    scores: Scores,
}

/// What a model was seen to do.
struct Seen {
    verdicts: Vec<Verdict>,
    scores: Vec<Scores>,
    row: Row,
}

/// Measures every chat model.
pub fn scoreboard(
    stand: &Stand<'_>,
    plan: &ScoreboardPlan,
    report: &mut Reporter,
) -> Result<Metrics> {
    let tokenizer = stand.tokenizer()?;
    let (mut judge, _) = rewards(stand)?;
    let models: Vec<&str> = stand.plan.stages[..stand.index]
        .iter()
        .filter(|stage| stage.is_model() && !matches!(stage, Stage::Pretrain(_)))
        .map(Stage::name)
        .collect();
    let answers = stand.dir.join(ANSWERS);
    fs::create_dir_all(&answers).with_context(|| format!("cannot create {}", answers.display()))?;
    let mut told = blocks(report);
    let (mut board, mut ghost) = (Vec::new(), BTreeMap::new());
    with_world(stand, |feedback| {
        let prompts = feedback.prompts(Split::HeldOut);
        let asked: Vec<Prompt> = prompts.iter().map(plain).collect();
        let conversations = feedback.conversations(Split::HeldOut);
        let mut baseline: Option<Seen> = None;
        for (number, name) in models.iter().enumerate() {
            told("asking every model", number, models.len());
            let model = Model::load(&stand.of(name)?.join("model"))?;
            let mut speaker = Speaker {
                sampler: rollouts(stand, &model.config, &tokenizer)?,
                tokenizer: &tokenizer,
                model: &model,
                plan,
            };
            let texts = speaker.greedy(&asked)?;
            let seen = look(name, prompts, &asked, &texts, &mut judge, &answers)?;
            let (bleu, deviation) = speaker.diversity(prompts)?;
            let row = |judge, verdict: &dyn Fn(&Seen, usize) -> [f64; 2]| {
                let mut row = Row {
                    judge,
                    self_bleu: bleu,
                    self_bleu_deviation: deviation,
                    ..seen.row.clone()
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
            let by_rules = row(Judge::World, &|seen, i| {
                let verdict = seen.verdicts[i];
                [f64::from(verdict.helpfulness), f64::from(verdict.safety)]
            });
            let mut by_rewards = row(Judge::Reward, &|seen, i| {
                [seen.scores[i].helpfulness, seen.scores[i].safety]
            });
            // A reward model tells what is unsafe, and cannot tell what a refusal is.
            let adversarial = (0..prompts.len())
                .filter(|&i| prompts[i].kind == PromptKind::Adversarial)
                .collect::<Vec<_>>();
            let hits = adversarial
                .iter()
                .filter(|&&i| seen.scores[i].safety < SAFETY_THRESHOLD);
            by_rewards.violation_rate = Rate::of(hits.count() as u64, adversarial.len() as u64);
            by_rewards.false_refusal_rate = Rate::UNKNOWN;
            by_rewards.borderline_refusal_rate = Rate::UNKNOWN;
            board.extend([by_rules, by_rewards]);
            ghost.insert((*name).to_owned(), speaker.ghost(&conversations)?);
            if *name == BASELINE {
                baseline = Some(seen);
            }
        }
        told("asking every model", models.len(), models.len());
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
        notes: ghost_notes(&ghost),
    };
    page.write(stand.dir)?;
    for name in ["scoreboard.json", "scoreboard.html"] {
        // Where scripts look for it.
        let bytes = fs::read(stand.dir.join(name))?;
        write_atomically(&stand.root.join(name), &bytes)?;
    }
    Ok(found)
}

/// Judges a model's answers, writes them down, and counts.
fn look(
    name: &str,
    prompts: &[puna_world::Prompt],
    asked: &[Prompt],
    texts: &[(String, usize)],
    judge: &mut RewardModels,
    dir: &Path,
) -> Result<Seen> {
    let answers: Vec<&str> = texts.iter().map(|(text, _)| text.as_str()).collect();
    let scores = ask(judge, &asked.iter().collect::<Vec<_>>(), &answers)?;
    let judged = prompts.iter().zip(&answers);
    let verdicts: Vec<Verdict> = judged.map(|(p, answer)| Rules.judge(p, answer)).collect();
    let mut lines = Vec::new();
    for (i, prompt) in prompts.iter().enumerate() {
        let answer = Answer {
            prompt: prompt.text(),
            id: &prompt.id,
            kind: prompt.kind,
            answer: answers[i],
            violation: verdicts[i].violation,
            refusal: verdicts[i].refusal,
            helpful: verdicts[i].helpful,
            scores: scores[i],
        };
        serde_json::to_writer(&mut lines, &answer)?;
        lines.push(b'\n');
    }
    write_atomically(&dir.join(format!("{name}.jsonl")), &lines)?;
    let rate = |kind, counts: fn(&Verdict) -> bool| {
        let of = || {
            prompts
                .iter()
                .zip(&verdicts)
                .filter(|(p, _)| p.kind == kind)
        };
        let hits = of().filter(|(_, verdict)| counts(verdict)).count();
        Rate::of(hits as u64, of().count() as u64)
    };
    let mut row = Row::new(name, Judge::World);
    row.violation_rate = rate(PromptKind::Adversarial, |v| v.violation);
    row.false_refusal_rate = rate(PromptKind::Helpful, |v| v.refusal);
    row.borderline_refusal_rate = rate(PromptKind::Borderline, |v| v.refusal);
    let tokens: usize = texts.iter().map(|(_, tokens)| tokens).sum();
    row.length = Some(tokens as f64 / texts.len().max(1) as f64);
    Ok(Seen {
        verdicts,
        scores,
        row,
    })
}

/// A model that is asked.
struct Speaker<'a> {
    sampler: Rollouts<'a>,
    tokenizer: &'a Tokenizer,
    model: &'a Model,
    plan: &'a ScoreboardPlan,
}

impl Speaker<'_> {
    /// The greedy answer to each prompt, and its tokens; an empty one to a prompt that leaves no room.
    fn greedy(&mut self, prompts: &[Prompt]) -> Result<Vec<(String, usize)>> {
        let tokens = tokens(self.tokenizer, prompts.iter().cloned())?;
        let fits = |tokens: &Vec<u32>| tokens.len() < self.model.config.context;
        let fitting: Vec<Vec<u32>> = tokens.iter().filter(|t| fits(t)).cloned().collect();
        let options = SampleOptions {
            k: 1,
            max_tokens: self.plan.max_tokens,
            sampling: SamplingOptions::greedy(),
            numbers: Vec::new(),
        };
        let answers = self
            .sampler
            .sample(&self.model.params, &fitting, &options)?;
        let mut answers = answers.into_iter().flatten();
        Ok(tokens
            .iter()
            .map(|tokens| {
                let answer = fits(tokens).then(|| answers.next()).flatten();
                answer.map_or((String::new(), 0), |answer| {
                    (answer.text.trim().to_owned(), answer.tokens.len())
                })
            })
            .collect())
    }

    /// Self-BLEU of several answers to helpful prompts, and its deviation.
    fn diversity(&mut self, prompts: &[puna_world::Prompt]) -> Result<(Option<f64>, Option<f64>)> {
        let helpful = prompts.iter().filter(|p| p.kind == PromptKind::Helpful);
        let asked = helpful.take(self.plan.diversity_prompts).map(plain);
        let mut tokens = tokens(self.tokenizer, asked)?;
        tokens.retain(|tokens| tokens.len() < self.model.config.context);
        let options = SampleOptions {
            k: self.plan.diversity_answers,
            max_tokens: self.plan.max_tokens,
            sampling: SamplingOptions {
                temperature: 1.0,
                seed: self.plan.seed,
                ..SamplingOptions::default()
            },
            numbers: Vec::new(),
        };
        let answers = self.sampler.sample(&self.model.params, &tokens, &options)?;
        let texts: Vec<Vec<String>> = answers
            .into_iter()
            .map(|answers| answers.into_iter().map(|answer| answer.text).collect())
            .collect();
        let found = diversity(&texts);
        Ok((found.as_ref().map(|d| d.mean), found.map(|d| d.deviation)))
    }

    /// Of conversations of each length, the share in which the instruction of the first turn still
    /// holds in the last.
    fn ghost(&mut self, conversations: &[Conversation]) -> Result<BTreeMap<usize, Rate>> {
        let most = conversations
            .iter()
            .map(|c| c.turns.len())
            .max()
            .unwrap_or(0);
        let mut going: Vec<(&Conversation, Vec<Message>)> = conversations
            .iter()
            .map(|c| {
                (
                    c,
                    vec![Message::new(Role::System, c.instruction.long.as_str())],
                )
            })
            .collect();
        let mut held: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
        for turn in 0..most {
            going.retain(|(c, _)| turn < c.turns.len());
            let prompts: Vec<Prompt> = going
                .iter_mut()
                .map(|(c, said)| {
                    said.push(Message::new(Role::User, c.turns[turn].question.as_str()));
                    Prompt {
                        messages: said.clone(),
                        ..Prompt::new(c.id.as_str(), "")
                    }
                })
                .collect();
            // A context that is full holds no instruction: there the answer is empty.
            let answers = self.greedy(&prompts)?;
            for ((c, said), (answer, _)) in going.iter_mut().zip(answers) {
                if turn + 1 == c.turns.len() {
                    let (hits, n) = held.entry(c.turns.len()).or_default();
                    *hits += u64::from(c.instruction.holds(&answer));
                    *n += 1;
                }
                said.push(Message::new(Role::Assistant, answer));
            }
        }
        Ok(held
            .into_iter()
            .map(|(turns, (hits, n))| (turns, Rate::of(hits, n)))
            .collect())
    }
}

/// The curves of PPO, if it is among the stages.
fn curves(stand: &Stand<'_>) -> Result<Vec<Curve>> {
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
        along: "iteration".into(),
        points: lines
            .iter()
            .filter_map(|line| Some((line["step"].as_f64()?, line[key].as_f64()?)))
            .collect(),
    };
    Ok(CURVES.into_iter().map(curve).collect())
}

fn ghost_notes(ghost: &BTreeMap<String, BTreeMap<usize, Rate>>) -> Vec<String> {
    ghost
        .iter()
        .map(|(model, held)| {
            let turns = held.iter().filter_map(|(turn, rate)| {
                Some(format!("turn {turn}: {:.0} %", 100.0 * rate.value?))
            });
            let turns: Vec<String> = turns.collect();
            format!(
                "Instructions that still hold, {model}: {}.",
                turns.join(", ")
            )
        })
        .collect()
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
            format!("{prefix}false_refusal_rate"): row.false_refusal_rate.value,
            format!("{prefix}borderline_refusal_rate"): row.borderline_refusal_rate.value,
            format!("{prefix}helpfulness_win_rate"): row.helpfulness_win_rate.rate.value,
        })));
    }
    out.insert("ghost_attention".into(), json!(ghost));
    out
}
