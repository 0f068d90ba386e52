use super::{Setting, files, rule, stopping};
use puna_align::ghost_attention::{
    DIALOGUES_FILE, GhostDialogue, GhostJob, GhostSeed, GhostSettings, Instruction,
    InstructionCheck, InstructionList, ghost_dialogues, read_ghost_dialogues,
};
use puna_align::judge::Scores;
use puna_align::prompt::Prompt;
use puna_align::{Placement, Result};
use puna_text::chat::{Message, Role, render_training};
use puna_train::{Examples, LossOn, SftSettings};
use std::path::Path;
use std::sync::atomic::AtomicBool;

fn settings() -> GhostSettings {
    GhostSettings {
        k: 4,
        max_tokens: 24,
        block: 4,
        seed: 5,
        ..GhostSettings::default()
    }
}

fn lists() -> Vec<InstructionList> {
    vec![
        InstructionList::new("Figure", "Act as {}.", ["a fox", "a condor"]),
        InstructionList::new("Topic", "Sing of {}.", ["rivers", "rain", "llamas"]),
    ]
}

/// Dialogues of one to three turns.
fn seeds() -> Vec<GhostSeed> {
    (0..10)
        .map(|i| GhostSeed {
            id: format!("d{i}"),
            turns: (0..1 + i % 3)
                .map(|turn| format!("Say {turn}{i}."))
                .collect(),
        })
        .collect()
}

fn run(
    dir: &Path,
    threads: usize,
    settings: &GhostSettings,
    judge: &mut dyn puna_align::judge::Judge,
    stop_after: Option<usize>,
) -> Result<Vec<GhostDialogue>> {
    let setting = Setting::new();
    let mut rollouts = setting.rollouts(threads);
    let stop = AtomicBool::new(false);
    ghost_dialogues(GhostJob {
        dir,
        policy: setting.policy(&mut rollouts, judge),
        seeds: &seeds(),
        lists: &lists(),
        settings,
        check: None,
        stop: Some(&stop),
        on_block: &mut stopping(&stop, stop_after),
    })
}

#[test]
fn the_instruction_is_on_every_turn_when_sampling_and_on_the_first_when_training() {
    let dir = tempfile::tempdir().unwrap();
    let mut seen: Vec<(Prompt, String)> = Vec::new();
    let mut judge = |prompt: &Prompt, answer: &str| {
        seen.push((prompt.clone(), answer.into()));
        rule(prompt, answer)
    };
    let dialogues = run(dir.path(), 2, &settings(), &mut judge, None).unwrap();
    assert_eq!(
        read_ghost_dialogues(&dir.path().join(DIALOGUES_FILE)).unwrap(),
        dialogues
    );
    let seeds = seeds();
    let mut whole = 0;
    for (dialogue, seed) in dialogues.iter().zip(&seeds) {
        let long = &dialogue.instruction.long;
        let turns: Vec<_> = dialogue.messages.chunks(2).collect();
        whole += usize::from(turns.len() == seed.turns.len());
        for (t, turn) in turns.iter().enumerate() {
            assert_eq!((turn[0].role, turn[1].role), (Role::User, Role::Assistant));
            assert_eq!(turn[0].content, seed.turns[t]);
            // What the judge saw at this turn, and that the best of four went on.
            let at_turn: Vec<_> = seen
                .iter()
                .filter(|(p, _)| p.id == seed.id && p.messages.len() == 2 * t + 1)
                .collect();
            assert_eq!(at_turn.len(), 4);
            let (prompt, _) = at_turn[0];
            for (i, message) in prompt.messages.iter().enumerate() {
                let plain = match i == 2 * t {
                    true => &turn[0].content,
                    false => &dialogue.messages[i].content,
                };
                let expected = match message.role {
                    Role::User => format!("{long}\n{plain}"),
                    _ => plain.clone(),
                };
                assert_eq!(message.content, expected);
            }
            let reward = |answer: &str| {
                let Scores {
                    helpfulness,
                    safety,
                } = rule(prompt, answer);
                if safety < 0.15 { safety } else { helpfulness }
            };
            let chosen = reward(&turn[1].content);
            // Only what was cut off or is empty may have been better.
            let better = at_turn
                .iter()
                .filter(|(_, a)| !a.is_empty() && reward(a) > chosen);
            assert!(better.count() <= 2);
        }
        for (placement, wording) in [
            (Placement::SystemMessage, false),
            (Placement::FirstTurn, true),
        ] {
            let settings = GhostSettings {
                placement,
                ..settings()
            };
            let training = dialogue.training(&settings);
            assert_eq!(training.is_some(), !turns.is_empty());
            let Some(training) = training else {
                continue;
            };
            assert_eq!(training.loss, LossOn::LastAnswer);
            let said = match dialogue.shortened {
                true => &dialogue.instruction.short,
                false => long,
            };
            let texts: Vec<&str> = training
                .messages
                .iter()
                .map(|m| m.content.as_str())
                .collect();
            assert_eq!(texts.concat().matches(said.as_str()).count(), 1);
            match wording {
                true => assert_eq!(texts[0], format!("{said}\n{}", seed.turns[0])),
                false => assert_eq!(texts[..2], [said.as_str(), seed.turns[0].as_str()]),
            }
        }
    }
    assert!(whole >= 7, "{whole} of 10 dialogues reach their end");
    assert_eq!(dialogues.iter().filter(|d| d.shortened).count(), 5);
}

#[test]
fn only_the_last_answer_counts_in_the_loss() {
    let dir = tempfile::tempdir().unwrap();
    let dialogues = run(dir.path(), 1, &settings(), &mut rule, None).unwrap();
    let dialogue = dialogues.iter().find(|d| d.messages.len() == 6).unwrap();
    let tokenizer = super::common::tokenizer();
    let training = [dialogue.training(&settings()).unwrap()];
    let rendered = render_training(&tokenizer, &training[0].messages).unwrap();
    // The last answer with the space before the end and the end itself.
    let begin = rendered
        .loss_mask
        .iter()
        .rposition(|&answer| !answer)
        .unwrap()
        + 1;
    let last = rendered.ids.len() - begin;
    let examples = Examples::render(&tokenizer, &training, &SftSettings::default()).unwrap();
    assert_eq!(
        examples.rows(),
        (rendered.ids.len() as u64 - 1, last as u64)
    );
    let decoded = tokenizer.decode(&rendered.ids[begin..rendered.ids.len() - 1]);
    assert_eq!(decoded.trim(), dialogue.messages[5].content);
    // On all answers it is as much as the beginnings of the dialogue, each for its last answer.
    let all = GhostSettings {
        loss: LossOn::AllAnswers,
        ..settings()
    };
    let all = [dialogue.training(&all).unwrap()];
    let messages = &all[0].messages;
    let beginnings = [3, 5, 7].map(|n| {
        let mut beginning = puna_train::Dialogue::new(messages[..n].to_vec());
        beginning.loss = LossOn::LastAnswer;
        beginning
    });
    let answers = |dialogues: &[_]| {
        let examples = Examples::render(&tokenizer, dialogues, &SftSettings::default());
        examples.unwrap().rows().1
    };
    assert_eq!(answers(&all), answers(&beginnings));
}

/// Answers that break the instruction end a dialogue, and what is kept keeps it.
#[test]
fn only_answers_that_keep_the_instruction_go_on() {
    let keeps = |instruction: &Instruction, answer: &str| {
        (instruction.long.len() + answer.len()).is_multiple_of(2)
    };
    let sample = |check: Option<InstructionCheck<'_>>| {
        let dir = tempfile::tempdir().unwrap();
        let setting = Setting::new();
        let mut rollouts = setting.rollouts(1);
        let dialogues = ghost_dialogues(GhostJob {
            dir: dir.path(),
            policy: setting.policy(&mut rollouts, &mut rule),
            seeds: &seeds(),
            lists: &lists(),
            settings: &settings(),
            check,
            stop: None,
            on_block: &mut |_, _, _| {},
        });
        dialogues.unwrap()
    };
    let checked = sample(Some(InstructionCheck {
        name: "parity",
        keeps: &keeps,
    }));
    let broken = |dialogues: &[GhostDialogue]| {
        let of = |d: &GhostDialogue| {
            let answers = d.messages.iter().filter(|m| m.role == Role::Assistant);
            answers
                .filter(|m| !keeps(&d.instruction, &m.content))
                .count()
        };
        dialogues.iter().map(of).sum::<usize>()
    };
    assert_eq!(broken(&checked), 0);
    assert!(checked.iter().any(|d| !d.messages.is_empty()));
    assert!(broken(&sample(None)) > 0);
}

/// A lapse is asked without instruction and history, counts in no loss, and is never the last turn.
#[test]
fn lapses_know_of_no_instruction_and_count_in_no_loss() {
    let dir = tempfile::tempdir().unwrap();
    let with_lapses = GhostSettings {
        lapses: 0.5,
        loss: LossOn::AllAnswers,
        ..settings()
    };
    let mut asked: Vec<Prompt> = Vec::new();
    let mut judge = |prompt: &Prompt, answer: &str| {
        asked.push(prompt.clone());
        rule(prompt, answer)
    };
    let dialogues = run(dir.path(), 1, &with_lapses, &mut judge, None).unwrap();
    let tokenizer = super::common::tokenizer();
    let mut lapses = 0;
    for (dialogue, seed) in dialogues.iter().zip(seeds()) {
        lapses += dialogue.lapses.len();
        let last = (dialogue.messages.len() / 2).checked_sub(1);
        for &turn in &dialogue.lapses {
            assert!(Some(turn) < last, "{dialogue:?}");
            let plain = [Message::new(Role::User, seed.turns[turn].as_str())];
            let of_turn = |p: &&Prompt| p.id == seed.id && p.messages == plain;
            assert_eq!(asked.iter().filter(of_turn).count(), 4);
        }
        let Some(training) = dialogue.training(&with_lapses) else {
            continue;
        };
        let rows = |training: &puna_train::Dialogue| {
            let list = std::slice::from_ref(training);
            let examples = Examples::render(&tokenizer, list, &SftSettings::default());
            examples.unwrap().rows().1
        };
        // Each lapse takes as many rows from the loss as it has when it counts alone.
        let mut whole = training.clone();
        whole.without_loss.clear();
        let alone = |turn: &usize| {
            let mut until = training.clone();
            until.messages.truncate(2 * turn + 3);
            until.without_loss.clear();
            until.loss = LossOn::LastAnswer;
            rows(&until)
        };
        let of_lapses: u64 = dialogue.lapses.iter().map(alone).sum();
        assert_eq!(rows(&whole) - of_lapses, rows(&training));
    }
    assert!(lapses > 2, "{lapses}");
}

/// Without it no reward model is asked, and the first answer that can be used goes on.
#[test]
fn the_judge_is_asked_only_where_it_chooses() {
    struct Nobody;
    impl puna_align::judge::Judge for Nobody {
        fn score(&mut self, _: &[&Prompt], _: &[&str]) -> Result<Vec<Scores>> {
            Err(puna_align::Error::Data("asked".into()))
        }
    }
    let sample = |settings: &GhostSettings| {
        let dir = tempfile::tempdir().unwrap();
        run(dir.path(), 1, settings, &mut Nobody, None)
    };
    assert!(sample(&settings()).is_err());
    let judged = false;
    let four = sample(&GhostSettings {
        judged,
        ..settings()
    })
    .unwrap();
    let one = sample(&GhostSettings { k: 1, ..settings() }).unwrap();
    // Where the first of the four can be used, it is the only one of the other.
    let same = four.iter().zip(&one).filter(|(four, one)| {
        let first = |d: &GhostDialogue| d.messages.get(1).map(|m| m.content.clone());
        first(one).is_some() && first(four) == first(one)
    });
    assert!(same.count() > 3);
    assert!(
        four.iter().filter(|d| !d.messages.is_empty()).count()
            >= one.iter().filter(|d| !d.messages.is_empty()).count()
    );
}

#[test]
fn interrupted_sampling_ends_with_the_same_bytes() {
    let whole = tempfile::tempdir().unwrap();
    run(whole.path(), 1, &settings(), &mut rule, None).unwrap();
    let parts = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        run(parts.path(), 2, &settings(), &mut rule, Some(1)).unwrap_err();
    }
    run(parts.path(), 2, &settings(), &mut rule, None).unwrap();
    assert_eq!(files(whole.path()), files(parts.path()));
    let other = GhostSettings {
        seed: 6,
        ..settings()
    };
    let error = run(parts.path(), 1, &other, &mut rule, None).unwrap_err();
    assert!(error.to_string().contains("settings.seed"), "{error}");
}
