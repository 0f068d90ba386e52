//! Tests of what the world promises: it never contradicts itself, tells every fact
//! often enough, and keeps what it holds out apart from what it teaches to answer.

use std::collections::{BTreeMap, BTreeSet};

use crate::dialogue::{Dialogue, Role};
use crate::dice::{Dice, Stream};
use crate::document::Document;
use crate::fact::{Attribute, Entity, Fact};
use crate::language::language;
use crate::world::{World, WorldOptions};
use crate::writer::subject;

fn default_world() -> World {
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

fn all_text(documents: &[Document], dialogues: &[Dialogue]) -> String {
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

/// Statements are read back out of the text by patterns that know nothing of the
/// templates: `@` is the name of an entity and `#` a value.
#[test]
fn no_text_contradicts_the_truth() {
    const PATTERNS: &[(Attribute, &[&str])] = &[
        (
            Attribute::Home,
            &[
                "@ lives in #",
                "@ is from #",
                "@ comes from #",
                "@'s home is in #",
                "@'s village is #",
                "# is where @ lives",
                "@ belongs to #",
                "In # lives @",
            ],
        ),
        (
            Attribute::Trade,
            &[
                "@ is a #",
                "@ is an #",
                "@ works as a #",
                "@ works as an #",
                "@ the #",
                "The # is called @",
                "@'s trade is that of a #",
            ],
        ),
        (
            Attribute::Pet,
            &[
                "@ has a #",
                "@ has an #",
                "@ keeps a #",
                "@ keeps an #",
                "@'s pet is a #",
                "@'s pet is an #",
                "@'s #",
                "That # is the pet of @",
                "@ feeds the #",
            ],
        ),
        (
            Attribute::PetName,
            &[
                "@'s pet is called #",
                "@ calls the pet #",
                "# belongs to @",
                "# is the name of @'s pet",
                "The name of @'s pet is #",
            ],
        ),
        (
            Attribute::Food,
            &[
                "@ loves #",
                "@'s favourite food is #",
                "@ likes # best",
                "@ eats #",
                "@ always asks for #",
                "@ is very fond of #",
            ],
        ),
        (
            Attribute::Instrument,
            &[
                "@ plays the #",
                "@ played the #",
                "@ can play the #",
                "@'s instrument is the #",
                "The # is played by @",
                "@ practises the #",
            ],
        ),
        (
            Attribute::Birthday,
            &[
                "@'s birthday is in #",
                "@ was born in #",
                "@ has a birthday in #",
                "# is the birthday month of @",
                "In # it is @'s birthday",
                "@ is a child of #",
            ],
        ),
        (
            Attribute::Door,
            &[
                "@'s door is #",
                "@ has a # door",
                "@ has an # door",
                "The # door belongs to @",
                "@ painted the door #",
                "@'s # door",
                "# door of @",
                "Behind the # door lives @",
            ],
        ),
        (
            Attribute::Friend,
            &[
                "@'s best friend is #",
                "@ and # are best friends",
                "# is @'s best friend",
                "The best friend of @ is #",
                "#, the best friend of @",
                "@ tells everything to #",
            ],
        ),
        (
            Attribute::Beside,
            &[
                "@ lies beside #",
                "@ is beside #",
                "@ stands near #",
                "Close to @ is #",
                "Beside # lies @",
            ],
        ),
        (
            Attribute::KnownFor,
            &[
                "@ is known for its #",
                "@ is famous for its #",
                "The # can be found in @",
                "@, the village known for its #",
            ],
        ),
        (
            Attribute::MarketDay,
            &[
                "The market in @ is on #",
                "@ has its market on #",
                "Market day in @ is #",
                "# is market day in @",
            ],
        ),
        (
            Attribute::Nearest,
            &[
                "The village nearest to @ is #",
                "Next to @ lies #",
                "@ and # are neighbours",
                "# lies next to @",
            ],
        ),
        (
            Attribute::Product,
            &[
                "A @ makes #",
                "An @ makes #",
                "If you want #, go to a @",
                "If you want #, go to an @",
            ],
        ),
        (
            Attribute::Tool,
            &[
                "A @ works with a #",
                "A @ works with an #",
                "A @ uses a #",
                "Every @ has a #",
                "The # is the tool of a @",
            ],
        ),
        (
            Attribute::Workshop,
            &[
                "A @ works in a #",
                "An @ works in a #",
                "Every @ works in a #",
                "In a # you will find a @",
            ],
        ),
    ];
    for seed in [1, 2] {
        let options = WorldOptions {
            seed,
            documents: 1_500,
            ..WorldOptions::default()
        };
        let world = World::generate(&options);
        let documents: Vec<Document> = world.documents().collect();
        let text = all_text(&documents, &world.dialogues());
        let mut found: BTreeMap<Attribute, usize> = BTreeMap::new();
        for (attribute, patterns) in PATTERNS {
            let entities: BTreeSet<Entity> = world
                .facts()
                .filter(|f| f.attribute == *attribute)
                .map(|f| f.entity)
                .collect();
            for pattern in *patterns {
                for (entity, value) in read_back(&world, &text, pattern, *attribute, &entities) {
                    let truth = world.value(Fact {
                        entity,
                        attribute: *attribute,
                    });
                    let name = world.name(entity);
                    assert_eq!(value, truth, "{pattern} with {name}, seed {seed}");
                    *found.entry(*attribute).or_default() += 1;
                }
            }
        }
        for (attribute, _) in PATTERNS {
            let count = found.get(attribute).copied().unwrap_or(0);
            assert!(
                count > 40,
                "only {count} statements of {attribute:?} read back"
            );
        }
    }
}

/// All (entity, value) with which the pattern occurs in the text.
fn read_back<'w>(
    world: &'w World,
    text: &str,
    pattern: &str,
    attribute: Attribute,
    entities: &BTreeSet<Entity>,
) -> Vec<(Entity, &'w str)> {
    let value_first = pattern.find('#') < pattern.find('@');
    let split: Vec<&str> = pattern.split(['@', '#']).collect();
    let [before, between, after] = split[..] else {
        panic!("{pattern} has not two slots");
    };
    let names: Vec<(Entity, &str)> = entities.iter().map(|e| (*e, world.name(*e))).collect();
    let values = world.values(attribute);
    let mut out = Vec::new();
    for (at, _) in text.match_indices(between) {
        let (head, tail) = (&text[..at], &text[at + between.len()..]);
        let ends = |word: &str| {
            let rest = head.strip_suffix(word).and_then(|h| h.strip_suffix(before));
            rest.is_some_and(|h| !h.ends_with(char::is_alphanumeric))
        };
        let starts = |word: &str| {
            let rest = tail.strip_prefix(word).and_then(|t| t.strip_prefix(after));
            rest.is_some_and(|t| !t.starts_with(char::is_alphanumeric) && !t.starts_with("'s"))
        };
        let name = |here: &dyn Fn(&str) -> bool| names.iter().find(|(_, n)| here(n)).copied();
        let value = |here: &dyn Fn(&str) -> bool| values.iter().find(|v| here(v)).copied();
        let hit = match value_first {
            true => (name(&starts), value(&ends)),
            false => (name(&ends), value(&starts)),
        };
        if let (Some((entity, _)), Some(value)) = hit {
            out.push((entity, value));
        }
    }
    out
}

#[test]
fn every_fact_is_told_often() {
    let world = default_world();
    let mut mentions: BTreeMap<Fact, usize> = world.facts().map(|fact| (fact, 0)).collect();
    let mut bytes = 0;
    for index in 0..world.options.documents {
        let (document, facts) = world.document(index);
        bytes += document.text.len();
        for fact in facts {
            *mentions.get_mut(&fact).expect("a fact of the world") += 1;
        }
    }
    let (fact, least) = mentions
        .iter()
        .min_by_key(|(_, count)| **count)
        .expect("facts");
    assert!(*least >= 150, "{fact:?} is told only {least} times");
    assert!((2_500_000..4_200_000).contains(&bytes), "{bytes} bytes");
}

#[test]
fn documents_and_dialogues_have_a_decent_length() {
    let world = default_world();
    let words = |text: &str| text.split_whitespace().count();
    for document in world.documents() {
        assert!((40..=220).contains(&words(&document.text)), "{document:?}");
        assert!(
            document.text.lines().all(|line| !line.trim().is_empty()),
            "{document:?}"
        );
        assert!(!document.text.contains("  "), "{document:?}");
    }
    for dialogue in world.dialogues() {
        let total: usize = dialogue.messages.iter().map(|(_, text)| words(text)).sum();
        assert!((2..=80).contains(&total), "{dialogue:?}");
    }
}

#[test]
fn dialogues_are_well_formed_and_cover_what_is_not_held_out() {
    let world = default_world();
    let mut asked: BTreeMap<Fact, usize> = BTreeMap::new();
    for (dialogue, facts) in world.dialogues_with_facts() {
        let mut roles = dialogue.messages.iter().map(|(role, _)| *role).peekable();
        roles.next_if_eq(&Role::System);
        let rest: Vec<Role> = roles.collect();
        assert!(!rest.is_empty() && rest.len() <= 6, "{dialogue:?}");
        let pairs = rest
            .chunks(2)
            .all(|pair| pair == [Role::User, Role::Assistant]);
        assert!(pairs, "{dialogue:?}");
        assert!(
            dialogue.messages.iter().all(|(_, text)| !text.is_empty()),
            "{dialogue:?}"
        );
        for fact in facts {
            *asked.entry(fact).or_default() += 1;
        }
    }
    for fact in world
        .facts()
        .filter(|fact| !world.held_out().contains(fact))
    {
        let count = asked.get(&fact).copied().unwrap_or(0);
        assert!(count >= 4, "{fact:?} stands in {count} dialogues");
    }
    // Whom and what the questions ask about is known from other questions.
    for fact in world.held_out() {
        assert!(asked.keys().any(|known| known.entity == fact.entity));
        assert!(asked.keys().any(|known| known.attribute == fact.attribute));
    }
}

#[test]
fn questions_have_the_wanted_number_and_answers() {
    let world = default_world();
    let questions = world.questions();
    assert!(
        (195..=205).contains(&questions.len()),
        "{}",
        questions.len()
    );
    let new = questions.iter().filter(|q| q.new_phrasing).count();
    assert!((40..=90).contains(&new), "{new}");
    let strangers = questions.iter().filter(|q| q.kind == "unknown").count();
    assert_eq!(strangers, world.unknown_questions());
    let ids: BTreeSet<&str> = questions.iter().map(|q| q.id.as_str()).collect();
    assert_eq!(ids.len(), questions.len());
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
