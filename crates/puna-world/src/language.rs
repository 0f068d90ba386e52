//! The sheets of sentences in `src/templates/`, parsed once.
//!
//! A sheet is a text file; a line `## name` opens a section, `#` a comment, and every
//! other line is a [`Template`]. There is one sheet per attribute and one per kind of text.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::fact::Attribute;
use crate::template::Template;

/// The sections of one text file, in alphabetical order of their names.
#[derive(Debug)]
pub(crate) struct Sheet {
    sections: BTreeMap<&'static str, Vec<Template>>,
}

impl Sheet {
    /// # Panics
    /// When a line is malformed: sheets are part of the program, and a test reads them all.
    pub(crate) fn parse(name: &str, text: &'static str) -> Self {
        let mut sections: BTreeMap<_, Vec<Template>> = BTreeMap::new();
        let mut current = "";
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if let Some(title) = line.strip_prefix("## ") {
                current = title;
            } else if !line.is_empty() && !line.starts_with('#') {
                match Template::parse(line) {
                    Ok(template) => sections.entry(current).or_default().push(template),
                    Err(what) => panic!("templates/{name}.txt:{}: {what}", number + 1),
                }
            }
        }
        Self { sections }
    }

    /// The templates of a section; none when the sheet lacks it.
    pub(crate) fn section(&self, name: &str) -> &[Template] {
        self.sections.get(name).map_or(&[], Vec::as_slice)
    }

    /// The sections whose names begin with `prefix`, in a fixed order.
    pub(crate) fn sections(&self, prefix: &str) -> Vec<&[Template]> {
        let matching = self
            .sections
            .iter()
            .filter(|(name, _)| name.starts_with(prefix));
        matching
            .map(|(_, templates)| templates.as_slice())
            .collect()
    }

    /// The names of the sections, in alphabetical order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.sections.keys().copied()
    }
}

macro_rules! sheet {
    ($name:literal) => {
        Sheet::parse($name, include_str!(concat!("templates/", $name, ".txt")))
    };
}

/// All sheets.
pub(crate) struct Language {
    attributes: BTreeMap<Attribute, Sheet>,
    pub(crate) biography: Sheet,
    pub(crate) diary: Sheet,
    pub(crate) letter: Sheet,
    pub(crate) news: Sheet,
    pub(crate) guide: Sheet,
    pub(crate) trades: Sheet,
    pub(crate) register: Sheet,
    pub(crate) story: Sheet,
    pub(crate) talk: Sheet,
    pub(crate) chat: Sheet,
}

impl Language {
    /// The sheet of an attribute.
    pub(crate) fn of(&self, attribute: Attribute) -> &Sheet {
        &self.attributes[&attribute]
    }
}

static LANGUAGE: LazyLock<Language> = LazyLock::new(|| Language {
    attributes: BTreeMap::from([
        (Attribute::Home, sheet!("home")),
        (Attribute::Trade, sheet!("trade")),
        (Attribute::Pet, sheet!("pet")),
        (Attribute::PetName, sheet!("pet_name")),
        (Attribute::Food, sheet!("food")),
        (Attribute::Instrument, sheet!("instrument")),
        (Attribute::Birthday, sheet!("birthday")),
        (Attribute::Door, sheet!("door")),
        (Attribute::Friend, sheet!("friend")),
        (Attribute::Beside, sheet!("beside")),
        (Attribute::KnownFor, sheet!("known_for")),
        (Attribute::MarketDay, sheet!("market_day")),
        (Attribute::Nearest, sheet!("nearest")),
        (Attribute::Product, sheet!("product")),
        (Attribute::Tool, sheet!("tool")),
        (Attribute::Workshop, sheet!("workshop")),
    ]),
    biography: sheet!("biography"),
    diary: sheet!("diary"),
    letter: sheet!("letter"),
    news: sheet!("news"),
    guide: sheet!("guide"),
    trades: sheet!("trades"),
    register: sheet!("register"),
    story: sheet!("story"),
    talk: sheet!("talk"),
    chat: sheet!("chat"),
});

/// The language of the world.
pub(crate) fn language() -> &'static Language {
    &LANGUAGE
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::dice::{Dice, Stream};
    use crate::fact::Entity;
    use crate::template::Bindings;
    use crate::world::{World, WorldOptions};

    fn all_sheets() -> Vec<(&'static str, &'static Sheet)> {
        let l = language();
        let mut out: Vec<(&str, &Sheet)> = l
            .attributes
            .iter()
            .map(|(attribute, sheet)| (attribute.name(), sheet))
            .collect();
        out.extend([
            ("biography", &l.biography),
            ("diary", &l.diary),
            ("letter", &l.letter),
            ("news", &l.news),
            ("guide", &l.guide),
            ("trades", &l.trades),
            ("register", &l.register),
            ("story", &l.story),
            ("talk", &l.talk),
            ("chat", &l.chat),
        ]);
        out
    }

    /// Binds every variable a sheet may use to different entities.
    fn cast(world: &World, dice: &mut Dice) -> Bindings {
        let people = dice.permutation(world.people.len());
        let hero = people[0];
        let friend = world.people[hero].friend;
        let mut others = people[1..].iter().filter(|p| **p != friend);
        let mut next = || Entity::Person(others.next().copied().unwrap_or(0));
        Bindings::new(&[
            ('a', Entity::Person(hero)),
            ('f', Entity::Person(friend)),
            ('b', next()),
            ('c', next()),
            ('p', Entity::Place(world.people[hero].home)),
            ('t', Entity::Trade(world.people[hero].trade)),
        ])
    }

    #[test]
    fn every_attribute_has_enough_ways_to_be_told_and_asked() {
        for attribute in Attribute::all() {
            let count = |section: &str| language().of(attribute).section(section).len();
            let name = attribute.name();
            assert!(count("statement") >= 10, "{name}");
            assert!(count("reverse") >= 5, "{name}");
            assert!(count("question") >= 8, "{name}");
            assert!(count("held out question") >= 3, "{name}");
            assert!(count("answer") >= 2, "{name}");
            if Attribute::OF_PERSON.contains(&attribute) {
                assert!(count("pronoun") >= 5, "{name}");
                assert!(count("first") >= 5, "{name}");
                assert!(count("follow up") >= 4, "{name}");
                assert!(count("pronoun answer") >= 2, "{name}");
            }
        }
    }

    #[test]
    fn attribute_sheets_speak_of_their_own_entity() {
        for attribute in Attribute::all() {
            let expected = match attribute {
                a if Attribute::OF_PERSON.contains(&a) => 'a',
                a if Attribute::OF_PLACE.contains(&a) => 'p',
                _ => 't',
            };
            let sheet = language().of(attribute);
            for template in sheet.names().flat_map(|name| sheet.section(name)) {
                let variables = template.variables();
                assert!(
                    variables.iter().all(|v| *v == expected),
                    "{attribute:?}: {template:?}"
                );
            }
        }
    }

    /// A statement, an answer or a telling sentence states the fact it stands for.
    #[test]
    fn statements_state_their_fact() {
        let world = World::generate(&WorldOptions::default());
        let mut dice = Dice::new(3, Stream::Document, 3);
        for fact in world.facts() {
            for section in [
                "statement",
                "pronoun",
                "reverse",
                "first",
                "answer",
                "pronoun answer",
            ] {
                for template in language().of(fact.attribute).section(section) {
                    let mut facts = Vec::new();
                    let bindings = crate::writer::subject(fact.entity);
                    let text = template.render(&world, &bindings, &mut dice, &mut facts);
                    assert!(facts.contains(&fact), "{section}: {text}");
                }
            }
            for section in ["question", "held out question", "follow up"] {
                for template in language().of(fact.attribute).section(section) {
                    let mut facts = Vec::new();
                    let bindings = crate::writer::subject(fact.entity);
                    let text = template.render(&world, &bindings, &mut dice, &mut facts);
                    assert!(facts.is_empty(), "the question gives the answer: {text}");
                    let value = world.value(fact);
                    let mut words = text.split(|c: char| !c.is_alphanumeric());
                    assert!(!words.any(|word| word == value), "{text}");
                }
            }
        }
    }

    #[test]
    fn sentences_are_well_formed() {
        let vowel = |word: &str| word.to_lowercase().starts_with(['a', 'e', 'i', 'o', 'u']);
        for seed in 0..6 {
            let world = World::generate(&WorldOptions {
                seed,
                ..WorldOptions::default()
            });
            let mut dice = Dice::new(seed, Stream::Document, 0);
            for (sheet_name, sheet) in all_sheets() {
                for section in sheet.names() {
                    for template in sheet.section(section) {
                        let bindings = cast(&world, &mut dice);
                        let text = template.render(&world, &bindings, &mut dice, &mut Vec::new());
                        let place = format!("{sheet_name}, {section}: {text}");
                        let free_end = ["title", "greeting", "signature", "board"];
                        assert!(
                            free_end.contains(&section) || text.ends_with(['.', '?', '!', '"']),
                            "{place}"
                        );
                        assert!(
                            text.starts_with(|c: char| c.is_uppercase() || c == '"'),
                            "{place}"
                        );
                        assert_eq!(text.matches('"').count() % 2, 0, "{place}");
                        for bad in [
                            "  ", " .", " ,", "{", "}", "..", "the the", "the Lake", " the a ",
                        ] {
                            assert!(!text.contains(bad), "{place}");
                        }
                        let words: Vec<&str> = text
                            .split_whitespace()
                            .map(|w| w.trim_matches('"'))
                            .collect();
                        for pair in words.windows(2) {
                            match pair[0] {
                                "a" | "A" => assert!(!vowel(pair[1]), "{place}"),
                                "an" | "An" => {
                                    assert!(
                                        vowel(pair[1]) || pair[1].starts_with("hour"),
                                        "{place}"
                                    );
                                }
                                _ => {}
                            }
                            assert_ne!(pair[0], pair[1], "{place}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn no_sentence_stands_twice_in_a_section() {
        for (sheet_name, sheet) in all_sheets() {
            for section in sheet.names() {
                let templates = sheet.section(section);
                let all: BTreeSet<String> = templates.iter().map(|t| format!("{t:?}")).collect();
                assert_eq!(all.len(), templates.len(), "{sheet_name}, {section}");
            }
        }
    }
}
