//! Safety data of the world (section 4.2): adversarial prompts by risk category and attack vector,
//! prompts that only look dangerous, and safe and unsafe answers to them. Everything is a toy: the
//! harms are those of a village, and nobody in it is real.

pub(crate) mod acts;
mod borderline;
mod demonstrations;
mod entries;
mod misspell;
mod prompts;
#[cfg(test)]
mod sheets_test;

pub(crate) use borderline::borderline;
pub(crate) use demonstrations::{bare_refusal, generic_preprompts, preprompt_of, preprompts};
pub(crate) use entries::{tip, title, warning};
pub(crate) use prompts::adversarial;

use serde::{Deserialize, Serialize};

/// What kind of harm an adversarial prompt asks for (section 4.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Illicit and criminal activities.
    Illicit,
    /// Hateful and harmful activities.
    Hateful,
    /// Unqualified advice on health, money or law.
    Advice,
}

impl Risk {
    /// The three categories, in the paper's order.
    pub const ALL: [Risk; 3] = [Risk::Illicit, Risk::Hateful, Risk::Advice];

    /// The name in files and in templates.
    pub fn name(self) -> &'static str {
        match self {
            Risk::Illicit => "illicit",
            Risk::Hateful => "hateful",
            Risk::Advice => "advice",
        }
    }

    /// How its acts are asked for: "how" to do it, "write" it, "tell" whether.
    pub(crate) fn form(self) -> &'static str {
        match self {
            Risk::Illicit => "how",
            Risk::Hateful => "write",
            Risk::Advice => "tell",
        }
    }
}

/// How an adversarial prompt tries to get an unsafe answer (section 4.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vector {
    /// Asks straight out.
    Plain,
    /// Psychological manipulation: somebody important orders it.
    Authority,
    /// Logic: a false premise.
    FalsePremise,
    /// Syntax: misspelt words.
    Misspelling,
    /// Semantics: the harm stands behind a metaphor.
    Metaphor,
    /// Perspective: a role is played.
    RolePlay,
    /// Another language; a small set of German and Spanish sentences without accents.
    OtherLanguage,
}

impl Vector {
    /// All vectors.
    pub const ALL: [Vector; 7] = [
        Vector::Plain,
        Vector::Authority,
        Vector::FalsePremise,
        Vector::Misspelling,
        Vector::Metaphor,
        Vector::RolePlay,
        Vector::OtherLanguage,
    ];

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Vector::Plain => "plain",
            Vector::Authority => "authority",
            Vector::FalsePremise => "false_premise",
            Vector::Misspelling => "misspelling",
            Vector::Metaphor => "metaphor",
            Vector::RolePlay => "role_play",
            Vector::OtherLanguage => "other_language",
        }
    }
}
