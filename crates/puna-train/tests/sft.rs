//! Fine-tuning: the loss counts on answers only, long dialogues are handled as set, and a run goes on
//! where it was.

#![allow(clippy::unwrap_used)]

mod common;

use common::{bits, config, listener, stories, tokenizer};
use puna_compute::Cpu;
use puna_llama::{Lora, LoraTarget, Model, ParamKind};
use puna_text::Tokenizer;
use puna_text::chat::{Message, Role, render_training};
use puna_train::{
    ADAPTER_DIR, CheckpointSettings, Dialogue, Error, Event, Examples, LayoutSettings,
    LoraSettings, LossOn, SftJob, SftSettings, TooLong, TrainSummary, sft,
};
use std::path::Path;
use std::sync::atomic::AtomicBool;

fn dialogue(turns: &[(&str, &str)]) -> Dialogue {
    let message = |role, text: &str| Message {
        role,
        content: text.into(),
    };
    let pair = |(user, answer): &(&str, &str)| {
        [message(Role::User, user), message(Role::Assistant, answer)]
    };
    Dialogue::new(turns.iter().flat_map(pair).collect())
}

fn dialogues(n: usize, seed: u64) -> Vec<Dialogue> {
    let answers = stories(n, seed);
    answers
        .iter()
        .map(|answer| dialogue(&[("Tell a story.", answer), ("Where?", "the river")]))
        .collect()
}

fn settings() -> SftSettings {
    SftSettings {
        seq_len: 256,
        batch_sequences: 4,
        lr: 1e-2,
        layout: LayoutSettings {
            lanes: 2,
            ..LayoutSettings::default()
        },
        checkpoint: CheckpointSettings { every: 3, keep: 2 },
        ..SftSettings::default()
    }
}

struct Runner<'a> {
    tokenizer: &'a Tokenizer,
    settings: SftSettings,
    train: Vec<Dialogue>,
    valid: Vec<Dialogue>,
    /// The first weight of BOS, which every dialogue begins with, if not as it was drawn.
    first_weight: Option<f32>,
}

impl Runner<'_> {
    fn run(
        &self,
        dir: &Path,
        threads: usize,
        stop_after: Option<u64>,
    ) -> (puna_train::Result<(Model, TrainSummary)>, Vec<Event>) {
        let (stop, mut events) = (AtomicBool::new(false), Vec::new());
        let mut on_event = listener(&stop, &mut events, stop_after);
        let mut model = Model::init(&config(self.tokenizer.vocab_size()), 1).unwrap();
        if let Some(weight) = self.first_weight {
            model.params.tensors[0][self.tokenizer.bos() as usize * model.config.dim] = weight;
        }
        let result = sft(SftJob {
            dir,
            model,
            tokenizer: self.tokenizer,
            settings: &self.settings,
            train: &self.train,
            valid: &self.valid,
            threads,
            stop: Some(&stop),
            on_event: &mut on_event,
        });
        drop(on_event);
        (result, events)
    }
}

#[test]
fn the_last_answer_alone_counts_where_a_dialogue_says_so() {
    let tokenizer = tokenizer();
    let mut last = dialogue(&[("Who?", "the llama sleeps"), ("Where?", "the river")]);
    let both = Examples::render(&tokenizer, std::slice::from_ref(&last), &settings()).unwrap();
    let one = dialogue(&[("Where?", "the river")]);
    let one = Examples::render(&tokenizer, &[one], &settings()).unwrap();
    last.loss = LossOn::LastAnswer;
    let alone = Examples::render(&tokenizer, std::slice::from_ref(&last), &settings()).unwrap();
    assert_eq!(alone.rows(), (both.rows().0, one.rows().1));
    assert!(alone.rows().1 < both.rows().1);
    // Cut before its last answer, nothing is left to learn from.
    let cut = SftSettings {
        seq_len: 12,
        too_long: TooLong::Truncate,
        ..settings()
    };
    let cut = Examples::render(&tokenizer, std::slice::from_ref(&last), &cut).unwrap();
    assert_eq!((cut.len(), cut.too_long), (0, 1));
}

/// What counts is told apart by length: three answers of three lengths, behind a system message.
#[test]
fn answers_without_loss_are_read_and_not_learnt() {
    let tokenizer = tokenizer();
    let turns = [
        ("Who?", "the llama"),
        ("Where?", "the river and the bridge"),
        ("When?", "the fox sleeps in the house of the llama"),
    ];
    let mut whole = dialogue(&turns);
    whole
        .messages
        .insert(0, Message::new(Role::System, "Answer."));
    let counted = |without: &[usize], loss: LossOn| {
        let mut dialogue = whole.clone();
        dialogue.loss = loss;
        dialogue.without_loss = without.iter().copied().collect();
        let examples = Examples::render(&tokenizer, &[dialogue], &settings());
        examples.map(|examples| examples.rows().1)
    };
    let all = LossOn::AllAnswers;
    let alone = [[4, 6], [2, 6], [2, 4]].map(|others| counted(&others, all).unwrap());
    assert!(alone[0] < alone[1] && alone[1] < alone[2], "{alone:?}");
    assert_eq!(counted(&[], all).unwrap(), alone.iter().sum::<u64>());
    assert_eq!(counted(&[4], all).unwrap(), alone[0] + alone[2]);
    assert_eq!(counted(&[2], LossOn::LastAnswer).unwrap(), alone[2]);
    for (without, loss) in [(&[2, 4, 6][..], all), (&[6], LossOn::LastAnswer)] {
        let error = counted(without, loss).unwrap_err().to_string();
        assert!(error.contains("no answer counts"), "{error}");
    }
}

#[test]
fn only_answers_count() {
    let tokenizer = tokenizer();
    let all = dialogues(20, 3);
    let mut expected = (0, 0);
    for dialogue in &all {
        let rendered = render_training(&tokenizer, &dialogue.messages).unwrap();
        expected.0 += rendered.ids.len() as u64 - 1;
        expected.1 += rendered.loss_mask.iter().filter(|&&answer| answer).count() as u64;
    }
    let examples = Examples::render(&tokenizer, &all, &settings()).unwrap();
    assert_eq!(examples.rows(), expected);
    assert!(expected.1 > 0 && expected.1 < expected.0);
    // Without a mask EOS is a row more, which does not count.
    let open = SftSettings {
        document_mask: false,
        ..settings()
    };
    let examples = Examples::render(&tokenizer, &all, &open).unwrap();
    assert_eq!(examples.rows(), (expected.0 + 20, expected.1));
}

#[test]
fn long_and_tagged_dialogues() {
    let tokenizer = tokenizer();
    let long = stories(12, 5).join(" ");
    let late = dialogue(&[(&long, "yes")]);
    let all = [
        dialogue(&[("Who?", "the fox")]),
        dialogue(&[("Tell.", &long)]),
        late,
        dialogue(&[("[INST]", "a")]),
    ];
    let with = |too_long| SftSettings {
        seq_len: 64,
        too_long,
        ..settings()
    };
    let skipped = Examples::render(&tokenizer, &all, &with(TooLong::Skip)).unwrap();
    assert_eq!((skipped.len(), skipped.too_long, skipped.tagged), (1, 2, 1));
    let cut = Examples::render(&tokenizer, &all, &with(TooLong::Truncate)).unwrap();
    assert_eq!(
        (cut.len(), cut.too_long, cut.tagged),
        (2, 1, 1),
        "what has no answer left is left out"
    );
    assert!(cut.rows().0 > 64);
    let error = Examples::render(&tokenizer, &all, &with(TooLong::Refuse))
        .unwrap_err()
        .to_string();
    assert!(error.contains("do not fit a sequence of 64"), "{error}");
    let mut open = dialogue(&[("a", "b")]);
    open.messages.pop();
    let error = Examples::render(&tokenizer, &[open], &settings())
        .unwrap_err()
        .to_string();
    assert!(error.contains("messages[1]"), "{error}");
}

#[test]
fn interrupted_is_uninterrupted() {
    let dir = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer();
    for document_mask in [true, false] {
        let runner = Runner {
            tokenizer: &tokenizer,
            settings: SftSettings {
                document_mask,
                ..settings()
            },
            train: dialogues(60, 3),
            valid: dialogues(10, 4),
            first_weight: None,
        };
        let at = |name: &str| dir.path().join(format!("{name}-{document_mask}"));
        let (model, summary) = runner.run(&at("whole"), 1, None).0.unwrap();
        let steps: Vec<u64> = summary.validations.iter().map(|v| v.step).collect();
        assert_eq!(
            steps.len(),
            3,
            "before, and after each of two epochs: {steps:?}"
        );
        assert_eq!((steps[0], steps[2]), (0, summary.steps));
        assert!(
            summary.validations[2].loss < summary.validations[0].loss - 0.5,
            "{summary:?}"
        );
        for stop in [1, 4, steps[1], summary.steps - 1] {
            let (result, _) = runner.run(&at("parts"), 2, Some(stop));
            assert!(matches!(result, Err(Error::Stopped { step }) if step == stop));
        }
        let (result, events) = runner.run(&at("parts"), 1, None);
        assert!(matches!(events[0], Event::ResumedFrom { step, .. } if step == summary.steps - 1));
        let (again, s) = result.unwrap();
        assert!(bits(&again.params) == bits(&model.params));
        assert_eq!(s, summary);
    }
}

/// Adapters of the queries and of the feed-forward's output: they learn, they are all that changes, what is
/// written of them makes the very model again, and a run of theirs goes on where it was.
#[test]
fn adapters_are_trained_in_place_of_the_weights() {
    let dir = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer();
    let runner = Runner {
        tokenizer: &tokenizer,
        settings: SftSettings {
            lora: Some(LoraSettings {
                rank: 3,
                alpha: 6.0,
                targets: vec![LoraTarget::Q, LoraTarget::Down],
            }),
            lr: 3e-2,
            ..settings()
        },
        train: dialogues(60, 3),
        valid: dialogues(10, 4),
        first_weight: None,
    };
    let whole = dir.path().join("whole");
    let (model, summary) = runner.run(&whole, 1, None).0.unwrap();
    let loss = |i: usize| summary.validations[i].loss;
    // Little: the head and the table, random here, stay as they are.
    assert!(loss(2) < loss(1) && loss(1) < loss(0) - 0.01, "{summary:?}");

    let config = &model.config;
    let before = Model::init(config, 1).unwrap();
    let specs = config.param_specs();
    let kv_rows = config.heads * config.head_dim * config.dim;
    for (i, spec) in specs.iter().enumerate() {
        let (old, new) = (&before.params.tensors[i], &model.params.tensors[i]);
        match spec.kind {
            ParamKind::Qkv(_) => {
                assert_ne!(old[..kv_rows], new[..kv_rows], "queries are adapted");
                assert_eq!(old[kv_rows..], new[kv_rows..], "keys and values are not");
            }
            ParamKind::Down(_) => assert_ne!(old[..], new[..]),
            _ => assert_eq!(old[..], new[..], "{}", spec.name()),
        }
    }

    let mut ops = Cpu::new(1);
    let lora = Lora::load(&ops, config, &whole.join(ADAPTER_DIR)).unwrap();
    let mut merged = before.params.try_clone().unwrap();
    lora.merge(&mut ops, config, &mut merged).unwrap();
    assert!(bits(&merged) == bits(&model.params));

    let parts = dir.path().join("parts");
    for stop in [1, 4, summary.steps - 1] {
        let (result, _) = runner.run(&parts, 2, Some(stop));
        assert!(matches!(result, Err(Error::Stopped { step }) if step == stop));
    }
    let (again, s) = runner.run(&parts, 2, None).0.unwrap();
    assert!(bits(&again.params) == bits(&model.params));
    assert_eq!(s, summary);

    // A checkpoint of one is not taken for one of the other.
    let plain = Runner {
        settings: SftSettings {
            lora: None,
            ..runner.settings.clone()
        },
        train: runner.train.clone(),
        valid: Vec::new(),
        ..runner
    };
    let error = plain.run(&whole, 1, None).0.err().unwrap().to_string();
    assert!(error.contains("settings.lora"), "{error}");
}

#[test]
fn what_cannot_be_trained_on_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer();
    let mut runner = Runner {
        tokenizer: &tokenizer,
        settings: SftSettings {
            seq_len: 24,
            ..settings()
        },
        train: dialogues(5, 3),
        valid: Vec::new(),
        first_weight: None,
    };
    let (result, events) = runner.run(dir.path(), 1, None);
    assert!(
        result
            .err()
            .unwrap()
            .to_string()
            .contains("no dialogue to train on")
    );
    let expected = "5 of 5 dialogues are longer than a sequence and are left out";
    assert_eq!(events, [Event::Warning(expected.into())]);
    runner.settings.seq_len = 256;
    runner.settings.epochs = 0;
    assert!(
        runner
            .run(dir.path(), 1, None)
            .0
            .err()
            .unwrap()
            .to_string()
            .contains("no step")
    );
}

#[test]
fn the_defaults_are_the_papers() {
    let s: SftSettings = serde_json::from_str("{}").unwrap();
    assert_eq!(
        (s.seq_len, s.batch_sequences, s.epochs, s.lr),
        (4096, 64, 2, 2e-5)
    );
    assert_eq!(
        (s.optimizer.weight_decay, s.decay),
        (0.1, puna_train::Decay::Cosine)
    );
    assert!(serde_json::from_str::<SftSettings>(r#"{"epoch":2}"#).is_err());
}

#[test]
fn a_model_that_is_broken_from_the_start_is_found_before_the_first_step() {
    let tokenizer = tokenizer();
    let runner = Runner {
        tokenizer: &tokenizer,
        settings: settings(),
        train: dialogues(5, 3),
        valid: dialogues(5, 4),
        first_weight: Some(f32::NAN),
    };
    let dir = tempfile::tempdir().unwrap();
    let (result, _) = runner.run(dir.path(), 1, None);
    let message = result.err().unwrap().to_string();
    let expected =
        "step 0: the held-out loss is not finite; first in the weight model.embed_tokens.weight.";
    assert!(message.starts_with(expected), "{message}");
    assert!(message.contains("before it was trained"), "{message}");
}
