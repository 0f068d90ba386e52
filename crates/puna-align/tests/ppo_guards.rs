//! What guards a run of PPO: answers without a score, alarms, a judge that only looks, the policy that is
//! kept.

#![allow(clippy::unwrap_used)]

mod common;

use common::{bits, critic, policy, prompts, tokenizer};
use puna_align::judge::{Judge, Scores};
use puna_align::ppo::alarms::Raised;
use puna_align::ppo::reward::logit;
use puna_align::ppo::{
    HeldOutSettings, Look, PpoEvent, PpoJob, PpoMetrics, PpoOutcome, PpoSettings, ppo,
};
use puna_align::prompt::Prompt;
use puna_align::{Error, Result};
use puna_train::{CheckpointSettings, LayoutSettings};
use serde_json::Value;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Prompts that a run learns from; four more are held out.
const ASKED: usize = 9;

fn settings() -> PpoSettings {
    PpoSettings {
        iterations: 3,
        least_iterations: 0,
        batch: 16,
        mini_batch: 8,
        lr: 3e-3,
        critic_lr: 1e-2,
        max_tokens: 8,
        seq_len: 60,
        held_out: HeldOutSettings {
            every: 1,
            patience: 0,
            keep_best: true,
        },
        layout: LayoutSettings {
            lanes: 2,
            ..LayoutSettings::default()
        },
        checkpoint: CheckpointSettings { every: 1, keep: 2 },
        seed: 9,
        ..PpoSettings::default()
    }
}

struct Heard {
    outcome: Result<PpoOutcome>,
    metrics: Vec<PpoMetrics>,
    alarms: Vec<Raised>,
    warnings: Vec<String>,
}

/// A run that is asked to end once `stop_after` iterations are done.
fn run(
    dir: &Path,
    settings: &PpoSettings,
    (judge_name, judge): (&str, &mut dyn Judge),
    held_out_judge: Option<&mut dyn Judge>,
    stop_after: u64,
) -> Heard {
    let (tokenizer, all) = (tokenizer(), prompts(ASKED + 4));
    let stop = AtomicBool::new(false);
    let (mut metrics, mut alarms, mut warnings) = (vec![], vec![], vec![]);
    let outcome = ppo(PpoJob {
        dir,
        policy: policy(&tokenizer),
        critic: critic(&tokenizer),
        tokenizer: &tokenizer,
        settings,
        prompts: &all[..ASKED],
        held_out: &all[ASKED..],
        judge,
        judge_name,
        held_out_judge: held_out_judge.map(|judge| judge as &mut dyn Judge),
        threads: 2,
        stop: Some(&stop),
        on_event: &mut |event| match event {
            PpoEvent::Iteration { metrics: m, .. } => metrics.push(*m),
            PpoEvent::Alarm(raised) => alarms.push(raised),
            PpoEvent::Warning(warning) => warnings.push(warning),
            PpoEvent::CheckpointSaved { iteration, .. } => {
                stop.store(iteration + 1 >= stop_after, Ordering::Relaxed);
            }
            _ => (),
        },
    });
    Heard {
        outcome,
        metrics,
        alarms,
        warnings,
    }
}

fn number(prompt: &Prompt) -> usize {
    prompt.id[1..].parse().unwrap()
}

fn share(answer: &str) -> f64 {
    let plain = answer.chars().filter(char::is_ascii).count();
    0.02 + 0.96 * plain as f64 / answer.chars().count().max(1) as f64
}

/// Scores by which the reward of an answer is the share of plain characters in it.
fn plain(prompt: &Prompt, answer: &str) -> Scores {
    Scores {
        helpfulness: share(answer),
        safety: if prompt.safety { share(answer) } else { 0.5 },
    }
}

/// A judge that can score some answers only, and keeps what it said.
struct Partly {
    can: fn(&Prompt, &str) -> bool,
    said: Vec<Vec<Option<f64>>>,
}

impl Partly {
    fn new(can: fn(&Prompt, &str) -> bool) -> Self {
        let said = Vec::new();
        Self { can, said }
    }
}

impl Judge for Partly {
    fn score(&mut self, _: &[&Prompt], _: &[&str]) -> Result<Vec<Scores>> {
        Err(Error::Data("it is asked for what it cannot score".into()))
    }

    fn score_where_possible(
        &mut self,
        prompts: &[&Prompt],
        answers: &[&str],
    ) -> Result<Vec<Option<Scores>>> {
        let pairs = prompts.iter().zip(answers);
        let scores = pairs.map(|(p, a)| (self.can)(p, a).then(|| plain(p, a)));
        let scores: Vec<Option<Scores>> = scores.collect();
        let said = scores.iter().map(|s| Some(s.as_ref()?.helpfulness));
        self.said.push(said.collect());
        Ok(scores)
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    values.iter().sum::<f64>() / values.len() as f64
}

fn near(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-12 * (1.0 + b.abs()), "{a} is not {b}");
}

/// About half of an untrained policy's answers.
fn begins_plainly(_: &Prompt, answer: &str) -> bool {
    answer.starts_with(|c: char| c.is_ascii())
}

#[test]
fn answers_without_a_score_are_counted_and_left_out_of_the_means() {
    let dir = tempfile::tempdir().unwrap();
    let mut judge = Partly::new(begins_plainly);
    let heard = run(
        dir.path(),
        &settings(),
        ("partly", &mut judge),
        None,
        u64::MAX,
    );
    let looks = heard.outcome.unwrap().summary.looks;
    // The judge is asked at the look before the first iteration, and then by turns.
    let (mut of_looks, mut of_iterations) = (vec![], vec![]);
    for (i, said) in judge.said.iter().enumerate() {
        [&mut of_looks, &mut of_iterations][i % 2].push(said);
    }
    assert_eq!((of_looks.len(), of_iterations.len()), (4, 3));
    let agree = |said: &[Option<f64>], unscorable: u64, helpfulness: f64, reward: f64| {
        let scores: Vec<f64> = said.iter().flatten().copied().collect();
        assert_eq!(unscorable, (said.len() - scores.len()) as u64);
        near(helpfulness, mean(scores.iter().copied()));
        near(reward, mean(scores.iter().map(|&s| logit(s))));
    };
    for (m, said) in heard.metrics.iter().zip(of_iterations) {
        assert!((1..16).contains(&m.unscorable), "{}", m.unscorable);
        agree(said, m.unscorable, m.helpfulness, m.reward);
    }
    for (look, said) in looks.iter().zip(of_looks) {
        agree(said, look.unscorable, look.helpfulness, look.reward);
    }
}

#[test]
fn a_judge_that_can_score_all_is_one_that_says_nothing_of_it() {
    let trained = |judge: &mut dyn Judge| {
        let dir = tempfile::tempdir().unwrap();
        let judge = ("a judge", judge);
        let outcome = run(dir.path(), &settings(), judge, None, u64::MAX).outcome;
        let curves = std::fs::read_to_string(dir.path().join("metrics.jsonl")).unwrap();
        (bits(&outcome.unwrap().policy.params), curves)
    };
    let [one, other] = [trained(&mut plain), trained(&mut Partly::new(|_, _| true))];
    assert!(one == other);
    assert!(one.1.contains(r#""unscorable":0"#));
}

/// Nothing can be learned but to stay near the reference, and everybody hears of it, however often the run
/// was interrupted.
#[test]
fn alarms_are_told_logged_and_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let go = |stop_after| {
        let mut judge = Partly::new(|_, _| false);
        let judge: (&str, &mut dyn Judge) = ("mute", &mut judge);
        run(dir.path(), &settings(), judge, None, stop_after)
    };
    let begun = go(1);
    assert!(begun.outcome.is_err());
    let rest = go(u64::MAX);
    let mut told = begun.alarms;
    told.extend(rest.alarms);
    let iterations: Vec<u64> = told.iter().map(|raised| raised.iteration).collect();
    assert_eq!(iterations, [1, 2, 3]);
    let text = told[0].alarm.to_string();
    assert!(
        text.contains("100% of the answers cannot be scored"),
        "{text}"
    );
    let summary = rest.outcome.unwrap().summary;
    assert_eq!(summary.alarms, told);
    let last = summary.last.unwrap();
    assert_eq!((last.unscorable, last.reward), (16, logit(0.0)));

    let curves = std::fs::read_to_string(dir.path().join("metrics.jsonl")).unwrap();
    let lines = curves.lines().map(serde_json::from_str::<Value>);
    let named = lines.map(|line| line.unwrap()["alarms"][0]["alarm"].clone());
    // The looks have no such list.
    let named: Vec<Value> = named.filter(|name| !name.is_null()).collect();
    assert_eq!(named, ["unscorable"; 3]);
}

#[test]
fn a_run_that_another_judge_began_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let go = |name| run(dir.path(), &settings(), (name, &mut plain), None, u64::MAX).outcome;
    assert!(go("one").is_ok() && go("one").is_ok());
    let error = go("another").err().unwrap().to_string();
    assert!(
        error.contains("judge") && error.contains("another"),
        "{error}"
    );
}

/// It knows the prompts of even number, of which two are held out.
#[test]
fn who_only_looks_is_asked_where_it_knows_something() {
    let dir = tempfile::tempdir().unwrap();
    let mut looker = Partly::new(|prompt, _| number(prompt).is_multiple_of(2));
    let (judge, settings) = (("plain", &mut plain as &mut dyn Judge), settings());
    let heard = run(dir.path(), &settings, judge, Some(&mut looker), u64::MAX);
    assert!(heard.warnings.is_empty(), "{:?}", heard.warnings);
    let looks = heard.outcome.unwrap().summary.looks;
    assert_eq!((looks.len(), looker.said.len()), (4, 4));
    for (look, said) in looks.iter().zip(&looker.said) {
        assert_eq!((look.judged, look.unscorable), (2, 0));
        near(look.judge.unwrap(), mean(said.iter().flatten().copied()));
        // It scores as the reward does.
        let rewards = said.iter().flatten().map(|&s| logit(s));
        near(look.judged_reward.unwrap(), mean(rewards));
        assert_ne!(look.judged_reward, Some(look.reward));
    }
}

#[test]
fn that_nobody_else_looks_is_told_once() {
    let dir = tempfile::tempdir().unwrap();
    let heard = run(
        dir.path(),
        &settings(),
        ("plain", &mut plain),
        None,
        u64::MAX,
    );
    let [warning] = &heard.warnings[..] else {
        panic!("{:?}", heard.warnings);
    };
    assert!(warning.contains("no other judge"), "{warning}");
    let looks = heard.outcome.unwrap().summary.looks;
    let unjudged = |look: &Look| look.judge.is_none() && look.judged == 0;
    assert!(looks.iter().all(unjudged));
}

/// The reward of the held-out prompts falls again on the way to what the others are rewarded for. The best
/// policy is that of a run that ends where it stood, though the run went on, was interrupted and is read
/// again.
#[test]
fn the_policy_of_the_best_look_is_kept_to_the_bit() {
    let mut judge = |prompt: &Prompt, answer: &str| {
        let held_out = number(prompt) >= ASKED;
        let share = share(answer);
        let score = if held_out {
            0.98 - (share - 0.7).abs()
        } else {
            share
        };
        Scores {
            helpfulness: score,
            safety: if prompt.safety { score } else { 0.5 },
        }
    };
    let settings = PpoSettings {
        iterations: 16,
        batch: 32,
        lr: 1e-2,
        ..settings()
    };
    let mut go = |dir: &Path, settings: &PpoSettings, stop_after| {
        run(dir, settings, ("a judge", &mut judge), None, stop_after).outcome
    };
    let whole = tempfile::tempdir().unwrap();
    let kept = go(whole.path(), &settings, u64::MAX).unwrap();
    let best = kept.summary.policy_of;
    let rewards: Vec<f64> = kept.summary.looks.iter().map(|l| l.reward).collect();
    assert!(0 < best && best + 1 < settings.iterations, "{rewards:?}");

    let until = PpoSettings {
        iterations: best,
        held_out: HeldOutSettings {
            keep_best: false,
            ..settings.held_out.clone()
        },
        ..settings.clone()
    };
    let dir = tempfile::tempdir().unwrap();
    let expected = go(dir.path(), &until, u64::MAX).unwrap();
    assert_eq!(expected.summary.policy_of, best);
    let expected = bits(&expected.policy.params);
    assert!(bits(&kept.policy.params) == expected);

    let parts = tempfile::tempdir().unwrap();
    assert!(go(parts.path(), &settings, best + 1).is_err());
    for dir in [parts.path(), whole.path()] {
        let again = go(dir, &settings, u64::MAX).unwrap();
        assert_eq!(again.summary, kept.summary);
        assert!(bits(&again.policy.params) == expected);
    }
    let last = PpoSettings {
        held_out: until.held_out,
        ..settings
    };
    let dir = tempfile::tempdir().unwrap();
    let last = go(dir.path(), &last, u64::MAX).unwrap();
    assert_eq!(last.summary.policy_of, 16);
    assert!(bits(&last.policy.params) != expected);
}
