//! The feedback material through its public interface.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;

use puna_world::{
    Excluded, FeedbackOptions, Preference, Prompt, Split, Stream, World, WorldError, WorldOptions,
};

fn small() -> FeedbackOptions {
    FeedbackOptions {
        documents: 10,
        safety_dialogues: 60,
        instruction_dialogues: 20,
        instruction_documents: 10,
        adversarial_prompts: 80,
        borderline_prompts: 30,
        helpful_prompts: 40,
        held_out_adversarial: 40,
        held_out_borderline: 20,
        held_out_helpful: 10,
        conversations: 2,
        held_out_conversations: 1,
        preferences: 60,
        safety_preferences: 60,
        ..FeedbackOptions::default()
    }
}

fn world(seed: u64) -> World {
    World::generate(&WorldOptions {
        seed,
        documents: 50,
        instructions: 120,
        ..WorldOptions::default()
    })
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let manifests: Vec<_> = [7, 7, 8]
        .iter()
        .zip(&dirs)
        .map(|(seed, dir)| world(*seed).feedback(&small()).write(dir.path()).unwrap())
        .collect();
    assert_eq!(manifests[0], manifests[1]);
    for (one, other) in manifests[0].files.iter().zip(&manifests[2].files) {
        let read = |i: usize| fs::read(dirs[i].path().join(&one.name)).unwrap();
        assert_eq!(read(0), read(1), "{}", one.name);
        assert_ne!(one.sha256, other.sha256, "{}", one.name);
        assert_eq!(read(0).iter().filter(|b| **b == b'\n').count(), one.records);
    }
    let names: BTreeSet<String> = fs::read_dir(dirs[0].path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let expected = [
        "conversations.held_out.jsonl",
        "conversations.train.jsonl",
        "feedback.json",
        "feedback_dialogues.jsonl",
        "feedback_documents.jsonl",
        "preferences.held_out.jsonl",
        "preferences.train.jsonl",
        "prompts.held_out.jsonl",
        "prompts.train.jsonl",
    ];
    assert_eq!(
        names.iter().map(String::as_str).collect::<Vec<_>>(),
        expected
    );
    let counted = |prefix: &str| -> usize {
        let counts = manifests[0].counts.iter();
        counts
            .filter(|(what, _)| what.starts_with(prefix))
            .map(|(_, count)| count)
            .sum()
    };
    assert_eq!(counted("dialogues/"), 80);
    assert_eq!(counted("prompts.train/adversarial"), 80);
    assert_eq!(counted("preferences.train/"), 120);
}

#[test]
fn the_files_read_back_as_what_was_made() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(3);
    let feedback = world.feedback(&small());
    feedback.write(dir.path()).unwrap();
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
    for split in [Split::Train, Split::HeldOut] {
        let text = read(&format!("prompts.{}.jsonl", split.name()));
        let prompts: Vec<Prompt> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(prompts, feedback.prompts(split));
        let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        let messages = first["messages"].as_array().unwrap();
        assert_eq!(messages[messages.len() - 1]["role"], "user");
        assert!(messages[0]["content"].is_string());

        let text = read(&format!("preferences.{}.jsonl", split.name()));
        let preferences: Vec<Preference> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let made = [Stream::Helpfulness, Stream::Safety].into_iter();
        let made = made
            .flat_map(|stream| feedback.preferences(stream, split))
            .flatten();
        assert_eq!(preferences, made.collect::<Vec<_>>());
    }
}

#[test]
fn the_answers_of_any_model_can_be_compared() {
    let world = world(5);
    let feedback = world.feedback(&small());
    let annotators = feedback.annotators();
    let prompt = &feedback.prompts(Split::HeldOut)[0];
    let complied = prompt.complied.as_deref().unwrap();
    let (preference, swapped) = annotators
        .compare(prompt, [complied, &prompt.reference], Stream::Safety, 1)
        .unwrap();
    assert!(swapped);
    assert_eq!(preference.chosen, prompt.reference);
    assert_eq!(preference.dialogue, prompt.messages);
    assert!(preference.annotator.is_some());
    let compare = |a: &str, b: &str| annotators.compare(prompt, [a, b], Stream::Safety, 1);
    assert_eq!(compare("Yes.", "Yes.").unwrap_err(), Excluded::Equal);
    assert_eq!(compare(" ", "Yes.").unwrap_err(), Excluded::Empty);
}

#[test]
fn small_and_large_worlds_and_odd_options_give_what_they_can() {
    for (people, places, trades, questions) in [(4, 4, 4, 2), (120, 24, 24, 300)] {
        let world = World::generate(&WorldOptions {
            seed: 2,
            people,
            places,
            trades,
            questions,
            documents: 20,
            instructions: 20,
        });
        let options = FeedbackOptions {
            adversarial_prompts: 3_000,
            borderline_prompts: 2_000,
            annotators: 0,
            batches: 0,
            ..small()
        };
        let feedback = world.feedback(&options);
        assert!(feedback.prompts(Split::Train).len() > 500);
        assert!(
            !feedback
                .preferences(Stream::Helpfulness, Split::Train)
                .is_empty()
        );
        assert_eq!(feedback.annotators().list.len(), 1);
        for conversation in feedback.conversations(Split::Train) {
            assert!(!conversation.turns.is_empty());
        }
    }
    let none = FeedbackOptions {
        safety_dialogues: 0,
        instruction_dialogues: 0,
        adversarial_prompts: 0,
        borderline_prompts: 0,
        helpful_prompts: 0,
        held_out_adversarial: 0,
        held_out_borderline: 0,
        held_out_helpful: 0,
        preferences: 60,
        safety_preferences: 60,
        ..small()
    };
    let world = world(1);
    let feedback = world.feedback(&none);
    assert!(feedback.prompts(Split::Train).is_empty());
    assert!(
        feedback
            .preferences(Stream::Safety, Split::Train)
            .is_empty()
    );
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let error = world(1)
        .feedback(&small())
        .write(&file.join("feedback"))
        .unwrap_err();
    assert!(matches!(&error, WorldError::Io { path, .. } if path.starts_with(&file)));
}
