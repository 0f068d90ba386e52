//! Where an instruction or a preprompt is put into a dialogue.

use puna_text::chat::{Message, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// As the system message, before what it says already. The chat format puts it into the first
    /// turn, with tags around it.
    #[default]
    SystemMessage,
    /// Before the text of the first user's message.
    FirstTurn,
}

impl Placement {
    /// The dialogue with a text put into it.
    pub fn place(self, text: &str, messages: &[Message]) -> Vec<Message> {
        let mut out = messages.to_vec();
        let role = match self {
            Self::SystemMessage => Role::System,
            Self::FirstTurn => Role::User,
        };
        match out.iter_mut().find(|m| m.role == role) {
            Some(message) => message.content = before(text, &message.content),
            None => out.insert(0, Message::new(role, text)),
        }
        out
    }
}

/// A text before another, on a line of its own.
pub(crate) fn before(text: &str, content: &str) -> String {
    format!("{text}\n{content}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_message_and_first_turn() {
        let user = [
            Message::new(Role::User, "u"),
            Message::new(Role::Assistant, "a"),
            Message::new(Role::User, "v"),
        ];
        let texts = |messages: Vec<Message>| -> Vec<String> {
            messages.into_iter().map(|m| m.content).collect()
        };
        let placed = Placement::SystemMessage.place("i", &user);
        assert_eq!(placed[0].role, Role::System);
        assert_eq!(
            texts(Placement::SystemMessage.place("j", &placed)),
            ["j\ni", "u", "a", "v"]
        );
        assert_eq!(
            texts(Placement::FirstTurn.place("j", &placed)),
            ["i", "j\nu", "a", "v"]
        );
    }
}
