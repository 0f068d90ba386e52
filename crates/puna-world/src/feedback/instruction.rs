//! System instructions for Ghost Attention (section 3.3): each can be checked on any answer.

use serde::{Deserialize, Serialize};

use super::text::{contains, words};
use super::{Feedback, Split, Turn};
use crate::dice::Dice;

/// One thing that every answer must do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Constraint {
    /// Begin with these words.
    Begin(String),
    /// Speak of this, the paper's "hobby".
    Mention(String),
    /// End with these words.
    End(String),
    /// Sign as this figure, the paper's "public figure".
    Sign(String),
    /// Be the bare value, at most four words.
    Alone,
}

impl Constraint {
    fn long(&self) -> String {
        match self {
            Self::Begin(words) => format!("Begin every answer with {}", quoted(words)),
            Self::Mention(thing) => format!("You love {thing}. Speak of {thing} in every answer."),
            Self::End(words) => format!("End every answer with {}", quoted(words)),
            Self::Sign(name) => format!("Always act as {name} and sign every answer."),
            Self::Alone => "Answer with as few words as you can.".into(),
        }
    }

    fn short(&self) -> String {
        match self {
            Self::Begin(words) => format!("Begin: {}", quoted(words)),
            Self::Mention(thing) => format!("Hobby: {thing}."),
            Self::End(words) => format!("End: {}", quoted(words)),
            Self::Sign(name) => format!("Figure: {name}."),
            Self::Alone => "Few words.".into(),
        }
    }

    fn apply(&self, answer: &str) -> String {
        match self {
            Self::Begin(words) if words.ends_with(',') => format!("{words} {}", go_on(answer)),
            Self::Begin(words) => format!("{words} {answer}"),
            Self::Mention(thing) => format!("{answer} And I love {thing}."),
            Self::End(words) => format!("{answer} {words}"),
            Self::Sign(name) => format!("{answer} Yours, {name}."),
            // The bare value is known to the question only.
            Self::Alone => answer.into(),
        }
    }

    /// Whether the answer does it and says something beside it.
    pub fn holds(&self, answer: &str) -> bool {
        let said = words(answer);
        let wanted = match self {
            Self::Begin(wanted) | Self::End(wanted) | Self::Mention(wanted) => words(wanted),
            Self::Sign(name) => words(&format!("yours {name}")),
            Self::Alone => return (1..=4).contains(&said.len()),
        };
        let at_its_place = match self {
            Self::Begin(_) => said.starts_with(&wanted),
            Self::End(_) | Self::Sign(_) => said.ends_with(&wanted),
            Self::Mention(_) => contains(
                &said,
                &wanted.iter().map(String::as_str).collect::<Vec<_>>(),
            ),
            Self::Alone => false,
        };
        at_its_place && said.len() > wanted.len()
    }
}

/// The words between quotation marks, as the end of a sentence.
fn quoted(words: &str) -> String {
    match words.ends_with(['.', '!', '?']) {
        true => format!("\"{words}\""),
        false => format!("\"{words}\"."),
    }
}

/// The sentence as it goes on after a comma: its first word in lower case unless it is a name. Names
/// of the world do not end in "s", and its plurals do.
fn go_on(sentence: &str) -> String {
    const COMMON: [&str; 7] = ["The", "She", "He", "Her", "A", "An", "In"];
    let first = sentence.split(' ').next().unwrap_or_default();
    let plural = first.ends_with('s') && !first.ends_with("'s");
    match COMMON.contains(&first) || plural {
        true => first.to_lowercase() + &sentence[first.len()..],
        false => sentence.to_owned(),
    }
}

/// One or two constraints, said in full and in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instruction {
    /// Unique.
    pub id: String,
    /// What every answer must do.
    pub constraints: Vec<Constraint>,
    /// "Always act as the king and sign every answer."
    pub long: String,
    /// "Figure: the king."
    pub short: String,
}

impl Instruction {
    fn new(constraints: Vec<Constraint>) -> Self {
        let join = |parts: Vec<String>| parts.join(" ");
        Self {
            id: String::new(),
            long: join(constraints.iter().map(Constraint::long).collect()),
            short: join(constraints.iter().map(Constraint::short).collect()),
            constraints,
        }
    }

    /// Whether the answer keeps all of it.
    pub fn holds(&self, answer: &str) -> bool {
        self.constraints
            .iter()
            .all(|constraint| constraint.holds(answer))
    }

    /// One of its two wordings.
    pub(super) fn wording(&self, dice: &mut Dice) -> &str {
        match dice.chance(50) {
            true => &self.long,
            false => &self.short,
        }
    }

    /// The right answer to a question, brought into the form that is asked for.
    pub(super) fn answer(&self, turn: &Turn) -> String {
        self.apply(&turn.reference, turn.value())
    }

    /// A full sentence, or its bare value, brought into the form that is asked for.
    pub fn apply(&self, sentence: &str, value: &str) -> String {
        if self.constraints.contains(&Constraint::Alone) {
            let mut letters = value.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            return first.into_iter().chain(letters).chain(['.']).collect();
        }
        let constraints = self.constraints.iter();
        constraints.fold(sentence.to_owned(), |answer, constraint| {
            constraint.apply(&answer)
        })
    }
}

const BEGINNINGS: [&str; 6] = [
    "Well,",
    "Listen,",
    "Oh,",
    "My friend,",
    "Good question!",
    "Yes, yes.",
];
const HOBBIES: [&str; 6] = ["tea", "music", "flowers", "birds", "games", "snow"];
const ENDINGS: [&str; 6] = [
    "Have a nice day.",
    "Ask me again.",
    "That is all.",
    "Good luck!",
    "I am sure.",
    "Stay warm.",
];
/// Nobody of the world is among them, so that no fact seems to be signed by whom it is about.
const FIGURES: [&str; 6] = [
    "the king",
    "the mayor",
    "the judge",
    "the robber",
    "the doctor",
    "the fox",
];

impl Feedback<'_> {
    /// The instructions of a split: of the training split, every single constraint and three of four
    /// pairs of constraints of different kinds; held out, the other pairs.
    pub fn instructions(&self, split: Split) -> Vec<Instruction> {
        let all = |of: fn(String) -> Constraint, list: &[&str]| -> Vec<Constraint> {
            list.iter().map(|one| of((*one).to_owned())).collect()
        };
        // In the order in which they are applied to an answer.
        let kinds = [
            all(Constraint::Begin, &BEGINNINGS),
            all(Constraint::Mention, &HOBBIES),
            all(Constraint::End, &ENDINGS),
            all(Constraint::Sign, &FIGURES),
        ];
        let mut out = Vec::new();
        if split == Split::Train {
            out.push(Instruction::new(vec![Constraint::Alone]));
            let single = kinds.iter().flatten();
            out.extend(single.map(|one| Instruction::new(vec![one.clone()])));
        }
        for (first, second) in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3)] {
            for (i, one) in kinds[first].iter().enumerate() {
                for (j, other) in kinds[second].iter().enumerate() {
                    let held_out = (i + j) % 4 == 3;
                    if held_out == (split == Split::HeldOut) {
                        out.push(Instruction::new(vec![one.clone(), other.clone()]));
                    }
                }
            }
        }
        for (number, instruction) in out.iter_mut().enumerate() {
            instruction.id = format!("{}_instruction_{number:03}", split.name());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FeedbackOptions, World, WorldOptions};

    #[test]
    fn an_answer_keeps_an_instruction_only_with_words_of_its_own() {
        let begin = Constraint::Begin("Well,".into());
        assert!(begin.holds("Well, Ida loves pea soup."));
        assert!(begin.holds("well Ida does"));
        assert!(!begin.holds("Well, "));
        assert!(!begin.holds("Ida lives well."));
        assert!(!begin.holds("Wellington, it is."));
        let sign = Constraint::Sign("Otto".into());
        assert!(sign.holds("It is red. Yours, Otto."));
        assert!(!sign.holds("Yours, Otto. It is red."));
        assert!(!sign.holds("It is Otto."));
        let end = Constraint::End("Have a nice day.".into());
        assert!(end.holds("It is red. Have a nice day!") && !end.holds("Have a nice day."));
        assert!(Constraint::Alone.holds("Apple pie.") && !Constraint::Alone.holds(""));
        assert!(!Constraint::Alone.holds("Ida likes to eat some pie."));
        assert!(Constraint::Mention("tea".into()).holds("It is red, like tea."));
        assert!(!Constraint::Mention("tea".into()).holds("It is steamy."));
    }

    #[test]
    fn applied_answers_hold_and_plain_ones_do_not_and_no_pair_is_on_both_sides() {
        let world = World::generate(&WorldOptions::default());
        let feedback = world.feedback(&FeedbackOptions {
            preferences: 0,
            safety_preferences: 0,
            ..FeedbackOptions::default()
        });
        let [train, held_out] = [Split::Train, Split::HeldOut].map(|s| feedback.instructions(s));
        assert_eq!(go_on("Tinsmiths work."), "tinsmiths work.");
        assert_eq!(go_on("Ida's pet is a goat."), "Ida's pet is a goat.");
        let plain = "The door of the house is painted red.";
        for instruction in train.iter().chain(&held_out) {
            assert!(
                instruction.holds(&instruction.apply(plain, "red")),
                "{instruction:?}"
            );
            assert!(!instruction.holds(plain), "{instruction:?}");
            assert!(instruction.short.len() < instruction.long.len());
        }
        assert!(held_out.len() >= 30, "{}", held_out.len());
        for instruction in &held_out {
            assert!(
                train
                    .iter()
                    .all(|other| other.constraints != instruction.constraints)
            );
            // Each of the two is learned alone.
            for one in &instruction.constraints {
                assert!(train.iter().any(|other| other.constraints == [one.clone()]));
            }
        }
    }
}
