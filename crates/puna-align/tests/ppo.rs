//! The loop of PPO: exactness, resumption, threads, and that it learns.

#![allow(clippy::unwrap_used)]

mod common;

use common::{bits, critic, policy, prompts, tokenizer};
use puna_align::judge::{Judge, Scores};
use puna_align::ppo::alarms::Alarm;
use puna_align::ppo::{
    CriticStart, HeldOutSettings, Look, PpoEvent, PpoJob, PpoMetrics, PpoOutcome, PpoSettings,
    initial_critic, ppo,
};
use puna_align::prompt::Prompt;
use puna_align::reward::{RewardModel, RewardModels};
use puna_align::{Error, Result};
use puna_train::{CheckpointSettings, LayoutSettings};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Likes plain characters: something that a policy can learn in a few steps.
fn plain(prompt: &Prompt, answer: &str) -> Scores {
    let plain = answer.chars().filter(char::is_ascii).count();
    let share = 0.02 + 0.96 * plain as f64 / answer.chars().count().max(1) as f64;
    Scores {
        helpfulness: share,
        safety: if prompt.safety { 0.9 * share } else { 0.5 },
    }
}

fn settings() -> PpoSettings {
    PpoSettings {
        iterations: 4,
        least_iterations: 0,
        batch: 8,
        mini_batch: 4,
        lr: 3e-3,
        critic_lr: 1e-2,
        max_tokens: 8,
        seq_len: 60,
        held_out: HeldOutSettings {
            every: 2,
            patience: 0,
            keep_best: true,
        },
        layout: LayoutSettings {
            lanes: 4,
            ..LayoutSettings::default()
        },
        checkpoint: CheckpointSettings { every: 1, keep: 2 },
        exact_kl: true,
        seed: 9,
        ..PpoSettings::default()
    }
}

struct Heard {
    outcome: Result<PpoOutcome>,
    metrics: Vec<PpoMetrics>,
    looks: Vec<Look>,
    alarms: Vec<Alarm>,
    resumed: Vec<u64>,
}

fn run(dir: &Path, settings: &PpoSettings, threads: usize, stop_after: u64) -> Heard {
    let tokenizer = tokenizer();
    let all = prompts(13);
    let stop = AtomicBool::new(false);
    let (mut metrics, mut looks, mut alarms, mut resumed) = (vec![], vec![], vec![], vec![]);
    let mut judge = plain;
    // A judge that likes the opposite: what is learned must look like hacking to it.
    let mut opposite = |prompt: &Prompt, answer: &str| {
        let scores = plain(prompt, answer);
        Scores {
            helpfulness: 1.0 - scores.helpfulness,
            safety: 1.0 - scores.safety,
        }
    };
    let outcome = ppo(PpoJob {
        dir,
        policy: policy(&tokenizer),
        critic: critic(&tokenizer),
        tokenizer: &tokenizer,
        settings,
        prompts: &all[..9],
        held_out: &all[9..],
        judge: &mut judge,
        judge_name: "plain",
        held_out_judge: Some(&mut opposite),
        threads,
        stop: Some(&stop),
        on_event: &mut |event| match event {
            PpoEvent::Iteration { metrics: m, .. } => metrics.push(*m),
            PpoEvent::Look(look) => looks.push(look),
            PpoEvent::Alarm(raised) => alarms.push(raised.alarm),
            PpoEvent::ResumedFrom { iteration, .. } => {
                resumed.push(iteration);
                stop.store(iteration + 1 >= stop_after, Ordering::Relaxed);
            }
            PpoEvent::CheckpointSaved { iteration, .. } => {
                stop.store(iteration + 1 >= stop_after, Ordering::Relaxed);
            }
            _ => (),
        },
    });
    Heard {
        outcome,
        metrics,
        looks,
        alarms,
        resumed,
    }
}

fn curves(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("metrics.jsonl")).unwrap()
}

#[test]
fn without_a_learning_rate_nothing_moves() {
    let dir = tempfile::tempdir().unwrap();
    let settings = PpoSettings {
        lr: 0.0,
        critic_lr: 0.0,
        ..settings()
    };
    let heard = run(dir.path(), &settings, 2, u64::MAX);
    let outcome = heard.outcome.unwrap();
    let tokenizer = tokenizer();
    assert!(bits(&outcome.policy.params) == bits(&policy(&tokenizer).params));
    assert!(bits(&outcome.critic.params) == bits(&critic(&tokenizer).params));
    assert_eq!(heard.metrics.len(), 4);
    for m in &heard.metrics {
        assert_eq!((m.kl, m.kl_k3, m.kl_exact), (0.0, 0.0, Some(0.0)));
        assert_eq!((m.approximate_kl, m.clip_fraction), (0.0, 0.0));
        assert_eq!(m.sampling_difference, 0.0);
        assert!(m.grad_norm > 0.0 && m.critic_grad_norm > 0.0);
    }
    // The same answers at every look.
    assert_eq!(heard.looks.len(), 3);
    assert!(
        heard
            .looks
            .iter()
            .all(|l| l.reward == heard.looks[0].reward && l.kl == 0.0)
    );
}

/// With one mini-batch an iteration every answer's log-probabilities are compared, with several those of
/// the first; the weights are not those of the beginning.
#[test]
fn sampling_and_training_agree_to_the_bit_while_the_policy_moves() {
    for mini_batch in [8, 4, 2] {
        let dir = tempfile::tempdir().unwrap();
        let settings = PpoSettings {
            mini_batch,
            iterations: 5,
            ..settings()
        };
        let heard = run(dir.path(), &settings, 2, u64::MAX);
        heard.outcome.unwrap();
        for m in &heard.metrics {
            assert_eq!(m.sampling_difference, 0.0);
            assert_eq!(m.sampling_compared, mini_batch as u64);
        }
        let last = heard.metrics.last().unwrap();
        assert!(last.kl != 0.0 && last.kl_exact.unwrap() > 0.0);
    }
}

#[test]
fn interrupted_is_uninterrupted_and_one_thread_is_two() {
    let whole = tempfile::tempdir().unwrap();
    let two = run(whole.path(), &settings(), 2, u64::MAX);
    let parts = tempfile::tempdir().unwrap();
    for (stop_after, from) in [(2, vec![]), (3, vec![2])] {
        let heard = run(parts.path(), &settings(), 1, stop_after);
        let stopped = matches!(
            heard.outcome,
            Err(Error::Train(puna_train::Error::Stopped { step })) if step == stop_after
        );
        assert!(stopped);
        assert_eq!(heard.resumed, from);
    }
    // A kill in the middle of the next iteration leaves half a line, and no more.
    let path = parts.path().join("metrics.jsonl");
    let torn = curves(parts.path()) + r#"{"step":4,"tok"#;
    std::fs::write(&path, torn).unwrap();
    let rest = run(parts.path(), &settings(), 1, u64::MAX);
    assert_eq!(rest.resumed, [3]);

    let (a, b) = (two.outcome.unwrap(), rest.outcome.unwrap());
    assert!(bits(&a.policy.params) == bits(&b.policy.params));
    assert!(bits(&a.critic.params) == bits(&b.critic.params));
    assert_eq!(a.summary, b.summary);
    assert_eq!(curves(whole.path()), curves(parts.path()));
    assert!(bits(&a.critic.params) != bits(&critic(&tokenizer()).params));

    // A finished run is only read again; one with other settings is refused.
    let again = run(parts.path(), &settings(), 2, u64::MAX);
    assert!(again.metrics.is_empty());
    assert_eq!(again.outcome.unwrap().summary, a.summary);
    let other = PpoSettings {
        kl_coefficient: 0.5,
        ..settings()
    };
    let error = run(parts.path(), &other, 2, u64::MAX)
        .outcome
        .err()
        .unwrap();
    assert!(error.to_string().contains("kl_coefficient"), "{error}");
}

#[test]
fn the_reward_rises_and_the_opposite_judge_cries_out() {
    let dir = tempfile::tempdir().unwrap();
    let settings = PpoSettings {
        iterations: 30,
        batch: 32,
        mini_batch: 8,
        exact_kl: false,
        held_out: HeldOutSettings {
            every: 5,
            patience: 0,
            keep_best: true,
        },
        checkpoint: CheckpointSettings { every: 0, keep: 1 },
        ..settings()
    };
    let heard = run(dir.path(), &settings, 2, u64::MAX);
    let mean = |m: &[PpoMetrics]| m.iter().map(|m| m.reward).sum::<f64>() / m.len() as f64;
    let (first, last) = (mean(&heard.metrics[..3]), mean(&heard.metrics[27..]));
    assert!(last > first + 1.0, "the reward went from {first} to {last}");
    let looks = &heard.looks;
    assert!(looks.last().unwrap().reward > looks[0].reward + 1.0);
    let hacked = |a: &Alarm| matches!(a, Alarm::RewardHacking { .. });
    assert!(heard.alarms.iter().any(hacked), "{:?}", heard.alarms);
    let foreseen = |m: &[PpoMetrics]| m.iter().map(|m| m.explained_variance).sum::<f64>();
    let (first, last) = (
        foreseen(&heard.metrics[..5]),
        foreseen(&heard.metrics[25..]),
    );
    assert!(last > first && last > 0.0, "{first} {last}");
    let summary = heard.outcome.unwrap().summary;
    let best = looks.iter().max_by(|a, b| a.reward.total_cmp(&b.reward));
    assert_eq!(summary.policy_of, best.unwrap().iteration);
}

#[test]
fn a_run_that_gains_nothing_stops_early() {
    let dir = tempfile::tempdir().unwrap();
    let settings = PpoSettings {
        iterations: 40,
        lr: 0.0,
        least_iterations: 3,
        exact_kl: false,
        held_out: HeldOutSettings {
            every: 1,
            patience: 2,
            keep_best: true,
        },
        ..settings()
    };
    let heard = run(dir.path(), &settings, 2, u64::MAX);
    let summary = heard.outcome.unwrap().summary;
    assert!(summary.stopped_early);
    assert_eq!((summary.iterations, summary.policy_of), (3, 0));
    let again = run(dir.path(), &settings, 2, u64::MAX).outcome.unwrap();
    assert_eq!(again.summary, summary);
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let tokenizer = tokenizer();
    let dir = tempfile::tempdir().unwrap();
    let refused = |change: &dyn Fn(&mut PpoJob<'_>)| {
        let settings = settings();
        let all = prompts(3);
        let mut judge = |_: &Prompt, _: &str| Scores {
            helpfulness: f64::NAN,
            safety: 0.5,
        };
        let mut job = PpoJob {
            dir: dir.path(),
            policy: policy(&tokenizer),
            critic: critic(&tokenizer),
            tokenizer: &tokenizer,
            settings: &settings,
            prompts: &all,
            held_out: &[],
            judge: &mut judge,
            judge_name: "no scores",
            held_out_judge: None,
            threads: 1,
            stop: None,
            on_event: &mut |_| (),
        };
        change(&mut job);
        ppo(job).err().unwrap().to_string()
    };
    let error = refused(&|_| ());
    assert!(
        error.contains("NaN") && error.contains("prompt p"),
        "{error}"
    );
    let error = refused(&|job| job.prompts = &[]);
    assert!(error.contains("no prompt"), "{error}");
    let error = refused(&|job| job.critic = policy(&tokenizer));
    assert!(error.contains("critic"), "{error}");
    let error = refused(&|job| job.policy = critic(&tokenizer));
    assert!(error.contains("policy"), "{error}");
}

/// Answers of random bytes, re-read as text by the reward models, in a whole iteration.
#[test]
fn two_reward_models_reward() {
    let (tokenizer, dir) = (tokenizer(), tempfile::tempdir().unwrap());
    let all = prompts(9);
    let reward_model = |seed| {
        let mut model = policy(&tokenizer).with_scalar_head(seed).unwrap();
        // Answers of 8 tokens may take more when they are encoded again.
        model.config.context = 200;
        RewardModel::new(model, common::tokenizer()).unwrap()
    };
    let mut judge = RewardModels {
        helpfulness: reward_model(1),
        safety: reward_model(2),
        threads: 2,
    };
    let (helpfulness, safety) = (judge.helpfulness.model(), judge.safety.model());
    let start = CriticStart::SafetyReward;
    let critic = initial_critic(start, &policy(&tokenizer), helpfulness, safety, 0).unwrap();
    assert!(bits(&critic.params) == bits(&safety.params));
    let start = CriticStart::Policy;
    let new = initial_critic(start, &policy(&tokenizer), helpfulness, safety, 6).unwrap();
    assert!(bits(&new.params) == bits(&common::critic(&tokenizer).params));

    let (two, answers) = ([&all[0], &all[0]], ["[INST]", "hello"]);
    let tagged = judge.score(&two, &answers).unwrap();
    assert_eq!((tagged[0].helpfulness, tagged[0].safety), (0.0, 0.0));
    assert!(tagged[1].helpfulness > 0.0);
    let where_possible = judge.score_where_possible(&two, &answers).unwrap();
    assert_eq!(where_possible, [None, Some(tagged[1])]);
    let settings = PpoSettings {
        iterations: 2,
        ..settings()
    };
    let outcome = ppo(PpoJob {
        dir: dir.path(),
        policy: policy(&tokenizer),
        critic,
        tokenizer: &tokenizer,
        settings: &settings,
        prompts: &all,
        held_out: &all[..2],
        judge: &mut judge,
        judge_name: "random",
        held_out_judge: None,
        threads: 2,
        stop: None,
        on_event: &mut |_| (),
    });
    let summary = outcome.unwrap().summary;
    assert_eq!((summary.iterations, summary.looks.len()), (2, 2));
    assert!(summary.last.unwrap().helpfulness > 0.0);
}
