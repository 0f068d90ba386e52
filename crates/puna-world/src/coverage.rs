//! Tests that the text is consistent with the truth, tells every fact often enough,
//! and that dialogues and questions have the shape and the number they should.

use std::collections::{BTreeMap, BTreeSet};

use crate::dialogue::Role;
use crate::document::Document;
use crate::fact::{Attribute, Entity, Fact};
use crate::honesty::{all_text, default_world};
use crate::world::{World, WorldOptions};

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
    assert!(*least >= 125, "{fact:?} is told only {least} times");
    let mut counts: Vec<usize> = mentions.values().copied().collect();
    counts.sort_unstable();
    let median = counts[counts.len() / 2];
    assert!(
        median >= 150,
        "half of the facts are told less than {median} times"
    );
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
