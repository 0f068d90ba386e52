//! One human comparison of two answers (paper section 3.2.1 and appendix A.3.1).

use puna_text::chat::{Message, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How much better the chosen answer is, the four levels of the paper's annotators.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// "Significantly better".
    SignificantlyBetter,
    /// "Better".
    Better,
    /// "Slightly better".
    SlightlyBetter,
    /// "Negligibly better, or unsure".
    Negligibly,
}

impl Strength {
    /// From the clearest level to the least clear one, the order of the paper's Table 8.
    pub const ALL: [Self; 4] = [
        Self::SignificantlyBetter,
        Self::Better,
        Self::SlightlyBetter,
        Self::Negligibly,
    ];

    /// The name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::SignificantlyBetter => "significantly_better",
            Self::Better => "better",
            Self::SlightlyBetter => "slightly_better",
            Self::Negligibly => "negligibly",
        }
    }
}

/// Which of the two answers are safe: the three bins that the paper keeps. The fourth, an unsafe answer
/// chosen over a safe one, is left out there and is a problem for the readers here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SafetyLabel {
    /// The chosen answer is safe, the rejected one is not (18 % of the paper's safety data).
    ChosenSafe,
    /// Both are safe (47 %).
    BothSafe,
    /// Neither is safe (35 %).
    BothUnsafe,
}

impl SafetyLabel {
    /// In the order of the paper.
    pub const ALL: [Self; 3] = [Self::ChosenSafe, Self::BothSafe, Self::BothUnsafe];

    /// The name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::ChosenSafe => "chosen_safe",
            Self::BothSafe => "both_safe",
            Self::BothUnsafe => "both_unsafe",
        }
    }

    /// Whether the chosen answer is safe.
    pub fn chosen_is_safe(self) -> bool {
        self != Self::BothUnsafe
    }

    /// Whether the rejected answer is safe.
    pub fn rejected_is_safe(self) -> bool {
        self == Self::BothSafe
    }
}

/// Under which guidelines the answers were compared.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Does the answer satisfy the request?
    Helpfulness,
    /// Is the answer safe?
    Safety,
}

impl Stream {
    /// Helpfulness, then safety.
    pub const ALL: [Self; 2] = [Self::Helpfulness, Self::Safety];

    /// The name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Helpfulness => "helpfulness",
            Self::Safety => "safety",
        }
    }
}

/// One comparison. Its serde form, one object a line, is Puna's own file format: the first four fields
/// and `stream` are needed, the others may be absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preference {
    /// The dialogue so far; it may begin with a system message and ends with the user's.
    pub dialogue: Vec<Message>,
    /// The answer that the annotator preferred.
    pub chosen: String,
    /// The other answer.
    pub rejected: String,
    /// How much better the chosen answer is.
    pub strength: Strength,
    /// Whether anyone said how much: false where the source names no level, and `strength` is what the
    /// reader was told to take.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub graded: bool,
    /// Which answers are safe; asked for in the safety stream only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safety: Option<SafetyLabel>,
    /// Under which guidelines the answers were compared.
    pub stream: Stream,
    /// Who compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotator: Option<String>,
    /// The batch, from 1; the paper's were weekly, 14 in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<u32>,
    /// Which models gave the chosen and the rejected answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<[String; 2]>,
    /// The temperatures that the chosen and the rejected answer were sampled at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperatures: Option<[f32; 2]>,
    /// File and line (from 1; in a file that is one JSON value, the record's number), for messages about
    /// the comparison. Filled by the reader, not written.
    #[serde(skip)]
    pub origin: (PathBuf, usize),
}

fn yes() -> bool {
    true
}

fn is_yes(value: &bool) -> bool {
    *value
}

impl Preference {
    /// A comparison with only what is needed, from no file.
    pub fn new(
        dialogue: Vec<Message>,
        chosen: impl Into<String>,
        rejected: impl Into<String>,
        strength: Strength,
        stream: Stream,
    ) -> Self {
        Self {
            dialogue,
            chosen: chosen.into(),
            rejected: rejected.into(),
            strength,
            graded: true,
            safety: None,
            stream,
            annotator: None,
            batch: None,
            models: None,
            temperatures: None,
            origin: (PathBuf::new(), 0),
        }
    }

    /// The dialogue with the chosen answer.
    pub fn chosen_messages(&self) -> Vec<Message> {
        self.answered(&self.chosen)
    }

    /// The dialogue with the rejected answer.
    pub fn rejected_messages(&self) -> Vec<Message> {
        self.answered(&self.rejected)
    }

    fn answered(&self, answer: &str) -> Vec<Message> {
        let mut messages = self.dialogue.clone();
        messages.push(Message::new(Role::Assistant, answer));
        messages
    }

    /// How many times the user speaks; the paper's "turns".
    pub fn turns(&self) -> usize {
        self.dialogue
            .iter()
            .filter(|m| m.role == Role::User)
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_format_round_trips_and_optional_fields_may_be_absent() {
        let line = r#"{"dialogue":[{"role":"user","content":"hi"}],"chosen":"a","rejected":"b","strength":"significantly_better","stream":"safety"}"#;
        let mut preference: Preference = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&preference).unwrap(), line);
        preference.graded = false;
        preference.safety = Some(SafetyLabel::ChosenSafe);
        preference.annotator = Some("7".into());
        preference.batch = Some(3);
        preference.models = Some(["v1".into(), "v2".into()]);
        preference.temperatures = Some([0.1, 1.0]);
        let text = serde_json::to_string(&preference).unwrap();
        assert_eq!(
            serde_json::from_str::<Preference>(&text).unwrap(),
            preference
        );
        assert_eq!(preference.chosen_messages().len(), 2);
        assert_eq!(preference.turns(), 1);
    }

    #[test]
    fn names_are_those_of_the_files() {
        let text = |value: serde_json::Value| value.as_str().unwrap().to_owned();
        for s in Strength::ALL {
            assert_eq!(text(serde_json::to_value(s).unwrap()), s.name());
        }
        for s in SafetyLabel::ALL {
            assert_eq!(text(serde_json::to_value(s).unwrap()), s.name());
        }
        for s in Stream::ALL {
            assert_eq!(text(serde_json::to_value(s).unwrap()), s.name());
        }
    }
}
