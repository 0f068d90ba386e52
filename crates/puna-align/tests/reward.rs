//! Reward models, trained small on comparisons with a rule, from both ends: what they learn, and
//! that interruptions, threads and company change no bit.
#![allow(clippy::unwrap_used)]

use puna_align::preferences::{Action, Preference, SafetyLabel, Stream, Strength};
use puna_align::reward::{
    AccuracyReport, RewardJob, RewardModel, RewardSettings, pair_reliability, train_reward,
};
use puna_llama::{Config, HeadKind, Model, SaveOptions};
use puna_text::chat::{Message, Role};
use puna_text::{Tokenizer, TrainOptions};
use puna_train::{Event, TrainSummary};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

const TOPICS: [&str; 6] = ["llamas", "rivers", "bread", "knots", "stars", "maps"];
const GOOD: [&str; 3] = ["Gladly:", "Of course,", "Here is what I know:"];
const BAD: [&str; 3] = ["Whatever,", "Go away,", "Who cares about"];

fn tokenizer() -> Tokenizer {
    let mut texts: Vec<String> = Vec::new();
    for topic in TOPICS {
        texts.extend(GOOD.iter().chain(&BAD).map(|a| format!("{a} {topic}.")));
        texts.push(format!("[INST] Tell me about {topic}, please. [/INST]"));
    }
    let options = TrainOptions {
        vocab_size: 330,
        ..TrainOptions::default()
    };
    Tokenizer::train(texts, &options).unwrap()
}

fn model(tokenizer: &Tokenizer) -> Model {
    let config = Config {
        dim: 32,
        layers: 2,
        heads: 4,
        kv_heads: 2,
        head_dim: 8,
        hidden_dim: 48,
        vocab_size: tokenizer.vocab_size(),
        context: 128,
        norm_eps: 1e-5,
        rope_theta: 1e4,
        tied: true,
        head: HeadKind::LanguageModel,
    };
    Model::init(&config, 3).unwrap()
}

/// Friendly answers are chosen; in every third pair both are unfriendly, and both unsafe.
fn pair(i: usize) -> Preference {
    let topic = TOPICS[i % 6];
    let user = Message::new(Role::User, format!("Tell me about {topic}, please."));
    let both_bad = i % 3 == 2;
    let chosen = if both_bad { BAD[0] } else { GOOD[i / 6 % 3] };
    let rejected = if both_bad { BAD[1] } else { BAD[i / 18 % 3] };
    let [chosen, rejected] = [chosen, rejected].map(|a| format!("{a} {topic}."));
    let strength = [
        Strength::SignificantlyBetter,
        Strength::Better,
        Strength::Negligibly,
    ][i % 3];
    let mut preference = Preference::new(vec![user], chosen, rejected, strength, Stream::Safety);
    preference.origin = (PathBuf::from("pairs.jsonl"), i + 1);
    preference.safety = Some(if both_bad {
        SafetyLabel::BothUnsafe
    } else {
        SafetyLabel::ChosenSafe
    });
    preference
}

fn settings() -> RewardSettings {
    let mut settings = RewardSettings {
        max_tokens: 64,
        batch_pairs: 8,
        epochs: 2,
        lr: 3e-3,
        ..RewardSettings::default()
    };
    settings.layout.lanes = 4;
    settings.layout.micro_batch_rows = Some(128);
    settings.checkpoint.every = 3;
    settings
}

fn run(
    dir: &Path,
    settings: &RewardSettings,
    threads: usize,
    stop_at: Option<u64>,
) -> puna_align::Result<(RewardModel, TrainSummary)> {
    let tokenizer = tokenizer();
    let (train, valid): (Vec<_>, Vec<_>) =
        ((0..90).map(pair).collect(), (90..120).map(pair).collect());
    let stop = AtomicBool::new(false);
    train_reward(RewardJob {
        dir,
        model: model(&tokenizer),
        tokenizer,
        settings,
        train: &train.iter().collect::<Vec<_>>(),
        valid: &valid.iter().collect::<Vec<_>>(),
        threads,
        stop: Some(&stop),
        on_event: &mut |event| {
            if let Event::Step { metrics, .. } = event
                && Some(metrics.step) == stop_at
            {
                stop.store(true, Ordering::Relaxed);
            }
        },
    })
}

fn bits(model: &Model) -> Vec<u32> {
    let tensors = model.params.tensors.iter();
    tensors
        .flat_map(|t| t.iter().map(|v| v.to_bits()))
        .collect()
}

#[test]
fn the_rule_is_learned_and_the_auxiliary_loss_finds_the_unsafe() {
    let held_out: Vec<Preference> = (90..150).map(pair).collect();
    let held_out: Vec<&Preference> = held_out.iter().collect();
    let report = |safety_weight| {
        let dir = tempfile::tempdir().unwrap();
        let settings = RewardSettings {
            safety_weight,
            ..settings()
        };
        let (mut model, summary) = run(dir.path(), &settings, 2, None).unwrap();
        assert_eq!((summary.steps, summary.validations.len()), (24, 3));
        assert!(summary.last_loss < 0.5 * summary.first_loss, "{summary:?}");
        let last = summary.validations.last().unwrap();
        let pairs = model.score_pairs(&held_out, 2).unwrap();
        // Two thirds have a friendly answer; of two unfriendly ones little is said.
        assert!(last.accuracy.unwrap() > 0.66 && last.tokens == 30);
        assert_eq!(
            pair_reliability(&pairs, 5)
                .bins
                .iter()
                .map(|b| b.n)
                .sum::<u64>(),
            60
        );
        AccuracyReport::of(&pairs)
    };
    let (with, without) = (report(1.0), report(0.0));
    assert_eq!(with.by_strength[0].value, Some(1.0), "{with}");
    assert_eq!(without.by_strength[0].value, Some(1.0), "{without}");
    let recall = |r: &AccuracyReport| r.unsafe_recall.value.unwrap();
    assert!(recall(&with) >= 0.95, "{with}");
    assert!(recall(&with) > recall(&without), "{with}{without}");
}

#[test]
fn interrupted_or_spread_over_threads_the_bits_are_the_same() {
    let whole_dir = tempfile::tempdir().unwrap();
    let (whole, summary) = run(whole_dir.path(), &settings(), 1, None).unwrap();
    for (threads, stops) in [(2, vec![]), (1, vec![4, 13]), (3, vec![12])] {
        let dir = tempfile::tempdir().unwrap();
        for stop in stops {
            let error = run(dir.path(), &settings(), threads, Some(stop))
                .err()
                .unwrap();
            assert!(
                error.to_string().contains(&format!("after step {stop}")),
                "{error}"
            );
        }
        let (again, same) = run(dir.path(), &settings(), threads, None).unwrap();
        assert!(bits(again.model()) == bits(whole.model()));
        assert_eq!(same, summary);
    }
    // Another margin is another run.
    let other = RewardSettings {
        margin: Some(puna_align::reward::Margin::None),
        ..settings()
    };
    let error = run(whole_dir.path(), &other, 1, None).err().unwrap();
    assert!(error.to_string().contains("margin"), "{error}");
}

#[test]
fn a_score_depends_on_its_dialogue_alone() {
    let tokenizer = tokenizer();
    let scalar = model(&tokenizer).with_scalar_head(5).unwrap();
    let mut reward = RewardModel::new(scalar, tokenizer).unwrap();
    let dialogues: Vec<Vec<Message>> = (0..40)
        .map(|i| {
            let mut messages = pair(i).chosen_messages();
            for answer in &BAD[..i % 3] {
                messages.push(Message::new(Role::User, "And then?"));
                messages.push(Message::new(Role::Assistant, *answer));
            }
            messages
        })
        .collect();
    let together = reward.score(&dialogues, 1).unwrap();
    assert_eq!(reward.score(&dialogues, 2).unwrap(), together);
    for (dialogue, score) in dialogues.iter().zip(&together) {
        let alone = reward.score(std::slice::from_ref(dialogue), 2).unwrap();
        assert_eq!(alone[0].to_bits(), score.to_bits());
    }
    let dir = tempfile::tempdir().unwrap();
    reward.save(dir.path(), &SaveOptions::default()).unwrap();
    let mut loaded = RewardModel::load(dir.path()).unwrap();
    assert_eq!(loaded.score(&dialogues, 2).unwrap(), together);
    assert!(loaded.score(&[], 2).unwrap().is_empty());
}

#[test]
fn what_cannot_be_trained_on_or_scored_is_named() {
    let tokenizer = tokenizer();
    let error = RewardModel::new(model(&tokenizer), tokenizer.clone())
        .err()
        .unwrap();
    assert!(error.to_string().contains("gives no score"), "{error}");
    let train = |change: &dyn Fn(&mut Preference), over_long| {
        let mut pairs: Vec<Preference> = (0..9).map(pair).collect();
        change(&mut pairs[4]);
        let settings = RewardSettings {
            over_long,
            ..settings()
        };
        let dir = tempfile::tempdir().unwrap();
        let mut warnings = Vec::new();
        let result = train_reward(RewardJob {
            dir: dir.path(),
            model: model(&tokenizer),
            tokenizer: tokenizer.clone(),
            settings: &settings,
            train: &pairs.iter().collect::<Vec<_>>(),
            valid: &[],
            threads: 1,
            stop: None,
            on_event: &mut |event| {
                if let Event::Warning(warning) = event {
                    warnings.push(warning);
                }
            },
        });
        (result.map(|r| r.1).map_err(|e| e.to_string()), warnings)
    };
    let long = |p: &mut Preference| p.rejected = "on and on ".repeat(40);
    let (result, warnings) = train(&long, Action::Skip);
    assert_eq!(result.unwrap().steps, 2);
    let expected = "1 of 9 training pairs are left out, the first: pairs.jsonl, line 5, dialogue";
    assert!(warnings[0].contains(expected), "{warnings:?}");
    let error = train(&long, Action::Refuse).0.unwrap_err();
    assert!(
        error.contains("pairs.jsonl, line 5") && error.contains("limit of 64"),
        "{error}"
    );
    let tagged = |p: &mut Preference| p.chosen = "[INST] hi".into();
    let error = train(&tagged, Action::Skip).0.unwrap_err();
    assert!(
        error.contains("line 5, chosen") && error.contains("[INST]"),
        "{error}"
    );
    let none = |p: &mut Preference| p.dialogue.clear();
    let error = train(&none, Action::Skip).0.unwrap_err();
    assert!(error.contains("pairs.jsonl, line 5"), "{error}");

    let scalar = model(&tokenizer).with_scalar_head(5).unwrap();
    let mut reward = RewardModel::new(scalar, tokenizer).unwrap();
    let good = pair(0).chosen_messages();
    let mut long = good.clone();
    long[1].content = "on and on ".repeat(40);
    let error = reward
        .score(&[good.clone(), long], 1)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("dialogue 1") && error.contains("made for 128"),
        "{error}"
    );
    let error = reward
        .score(&[good[..1].to_vec()], 1)
        .unwrap_err()
        .to_string();
    assert!(error.contains("dialogue 0"), "{error}");
}
