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
    fn parse(name: &str, text: &'static str) -> Self {
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

    #[cfg(test)]
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
