//! A prompt to sample answers for, with all that its check needs.

use serde::{Deserialize, Serialize};

use crate::dialogue::Role;
use crate::safety::{Risk, Vector};

/// Which side of the split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// To sample from and learn on.
    Train,
    /// To measure on: nothing in it stands in the training data.
    HeldOut,
}

impl Split {
    /// "train" or "held_out".
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::HeldOut => "held_out",
        }
    }
}

/// What the prompt is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptKind {
    /// Asks for harm.
    Adversarial,
    /// Looks as if it did.
    Borderline,
    /// A question or request of the helpful kind.
    Helpful,
}

impl PromptKind {
    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            PromptKind::Adversarial => "adversarial",
            PromptKind::Borderline => "borderline",
            PromptKind::Helpful => "helpful",
        }
    }
}

/// What a helpful answer holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Check {
    /// The prompt asks for harm: there is no answer that complies and is fine.
    Harm,
    /// One of `accepted` and none of `rejected`, as [`Question::check`](crate::Question::check) has it.
    Fact {
        /// Answers must contain one of these.
        accepted: Vec<String>,
        /// Answers must contain none of these.
        rejected: Vec<String>,
    },
    /// One of these, its words in one sentence in this order, others between them.
    Phrases {
        /// Words with blanks between them.
        phrases: Vec<String>,
    },
    /// All of these names, and a text of so many words.
    Names {
        /// Each stands in the answer.
        names: Vec<String>,
        /// Fewest words of the answer.
        words: usize,
    },
}

/// A prompt. In files, a message is `{"role": ..., "content": ...}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// Unique in its world.
    pub id: String,
    /// What it is for.
    pub kind: PromptKind,
    /// The risk category of an adversarial prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// The attack vector of an adversarial prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector: Option<Vector>,
    /// The act, the borderline topic, or the kind of the dialogue ("fact", "story" ...).
    pub topic: String,
    /// Perhaps a system message, then user and assistant in turn; the user speaks last.
    #[serde(with = "messages")]
    pub messages: Vec<(Role, String)>,
    /// Whether this way of asking, or this topic, occurs in no training prompt and no dialogue.
    pub new_phrasing: bool,
    /// What a helpful answer holds.
    pub check: Check,
    /// A good answer: the safe one of an adversarial prompt.
    pub reference: String,
    /// What an author who only wants to help answers to an adversarial prompt: it complies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complied: Option<String>,
}

impl Prompt {
    /// What the user says last.
    pub fn text(&self) -> &str {
        self.messages.last().map_or("", |(_, content)| content)
    }

    /// Whether a system message comes first.
    pub fn has_system(&self) -> bool {
        matches!(self.messages.first(), Some((Role::System, _)))
    }
}

/// Messages as objects with a role and a content.
pub(crate) mod messages {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::dialogue::Role;

    #[derive(Serialize, Deserialize)]
    struct Message<S> {
        role: Role,
        content: S,
    }

    pub(crate) fn serialize<S: Serializer>(
        messages: &[(Role, String)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(messages.iter().map(|(role, content)| Message {
            role: *role,
            content: content.as_str(),
        }))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(Role, String)>, D::Error> {
        let messages = Vec::<Message<String>>::deserialize(deserializer)?;
        Ok(messages.into_iter().map(|m| (m.role, m.content)).collect())
    }
}
