//! Instructions for whole dialogues (paper section 3.3): a hobby, a language, a public figure, put
//! together at random, each also in a shorter form.

use crate::candidates::derived_seed;
use crate::error::{Error, Result};
use puna_train::permutation;
use serde::{Deserialize, Serialize};

/// One thing that an instruction may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constraint {
    /// Its value, such as "Napoleon": what a check of the answers asks for.
    pub value: String,
    /// The full wording.
    pub long: String,
    /// The short wording.
    pub short: String,
}

const HOBBIES: [&str; 12] = [
    "chess",
    "gardening",
    "baking bread",
    "football",
    "bird-watching",
    "knitting",
    "hiking in the mountains",
    "playing the piano",
    "stamp collecting",
    "sailing",
    "astronomy",
    "painting",
];

const LANGUAGES: [&str; 8] = [
    "French",
    "Spanish",
    "German",
    "Italian",
    "Portuguese",
    "Dutch",
    "Polish",
    "Swedish",
];

const FIGURES: [&str; 12] = [
    "Napoleon",
    "Marie Curie",
    "William Shakespeare",
    "Cleopatra",
    "Isaac Newton",
    "Jane Austen",
    "Leonardo da Vinci",
    "Ada Lovelace",
    "Confucius",
    "Mozart",
    "Florence Nightingale",
    "Charles Darwin",
];

/// Constraints of one kind, of which an instruction holds at most one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstructionList {
    /// Name of the kind.
    pub kind: String,
    /// The constraints.
    pub constraints: Vec<Constraint>,
}

impl InstructionList {
    /// A list from values and a wording with `{}` for the value; the short one names kind and value.
    pub fn new<S: Into<String>>(
        kind: &str,
        wording: &str,
        values: impl IntoIterator<Item = S>,
    ) -> Self {
        let constraint = |value: S| {
            let value = value.into();
            Constraint {
                long: wording.replace("{}", &value),
                short: format!("{kind}: {value}."),
                value,
            }
        };
        Self {
            kind: kind.into(),
            constraints: values.into_iter().map(constraint).collect(),
        }
    }

    /// The paper's kinds. It had the model itself list hobbies and public figures, so that it knows
    /// what they are.
    pub fn paper<S: Into<String>>(
        hobbies: impl IntoIterator<Item = S>,
        languages: impl IntoIterator<Item = S>,
        figures: impl IntoIterator<Item = S>,
    ) -> Vec<Self> {
        vec![
            Self::new("Hobby", "You enjoy {}.", hobbies),
            Self::new("Language", "Speak in {}.", languages),
            Self::new("Figure", "Always act as {} from now.", figures),
        ]
    }

    /// Lists of the paper's kinds, with values that most models know.
    pub fn of_the_papers_kinds() -> Vec<Self> {
        Self::paper(HOBBIES, LANGUAGES, FIGURES)
    }
}

/// An instruction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instruction {
    /// What it asks for: kinds and values.
    pub asks: Vec<(String, String)>,
    /// The full wording.
    pub long: String,
    /// The short wording.
    pub short: String,
}

/// `n` instructions, each of one to `most` constraints (0: of every kind) of different kinds. Every
/// number, every choice of kinds and every value is equally likely; the kinds stand in random order.
///
/// # Errors
/// A list without constraints, or no list.
pub fn instructions(
    lists: &[InstructionList],
    n: usize,
    most: usize,
    seed: u64,
) -> Result<Vec<Instruction>> {
    if lists.is_empty() {
        let what = "it is empty; an instruction needs at least one list";
        return Err(Error::setting("instructions", what));
    }
    if let Some(list) = lists.iter().find(|list| list.constraints.is_empty()) {
        let what = format!("the list of kind {} is empty", list.kind);
        return Err(Error::setting("instructions", what));
    }
    let most = match most {
        0 => lists.len(),
        most => most.min(lists.len()),
    };
    let draw = |below: usize, purpose: &str, index: usize| {
        permutation(below as u32, derived_seed(seed, purpose, 0), index as u64)[0] as usize
    };
    let instruction = |index: usize| {
        let parts = 1 + draw(most, "parts", index);
        let kinds = permutation(
            lists.len() as u32,
            derived_seed(seed, "kinds", 0),
            index as u64,
        );
        let chosen: Vec<(&str, &Constraint)> = kinds[..parts]
            .iter()
            .map(|&kind| {
                let list = &lists[kind as usize];
                let value = draw(list.constraints.len(), &format!("value/{kind}"), index);
                (list.kind.as_str(), &list.constraints[value])
            })
            .collect();
        let join = |wording: fn(&Constraint) -> &str| {
            let wordings: Vec<&str> = chosen.iter().map(|(_, c)| wording(c)).collect();
            wordings.join(" ")
        };
        Instruction {
            asks: chosen
                .iter()
                .map(|(kind, c)| ((*kind).into(), c.value.clone()))
                .collect(),
            long: join(|c| &c.long),
            short: join(|c| &c.short),
        }
    };
    Ok((0..n).map(instruction).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn lists() -> Vec<InstructionList> {
        InstructionList::paper(
            ["tennis", "chess"],
            ["French"],
            ["Napoleon", "Curie", "Laozi"],
        )
    }

    #[test]
    fn wordings_are_put_together() {
        let one = instructions(&lists()[2..], 1, 0, 3).unwrap().remove(0);
        let name = one.asks[0].1.clone();
        assert_eq!(one.asks, [("Figure".to_string(), name.clone())]);
        assert_eq!(one.long, format!("Always act as {name} from now."));
        assert_eq!(one.short, format!("Figure: {name}."));
        let all = instructions(&lists(), 50, 0, 3).unwrap();
        let three = all.iter().find(|i| i.asks.len() == 3).unwrap();
        assert_eq!(three.long.matches('.').count(), 3);
        assert!(three.long.contains("Speak in French."));
        assert!(three.short.contains("Language: French."));
        assert_eq!(all, instructions(&lists(), 50, 0, 3).unwrap());
        // More of them does not change the first ones.
        assert_eq!(all[..20], instructions(&lists(), 20, 0, 3).unwrap());
        assert_ne!(all, instructions(&lists(), 50, 0, 4).unwrap());
    }

    #[test]
    fn numbers_and_values_are_equally_likely() {
        let n = 6000;
        let all = instructions(&lists(), n, 2, 1).unwrap();
        let mut counts = BTreeMap::new();
        for instruction in &all {
            *counts
                .entry(instruction.asks.len().to_string())
                .or_insert(0) += 1;
            for (_, value) in &instruction.asks {
                *counts.entry(value.clone()).or_insert(0) += 1;
            }
        }
        // One and a half constraints on average, so each kind is in half of all.
        for (name, expected) in [
            ("1", 3000),
            ("2", 3000),
            ("French", 3000),
            ("chess", 1500),
            ("Curie", 1000),
        ] {
            let seen: i32 = counts[name];
            assert!((seen - expected).abs() < 160, "{name}: {seen}");
        }
        assert!(instructions(&[], 1, 0, 1).is_err());
        let empty = InstructionList::new("x", "{}", [""; 0]);
        assert!(instructions(&[empty], 1, 0, 1).is_err());
    }
}
