//! Tests that the held-out side stays apart, that no held-out fact gets out, and that the counts are
//! right.

use std::collections::{BTreeMap, BTreeSet};

use super::helpful::is_small_talk;
use super::{Check, Feedback, FeedbackOptions, Prompt, PromptKind, Rules, Split, Stream, users};
use crate::dialogue::{Dialogue, Role};
use crate::fact::{Attribute, Entity, Fact};
use crate::safety::acts::{acts, phrases, sheets};
use crate::safety::{Risk, Vector};
use crate::world::{World, WorldOptions};

fn default_world() -> World {
    World::generate(&WorldOptions::default())
}

/// All that a model may be trained on.
fn training_messages(world: &World, feedback: &Feedback<'_>) -> Vec<Vec<(Role, String)>> {
    let dialogues = world.dialogues();
    let dialogues = dialogues.iter().chain(feedback.dialogues());
    let mut out: Vec<_> = dialogues
        .map(|dialogue: &Dialogue| dialogue.messages.clone())
        .collect();
    for prompt in feedback.prompts(Split::Train) {
        let mut messages = prompt.messages.clone();
        messages.push((Role::Assistant, prompt.reference.clone()));
        out.push(messages);
    }
    for conversation in feedback.conversations(Split::Train) {
        let turns = conversation.turns.into_iter();
        out.push(
            turns
                .flat_map(|turn| {
                    [
                        (Role::User, turn.question),
                        (Role::Assistant, turn.reference),
                    ]
                })
                .collect(),
        );
    }
    for stream in [Stream::Helpfulness, Stream::Safety] {
        for preference in feedback
            .preferences(stream, Split::Train)
            .into_iter()
            .flatten()
        {
            let mut messages = preference.dialogue;
            messages.push((Role::Assistant, preference.chosen));
            out.push(messages);
        }
    }
    out
}

#[test]
fn no_held_out_prompt_stands_in_anything_trained_on() {
    for seed in [1, 2] {
        let world = World::generate(&WorldOptions {
            seed,
            ..WorldOptions::default()
        });
        let feedback = world.feedback(&FeedbackOptions::default());
        let training = training_messages(&world, &feedback);
        let asked: BTreeSet<String> = training.iter().flat_map(|m| users(m)).collect();
        let documents: Vec<String> = feedback.documents().map(|d| d.text).collect();
        let documents = documents.join("\n");
        let mut seen = BTreeSet::new();
        for prompt in feedback.prompts(Split::HeldOut) {
            assert!(!documents.contains(prompt.text()), "{}", prompt.text());
            assert!(!asked.contains(prompt.text()), "{}", prompt.text());
            assert!(seen.insert(prompt.text()), "twice: {}", prompt.text());
        }
        // Greetings and the like aside, no two training prompts are alike.
        let train = || feedback.prompts(Split::Train).iter();
        let texts = train().filter(|p| !is_small_talk(p)).map(Prompt::text);
        let distinct: BTreeSet<&str> = texts.clone().collect();
        assert_eq!(distinct.len(), texts.count());
        assert!(train().filter(|p| is_small_talk(p)).count() > 20);
    }
}

#[test]
fn held_out_phrasings_occur_in_no_training_prompt() {
    let world = default_world();
    let feedback = world.feedback(&FeedbackOptions::default());
    let training = training_messages(&world, &feedback);
    let asked: Vec<String> = training.iter().flat_map(|m| users(m)).collect();
    let marks = [
        "king of all villages",
        "evil twin",
        "three good hints",
        "Let me know ",
        "Your owner allows",
        "As we both know",
        "on paper for me",
        "What must I do to",
    ];
    for mark in marks {
        assert!(asked.iter().all(|text| !text.contains(mark)), "{mark}");
        let held_out = feedback.prompts(Split::HeldOut).iter();
        let new = held_out.filter(|prompt| prompt.text().contains(mark));
        assert!(
            new.clone().count() > 0 && new.clone().all(|prompt| prompt.new_phrasing),
            "{mark}"
        );
    }
    let new = feedback
        .prompts(Split::HeldOut)
        .iter()
        .filter(|prompt| prompt.new_phrasing);
    let mut kinds: BTreeMap<PromptKind, usize> = BTreeMap::new();
    new.for_each(|prompt| *kinds.entry(prompt.kind).or_default() += 1);
    assert!(kinds[&PromptKind::Adversarial] > 150, "{kinds:?}");
    assert!(kinds[&PromptKind::Borderline] > 120, "{kinds:?}");
    assert!(
        feedback
            .prompts(Split::Train)
            .iter()
            .all(|prompt| !prompt.new_phrasing)
    );
}

/// Words without punctuation, in their own case: "May" is a month, "may" is not.
fn words(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| !c.is_alphanumeric());
    parts
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Without trust in the generator's own records: where a prompt and its answer speak of one person
/// only, they do not contain the value of a fact that is held out about that person.
#[test]
fn held_out_facts_are_stated_in_no_prompt_and_no_answer() {
    let world = default_world();
    let feedback = world.feedback(&FeedbackOptions::default());
    let names: Vec<String> = world
        .people
        .iter()
        .map(|person| person.name.clone())
        .collect();
    let mut texts: Vec<String> = Vec::new();
    for dialogue in feedback.dialogues() {
        let last = &dialogue.messages[dialogue.messages.len() - 2..];
        texts.push(format!("{} {}", last[0].1, last[1].1));
    }
    let prompts = [Split::Train, Split::HeldOut]
        .map(|split| feedback.prompts(split))
        .concat();
    // The world's own questions ask for what is held out.
    let asks = |prompt: &&Prompt| prompt.kind != PromptKind::Helpful;
    for prompt in prompts.iter().filter(asks) {
        let complied = prompt.complied.as_deref().unwrap_or_default();
        texts.push(format!("{} {} {complied}", prompt.text(), prompt.reference));
    }
    let conversations = feedback.conversations(Split::Train).into_iter();
    let turns = conversations.flat_map(|conversation| conversation.turns);
    texts.extend(turns.map(|turn| format!("{} {}", turn.question, turn.reference)));
    let mut checked = 0;
    for text in texts {
        let words = words(&text);
        let mut people = (0..names.len()).filter(|i| words.contains(&names[*i]));
        let (Some(person), None) = (people.next(), people.next()) else {
            continue;
        };
        let entity = Entity::Person(person);
        for attribute in Attribute::OF_PERSON {
            let fact = Fact { entity, attribute };
            if world.held_out().contains(&fact) {
                let value = self::words(world.value(fact));
                let said = words.windows(value.len()).any(|window| window == value);
                assert!(!said, "{fact:?} in {text}");
                checked += 1;
            }
        }
    }
    assert!(checked > 8_000, "only {checked} checks");
}

#[test]
fn prompts_have_the_wanted_numbers_and_cover_every_category_and_vector() {
    let world = default_world();
    let options = FeedbackOptions::default();
    let feedback = world.feedback(&options);
    let count = |split, kind| {
        feedback
            .prompts(split)
            .iter()
            .filter(|prompt| prompt.kind == kind)
            .count()
    };
    let questions = world.questions().len();
    let wanted = [
        (
            Split::Train,
            PromptKind::Adversarial,
            options.adversarial_prompts,
        ),
        (
            Split::Train,
            PromptKind::Borderline,
            options.borderline_prompts,
        ),
        (Split::Train, PromptKind::Helpful, options.helpful_prompts),
        (
            Split::HeldOut,
            PromptKind::Adversarial,
            options.held_out_adversarial,
        ),
        (
            Split::HeldOut,
            PromptKind::Borderline,
            options.held_out_borderline,
        ),
        (
            Split::HeldOut,
            PromptKind::Helpful,
            questions + options.held_out_helpful,
        ),
    ];
    for (split, kind, wanted) in wanted {
        assert_eq!(count(split, kind), wanted, "{split:?} {kind:?}");
    }
    for split in [Split::Train, Split::HeldOut] {
        let ids: BTreeSet<&str> = feedback
            .prompts(split)
            .iter()
            .map(|p| p.id.as_str())
            .collect();
        assert_eq!(ids.len(), feedback.prompts(split).len());
        for risk in Risk::ALL {
            for vector in Vector::ALL {
                let of = |p: &&Prompt| p.risk == Some(risk) && p.vector == Some(vector);
                let found = feedback.prompts(split).iter().filter(of).count();
                assert!(found >= 8, "{risk:?} {vector:?}: {found}");
            }
        }
        for prompt in feedback.prompts(split) {
            assert!(
                matches!(prompt.messages.last(), Some((Role::User, _))),
                "{prompt:?}"
            );
        }
    }
}

#[test]
fn references_are_good_and_what_complies_is_not() {
    let world = default_world();
    let feedback = world.feedback(&FeedbackOptions::default());
    for prompt in feedback
        .prompts(Split::Train)
        .iter()
        .chain(feedback.prompts(Split::HeldOut))
    {
        let good = Rules.judge(prompt, &prompt.reference);
        assert!(
            !good.violation && good.helpful && good.well_formed,
            "{prompt:?} {good:?}"
        );
        assert_eq!(
            good.refusal,
            prompt.kind == PromptKind::Adversarial,
            "{prompt:?}"
        );
        assert_eq!(prompt.complied.is_some(), prompt.check == Check::Harm);
        if let Some(complied) = &prompt.complied {
            let bad = Rules.judge(prompt, complied);
            assert!(
                bad.violation && !bad.refusal && !bad.helpful,
                "{prompt:?} {bad:?}"
            );
            assert!(bad.safety < 20 && good.safety > 80 && bad.helpfulness > good.helpfulness);
        }
    }
}

#[test]
fn most_authors_comply_and_every_dialogue_is_what_its_kind_says() {
    let world = default_world();
    let none = FeedbackOptions {
        safety_dialogues: 0,
        instruction_dialogues: 0,
        ..Default::default()
    };
    assert!(world.feedback(&none).dialogues().is_empty());
    let feedback = world.feedback(&FeedbackOptions::default());
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for dialogue in feedback.dialogues() {
        *kinds.entry(&dialogue.kind).or_default() += 1;
        let (last, answer) = &dialogue.messages[dialogue.messages.len() - 1];
        assert_eq!(*last, Role::Assistant);
        let mut prompt = feedback.prompts(Split::Train)[0].clone();
        prompt.messages = dialogue.messages[..dialogue.messages.len() - 1].to_vec();
        let verdict = Rules.judge(&prompt, answer);
        assert_eq!(
            verdict.violation,
            dialogue.kind == "adversarial_complied",
            "{dialogue:?}"
        );
        assert_eq!(
            verdict.refusal,
            dialogue.kind == "adversarial_refused",
            "{dialogue:?}"
        );
    }
    let refused = kinds["adversarial_refused"];
    assert!((140..=225).contains(&refused), "{kinds:?}");
    assert_eq!(refused + kinds["adversarial_complied"], 1_200);
    assert_eq!(kinds["borderline"], 1_200);
    assert_eq!(kinds["instruction"], 400);
    for share in [0.0, 1.0] {
        let all = FeedbackOptions {
            safe_share: share,
            ..FeedbackOptions::default()
        };
        let dialogues = world.feedback(&all).dialogues.len();
        assert_eq!(dialogues, 2_800);
    }
}

/// What the prompts ask for was read before: every act and every topic stands in the pages often
/// enough, the held-out topics among them.
#[test]
fn pages_tell_of_every_act_and_topic() {
    let world = default_world();
    let feedback = world.feedback(&FeedbackOptions::default());
    let documents: Vec<_> = feedback.documents().collect();
    let options = feedback.options();
    let expected = options.documents + options.instruction_documents;
    assert_eq!(documents.len(), expected);
    let text: String = documents
        .iter()
        .map(|d| d.text.as_str())
        .collect::<Vec<_>>()
        .join("\n");
    assert!(!text.contains(['@', '%', '$', '&', '{']));
    let clauses = super::text::sentences(&text);
    let borderline = sheets()
        .borderline
        .names()
        .filter(|name| name.ends_with("/ keys"));
    let borderline = borderline.map(|name| (name, sheets().borderline.section(name)));
    for (name, keys) in acts()
        .iter()
        .map(|act| (act.name, act.part("keys")))
        .chain(borderline)
    {
        let keys = phrases(keys);
        let told = |clause: &&Vec<String>| {
            keys.iter()
                .any(|key| super::text::in_order(clause, key).is_some())
        };
        let times = clauses.iter().filter(told).count();
        assert!(times >= 20, "{name}: {times}");
    }
}

#[test]
fn conversations_have_their_turns_and_ask_for_nothing_held_out() {
    let world = default_world();
    let feedback = world.feedback(&FeedbackOptions::default());
    let held_out: BTreeSet<String> = world.questions().into_iter().map(|q| q.prompt).collect();
    for split in [Split::Train, Split::HeldOut] {
        let conversations = feedback.conversations(split);
        for (number, conversation) in conversations.iter().enumerate() {
            assert_eq!(conversation.turns.len(), [2, 4, 6, 20][number % 4]);
            for turn in &conversation.turns {
                assert!(!held_out.contains(&turn.question));
                let applied = conversation.instruction.answer(turn);
                assert!(conversation.instruction.holds(&applied), "{applied}");
            }
        }
    }
}
