//! Tests that the world keeps what it holds out apart from what it teaches to answer.

use std::collections::BTreeSet;

use crate::dialogue::Dialogue;
use crate::dice::{Dice, Stream};
use crate::document::Document;
use crate::fact::{Attribute, Entity, Fact};
use crate::language::language;
use crate::world::{World, WorldOptions};
use crate::writer::subject;

pub(crate) fn default_world() -> World {
    World::generate(&WorldOptions::default())
}

/// Every way of asking for the fact that the section knows.
fn phrasings(world: &World, fact: Fact, section: &str) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    let mut dice = Dice::new(0, Stream::Question, 0);
    for template in language().of(fact.attribute).section(section) {
        // Choices are few: eight throws show them all.
        for _ in 0..8 {
            let bindings = subject(fact.entity);
            out.insert(template.render(world, &bindings, &mut dice, &mut Vec::new()));
        }
    }
    out
}

pub(crate) fn all_text(documents: &[Document], dialogues: &[Dialogue]) -> String {
    let mut text = String::new();
    for document in documents {
        text.push_str(&document.text);
        text.push('\n');
    }
    for (_, content) in dialogues.iter().flat_map(|d| &d.messages) {
        text.push_str(content);
        text.push('\n');
    }
    text
}

/// Every sentence that ends in a question mark or is a polite request, without quotation marks.
fn asked_sentences(text: &str) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for line in text.lines() {
        let mut sentence = String::new();
        for c in line.chars() {
            if c != '"' {
                sentence.push(c);
            }
            if matches!(c, '.' | '?' | '!' | ':') {
                out.insert(sentence.trim().to_owned());
                sentence.clear();
            }
        }
    }
    out
}

#[test]
fn held_out_facts_are_asked_nowhere() {
    let world = default_world();
    let documents: Vec<Document> = world.documents().collect();
    let dialogues = world.dialogues();
    let asked = asked_sentences(&all_text(&documents, &dialogues));
    let mut taught = 0;
    for fact in world.facts() {
        let known = phrasings(&world, fact, "question");
        if world.held_out().contains(&fact) {
            for question in &known {
                assert!(!asked.contains(question), "held out, but asked: {question}");
            }
        } else {
            taught += known
                .iter()
                .filter(|question| asked.contains(*question))
                .count();
        }
        for question in phrasings(&world, fact, "held out question") {
            assert!(
                !asked.contains(&question),
                "a held-out phrasing: {question}"
            );
            assert!(
                !known.contains(&question),
                "a phrasing in both sections: {question}"
            );
        }
    }
    // The search does find what is there.
    assert!(taught > 1_000, "only {taught} known questions found");
}

#[test]
fn held_out_facts_are_stated_in_no_dialogue_and_no_talk() {
    let world = default_world();
    for (dialogue, facts) in world.dialogues_with_facts() {
        for fact in facts {
            assert!(
                !world.held_out().contains(&fact),
                "{fact:?} in {dialogue:?}"
            );
        }
    }
    let talks = (0..world.options.documents).map(|i| world.document(i));
    for (document, facts) in talks.filter(|(document, _)| document.kind == "talk") {
        for fact in facts {
            assert!(
                !world.held_out().contains(&fact),
                "{fact:?} in {document:?}"
            );
        }
    }
}

/// The same without trust in the generator's own records: where a dialogue speaks of
/// one person only, no answer contains the value of a fact that is held out about that person.
#[test]
fn dialogues_do_not_contain_held_out_values() {
    let world = default_world();
    let mut checked = 0;
    for dialogue in world.dialogues() {
        let said = |text: &str, value: &str| contains_words(text, value);
        let whole = all_text(&[], std::slice::from_ref(&dialogue));
        let people = (0..world.people.len()).filter(|i| said(&whole, &world.people[*i].name));
        let [person] = people.collect::<Vec<_>>()[..] else {
            continue;
        };
        let entity = Entity::Person(person);
        for attribute in Attribute::OF_PERSON {
            let fact = Fact { entity, attribute };
            if world.held_out().contains(&fact) {
                assert!(!said(&whole, world.value(fact)), "{fact:?} in {whole}");
                checked += 1;
            }
        }
    }
    assert!(checked > 5_000, "only {checked} checks");
}

fn contains_words(text: &str, value: &str) -> bool {
    let boundary = |c: Option<char>| !c.is_some_and(char::is_alphanumeric);
    text.match_indices(value).any(|(at, _)| {
        boundary(text[..at].chars().next_back())
            && boundary(text[at + value.len()..].chars().next())
    })
}

#[test]
fn strangers_occur_in_no_document_and_those_of_the_questions_in_no_dialogue() {
    let world = default_world();
    let documents: Vec<Document> = world.documents().collect();
    let text = all_text(&documents, &[]);
    for stranger in world.strangers() {
        assert!(!contains_words(&text, stranger), "{stranger}");
    }
    let text = all_text(&[], &world.dialogues());
    for stranger in &world.strangers()[..world.unknown_questions()] {
        assert!(!contains_words(&text, stranger), "{stranger}");
    }
}

#[test]
fn values_of_an_attribute_do_not_contain_each_other() {
    let world = default_world();
    for attribute in Attribute::all() {
        let values = world.values(attribute);
        for (i, one) in values.iter().enumerate() {
            for (j, other) in values.iter().enumerate() {
                assert!(
                    i == j || !contains_words(one, other),
                    "{attribute:?}: {one}, {other}"
                );
            }
        }
    }
}
