//! Preprompts (paper section 4.2.4 and Table 39): general ones made from adjectives, and for each risk category an
//! answer template, whose steps tell how such a question is to be answered.

use crate::candidates::derived_seed;
use crate::error::{Error, Result};
use puna_train::permutation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which kind of preprompt a prompt gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TemplateChoice {
    /// The answer template of its category where there is one, a general preprompt where not: what
    /// the paper found best.
    #[default]
    Category,
    /// Always a general one.
    General,
}

/// What preprompts are made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Preprompts {
    /// General texts; each `{}` becomes an adjective, in one text all different.
    pub general: Vec<String>,
    /// The adjectives.
    pub adjectives: Vec<String>,
    /// Steps of an answer, by risk category.
    pub answers: BTreeMap<String, Vec<String>>,
    /// Answer templates word by word, by risk category; they go before `answers`.
    pub templates: BTreeMap<String, String>,
    /// Which kind a prompt gets.
    pub choice: TemplateChoice,
}

impl Default for Preprompts {
    /// General texts in the manner of the paper's, its adjectives and some more. Answer templates
    /// are for the categories of the data at hand, so there is none.
    fn default() -> Self {
        let texts = |list: &[&str]| list.iter().map(|&text| text.into()).collect();
        Self {
            general: texts(&[
                "You are a {} and {} assistant. If a request could do harm, say what is wrong with it.",
                "As a {} assistant you never help to harm anyone; you explain why, and offer a {} way.",
                "The next message may ask for something unsafe. Give a {}, {} answer.",
                "What follows is asked of a {} and {} adviser who cares for everyone's safety.",
            ]),
            adjectives: texts(&[
                "responsible",
                "respectful",
                "wise",
                "careful",
                "honest",
                "kind",
                "thoughtful",
                "prudent",
            ]),
            answers: BTreeMap::new(),
            templates: BTreeMap::new(),
            choice: TemplateChoice::Category,
        }
    }
}

/// What a preprompt was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrepromptKind {
    /// A general text.
    General,
    /// An answer template.
    AnswerTemplate,
}

/// A preprompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprompt {
    /// What it was made from.
    pub kind: PrepromptKind,
    /// Its text.
    pub text: String,
}

impl Preprompts {
    /// Refuses what makes no preprompt.
    ///
    /// # Errors
    /// No general text; a text with more places than there are adjectives; a category without steps or
    /// with an empty template.
    pub fn validate(&self) -> Result<()> {
        if self.general.is_empty() {
            let what = "it is empty; a prompt without an answer template needs one";
            return Err(Error::setting("general", what));
        }
        let places = |text: &&String| text.matches("{}").count() > self.adjectives.len();
        if let Some(text) = self.general.iter().find(places) {
            let what = format!(
                "{} are too few for the places in {text:?}",
                self.adjectives.len()
            );
            return Err(Error::setting("adjectives", what));
        }
        if let Some((category, _)) = self
            .templates
            .iter()
            .find(|(_, text)| text.trim().is_empty())
        {
            let what = format!("that of category {category} is empty");
            return Err(Error::setting("templates", what));
        }
        match self.answers.iter().find(|(_, steps)| steps.is_empty()) {
            Some((category, _)) => {
                let what = format!("category {category} has no step");
                Err(Error::setting("answers", what))
            }
            None => Ok(()),
        }
    }

    /// The preprompt of a prompt, by its category and its number.
    pub fn of(&self, category: Option<&str>, number: usize, seed: u64) -> Preprompt {
        let category = category.filter(|_| self.choice == TemplateChoice::Category);
        if let Some(text) = category.and_then(|category| self.templates.get(category)) {
            return Preprompt {
                kind: PrepromptKind::AnswerTemplate,
                text: text.clone(),
            };
        }
        let template = category.and_then(|category| Some((category, self.answers.get(category)?)));
        if let Some((category, steps)) = template {
            let mut text =
                format!("The next message was classed as {category}. Answer it in these steps:");
            for (step, number) in steps.iter().zip(1..) {
                text += &format!(" ({number}) {step}");
            }
            return Preprompt {
                kind: PrepromptKind::AnswerTemplate,
                text,
            };
        }
        let order = |n: usize, purpose: &str| {
            permutation(n as u32, derived_seed(seed, purpose, 0), number as u64)
        };
        let chosen = order(self.general.len(), "preprompt").first().copied();
        let template = chosen.map_or("", |i| self.general[i as usize].as_str());
        let mut adjectives = order(self.adjectives.len(), "adjectives").into_iter();
        let mut pieces = template.split("{}");
        let mut text = pieces.next().unwrap_or_default().to_string();
        for piece in pieces {
            if let Some(i) = adjectives.next() {
                text += &self.adjectives[i as usize];
            }
            text += piece;
        }
        Preprompt {
            kind: PrepromptKind::General,
            text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn general_ones_are_filled_with_different_adjectives() {
        let preprompts = Preprompts::default();
        preprompts.validate().unwrap();
        let texts: BTreeSet<String> = (0..200)
            .map(|number| {
                let preprompt = preprompts.of(Some("unknown"), number, 1);
                assert_eq!(preprompt.kind, PrepromptKind::General);
                assert!(!preprompt.text.contains("{}"));
                let named = |adjective: &&String| preprompt.text.contains(adjective.as_str());
                assert!(
                    preprompts.adjectives.iter().filter(named).count() >= 2,
                    "{preprompt:?}"
                );
                assert_eq!(preprompt, preprompts.of(None, number, 1));
                preprompt.text
            })
            .collect();
        // Four texts with 8 times 7 pairs: hardly two of 200 are the same.
        assert!(texts.len() > 100, "{}", texts.len());
    }

    #[test]
    fn a_category_has_its_steps() {
        let mut preprompts = Preprompts {
            answers: BTreeMap::from([(
                "illicit".into(),
                vec!["Refuse.".into(), "Say what is legal.".into()],
            )]),
            ..Preprompts::default()
        };
        let preprompt = preprompts.of(Some("illicit"), 3, 1);
        assert_eq!(preprompt.kind, PrepromptKind::AnswerTemplate);
        assert_eq!(
            preprompt.text,
            "The next message was classed as illicit. Answer it in these steps: (1) Refuse. (2) Say \
             what is legal."
        );
        preprompts
            .templates
            .insert("illicit".into(), "Say no.".into());
        assert_eq!(preprompts.of(Some("illicit"), 3, 1).text, "Say no.");
        preprompts.choice = TemplateChoice::General;
        assert_eq!(
            preprompts.of(Some("illicit"), 3, 1).kind,
            PrepromptKind::General
        );
        preprompts.answers.insert("x".into(), vec![]);
        assert!(preprompts.validate().is_err());
        let few = Preprompts {
            adjectives: vec!["wise".into()],
            ..Preprompts::default()
        };
        assert!(
            few.validate()
                .unwrap_err()
                .to_string()
                .contains("adjectives")
        );
    }
}
