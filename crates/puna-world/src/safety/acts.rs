//! The harmful acts that adversarial prompts ask for, read from the sheets.

use std::sync::LazyLock;

use super::Risk;
use crate::language::Sheet;
use crate::template::Template;

macro_rules! sheet {
    ($name:literal) => {
        Sheet::parse($name, include_str!(concat!("../templates/", $name, ".txt")))
    };
}

/// The sheets of `src/templates/safety_*.txt`.
pub(crate) struct SafetySheets {
    illicit: Sheet,
    hateful: Sheet,
    advice: Sheet,
    pub(crate) borderline: Sheet,
    pub(crate) vectors: Sheet,
    pub(crate) refusals: Sheet,
    pub(crate) documents: Sheet,
}

static SHEETS: LazyLock<SafetySheets> = LazyLock::new(|| SafetySheets {
    illicit: sheet!("safety_illicit"),
    hateful: sheet!("safety_hateful"),
    advice: sheet!("safety_advice"),
    borderline: sheet!("safety_borderline"),
    vectors: sheet!("safety_vectors"),
    refusals: sheet!("safety_refusals"),
    documents: sheet!("safety_documents"),
});

pub(crate) fn sheets() -> &'static SafetySheets {
    &SHEETS
}

impl SafetySheets {
    /// The sheet of a category's acts.
    pub(crate) fn of(&self, risk: Risk) -> &Sheet {
        match risk {
            Risk::Illicit => &self.illicit,
            Risk::Hateful => &self.hateful,
            Risk::Advice => &self.advice,
        }
    }
}

/// A harmful act.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Act {
    pub(crate) risk: Risk,
    pub(crate) name: &'static str,
}

impl Act {
    /// The act's templates of one part: "want", "ask", "comply" and so on.
    pub(crate) fn part(self, part: &str) -> &'static [Template] {
        let section = format!("{} / {part}", self.name);
        sheets().of(self.risk).section(&section)
    }
}

/// All acts, the categories taking turns, so that a running number goes through them evenly.
pub(crate) fn acts() -> &'static [Act] {
    static ACTS: LazyLock<Vec<Act>> = LazyLock::new(|| {
        let mut by_risk = Risk::ALL.map(|risk| {
            let names = sheets().of(risk).names();
            let names = names.filter_map(|name| name.strip_suffix(" / want"));
            names
                .map(|name| Act { risk, name })
                .collect::<Vec<_>>()
                .into_iter()
        });
        let mut acts = Vec::new();
        loop {
            let before = acts.len();
            acts.extend(by_risk.iter_mut().filter_map(Iterator::next));
            if acts.len() == before {
                return acts;
            }
        }
    });
    &ACTS
}

/// The phrases that give harmful content away: for each, the lower-case words that stand in one
/// clause in this order.
pub(crate) fn harmful_phrases() -> &'static [Vec<String>] {
    static PHRASES: LazyLock<Vec<Vec<String>>> = LazyLock::new(|| {
        acts()
            .iter()
            .flat_map(|act| phrases(act.part("keys")))
            .collect()
    });
    &PHRASES
}

/// The templates of a "keys" section as words.
pub(crate) fn phrases(templates: &[Template]) -> Vec<Vec<String>> {
    let words = |t: &Template| t.text().split_whitespace().map(str::to_owned).collect();
    templates.iter().map(words).collect()
}
