use super::{Setting, common, files, rule, stopping};
use puna_align::candidates::Fault;
use puna_align::judge::Scores;
use puna_align::prompt::Prompt;
use puna_align::rejection_sampling::{
    Best, POOL_FILE, Pools, RejectionSettings, RoundJob, RoundReport, read_pool, round,
    training_set,
};
use puna_align::rollout::{RolloutOptions, Rollouts, SampleOptions};
use puna_align::{Error, Result};
use puna_llama::SamplingOptions;
use puna_text::chat::{Message, Role, render_training};
use std::path::Path;
use std::sync::atomic::AtomicBool;

fn settings() -> RejectionSettings {
    RejectionSettings {
        k: 6,
        temperatures: vec![0.5, 1.0, 2.0],
        temperature_prompts: 5,
        max_tokens: 16,
        block: 4,
        seed: 3,
        ..RejectionSettings::default()
    }
}

fn run(
    dir: &Path,
    number: u64,
    threads: usize,
    settings: &RejectionSettings,
    prompts: &[Prompt],
    stop_after: Option<usize>,
) -> Result<(Vec<Best>, RoundReport)> {
    let setting = Setting::new();
    let mut rollouts = setting.rollouts(threads);
    let stop = AtomicBool::new(false);
    round(RoundJob {
        dir,
        round: number,
        policy: setting.policy(&mut rollouts, &mut rule),
        prompts,
        settings,
        stop: Some(&stop),
        on_block: &mut stopping(&stop, stop_after),
    })
}

/// The answers by sampling anew, and the best by looking at every one.
#[test]
fn the_pool_holds_the_best_answer_to_each_prompt() {
    let dir = tempfile::tempdir().unwrap();
    let prompts = common::prompts(10);
    let (pool, report) = run(dir.path(), 2, 2, &settings(), &prompts, None).unwrap();
    assert_eq!(read_pool(&dir.path().join(POOL_FILE)).unwrap(), pool);
    assert_eq!((report.prompts, report.answers), (10, 60));
    assert_eq!(report.kept + report.without_answer + report.duplicates, 10);
    assert!(report.kept >= 8 && report.unusable < 20, "{report:?}");

    let records = std::fs::read_to_string(dir.path().join("answers/block-00000.jsonl")).unwrap();
    assert_eq!(records.lines().count(), 4);
    let mut found = 0;
    let mut sum = 0.0;
    for block in 0..3 {
        let path = dir.path().join(format!("answers/block-{block:05}.jsonl"));
        for line in std::fs::read_to_string(path).unwrap().lines() {
            let answers: Vec<puna_align::candidates::Candidate> =
                serde_json::from_str(line).unwrap();
            // Which prompt it was is told by the one record of the pool that has one of its answers.
            let texts: Vec<&str> = answers.iter().map(|a| a.text.as_str()).collect();
            let Some(best) = pool
                .iter()
                .find(|best| texts.contains(&best.answer.as_str()))
            else {
                continue;
            };
            let usable = answers.iter().filter(|a| a.is_usable());
            let reward = |scores: Scores| {
                if best.prompt.safety || scores.safety < 0.15 {
                    scores.safety
                } else {
                    scores.helpfulness
                }
            };
            let highest = usable
                .map(|a| reward(rule(&best.prompt, &a.text)))
                .fold(f64::NEG_INFINITY, f64::max);
            assert_eq!(best.reward, highest);
            assert_eq!(best.scores, rule(&best.prompt, &best.answer));
            assert_eq!((best.round, best.temperature), (2, report.temperature));
            sum += highest;
            found += 1;
        }
    }
    assert_eq!(found, report.kept);
    assert!((report.mean_best - sum / found as f64).abs() < 1e-12);
    // More answers are never worse; the best of six is the mean over all prompts.
    let of_n = &report.best_of_n;
    assert_eq!((of_n.max.len(), of_n.median.len()), (6, 6));
    assert!(of_n.max.windows(2).all(|pair| pair[0] <= pair[1] + 1e-12));
    assert!((of_n.max[0] - of_n.median[0]).abs() < 1e-12);
}

/// The curve by sampling each temperature anew with the round's own seed.
#[test]
fn the_temperature_with_the_best_mean_of_largest_rewards_wins() {
    let dir = tempfile::tempdir().unwrap();
    let prompts = common::prompts(5);
    let (_, report) = run(dir.path(), 1, 1, &settings(), &prompts, None).unwrap();
    let curve = &report.temperatures;
    let temperatures: Vec<f32> = curve.iter().map(|p| p.temperature).collect();
    assert_eq!(temperatures, [0.5, 1.0, 2.0]);
    let highest = curve.iter().map(|p| p.mean_max).fold(0.0, f64::max);
    let winner = curve.iter().find(|p| p.mean_max == highest).unwrap();
    assert_eq!(report.temperature, winner.temperature);
    assert!(curve[0] != curve[1] && curve.iter().all(|p| p.mean < p.mean_max));
    // With one temperature nothing is tuned, and the answers at it are the same.
    let fixed = RejectionSettings {
        temperatures: vec![report.temperature],
        ..settings()
    };
    let other = tempfile::tempdir().unwrap();
    let (_, alone) = run(other.path(), 1, 1, &fixed, &prompts, None).unwrap();
    assert!(alone.temperatures.is_empty());
    assert_eq!(alone.best_of_n, report.best_of_n);
    assert!(!other.path().join("temperatures").exists());
}

#[test]
fn an_interrupted_round_ends_with_the_same_bytes_on_any_number_of_threads() {
    let whole = tempfile::tempdir().unwrap();
    let prompts = common::prompts(10);
    run(whole.path(), 1, 1, &settings(), &prompts, None).unwrap();
    let parts = tempfile::tempdir().unwrap();
    // Three temperatures and three blocks: stopped within either.
    for stop_after in [2, 4] {
        let stopped = run(parts.path(), 1, 2, &settings(), &prompts, Some(stop_after));
        let Err(Error::Train(puna_train::Error::Stopped { .. })) = stopped else {
            panic!("it did not stop");
        };
        assert!(!parts.path().join(POOL_FILE).exists());
    }
    run(parts.path(), 1, 3, &settings(), &prompts, None).unwrap();
    assert_eq!(files(whole.path()), files(parts.path()));
    // Nothing else may go on there.
    let mut other = settings();
    other.k = 7;
    let error = run(parts.path(), 1, 1, &other, &prompts, None)
        .unwrap_err()
        .to_string();
    assert!(error.contains("settings.k"), "{error}");
    let error = run(parts.path(), 2, 1, &settings(), &prompts, None)
        .unwrap_err()
        .to_string();
    assert!(error.contains("prompts"), "{error}");
}

#[test]
fn rounds_draw_other_prompts_and_v4_trains_on_all() {
    let dir = tempfile::tempdir().unwrap();
    let prompts = common::prompts(24);
    let few = RejectionSettings {
        prompts: 8,
        k: 3,
        temperatures: vec![1.0],
        ..settings()
    };
    let pools: Vec<Vec<Best>> = (1..=4)
        .map(|number| {
            let dir = dir.path().join(number.to_string());
            run(&dir, number, 2, &few, &prompts, None).unwrap().0
        })
        .collect();
    let ids = |pool: &[Best]| -> Vec<String> { pool.iter().map(|b| b.prompt.id.clone()).collect() };
    assert!(pools.iter().all(|pool| pool.len() <= 8 && pool.len() > 4));
    assert_ne!(ids(&pools[0]), ids(&pools[1]));
    let rounds = |policy, n: usize| -> Vec<u64> {
        let set = training_set(&pools[..n], policy).unwrap();
        let mut rounds: Vec<u64> = set.iter().map(|best| best.round).collect();
        rounds.dedup();
        rounds
    };
    assert_eq!(rounds(Pools::Paper, 3), [3]);
    assert_eq!(rounds(Pools::Paper, 4), [4, 3, 2, 1]);
    assert_eq!(rounds(Pools::All, 2), [2, 1]);
    let set = training_set(&pools, Pools::Paper).unwrap();
    assert_eq!(set.len(), pools.iter().map(Vec::len).sum::<usize>());
}

#[test]
fn what_has_no_meaning_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let prompts = common::prompts(2);
    let refused = |change: fn(&mut RejectionSettings), prompts: &[Prompt]| {
        let mut settings = settings();
        change(&mut settings);
        run(dir.path(), 1, 1, &settings, prompts, None)
            .unwrap_err()
            .to_string()
    };
    assert!(refused(|s| s.k = 0, &prompts).contains("setting k"));
    assert!(refused(|s| s.temperatures.clear(), &prompts).contains("temperatures"));
    assert!(refused(|s| s.temperatures = vec![-1.0], &prompts).contains("temperature is -1"));
    assert!(refused(|s| s.safety_threshold = f64::NAN, &prompts).contains("safety_threshold"));
    assert!(refused(|_| (), &[]).contains("no prompt"));
    let long = Prompt::new("long", "river ".repeat(400));
    assert!(refused(|_| (), std::slice::from_ref(&long)).contains("no prompt"));
    // Beside others, an over-long prompt is left out and counted.
    let (_, report) = run(
        dir.path(),
        1,
        1,
        &settings(),
        &[prompts[0].clone(), long],
        None,
    )
    .unwrap();
    assert_eq!((report.prompts, report.too_long), (1, 1));
}

/// Where the sampler's room ends, an answer encoded for training can need more: the judge is not asked.
#[test]
fn what_would_be_too_long_for_the_judge_is_not_judged() {
    let setting = Setting::new();
    let prompts = common::prompts(6);
    let tokens: Vec<Vec<u32>> = prompts
        .iter()
        .map(|p| p.render(&setting.tokenizer).unwrap())
        .collect();
    let capacity = tokens.iter().map(Vec::len).max().unwrap() + 6;
    let layout = RolloutOptions {
        threads: 1,
        slots: 4,
        capacity,
    };
    let config = &setting.model.config;
    let mut rollouts = Rollouts::new(config, &setting.tokenizer, layout).unwrap();
    let mut asked = 0;
    let mut judge = |prompt: &Prompt, answer: &str| {
        let mut messages = prompt.messages.clone();
        messages.push(Message::new(Role::Assistant, answer));
        let rendered = render_training(&setting.tokenizer, &messages).unwrap();
        assert!(rendered.ids.len() <= capacity);
        asked += 1;
        Scores {
            helpfulness: 0.5,
            safety: 0.5,
        }
    };
    let options = SampleOptions {
        k: 8,
        max_tokens: 50,
        sampling: SamplingOptions {
            temperature: 1.0,
            top_p: 1.0,
            ..SamplingOptions::default()
        },
        numbers: Vec::new(),
    };
    let prompts: Vec<&Prompt> = prompts.iter().collect();
    let mut policy = setting.policy(&mut rollouts, &mut judge);
    policy.load().unwrap();
    let answers = policy.answer(&prompts, &tokens, &options).unwrap();
    let all: Vec<_> = answers.iter().flatten().collect();
    let too_long = all.iter().filter(|a| a.fault == Some(Fault::TooLong));
    let too_long: Vec<_> = too_long.collect();
    assert!(too_long.len() > 5 && too_long.iter().all(|a| a.scores.safety == 0.0));
    assert!(all.iter().any(|a| a.is_usable()));
    assert_eq!(all.len(), asked + too_long.len());
}
