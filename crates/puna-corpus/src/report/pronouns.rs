//! Pronouns by gender and by grammatical person (paper table 9a and section A.4.3).

use serde::{Deserialize, Serialize};

use super::words;

/// A set of pronouns whose share of documents the report gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PronounSet {
    /// she, her, hers, herself.
    She,
    /// he, him, his, himself.
    He,
    /// they, them, their, theirs, theirself, themself, themselves.
    Unspecified,
    /// I and we.
    First,
    /// you.
    Second,
    /// The three sets of gender, and it.
    Third,
    /// Any of she, he and unspecified.
    AnyGender,
    /// Any of the three persons.
    AnyPerson,
}

impl PronounSet {
    /// Every set.
    pub const ALL: [Self; 8] = [
        Self::She,
        Self::He,
        Self::Unspecified,
        Self::First,
        Self::Second,
        Self::Third,
        Self::AnyGender,
        Self::AnyPerson,
    ];

    /// Its name as the paper's table has it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::She => "She",
            Self::He => "He",
            Self::Unspecified => "Unspecified",
            Self::First => "1st person",
            Self::Second => "2nd person",
            Self::Third => "3rd person",
            Self::AnyGender => "Any gender pronoun",
            Self::AnyPerson => "Any pronoun",
        }
    }

    /// The words of the set, as the report lists them.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::She => "she, her, hers, herself",
            Self::He => "he, him, his, himself",
            Self::Unspecified => "they, them, their, theirs, theirself, themself, themselves",
            Self::First => "I, me, my, mine, myself, we, us, our, ours, ourselves",
            Self::Second => "you, your, yours, yourself, yourselves",
            Self::Third => "the sets of She, He and Unspecified; it, its, itself",
            Self::AnyGender => "any word of She, He or Unspecified",
            Self::AnyPerson => "any word of the three persons",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The pronoun sets a document has words of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pronouns(u8);

impl Pronouns {
    /// Finds them in normalised text; stops as soon as there is nothing left to find.
    pub(super) fn find(normalised: &str) -> Self {
        let mut found = 0;
        for word in words::words(normalised) {
            found |= sets(word);
            if found == u8::MAX {
                break;
            }
        }
        Self(found)
    }

    /// Whether the document has a word of `set`.
    #[must_use]
    pub fn has(self, set: PronounSet) -> bool {
        self.0 & set.bit() != 0
    }
}

/// The sets a lower-case word is in.
fn sets(word: &[u8]) -> u8 {
    use PronounSet::{AnyGender, AnyPerson, First, He, Second, She, Third, Unspecified};
    const GENDER: u8 = Third.bit() | AnyGender.bit() | AnyPerson.bit();
    match word {
        b"she" | b"her" | b"hers" | b"herself" => She.bit() | GENDER,
        b"he" | b"him" | b"his" | b"himself" => He.bit() | GENDER,
        b"they" | b"them" | b"their" | b"theirs" | b"theirself" | b"themself" | b"themselves" => {
            Unspecified.bit() | GENDER
        }
        b"it" | b"its" | b"itself" => Third.bit() | AnyPerson.bit(),
        b"i" | b"me" | b"my" | b"mine" | b"myself" | b"we" | b"us" | b"our" | b"ours"
        | b"ourselves" => First.bit() | AnyPerson.bit(),
        b"you" | b"your" | b"yours" | b"yourself" | b"yourselves" => Second.bit() | AnyPerson.bit(),
        _ => 0,
    }
}
