//! Direct preference optimization, trained small: what it learns, and that interruptions and threads
//! change no bit.

#![allow(clippy::unwrap_used)]

mod common;

use common::{bits, policy, tokenizer};
use puna_align::dpo::{DpoJob, DpoSettings, dpo};
use puna_align::preferences::{Preference, Stream, Strength};
use puna_align::{Error, Result};
use puna_llama::Model;
use puna_text::chat::{Message, Role};
use puna_train::{CheckpointSettings, Event, LayoutSettings, TrainSummary};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Answers about the river are chosen.
fn pair(i: usize) -> Preference {
    let animal = ["llama", "condor", "fox"][i % 3];
    let dialogue = vec![
        Message::new(Role::User, format!("Tell me of the {animal}.")),
        Message::new(Role::Assistant, "I would rather sing."),
        Message::new(Role::User, format!("Sing, {i}.")),
    ];
    let (chosen, rejected) = ("of the river", "of the fox");
    let mut pair = Preference::new(
        dialogue,
        chosen,
        rejected,
        Strength::Better,
        Stream::Helpfulness,
    );
    pair.origin = (PathBuf::from("pairs.jsonl"), i + 1);
    pair
}

fn settings() -> DpoSettings {
    DpoSettings {
        lr: 3e-3,
        warmup_steps: 2,
        batch_pairs: 4,
        epochs: 2,
        layout: LayoutSettings {
            lanes: 4,
            micro_batch_rows: Some(300),
            recompute: false,
        },
        checkpoint: CheckpointSettings { every: 0, keep: 2 },
        ..DpoSettings::default()
    }
}

fn run(
    dir: &Path,
    settings: &DpoSettings,
    threads: usize,
    stop_at: Option<u64>,
) -> (Result<(Model, TrainSummary)>, Vec<Event>) {
    let tokenizer = tokenizer();
    let all: Vec<Preference> = (0..26).map(pair).collect();
    let all: Vec<&Preference> = all.iter().collect();
    let stop = AtomicBool::new(false);
    let mut events = Vec::new();
    let outcome = dpo(DpoJob {
        dir,
        model: policy(&tokenizer),
        tokenizer: &tokenizer,
        settings,
        train: &all[..18],
        valid: &all[18..],
        threads,
        stop: Some(&stop),
        on_event: &mut |event| {
            if let Event::Step { metrics, .. } = &event
                && Some(metrics.step) == stop_at
            {
                stop.store(true, Ordering::Relaxed);
            }
            events.push(event);
        },
    });
    (outcome, events)
}

#[test]
fn learns_what_was_chosen_and_begins_at_ln_2() {
    let dir = tempfile::tempdir().unwrap();
    let (_, summary) = run(dir.path(), &settings(), 2, None).0.unwrap();
    assert_eq!(summary.steps, 10);
    // Before the first step no pair has moved, to the bit.
    assert_eq!(summary.first_loss, 2f64.ln());
    let (before, after) = (&summary.validations[0], summary.validations.last().unwrap());
    assert_eq!((before.loss, before.accuracy), (2f64.ln(), Some(0.0)));
    assert!(after.loss < 0.5 && after.accuracy == Some(1.0), "{after:?}");
}

#[test]
fn interrupted_is_uninterrupted_and_one_thread_is_two() {
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (model, summary) = run(whole.path(), &settings(), 2, None).0.unwrap();
    let stopped = run(parts.path(), &settings(), 1, Some(3)).0.err().unwrap();
    assert!(matches!(
        stopped,
        Error::Train(puna_train::Error::Stopped { step: 3 })
    ));
    let (resumed, same) = run(parts.path(), &settings(), 1, None).0.unwrap();
    assert!(bits(&model.params) == bits(&resumed.params));
    assert_eq!(summary, same);
}

#[test]
fn what_does_not_fit_is_left_out_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let short = DpoSettings {
        max_tokens: 20,
        ..settings()
    };
    let (outcome, events) = run(dir.path(), &short, 1, None);
    assert!(outcome.err().unwrap().to_string().contains("no pair"));
    let warned = events.iter().any(|e| {
        matches!(e, Event::Warning(w) if w.contains("18 of 18") && w.contains("pairs.jsonl, line 1"))
    });
    assert!(warned, "{events:?}");
    let refuse = DpoSettings {
        over_long: puna_align::preferences::Action::Refuse,
        ..short
    };
    let error = run(dir.path(), &refuse, 1, None)
        .0
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("pairs.jsonl, line 1, dialogue"), "{error}");
}
