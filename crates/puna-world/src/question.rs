//! Held-out questions with known answers, and the check of an answer.

use serde::{Deserialize, Serialize};

use crate::dice::{Dice, Stream};
use crate::fact::{Attribute, Entity, Fact};
use crate::language::language;
use crate::talk::answer;
use crate::template::Bindings;
use crate::world::World;
use crate::writer::Writer;

/// A question that no dialogue and no document asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Unique in its world.
    pub id: String,
    /// The attribute asked for ("home", "pet" ...), or "unknown" for somebody who does not exist.
    pub kind: String,
    /// What the user says.
    pub prompt: String,
    /// Answers must contain one of these.
    pub accepted: Vec<String>,
    /// Answers must contain none of these: the other values of the attribute.
    pub rejected: Vec<String>,
    /// A right answer, as a sentence; empty in files of an earlier version.
    #[serde(default)]
    pub reference: String,
    /// Whether this way of asking also occurs nowhere, for any entity.
    pub new_phrasing: bool,
}

impl Question {
    /// Whether the answer is right: it contains an accepted value as whole words,
    /// in any case, and no other value of the same attribute, so that naming them all fails.
    pub fn check(&self, answer: &str) -> bool {
        is_right(answer, &self.accepted, &self.rejected)
    }
}

/// Whether the answer contains an accepted value and no rejected one, as whole words in any case.
pub(crate) fn is_right(answer: &str, accepted: &[String], rejected: &[String]) -> bool {
    let words = words(answer);
    let contains = |value: &String| {
        let value = self::words(value);
        !value.is_empty() && words.windows(value.len()).any(|window| window == value)
    };
    accepted.iter().any(contains) && !rejected.iter().any(contains)
}

/// Lower-case words without punctuation.
fn words(text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    let parts = text.split(|c: char| !c.is_alphanumeric());
    parts
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// What the model says when it is asked about nobody it knows.
pub(crate) const UNKNOWN_PERSON: &str = "I do not know anyone by that name.";

impl World {
    /// The held-out questions, in a fixed order.
    pub fn questions(&self) -> Vec<Question> {
        let unknown = (0..self.unknown_questions()).map(|n| self.unknown_question(n));
        let known = self
            .held_out
            .iter()
            .enumerate()
            .map(|(n, fact)| self.fact_question(n, *fact));
        let mut questions: Vec<Question> = known.chain(unknown).collect();
        Dice::new(self.options.seed, Stream::Question, u64::MAX).shuffle(&mut questions);
        for (n, question) in questions.iter_mut().enumerate() {
            question.id = format!("q{n:04}");
        }
        questions
    }

    fn fact_question(&self, number: usize, fact: Fact) -> Question {
        let dice = Dice::new(self.options.seed, Stream::Question, number as u64);
        let mut writer = Writer::new(self, dice);
        let new_phrasing = writer.dice.chance(30);
        let section = if new_phrasing {
            "held out question"
        } else {
            "question"
        };
        let prompt = writer.about(fact, section).unwrap_or_default();
        let reference = answer(&mut writer, fact).unwrap_or_default();
        let value = self.value(fact);
        let own_name = self.name(fact.entity);
        let others = self.values(fact.attribute).into_iter();
        let others = others.filter(|other| *other != value && *other != own_name);
        Question {
            id: String::new(),
            kind: fact.attribute.name().into(),
            prompt,
            accepted: vec![value.strip_prefix("the ").unwrap_or(value).into()],
            rejected: others
                .map(|v| v.strip_prefix("the ").unwrap_or(v).into())
                .collect(),
            reference,
            new_phrasing,
        }
    }

    /// Asks about a stranger whom no dialogue names.
    fn unknown_question(&self, number: usize) -> Question {
        let mut dice = Dice::new(self.options.seed, Stream::Question, 1 << 32 | number as u64);
        let stranger = &self.strangers[number];
        let attribute = *dice.pick(&Attribute::OF_PERSON);
        Question {
            id: String::new(),
            kind: "unknown".into(),
            prompt: self.ask_about_stranger(stranger, attribute, &mut dice),
            accepted: vec![UNKNOWN_PERSON.trim_end_matches('.').into()],
            rejected: Vec::new(),
            reference: UNKNOWN_PERSON.into(),
            new_phrasing: false,
        }
    }

    /// The question as it would be asked about somebody who exists.
    pub(crate) fn ask_about_stranger(
        &self,
        stranger: &str,
        attribute: Attribute,
        dice: &mut Dice,
    ) -> String {
        // Bind a double of the first person under the stranger's name.
        let mut double = self.clone();
        double.people.truncate(1);
        stranger.clone_into(&mut double.people[0].name);
        let template = dice.pick(language().of(attribute).section("question"));
        let bindings = Bindings::new(&[('a', Entity::Person(0))]);
        template.render(&double, &bindings, dice, &mut Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(accepted: &[&str], rejected: &[&str]) -> Question {
        let strings = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
        Question {
            id: "q".into(),
            kind: "pet".into(),
            prompt: String::new(),
            accepted: strings(accepted),
            rejected: strings(rejected),
            reference: String::new(),
            new_phrasing: false,
        }
    }

    #[test]
    fn an_answer_is_right_only_with_the_value_and_no_other() {
        let q = question(&["goat"], &["dog", "cat"]);
        for right in [
            "Mira has a goat.",
            "A GOAT",
            "goat",
            "\"goat,\" I think",
            "Her goat's fine",
        ] {
            assert!(q.check(right), "{right}");
        }
        for wrong in [
            "",
            "a dog",
            "goat or dog",
            "dog, cat, goat",
            "scapegoat",
            "goats",
            "I do not know",
        ] {
            assert!(!q.check(wrong), "{wrong}");
        }
    }

    #[test]
    fn values_of_several_words_are_matched_in_order() {
        let q = question(&["apple pie"], &["fish pie", "pea soup"]);
        assert!(q.check("She loves Apple  pie!"));
        assert!(!q.check("She loves pie, apple."));
        assert!(!q.check("apple pie and fish pie"));
        assert!(!q.check("apple"));
    }

    #[test]
    fn listing_every_value_fails_and_the_truth_passes() {
        let world = World::generate(&crate::WorldOptions::default());
        for question in world.questions() {
            assert!(question.check(&question.accepted[0]), "{question:?}");
            assert!(!question.check(&question.prompt), "{question:?}");
            if question.kind != "unknown" {
                let all = format!("{} {}", question.rejected.join(", "), question.accepted[0]);
                assert!(!question.check(&all), "{question:?}");
            }
        }
    }
}
